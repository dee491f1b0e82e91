//! The variant: what a shopper buys.

use super::prices::check_price;
use super::{
    CurrencyPrices, Error, LIST_PRICES_MAX, ListPrice, OPTION_LENGTH_MAX, OPTIONS_MAX, PriceChange, Sku,
    TITLE_LENGTH_MAX, VariantEvent, WEIGHT_GRAMS_MAX,
};
use crate::entity::{Command, Context, Create, Entity, Keys, NoTimer, PastBody};
use crate::error::{Broken, FieldErrors, ensure, segment};
use crate::id::{EntityId, ProductId, VariantId};
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::money::{Currency, Price};
use crate::tax::Category;
use crate::text;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// By what a variant differs from its siblings: `color` is `red`.
pub type Options = BTreeMap<String, String>;

/// What a shopper buys: a product in one size, color and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// Of which product.
    pub product: ProductId,
    /// Its name in the shop's other systems, unique in the store.
    pub sku: Sku,
    /// Its name for people.
    pub title: String,
    /// By what it differs from its siblings.
    pub options: Options,
    /// What one unit costs in each currency; without any, it is not for sale and may still be in stock.
    pub prices: CurrencyPrices,
    /// What a unit is said to have cost before, for display alone.
    pub compare_at_prices: CurrencyPrices,
    /// What promotions leave of a unit's price at least (section 2.3).
    pub minimum_prices: CurrencyPrices,
    /// What a unit costs by price lists, sorted by list, currency and quantity.
    pub list_prices: Arc<[ListPrice]>,
    /// Whether there is nothing to send: a download, a voucher.
    pub digital: bool,
    /// How it is taxed.
    pub tax_category: Category,
    /// What one unit weighs.
    pub weight_grams: u32,
    /// May it be sold?
    pub status: VariantStatus,
    /// When it came into being.
    pub created_at: Timestamp,
}

/// May a variant be sold?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariantStatus {
    /// Yes, if it has a price.
    #[default]
    Active,
    /// No.
    Disabled,
}

impl Variant {
    /// Tells whether it is offered at all, priced or not.
    pub fn is_active(&self) -> bool {
        match self.status {
            VariantStatus::Active => true,
            VariantStatus::Disabled => false,
        }
    }

    /// Tells whether it may be sold, as far as it knows: its product has a say in it too. It needs a price in a currency
    /// that is offered, its own or one by a list.
    pub fn is_for_sale(
        &self,
        is_offered: impl Fn(Currency) -> bool,
        is_priced_by_list: impl FnOnce() -> bool,
    ) -> bool {
        let is_priced = || self.prices.iter().any(|price| is_offered(price.currency));
        self.is_active() && (is_priced() || is_priced_by_list())
    }

    /// Tells whether it has no title of its own, but its SKU for one: shoppers read its product's.
    pub fn is_named_by_its_product(&self) -> bool {
        self.title == self.sku.as_str()
    }

    fn put(&mut self, prices: CurrencyPrices, cx: &mut Context<'_, Self>) {
        let before = std::mem::replace(&mut self.prices, prices);
        for from in before.iter() {
            let to = self.prices.of(from.currency);
            if to != Some(from) {
                let from = Some(from);
                cx.emit(VariantEvent::PriceSet { from, to });
            }
        }
        for new in self
            .prices
            .iter()
            .filter(|price| before.of(price.currency).is_none())
        {
            cx.emit(VariantEvent::PriceSet {
                from: None,
                to: Some(new),
            });
        }
    }
}

/// The stored form of schema 1: a price in one currency.
#[derive(Deserialize)]
struct VariantOfOnePrice {
    id: VariantId,
    product: ProductId,
    sku: Sku,
    title: String,
    options: Options,
    price: Option<Price>,
    tax_category: Category,
    weight_grams: u32,
    status: VariantStatus,
    created_at: Timestamp,
}

