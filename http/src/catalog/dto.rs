//! Products and variants on the wire.

use crate::answer::versioned;
use crate::dto::{Price, Texts, Time, as_text, nullable};
use crate::extract::{Change, Null};
use cartwright_actors::catalog::{ProductView, VariantView, Visibility};
use cartwright_domain::id::PriceListId;
use cartwright_domain::{catalog, money, tax};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a shopper looks at, with the variants that can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Product {
    /// Its id.
    #[schema(example = "prod_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// Its name in addresses, unique.
    #[schema(example = "blue-mug")]
    handle: String,
    /// Its name for people.
    title: String,
    /// What there is to say about it.
    description: String,
    /// Its images, the first one first.
    images: Vec<Image>,
    /// The handles of the categories it is in: promotions may name them.
    #[schema(example = json!(["mugs", "sale"]))]
    categories: Vec<String>,
    /// May shoppers see it?
    status: ProductStatus,
    /// Its variants, by creation.
    variants: Vec<Variant>,
    /// When it came into being.
    created_at: Time,
    /// How often it was changed. Its variants have versions of their own.
    version: u64,
}

/// An image, by reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Image {
    /// An `http` or `https` address, or a path from the root of the storefront.
    url: String,
    /// What stands for it where it cannot be seen.
    #[serde(default)]
    alt: String,
}

/// May shoppers see a product?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProductStatus {
    /// Not yet.
    Draft,
    /// Yes.
    Active,
    /// No longer.
    Archived,
}

/// What a shopper buys: a product in one size, color and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Variant {
    /// Its id.
    #[schema(example = "var_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// The product it belongs to.
    product_id: String,
    /// Its name in the shop's other systems, unique.
    sku: String,
    /// Its name for people.
    title: String,
    /// What one unit costs in the store's currency; `null`: not for sale in it.
    price: Option<Price>,
    /// The currency of the price.
    #[schema(example = "GBP")]
    currency: Option<String>,
    /// What one unit costs in each currency that it is sold in.
    prices: Vec<Price>,
    /// What a unit is said to have cost before, for display alone.
    compare_at_prices: Vec<Price>,
    /// What promotions leave of a unit's price at least. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_prices: Option<Vec<Price>>,
    /// What a unit costs by price lists. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    list_prices: Option<Vec<ListPrice>>,
    /// Whether there is nothing to send: a download, a voucher.
    digital: bool,
    /// How it is taxed.
    #[schema(example = "standard")]
    tax_category: String,
    /// What one unit weighs.
    weight_grams: u32,
    /// By what it differs from its siblings.
    options: BTreeMap<String, String>,
    /// May it be sold?
    status: VariantStatus,
    /// May one be bought now by anybody, its product's status and its price considered? The price may be its own or one by
    /// a list for everybody.
    for_sale: bool,
    /// Units that can be had; `null`: stock is not counted.
    available: Option<i64>,
    /// When it came into being.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// What a unit costs by a price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ListPrice {
    /// By which list.
    #[serde(with = "as_text")]
    #[schema(value_type = String, example = "plist_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    price_list_id: PriceListId,
    /// From how many units of a line on; 1 when absent.
    #[serde(default = "one")]
    from_quantity: u32,
    /// What each of them then costs.
    price: Price,
}

const fn one() -> u32 {
    1
}

/// May a variant be sold?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariantStatus {
    /// Yes, if it has a price.
    Active,
    /// No.
    Disabled,
}

/// A product to be made, with its variants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewProduct {
    /// Its name for people.
    title: String,
    /// Its name in addresses; derived from the title when absent.
    handle: Option<String>,
    /// What there is to say about it.
    #[serde(default)]
    description: String,
    /// Its images.
    #[serde(default)]
    images: Vec<Image>,
    /// The handles of its categories, 50 at most.
    #[serde(default)]
    #[schema(example = json!(["mugs", "sale"]))]
    categories: Vec<String>,
    /// May shoppers see it?
    status: ProductStatus,
    /// Its variants.
    #[serde(default)]
    variants: Vec<NewVariant>,
}

/// Changes to a product. What is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ProductChange {
    /// Its name for people.
    #[schema(nullable = false)]
    title: Option<String>,
    /// Its name in addresses.
    #[schema(nullable = false)]
    handle: Option<String>,
    /// What there is to say about it.
    description: Option<String>,
    /// All of its images.
    images: Option<Vec<Image>>,
    /// The handles of all of its categories, 50 at most.
    categories: Option<Vec<String>>,
    /// May shoppers see it?
    #[schema(nullable = false)]
    status: Option<ProductStatus>,
}

