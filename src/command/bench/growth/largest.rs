//! Every operation at a cart as large as a cart may be.

use super::report::{Largest, Operation};
use crate::client::{Answer, Call, Cart, Connection, Details, Ending, Guest};
use crate::command::bench::Settings;
use crate::command::bench::figures::whole;
use crate::command::bench::own_server::OwnServer;
use crate::command::bench::work::{CURRENCY, add_variants, line_body};
use crate::command::shop_setup;
use crate::output;
use anyhow::{Context, bail};
use cartwright_domain::country::Country;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// A coupon code that takes a tenth off every line.
const CODE: &str = "TENTH";

/// What is on a gift card, and what staff take for a unit: in minor units.
const WORTH: u64 = 100;

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Changed {
    line: Option<Made>,
}

#[derive(Deserialize)]
struct GiftCard {
    id: String,
    code: String,
}

#[derive(Deserialize)]
struct Orders {
    items: Vec<Made>,
}

/// Does everything once that can be done with a cart, at one of so many lines, and with its order.
///
/// # Errors
/// The cart cannot be filled. What fails afterwards is part of what was measured.
pub(super) async fn largest(settings: &Settings, lines: u64) -> anyhow::Result<Largest> {
    output::note(format!("every operation at a cart of {lines} lines"));
    let server = OwnServer::start(settings, &[]).await?;
    let staff = server.server().staff()?;
    let mut connection = Connection::open(server.server()).await?;
    shop_setup::ensure_no_tax(&mut connection, staff).await?;
    let method = shop_setup::ensure_free_shipping(&mut connection, staff, CURRENCY).await?;
    let variants = add_variants(&mut connection, staff, usize::try_from(lines)?).await?;
    // No more than that, also where there may be: what asks for a line too many is refused at every size.
    let no_more = json!({ "cart_lines_max": lines }).to_string();
    let no_more = Call::patch("/admin/settings").body(no_more);
    connection.call(no_more.staff(staff)).await?;
    let card = make_reductions(&mut connection, staff).await?;
    let mut guest = Guest::new(connection);
    let cookie = guest.open_session().await?;

    let second = guest.open_cart(&cookie, CURRENCY).await?;
    let cart = guest.open_cart(&cookie, CURRENCY).await?;
    for variant in &variants {
        guest.add_line(&second, None, line_body(variant)).await?;
    }
    let [others @ .., priced, last] = variants.as_slice() else {
        bail!("a cart of fewer than two lines is not large");
    };
    for variant in others {
        guest.add_line(&cart, None, line_body(variant)).await?;
    }
    let priced = priced_body(priced);
    guest.add_line(&cart, Some(staff), priced.clone()).await?;
    let mut doing = Doing {
        guest,
        cookie: &cookie,
        staff,
        done: Vec::new(),
    };
    let line = doing.fill(&cart, last, priced).await;
    let line = line.context("no line was changed")?;
    let details = Details {
        name: "Buyer",
        email: "buyer@example.com",
        country: Some(Country::GB),
        shipping_method_id: &method,
    };
    let details = Call::patch(&cart.path).minimal().body(details.body());
    doing.once("say who buys and where it goes", details).await;
    let offers = format!("{}/shipping-options", cart.path);
    doing.once("list shipping options", Call::get(&offers)).await;
    doing.pay_less(&cart, &card).await;
    let explanation = format!("{}/explain", cart.path);
    doing
        .once("see how its prices come about", Call::get(&explanation))
        .await;
    let line = format!("{}/{line}", cart.lines_path);
    doing.once("remove a line", Call::delete(&line).minimal()).await;
    doing.check_out(&cart).await;
    let cleared = Call::delete(&second.lines_path).minimal();
    doing.once("remove all lines of another", cleared).await;
    Ok(Largest {
        lines,
        operations: doing.done,
    })
}

/// Makes a promotion with a code, and a gift card.
async fn make_reductions(connection: &mut Connection, staff: &HeaderValue) -> anyhow::Result<GiftCard> {
    let promotion = json!({
        "name": "A tenth off each line",
        "code": CODE,
        "actions": [{ "type": "lines", "percentage": "0.1" }],
        "enabled": true,
    });
    let promotion = Call::post("/admin/promotions").body(promotion.to_string());
    connection.call(promotion.staff(staff)).await?;
    let card = json!({ "amount": worth() }).to_string();
    let card = Call::post("/admin/gift-cards").body(card);
    connection.call(card.staff(staff)).await?.json()
}

/// A unit at a price that staff have set. It goes into no line of its variant at another price.
fn priced_body(variant: &str) -> String {
    json!({ "variant_id": variant, "quantity": 1, "unit_price": worth() }).to_string()
}

