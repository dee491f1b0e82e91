//! Every promotion that is switched on, indexed once, so that those that cannot match a cart are not looked at.
//!
//! A promotion is filed in one place only, by what narrows it most: its code, the goods it is about, its customer
//! groups, or its threshold. Discounts only lower what thresholds see, so that what a cart comes to before them is an
//! upper bound.

use super::{Action, Code, Promotion, Selection, SingleCode, Use};
use crate::cart::{AppliedPromotion, Unmet};
use crate::catalog::Handle;
use crate::customer::KnownAs;
use crate::id::{ProductId, PromotionId, VariantId};
use crate::money::{Currency, Money};
use crate::time::{Period, Timestamp};
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash};
use std::sync::Arc;

/// A map without randomness.
#[expect(
    clippy::disallowed_types,
    reason = "hashed with fixed keys and never iterated: a look-up costs the same however much it holds"
)]
type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
/// A set without randomness.
#[expect(clippy::disallowed_types, reason = "as for the map")]
type Set<K> = std::collections::HashSet<K, BuildHasherDefault<DefaultHasher>>;

/// What a promotion asks of a line's goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    /// The variant.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// The categories of the product.
    pub categories: Arc<[Handle]>,
}

/// A promotion made ready for matching.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The promotion.
    pub promotion: Arc<Promotion>,
    /// The goods its conditions name; all where none are named.
    pub(crate) items: Option<Chosen>,
    /// Of each action, the goods it acts on.
    pub(crate) targets: Vec<Target>,
}

/// The goods that one action acts on; where it names none, those of the conditions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) items: Option<Chosen>,
    /// The goods that are bought, for sets.
    pub(crate) bought: Option<Chosen>,
}

/// A selection in which any goods are found in the same time, however many it names.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    products: Set<ProductId>,
    variants: Set<VariantId>,
    categories: Set<Handle>,
}

impl Chosen {
    fn new(selection: &Selection) -> Self {
        Self {
            products: selection.products.iter().copied().collect(),
            variants: selection.variants.iter().copied().collect(),
            categories: selection.categories.iter().cloned().collect(),
        }
    }

    /// Tells whether goods are among them.
    pub(crate) fn has(&self, goods: &Goods) -> bool {
        self.products.contains(&goods.product)
            || self.variants.contains(&goods.variant)
            || goods
                .categories
                .iter()
                .any(|category| self.categories.contains(category))
    }
}

/// A code that somebody wants to use, without a cart.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// When.
    pub at: Timestamp,
    /// The groups the customer is in.
    pub groups: &'a [Handle],
    /// For what; `Some(None)` is for something that is not sold here.
    pub goods: Option<Option<&'a Goods>>,
}

impl Ready {
    /// Tells whether it is about these goods: by its conditions, and by one of its actions.
    fn covers(&self, goods: Option<&Goods>) -> bool {
        let has =
            |items: Option<&Chosen>| items.is_none_or(|items| goods.is_some_and(|goods| items.has(goods)));
        has(self.items.as_ref()) && self.targets.iter().any(|target| has(target.items.as_ref()))
    }

    fn new(promotion: Arc<Promotion>) -> Self {
        let target = |action: &Action| match action {
            Action::Order(_) | Action::Shipping(_) => Target::default(),
            Action::Lines { items, .. } => Target {
                items: items.as_ref().map(Chosen::new),
                bought: None,
            },
            Action::Sets(sets) => Target {
                items: action.own_items().map(Chosen::new),
                bought: sets.buy_items.as_ref().map(Chosen::new),
            },
        };
        Self {
            items: promotion.conditions.items.as_ref().map(Chosen::new),
            targets: promotion.actions.iter().map(target).collect(),
            promotion,
        }
    }
}

/// What a cart amounts to before any promotion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<'a> {
    pub(crate) subtotal: Money,
    pub(crate) units: u64,
    pub(crate) codes: &'a [Code],
    pub(crate) single_codes: &'a [SingleCode],
    pub(crate) groups: &'a [Handle],
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Promotions {
    /// In the order in which they apply.
    ready: Vec<Ready>,
    by_code: Map<Code, usize>,
    /// Those that codes unlock which are good for one order.
    by_single_code: Map<PromotionId, usize>,
    /// Those that can be used a limited number of times only.
    limited: Map<PromotionId, usize>,
    by_product: Map<ProductId, Vec<usize>>,
    by_variant: Map<VariantId, Vec<usize>>,
    by_category: Map<Handle, Vec<usize>>,
    by_group: Map<Handle, Vec<usize>>,
    /// By the least subtotal, which is sorted.
    by_subtotal: Map<Currency, Vec<(i64, usize)>>,
    /// By the least quantity, which is sorted.
    by_quantity: Vec<(u64, usize)>,
    /// Those that any cart may get.
    everywhere: Vec<usize>,
    /// When promotions begin or end, sorted.
    turns: Vec<Timestamp>,
    uses_categories: bool,
    has_first_orders: bool,
}

