//! The price book: the rules that every cart is priced by, as they hold at one time.

use crate::engine::Kinds;
use crate::runtime::{Clock, Published};
use arc_swap::ArcSwap;
use cartwright_domain::Timestamp;
use cartwright_domain::cart::Cart;
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::tax::{TaxZone, Zones};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times are kept indexed: now, and those at which staff had carts priced.
const TIMES_MAX: usize = 16;

/// Tax zones and shipping methods, indexed for a time and kept until one of them changes. No rate begins or ends within
/// the time an index is for: when time passes its end, another takes its place.
#[derive(Clone)]
pub(crate) struct PriceBook {
    kept: Arc<ArcSwap<Vec<Arc<Indexed>>>>,
    made: Arc<AtomicU64>,
    clock: Clock,
}

pub(crate) struct Indexed {
    /// Tells this index from every other of this process.
    pub(super) number: u64,
    of_zones: Arc<Vec<Arc<Published<TaxZone>>>>,
    of_methods: Arc<Vec<Arc<Published<ShippingMethod>>>>,
    pub(super) zones: Zones,
    pub(super) methods: Vec<Arc<ShippingMethod>>,
}

impl PriceBook {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            kept: Arc::default(),
            made: Arc::default(),
            clock,
        }
    }

    /// Returns the index that a cart is priced by: of the time that staff have set, else of now.
    pub(super) fn of_cart(&self, cart: &Cart, kinds: &Kinds) -> Arc<Indexed> {
        let at = cart.pricing_date().map(|date| date.at);
        self.at(at.unwrap_or_else(|| self.clock.now()), kinds)
    }

    /// Returns the index of what holds now.
    pub(super) fn now(&self, kinds: &Kinds) -> Arc<Indexed> {
        self.at(self.clock.now(), kinds)
    }

    fn at(&self, at: Timestamp, kinds: &Kinds) -> Arc<Indexed> {
        let (of_zones, of_methods) = (kinds.tax_zones.roster(), kinds.shipping_methods.roster());
        let kept = self.kept.load();
        let is_current = |book: &&Arc<Indexed>| {
            Arc::ptr_eq(&book.of_zones, &of_zones) && Arc::ptr_eq(&book.of_methods, &of_methods)
        };
        let mut current = kept.iter().filter(is_current);
        if let Some(found) = current.clone().find(|book| book.zones.holds().contains(at)) {
            return Arc::clone(found);
        }
        let indexed = Arc::new(Indexed {
            number: self.made.fetch_add(1, Ordering::Relaxed) + 1,
            zones: Zones::new(of_zones.iter().map(|zone| Arc::clone(&zone.state)), at),
            methods: of_methods
                .iter()
                .map(|method| Arc::clone(&method.state))
                .collect(),
            of_zones: Arc::clone(&of_zones),
            of_methods: Arc::clone(&of_methods),
        });
        let mut next = vec![Arc::clone(&indexed)];
        next.extend(current.by_ref().take(TIMES_MAX - 1).cloned());
        self.kept.store(Arc::new(next));
        indexed
    }
}