fn worth() -> Value {
    json!({ "amount": WORTH, "currency": CURRENCY })
}

/// Takes the time of what a guest does.
struct Doing<'a> {
    guest: Guest,
    cookie: &'a HeaderValue,
    staff: &'a HeaderValue,
    done: Vec<Operation>,
}

impl Doing<'_> {
    /// Asks once as the guest, and returns the answer unless it is a refusal.
    async fn once(&mut self, name: &str, call: Call<'_>) -> Option<Answer> {
        let began = Instant::now();
        let answered = self.guest.connection().once(call.cookie(self.cookie)).await;
        self.note(name, began, answered)
    }

    fn note<T>(&mut self, name: &str, began: Instant, done: anyhow::Result<T>) -> Option<T> {
        let took_us = whole(began.elapsed().as_micros());
        let error = done.as_ref().err().map(|error| format!("{error:#}"));
        self.done.push(Operation {
            name: name.to_owned(),
            took_us,
            error,
        });
        done.ok()
    }

    /// Adds the last line and changes it, and adds to one that staff have priced; returns the id of the last.
    async fn fill(&mut self, cart: &Cart, variant: &str, priced: String) -> Option<String> {
        let add = Call::post(&cart.lines_path).body(line_body(variant));
        self.once("add the last line", add.clone().minimal()).await;
        let minimal = add.clone().minimal();
        let answer = self
            .once("add a unit, answered with what changed", minimal)
            .await?;
        self.once("add a unit, answered with the whole cart", add).await;
        self.once("read it", Call::get(&cart.path)).await;
        let line = answer.json::<Changed>().ok()?.line?.id;
        let path = format!("{}/{line}", cart.lines_path);
        let quantity = Call::patch(&path).minimal().body(r#"{"quantity":3}"#);
        self.once("set a line's quantity", quantity).await;
        let priced = Call::post(&cart.lines_path).minimal().body(priced);
        let priced = priced.staff(self.staff);
        self.once("add a unit at a price of staff's", priced).await;
        Some(line)
    }

    /// Has a code and a gift card reduce what is to be paid, each put in and taken out and put in again.
    async fn pay_less(&mut self, cart: &Cart, card: &GiftCard) {
        let codes = format!("{}/codes", cart.path);
        let enter = Call::post(&codes)
            .minimal()
            .body(json!({ "code": CODE }).to_string());
        let entered = format!("{codes}/{CODE}");
        self.once("enter a code", enter.clone()).await;
        self.once("take it out", Call::delete(&entered).minimal()).await;
        self.once("enter it again", enter).await;
        let cards = format!("{}/gift-cards", cart.path);
        let pay = Call::post(&cards)
            .minimal()
            .body(json!({ "code": card.code }).to_string());
        let paying = format!("{}/payments/{}", cart.path, card.id);
        self.once("pay with a gift card", pay.clone()).await;
        self.once("take the gift card out", Call::delete(&paying).minimal())
            .await;
        self.once("pay with it again", pay).await;
    }

    /// Starts a checkout and gives it up, buys the cart, and has staff cancel the order.
    async fn check_out(&mut self, cart: &Cart) {
        let start = format!("{}/checkout", cart.path);
        let started = self.once("start a checkout", Call::post(&start).body("{}")).await;
        if let Some(started) = started.and_then(|answer| answer.json::<Made>().ok()) {
            let abandon = format!("/checkouts/{}/abandon", started.id);
            self.once("give it up", Call::post(&abandon)).await;
        }
        let began = Instant::now();
        let bought = self.buy(cart).await;
        self.note("buy it", began, bought);
        let newest = self
            .guest
            .connection()
            .call(Call::get("/admin/orders").staff(self.staff));
        let order = match newest.await.and_then(|answer| answer.json::<Orders>()) {
            Ok(mut orders) => orders.items.pop(),
            Err(_) => None,
        };
        let Some(order) = order else { return };
        let path = format!("/orders/{}", order.id);
        self.once("read its order", Call::get(&path)).await;
        let explanation = format!("{path}/explain");
        self.once("see how the order's prices came about", Call::get(&explanation))
            .await;
        let cancel = format!("/admin/orders/{}/cancel", order.id);
        let cancel = Call::post(&cancel)
            .staff(self.staff)
            .body(r#"{"reason":"measured"}"#);
        self.once("cancel the order", cancel).await;
    }

    async fn buy(&mut self, cart: &Cart) -> anyhow::Result<()> {
        match self.guest.complete(cart).await? {
            Ending::Placed { .. } => Ok(()),
            Ending::NotPlaced { reason } => bail!("{reason}"),
        }
    }
}