impl Entity for Variant {
    const KIND: Kind = Kind::Variant;
    const SCHEMA: u16 = 2;
    type Id = VariantId;
    type Event = VariantEvent;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        if schema != 1 {
            return Err(format!("a variant has no schema {schema}"));
        }
        let past: VariantOfOnePrice = body.read()?;
        Ok(Self {
            id: past.id,
            product: past.product,
            sku: past.sku,
            title: past.title,
            options: past.options,
            prices: past.price.into(),
            compare_at_prices: CurrencyPrices::default(),
            minimum_prices: CurrencyPrices::default(),
            list_prices: Arc::default(),
            digital: false,
            tax_category: past.tax_category,
            weight_grams: past.weight_grams,
            status: past.status,
            created_at: past.created_at,
        })
    }

    fn invariants(&self) -> Result<(), Broken> {
        ensure(!self.title.is_empty(), "a variant has a title")?;
        let mut all = [&self.prices, &self.compare_at_prices, &self.minimum_prices].into_iter();
        ensure(
            all.all(CurrencyPrices::is_sound),
            "a variant has one price a currency, in order, none below zero",
        )?;
        ensure(
            self.list_prices
                .is_sorted_by(|left, right| left.key() < right.key()),
            "a variant has one price a list, currency and quantity, in order",
        )?;
        ensure(
            self.minimum_prices.above(&self.prices).is_none(),
            "no minimum price is above the price",
        )?;
        ensure(
            self.options.len() <= OPTIONS_MAX,
            "a variant has at most OPTIONS_MAX options",
        )
    }

    fn keys(&self) -> Keys {
        // Within its product by creation.
        let sort = [
            self.product.uuid().as_bytes().as_slice(),
            &self.created_at.sort_key(),
        ]
        .concat();
        Keys {
            unique: vec![UniqueKey::new(Unique::Sku, self.sku.as_str())],
            listing: vec![ListingKey::new(Listing::VariantsByProduct, sort)],
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

/// What makes a variant, as somebody gave it.
#[derive(Clone, Debug, Default)]
pub struct VariantDraft {
    /// Its name in the shop's other systems.
    pub sku: String,
    /// Its name for people; the SKU when absent.
    pub title: Option<String>,
    /// By what it differs from its siblings.
    pub options: Options,
    /// What one unit costs; without it, it is not for sale.
    pub price: Option<PriceChange>,
    /// What a unit is said to have cost before, at most once in a currency.
    pub compare_at_prices: Vec<Price>,
    /// What promotions leave of a unit's price at least, at most once in a currency.
    pub minimum_prices: Vec<Price>,
    /// What a unit costs by price lists.
    pub list_prices: Vec<ListPrice>,
    /// Whether there is nothing to send.
    pub digital: bool,
    /// How it is taxed; the standard way when absent.
    pub tax_category: Option<String>,
    /// What one unit weighs.
    pub weight_grams: u32,
    /// May it be sold?
    pub status: VariantStatus,
}

impl VariantDraft {
    /// Checks every field, as [`CreateVariant`] would: so that a product is not made when its variants cannot be.
    ///
    /// # Errors
    /// Every bad field.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let nowhere = (
            VariantId::from_uuid(uuid::Uuid::nil()),
            ProductId::from_uuid(uuid::Uuid::nil()),
        );
        self.clone()
            .variant(nowhere.0, nowhere.1, Timestamp::default())
            .map(|_| ())
    }

    /// Checks the drafts of all variants that one product is made with, each by itself and beside the others.
    ///
    /// # Errors
    /// Every bad field, below `/variants`.
    pub fn check_all(drafts: &[Self]) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut skus = BTreeSet::new();
        for (index, draft) in drafts.iter().enumerate() {
            let pointer = format!("/variants/{index}");
            if let Err(bad) = draft.check() {
                errors.add_all(&pointer, bad);
            }
            if !skus.insert(&draft.sku) {
                let message = "another variant of the product has the SKU already";
                errors.add(format!("{pointer}/sku"), "catalog.duplicate_sku", message);
            }
        }
        errors.into_result()
    }

    fn variant(
        self,
        id: VariantId,
        product: ProductId,
        created_at: Timestamp,
    ) -> Result<Variant, FieldErrors> {
        let mut errors = FieldErrors::default();
        let sku = errors.take("/sku", Sku::parse(&self.sku));
        let title = match &self.title {
            Some(title) => check_title(title, &mut errors),
            None => sku.as_ref().map(ToString::to_string),
        };
        let options = check_options(&self.options, &mut errors);
        let price = self.price.as_ref();
        let prices = price.map(|price| price.apply(&CurrencyPrices::default(), &mut errors));
        let prices = prices.unwrap_or_default();
        let compare_at = CurrencyPrices::check(&self.compare_at_prices, "/compare_at_prices", &mut errors);
        let minimum_prices = CurrencyPrices::check(&self.minimum_prices, "/minimum_prices", &mut errors);
        check_minimum(&minimum_prices, &prices, "/minimum_prices", &mut errors);
        let list_prices = check_list_prices(&self.list_prices, &mut errors);
        let tax_category = match &self.tax_category {
            Some(category) => check_category(category, &mut errors),
            None => Some(Category::default()),
        };
        check_weight(self.weight_grams, &mut errors);
        let (Some(sku), Some(title), Some(tax_category), true) =
            (sku, title, tax_category, errors.is_empty())
        else {
            return Err(errors);
        };
        let Self {
            digital,
            weight_grams,
            status,
            ..
        } = self;
        Ok(Variant {
            id,
            product,
            sku,
            title,
            options,
            prices,
            compare_at_prices: compare_at,
            minimum_prices,
            list_prices,
            digital,
            tax_category,
            weight_grams,
            status,
            created_at,
        })
    }
}

