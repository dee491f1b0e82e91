//! Why a cart or an order costs what it does: every rule that was looked at, each base, share and rounding.

use super::dto::Totals;
use super::input::CartName;
use crate::answer::{Answer, Answered};
use crate::dto::{Money, Price, Tax};
use crate::extract::Call;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::cart::Explained;
use cartwright_domain::cart::totals::{Looked, Step};
use cartwright_domain::cart::{self, FrozenQuote, Quote, QuoteLine, QuoteShipping, Unmet};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(explain_cart))
}

/// Why something costs what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// Each line, from its price to its tax.
    lines: Vec<ExplainedLine>,
    /// Every promotion that was looked at, in the order in which they apply; none whose code was not entered. An order
    /// keeps those that applied and at most 100 others; so does a cart whose quote is frozen.
    promotions: Vec<ExplainedPromotion>,
    /// Shipping, from its price to its tax.
    shipping: Option<ExplainedShipping>,
    /// What it all comes to.
    totals: Totals,
}

/// What a line comes to: `value = unit_price x quantity, rounded once, - tax_stripped - discount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExplainedLine {
    /// Which line.
    line_id: String,
    /// How many units.
    quantity: u32,
    /// What a unit costs.
    unit_price: Price,
    /// The tax taken out of the listed price.
    tax_stripped: Money,
    /// Before promotions.
    total: Money,
    /// What promotions took off.
    discount: Money,
    /// The base of the tax.
    value: Money,
    /// The tax on the value, rounded once.
    tax: Option<Tax>,
}

/// A promotion, and why it does or does not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExplainedPromotion {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// The code that was entered for it.
    code: Option<String>,
    /// Does it apply?
    applies: bool,
    /// Why not: `no_such_code`, `code_not_entered`, `not_started`, `ended`, `other_currency`, `other_zone`, `other_customer`,
    /// `not_first_order`, `nothing_matches`, `below_subtotal`, `below_quantity`, `suppressed` by one that goes with no other,
    /// or `limit_reached`.
    #[schema(example = "below_subtotal")]
    reason: Option<&'static str>,
    /// What each of its actions came to.
    steps: Vec<ExplainedStep>,
}

/// What one action of a promotion came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExplainedStep {
    /// Which of its actions, from 0; absent in orders that kept the outcome only.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<usize>,
    /// The value it acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Money>,
    /// What that comes to, rounded once.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Money>,
    /// What was really given: lines stop at their least price.
    given: Money,
    /// How it was split. What came off shipping has no shares.
    shares: Vec<ExplainedShare>,
}

/// A line's share of what an action gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExplainedShare {
    /// Which line.
    line_id: String,
    /// The line's value by which it was split.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Money>,
    /// Its share.
    amount: Money,
}

/// What shipping comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ExplainedShipping {
    /// Which method.
    method_id: String,
    /// The tax taken out of its price.
    tax_stripped: Money,
    /// Before promotions.
    total: Money,
    /// What promotions took off.
    discount: Money,
    /// The tax on the rest, rounded once.
    tax: Option<Tax>,
}

/// Tells what a cart costs, and why.
///
/// Every promotion that applies by itself and every one whose code was entered is listed, with why it does or does not
/// apply, its base, its shares and each rounding; what they gave sums to the discounts. Of a cart whose quote is frozen,
/// that quote is explained.
#[utoipa::path(
    get, path = "/api/v1/carts/{cart}/explain", tag = "cart",
    params(("cart" = String, Path, description = "The cart's id, or `current`.")),
    responses((status = OK, description = "The explanation.", body = Explanation)),
)]
async fn explain_cart(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
) -> Answered<Explanation> {
    let explained = engine.explain_cart(&call.request(&[]), cart).await?;
    Ok(Answer::plain(Explanation::from(&explained)))
}

impl From<&Explained> for Explanation {
    fn from(explained: &Explained) -> Self {
        Self::of(&explained.quote, &explained.trace.looked)
    }
}

impl From<&FrozenQuote> for Explanation {
    fn from(frozen: &FrozenQuote) -> Self {
        Self::of(&frozen.quote, &frozen.looked)
    }
}

impl Explanation {
    fn of(quote: &Quote, looked: &[Looked]) -> Self {
        let promotions = match looked.is_empty() {
            // All that orders kept once.
            true => quote.promotions.iter().map(ExplainedPromotion::from).collect(),
            false => looked.iter().map(ExplainedPromotion::from).collect(),
        };
        Self {
            lines: quote.lines.iter().map(ExplainedLine::from).collect(),
            promotions,
            shipping: quote.shipping_line.as_ref().map(ExplainedShipping::from),
            totals: Totals::from(quote),
        }
    }
}

impl From<&QuoteLine> for ExplainedLine {
    fn from(line: &QuoteLine) -> Self {
        Self {
            line_id: line.line.to_string(),
            quantity: line.quantity,
            unit_price: line.unit_price.into(),
            tax_stripped: line.tax_stripped.into(),
            total: line.amount.into(),
            discount: line.discount.into(),
            // A discount is never above the amount.
            value: line.value().unwrap_or(line.amount).into(),
            tax: line.tax.as_ref().map(Tax::from),
        }
    }
}

impl From<&QuoteShipping> for ExplainedShipping {
    fn from(line: &QuoteShipping) -> Self {
        Self {
            method_id: line.method.to_string(),
            tax_stripped: line.tax_stripped.into(),
            total: line.amount.into(),
            discount: line.discount.into(),
            tax: line.tax.as_ref().map(Tax::from),
        }
    }
}

impl From<&Looked> for ExplainedPromotion {
    fn from(looked: &Looked) -> Self {
        Self {
            id: looked.promotion.to_string(),
            name: looked.name.to_string(),
            code: looked.code.as_ref().map(ToString::to_string),
            applies: looked.unmet.is_none(),
            reason: looked.unmet.map(Unmet::name),
            steps: looked.steps.iter().map(ExplainedStep::from).collect(),
        }
    }
}

impl From<&Step> for ExplainedStep {
    fn from(step: &Step) -> Self {
        let shares = step.shares.iter().map(|share| ExplainedShare {
            line_id: share.line.to_string(),
            base: Some(share.base.into()),
            amount: share.amount.into(),
        });
        Self {
            action: Some(step.action),
            base: Some(step.base.into()),
            asked: Some(step.asked.into()),
            given: step.given.into(),
            shares: shares.collect(),
        }
    }
}

impl From<&cart::AppliedPromotion> for ExplainedPromotion {
    fn from(applied: &cart::AppliedPromotion) -> Self {
        let shares = applied.shares.iter().map(|share| ExplainedShare {
            line_id: share.line.to_string(),
            base: None,
            amount: share.amount.into(),
        });
        let off_lines = ExplainedStep {
            action: None,
            base: None,
            asked: None,
            given: applied.discount.into(),
            shares: shares.collect(),
        };
        let off_shipping = ExplainedStep {
            given: applied.shipping_discount.into(),
            shares: Vec::new(),
            ..off_lines
        };
        let mut steps = Vec::new();
        steps.extend((!applied.discount.is_zero()).then_some(off_lines));
        steps.extend((!applied.shipping_discount.is_zero()).then_some(off_shipping));
        Self {
            id: applied.promotion.to_string(),
            name: applied.name.to_string(),
            code: applied.code.as_ref().map(ToString::to_string),
            applies: true,
            reason: None,
            steps,
        }
    }
}
