//! Typed, prefixed ids, and where they come from.
//!
//! An id is a UUID. Its last byte is its partition: a cart, its checkouts and its orders carry the same one, so
//! that they can be placed together (ADR 0004). On the wire an id is `<prefix>_<32 hexadecimal digits>`.

use crate::kind::Kind;
use crate::money::Currency;
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use uuid::{Uuid, Version};

/// Where an entity is placed: the last byte of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition(pub u8);

/// The kind and id of an entity: its address everywhere below the use cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub id: Uuid,
}

impl EntityKey {
    /// Returns where the entity is placed.
    pub const fn partition(&self) -> Partition {
        Partition(self.id.as_bytes()[15])
    }

    /// Returns the id as callers know it: `prod_` and its digits for a product.
    pub fn to_wire(self) -> String {
        match wire_prefix(self.kind) {
            Some(prefix) => format!("{prefix}_{}", self.id.simple()),
            None => self.to_string(),
        }
    }

    /// Returns what an id as callers know it is of; nothing where it is none.
    pub fn from_wire(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_once('_')?;
        let mut kinds = Kind::ALL.iter().copied();
        // The frozen quote of a checkout has its id, and no caller's name.
        let kind = kinds.find(|kind| *kind != Kind::FrozenQuote && wire_prefix(*kind) == Some(prefix))?;
        let id = wire_digits(digits)?;
        Some(Self { kind, id })
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id.simple())
    }
}

/// An id of one kind of entity.
pub trait EntityId:
    Copy + fmt::Debug + fmt::Display + Eq + Ord + std::hash::Hash + Send + Sync + 'static
{
    /// What stands before the underscore on the wire.
    const PREFIX: &'static str;

    /// Wraps a UUID.
    fn from_uuid(uuid: Uuid) -> Self;

    /// Returns the UUID.
    fn uuid(self) -> Uuid;

    /// Returns where things with this id are placed.
    fn partition(self) -> Partition {
        Partition(self.uuid().as_bytes()[15])
    }

    /// Returns when it was drawn, to the millisecond; nothing of an id that was not drawn but made from a name.
    fn drawn_at(self) -> Option<Timestamp> {
        if self.uuid().get_version() != Some(Version::SortRand) {
            return None;
        }
        let (seconds, nanos) = self.uuid().get_timestamp()?.to_unix();
        let millis = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
        Some(Timestamp::from_millis(millis + i64::from(nanos / 1_000_000)))
    }
}

/// A text that is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_ and 32 hexadecimal digits")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// Reads an id's wire form.
///
/// # Errors
/// [`InvalidId`] when the prefix or the digits are not as expected.
pub fn parse<I: EntityId>(text: &str) -> Result<I, InvalidId> {
    let invalid = InvalidId { prefix: I::PREFIX };
    let digits = text
        .strip_prefix(I::PREFIX)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(invalid.clone())?;
    wire_digits(digits).map(I::from_uuid).ok_or(invalid)
}

/// Reads the digits of an id: of the several ways to write a UUID there is one on the wire.
fn wire_digits(digits: &str) -> Option<Uuid> {
    let is_one = digits.len() == 32 && !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    Uuid::try_parse(digits).ok().filter(|_| is_one)
}

/// Returns what stands before the underscore of the ids of a kind; nothing for kinds of tests.
const fn wire_prefix(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Settings => SettingsId::PREFIX,
        Kind::Session => SessionId::PREFIX,
        Kind::Product => ProductId::PREFIX,
        Kind::Variant => VariantId::PREFIX,
        Kind::StockItem => StockItemId::PREFIX,
        Kind::TaxZone => TaxZoneId::PREFIX,
        Kind::ShippingMethod => ShippingMethodId::PREFIX,
        Kind::Cart => CartId::PREFIX,
        Kind::Checkout | Kind::FrozenQuote => CheckoutId::PREFIX,
        Kind::Order => OrderId::PREFIX,
        Kind::Cancellation => CancellationId::PREFIX,
        Kind::Customer => CustomerId::PREFIX,
        Kind::Promotion => PromotionId::PREFIX,
        Kind::PriceList => PriceListId::PREFIX,
        Kind::CouponCode => CouponCodeId::PREFIX,
        Kind::UseCounter => UseCounterId::PREFIX,
        Kind::StoredValue => StoredValueId::PREFIX,
        Kind::Toy | Kind::ToySaga => return None,
    })
}