impl Promotions {
    /// Indexes the promotions; those that are switched off are left away.
    pub fn new(promotions: impl IntoIterator<Item = Arc<Promotion>>) -> Self {
        let mut promotions: Vec<_> = promotions
            .into_iter()
            .filter(|promotion| promotion.enabled)
            .collect();
        promotions.sort_by(|left, right| {
            let by_priority = right.priority.cmp(&left.priority);
            by_priority
                .then(left.created_at.cmp(&right.created_at))
                .then(left.id.cmp(&right.id))
        });
        let mut index = Self::default();
        for (rank, promotion) in promotions.into_iter().enumerate() {
            index.file(rank, &promotion);
            index.turns.extend(
                promotion
                    .conditions
                    .starts_at
                    .into_iter()
                    .chain(promotion.conditions.ends_at),
            );
            index.ready.push(Ready::new(promotion));
        }
        index.by_quantity.sort_unstable();
        for thresholds in index.by_subtotal.values_mut() {
            thresholds.sort_unstable();
        }
        index.turns.sort_unstable();
        index.turns.dedup();
        index
    }

    fn file(&mut self, rank: usize, promotion: &Promotion) {
        let conditions = &promotion.conditions;
        let own_items = || promotion.actions.iter().map(Action::own_items);
        let named = promotion.actions.iter().flat_map(Action::selections);
        self.uses_categories |= named
            .chain(&conditions.items)
            .any(|items| !items.categories.is_empty());
        self.has_first_orders |= conditions.first_order;
        if promotion.is_limited() {
            self.limited.insert(promotion.id, rank);
        }
        if promotion.requires_code {
            self.by_single_code.insert(promotion.id, rank);
        }
        if let Some(code) = &promotion.code {
            self.by_code.insert(code.clone(), rank);
        } else if promotion.requires_code {
            // Filed already.
        } else if let Some(items) = &conditions.items {
            self.file_by_goods(rank, items);
        } else if own_items().all(|items| items.is_some()) {
            for items in own_items().flatten() {
                self.file_by_goods(rank, items);
            }
        } else if !conditions.groups.is_empty() {
            file_all(&mut self.by_group, conditions.groups.iter().cloned(), rank);
        } else if let Some(from) = conditions.subtotal_from {
            let thresholds = self.by_subtotal.entry(from.currency).or_default();
            thresholds.push((from.amount, rank));
        } else if let Some(from) = conditions.quantity_from {
            self.by_quantity.push((from, rank));
        } else {
            self.everywhere.push(rank);
        }
    }

    fn file_by_goods(&mut self, rank: usize, items: &Selection) {
        file_all(&mut self.by_product, items.products.iter().copied(), rank);
        file_all(&mut self.by_variant, items.variants.iter().copied(), rank);
        file_all(&mut self.by_category, items.categories.iter().cloned(), rank);
    }

    /// Returns every promotion, in the order in which they apply.
    pub fn all(&self) -> &[Ready] {
        &self.ready
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Returns the promotion whose own code this is.
    pub fn of_code(&self, code: &Code) -> Option<&Arc<Promotion>> {
        Some(&self.ready[*self.by_code.get(code)?].promotion)
    }

    /// Returns the promotion that a code unlocks: as its own, or as one of these, which are good for one order.
    pub fn unlocked_by(&self, code: &Code, single_codes: &[SingleCode]) -> Option<&Arc<Promotion>> {
        Some(&self.ready[self.rank_of(code, single_codes)?].promotion)
    }

    fn rank_of(&self, code: &Code, single_codes: &[SingleCode]) -> Option<usize> {
        let of_single_code = || {
            let single = single_codes.iter().find(|single| single.code == *code)?;
            self.by_single_code.get(&single.promotion)
        };
        self.by_code.get(code).or_else(of_single_code).copied()
    }

    /// Tells whether any of them has codes that are good for one order: if not, nobody need look for such.
    pub fn has_single_codes(&self) -> bool {
        !self.by_single_code.is_empty()
    }

    /// Returns a promotion if it can be used a limited number of times only.
    pub fn limited(&self, id: PromotionId) -> Option<&Arc<Promotion>> {
        Some(&self.ready[*self.limited.get(&id)?].promotion)
    }

    /// Tells whether any of them can be used a limited number of times only: if not, nobody need count.
    pub fn has_limits(&self) -> bool {
        !self.limited.is_empty()
    }

    /// Tells whether any of them is for first orders only: if not, nobody need look for earlier ones.
    pub fn has_first_orders(&self) -> bool {
        self.has_first_orders
    }

    /// Tells whether one of them is for first orders only.
    pub fn is_for_first_orders(&self, id: PromotionId) -> bool {
        self.limited(id)
            .is_some_and(|promotion| promotion.conditions.first_order)
    }

    /// Returns the uses that an order with these promotions needs, of a shopper who is known so, in the order in which they
    /// are reserved. What several of them count in one place is one use.
    pub fn uses(&self, applied: &[AppliedPromotion], known: KnownAs<'_>) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        for applied in applied {
            let Some(promotion) = self.limited(applied.promotion) else {
                continue;
            };
            uses.extend(promotion.uses(known));
            let code = applied.code.as_ref();
            uses.extend(code.and_then(|code| promotion.use_of(code)));
        }
        uses.sort_unstable();
        uses.dedup_by_key(|needed| needed.counter);
        uses
    }

