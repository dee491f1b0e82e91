//! The kinds of load: what each sets up, and what one operation of it is.

use super::counters::ServerCounters;
use super::load::{Bodies, Client, Pace};
use super::turns::{ServerTurns, Turns};
use crate::cli::Work;
use crate::client::{Call, Cart, Connection, Details, Ending, Guest, Server};
use crate::command::import::{self, ImportRow, Price};
use crate::command::shop_setup::{self, find_variant};
use anyhow::{Context, bail};
use bytes::Bytes;
use cartwright_domain::country::Country;
use clap::ValueEnum;
use futures::future::try_join_all;
use hyper::header::HeaderValue;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The currency of everything that is bought.
pub(super) const CURRENCY: &str = "GBP";

/// How many connections a purchase is measured with, where nothing is said.
const CONNECTIONS_PURCHASE: u16 = 16;

/// How many connections anything else is measured with, where nothing is said.
const CONNECTIONS: u16 = 64;

/// How many lines a warm cart has, and how many variants they are of.
const CART_LINES: usize = 10;

/// How many lines a purchase has.
const PURCHASE_LINES: usize = 3;

/// How many variants the purchases are spread over.
const PURCHASE_VARIANTS: usize = 500;

/// How much stock each variant starts with.
const STOCK: u64 = 100_000_000;

impl Work {
    /// Returns its name on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Returns what one operation is.
    pub(super) fn what(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }
}

/// One kind of load, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) work: Work,
    pub(super) connections: u16,
    /// How many carts each connection has, and takes in turn.
    pub(super) carts_each: usize,
    /// How many lines a cart has.
    pub(super) lines: usize,
}

impl Load {
    /// Returns the load of a work. Only W9 spreads over so many carts; the others have one a connection.
    pub(super) fn of(work: Work, connections: Option<u16>, sleeping_carts: usize) -> Self {
        let usual = if is_purchase(work) {
            CONNECTIONS_PURCHASE
        } else {
            CONNECTIONS
        };
        let load = Self {
            work,
            connections: connections.unwrap_or(usual),
            carts_each: 1,
            lines: CART_LINES,
        };
        if work == Work::W9 {
            return load.over_carts(sleeping_carts);
        }
        load
    }

    /// Spreads it over so many carts, at least one a connection.
    pub(super) fn over_carts(self, carts: usize) -> Self {
        let carts_each = carts.div_ceil(usize::from(self.connections)).max(1);
        Self { carts_each, ..self }
    }

    /// Returns how many carts there are.
    pub(super) fn carts(self) -> usize {
        match self.work {
            Work::W1 | Work::W4 | Work::W8 => 0,
            Work::W5 => 1,
            Work::W2 | Work::W3 | Work::W9 => self.carts_each * usize::from(self.connections),
        }
    }

    /// Tells whether an operation changes something.
    pub(super) fn is_change(self) -> bool {
        self.work != Work::W3
    }

    /// Tells whether one operation is a whole purchase.
    pub(super) fn is_purchase(self) -> bool {
        is_purchase(self.work)
    }

    /// Tells whether an operation opens a cart of its own.
    pub(super) fn opens_carts(self) -> bool {
        self.work == Work::W1 || self.is_purchase()
    }
}

fn is_purchase(work: Work) -> bool {
    matches!(work, Work::W4 | Work::W8)
}

/// What one bench works on: variants of its own, so that runs do not meet.
pub(super) struct Shop {
    load: Load,
    server: Server,
    variant_ids: Vec<String>,
    shipping_method_id: Option<String>,
    /// The one cart of [`Work::W5`].
    shared: Option<Cart>,
}

