//! What is priced and what comes of it, in types of the model's own: plain numbers and texts.
//!
//! Places, categories, groups and goods are small numbers. Amounts are minor units; prices and rates are decimals as
//! staff write them.

use crate::ratio::Rounding;

/// A cart, and everything it is priced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) store: Store,
    pub(crate) cart: Cart,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    pub(crate) rounding: Rounding,
    /// Whether listed prices contain tax (1.7).
    pub(crate) inclusive: bool,
    /// Whether a foreign zone strips the home tax; else it keeps the gross (1.7).
    pub(crate) strips: bool,
    pub(crate) home: u8,
    pub(crate) zones: Vec<Zone>,
    pub(crate) methods: Vec<Method>,
    pub(crate) promotions: Vec<Promotion>,
    pub(crate) lists: Vec<PriceList>,
    /// Whom the store asks about tax, if anybody.
    pub(crate) calculator: Option<Calculator>,
}

/// For whom and when other prices hold than the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PriceList {
    pub(crate) number: u8,
    pub(crate) created_at: i64,
    pub(crate) priority: i32,
    /// Everybody where there is none.
    pub(crate) groups: Vec<u8>,
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) enabled: bool,
}

/// A calculator outside, by what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Calculator {
    Silent,
    /// Of each item so many thousandths of its value, rounded down; from the first again after the last.
    Thousandths(Vec<i128>),
}

/// A country with taxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) country: u8,
    /// Of a category, the taxes that apply together, and of each the rates that follow one another.
    pub(crate) rates: Vec<(u8, Vec<Vec<DatedRate>>)>,
}

/// A rate with the time in which it holds, if no later one has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatedRate {
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) rate: String,
}

/// From one number to another, both included.
pub(crate) type Span = (Option<i128>, Option<i128>);

/// How a method's price is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    Flat(i128),
    /// Steps, each with where it begins and its price.
    Table(Measure, Vec<(i128, i128)>),
    /// A share, the least and the most.
    Percentage(String, Option<i128>, Option<i128>),
}

/// What a table goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Weight,
    Worth,
    Quantity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) currency: &'static str,
    pub(crate) charge: Charge,
    pub(crate) handling: i128,
    pub(crate) free_from: Option<i128>,
    pub(crate) worth: Span,
    pub(crate) weight: Span,
    pub(crate) quantity: Span,
    /// Nothing but goods on one of these shelves; anything where there is none.
    pub(crate) only_shelves: Vec<u8>,
    pub(crate) not_shelves: Vec<u8>,
    pub(crate) category: u8,
    /// Where it goes; empty is everywhere.
    pub(crate) countries: Vec<u8>,
    /// Where it does not go all the same.
    pub(crate) except: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cart {
    pub(crate) currency: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) destination: Option<u8>,
    /// Which of the store's methods is chosen.
    pub(crate) method: Option<usize>,
    pub(crate) now: i64,
    pub(crate) codes: Vec<String>,
    pub(crate) groups: Vec<u8>,
    pub(crate) has_ordered: Option<bool>,
    pub(crate) exempt: bool,
    /// The promotions that were used as often as they can be.
    pub(crate) used_up: Vec<u8>,
    /// Whether it is for a customer of whom there is a record.
    pub(crate) has_customer: bool,
    /// Whether a checkout of it is at work.
    pub(crate) in_checkout: bool,
    /// The gift cards and store credit that pay for it.
    pub(crate) values: Vec<Value>,
}

/// A gift card, or store credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) form: Form,
    pub(crate) currency: &'static str,
    pub(crate) balance: i128,
    /// What the cart's own checkout holds of it,
    pub(crate) held_by_own: i128,
    /// and what others hold.
    pub(crate) held_by_others: i128,
    pub(crate) enabled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With when it can no longer be spent.
    Card(Option<i64>),
    /// Of the cart's customer, or of somebody else.
    Credit { is_own: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) quantity: u32,
    /// What a unit costs usually.
    pub(crate) price: String,
    pub(crate) list_prices: Vec<ListPrice>,
    /// What a unit costs at least.
    pub(crate) minimum: Option<String>,
    /// The tax category.
    pub(crate) category: u8,
    pub(crate) variant: u8,
    pub(crate) product: u8,
    pub(crate) shelves: Vec<u8>,
    /// What a unit weighs.
    pub(crate) grams: u32,
    /// Whether there is nothing to send.
    pub(crate) digital: bool,
}