    /// Judges a code without a cart, in this order: whether it is known, for whom, when, and for what. Returns its
    /// promotion.
    ///
    /// # Errors
    /// The first condition that does not hold.
    pub fn judge(
        &self,
        code: &Code,
        single_codes: &[SingleCode],
        attempt: &Attempt<'_>,
    ) -> Result<&Arc<Promotion>, Unmet> {
        let rank = self.rank_of(code, single_codes).ok_or(Unmet::NoSuchCode)?;
        let ready = &self.ready[rank];
        let conditions = &ready.promotion.conditions;
        let is_in_one = attempt
            .groups
            .iter()
            .any(|group| conditions.groups.contains(group));
        if !conditions.groups.is_empty() && !is_in_one {
            return Err(Unmet::OtherCustomer);
        }
        if conditions.starts_at.is_some_and(|from| attempt.at < from) {
            return Err(Unmet::NotStarted);
        }
        if conditions.ends_at.is_some_and(|until| until <= attempt.at) {
            return Err(Unmet::Ended);
        }
        if attempt.goods.is_some_and(|goods| !ready.covers(goods)) {
            return Err(Unmet::NothingMatches);
        }
        Ok(&ready.promotion)
    }

    /// Tells whether any of them looks at categories: if not, nobody need look them up.
    pub fn uses_categories(&self) -> bool {
        self.uses_categories
    }

    /// Returns the time around a point in time in which no promotion begins or ends.
    pub fn holds(&self, at: Timestamp) -> Period {
        let begun = self.turns.partition_point(|turn| *turn <= at);
        Period {
            from: begun
                .checked_sub(1)
                .and_then(|last| self.turns.get(last))
                .copied(),
            until: self.turns.get(begun).copied(),
        }
    }

    /// Returns the ranks of those that a cart may get, in order; all others it surely does not.
    pub(crate) fn candidates<'g>(
        &self,
        bounds: &Bounds<'_>,
        lines: impl Iterator<Item = &'g Goods>,
    ) -> Vec<usize> {
        let mut found = Vec::new();
        found.extend_from_slice(&self.everywhere);
        found.extend(bounds.codes.iter().filter_map(|code| self.by_code.get(code)));
        let single_codes = bounds.single_codes.iter();
        found.extend(single_codes.filter_map(|single| self.by_single_code.get(&single.promotion)));
        for group in bounds.groups {
            found.extend(self.by_group.get(group).into_iter().flatten());
        }
        if let Some(thresholds) = self.by_subtotal.get(&bounds.subtotal.currency) {
            let within = thresholds.partition_point(|(from, _)| *from <= bounds.subtotal.amount);
            found.extend(thresholds[..within].iter().map(|(_, rank)| rank));
        }
        let within = self
            .by_quantity
            .partition_point(|(from, _)| *from <= bounds.units);
        found.extend(self.by_quantity[..within].iter().map(|(_, rank)| rank));

        let is_about_goods =
            !self.by_product.is_empty() || !self.by_variant.is_empty() || !self.by_category.is_empty();
        for goods in lines.filter(|_| is_about_goods) {
            let of_product = self.by_product.get(&goods.product);
            let of_variant = self.by_variant.get(&goods.variant);
            let of_categories = goods
                .categories
                .iter()
                .filter_map(|category| self.by_category.get(category));
            for ranks in of_product.into_iter().chain(of_variant).chain(of_categories) {
                found.extend(ranks.iter().filter(|rank| self.may_reach(**rank, bounds)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Tells whether a cart reaches a promotion's thresholds at least before discounts.
    fn may_reach(&self, rank: usize, bounds: &Bounds<'_>) -> bool {
        let conditions = &self.ready[rank].promotion.conditions;
        conditions.quantity_from.is_none_or(|from| from <= bounds.units)
            && conditions.subtotal_from.is_none_or(|from| {
                from.currency == bounds.subtotal.currency && from.amount <= bounds.subtotal.amount
            })
    }
}

fn file_all<K: Hash + Eq>(map: &mut Map<K, Vec<usize>>, keys: impl Iterator<Item = K>, rank: usize) {
    for key in keys {
        map.entry(key).or_default().push(rank);
    }
}
