//! The catalog: products, which shoppers look at, and variants, which they buy.
//!
//! A variant is an entity of its own, so that a price changes without its product, and a cart asks only for what
//! it sells. What an order was placed with stands in the order; nothing here is ever looked up for it.

mod error;
mod event;
mod handle;
mod price_list;
mod prices;
mod product;
mod sku;
#[cfg(test)]
mod tests;
mod variant;

pub use error::Error;
pub use event::{ProductEvent, VariantEvent};
pub use handle::Handle;
pub use price_list::{
    CreatePriceList, DeletePriceList, ListPrice, ListPricePut, PRICE_LISTS_MAX, PriceList, PriceListDraft,
    PriceListEvent, PriceLists, PutListPrice, UpdatePriceList, first_fit,
};
pub(crate) use prices::price_max;
pub use prices::{CurrencyPrices, PriceChange};
pub use product::{CreateProduct, Image, Product, ProductStatus, UpdateProduct};
pub use sku::Sku;
pub use variant::{CreateVariant, Options, SetPrice, UpdateVariant, Variant, VariantDraft, VariantStatus};

/// The longest SKU, in characters.
pub const SKU_LENGTH_MAX: usize = 64;
/// The longest title of a product or variant, in characters.
pub const TITLE_LENGTH_MAX: usize = 255;
/// The longest handle, in characters.
pub const HANDLE_LENGTH_MAX: usize = 128;
/// The longest description, in characters.
pub const DESCRIPTION_LENGTH_MAX: usize = 20_000;
/// The most images a product may have.
pub const IMAGES_MAX: usize = 50;
/// How many categories a product may be in.
pub const CATEGORIES_MAX: usize = 50;
/// The longest address of an image, in characters.
pub const IMAGE_URL_LENGTH_MAX: usize = 2_048;
/// The longest text that stands for an image, in characters.
pub const IMAGE_ALT_LENGTH_MAX: usize = 500;
/// The most options by which a variant may differ from its siblings.
pub const OPTIONS_MAX: usize = 10;
/// The longest name or value of an option, in characters.
pub const OPTION_LENGTH_MAX: usize = 128;
/// The highest unit price, in millionths of the currency's major unit: a thousand million.
pub const PRICE_MILLIONTHS_MAX: i64 = 1_000_000_000_000_000;
/// The most prices a variant may have by price lists.
pub const LIST_PRICES_MAX: usize = 1_000;
/// The heaviest variant, in grams: a hundred tonnes.
pub const WEIGHT_GRAMS_MAX: u32 = 100_000_000;
