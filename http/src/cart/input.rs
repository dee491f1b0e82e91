//! Carts on the wire, as they are asked for and changed. Fields that a shopper may not set are not read at all.

use crate::dto::{AddressInput, PriceInput, Texts, Time, instant, nullable};
use crate::extract::{Objects, entity_id, malformed, plain};
use crate::problem::Refused;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use cartwright_actors::cart::{CartRef, DetailsDraft, LineDraft, VariantRef};
use cartwright_domain::cart::{self, CODES_MAX, Patch};
use cartwright_domain::error::FieldErrors;
use cartwright_domain::id::{self, CustomerId, LineId, StoredValueId};
use cartwright_domain::money::{Currency, Price};
use cartwright_domain::stored_value::StoredValue;
use cartwright_domain::{Caller, Class, Problem, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The word that stands for the session's cart.
const CURRENT: &str = "current";
/// How many units a line gets where the caller does not say.
const QUANTITY_DEFAULT: u32 = 1;

/// A cart to be opened.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewCart {
    /// The currency of its prices; the store's when absent.
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$", example = "GBP")]
    pub(super) currency: Option<Currency>,
}

/// Units to be added. One of `variant_id` and `sku` is needed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewLine {
    /// Which variant, by id.
    #[schema(example = "var_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    variant_id: Option<String>,
    /// Which variant, by SKU. Where both are given the id counts.
    sku: Option<String>,
    /// How many units; 1 when absent.
    #[serde(default = "quantity_default")]
    #[schema(default = 1)]
    quantity: u32,
    /// What the shopper chose.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    options: Texts,
    /// What the storefront notes; unlike ones keep lines apart.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    custom_fields: Texts,
    /// A unit price in place of the variant's. For staff; others' is ignored, whatever it is.
    #[serde(default)]
    #[schema(value_type = Option<PriceInput>)]
    unit_price: Value,
}

/// Coupon codes to be applied. One of `code` and `codes` is needed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewCodes {
    /// One.
    #[schema(example = "SUMMER-25")]
    code: Option<String>,
    /// Several, 10 at most.
    codes: Option<Vec<String>>,
}

/// A line's new quantity.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct NewQuantity {
    /// How many units; 0 removes the line.
    pub(super) quantity: u32,
}

/// Who buys, where it goes and how. What is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct CartDetails {
    /// The shopper's e-mail address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "ada@example.com")]
    email: Option<Option<String>>,
    /// Where the goods go.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<AddressInput>)]
    shipping_address: Option<Option<AddressInput>>,
    /// Where the bill goes; the shipping address when absent.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<AddressInput>)]
    billing_address: Option<Option<AddressInput>>,
    /// How the goods go; see the cart's shipping options.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    shipping_method_id: Option<Option<String>>,
    /// When the cart is priced, in place of now. For staff; others' is ignored, whatever it is.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Time>)]
    priced_at: Option<Option<Value>>,
    /// For which customer the cart is. For staff; others' is ignored, whatever it is.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "cus_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    customer_id: Option<Option<Value>>,
}

const fn quantity_default() -> u32 {
    QUANTITY_DEFAULT
}

/// The cart a route is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CartName(pub(crate) CartRef);

/// The cart and coupon code a route is about.
#[derive(Clone, Debug)]
pub(super) struct CartCodeName(pub(super) CartRef, pub(super) String);

/// The cart and the gift card or store credit a route is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct CartPaymentName(pub(super) CartRef, pub(super) StoredValueId);

/// The cart and line a route is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct CartLineName(pub(super) CartRef, pub(super) LineId);