/// Brings a variant of a product into being.
#[derive(Clone, Debug)]
pub struct CreateVariant {
    /// Of which product.
    pub product: ProductId,
    /// What makes it.
    pub draft: VariantDraft,
}

impl Create<Variant> for CreateVariant {
    const NAME: &'static str = "catalog.create_variant";
    type Reply = ();

    fn create(self, id: VariantId, cx: &mut Context<'_, Variant>) -> Result<(Variant, ()), Error> {
        let variant = self.draft.variant(id, self.product, cx.now())?;
        let (product, sku, status) = (variant.product, variant.sku.clone(), variant.status);
        cx.emit(VariantEvent::VariantCreated { product, sku, status });
        for price in variant.prices.iter() {
            cx.emit(VariantEvent::PriceSet {
                from: None,
                to: Some(price),
            });
        }
        Ok((variant, ()))
    }
}

/// Changes some of a variant. What is `None` stays; what changes nothing is no change.
#[derive(Clone, Debug, Default)]
pub struct UpdateVariant {
    /// Its name in the shop's other systems.
    pub sku: Option<String>,
    /// Its name for people; one that is the SKU follows it when absent.
    pub title: Option<String>,
    /// All of its options.
    pub options: Option<Options>,
    /// What one unit costs.
    pub price: Option<PriceChange>,
    /// All that a unit is said to have cost before.
    pub compare_at_prices: Option<Vec<Price>>,
    /// All that promotions leave of a unit's price at least.
    pub minimum_prices: Option<Vec<Price>>,
    /// All that a unit costs by price lists.
    pub list_prices: Option<Vec<ListPrice>>,
    /// Whether there is nothing to send.
    pub digital: Option<bool>,
    /// How it is taxed.
    pub tax_category: Option<String>,
    /// What one unit weighs.
    pub weight_grams: Option<u32>,
    /// May it be sold?
    pub status: Option<VariantStatus>,
}

impl UpdateVariant {
    /// Returns the variant as the change leaves it.
    ///
    /// # Errors
    /// Every bad field.
    pub fn changed(&self, variant: &Variant) -> Result<Variant, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut changed = variant.clone();
        if let Some(sku) = &self.sku {
            changed.sku = errors.take("/sku", Sku::parse(sku)).unwrap_or(changed.sku);
        }
        if let Some(title) = &self.title {
            changed.title = check_title(title, &mut errors).unwrap_or_default();
        } else if variant.is_named_by_its_product() {
            changed.title = changed.sku.to_string();
        }
        if let Some(options) = &self.options {
            changed.options = check_options(options, &mut errors);
        }
        if let Some(change) = &self.price {
            changed.prices = change.apply(&variant.prices, &mut errors);
        }
        if let Some(prices) = &self.compare_at_prices {
            changed.compare_at_prices = CurrencyPrices::check(prices, "/compare_at_prices", &mut errors);
        }
        if let Some(prices) = &self.minimum_prices {
            changed.minimum_prices = CurrencyPrices::check(prices, "/minimum_prices", &mut errors);
        }
        let pointer = match (&self.minimum_prices, &self.price) {
            (None, Some(PriceChange::Set(_))) => "/price",
            (None, Some(PriceChange::Replace(_))) => "/prices",
            (Some(_), _) | (None, None) => "/minimum_prices",
        };
        check_minimum(&changed.minimum_prices, &changed.prices, pointer, &mut errors);
        if let Some(rows) = &self.list_prices {
            changed.list_prices = check_list_prices(rows, &mut errors);
        }
        changed.digital = self.digital.unwrap_or(changed.digital);
        if let Some(category) = &self.tax_category {
            changed.tax_category = check_category(category, &mut errors).unwrap_or_default();
        }
        if let Some(weight_grams) = self.weight_grams {
            check_weight(weight_grams, &mut errors);
            changed.weight_grams = weight_grams;
        }
        changed.status = self.status.unwrap_or(changed.status);
        errors.into_result()?;
        Ok(changed)
    }
}

