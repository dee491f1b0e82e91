//! Every operation at a cart as large as a cart may be.

use super::report::{Largest, Operation};
use crate::client::{Call, Cart, Connection, Details, Ending, Guest};
use crate::command::bench::Settings;
use crate::command::bench::figures::whole;
use crate::command::bench::own_server::OwnServer;
use crate::command::bench::work::{CURRENCY, add_variants, line_body};
use crate::command::shop_setup;
use crate::output;
use anyhow::{Context, bail};
use cartwright_domain::country::Country;
use serde::Deserialize;
use std::time::Instant;

#[derive(Deserialize)]
struct Changed {
    line: Option<Line>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
}

/// Does everything once that can be done with a cart, at one of so many lines.
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
    let mut guest = Guest::new(connection);
    let cookie = guest.open_session().await?;
    let mut doing = Doing::default();

    let second = guest.open_cart(&cookie, CURRENCY).await?;
    let cart = guest.open_cart(&cookie, CURRENCY).await?;
    for variant in &variants {
        guest.add_line(&second, None, line_body(variant)).await?;
    }
    let (last, others) = variants.split_last().context("a cart has lines")?;
    for variant in others {
        guest.add_line(&cart, None, line_body(variant)).await?;
    }
    doing
        .once("add the last line", async {
            guest.add_line(&cart, None, line_body(last)).await
        })
        .await;
    let body = line_body(last);
    let mut line = None;
    let whole_cart = Call::post(&cart.lines_path).cookie(&cart.cookie).body(body);
    doing
        .once("add a unit, answered with what changed", async {
            let answer = guest.connection().once(whole_cart.clone().minimal()).await?;
            line = answer.json::<Changed>()?.line;
            Ok(())
        })
        .await;
    doing
        .calls(&mut guest, "add a unit, answered with the whole cart", whole_cart)
        .await;
    doing
        .calls(&mut guest, "read it", Call::get(&cart.path).cookie(&cart.cookie))
        .await;
    let line_path = format!("{}/{}", cart.lines_path, line.context("a line was changed")?.id);
    let quantity = Call::patch(&line_path).cookie(&cart.cookie).minimal();
    doing
        .calls(
            &mut guest,
            "set a line's quantity",
            quantity.body(r#"{"quantity":3}"#),
        )
        .await;
    let details = Details {
        name: "Buyer",
        email: "buyer@example.com",
        country: Some(Country::GB),
        shipping_method_id: &method,
    };
    let body = details.body();
    doing
        .once("say who buys and where it goes", async {
            guest.give_details(&cart, body).await
        })
        .await;
    let offers = format!("{}/shipping-options", cart.path);
    doing
        .calls(
            &mut guest,
            "list shipping options",
            Call::get(&offers).cookie(&cart.cookie),
        )
        .await;
    let removed = Call::delete(&line_path).cookie(&cart.cookie).minimal();
    doing.calls(&mut guest, "remove a line", removed).await;
    doing
        .once("buy it", async { bought(&mut guest, &cart).await })
        .await;
    let cleared = Call::delete(&second.lines_path).cookie(&second.cookie).minimal();
    doing
        .calls(&mut guest, "remove all lines of another", cleared)
        .await;
    Ok(Largest {
        lines,
        operations: doing.done,
    })
}

async fn bought(guest: &mut Guest, cart: &Cart) -> anyhow::Result<()> {
    match guest.complete(cart).await? {
        Ending::Placed { .. } => Ok(()),
        Ending::NotPlaced { reason } => bail!("{reason}"),
    }
}

/// Takes the time of what is done.
#[derive(Default)]
struct Doing {
    done: Vec<Operation>,
}

impl Doing {
    async fn once(&mut self, name: &str, what: impl Future<Output = anyhow::Result<()>>) {
        let began = Instant::now();
        let error = what.await.err().map(|error| format!("{error:#}"));
        self.done.push(Operation {
            name: name.to_owned(),
            took_us: whole(began.elapsed().as_micros()),
            error,
        });
    }

    async fn calls(&mut self, guest: &mut Guest, name: &str, call: Call<'_>) {
        self.once(name, async {
            guest.connection().once(call).await?;
            Ok(())
        })
        .await;
    }
}
