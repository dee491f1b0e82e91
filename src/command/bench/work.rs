//! The kinds of load: what each sets up, and what one operation of it is.

use super::{Bodies, Client};
use crate::cli::Work;
use crate::client::{Call, Cart, Connection, Details, Ending, Guest};
use crate::command::import::{self, BATCH_ROWS_MAX, ImportRow, Outcome, Price};
use crate::command::shop_setup::find_variant;
use anyhow::{Context, bail};
use bytes::Bytes;
use hyper::header::HeaderValue;
use std::time::{SystemTime, UNIX_EPOCH};

/// The currency of everything that is bought.
pub(super) const CURRENCY: &str = "GBP";

/// How many lines a warm cart has, and how many variants they are of.
const CART_LINES: usize = 10;

/// How many lines a purchase has.
const PURCHASE_LINES: usize = 3;

/// How many variants the purchases are spread over.
const PURCHASE_VARIANTS: usize = 500;

/// How much stock each variant starts with.
const STOCK: u64 = 100_000_000;

/// What one bench works on: variants of its own, so that runs do not meet.
pub(super) struct Shop<'a> {
    work: Work,
    staff: &'a HeaderValue,
    variant_ids: Vec<String>,
    shipping_method_id: Option<String>,
    /// The one cart of [`Work::W5`].
    shared: Option<Cart>,
}

