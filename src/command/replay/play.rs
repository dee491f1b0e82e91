//! One guest after the other on one connection: session, cart, lines, address, checkout.

use super::CURRENCY;
use super::plan::{Invoice, Plan, Step};
use super::report::{CallKind, Outcome, Report};
use crate::client::{Answer, Call, Connection, Refusal};
use anyhow::Context;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The payment token that the sandbox approves.
pub(crate) const APPROVED: &str = "tok_approve";

/// How long an order may stay unsettled before it counts as refused.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What all guests share.
pub(super) struct Scene<'a> {
    /// What is played.
    pub(super) plan: &'a Plan,
    /// The staff token, which may set a line's price.
    pub(super) staff: &'a HeaderValue,
    /// The variant of each of the plan's codes.
    pub(super) variant_ids: &'a [String],
    /// How everything is sent.
    pub(super) shipping_method_id: String,
}

/// A connection over which one guest after the other buys.
pub(super) struct Guest {
    connection: Connection,
}

#[derive(Deserialize)]
struct Opened {
    id: String,
}

/// A checkout, as far as a guest looks at it.
#[derive(Deserialize)]
struct Checkout {
    id: String,
    state: String,
    order: Option<Order>,
    problem: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Order {
    number: serde_json::Value,
    total: Money,
}

#[derive(Deserialize)]
struct Money {
    amount: i64,
}

impl Guest {
    /// Takes a connection.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Plays one step. What the server refuses is an outcome.
    ///
    /// # Errors
    /// The server cannot be reached or understood, or does not take the staff token: going on makes no sense.
    pub(super) async fn play(
        &mut self,
        scene: &Scene<'_>,
        step: Step,
        report: &RefCell<Report>,
    ) -> anyhow::Result<Outcome> {
        let (number, played) = match step {
            Step::Order(index) => {
                let invoice = &scene.plan.invoices[index];
                (&invoice.number, self.order(scene, invoice, report).await)
            }
            Step::Adjust { invoice, line } => {
                let invoice = &scene.plan.invoices[invoice];
                (&invoice.number, self.adjust(scene, invoice, line, report).await)
            }
        };
        match played {
            Ok(outcome) => Ok(outcome),
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) if refusal.status != StatusCode::UNAUTHORIZED => Ok(Outcome::Refused {
                    reason: refusal.reason(),
                }),
                _ => Err(error.context(format!("invoice {number}"))),
            },
        }
    }

    async fn order(
        &mut self,
        scene: &Scene<'_>,
        invoice: &Invoice,
        report: &RefCell<Report>,
    ) -> anyhow::Result<Outcome> {
        if let Some(odd) = invoice
            .lines
            .iter()
            .find(|line| line.quantity < 1 || line.price.is_negative())
        {
            let reason = format!(
                "row {}: {} x {} cannot be a cart line",
                odd.row, odd.quantity, odd.price
            );
            return Ok(Outcome::Refused { reason });
        }
        let Some(expected) = invoice.total() else {
            return Ok(Outcome::Refused {
                reason: "its total does not fit".to_owned(),
            });
        };

        let opened = self
            .timed(CallKind::Session, Call::post("/session").body("{}"), report)
            .await?;
        let cookie = opened
            .session_cookie()
            .context("the server opened a session without setting its cookie")?;
        let cart = format!(r#"{{"currency":"{CURRENCY}"}}"#);
        let call = Call::post("/carts").cookie(&cookie).minimal().body(cart);
        let cart: Opened = self.timed(CallKind::Cart, call, report).await?.json()?;

        let lines_path = format!("/carts/{}/lines", cart.id);
        for line in &invoice.lines {
            let mut body = String::with_capacity(192);
            write!(
                body,
                r#"{{"variant_id":"{}","quantity":{},"custom_fields":{{"row":"{}"}},"unit_price":"#,
                scene.variant_ids[line.code], line.quantity, line.row
            )?;
            line.price.write_json(CURRENCY, &mut body)?;
            body.push('}');
            let call = Call::post(&lines_path)
                .cookie(&cookie)
                .staff(scene.staff)
                .minimal()
                .body(body);
            self.timed(CallKind::Line, call, report).await?;
        }

        let details = details(invoice, &scene.shipping_method_id)?;
        let cart_path = format!("/carts/{}", cart.id);
        let call = Call::patch(&cart_path).cookie(&cookie).minimal().body(details);
        self.timed(CallKind::Details, call, report).await?;
        self.complete(&cart.id, &cookie, expected, report).await
    }

    async fn complete(
        &mut self,
        cart_id: &str,
        cookie: &HeaderValue,
        expected: i64,
        report: &RefCell<Report>,
    ) -> anyhow::Result<Outcome> {
        let path = format!("/carts/{cart_id}/complete");
        let key = HeaderValue::from_str(&format!("complete-{cart_id}"))?;
        let body = format!(r#"{{"payment":{{"token":"{APPROVED}"}}}}"#);
        let call = Call::post(&path).cookie(cookie).key(key).body(body);
        let mut answer = self.timed(CallKind::Complete, call, report).await?;
        let mut checkout: Checkout = answer.json()?;
        let asked = Instant::now();
        while answer.status == StatusCode::ACCEPTED
            && checkout.state != "completed"
            && asked.elapsed() < SETTLE_TIMEOUT
        {
            tokio::time::sleep(answer.retry_after()).await;
            let path = format!("/checkouts/{}", checkout.id);
            let polled = self.connection.call(Call::get(&path).cookie(cookie)).await?;
            checkout = polled.json()?;
            if !matches!(
                checkout.state.as_str(),
                "started" | "processing" | "payment_unknown"
            ) {
                answer = polled;
            }
        }
        let Some(order) = checkout.order else {
            let problem = checkout
                .problem
                .map_or_else(String::new, |problem| format!(": {problem}"));
            return Ok(Outcome::Refused {
                reason: format!("checkout {}{problem}", checkout.state),
            });
        };
        let number = match order.number {
            serde_json::Value::String(number) => number,
            number => number.to_string(),
        };
        let total = order.total.amount;
        if total == expected {
            return Ok(Outcome::Matched { order: number, total });
        }
        Ok(Outcome::Mismatched {
            order: number,
            total,
            expected,
        })
    }

    async fn adjust(
        &mut self,
        scene: &Scene<'_>,
        invoice: &Invoice,
        line: usize,
        report: &RefCell<Report>,
    ) -> anyhow::Result<Outcome> {
        let line = &invoice.lines[line];
        let change = invoice.kind.stock_change(line.quantity);
        if change != 0 {
            let path = format!(
                "/admin/variants/{}/stock/adjustments",
                scene.variant_ids[line.code]
            );
            let body = serde_json::json!({
                "delta": change,
                "reason": invoice.kind.name(),
                "reference": invoice.number,
            });
            let call = Call::post(&path).staff(scene.staff).body(body.to_string());
            self.timed(CallKind::Adjustment, call, report).await?;
        }
        Ok(Outcome::Adjusted)
    }

    async fn timed(
        &mut self,
        kind: CallKind,
        call: Call<'_>,
        report: &RefCell<Report>,
    ) -> anyhow::Result<Answer> {
        let sent = Instant::now();
        let answer = self.connection.call(call).await;
        report.borrow_mut().took(kind, sent.elapsed());
        answer
    }
}

/// Returns who buys and where the goods go. Guests without a customer number are known by their invoice.
fn details(invoice: &Invoice, shipping_method_id: &str) -> anyhow::Result<String> {
    let (name, email) = match &invoice.customer {
        Some(customer) => (
            format!("Customer {customer}"),
            format!("customer-{customer}@example.com"),
        ),
        None => (
            "Guest".to_owned(),
            format!("guest-{}@example.com", invoice.number),
        ),
    };
    let details = serde_json::json!({
        "email": email,
        "shipping_address": {
            "name": name,
            "line1": "1 High Street",
            "city": "Market Town",
            "postal_code": "00000",
            "country": invoice.country,
        },
        "shipping_method_id": shipping_method_id,
    });
    Ok(serde_json::to_string(&details)?)
}
