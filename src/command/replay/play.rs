//! One step of a replay over one connection.

use super::CURRENCY;
use super::plan::{Invoice, Line, Plan, Step};
use super::report::{CallKind, Outcome, Report};
use crate::client::{Call, Details, Ending, Guest, Refusal};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::cell::RefCell;
use std::fmt::Write;
use std::time::Instant;

/// Which tax is on the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tax {
    /// None: each total is the sum of the rows.
    None,
    /// That of the store's zones at the invoice's date, on top of the rows.
    AtInvoiceDate,
}

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
    /// What the totals have in them besides the rows.
    pub(super) tax: Tax,
    /// Where the calls' times go.
    pub(super) report: &'a RefCell<Report>,
}

impl Scene<'_> {
    /// Plays one step. What the server refuses is an outcome.
    ///
    /// # Errors
    /// The server cannot be reached or understood, or does not take the staff token: going on makes no sense.
    pub(super) async fn play(&self, guest: &mut Guest, step: Step) -> anyhow::Result<Outcome> {
        let (Step::Order(index) | Step::Adjust { invoice: index, .. }) = step;
        let invoice = &self.plan.invoices[index];
        let played = match step {
            Step::Order(_) => self.order(guest, invoice).await,
            Step::Adjust { line, .. } => self.adjust(guest, invoice, &invoice.lines[line]).await,
        };
        match played {
            Ok(outcome) => Ok(outcome),
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) if refusal.status != StatusCode::UNAUTHORIZED => Ok(Outcome::Refused {
                    reason: refusal.reason(),
                }),
                _ => Err(error.context(format!("invoice {}", invoice.number))),
            },
        }
    }

    async fn order(&self, guest: &mut Guest, invoice: &Invoice) -> anyhow::Result<Outcome> {
        if let Some(odd) = invoice
            .lines
            .iter()
            .find(|line| line.quantity < 1 || line.price.is_negative())
        {
            let reason = format!(
                "line {}: {} x {} cannot be a cart line",
                odd.file_line, odd.quantity, odd.price
            );
            return Ok(Outcome::Refused { reason });
        }
        let Some(expected) = invoice.total() else {
            return Ok(Outcome::Refused {
                reason: "its total does not fit".to_owned(),
            });
        };

        let cookie = self.timed(CallKind::Session, guest.open_session()).await?;
        let cart = self
            .timed(CallKind::Cart, guest.open_cart(&cookie, CURRENCY))
            .await?;
        for line in &invoice.lines {
            let body = line_body(&self.variant_ids[line.code], line)?;
            self.timed(CallKind::Line, guest.add_line(&cart, Some(self.staff), body))
                .await?;
        }
        // Before the guest is shown the last total: that is what completing agrees to.
        if self.tax == Tax::AtInvoiceDate {
            let at = invoice.priced_at();
            self.timed(CallKind::Date, guest.price_at(&cart, self.staff, &at))
                .await?;
        }
        let details = details(invoice, &self.shipping_method_id);
        self.timed(CallKind::Details, guest.give_details(&cart, details))
            .await?;
        Ok(
            match self.timed(CallKind::Complete, guest.complete(&cart)).await? {
                Ending::Placed { order, total } if self.fits(total, expected) => {
                    Outcome::Matched { order, total }
                }
                Ending::Placed { order, total } => Outcome::Mismatched {
                    order,
                    total,
                    expected,
                },
                Ending::NotPlaced { reason } => Outcome::Refused { reason },
            },
        )
    }

    /// Tells whether a total may be that of rows of this sum. How much tax there is the store's zones say.
    fn fits(&self, total: i64, rows: i64) -> bool {
        match self.tax {
            Tax::None => total == rows,
            Tax::AtInvoiceDate => rows <= total,
        }
    }

    async fn adjust(&self, guest: &mut Guest, invoice: &Invoice, line: &Line) -> anyhow::Result<Outcome> {
        let Some(change) = invoice.kind.stock_change(line.quantity) else {
            let Line {
                file_line, quantity, ..
            } = line;
            return Ok(Outcome::Refused {
                reason: format!("line {file_line}: the change of stock by {quantity} does not fit"),
            });
        };
        if change == 0 {
            return Ok(Outcome::Adjusted);
        }
        let path = format!(
            "/admin/variants/{}/stock/adjustments",
            self.variant_ids[line.code]
        );
        let body = serde_json::json!({
            "delta": change,
            "reason": invoice.kind.name(),
            "reference": invoice.number,
        });
        let call = Call::post(&path).staff(self.staff).body(body.to_string());
        self.timed(CallKind::Adjustment, guest.connection().call(call))
            .await?;
        Ok(Outcome::Adjusted)
    }

    async fn timed<T>(&self, kind: CallKind, call: impl Future<Output = T>) -> T {
        let sent = Instant::now();
        let answer = call.await;
        self.report.borrow_mut().took(kind, sent.elapsed());
        answer
    }
}

/// Returns a line at the row's price, kept apart from others of its code by the row's number.
fn line_body(variant_id: &str, line: &Line) -> Result<String, std::fmt::Error> {
    let mut body = String::with_capacity(192);
    let Line { row, quantity, .. } = line;
    write!(
        body,
        r#"{{"variant_id":"{variant_id}","quantity":{quantity},"custom_fields":{{"row":"{row}"}},"unit_price":"#
    )?;
    line.price.write_json(CURRENCY, &mut body)?;
    body.push('}');
    Ok(body)
}

/// Returns who buys and where the goods go. Guests without a customer number are known by their invoice.
fn details(invoice: &Invoice, shipping_method_id: &str) -> bytes::Bytes {
    let (name, email) = match &invoice.customer {
        Some(customer) => (
            format!("Customer {customer}"),
            format!("customer-{}@example.com", mailable(customer)),
        ),
        None => (
            "Guest".to_owned(),
            format!("guest-{}@example.com", mailable(&invoice.number)),
        ),
    };
    Details {
        name: &name,
        email: &email,
        country: invoice.country,
        shipping_method_id,
    }
    .body()
}

/// Returns what the file calls somebody as an address may have it: what is neither letter nor digit stands there by its
/// number, so that two whom the file tells apart by more than small and capital letters have two addresses.
fn mailable(name: &str) -> String {
    let mut address = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter.is_alphanumeric() {
            true => address.push(letter),
            false => address.push_str(&format!("-{:x}-", u32::from(letter))),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_the_file_names_has_an_address_of_their_own() {
        let addresses = ["17850", "17 850", "17-850", "a@b,c", "É"].map(mailable);
        assert_eq!(addresses, ["17850", "17-20-850", "17-2d-850", "a-40-b-2c-c", "É"]);
    }

    #[test]
    fn a_line_is_told_by_its_row_and_has_the_rows_price() {
        let line = Line {
            row: 7,
            file_line: 8,
            code: 0,
            quantity: 6,
            price: "2.55".parse().expect("a price"),
        };
        let body = line_body("var_1", &line).expect("writing to a string succeeds");
        let expected = r#"{"variant_id":"var_1","quantity":6,"custom_fields":{"row":"7"},"unit_price":{"amount":255,"currency":"GBP"}}"#;
        assert_eq!(body, expected);
    }
}
