//! Carts as they were last read, so that a storefront that looks again at a cart that did not change costs neither a
//! price nor a rendering: while nothing at all was committed that carts depend on it costs a look at some counters, and
//! otherwise a look at what this cart depends on. What was answered outside holds for a while: no read outlives it.

use super::CartView;
use super::facts::Counted;
use crate::kept::kept;
use bytes::Bytes;
use cartwright_domain::id::CartId;
use cartwright_domain::time::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How many carts are kept at most.
const CARTS_MAX: usize = 10_000;
/// How many lines all carts that are kept may have: about a kilobyte each, what callers have added to a line apart.
const LINES_MAX: u64 = 40_000;
/// So many bytes of options and custom fields count as a line: they are kept in the cart and in what is made of it.
const BYTES_PER_LINE: u64 = 512;

/// A cart as it was read.
#[derive(Debug)]
pub struct ReadCart {
    /// The cart.
    pub view: CartView,
    /// Room for what the edge makes of it. It must depend on the view alone.
    pub rendered: OnceLock<Bytes>,
    stamp: Vec<u64>,
    /// When it was last known to be as it is read.
    counted: Mutex<Counted>,
}

impl ReadCart {
    pub(super) fn new(view: CartView, counted: Counted, stamp: Vec<u64>) -> Self {
        Self {
            view,
            rendered: OnceLock::new(),
            stamp,
            counted: Mutex::new(counted),
        }
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.view.priced.holds_until.is_none_or(|until| now < until)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Lines;

impl Weighter<CartId, Arc<ReadCart>> for Lines {
    fn weight(&self, _: &CartId, read: &Arc<ReadCart>) -> u64 {
        let lines = read.view.priced.cart.state.lines();
        let attribute_bytes: usize = lines.iter().map(|line| line.attribute_bytes()).sum();
        1 + lines.len() as u64 + attribute_bytes as u64 / BYTES_PER_LINE
    }
}

/// See the module. Bounded; the least recently used go.
pub(crate) struct CartReads {
    cache: Cache<CartId, Arc<ReadCart>, Lines>,
}

impl CartReads {
    pub(crate) fn new() -> Self {
        Self {
            cache: kept(CARTS_MAX, LINES_MAX, Lines),
        }
    }

    /// Returns the last read of a cart, if nothing was committed since that any cart depends on.
    pub(super) fn find(&self, cart: CartId, counted: Counted, now: Timestamp) -> Option<Arc<ReadCart>> {
        let read = self.cache.get(&cart)?;
        (read.holds(now) && *read.counted() == counted).then_some(read)
    }

    /// Returns the last read of a cart, if everything that it depends on was, when it was looked at after this count,
    /// as it had been.
    pub(super) fn find_same(
        &self,
        cart: CartId,
        counted: Counted,
        stamp: &[u64],
        now: Timestamp,
    ) -> Option<Arc<ReadCart>> {
        let read = self.cache.get(&cart)?;
        if !read.holds(now) || read.stamp != stamp {
            return None;
        }
        *read.counted() = counted;
        Some(read)
    }

    pub(super) fn keep(&self, read: &Arc<ReadCart>) {
        self.cache.insert(read.view.priced.cart.id, Arc::clone(read));
    }
}
