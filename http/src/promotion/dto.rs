//! Promotions on the wire.

use crate::answer::versioned;
use crate::dto::{Money, Time, nullable};
use crate::extract::{Change, Null};
use cartwright_actors::promotion::PromotionView;
use cartwright_domain::money::Currency;
use cartwright_domain::promotion;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// A rule that takes something off what a cart costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Promotion {
    /// Its id.
    #[schema(example = "promo_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What shoppers and staff see.
    name: String,
    /// The code that unlocks it, in capital letters; `null`: it applies by itself.
    #[schema(example = "SUMMER-25")]
    code: Option<String>,
    /// Does it apply to nobody without a code, its own or one that is good for one order?
    requires_code: bool,
    /// Higher ones apply first; of equal ones the older.
    priority: i32,
    /// Does it go with no other?
    exclusive: bool,
    /// When it applies.
    conditions: PromotionConditions,
    /// What it takes off, in this order.
    actions: Vec<PromotionAction>,
    /// How many orders may carry it; `null`: any number.
    usage_limit: Option<u64>,
    /// How many orders of one customer, or of one guest's e-mail address, may carry it; `null`: any number.
    usage_limit_per_customer: Option<u64>,
    /// How many orders carry it, canceled ones left away; `null` without a `usage_limit`: nobody counts then.
    used: Option<u64>,
    /// Is it switched on?
    enabled: bool,
    /// When it was made.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// A promotion to be made, or changes to one: then, what is absent stays and `null` clears. Conditions and actions
/// are changed whole.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct PromotionInput {
    /// What shoppers and staff see.
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    /// The code that unlocks it, unique in the store; `null`: it applies by itself.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "SUMMER-25")]
    code: Option<Option<String>>,
    /// Does it apply to nobody without a code, its own or one that is good for one order? When absent, it applies by
    /// itself if it has no code of its own.
    requires_code: Option<bool>,
    /// Higher ones apply first; 0 when absent.
    priority: Option<i32>,
    /// Does it go with no other? It goes with others when absent.
    exclusive: Option<bool>,
    /// When it applies; always when absent.
    conditions: Option<PromotionConditions>,
    /// What it takes off.
    #[schema(nullable = false)]
    actions: Option<Vec<PromotionAction>>,
    /// How many orders may carry it; `null`: any number.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<u64>, example = 100)]
    usage_limit: Option<Option<u64>>,
    /// How many orders of one customer, or of one guest's e-mail address, may carry it; `null`: any number.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<u64>, example = 1)]
    usage_limit_per_customer: Option<Option<u64>>,
    /// Is it switched on? It is not when absent.
    enabled: Option<bool>,
}

/// What must hold of a cart, all of it. What is absent always holds; what is misspelled is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromotionConditions {
    /// The least value of the goods that `items` names, after earlier promotions.
    subtotal_from: Option<Money>,
    /// The least number of units of them.
    quantity_from: Option<u64>,
    /// The cart holds something of this. Line actions act on it.
    items: Option<PromotionItems>,
    /// Handles of customer groups: the customer is in one of them.
    #[serde(default)]
    customer_groups: Vec<String>,
    /// The customer has not ordered before.
    #[serde(default)]
    first_order: bool,
    /// Not before then.
    starts_at: Option<Time>,
    /// No longer from then on.
    ends_at: Option<Time>,
    /// The currency of the cart.
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$", example = "GBP")]
    currency: Option<Currency>,
    /// Ids of tax zones: the goods go to one of them.
    #[serde(default)]
    zones: Vec<String>,
}

/// Some of the catalog: what is in any of the three lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromotionItems {
    /// Ids of products.
    #[serde(default)]
    products: Vec<String>,
    /// Ids of variants.
    #[serde(default)]
    variants: Vec<String>,
    /// Handles of categories.
    #[serde(default)]
    categories: Vec<String>,
}

