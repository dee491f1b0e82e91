//! What happens in the catalog. Whoever needs the rest reads the product or variant.

use super::{Handle, ProductStatus, Sku, VariantStatus};
use crate::event::EventBody;
use crate::id::ProductId;
use crate::money::Price;
use serde::{Deserialize, Serialize};

/// What happened to a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductEvent {
    /// It came into being.
    ProductCreated {
        /// Its name in addresses.
        handle: Handle,
        /// May shoppers see it?
        status: ProductStatus,
    },
    /// Some of it changed.
    ProductUpdated {
        /// Its name in addresses now.
        handle: Handle,
        /// May shoppers see it now?
        status: ProductStatus,
    },
}

impl EventBody for ProductEvent {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::ProductCreated { .. } => "catalog.product_created",
            Self::ProductUpdated { .. } => "catalog.product_updated",
        }
    }
}

/// What happened to a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariantEvent {
    /// It came into being.
    VariantCreated {
        /// Of which product.
        product: ProductId,
        /// Its SKU.
        sku: Sku,
        /// May it be sold?
        status: VariantStatus,
    },
    /// Some of it changed, apart from its price.
    VariantUpdated {
        /// Its SKU now.
        sku: Sku,
        /// May it be sold now?
        status: VariantStatus,
    },
    /// It has another price, or none any more, or its first.
    PriceSet {
        /// The price before.
        from: Option<Price>,
        /// The price now; nothing when it is not for sale.
        to: Option<Price>,
    },
}

impl EventBody for VariantEvent {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::VariantCreated { .. } => "catalog.variant_created",
            Self::VariantUpdated { .. } => "catalog.variant_updated",
            Self::PriceSet { .. } => "catalog.price_set",
        }
    }
}
