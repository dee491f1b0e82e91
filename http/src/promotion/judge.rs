//! The route that judges coupon codes outside of carts.

use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, Time};
use crate::extract::{Json, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::promotion::CodeAttempt;
use cartwright_domain::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_judge_codes))
}

/// Codes that somebody wants to use.
#[derive(Debug, Deserialize, ToSchema)]
struct CodeAttempts {
    /// At most 500. They are judged in this order.
    #[schema(max_items = 500)]
    attempts: Vec<CodeAttemptInput>,
}

/// A code that somebody wants to use.
#[derive(Debug, Deserialize, ToSchema)]
struct CodeAttemptInput {
    /// The code.
    #[schema(example = "SUMMER-25")]
    code: String,
    /// When: a point in time or a date; now when absent.
    #[schema(value_type = Option<String>, example = "2017-03-05")]
    at: Option<Time>,
    /// What another system calls the customer.
    external_id: Option<String>,
    /// The shopper's e-mail address, where there is no customer.
    email: Option<String>,
    /// For which variant; for anything when absent.
    sku: Option<String>,
    /// Does the use count, when it is good?
    #[serde(default)]
    redeem: bool,
}

/// What became of the codes.
#[derive(Debug, Serialize, ToSchema)]
struct CodeVerdicts {
    /// One for each attempt, in the order sent.
    verdicts: Vec<CodeVerdict>,
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct CodeVerdict {
    /// Is it good?
    ok: bool,
    /// Why it is refused: the stable code.
    #[schema(example = "coupon.expired")]
    error: Option<String>,
    /// Why it is refused, for a person.
    message: Option<String>,
}

impl From<Option<Problem>> for CodeVerdict {
    fn from(problem: Option<Problem>) -> Self {
        let (error, message) = match problem {
            Some(problem) => (Some(problem.code), Some(problem.message)),
            None => (None, None),
        };
        Self {
            ok: error.is_none(),
            error,
            message,
        }
    }
}

impl From<CodeAttemptInput> for CodeAttempt {
    fn from(input: CodeAttemptInput) -> Self {
        Self {
            code: input.code,
            at: input.at.map(|Time(at)| at),
            external_id: input.external_id,
            email: input.email,
            sku: input.sku,
            redeem: input.redeem,
        }
    }
}

/// Judges coupon codes without a cart, and counts their uses.
///
/// For a till, and for purchases that were made elsewhere. A code is judged in this order: it is known, for this
/// customer, begun and not ended, about this variant, and not used up; the first that fails is the verdict. What depends
/// on a cart is not looked at. With `redeem` a use that is good counts at once, before the next is judged; under an
/// `Idempotency-Key` it counts once.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/judge", tag = "admin: promotions",
    params(IdempotencyKeyHeader), request_body = CodeAttempts,
    responses((status = OK, description = "What became of each code.", body = CodeVerdicts)),
)]
async fn admin_judge_codes(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<CodeAttempts>,
) -> Answered<CodeVerdicts> {
    let attempts = value.attempts.into_iter().map(CodeAttempt::from).collect();
    let judged = engine.judge_codes(&call.request(&bytes), attempts).await?;
    Ok(Answer::plain_done(judged.map(|verdicts| CodeVerdicts {
        verdicts: verdicts.into_iter().map(CodeVerdict::from).collect(),
    })))
}
