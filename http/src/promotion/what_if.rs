//! What a promotion would do, before it is switched on.

use super::dto::PromotionInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Money, Time};
use crate::extract::{Changes, Id, Json, Params, StaffCall};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::promotion::{Difference, Supposed, Tally, WhatIf};
use cartwright_domain::Class;
use cartwright_domain::money::Currency;
use cartwright_domain::promotion;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How old the carts may be unless the caller says otherwise: a day.
const HOURS_DEFAULT: u64 = 24;
/// The oldest that can be asked for: a week.
const HOURS_MAX: u64 = 168;
/// Seconds in an hour.
const HOUR: u64 = 3_600;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_suppose_promotion))
        .routes(routes!(admin_suppose_promotion_change))
}

/// Which carts are looked at.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Within {
    /// Carts opened within so many hours, from 1 to 168.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 168, default = 24)]
    hours: Option<String>,
}

impl Within {
    fn read(self) -> Result<Duration, Refused> {
        let Some(text) = self.hours else {
            return Ok(Duration::from_secs(HOURS_DEFAULT * HOUR));
        };
        let hours: Option<u64> = text.parse().ok();
        let hours = hours.filter(|hours| (1..=HOURS_MAX).contains(hours));
        let message = format!("hours must be a whole number from 1 to {HOURS_MAX}");
        hours
            .map(|hours| Duration::from_secs(hours * HOUR))
            .ok_or_else(|| Refused::new(Class::Malformed, "promotion.hours_out_of_range", message))
    }
}

/// What a promotion would have done to the carts of the last hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Supposition {
    /// Carts opened since then were looked at.
    since: Time,
    /// Were all of them? Else it was the newest, at most 10,000 and as many as there was time for.
    complete: bool,
    /// What it comes to, currency by currency.
    effects: Vec<SupposedEffect>,
    /// The carts that would change most, the most first.
    examples: Vec<SupposedExample>,
}

/// What the carts of one currency come to, with and without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SupposedEffect {
    /// The currency.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "GBP")]
    currency: Currency,
    /// Carts that became orders, unless those are canceled: what the store would have taken.
    ordered: SupposedTally,
    /// Carts that did not, or not yet.
    open: SupposedTally,
}

/// What some carts come to, with and without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SupposedTally {
    /// How many carts. Empty ones do not count.
    carts: u64,
    /// How many of them would come to something else.
    changed: u64,
    /// What they come to now, as far as that can be counted.
    before: Money,
    /// What they would come to, as far as that can be counted.
    after: Money,
    /// `after` less `before`.
    difference: Money,
}

/// A cart that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SupposedExample {
    /// Which.
    #[schema(example = "cart_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    cart_id: String,
    /// What it comes to now.
    before: Money,
    /// What it would come to.
    after: Money,
}

impl From<&Tally> for SupposedTally {
    fn from(tally: &Tally) -> Self {
        let (before, after) = (Money::from(tally.before), Money::from(tally.after));
        Self {
            carts: tally.carts,
            changed: tally.changed,
            before,
            after,
            difference: Money {
                amount: after.amount - before.amount,
                currency: after.currency,
            },
        }
    }
}

impl From<&Difference> for SupposedExample {
    fn from(example: &Difference) -> Self {
        Self {
            cart_id: example.cart.to_string(),
            before: example.before.into(),
            after: example.after.into(),
        }
    }
}

impl From<&WhatIf> for Supposition {
    fn from(found: &WhatIf) -> Self {
        let effects = found.effects.iter().map(|(currency, effect)| SupposedEffect {
            currency: *currency,
            ordered: (&effect.ordered).into(),
            open: (&effect.open).into(),
        });
        Self {
            since: found.since.into(),
            complete: found.is_complete,
            effects: effects.collect(),
            examples: found.examples.iter().map(SupposedExample::from).collect(),
        }
    }
}

/// Tells what a new promotion would have done to the carts of the last day.
///
/// Nothing is saved. Every cart is priced twice by what holds now, without and with the promotion, as if it were switched
/// on, whatever its dates and limits say, and as if its code had been entered in every cart.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/what-if", tag = "admin: promotions",
    params(Within), request_body = PromotionInput,
    responses((status = OK, description = "What the carts come to, with and without it.", body = Supposition)),
)]
async fn admin_suppose_promotion(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Params(within): Params<Within>,
    Json { value, bytes }: Json<PromotionInput>,
) -> Answered<Supposition> {
    let supposed = Supposed {
        draft: value.into(),
        changes: None,
        within: within.read()?,
    };
    let found = engine.what_if(&call.request(&bytes), supposed).await?;
    Ok(Answer::plain((&found).into()))
}

/// Tells what a change of a promotion would have done to the carts of the last day.
///
/// As for a new one; the carts are compared with what they come to by the promotion as it is.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/{promotion}/what-if", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), Within),
    request_body = PromotionInput,
    responses((status = OK, description = "What the carts come to, with and without it.", body = Supposition)),
)]
async fn admin_suppose_promotion_change(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<promotion::Promotion>,
    Params(within): Params<Within>,
    Changes(Json { value, bytes }): Changes<PromotionInput>,
) -> Answered<Supposition> {
    let supposed = Supposed {
        draft: value.into(),
        changes: Some(id),
        within: within.read()?,
    };
    let found = engine.what_if(&call.request(&bytes), supposed).await?;
    Ok(Answer::plain((&found).into()))
}
