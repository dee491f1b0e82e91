//! Price lists: other prices than the usual ones, for some customers, for some time, for larger quantities.
//!
//! A list says for whom and when; what a unit costs by it stands with the variant, so that a list of a hundred thousand
//! prices is no larger than one of ten. Which list counts is decided here alone, see [`PriceLists`].

use super::variant::check_list_prices;
use super::{Error, Handle, TITLE_LENGTH_MAX, UpdateVariant, Variant};
use crate::entity::{Command, Context, Create, Entity, Keys, NoTimer};
use crate::error::{Broken, FieldErrors, ensure};
use crate::event::EventBody;
use crate::existing::Existing;
use crate::id::PriceListId;
use crate::kind::{Kind, Listing, ListingKey};
use crate::money::{Currency, Price};
use crate::text;
use crate::time::{Period, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many price lists a store may have.
pub const PRICE_LISTS_MAX: usize = 1_000;
/// How many customer groups a list may be for.
const GROUPS_MAX: usize = 100;

/// For whom and when the prices hold that variants have by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriceList {
    /// Its id.
    pub id: PriceListId,
    /// What staff call it.
    pub name: String,
    /// Higher ones count before others.
    pub priority: i32,
    /// The customer groups it is for; everybody where there is none.
    pub groups: BTreeSet<Handle>,
    /// When it holds.
    pub validity: Period,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A price list as staff sent it. When it changes a list, what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceListDraft {
    /// What staff call it.
    pub name: Option<String>,
    /// Higher ones count before others; 0 unless given.
    pub priority: Option<i32>,
    /// The customer groups it is for; everybody unless given.
    pub groups: Option<Vec<String>>,
    /// From when on it holds.
    pub valid_from: Option<Option<Timestamp>>,
    /// When it has ended.
    pub valid_until: Option<Option<Timestamp>>,
    /// Whether it is switched on; it is unless given.
    pub enabled: Option<bool>,
}

/// What happened to a price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceListEvent {
    /// It was made.
    Created(PriceList),
    /// It was changed, to this.
    Updated(PriceList),
    /// It was deleted.
    Deleted(PriceList),
}

impl EventBody for PriceListEvent {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "catalog.price_list_created",
            Self::Updated(_) => "catalog.price_list_updated",
            Self::Deleted(_) => "catalog.price_list_deleted",
        }
    }
}