impl<'a> Shop<'a> {
    /// Adds the variants that the work needs.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn set_up(
        connection: &mut Connection,
        staff: &'a HeaderValue,
        work: Work,
        shipping_method_id: Option<String>,
    ) -> anyhow::Result<Self> {
        let count = match work {
            Work::W1 => 0,
            Work::W2 | Work::W3 | Work::W5 => CART_LINES,
            Work::W4 => PURCHASE_VARIANTS,
            Work::W8 => 1,
        };
        let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let rows: Vec<ImportRow> = (0..count).map(|number| row(run, number)).collect();
        for batch in rows.chunks(BATCH_ROWS_MAX) {
            let results = import::send(connection, staff, batch).await?;
            if let Some(refused) = results.iter().find(|result| result.outcome == Outcome::Refused) {
                bail!(
                    "the variant {} cannot be added: {}",
                    refused.sku,
                    refused.reason()
                );
            }
        }
        let mut variant_ids = Vec::with_capacity(count);
        for row in &rows {
            let id = find_variant(connection, staff, &row.sku).await?;
            variant_ids
                .push(id.with_context(|| format!("the variant {} was added but is not found", row.sku))?);
        }
        let mut shop = Self {
            work,
            staff,
            variant_ids,
            shipping_method_id,
            shared: None,
        };
        if work == Work::W5 {
            let mut guest = Guest::new(connection.again().await?);
            shop.shared = Some(shop.warm_cart(&mut guest).await?);
        }
        Ok(shop)
    }

    /// Makes the client of one connection, with its warm cart where the work needs one.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn client(&self, connection: Connection, number: usize) -> anyhow::Result<Buyer> {
        let mut guest = Guest::new(connection);
        let operation = match self.work {
            Work::W1 => Operation::OpenCart {
                cookie: guest.open_session().await?,
            },
            Work::W2 => Operation::AddUnit {
                cart: self.warm_cart(&mut guest).await?,
                bodies: self.line_bodies(),
            },
            Work::W3 => Operation::ReadCart {
                cart: self.warm_cart(&mut guest).await?,
            },
            Work::W5 => {
                let cart = self.shared.clone().context("W5 shares a cart")?;
                Operation::AddUnit {
                    cart,
                    bodies: self.line_bodies(),
                }
            }
            Work::W4 | Work::W8 => {
                let shipping_method_id = self
                    .shipping_method_id
                    .as_deref()
                    .context("a purchase is shipped")?;
                let email = format!("buyer-{number}@example.com");
                let details = Details {
                    name: "Buyer",
                    email: &email,
                    country: "GB",
                    shipping_method_id,
                };
                Operation::Purchase {
                    bodies: self.line_bodies(),
                    details: details.body(),
                }
            }
        };
        // Clients start at different variants, so that they do not all ask for the same one at once.
        Ok(Buyer {
            guest,
            operation,
            turn: number * PURCHASE_LINES,
        })
    }

    async fn warm_cart(&self, guest: &mut Guest) -> anyhow::Result<Cart> {
        let cookie = guest.open_session().await?;
        let cart = guest.open_cart(&cookie, CURRENCY).await?;
        for body in self.line_bodies() {
            guest.add_line(&cart, Some(self.staff), body).await?;
        }
        Ok(cart)
    }

    fn line_bodies(&self) -> Vec<Bytes> {
        let body = |variant: &String, field: usize| match self.work {
            // One variant, yet as many lines as W4 has: the field keeps them apart.
            Work::W8 => {
                format!(r#"{{"variant_id":"{variant}","quantity":1,"custom_fields":{{"row":"{field}"}}}}"#)
            }
            _ => format!(r#"{{"variant_id":"{variant}","quantity":1}}"#),
        };
        let lines = if self.work == Work::W8 {
            PURCHASE_LINES
        } else {
            self.variant_ids.len()
        };
        let variants = self.variant_ids.iter().cycle().take(lines);
        variants
            .enumerate()
            .map(|(field, variant)| Bytes::from(body(variant, field)))
            .collect()
    }
}

fn row(run: u128, number: usize) -> ImportRow {
    ImportRow {
        price: Some(Price {
            unit_price: "2.55".to_owned(),
            currency: CURRENCY.to_owned(),
        }),
        stock: Some(STOCK),
        ..ImportRow::of(
            u64::try_from(number).unwrap_or(u64::MAX),
            format!("bench-{run}-{number}"),
        )
    }
}

/// One connection's closed loop.
pub(super) struct Buyer {
    guest: Guest,
    operation: Operation,
    turn: usize,
}

enum Operation {
    OpenCart { cookie: HeaderValue },
    AddUnit { cart: Cart, bodies: Vec<Bytes> },
    ReadCart { cart: Cart },
    Purchase { bodies: Vec<Bytes>, details: Bytes },
}

impl Client for Buyer {
    async fn once(&mut self) -> anyhow::Result<Bodies> {
        match &self.operation {
            Operation::OpenCart { cookie } => {
                let body = Bytes::from_static(br#"{"currency":"GBP"}"#);
                let call = Call::post("/carts").cookie(cookie).minimal().body(body.clone());
                let answer = self.guest.connection().once(call).await?;
                Ok(Bodies {
                    request: body.len(),
                    response: answer.body.len(),
                })
            }
            Operation::AddUnit { cart, bodies } => {
                let body = &bodies[self.turn % bodies.len()];
                self.turn += 1;
                let call = Call::post(&cart.lines_path)
                    .cookie(&cart.cookie)
                    .minimal()
                    .body(body.clone());
                let answer = self.guest.connection().once(call).await?;
                Ok(Bodies {
                    request: body.len(),
                    response: answer.body.len(),
                })
            }
            Operation::ReadCart { cart } => {
                let call = Call::get(&cart.path).cookie(&cart.cookie);
                let answer = self.guest.connection().once(call).await?;
                Ok(Bodies {
                    request: 0,
                    response: answer.body.len(),
                })
            }
            Operation::Purchase { bodies, details } => {
                let cookie = self.guest.open_session().await?;
                let cart = self.guest.open_cart(&cookie, CURRENCY).await?;
                let mut request = details.len();
                for _ in 0..PURCHASE_LINES {
                    let body = bodies[self.turn % bodies.len()].clone();
                    self.turn += 1;
                    request += body.len();
                    self.guest.add_line(&cart, None, body).await?;
                }
                self.guest.give_details(&cart, details.clone()).await?;
                match self.guest.complete(&cart).await? {
                    Ending::Placed { .. } => Ok(Bodies { request, response: 0 }),
                    Ending::NotPlaced { reason } => bail!("{reason}"),
                }
            }
        }
    }
}
