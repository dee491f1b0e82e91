//! Shipping methods on the wire.

use crate::answer::versioned;
use crate::dto::{Money, Span, Territory, TerritoryInput, as_text, nullable};
use crate::extract::{Change, Null};
use cartwright_actors::Shown;
use cartwright_domain::catalog::Handle;
use cartwright_domain::money::{Currency, Rate};
use cartwright_domain::{shipping, tax};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// A way to send goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ShippingMethod {
    /// Its id.
    #[schema(example = "shm_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What shoppers see.
    name: String,
    /// Where it goes.
    #[serde(flatten)]
    territory: Territory,
    /// Where it does not go all the same.
    except: Territory,
    /// The flat price, where that is all there is: one currency, no handling fee, no condition on the goods' worth.
    price: Option<Money>,
    /// The value of goods from which it is free, where there is a `price`.
    free_from: Option<Money>,
    /// What it costs: one tariff in each currency.
    #[schema(value_type = Vec<TariffFields>)]
    tariffs: Vec<Tariff>,
    /// What it takes.
    conditions: ShippingConditions,
    /// Within how many days goods arrive.
    delivery_days: Option<Span>,
    /// The category it is taxed in.
    #[schema(example = "standard")]
    tax_category: String,
    /// May it be chosen?
    enabled: bool,
    /// How often it was changed.
    version: u64,
}

/// A shipping method to be made, or changes to one: then, what is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ShippingMethodInput {
    /// What shoppers see.
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    /// Where it goes.
    #[serde(flatten)]
    territory: TerritoryInput,
    /// Where it does not go all the same, as a whole: nowhere when absent.
    except: Option<TerritoryInput>,
    /// A flat price: the tariff of its currency, or a change of that.
    #[schema(nullable = false)]
    price: Option<Money>,
    /// The value of goods from which it is free, in the tariff of its currency; `null` takes it away from all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Money>)]
    free_from: Option<Option<Money>>,
    /// All tariffs, one in each currency.
    #[schema(nullable = false)]
    #[schema(value_type = Option<Vec<TariffFields>>)]
    tariffs: Option<Vec<Tariff>>,
    /// All conditions.
    conditions: Option<ShippingConditions>,
    /// Within how many days goods arrive; `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Span>)]
    delivery_days: Option<Option<Span>>,
    /// The category it is taxed in; `standard` when absent.
    tax_category: Option<String>,
    /// May it be chosen? It may when absent.
    enabled: Option<bool>,
}

/// What a method costs in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TariffFields")]
pub(crate) struct Tariff {
    currency: Currency,
    #[serde(flatten)]
    charge: Charge,
    handling_fee: i64,
    free_from: Option<i64>,
    worth: Span,
}

/// What a method costs in one currency: it has one of `flat`, `table`, `percentage` and `carrier`. Amounts are minor units
/// of the currency.
// The reference tells it field by field: generators of clients cannot read one of several shapes beside fields of its own.
#[derive(Deserialize, ToSchema)]
#[schema(as = Tariff)]
struct TariffFields {
    /// Which currency.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "GBP")]
    currency: Currency,
    /// Always this much.
    flat: Option<i64>,
    /// By steps of a measure.
    table: Option<ChargeTable>,
    /// A share of what the goods are worth.
    percentage: Option<ChargePercentage>,
    /// What a carrier asks.
    carrier: Option<ChargeCarrier>,
    /// What handling costs, on top of the charge; 0 when absent.
    #[serde(default)]
    #[schema(required = false)]
    handling_fee: i64,
    /// The value of goods from which nothing is charged, handling included.
    free_from: Option<i64>,
    /// What the goods must be worth for the method to be offered: the subtotal less discounts.
    #[serde(default)]
    worth: Span,
}

impl TryFrom<TariffFields> for Tariff {
    type Error = &'static str;

    fn try_from(input: TariffFields) -> Result<Self, Self::Error> {
        let charge = match (input.flat, input.table, input.percentage, input.carrier) {
            (Some(price), None, None, None) => Charge::Flat(price),
            (None, Some(table), None, None) => Charge::Table(table),
            (None, None, Some(share), None) => Charge::Percentage(share),
            (None, None, None, Some(carrier)) => Charge::Carrier(carrier),
            _ => return Err("a tariff has one of flat, table, percentage and carrier"),
        };
        Ok(Self {
            currency: input.currency,
            charge,
            handling_fee: input.handling_fee,
            free_from: input.free_from,
            worth: input.worth,
        })
    }
}