impl Entity for PriceList {
    const KIND: Kind = Kind::PriceList;
    const SCHEMA: u16 = 1;
    type Id = PriceListId;
    type Event = PriceListEvent;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        ensure(!self.name.is_empty(), "a price list has a name")?;
        ensure(!self.validity.is_empty(), "a price list holds at some time")
    }

    fn keys(&self) -> Keys {
        Keys {
            unique: Vec::new(),
            listing: vec![ListingKey::new(Listing::PriceLists, self.name.to_lowercase())],
        }
    }

    fn may_rest(&self) -> bool {
        true
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

/// Makes a price list.
#[derive(Clone, Debug)]
pub struct CreatePriceList {
    /// What was sent. A name is required.
    pub draft: PriceListDraft,
    /// Which lists the store has already.
    pub existing: Existing,
}

impl Create<PriceList> for CreatePriceList {
    const NAME: &'static str = "catalog.create_price_list";
    type Reply = ();

    fn create(self, id: PriceListId, cx: &mut Context<'_, PriceList>) -> Result<(PriceList, ()), Error> {
        if PRICE_LISTS_MAX <= self.existing.count {
            return Err(Error::TooManyPriceLists { max: PRICE_LISTS_MAX });
        }
        let blank = PriceList {
            id,
            name: String::new(),
            priority: 0,
            groups: BTreeSet::new(),
            validity: Period::default(),
            enabled: true,
            created_at: self.existing.next_at(cx.now()),
        };
        let required = PriceListDraft {
            name: Some(self.draft.name.unwrap_or_default()),
            ..self.draft
        };
        let list = required.applied_to(blank)?;
        cx.emit(PriceListEvent::Created(list.clone()));
        Ok((list, ()))
    }
}

/// Changes a price list. Carts follow from their next read.
#[derive(Clone, Debug)]
pub struct UpdatePriceList {
    /// What was sent.
    pub draft: PriceListDraft,
}

impl Command<PriceList> for UpdatePriceList {
    const NAME: &'static str = "catalog.update_price_list";
    type Reply = ();

    fn apply(self, list: &mut PriceList, cx: &mut Context<'_, PriceList>) -> Result<(), Error> {
        let changed = self.draft.applied_to(list.clone())?;
        if changed != *list {
            *list = changed;
            cx.emit(PriceListEvent::Updated(list.clone()));
        }
        Ok(())
    }
}

/// Deletes a price list. Prices by it that variants still have count for nothing; placed orders keep theirs.
#[derive(Clone, Debug)]
pub struct DeletePriceList;

impl Command<PriceList> for DeletePriceList {
    const NAME: &'static str = "catalog.delete_price_list";
    type Reply = ();

    fn apply(self, list: &mut PriceList, cx: &mut Context<'_, PriceList>) -> Result<(), Error> {
        cx.emit(PriceListEvent::Deleted(list.clone()));
        cx.erase();
        Ok(())
    }
}

impl PriceListDraft {
    fn applied_to(self, mut list: PriceList) -> Result<PriceList, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(name) = self.name {
            list.name = errors
                .take("/name", text::line(&name, TITLE_LENGTH_MAX))
                .unwrap_or_default();
        }
        list.priority = self.priority.unwrap_or(list.priority);
        if let Some(groups) = self.groups {
            if GROUPS_MAX < groups.len() {
                let message = format!("at most {GROUPS_MAX} groups are possible");
                errors.add("/groups", "catalog.too_many_groups", message);
            } else {
                let read = |(at, group): (usize, &String)| {
                    errors.take(&format!("/groups/{at}"), Handle::parse(group))
                };
                list.groups = groups.iter().enumerate().filter_map(read).collect();
            }
        }
        list.validity = Period {
            from: self.valid_from.unwrap_or(list.validity.from),
            until: self.valid_until.unwrap_or(list.validity.until),
        };
        if list.validity.is_empty() {
            let message = "it must end after it begins";
            errors.add("/valid_until", "catalog.empty_period", message);
        }
        list.enabled = self.enabled.unwrap_or(list.enabled);
        errors.into_result()?;
        Ok(list)
    }
}

/// What a unit costs by a list, from a quantity on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPrice {
    /// By which list.
    pub list: PriceListId,
    /// From how many units of a line on, at least one.
    pub from_quantity: u32,
    /// What each of them then costs.
    pub price: Price,
}

impl ListPrice {
    /// Returns what no two rows of a variant share, and what they are sorted by.
    pub(super) fn key(&self) -> (PriceListId, Currency, u32) {
        (self.list, self.price.currency, self.from_quantity)
    }
}

/// Puts a price by a list among a variant's, in place of the one for the same currency and quantity.
#[derive(Clone, Debug)]
pub struct PutListPrice {
    /// The price.
    pub row: ListPrice,
    /// Lists that are gone: the variant's prices by them count for nothing, and go as well.
    pub gone: Vec<PriceListId>,
}

impl PutListPrice {
    /// Checks whether a variant, as it is, can be given the price.
    ///
    /// # Errors
    /// Every bad field, with pointers as in the variant's whole list: the price comes first there.
    pub fn check(&self, variant: &Variant) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        check_list_prices(&self.beside_others(variant), &mut errors);
        errors.into_result()
    }

    /// Returns the variant's prices with this one. It comes first: what is wrong with it is told of the first.
    fn beside_others(&self, variant: &Variant) -> Vec<ListPrice> {
        let others = variant
            .list_prices
            .iter()
            .filter(|held| held.key() != self.row.key() && !self.gone.contains(&held.list));
        std::iter::once(self.row).chain(others.copied()).collect()
    }
}

/// What putting a price by a list did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListPricePut {
    /// There was none.
    Added,
    /// There was another.
    Changed,
    /// There was this one.
    Unchanged,
}

