//! A cart's line, and the facts about its variant that commands and quotes need.

use super::totals::Offered;
use crate::catalog::{CurrencyPrices, Handle, ListPrice, first_fit};
use crate::error::{FieldErrors, segment};
use crate::id::{LineId, ProductId, VariantId};
use crate::money::{Currency, LINE_AMOUNT_MAX, Price};
use crate::shared;
use crate::tax::Category;
use crate::text;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many options, and how many custom fields, a line may have.
pub const ATTRIBUTES_MAX: usize = 20;
/// The longest name of an option or custom field.
pub const ATTRIBUTE_NAME_LENGTH_MAX: usize = 64;
/// The longest value of an option or custom field.
pub const ATTRIBUTE_VALUE_LENGTH_MAX: usize = 255;

/// Options or custom fields: names and values, in order of the names.
pub type Attributes = BTreeMap<String, String>;

/// Some units of one variant, bought alike.
///
/// A line is the same as another when variant, options, custom fields and overridden unit price are (section 1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id, kept for as long as the line is in the cart and, after that, in the order.
    pub id: LineId,
    /// What is bought.
    pub variant: VariantId,
    /// The product it belongs to.
    pub product: ProductId,
    /// The SKU as it was when added.
    #[serde(deserialize_with = "shared::text")]
    pub sku: Arc<str>,
    /// The title as it was when added.
    #[serde(deserialize_with = "shared::text")]
    pub title: Arc<str>,
    /// The tax category as it was when added; it counts only where the variant has gone since.
    pub tax_category: Category,
    /// What the shopper chose.
    pub options: Attributes,
    /// What the storefront noted; unlike ones keep lines apart.
    pub custom_fields: Attributes,
    /// How many units, at least one.
    pub quantity: u32,
    /// What a unit cost when the line was added first.
    pub price_when_added: Price,
    /// The unit price that staff set in place of the variant's. Few lines have one, and all would make room for it.
    pub price_override: Option<Box<PriceOverride>>,
}

/// A unit price set by staff, with who set it and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceOverride {
    /// What a unit costs.
    pub unit_price: Price,
    /// Who set it, as [`crate::Caller::name`] has it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Line {
    /// Returns how many bytes its options and custom fields have: most of a line that has many.
    pub fn attribute_bytes(&self) -> usize {
        let attributes = self.options.iter().chain(&self.custom_fields);
        attributes.map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Returns the overridden unit price.
    pub fn overridden(&self) -> Option<Price> {
        self.price_override
            .as_ref()
            .map(|price_override| price_override.unit_price)
    }

    /// Returns what a unit costs now: the overridden price, else the variant's. A variant that is gone or has no
    /// price in the line's currency is shown at what it cost when added; such a line cannot be checked out.
    pub fn unit_price(&self, of_variant: Option<Price>) -> Price {
        let current = of_variant.filter(|price| price.currency == self.price_when_added.currency);
        self.overridden().or(current).unwrap_or(self.price_when_added)
    }

    /// Tells whether two lines are the same: their quantities belong into one.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.is_of(
            other.variant,
            other.overridden(),
            &other.options,
            &other.custom_fields,
        )
    }

    /// Tells whether it is the same as a line of this variant, with this overridden unit price, these options and these
    /// custom fields.
    pub(super) fn is_of(
        &self,
        variant: VariantId,
        overridden: Option<Price>,
        options: &Attributes,
        custom_fields: &Attributes,
    ) -> bool {
        self.variant == variant
            && self.overridden() == overridden
            && self.options == *options
            && self.custom_fields == *custom_fields
    }
}

/// What the catalog and the stock say about a variant, gathered by the use case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantFacts {
    /// Which variant.
    pub variant_id: VariantId,
    /// The product it belongs to.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: Arc<str>,
    /// Its title, or its product's.
    pub title: Arc<str>,
    /// What a unit costs now, by currency.
    pub prices: CurrencyPrices,
    /// What price lists say instead, to the one who buys: the first that fits counts.
    pub list_prices: Vec<ListPrice>,
    /// What promotions leave of its price at least, by currency.
    pub minimum_prices: CurrencyPrices,
    /// What a unit weighs.
    pub weight_grams: u32,
    /// Whether there is nothing to send.
    pub digital: bool,
    /// How it is taxed.
    pub tax_category: Category,
    /// The categories of its product.
    pub categories: Arc<[Handle]>,
    /// Whether the catalog offers it: variant and product are active. Without a price it is for sale to nobody
    /// but staff who set one.
    pub for_sale: bool,
    /// How many units can be had; `None` when its stock is not tracked.
    pub available: Option<i64>,
}

impl VariantFacts {
    /// Returns what a unit costs in a currency where so many are bought.
    pub fn price(&self, currency: Currency, quantity: u32) -> Option<Price> {
        first_fit(&self.list_prices, currency, quantity).or_else(|| self.prices.of(currency))
    }

    /// Tells whether it has a price in some currency.
    pub(super) fn has_price(&self) -> bool {
        !self.prices.is_empty() || !self.list_prices.is_empty()
    }

    /// Returns what a quote in a currency looks at where so many are bought.
    pub fn offered(&self, currency: Currency, quantity: u32) -> Offered<'_> {
        Offered {
            price: self.price(currency, quantity),
            minimum_price: self.minimum_prices.of(currency),
            weight_grams: self.weight_grams,
            digital: self.digital,
            tax_category: &self.tax_category,
            categories: &self.categories,
        }
    }

    /// Tells whether so many units can be had.
    pub(super) fn has(&self, units: u64) -> bool {
        let available = |available: i64| u64::try_from(available).unwrap_or(0);
        self.available.is_none_or(|held| units <= available(held))
    }
}

/// Tells whether so many units come to more than a line may.
pub(super) fn is_too_much(unit_price: Price, quantity: u32) -> bool {
    unit_price.exceeds(LINE_AMOUNT_MAX, quantity)
}

/// Notes every bad name or value below `pointer`.
pub(super) fn check_attributes(attributes: &Attributes, pointer: &str, errors: &mut FieldErrors) {
    if ATTRIBUTES_MAX < attributes.len() {
        let message = format!("at most {ATTRIBUTES_MAX} are allowed");
        errors.add(pointer, "cart.too_many_attributes", message);
        return;
    }
    for (name, value) in attributes {
        let name_checked = match name.is_empty() {
            true => Err(text::Error::Empty),
            false => text::check_line(name, ATTRIBUTE_NAME_LENGTH_MAX),
        };
        let shown: String = name.chars().take(ATTRIBUTE_NAME_LENGTH_MAX).collect();
        let pointer = format!("{pointer}{}", segment(&shown));
        errors.take(&pointer, name_checked);
        errors.take(&pointer, text::check_line(value, ATTRIBUTE_VALUE_LENGTH_MAX));
    }
}