/// Writes an id: for people as on the wire, in storage as the bytes of its UUID.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<I: EntityId, S: Serializer>(id: &I, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return serializer.collect_str(id);
    }
    id.uuid().serialize(serializer)
}

/// Reads an id as [`serialize`] writes it.
///
/// # Errors
/// Those of the deserializer, and that a text is no such id.
pub fn deserialize<'de, I: EntityId, D: Deserializer<'de>>(deserializer: D) -> Result<I, D::Error> {
    if deserializer.is_human_readable() {
        return parse(&String::deserialize(deserializer)?).map_err(de::Error::custom);
    }
    Uuid::deserialize(deserializer).map(I::from_uuid)
}

/// Declares a typed id with its prefix.
#[macro_export]
macro_rules! typed_id {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub uuid::Uuid);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::id::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::id::deserialize(deserializer)
            }
        }

        impl $crate::id::EntityId for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: uuid::Uuid) -> Self { Self(uuid) }
            fn uuid(self) -> uuid::Uuid { self.0 }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // Whole, so that a string is made once.
                const DIGITS_AT: usize = concat!($prefix, "_").len();
                let mut text = [0; DIGITS_AT + uuid::fmt::Simple::LENGTH];
                text[..DIGITS_AT].copy_from_slice(concat!($prefix, "_").as_bytes());
                self.0.simple().encode_lower(&mut text[DIGITS_AT..]);
                f.write_str(std::str::from_utf8(&text).map_err(|_| std::fmt::Error)?)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> { $crate::id::parse(text) }
        }
    };
}

/// The randomness of one request, drawn once at the edge; every id and token of the request comes from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub Uuid);

impl Seed {
    /// Returns the `n`th UUIDv7 of this seed, placed in `partition` or, without one, anywhere.
    pub fn id(self, n: u32, now: Timestamp, partition: Option<Partition>) -> Uuid {
        let drawn = Uuid::new_v5(&self.0, &n.to_be_bytes());
        let mut random = [0_u8; 10];
        random.copy_from_slice(&drawn.as_bytes()[6..]);
        // Version 5 fixes six of these bits; the first bytes of the digest have none fixed.
        random[0] = drawn.as_bytes()[0];
        random[2] = drawn.as_bytes()[1];
        if let Some(Partition(byte)) = partition {
            random[9] = byte;
        }
        uuid::Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid()
    }

    /// Returns the seed of one part of the request, so that parts draw different ids.
    #[must_use]
    pub fn derive(self, part: &[u8]) -> Self {
        Self(Uuid::new_v5(&self.0, part))
    }

    /// Returns a secret of 128 bits for the given purpose, as 32 hexadecimal digits.
    pub fn secret(self, purpose: &str) -> String {
        let left = Uuid::new_v5(&self.0, format!("{purpose}/left").as_bytes());
        let right = Uuid::new_v5(&self.0, format!("{purpose}/right").as_bytes());
        let mut bytes = [0_u8; 16];
        bytes[..6].copy_from_slice(&left.as_bytes()[..6]);
        bytes[6..10].copy_from_slice(&left.as_bytes()[10..14]);
        bytes[10..].copy_from_slice(&right.as_bytes()[..6]);
        Uuid::from_bytes(bytes).simple().to_string()
    }
}

typed_id!(
    /// A session's id.
    SessionId, "sess"
);
typed_id!(
    /// A product's id.
    ProductId, "prod"
);
typed_id!(
    /// A variant's id.
    VariantId, "var"
);
typed_id!(
    /// The id of the stock of one variant at one location, derived from both.
    StockItemId, "stk"
);
typed_id!(
    /// A tax zone's id.
    TaxZoneId, "txz"
);
typed_id!(
    /// A shipping method's id.
    ShippingMethodId, "shm"
);
typed_id!(
    /// A promotion's id.
    PromotionId, "promo"
);
typed_id!(
    /// The id of the counter of uses of a promotion, derived from it and from what is counted.
    UseCounterId, "use"
);
typed_id!(
    /// The id of a code that is good for one order, derived from the code.
    CouponCodeId, "cpn"
);
typed_id!(
    /// A price list's id.
    PriceListId, "plist"
);
typed_id!(
    /// A cart's id.
    CartId, "cart"
);
typed_id!(
    /// A cart or order line's id.
    LineId, "line"
);
typed_id!(
    /// A checkout's id; its frozen quote has the same UUID.
    CheckoutId, "chk"
);
typed_id!(
    /// An order's id.
    OrderId, "ord"
);
typed_id!(
    /// A cancellation's id.
    CancellationId, "cxl"
);
typed_id!(
    /// A customer's id.
    CustomerId, "cus"
);
typed_id!(
    /// The id of stored value: of a gift card or of store credit.
    StoredValueId, "sv"
);
typed_id!(
    /// The id of the store's settings, of which there is one.
    SettingsId, "set"
);

