//! The stable tags under which things are stored: entity kinds, key spaces, sequences.
//!
//! A tag is written out and never reused; renaming a Rust item must not change it.

use serde::{Deserialize, Serialize};

macro_rules! stable_tags {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $tag:literal $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u8", try_from = "u8")]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every value, in order of its tag.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the byte that stands for this value in storage.
            pub const fn tag(self) -> u8 {
                match self { $(Self::$variant => $tag,)+ }
            }

            /// Returns the name used in logs, routes and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Returns the name as a sentence has it: `stock item`.
            pub fn in_words(self) -> String {
                self.name().replace('_', " ")
            }
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> u8 { value.tag() }
        }

        impl TryFrom<u8> for $name {
            type Error = UnknownTag;
            fn try_from(tag: u8) -> Result<Self, UnknownTag> {
                match tag { $($tag => Ok(Self::$variant),)+ _ => Err(UnknownTag { tag }) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.name()) }
        }
    };
}

/// A stored tag that this release does not know: the data was written by a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tag {tag} is not known to this release")]
pub struct UnknownTag {
    /// The byte that was read.
    pub tag: u8,
}

stable_tags! {
    /// What an entity is.
    Kind {
        /// The store's settings, of which there is one.
        Settings = 1 "settings",
        /// A shopper's session.
        Session = 2 "session",
        /// A product: what a shopper looks at.
        Product = 3 "product",
        /// A variant: what a shopper buys, with a SKU and a price.
        Variant = 4 "variant",
        /// The stock of one variant at one location.
        StockItem = 5 "stock_item",
        /// A tax zone with its rates.
        TaxZone = 6 "tax_zone",
        /// A shipping method.
        ShippingMethod = 7 "shipping_method",
        /// A cart.
        Cart = 8 "cart",
        /// One attempt to turn a cart into an order: a saga.
        Checkout = 9 "checkout",
        /// The quote frozen by a checkout, written once.
        FrozenQuote = 10 "frozen_quote",
        /// An order.
        Order = 11 "order",
        /// The cancellation of an order: a saga.
        Cancellation = 12 "cancellation",
        /// A customer, as staff keep it.
        Customer = 13 "customer",
        /// A promotion.
        Promotion = 14 "promotion",
        /// A price list.
        PriceList = 15 "price_list",
        /// How often a promotion was used, where that is limited.
        UseCounter = 16 "use_counter",
        /// Stored value: a gift card, or a customer's store credit.
        StoredValue = 17 "stored_value",
        /// A code that is good for one order.
        CouponCode = 18 "coupon_code",
        /// The toy of the runtime's and the store's own tests.
        Toy = 250 "toy",
        /// The toy saga of the runtime's own tests.
        ToySaga = 251 "toy_saga",
    }
}

stable_tags! {
    /// A space of unique keys. In each, one value belongs to one entity.
    Unique {
        /// A variant's SKU, case-sensitive.
        Sku = 1 "sku",
        /// The open checkout of a cart (the cart's id).
        OpenCheckout = 2 "open_checkout",
        /// The order a checkout led to (the checkout's id). In older journals only: a checkout draws its order's id.
        OrderOfCheckout = 3 "order_of_checkout",
        /// An order's number.
        OrderNumber = 4 "order_number",
        /// The open cancellation of an order (the order's id).
        OpenCancellation = 5 "open_cancellation",
        /// A product's handle in addresses.
        ProductHandle = 6 "product_handle",
        /// What another system calls a customer.
        CustomerExternalId = 7 "customer_external_id",
        /// A customer's mailbox, in small letters.
        CustomerEmail = 8 "customer_email",
        /// The coupon code of a promotion, in capital letters.
        PromotionCode = 9 "promotion_code",
        /// A gift card's code, in capital letters.
        GiftCardCode = 11 "gift_card_code",
        /// For the tests of runtime and store.
        Toy = 250 "toy",
    }
}

stable_tags! {
    /// An ordered listing. A row is a sort value and the entity it leads to.
    Listing {
        /// Products by creation.
        Products = 1 "products",
        /// Variants by product.
        VariantsByProduct = 2 "variants_by_product",
        /// Tax zones by name.
        TaxZones = 3 "tax_zones",
        /// Shipping methods by name.
        ShippingMethods = 4 "shipping_methods",
        /// Carts by opening. In older journals only: they are listed by their ids.
        Carts = 5 "carts",
        /// Orders by number. In older journals only: they are listed by their unique key.
        Orders = 6 "orders",
        /// Sagas that have not ended, of every kind.
        OpenSagas = 7 "open_sagas",
        /// Stock items by variant. In older journals only: nobody read it.
        StockItems = 8 "stock_items",
        /// Published products by creation: what a shopper may see.
        PublishedProducts = 9 "published_products",
        /// Customers by creation.
        Customers = 10 "customers",
        /// Promotions by name.
        Promotions = 11 "promotions",
        /// Price lists by name.
        PriceLists = 12 "price_lists",
        /// Orders by whoever ordered, but for canceled ones.
        OrdersByShopper = 13 "orders_by_shopper",
        /// Gift cards by issue.
        GiftCards = 14 "gift_cards",
        /// Store credit by customer.
        StoreCreditByCustomer = 15 "store_credit_by_customer",
        /// Codes that are good for one order, by promotion and code.
        CouponCodes = 16 "coupon_codes",
        /// For the tests of runtime and store.
        Toy = 250 "toy",
    }
}

stable_tags! {
    /// A gap-free sequence of numbers, drawn by the committer for accepted commits only.
    Sequence {
        /// Order numbers, from 1.
        Order = 1 "order",
        /// For the tests of runtime and store.
        Toy = 250 "toy",
    }
}

/// A value in a space of unique keys. At most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UniqueKey {
    /// The space.
    pub space: Unique,
    /// The value, compared byte by byte.
    pub value: Vec<u8>,
}

impl UniqueKey {
    /// Makes a key of a text or an id's bytes.
    pub fn new(space: Unique, value: impl AsRef<[u8]>) -> Self {
        Self {
            space,
            value: value.as_ref().to_vec(),
        }
    }
}

/// A row of a listing, apart from the entity it leads to. At most 512 bytes of sort value.
///
/// One that changes on every command of its entity costs the index a row each time. Where a unique key sorts as the
/// list should, or the id, there need not be one: a scan goes through the keys of a space, and through a kind, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListingKey {
    /// The listing.
    pub listing: Listing,
    /// The sort value, compared byte by byte; numbers are big-endian.
    pub sort: Vec<u8>,
}

impl ListingKey {
    /// Makes a row of sortable bytes.
    pub fn new(listing: Listing, sort: impl AsRef<[u8]>) -> Self {
        Self {
            listing,
            sort: sort.as_ref().to_vec(),
        }
    }
}