/// What a promotion takes off. Percentages are exact decimals: `0.1` is ten per cent, `1` is all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[serde(try_from = "SentAction")]
pub(crate) enum PromotionAction {
    /// Off the order. One of `percentage` and `fixed` is needed.
    Order {
        /// A part of the value of all lines.
        percentage: Option<String>,
        /// An amount.
        fixed: Option<Money>,
    },
    /// Off matching lines. One of `percentage` and `fixed` is needed.
    Lines {
        /// Which; those of the conditions when absent.
        items: Option<PromotionItems>,
        /// A part of their value.
        percentage: Option<String>,
        /// An amount.
        fixed: Option<Money>,
        /// Of their sum, or of each.
        #[serde(default)]
        spread: PromotionSpread,
    },
    /// Buy some units, get some.
    Sets {
        /// How many are bought in a set.
        buy: u32,
        /// Of what; of the conditions' items when absent.
        buy_items: Option<PromotionItems>,
        /// How many are got in a set.
        get: u32,
        /// Of what; of the same as is bought when absent.
        get_items: Option<PromotionItems>,
        /// The part of the got units' value that is taken off; all of it when absent.
        percentage: Option<String>,
        /// Which of the matching units are got.
        #[serde(default)]
        choice: PromotionChoice,
        /// At most so many sets in a cart.
        sets_max: Option<u32>,
    },
    /// Off shipping. One of `percentage` and `fixed` is needed; a percentage of `1` makes it free.
    Shipping {
        /// A part of its price.
        percentage: Option<String>,
        /// An amount.
        fixed: Option<Money>,
    },
}

/// An action as it was sent, with the fields of every type: so a fault is told at the field that it is in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentAction {
    r#type: ActionType,
    items: Option<PromotionItems>,
    percentage: Option<String>,
    fixed: Option<Money>,
    spread: Option<PromotionSpread>,
    buy: Option<u32>,
    buy_items: Option<PromotionItems>,
    get: Option<u32>,
    get_items: Option<PromotionItems>,
    choice: Option<PromotionChoice>,
    sets_max: Option<u32>,
}

/// The types of actions.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionType {
    Order,
    Lines,
    Sets,
    Shipping,
}

impl SentAction {
    /// Returns the name of a field that is given and that nobody has taken.
    fn left(&self) -> Option<&'static str> {
        let Self {
            r#type: _,
            items,
            percentage,
            fixed,
            spread,
            buy,
            buy_items,
            get,
            get_items,
            choice,
            sets_max,
        } = self;
        let fields = [
            ("items", items.is_some()),
            ("percentage", percentage.is_some()),
            ("fixed", fixed.is_some()),
            ("spread", spread.is_some()),
            ("buy", buy.is_some()),
            ("buy_items", buy_items.is_some()),
            ("get", get.is_some()),
            ("get_items", get_items.is_some()),
            ("choice", choice.is_some()),
            ("sets_max", sets_max.is_some()),
        ];
        let mut left = fields.into_iter().filter(|(_, is_given)| *is_given);
        left.next().map(|(name, _)| name)
    }
}

impl TryFrom<SentAction> for PromotionAction {
    type Error = String;

    fn try_from(mut sent: SentAction) -> Result<Self, String> {
        let needed = |field: Option<u32>, name: &str| field.ok_or_else(|| format!("{name} must be given"));
        let action = match sent.r#type {
            ActionType::Order => Self::Order {
                percentage: sent.percentage.take(),
                fixed: sent.fixed.take(),
            },
            ActionType::Shipping => Self::Shipping {
                percentage: sent.percentage.take(),
                fixed: sent.fixed.take(),
            },
            ActionType::Lines => Self::Lines {
                items: sent.items.take(),
                percentage: sent.percentage.take(),
                fixed: sent.fixed.take(),
                spread: sent.spread.take().unwrap_or_default(),
            },
            ActionType::Sets => Self::Sets {
                buy: needed(sent.buy.take(), "buy")?,
                buy_items: sent.buy_items.take(),
                get: needed(sent.get.take(), "get")?,
                get_items: sent.get_items.take(),
                percentage: sent.percentage.take(),
                choice: sent.choice.take().unwrap_or_default(),
                sets_max: sent.sets_max.take(),
            },
        };
        match sent.left() {
            None => Ok(action),
            Some(other) if other == "items" && matches!(action, Self::Sets { .. }) => {
                Err("items is no field of sets; they have buy_items and get_items".to_owned())
            }
            Some(other) => Err(format!(
                "{other} is no field of an action of this type; take it out, or name another type"
            )),
        }
    }
}