/// The id of the one settings entity.
pub const SETTINGS_ID: SettingsId = SettingsId(Uuid::nil());

impl StockItemId {
    /// Returns the id of a variant's stock at a location.
    pub fn of(variant: VariantId, location: &str) -> Self {
        Self(Uuid::new_v5(&variant.0, location.as_bytes()))
    }
}

impl StoredValueId {
    /// Returns the id of a customer's store credit in one currency.
    pub fn of_credit(customer: CustomerId, currency: Currency) -> Self {
        Self(Uuid::new_v5(&customer.0, currency.code().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_of_two_kinds_look_different() {
        let mut seen = BTreeSet::new();
        for kind in Kind::ALL {
            let id = Uuid::nil();
            let key = EntityKey { kind: *kind, id };
            // A frozen quote has its checkout's id.
            assert!(seen.insert(key.to_wire()) || *kind == Kind::FrozenQuote, "{kind}");
        }
    }

    #[test]
    fn what_an_id_is_of_is_read_from_it() {
        let id = Uuid::from_u128(42);
        for kind in Kind::ALL.iter().copied() {
            let read = EntityKey::from_wire(&EntityKey { kind, id }.to_wire());
            let expected = match kind {
                Kind::FrozenQuote => Some(Kind::Checkout),
                Kind::Toy | Kind::ToySaga => None,
                kind => Some(kind),
            };
            assert_eq!(read, expected.map(|kind| EntityKey { kind, id }));
        }
        let digits = id.simple().to_string();
        for none in [
            "",
            "cart",
            "cart_",
            &digits,
            &format!("cart_{id}"),
            &format!("line_{digits}"),
        ] {
            assert_eq!(EntityKey::from_wire(none), None, "{none}");
        }
    }

    #[test]
    fn an_id_is_written_as_on_the_wire_where_people_read_it() {
        let id = CartId(Uuid::from_u128(42));
        let text = serde_json::to_string(&id).expect("an id can be written");
        assert_eq!(text, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<CartId>(&text).ok(), Some(id));
        assert!(serde_json::from_str::<OrderId>(&text).is_err());
    }

    #[test]
    fn ids_of_one_seed_differ_and_share_the_partition() {
        let seed = Seed(Uuid::from_u128(7));
        let now = Timestamp::from_millis(1_700_000_000_000);
        let first = CartId(seed.id(0, now, None));
        let second = CheckoutId(seed.id(1, now, Some(first.partition())));
        assert_ne!(first.0, second.0);
        assert_eq!(first.partition(), second.partition());
        assert_eq!(first.0.get_version_num(), 7);
    }

    #[test]
    fn an_id_tells_when_it_was_drawn_and_sorts_by_it() {
        let times = [0, 1, 999, 1_000, 1_700_000_000_001].map(Timestamp::from_millis);
        for seed in 0_u8..100 {
            let drawn = |now| Seed(Uuid::from_u128(seed.into())).id(0, now, Some(Partition(u8::MAX - seed)));
            let ids = times.map(|now| CartId(drawn(now)));
            assert!(ids.is_sorted());
            assert_eq!(ids.map(CartId::drawn_at), times.map(Some));
        }
        assert_eq!(CartId(Uuid::from_u128(42)).drawn_at(), None);
        assert_eq!(CartId(Uuid::new_v5(&Uuid::nil(), b"a name")).drawn_at(), None);
    }

    #[test]
    fn an_id_reads_back_and_refuses_another_prefix() {
        let id = CartId(Uuid::from_u128(42));
        assert_eq!(id.to_string().parse::<CartId>(), Ok(id));
        assert_eq!(
            id.to_string().parse::<OrderId>(),
            Err(InvalidId { prefix: "ord" })
        );
        assert_eq!("cart_".parse::<CartId>(), Err(InvalidId { prefix: "cart" }));
    }
}
