//! What a guest does in a shop: opens a session and a cart, fills it, says where it goes, pays.

use super::{Call, Connection};
use anyhow::Context;
use bytes::Bytes;
use cartwright_domain::address::Input;
use cartwright_domain::country::Country;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// The payment token that the sandbox approves.
const APPROVED: &str = "tok_approve";

/// How long an order may stay unsettled before it counts as not placed.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection over which one guest after the other buys.
#[derive(Debug)]
pub(crate) struct Guest {
    connection: Connection,
}

/// An open cart and the session it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Cart {
    /// The session's cookie.
    pub(crate) cookie: HeaderValue,
    /// The cart's path below the API's root.
    pub(crate) path: String,
    /// The path of its lines.
    pub(crate) lines_path: String,
}

/// How a checkout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With an order.
    Placed {
        /// The order's number.
        order: String,
        /// What was paid, in minor units.
        total: i64,
    },
    /// Without.
    NotPlaced {
        /// The checkout's state and problem.
        reason: String,
    },
}

/// Who buys and where the goods go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Details<'a> {
    /// The buyer's name.
    pub(crate) name: &'a str,
    /// Where the confirmation goes.
    pub(crate) email: &'a str,
    /// The country, where it is known.
    pub(crate) country: Option<Country>,
    /// How it is sent.
    pub(crate) shipping_method_id: &'a str,
}

impl Details<'_> {
    /// Returns the body that says so.
    pub(crate) fn body(self) -> Bytes {
        let address = self
            .country
            .map(|country| Input::example(self.name, "1 High Street", "Market Town", country))
            .unwrap_or_default();
        let body = serde_json::json!({
            "email": self.email,
            "shipping_address": {
                "name": address.name,
                "line1": address.line1,
                "city": address.city,
                "region": address.region,
                "postal_code": address.postal_code,
                "country": address.country,
            },
            "shipping_method_id": self.shipping_method_id,
        });
        body.to_string().into()
    }
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
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Returns the connection, for calls that are not a guest's.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Opens a session and returns its cookie.
    ///
    /// # Errors
    /// As [`Connection::call`], as have all of these.
    pub(crate) async fn open_session(&mut self) -> anyhow::Result<HeaderValue> {
        let answer = self.connection.call(Call::post("/session").body("{}")).await?;
        answer
            .session_cookie()
            .context("the server opened a session without setting its cookie")
    }

    /// Opens a cart in a session.
    pub(crate) async fn open_cart(&mut self, cookie: &HeaderValue, currency: &str) -> anyhow::Result<Cart> {
        let body = format!(r#"{{"currency":"{currency}"}}"#);
        let call = Call::post("/carts").cookie(cookie).minimal().body(body);
        let opened: Opened = self.connection.call(call).await?.json()?;
        let path = format!("/carts/{}", opened.id);
        Ok(Cart {
            cookie: cookie.clone(),
            lines_path: format!("{path}/lines"),
            path,
        })
    }

    /// Adds a line. Only with a staff token does a unit price in the body count.
    pub(crate) async fn add_line(
        &mut self,
        cart: &Cart,
        staff: Option<&HeaderValue>,
        body: impl Into<Bytes>,
    ) -> anyhow::Result<()> {
        let mut call = Call::post(&cart.lines_path)
            .cookie(&cart.cookie)
            .minimal()
            .body(body);
        if let Some(staff) = staff {
            call = call.staff(staff);
        }
        self.connection.call(call).await?;
        Ok(())
    }

    /// Says who buys and where the goods go.
    pub(crate) async fn give_details(&mut self, cart: &Cart, details: Bytes) -> anyhow::Result<()> {
        let call = Call::patch(&cart.path)
            .cookie(&cart.cookie)
            .minimal()
            .body(details);
        self.connection.call(call).await?;
        Ok(())
    }

    /// Has staff say when the cart is priced.
    pub(crate) async fn price_at(
        &mut self,
        cart: &Cart,
        staff: &HeaderValue,
        at: &str,
    ) -> anyhow::Result<()> {
        let call = Call::patch(&cart.path)
            .cookie(&cart.cookie)
            .staff(staff)
            .minimal()
            .body(serde_json::json!({ "priced_at": at }).to_string());
        self.connection.call(call).await?;
        Ok(())
    }

    /// Pays with the sandbox and waits until the payment is settled.
    pub(crate) async fn complete(&mut self, cart: &Cart) -> anyhow::Result<Ending> {
        let path = format!("{}/complete", cart.path);
        // The cart's own id: a repeat over a new connection is the same attempt.
        let key = HeaderValue::from_str(&cart.path)?;
        let body = format!(r#"{{"payment":{{"token":"{APPROVED}"}}}}"#);
        let call = Call::post(&path).cookie(&cart.cookie).key(key).body(body);
        let mut answer = self.connection.call(call).await?;
        let mut checkout: Checkout = answer.json()?;
        let asked = Instant::now();
        while answer.status == StatusCode::ACCEPTED || checkout.is_open() {
            if SETTLE_TIMEOUT <= asked.elapsed() {
                break;
            }
            tokio::time::sleep(answer.retry_after()).await;
            let path = format!("/checkouts/{}", checkout.id);
            answer = self
                .connection
                .call(Call::get(&path).cookie(&cart.cookie))
                .await?;
            checkout = answer.json()?;
        }
        Ok(checkout.ending())
    }
}

impl Checkout {
    fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "started" | "processing" | "payment_unknown")
    }

    fn ending(self) -> Ending {
        let Some(order) = self.order else {
            let problem = self
                .problem
                .map_or_else(String::new, |problem| format!(": {problem}"));
            return Ending::NotPlaced {
                reason: format!("checkout {}{problem}", self.state),
            };
        };
        let number = match order.number {
            serde_json::Value::String(number) => number,
            number => number.to_string(),
        };
        Ending::Placed {
            order: number,
            total: order.total.amount,
        }
    }
}