/// Whether a reduction is of each line or of their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromotionSpread {
    /// Computed once on their sum and split over them.
    #[default]
    Across,
    /// A percentage is rounded for each line; a fixed amount comes off every unit.
    Each,
}

/// Which units are got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromotionChoice {
    /// Those that cost least.
    #[default]
    Cheapest,
    /// Those that cost most.
    Dearest,
}

versioned!(Promotion);

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// Returns percentage and amount; one of them.
fn reduction(reduction: &promotion::Reduction) -> (Option<String>, Option<Money>) {
    match reduction {
        promotion::Reduction::Percentage(rate) => (Some(rate.to_string()), None),
        promotion::Reduction::Fixed(amount) => (None, Some((*amount).into())),
    }
}

fn reduction_draft(percentage: Option<String>, fixed: Option<Money>) -> promotion::ReductionDraft {
    promotion::ReductionDraft {
        percentage,
        fixed: fixed.map(Into::into),
    }
}

impl From<&PromotionView> for Promotion {
    fn from(view: &PromotionView) -> Self {
        let promotion = &view.promotion.state;
        Self {
            id: promotion.id.to_string(),
            name: promotion.name.to_string(),
            code: promotion.code.as_ref().map(ToString::to_string),
            requires_code: promotion.requires_code,
            priority: promotion.priority,
            exclusive: match promotion.combination {
                promotion::Combination::Exclusive => true,
                promotion::Combination::Stackable => false,
            },
            conditions: (&promotion.conditions).into(),
            actions: promotion.actions.iter().map(PromotionAction::from).collect(),
            usage_limit: promotion.usage_limit,
            usage_limit_per_customer: promotion.usage_limit_per_customer,
            used: view.used,
            enabled: promotion.enabled,
            created_at: promotion.created_at.into(),
            version: view.promotion.revision.0,
        }
    }
}

impl From<&promotion::Conditions> for PromotionConditions {
    fn from(conditions: &promotion::Conditions) -> Self {
        Self {
            subtotal_from: conditions.subtotal_from.map(Into::into),
            quantity_from: conditions.quantity_from,
            items: conditions.items.as_ref().map(PromotionItems::from),
            customer_groups: texts(&conditions.groups),
            first_order: conditions.first_order,
            starts_at: conditions.starts_at.map(Time),
            ends_at: conditions.ends_at.map(Time),
            currency: conditions.currency,
            zones: texts(&conditions.zones),
        }
    }
}

impl From<&promotion::Selection> for PromotionItems {
    fn from(items: &promotion::Selection) -> Self {
        Self {
            products: texts(&items.products),
            variants: texts(&items.variants),
            categories: texts(&items.categories),
        }
    }
}