/// A variant to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewVariant {
    /// Its name in the shop's other systems: 1 to 64 printable characters.
    sku: String,
    /// Its name for people; the SKU when absent.
    title: Option<String>,
    /// What one unit costs; without it, it is not for sale.
    price: Option<Price>,
    /// What one unit costs in several currencies, once in each.
    prices: Option<Vec<Price>>,
    /// What a unit is said to have cost before, once in each currency.
    #[serde(default)]
    compare_at_prices: Vec<Price>,
    /// What promotions leave of a unit's price at least, once in each currency.
    #[serde(default)]
    minimum_prices: Vec<Price>,
    /// What a unit costs by price lists, at most 1,000 prices.
    #[serde(default)]
    list_prices: Vec<ListPrice>,
    /// Whether there is nothing to send: a download, a voucher.
    #[serde(default)]
    digital: bool,
    /// How it is taxed; `standard` when absent.
    tax_category: Option<String>,
    /// What one unit weighs; 0 when absent.
    #[serde(default)]
    weight_grams: u32,
    /// By what it differs from its siblings.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    options: Texts,
    /// May it be sold? It may when absent.
    status: Option<VariantStatus>,
}

/// Changes to a variant. What is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct VariantChange {
    /// Its name in the shop's other systems.
    #[schema(nullable = false)]
    sku: Option<String>,
    /// Its name for people; one that is the SKU follows it when absent.
    #[schema(nullable = false)]
    title: Option<String>,
    /// What one unit costs in the price's currency; other prices stay. `null` takes all of them away: it is off sale,
    /// unless a list has a price for it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Price>)]
    price: Option<Option<Price>>,
    /// All of its prices, one in each currency.
    prices: Option<Vec<Price>>,
    /// All that a unit is said to have cost before.
    compare_at_prices: Option<Vec<Price>>,
    /// All that promotions leave of a unit's price at least.
    minimum_prices: Option<Vec<Price>>,
    /// All that a unit costs by price lists.
    list_prices: Option<Vec<ListPrice>>,
    /// Whether there is nothing to send.
    digital: Option<bool>,
    /// How it is taxed.
    tax_category: Option<String>,
    /// What one unit weighs.
    weight_grams: Option<u32>,
    /// All of its options.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    options: Option<Texts>,
    /// May it be sold?
    status: Option<VariantStatus>,
}

versioned!(Product, Variant);

impl From<&ProductView> for Product {
    fn from(view: &ProductView) -> Self {
        let product = &view.product.state;
        Self {
            id: product.id.to_string(),
            handle: product.handle.to_string(),
            title: product.title.clone(),
            description: product.description.clone(),
            images: product.images.iter().map(Image::from).collect(),
            categories: product.categories.iter().map(ToString::to_string).collect(),
            status: product.status.into(),
            variants: view.variants.iter().map(Variant::from).collect(),
            created_at: product.created_at.into(),
            version: view.product.revision.0,
        }
    }
}

impl From<&VariantView> for Variant {
    fn from(view: &VariantView) -> Self {
        let variant = &view.variant.state;
        let is_for_staff = view.visibility == Visibility::All;
        Self {
            id: variant.id.to_string(),
            product_id: variant.product.to_string(),
            sku: variant.sku.to_string(),
            title: variant.title.clone(),
            price: view.price.map(Price),
            currency: view.price.map(|price| price.currency.to_string()),
            prices: variant.prices.iter().map(Price).collect(),
            compare_at_prices: variant.compare_at_prices.iter().map(Price).collect(),
            minimum_prices: is_for_staff.then(|| variant.minimum_prices.iter().map(Price).collect()),
            list_prices: is_for_staff.then(|| variant.list_prices.iter().map(ListPrice::from).collect()),
            digital: variant.digital,
            tax_category: variant.tax_category.to_string(),
            weight_grams: variant.weight_grams,
            options: variant.options.clone(),
            status: variant.status.into(),
            for_sale: view.for_sale,
            // Staff see by how much more was promised than is there.
            available: view
                .available
                .map(|units| if is_for_staff { units } else { units.max(0) }),
            created_at: variant.created_at.into(),
            version: view.variant.revision.0,
        }
    }
}

impl From<&catalog::ListPrice> for ListPrice {
    fn from(row: &catalog::ListPrice) -> Self {
        Self {
            price_list_id: row.list,
            from_quantity: row.from_quantity,
            price: Price(row.price),
        }
    }
}

impl From<ListPrice> for catalog::ListPrice {
    fn from(row: ListPrice) -> Self {
        Self {
            list: row.price_list_id,
            from_quantity: row.from_quantity,
            price: row.price.0,
        }
    }
}

impl From<&catalog::Image> for Image {
    fn from(catalog::Image { url, alt }: &catalog::Image) -> Self {
        Self {
            url: url.clone(),
            alt: alt.clone(),
        }
    }
}

impl From<Image> for catalog::Image {
    fn from(Image { url, alt }: Image) -> Self {
        Self { url, alt }
    }
}

