//! Carts as they were last read, so that a storefront that looks again at a cart that did not change costs a look at
//! what it depends on, and neither a price nor a rendering.

use super::CartView;
use bytes::Bytes;
use cartwright_domain::id::CartId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Arc, OnceLock};

/// How many carts are kept at most,
const CARTS_MAX: usize = 10_000;
/// and how many lines all of them may have: about a kilobyte each.
const LINES_MAX: u64 = 40_000;

/// A cart as it was read.
#[derive(Debug)]
pub struct ReadCart {
    /// The cart.
    pub view: CartView,
    /// Room for what the edge makes of it. It must depend on the view alone.
    pub rendered: OnceLock<Bytes>,
    stamp: Vec<u64>,
}

impl ReadCart {
    pub(super) fn new(view: CartView, stamp: Vec<u64>) -> Self {
        Self {
            view,
            rendered: OnceLock::new(),
            stamp,
        }
    }
}

#[derive(Clone)]
struct Lines;

impl Weighter<CartId, Arc<ReadCart>> for Lines {
    fn weight(&self, _: &CartId, read: &Arc<ReadCart>) -> u64 {
        1 + read.view.priced.quote.lines.len() as u64
    }
}

/// See the module. Bounded; the least recently used go.
pub(crate) struct CartReads {
    cache: Cache<CartId, Arc<ReadCart>, Lines>,
}

impl CartReads {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::with_weighter(CARTS_MAX, LINES_MAX, Lines),
        }
    }

    /// Returns the last read of a cart, if everything that it depends on is as it was.
    pub(super) fn find(&self, cart: CartId, stamp: &[u64]) -> Option<Arc<ReadCart>> {
        self.cache.get(&cart).filter(|read| read.stamp == stamp)
    }

    pub(super) fn keep(&self, read: &Arc<ReadCart>) {
        self.cache.insert(read.view.priced.cart.id, Arc::clone(read));
    }
}