/// What a unit costs by a list, from so many on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListPrice {
    pub(crate) list: u8,
    pub(crate) currency: &'static str,
    pub(crate) from_quantity: u32,
    pub(crate) price: String,
}

/// Some of the catalog: what is in any of the three. A category of goods is a shelf here, to tell it from that of a tax.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) products: Vec<u8>,
    pub(crate) variants: Vec<u8>,
    pub(crate) shelves: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promotion {
    pub(crate) number: u8,
    pub(crate) created_at: i64,
    pub(crate) code: Option<String>,
    pub(crate) priority: i32,
    pub(crate) exclusive: bool,
    pub(crate) enabled: bool,
    /// The currency of its amounts.
    pub(crate) currency: &'static str,
    pub(crate) conditions: Conditions,
    pub(crate) actions: Vec<Action>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) subtotal_from: Option<i128>,
    pub(crate) quantity_from: Option<u64>,
    pub(crate) items: Option<Selection>,
    pub(crate) groups: Vec<u8>,
    pub(crate) first_order: bool,
    pub(crate) starts_at: Option<i64>,
    pub(crate) ends_at: Option<i64>,
    pub(crate) currency: Option<&'static str>,
    pub(crate) zones: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Order(Reduction),
    Lines {
        items: Option<Selection>,
        reduction: Reduction,
        each: bool,
    },
    Sets(Sets),
    Shipping(Reduction),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    Percentage(String),
    Fixed(i128),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sets {
    pub(crate) buy: u32,
    pub(crate) buy_items: Option<Selection>,
    pub(crate) get: u32,
    pub(crate) get_items: Option<Selection>,
    pub(crate) percentage: String,
    pub(crate) dearest: bool,
    pub(crate) sets_max: Option<u32>,
}

/// What a cart costs, as far as the model has an opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) lines: Vec<BillLine>,
    pub(crate) shipping_line: Option<BillLine>,
    pub(crate) subtotal: i128,
    pub(crate) discounts: i128,
    pub(crate) shipping: i128,
    pub(crate) tax: Option<i128>,
    pub(crate) tax_included: i128,
    pub(crate) tax_estimate: Option<i128>,
    pub(crate) total: i128,
    pub(crate) taxed_by: TaxedBy,
    /// What each gift card and store credit pays, in their order,
    pub(crate) paid: Vec<i128>,
    /// and what is left.
    pub(crate) due: i128,
    /// Of every promotion that takes something off, in order: its number, and what.
    pub(crate) given: Vec<Given>,
    /// Of every code: whether its promotion applies.
    pub(crate) codes: Vec<(String, bool)>,
}

/// Who says what tax there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaxedBy {
    Table,
    Calculator,
    /// The table, because the calculator has not answered.
    Fallback,
}

/// A line of goods, or that of shipping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BillLine {
    pub(crate) amount: i128,
    /// The tax that was taken out of its price.
    pub(crate) stripped: i128,
    pub(crate) discount: i128,
    pub(crate) tax: Option<Tax>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tax {
    pub(crate) net: i128,
    pub(crate) amount: i128,
    pub(crate) included: bool,
    /// What each of several taxes gets of it; empty where there is one.
    pub(crate) parts: Vec<i128>,
}

/// What a promotion took off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) promotion: u8,
    /// Off each line, in the cart's order.
    pub(crate) lines: Vec<i128>,
    pub(crate) shipping: i128,
}

impl Given {
    pub(crate) fn is_something(&self) -> bool {
        self.shipping != 0 || self.lines.iter().any(|line| *line != 0)
    }
}