impl From<&promotion::Action> for PromotionAction {
    fn from(action: &promotion::Action) -> Self {
        let items = |items: &Option<promotion::Selection>| items.as_ref().map(PromotionItems::from);
        match action {
            promotion::Action::Order(by) => {
                let (percentage, fixed) = reduction(by);
                Self::Order { percentage, fixed }
            }
            promotion::Action::Shipping(by) => {
                let (percentage, fixed) = reduction(by);
                Self::Shipping { percentage, fixed }
            }
            promotion::Action::Lines {
                items: named,
                reduction: by,
                spread,
            } => {
                let (percentage, fixed) = reduction(by);
                let spread = match spread {
                    promotion::Spread::Across => PromotionSpread::Across,
                    promotion::Spread::Each => PromotionSpread::Each,
                };
                Self::Lines {
                    items: items(named),
                    percentage,
                    fixed,
                    spread,
                }
            }
            promotion::Action::Sets(sets) => Self::Sets {
                buy: sets.buy,
                buy_items: items(&sets.buy_items),
                get: sets.get,
                get_items: items(&sets.get_items),
                percentage: Some(sets.percentage.to_string()),
                choice: match sets.choice {
                    promotion::Choice::Cheapest => PromotionChoice::Cheapest,
                    promotion::Choice::Dearest => PromotionChoice::Dearest,
                },
                sets_max: sets.sets_max,
            },
        }
    }
}

impl Change for PromotionInput {
    fn null(field: &str) -> Null {
        match field {
            "name" | "actions" => Null::Refused,
            "priority" => Null::Becomes(json!(0)),
            "conditions" => Null::Becomes(json!({})),
            "requires_code" | "exclusive" | "enabled" => Null::Becomes(json!(false)),
            _ => Null::Read,
        }
    }
}

impl From<PromotionInput> for promotion::Draft {
    fn from(input: PromotionInput) -> Self {
        let combination = |exclusive: bool| match exclusive {
            true => promotion::Combination::Exclusive,
            false => promotion::Combination::Stackable,
        };
        let actions = input.actions;
        Self {
            name: input.name,
            code: input.code,
            requires_code: input.requires_code,
            priority: input.priority,
            combination: input.exclusive.map(combination),
            conditions: input.conditions.map(Into::into),
            actions: actions.map(|actions| actions.into_iter().map(Into::into).collect()),
            usage_limit: input.usage_limit,
            usage_limit_per_customer: input.usage_limit_per_customer,
            enabled: input.enabled,
        }
    }
}

impl From<PromotionConditions> for promotion::ConditionsDraft {
    fn from(conditions: PromotionConditions) -> Self {
        Self {
            subtotal_from: conditions.subtotal_from.map(Into::into),
            quantity_from: conditions.quantity_from,
            items: conditions.items.map(Into::into),
            groups: conditions.customer_groups,
            first_order: conditions.first_order,
            starts_at: conditions.starts_at.map(|Time(at)| at),
            ends_at: conditions.ends_at.map(|Time(at)| at),
            currency: conditions.currency,
            zones: conditions.zones,
            rest: promotion::Rest::default(),
        }
    }
}

impl From<PromotionItems> for promotion::SelectionDraft {
    fn from(items: PromotionItems) -> Self {
        Self {
            products: items.products,
            variants: items.variants,
            categories: items.categories,
        }
    }
}

impl From<PromotionAction> for promotion::ActionDraft {
    fn from(action: PromotionAction) -> Self {
        match action {
            PromotionAction::Order { percentage, fixed } => Self::Order(reduction_draft(percentage, fixed)),
            PromotionAction::Shipping { percentage, fixed } => {
                Self::Shipping(reduction_draft(percentage, fixed))
            }
            PromotionAction::Lines {
                items,
                percentage,
                fixed,
                spread,
            } => Self::Lines {
                items: items.map(Into::into),
                reduction: reduction_draft(percentage, fixed),
                spread: match spread {
                    PromotionSpread::Across => promotion::Spread::Across,
                    PromotionSpread::Each => promotion::Spread::Each,
                },
            },
            PromotionAction::Sets {
                buy,
                buy_items,
                get,
                get_items,
                percentage,
                choice,
                sets_max,
            } => Self::Sets {
                buy,
                buy_items: buy_items.map(Into::into),
                get,
                get_items: get_items.map(Into::into),
                percentage,
                choice: match choice {
                    PromotionChoice::Cheapest => promotion::Choice::Cheapest,
                    PromotionChoice::Dearest => promotion::Choice::Dearest,
                },
                sets_max,
            },
        }
    }
}