impl<S: Send + Sync> FromRequestParts<S> for CartName {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        cart_ref(&path.map(|Path(cart)| cart).unwrap_or_default()).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CartLineName {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (cart, line) = path.map(|Path(names)| names).unwrap_or_default();
        let line = id::parse(&line).map_err(|_| {
            let message = format!("the cart has no line {line}");
            Refused::new(Class::NotFound, "cart.line_not_found", message)
        })?;
        Ok(Self(cart_ref(&cart)?, line))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CartCodeName {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (cart, code) = path.map(|Path(names)| names).unwrap_or_default();
        Ok(Self(cart_ref(&cart)?, code))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CartPaymentName {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (cart, value) = path.map(|Path(names)| names).unwrap_or_default();
        let value = entity_id::<StoredValue>(&value)?;
        Ok(Self(cart_ref(&cart)?, value))
    }
}

fn cart_ref(text: &str) -> Result<CartRef, Refused> {
    match text {
        CURRENT => Ok(CartRef::Current),
        id => entity_id::<cart::Cart>(id).map(CartRef::Id),
    }
}

impl NewLine {
    /// Returns the line as a use case takes it.
    ///
    /// # Errors
    /// No variant is named, or none that could be; a staff caller's price that is none.
    pub(super) fn read(self, caller: &Caller) -> Result<LineDraft, Refused> {
        let variant = match (self.variant_id, self.sku) {
            (Some(text), _) => id::parse(&text)
                .map(VariantRef::Id)
                .map_err(|_| unknown_variant(&text))?,
            (None, Some(sku)) => VariantRef::Sku(sku),
            (None, None) => {
                let message = "a line needs variant_id or sku";
                return Err(unreadable("/variant_id", "missing", message));
            }
        };
        let unit_price = match self.unit_price {
            Value::Null => None,
            price if caller.is_staff() => Some(read_price(&price)?),
            // Section 4.6: what a shopper may not set is ignored.
            _ => None,
        };
        Ok(LineDraft {
            variant,
            quantity: self.quantity,
            options: self.options.0,
            custom_fields: self.custom_fields.0,
            unit_price,
        })
    }
}

impl NewCodes {
    /// Returns the codes as they were entered.
    ///
    /// # Errors
    /// None, or more than a cart may hold.
    pub(super) fn read(self) -> Result<Vec<String>, Refused> {
        let codes = match (self.code, self.codes) {
            (Some(code), None) => vec![code],
            (None, Some(codes)) => codes,
            (Some(_), Some(_)) => {
                let message = "must not be given beside code";
                return Err(unreadable("/codes", "wrong_type", message));
            }
            (None, None) => {
                return Err(unreadable(
                    "/code",
                    "missing",
                    "needs code or codes, one of the two",
                ));
            }
        };
        if codes.is_empty() || CODES_MAX < codes.len() {
            let message = format!("must be 1 to {CODES_MAX} codes");
            return Err(unreadable("/codes", "wrong_length", &message));
        }
        Ok(codes)
    }
}

impl CartDetails {
    /// Returns the details as a use case takes them, with a shipping method that is none among the bad fields.
    ///
    /// # Errors
    /// A staff caller's time or customer that is none.
    pub(crate) fn read(self, caller: &Caller) -> Result<DetailsDraft, Refused> {
        let (mut bad, mut unread) = (FieldErrors::default(), FieldErrors::default());
        let shipping_method_id = patch(self.shipping_method_id, |text| {
            let read = id::parse(&text).map_err(|invalid| invalid.to_string());
            kept(read, "/shipping_method_id", "shipping_method.not_found", &mut bad)
        });
        // Section 4.6: what a shopper may not set is ignored.
        let priced_at = self.priced_at.filter(|_| caller.is_staff());
        let priced_at = patch(priced_at, |sent| {
            kept(read_time(&sent), "/priced_at", "wrong_type", &mut unread)
        });
        let customer_id = self.customer_id.filter(|_| caller.is_staff());
        let customer_id = patch(customer_id, |sent| {
            kept(read_customer(&sent), "/customer_id", "wrong_type", &mut unread)
        });
        unread.into_result().map_err(|errors| malformed(&errors))?;
        Ok(DetailsDraft {
            email: patch(self.email, Some),
            shipping_address: patch(self.shipping_address, |address| Some(address.into())),
            billing_address: patch(self.billing_address, |address| Some(address.into())),
            shipping_method_id,
            priced_at,
            customer_id,
            bad,
        })
    }
}

/// Returns what was sent of a field; one that cannot be read is kept as it is.
fn patch<T, R>(sent: Option<Option<T>>, read: impl FnOnce(T) -> Option<R>) -> Patch<R> {
    match sent {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(value)) => read(value).map_or(Patch::Keep, Patch::Set),
    }
}

/// Keeps the good value, or adds the field with what is wrong.
fn kept<T>(read: Result<T, String>, pointer: &str, code: &str, errors: &mut FieldErrors) -> Option<T> {
    read.map_err(|message| errors.add(pointer, code, message)).ok()
}

fn read_price(sent: &Value) -> Result<Price, Refused> {
    let input = PriceInput::deserialize(Objects(sent)).map_err(|error| plain(&error.to_string()));
    let price = input.and_then(|input| input.read());
    price.map_err(|message| unreadable("/unit_price", "wrong_type", &message))
}

fn read_time(sent: &Value) -> Result<Timestamp, String> {
    let text = sent.as_str().ok_or_else(|| "must be a text".to_owned())?;
    instant(text)
}

fn read_customer(sent: &Value) -> Result<CustomerId, String> {
    id::parse(sent.as_str().unwrap_or_default()).map_err(|invalid| invalid.to_string())
}

fn unknown_variant(name: &str) -> Refused {
    let message = format!("there is no variant {name}");
    Problem::new(Class::NotFound, "variant.not_found", message)
        .with("variant", name)
        .into()
}

fn unreadable(pointer: &str, code: &str, message: &str) -> Refused {
    let mut errors = FieldErrors::default();
    errors.add(pointer, code, message);
    malformed(&errors)
}
