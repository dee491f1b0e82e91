//! The price book: the rules that every cart is priced by, as they hold at one time.

use crate::engine::Kinds;
use crate::runtime::{Clock, Published};
use arc_swap::ArcSwap;
use cartwright_domain::Entity;
use cartwright_domain::cart::Cart;
use cartwright_domain::catalog::{ListPrice, PriceLists};
use cartwright_domain::money::Currency;
use cartwright_domain::promotion::{Promotion, Promotions};
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::tax::Zones;
use cartwright_domain::time::{Period, Timestamp};
use cartwright_storage::Position;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times are kept indexed: now, and those at which staff had carts priced.
const TIMES_MAX: usize = 16;

/// Tax zones, shipping methods, promotions and price lists, indexed for a time and kept until one of them changes. None
/// of them begins or ends within the time an index is for: when time passes its end, another takes its place.
#[derive(Clone)]
pub(crate) struct PriceBook {
    kept: Arc<ArcSwap<Vec<Arc<Indexed>>>>,
    made: Arc<AtomicU64>,
    clock: Clock,
}

pub(crate) struct Indexed {
    /// Tells this index from every other of this process.
    pub(super) number: u64,
    /// The rosters that it is made of had been changed so often at least.
    as_of: Changes,
    of_promotions: Roster<Promotion>,
    /// The last commit of anything in it, or that took something out.
    newest: Position,
    /// When nothing in it begins or ends.
    holds: Period,
    pub(super) zones: Zones,
    pub(super) methods: Vec<Arc<ShippingMethod>>,
    pub(super) promotions: Arc<Promotions>,
    pub(super) lists: PriceLists,
}

/// How often each roster that an index is made of was changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Changes {
    zones: u64,
    methods: u64,
    promotions: u64,
    lists: u64,
}

impl Changes {
    fn of(kinds: &Kinds) -> Self {
        Self {
            zones: kinds.tax_zones.roster_changes(),
            methods: kinds.shipping_methods.roster_changes(),
            promotions: kinds.promotions.roster_changes(),
            lists: kinds.price_lists.roster_changes(),
        }
    }
}

type Roster<E> = Arc<Vec<Arc<Published<E>>>>;

fn states<E: Entity>(roster: &Roster<E>) -> impl Iterator<Item = Arc<E>> + '_ {
    roster.iter().map(|published| Arc::clone(&published.state))
}

/// Returns the last commit that changed a roster, one that took something out included.
fn newest<E: Entity>(roster: &Roster<E>, removed: Position) -> Position {
    let positions = roster.iter().map(|published| published.position);
    positions.fold(removed, Position::max)
}

impl Indexed {
    /// Tells whether anything that a cart is priced by depends on the categories of its goods.
    pub(super) fn use_categories(&self) -> bool {
        let mut methods = self.methods.iter();
        self.promotions.uses_categories() || methods.any(|method| method.conditions().use_categories())
    }
}

impl Indexed {
    /// Tells whether it was the same as of a commit that was made at this time.
    pub(super) fn was_the_same(&self, as_of: Position, at: Timestamp) -> bool {
        self.newest <= as_of && self.holds.contains(at)
    }

    /// Returns the shipping method that a cart has chosen, while there is such a one.
    pub(super) fn chosen_method<'a>(&'a self, cart: &Cart) -> impl Iterator<Item = &'a Arc<ShippingMethod>> {
        let chosen = cart.shipping().map(|choice| choice.method);
        self.methods
            .iter()
            .filter(move |method| Some(method.id()) == chosen)
    }
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

    /// Returns the time, whatever time carts are priced at.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns every promotion, as it is now.
    pub(crate) fn promotions(&self, kinds: &Kinds) -> Arc<Promotions> {
        Arc::clone(&self.now(kinds).promotions)
    }

    /// Tells whether everybody has a price for a single unit by some list now, in a currency that is offered.
    pub(crate) fn is_priced_by_list(
        &self,
        rows: &[ListPrice],
        is_offered: impl Fn(Currency) -> bool,
        kinds: &Kinds,
    ) -> bool {
        let is_priced = |row: &ListPrice| row.from_quantity <= 1 && is_offered(row.price.currency);
        let for_everybody = || self.now(kinds).lists.applicable(rows, &[]);
        !rows.is_empty() && for_everybody().iter().any(is_priced)
    }

    /// Returns the index of what holds now.
    pub(super) fn now(&self, kinds: &Kinds) -> Arc<Indexed> {
        self.at(self.clock.now(), kinds)
    }

    pub(super) fn at(&self, at: Timestamp, kinds: &Kinds) -> Arc<Indexed> {
        // Counted before the rosters are read: one that changes in between is at worst indexed twice.
        let as_of = Changes::of(kinds);
        let kept = self.kept.load();
        let current = || kept.iter().filter(|book| book.as_of == as_of);
        if let Some(found) = current().find(|book| book.holds.contains(at)) {
            return Arc::clone(found);
        }
        let others: Vec<_> = current().take(TIMES_MAX - 1).cloned().collect();
        // The index of promotions is of no time: it is made again only when one of them changes.
        let of_promotions = kinds.promotions.roster();
        let has_promotions = |book: &&Arc<Indexed>| Arc::ptr_eq(&book.of_promotions, &of_promotions);
        let promotions = match kept.iter().find(has_promotions) {
            Some(book) => Arc::clone(&book.promotions),
            None => Arc::new(Promotions::new(states(&of_promotions))),
        };
        let (of_zones, of_methods, of_lists) = (
            kinds.tax_zones.roster(),
            kinds.shipping_methods.roster(),
            kinds.price_lists.roster(),
        );
        let newest = newest(&of_zones, kinds.tax_zones.roster_removed())
            .max(newest(&of_methods, kinds.shipping_methods.roster_removed()))
            .max(newest(&of_lists, kinds.price_lists.roster_removed()))
            .max(newest(&of_promotions, kinds.promotions.roster_removed()));
        let zones = Zones::new(states(&of_zones), at);
        let lists = PriceLists::new(states(&of_lists), at);
        let holds = zones.holds().bounded_by(promotions.holds(at), at);
        let indexed = Arc::new(Indexed {
            number: self.made.fetch_add(1, Ordering::Relaxed) + 1,
            holds: holds.bounded_by(lists.holds(), at),
            zones,
            methods: states(&of_methods).collect(),
            promotions,
            lists,
            as_of,
            newest,
            of_promotions,
        });
        let mut next = vec![Arc::clone(&indexed)];
        next.extend(others);
        self.kept.store(Arc::new(next));
        indexed
    }
}
