//! Amounts and unit prices on the wire (section 1.1 of the semantics). Never a float.

use cartwright_domain::money::{self, Currency};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An amount: whole minor units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Money {
    /// Minor units: pence, cents, yen.
    #[schema(example = 1234)]
    pub(crate) amount: i64,
    /// The code of ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "GBP")]
    pub(crate) currency: Currency,
}

impl From<money::Money> for Money {
    fn from(money::Money { amount, currency }: money::Money) -> Self {
        Self { amount, currency }
    }
}

/// Returns an amount that is shown only where there is one.
pub(crate) fn unless_zero(amount: money::Money) -> Option<Money> {
    (!amount.is_zero()).then(|| amount.into())
}

impl From<Money> for money::Money {
    fn from(Money { amount, currency }: Money) -> Self {
        Self::new(amount, currency)
    }
}

/// The price of one unit. Written as an amount where it is whole minor units, else as an exact decimal; both are
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price(pub(crate) money::Price);

/// A unit price as it was sent, in one of its two forms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct PriceInput {
    /// Whole minor units.
    #[schema(example = 255)]
    amount: Option<i64>,
    /// Or an exact decimal of the major unit, with up to six decimals.
    #[schema(example = "0.001")]
    unit_price: Option<String>,
    /// The code of ISO 4217.
    #[schema(example = "GBP")]
    currency: String,
}

impl PriceInput {
    /// Returns the price it stands for.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub(crate) fn read(&self) -> Result<money::Price, String> {
        let currency = Currency::of(&self.currency).map_err(|error| error.to_string())?;
        let price = match (self.amount, &self.unit_price) {
            (Some(amount), None) => money::Price::of_money(money::Money::new(amount, currency)),
            (None, Some(decimal)) => money::Price::parse(decimal, currency),
            (None, None) | (Some(_), Some(_)) => {
                return Err("a price has either amount or unit_price".to_owned());
            }
        };
        price.map_err(|error| error.to_string())
    }
}

/// The two forms, for the API reference.
#[derive(ToSchema)]
#[schema(as = Price)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "only described here; Price writes and PriceInput reads it"
)]
enum Forms {
    /// Whole minor units.
    Whole(Money),
    /// A finer price, as an exact decimal.
    Fine {
        /// The decimal, in the major unit: at most six decimals.
        #[schema(example = "0.001")]
        unit_price: String,
        /// The code of ISO 4217.
        #[schema(example = "GBP")]
        currency: String,
    },
}

impl PartialSchema for Price {
    fn schema() -> RefOr<Schema> {
        Forms::schema()
    }
}

impl ToSchema for Price {
    fn name() -> Cow<'static, str> {
        Forms::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Forms::schemas(schemas);
    }
}

impl From<money::Price> for Price {
    fn from(price: money::Price) -> Self {
        Self(price)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fine {
            unit_price: String,
            currency: Currency,
        }
        match self.0.whole() {
            Some(money) => Money::from(money).serialize(serializer),
            None => Fine {
                unit_price: self.0.decimal().to_string(),
                currency: self.0.currency,
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let input = Sent::deserialize(deserializer)?;
        let input = PriceInput {
            amount: input.amount,
            unit_price: input.unit_price,
            currency: input.currency.to_string(),
        };
        input.read().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A price in one of its two forms, whose fields are refused by themselves.
#[derive(Deserialize)]
#[serde(rename = "Price")]
struct Sent {
    amount: Option<i64>,
    #[serde(default, deserialize_with = "decimal")]
    unit_price: Option<String>,
    currency: Currency,
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let sent = Option::<String>::deserialize(deserializer)?;
    if let Some(text) = &sent {
        // Of which currency it is makes no difference to its digits.
        money::Price::parse(text, Currency::GBP).map_err(serde::de::Error::custom)?;
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(sent: Value, expected: Result<Value, &str>) {
        let read = serde_json::from_value::<Price>(sent.clone());
        let written = read.map(|price| json!(price)).map_err(|error| error.to_string());
        assert_eq!(written, expected.map_err(str::to_owned), "{sent}");
    }

    #[test]
    fn a_price_is_read_in_both_forms_and_written_in_the_shorter() {
        let whole = json!({"amount": 255, "currency": "GBP"});
        check(whole.clone(), Ok(whole.clone()));
        check(json!({"unit_price": "2.550", "currency": "GBP"}), Ok(whole));
        let fine = json!({"unit_price": "0.001", "currency": "GBP"});
        check(fine.clone(), Ok(fine));
        check(
            json!({"unit_price": "0.0010", "currency": "KWD"}),
            Ok(json!({"amount": 1, "currency": "KWD"})),
        );
        check(
            json!({"unit_price": "-1.001", "currency": "EUR"}),
            Ok(json!({"unit_price": "-1.001", "currency": "EUR"})),
        );
    }

    #[test]
    fn a_price_that_is_none_is_refused_in_words() {
        let neither = "a price has either amount or unit_price";
        check(json!({"currency": "GBP"}), Err(neither));
        check(
            json!({"amount": 1, "unit_price": "0.01", "currency": "GBP"}),
            Err(neither),
        );
        check(
            json!({"unit_price": 0.5, "currency": "GBP"}),
            Err("invalid type: floating point `0.5`, expected a string"),
        );
        check(
            json!({"amount": 1.5, "currency": "GBP"}),
            Err("invalid type: floating point `1.5`, expected i64"),
        );
        check(json!({"amount": 1}), Err("missing field `currency`"));
    }

    #[test]
    fn the_extremes_are_refused_and_do_not_panic() {
        for sent in [
            json!({"amount": i64::MAX, "currency": "GBP"}),
            json!({"amount": i64::MIN, "currency": "GBP"}),
            json!({"unit_price": "9".repeat(40), "currency": "GBP"}),
            json!({"unit_price": "1e3", "currency": "GBP"}),
            json!({"unit_price": "0.0000001", "currency": "GBP"}),
            json!({"unit_price": "0.01", "currency": "DEM"}),
        ] {
            assert!(serde_json::from_value::<Price>(sent.clone()).is_err(), "{sent}");
        }
    }
}