impl From<catalog::ProductStatus> for ProductStatus {
    fn from(status: catalog::ProductStatus) -> Self {
        match status {
            catalog::ProductStatus::Draft => Self::Draft,
            catalog::ProductStatus::Active => Self::Active,
            catalog::ProductStatus::Archived => Self::Archived,
        }
    }
}

impl From<ProductStatus> for catalog::ProductStatus {
    fn from(status: ProductStatus) -> Self {
        match status {
            ProductStatus::Draft => Self::Draft,
            ProductStatus::Active => Self::Active,
            ProductStatus::Archived => Self::Archived,
        }
    }
}

impl From<catalog::VariantStatus> for VariantStatus {
    fn from(status: catalog::VariantStatus) -> Self {
        match status {
            catalog::VariantStatus::Active => Self::Active,
            catalog::VariantStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<VariantStatus> for catalog::VariantStatus {
    fn from(status: VariantStatus) -> Self {
        match status {
            VariantStatus::Active => Self::Active,
            VariantStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<NewProduct> for (catalog::CreateProduct, Vec<catalog::VariantDraft>) {
    fn from(new: NewProduct) -> Self {
        let command = catalog::CreateProduct {
            title: new.title,
            handle: new.handle,
            description: new.description,
            images: new.images.into_iter().map(Into::into).collect(),
            categories: new.categories,
            status: new.status.into(),
        };
        (command, new.variants.into_iter().map(Into::into).collect())
    }
}

impl Change for ProductChange {
    fn null(field: &str) -> Null {
        match field {
            "title" | "handle" | "status" => Null::Refused,
            "description" => Null::Becomes(json!("")),
            "images" | "categories" => Null::Becomes(json!([])),
            _ => Null::Read,
        }
    }
}

impl From<ProductChange> for catalog::UpdateProduct {
    fn from(change: ProductChange) -> Self {
        let images = change.images;
        Self {
            title: change.title,
            handle: change.handle,
            description: change.description,
            images: images.map(|images| images.into_iter().map(Into::into).collect()),
            categories: change.categories,
            status: change.status.map(Into::into),
        }
    }
}

impl From<NewVariant> for catalog::VariantDraft {
    fn from(new: NewVariant) -> Self {
        Self {
            sku: new.sku,
            title: new.title,
            options: new.options.0,
            price: price_change(new.price.map(Some), new.prices),
            compare_at_prices: plain(new.compare_at_prices),
            minimum_prices: plain(new.minimum_prices),
            list_prices: new.list_prices.into_iter().map(Into::into).collect(),
            digital: new.digital,
            tax_category: new.tax_category,
            weight_grams: new.weight_grams,
            status: new.status.unwrap_or(VariantStatus::Active).into(),
        }
    }
}

impl Change for VariantChange {
    fn null(field: &str) -> Null {
        match field {
            "sku" | "title" => Null::Refused,
            "prices" | "compare_at_prices" | "minimum_prices" | "list_prices" => Null::Becomes(json!([])),
            "options" => Null::Becomes(json!({})),
            "digital" => Null::Becomes(json!(false)),
            "tax_category" => Null::Becomes(json!(tax::Category::default().to_string())),
            "weight_grams" => Null::Becomes(json!(0)),
            "status" => Null::Becomes(json!(VariantStatus::Active)),
            _ => Null::Read,
        }
    }
}

impl From<VariantChange> for catalog::UpdateVariant {
    fn from(change: VariantChange) -> Self {
        Self {
            sku: change.sku,
            title: change.title,
            options: change.options.map(|options| options.0),
            price: price_change(change.price, change.prices),
            compare_at_prices: change.compare_at_prices.map(plain),
            minimum_prices: change.minimum_prices.map(plain),
            list_prices: change
                .list_prices
                .map(|rows| rows.into_iter().map(Into::into).collect()),
            digital: change.digital,
            tax_category: change.tax_category,
            weight_grams: change.weight_grams,
            status: change.status.map(Into::into),
        }
    }
}

/// Returns what becomes of the prices: `prices` are all of them, `price` is one of them or the only one that changes,
/// and `null` is none.
fn price_change(price: Option<Option<Price>>, prices: Option<Vec<Price>>) -> Option<catalog::PriceChange> {
    match (price, prices) {
        (None, None) => None,
        (Some(Some(Price(price))), None) => Some(catalog::PriceChange::Set(price)),
        (price, prices) => {
            let mut all = prices.unwrap_or_default();
            // As a variant is shown: the price of the store's currency is one of them.
            all.extend(price.flatten().filter(|price| !all.contains(price)));
            Some(catalog::PriceChange::Replace(plain(all)))
        }
    }
}

fn plain(prices: Vec<Price>) -> Vec<money::Price> {
    prices.into_iter().map(|Price(price)| price).collect()
}