/// How the price of shipping is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Charge {
    /// Always this much.
    Flat(i64),
    /// By steps of a measure.
    Table(ChargeTable),
    /// A share of what the goods are worth.
    Percentage(ChargePercentage),
    /// What a carrier asks.
    Carrier(ChargeCarrier),
}

/// What a carrier's service asks for the goods, and something else while the carrier does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ChargeCarrier {
    /// The carrier's code of the service.
    #[schema(example = "express")]
    service: String,
    /// The share that comes on top, an exact decimal: `0.1` is 10%; none when absent.
    #[serde(default = "no_markup", with = "as_text")]
    #[schema(value_type = String, required = false, example = "0.1")]
    markup: Rate,
    /// What holds meanwhile.
    fallback: ChargeFallback,
}

fn no_markup() -> Rate {
    Rate::ZERO
}

/// What holds while the carrier does not answer: one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChargeFallback {
    /// Always this much.
    Flat(i64),
    /// By steps of a measure.
    Table(ChargeTable),
    /// A share of what the goods are worth.
    Percentage(ChargePercentage),
}

/// The price is the one of the last step that begins at or below the measure. What is below the first step is not
/// taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ChargeTable {
    /// What is measured.
    by: Measure,
    /// 1 to 200 steps, each beginning above the one before.
    steps: Vec<ChargeStep>,
}

/// What a table goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// What the goods weigh, in grams.
    WeightGrams,
    /// What they are worth: the subtotal less discounts, in minor units.
    Worth,
    /// How many units there are.
    Quantity,
}

/// A step of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ChargeStep {
    /// Where it begins.
    from: u64,
    /// What shipping costs from there on.
    price: i64,
}

/// A share of what the goods are worth, rounded once, within bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ChargePercentage {
    /// The share, an exact decimal: `0.05` is 5%.
    #[serde(with = "as_text")]
    #[schema(value_type = String, example = "0.05")]
    rate: Rate,
    /// The least it comes to.
    at_least: Option<i64>,
    /// The most it comes to.
    at_most: Option<i64>,
}

/// What a method takes, whatever it costs. Digital goods do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ShippingConditions {
    /// What the goods weigh together, in grams.
    #[serde(default)]
    weight_grams: Span,
    /// How many units there are.
    #[serde(default)]
    quantity: Span,
    /// Nothing but goods of products in one of these categories; anything when there is none.
    #[serde(default)]
    only_categories: Vec<String>,
    /// Nothing together with goods of products in one of these categories.
    #[serde(default)]
    not_categories: Vec<String>,
}

versioned!(ShippingMethod);

impl From<&Shown<shipping::ShippingMethod>> for ShippingMethod {
    fn from(shown: &Shown<shipping::ShippingMethod>) -> Self {
        let method = &shown.state;
        let (price, free_from) = method.short_form();
        Self {
            id: method.id().to_string(),
            name: method.name().to_owned(),
            territory: method.territory().into(),
            except: method.except().into(),
            price: price.map(Money::from),
            free_from: free_from.map(Money::from),
            tariffs: method.tariffs().iter().map(Tariff::from).collect(),
            conditions: method.conditions().into(),
            delivery_days: method.delivery_days().map(Span::from),
            tax_category: method.tax_category().to_string(),
            enabled: method.enabled(),
            version: shown.revision.0,
        }
    }
}

impl Change for ShippingMethodInput {
    fn null(field: &str) -> Null {
        match field {
            "name" | "price" | "tariffs" => Null::Refused,
            "countries" | "subdivisions" | "postal_codes" => Null::Becomes(json!([])),
            "except" | "conditions" => Null::Becomes(json!({})),
            "tax_category" => Null::Becomes(json!(tax::Category::default().to_string())),
            "enabled" => Null::Becomes(json!(true)),
            _ => Null::Read,
        }
    }
}

impl From<ShippingMethodInput> for shipping::Draft {
    fn from(input: ShippingMethodInput) -> Self {
        let tariffs = input.tariffs;
        Self {
            name: input.name,
            territory: input.territory.into(),
            except: input.except.map(Into::into),
            price: input.price.map(Into::into),
            free_from: input.free_from.map(|free_from| free_from.map(Into::into)),
            tariffs: tariffs.map(|tariffs| tariffs.into_iter().map(Into::into).collect()),
            conditions: input.conditions.map(Into::into),
            delivery_days: input.delivery_days.map(|days| days.map(Into::into)),
            tax_category: input.tax_category,
            enabled: input.enabled,
        }
    }
}