impl Command<Variant> for UpdateVariant {
    const NAME: &'static str = "catalog.update_variant";
    type Reply = ();

    fn apply(self, variant: &mut Variant, cx: &mut Context<'_, Variant>) -> Result<(), Error> {
        let mut changed = self.changed(variant)?;
        // They have facts of their own.
        let prices = std::mem::replace(&mut changed.prices, variant.prices.clone());
        if changed != *variant {
            *variant = changed;
            cx.emit(VariantEvent::VariantUpdated {
                sku: variant.sku.clone(),
                status: variant.status,
            });
        }
        variant.put(prices, cx);
        Ok(())
    }
}

/// Sets what one unit costs, or takes the variant off sale. What was sent of one price is nothing else: its faults point at
/// the whole.
#[derive(Clone, Debug)]
pub struct SetPrice {
    /// The price in its currency, or all prices.
    pub price: PriceChange,
}

impl Command<Variant> for SetPrice {
    const NAME: &'static str = "catalog.set_price";
    type Reply = ();

    fn apply(self, variant: &mut Variant, cx: &mut Context<'_, Variant>) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        let prices = self.price.apply(&variant.prices, &mut errors);
        check_minimum(&variant.minimum_prices, &prices, "", &mut errors);
        let errors = match self.price {
            PriceChange::Set(_) => errors.of_the_whole(),
            PriceChange::Replace(_) => errors,
        };
        errors.into_result()?;
        variant.put(prices, cx);
        Ok(())
    }
}

fn check_title(title: &str, errors: &mut FieldErrors) -> Option<String> {
    errors.take("/title", text::line(title, TITLE_LENGTH_MAX))
}

fn check_category(category: &str, errors: &mut FieldErrors) -> Option<Category> {
    errors.take("/tax_category", Category::parse(category))
}

/// Notes what is wrong with prices by lists, and returns them in order.
pub(super) fn check_list_prices(rows: &[ListPrice], errors: &mut FieldErrors) -> Arc<[ListPrice]> {
    if LIST_PRICES_MAX < rows.len() {
        let message = format!("at most {LIST_PRICES_MAX} prices by lists are possible");
        errors.add("/list_prices", "catalog.too_many_list_prices", message);
        return Arc::default();
    }
    let mut checked: BTreeMap<_, ListPrice> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let pointer = format!("/list_prices/{at}");
        check_price(row.price, &format!("{pointer}/price"), errors);
        if row.from_quantity == 0 {
            let message = "a price holds from one unit on, or more";
            errors.add(
                format!("{pointer}/from_quantity"),
                "catalog.quantity_zero",
                message,
            );
        }
        if checked.insert(row.key(), *row).is_some() {
            let message = "there is a price of this list for this currency and quantity already";
            errors.add(pointer, "catalog.duplicate_price", message);
        }
    }
    checked.into_values().collect()
}

fn check_minimum(minimum: &CurrencyPrices, prices: &CurrencyPrices, pointer: &str, errors: &mut FieldErrors) {
    if let Some(above) = minimum.above(prices) {
        let message = format!("the minimum price in {} is above the price", above.currency);
        errors.add(pointer, "catalog.minimum_above_price", message);
    }
}

fn check_weight(weight_grams: u32, errors: &mut FieldErrors) {
    if WEIGHT_GRAMS_MAX < weight_grams {
        let message = format!("at most {WEIGHT_GRAMS_MAX} grams are possible");
        errors.add("/weight_grams", "catalog.weight_out_of_range", message);
    }
}

/// Returns the options without blanks around names and values.
fn check_options(options: &Options, errors: &mut FieldErrors) -> Options {
    let mut checked = Options::new();
    if OPTIONS_MAX < options.len() {
        errors.add(
            "/options",
            "catalog.too_many_options",
            format!("at most {OPTIONS_MAX} options are possible"),
        );
        return checked;
    }
    for (name, value) in options {
        let pointer = format!("/options{}", segment(name));
        let name = errors.take(&pointer, text::line(name, OPTION_LENGTH_MAX));
        let value = errors.take(&pointer, text::line(value, OPTION_LENGTH_MAX));
        if let (Some(name), Some(value)) = (name, value)
            && checked.insert(name, value).is_some()
        {
            errors.add(pointer, "catalog.duplicate_option", "the option is there twice");
        }
    }
    checked
}