impl Shop {
    /// Adds the variants that the load needs, and for a purchase what else is missing.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn set_up(server: &Server, load: Load) -> anyhow::Result<Self> {
        let mut connection = Connection::open(server).await?;
        let staff = server.staff()?;
        let shipping_method_id = if load.is_purchase() {
            shop_setup::ensure_no_tax(&mut connection, staff).await?;
            Some(shop_setup::ensure_free_shipping(&mut connection, staff, CURRENCY).await?)
        } else {
            None
        };
        let count = match load.work {
            Work::W1 => 0,
            Work::W2 | Work::W3 | Work::W5 | Work::W9 => load.lines,
            Work::W4 => PURCHASE_VARIANTS,
            Work::W8 => 1,
        };
        let variant_ids = add_variants(&mut connection, staff, count).await?;
        let mut shop = Self {
            load,
            server: server.clone(),
            variant_ids,
            shipping_method_id,
            shared: None,
        };
        if load.work == Work::W5 {
            let mut guest = Guest::new(connection);
            let cookie = guest.open_session().await?;
            shop.shared = Some(shop.warm_cart(&mut guest, &cookie).await?);
        }
        Ok(shop)
    }

    /// Makes the clients of all connections, with their warm carts where the work needs them.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn clients(&self) -> anyhow::Result<Vec<Buyer>> {
        try_join_all((0..usize::from(self.load.connections)).map(|number| self.client(number))).await
    }

    /// Makes ready to measure the work, with clients of its own.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn turns(&self, pace: Pace, time: Duration) -> anyhow::Result<ServerTurns> {
        let counters = ServerCounters::of(&self.server).await?;
        Ok(Turns::new(self.clients().await?, counters, pace, time))
    }

    async fn client(&self, number: usize) -> anyhow::Result<Buyer> {
        let mut guest = Guest::new(Connection::open(&self.server).await?);
        let operation = match self.load.work {
            Work::W1 => Operation::OpenCart {
                cookie: guest.open_session().await?,
            },
            Work::W2 | Work::W9 => Operation::AddUnit {
                carts: self.warm_carts(&mut guest).await?,
                bodies: self.line_bodies(),
            },
            Work::W3 => Operation::ReadCart {
                carts: self.warm_carts(&mut guest).await?,
            },
            Work::W5 => Operation::AddUnit {
                carts: vec![self.shared.clone().context("W5 shares a cart")?],
                bodies: self.line_bodies(),
            },
            Work::W4 | Work::W8 => {
                let shipping_method_id = self
                    .shipping_method_id
                    .as_deref()
                    .context("a purchase is shipped")?;
                let email = format!("buyer-{number}@example.com");
                let details = Details {
                    name: "Buyer",
                    email: &email,
                    country: Some(Country::GB),
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

    /// One session, as a shopper's who has many carts: what wakes is the cart, and not the session too.
    async fn warm_carts(&self, guest: &mut Guest) -> anyhow::Result<Vec<Cart>> {
        let cookie = guest.open_session().await?;
        let mut carts = Vec::with_capacity(self.load.carts_each);
        for _ in 0..self.load.carts_each {
            carts.push(self.warm_cart(guest, &cookie).await?);
        }
        Ok(carts)
    }

    async fn warm_cart(&self, guest: &mut Guest, cookie: &HeaderValue) -> anyhow::Result<Cart> {
        let cart = guest.open_cart(cookie, CURRENCY).await?;
        for body in self.line_bodies() {
            guest.add_line(&cart, None, body).await?;
        }
        Ok(cart)
    }

    fn line_bodies(&self) -> Vec<Bytes> {
        let body = |variant: &String, field: usize| match self.load.work {
            // One variant, yet as many lines as W4 has: the field keeps them apart.
            Work::W8 => {
                format!(r#"{{"variant_id":"{variant}","quantity":1,"custom_fields":{{"row":"{field}"}}}}"#)
            }
            _ => line_body(variant),
        };
        let lines = if self.load.work == Work::W8 {
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

/// Returns the body that adds one unit of a variant.
pub(super) fn line_body(variant_id: &str) -> String {
    format!(r#"{{"variant_id":"{variant_id}","quantity":1}}"#)
}

/// Adds so many variants, each with a price and more stock than can be bought, and returns their ids.
///
/// # Errors
/// The server refuses.
pub(super) async fn add_variants(
    connection: &mut Connection,
    staff: &HeaderValue,
    count: usize,
) -> anyhow::Result<Vec<String>> {
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let rows: Vec<ImportRow> = (0..count).map(|number| row(run, number)).collect();
    if let Some(refused) = import::send(connection, staff, &rows).await? {
        bail!(
            "the variant {} cannot be added: {}",
            refused.subject,
            refused.reason()
        );
    }
    let mut ids = Vec::with_capacity(count);
    for row in &rows {
        let id = find_variant(connection, staff, &row.sku).await?;
        ids.push(id.with_context(|| format!("the variant {} was added but is not found", row.sku))?);
    }
    Ok(ids)
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

/// What one connection does.
pub(super) struct Buyer {
    guest: Guest,
    operation: Operation,
    turn: usize,
}

enum Operation {
    OpenCart { cookie: HeaderValue },
    AddUnit { carts: Vec<Cart>, bodies: Vec<Bytes> },
    ReadCart { carts: Vec<Cart> },
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
            Operation::AddUnit { carts, bodies } => {
                let cart = &carts[self.turn % carts.len()];
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
            Operation::ReadCart { carts } => {
                let cart = &carts[self.turn % carts.len()];
                self.turn += 1;
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