impl From<&shipping::Tariff> for Tariff {
    fn from(tariff: &shipping::Tariff) -> Self {
        Self {
            currency: tariff.currency,
            charge: (&tariff.charge).into(),
            handling_fee: tariff.handling_fee,
            free_from: tariff.free_from,
            worth: tariff.worth.into(),
        }
    }
}

impl From<Tariff> for shipping::Tariff {
    fn from(tariff: Tariff) -> Self {
        Self {
            currency: tariff.currency,
            charge: tariff.charge.into(),
            handling_fee: tariff.handling_fee,
            free_from: tariff.free_from,
            worth: tariff.worth.into(),
        }
    }
}

impl From<&shipping::Charge> for Charge {
    fn from(charge: &shipping::Charge) -> Self {
        match charge {
            shipping::Charge::Flat(price) => Self::Flat(*price),
            shipping::Charge::Table { by, steps } => {
                let steps = steps.iter().map(|step| ChargeStep {
                    from: step.from,
                    price: step.price,
                });
                Self::Table(ChargeTable {
                    by: (*by).into(),
                    steps: steps.collect(),
                })
            }
            shipping::Charge::Percentage {
                rate,
                at_least,
                at_most,
            } => Self::Percentage(ChargePercentage {
                rate: *rate,
                at_least: *at_least,
                at_most: *at_most,
            }),
            shipping::Charge::Carrier {
                service,
                markup,
                fallback,
            } => Self::Carrier(ChargeCarrier {
                service: service.clone(),
                markup: *markup,
                fallback: match Self::from(&**fallback) {
                    Self::Flat(price) => ChargeFallback::Flat(price),
                    Self::Table(table) => ChargeFallback::Table(table),
                    Self::Percentage(share) => ChargeFallback::Percentage(share),
                    Self::Carrier(carrier) => carrier.fallback,
                },
            }),
        }
    }
}

impl From<Charge> for shipping::Charge {
    fn from(charge: Charge) -> Self {
        match charge {
            Charge::Flat(price) => Self::Flat(price),
            Charge::Table(table) => {
                let steps = table.steps.into_iter().map(|step| shipping::Step {
                    from: step.from,
                    price: step.price,
                });
                Self::Table {
                    by: table.by.into(),
                    steps: steps.collect(),
                }
            }
            Charge::Percentage(share) => Self::Percentage {
                rate: share.rate,
                at_least: share.at_least,
                at_most: share.at_most,
            },
            Charge::Carrier(carrier) => Self::Carrier {
                service: carrier.service,
                markup: carrier.markup,
                fallback: Box::new(Self::from(match carrier.fallback {
                    ChargeFallback::Flat(price) => Charge::Flat(price),
                    ChargeFallback::Table(table) => Charge::Table(table),
                    ChargeFallback::Percentage(share) => Charge::Percentage(share),
                })),
            },
        }
    }
}

impl From<shipping::Measure> for Measure {
    fn from(measure: shipping::Measure) -> Self {
        match measure {
            shipping::Measure::Weight => Self::WeightGrams,
            shipping::Measure::Worth => Self::Worth,
            shipping::Measure::Quantity => Self::Quantity,
        }
    }
}

impl From<Measure> for shipping::Measure {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::WeightGrams => Self::Weight,
            Measure::Worth => Self::Worth,
            Measure::Quantity => Self::Quantity,
        }
    }
}

impl From<&shipping::Conditions> for ShippingConditions {
    fn from(conditions: &shipping::Conditions) -> Self {
        let names = |handles: &[Handle]| handles.iter().map(ToString::to_string).collect();
        Self {
            weight_grams: conditions.weight_grams.into(),
            quantity: conditions.quantity.into(),
            only_categories: names(&conditions.only_categories),
            not_categories: names(&conditions.not_categories),
        }
    }
}

impl From<ShippingConditions> for shipping::ConditionsDraft {
    fn from(conditions: ShippingConditions) -> Self {
        Self {
            weight_grams: conditions.weight_grams.into(),
            quantity: conditions.quantity.into(),
            only_categories: conditions.only_categories,
            not_categories: conditions.not_categories,
        }
    }
}
