//! The price book: the rules that every cart is priced by, as they hold at one time.

use crate::engine::Kinds;
use crate::runtime::{Clock, Published};
use arc_swap::ArcSwap;
use cartwright_domain::cart::Cart;
use cartwright_domain::promotion::{Promotion, Promotions};
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::tax::{TaxZone, Zones};
use cartwright_domain::time::{Period, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times are kept indexed: now, and those at which staff had carts priced.
const TIMES_MAX: usize = 16;

/// Tax zones, shipping methods and promotions, indexed for a time and kept until one of them changes. No rate and no
/// promotion begins or ends within the time an index is for: when time passes its end, another takes its place.
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
    of_promotions: Arc<Vec<Arc<Published<Promotion>>>>,
    /// When no promotion begins or ends.
    promotions_hold: Period,
    pub(super) zones: Zones,
    pub(super) methods: Vec<Arc<ShippingMethod>>,
    pub(super) promotions: Arc<Promotions>,
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
        self.at(self.time_of(cart), kinds)
    }

    /// Returns the time at which a cart is priced: what staff have set, else now.
    pub(super) fn time_of(&self, cart: &Cart) -> Timestamp {
        let at = cart.pricing_date().map(|date| date.at);
        at.unwrap_or_else(|| self.clock.now())
    }

    /// Returns the index of what holds now.
    pub(super) fn now(&self, kinds: &Kinds) -> Arc<Indexed> {
        self.at(self.clock.now(), kinds)
    }

    fn at(&self, at: Timestamp, kinds: &Kinds) -> Arc<Indexed> {
        let (of_zones, of_methods) = (kinds.tax_zones.roster(), kinds.shipping_methods.roster());
        let of_promotions = kinds.promotions.roster();
        let kept = self.kept.load();
        let has_promotions = |book: &&Arc<Indexed>| Arc::ptr_eq(&book.of_promotions, &of_promotions);
        let is_current = |book: &&Arc<Indexed>| {
            Arc::ptr_eq(&book.of_zones, &of_zones)
                && Arc::ptr_eq(&book.of_methods, &of_methods)
                && has_promotions(book)
        };
        let mut current = kept.iter().filter(is_current);
        let holds =
            |book: &&Arc<Indexed>| book.zones.holds().contains(at) && book.promotions_hold.contains(at);
        if let Some(found) = current.clone().find(holds) {
            return Arc::clone(found);
        }
        // The index of promotions is of no time: it is made again only when one of them changes.
        let promotions = match kept.iter().find(has_promotions) {
            Some(book) => Arc::clone(&book.promotions),
            None => {
                let states = of_promotions.iter().map(|promotion| Arc::clone(&promotion.state));
                Arc::new(Promotions::new(states))
            }
        };
        let indexed = Arc::new(Indexed {
            number: self.made.fetch_add(1, Ordering::Relaxed) + 1,
            zones: Zones::new(of_zones.iter().map(|zone| Arc::clone(&zone.state)), at),
            methods: of_methods
                .iter()
                .map(|method| Arc::clone(&method.state))
                .collect(),
            promotions_hold: promotions.holds(at),
            promotions,
            of_zones: Arc::clone(&of_zones),
            of_methods: Arc::clone(&of_methods),
            of_promotions: Arc::clone(&of_promotions),
        });
        let mut next = vec![Arc::clone(&indexed)];
        next.extend(current.by_ref().take(TIMES_MAX - 1).cloned());
        self.kept.store(Arc::new(next));
        indexed
    }
}