impl Command<Variant> for PutListPrice {
    const NAME: &'static str = "catalog.put_list_price";
    type Reply = ListPricePut;

    fn apply(self, variant: &mut Variant, cx: &mut Context<'_, Variant>) -> Result<ListPricePut, Error> {
        let is_same = |held: &&ListPrice| held.key() == self.row.key();
        let held = variant.list_prices.iter().find(is_same).copied();
        if held == Some(self.row) {
            return Ok(ListPricePut::Unchanged);
        }
        let change = UpdateVariant {
            list_prices: Some(self.beside_others(variant)),
            ..UpdateVariant::default()
        };
        change.apply(variant, cx)?;
        Ok(match held {
            Some(_) => ListPricePut::Changed,
            None => ListPricePut::Added,
        })
    }
}

/// The lists that hold at one time, indexed once.
///
/// Of the lists that are switched on, hold, and are for everybody or for one of the customer's groups, and by which the
/// variant has a price in the cart's currency for so many units, the one with the highest priority counts; of equal
/// priority one for groups before one for everybody, then the older. Of its prices the one with the largest quantity
/// that the line reaches counts, be it above or below the usual price. Without any the usual price counts.
#[derive(Clone, Debug, Default)]
pub struct PriceLists {
    ranks: BTreeMap<PriceListId, (usize, Arc<PriceList>)>,
    holds: Period,
}

impl PriceLists {
    /// Indexes the lists that hold at a time.
    pub fn new(lists: impl IntoIterator<Item = Arc<PriceList>>, at: Timestamp) -> Self {
        let mut index = Self::default();
        let mut held = Vec::new();
        for list in lists.into_iter().filter(|list| list.enabled) {
            index.holds = index.holds.bounded_by(list.validity, at);
            if list.validity.contains(at) {
                held.push(list);
            }
        }
        held.sort_by(|left, right| {
            let by_priority = right.priority.cmp(&left.priority);
            let by_groups = left.groups.is_empty().cmp(&right.groups.is_empty());
            let by_age = left.created_at.cmp(&right.created_at);
            by_priority
                .then(by_groups)
                .then(by_age)
                .then(left.id.cmp(&right.id))
        });
        index.ranks = held
            .into_iter()
            .enumerate()
            .map(|(rank, list)| (list.id, (rank, list)))
            .collect();
        index
    }

    /// Returns the time around the one it was made for in which no list begins or ends.
    pub fn holds(&self) -> Period {
        self.holds
    }

    /// Returns what a unit of a variant costs in a currency where somebody in these groups buys so many.
    pub fn price(
        &self,
        variant: &Variant,
        groups: &[Handle],
        currency: Currency,
        quantity: u32,
    ) -> Option<Price> {
        let by_list = match variant.list_prices.is_empty() {
            true => None,
            false => first_fit(&self.applicable(&variant.list_prices, groups), currency, quantity),
        };
        by_list.or_else(|| variant.prices.of(currency))
    }

    /// Returns the prices that may count for somebody in these groups, the one before the other: the first that fits
    /// currency and quantity does, see [`first_fit`].
    pub fn applicable(&self, rows: &[ListPrice], groups: &[Handle]) -> Vec<ListPrice> {
        let ranked = rows.iter().filter_map(|row| {
            let (rank, list) = self.ranks.get(&row.list)?;
            let is_for_them =
                list.groups.is_empty() || groups.iter().any(|group| list.groups.contains(group));
            is_for_them.then_some((*rank, row))
        });
        let mut ranked: Vec<(usize, &ListPrice)> = ranked.collect();
        ranked.sort_by_key(|(rank, row)| (*rank, Reverse(row.from_quantity)));
        ranked.into_iter().map(|(_, row)| *row).collect()
    }
}

/// Returns the price of the first row in a currency whose quantity is reached.
pub fn first_fit(rows: &[ListPrice], currency: Currency, quantity: u32) -> Option<Price> {
    let fits = |row: &&ListPrice| row.price.currency == currency && row.from_quantity <= quantity;
    rows.iter().find(fits).map(|row| row.price)
}

#[cfg(test)]
#[path = "price_list_test.rs"]
mod tests;
