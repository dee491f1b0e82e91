//! Fills a store with carts as fast as they are answered, and watches how many of them are in memory.

use super::report::Residents;
use crate::client::{Cart, Connection, Guest};
use crate::command::bench::counters::{Counters, ServerCounters};
use crate::command::bench::own_server::OwnServer;
use crate::command::bench::work::{CURRENCY, add_variants, line_body};
use crate::output;
use anyhow::Context;
use bytes::Bytes;
use futures::future::try_join_all;
use hyper::header::HeaderValue;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

/// How often it is looked how many carts are in memory.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many times that is two seconds.
const LOOKS_IN_TWO_SECONDS: usize = 8;

/// See the module.
pub(super) struct Filler {
    guests: Vec<(Guest, HeaderValue)>,
    body: Bytes,
    counters: ServerCounters,
    /// Every so many-th cart is remembered.
    remember_every: u64,
    remembered: Vec<Cart>,
    filled: u64,
}

/// Adds a variant and returns the body that adds one unit of it to a cart.
///
/// # Errors
/// The server refuses.
pub(super) async fn body_of_new_variant(
    connection: &mut Connection,
    server: &OwnServer,
) -> anyhow::Result<Bytes> {
    let staff = server.server().staff()?;
    let variant = add_variants(connection, staff, 1).await?.pop();
    Ok(line_body(&variant.context("one variant was added")?).into())
}

impl Filler {
    /// Opens its connections, each with a session.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn of(
        server: &OwnServer,
        connections: u16,
        remember_every: u64,
    ) -> anyhow::Result<Self> {
        let mut connection = Connection::open(server.server()).await?;
        let body = body_of_new_variant(&mut connection, server).await?;
        let open = async |_| {
            let mut guest = Guest::new(Connection::open(server.server()).await?);
            let cookie = guest.open_session().await?;
            anyhow::Ok((guest, cookie))
        };
        Ok(Self {
            guests: try_join_all((0..connections).map(open)).await?,
            body,
            counters: ServerCounters::of(server.server()).await?,
            remember_every,
            remembered: Vec::new(),
            filled: 0,
        })
    }

    /// Opens carts, each with one line, until there are so many.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn fill(&mut self, carts: u64, residents: &mut Residents) -> anyhow::Result<()> {
        let bar = output::progress(carts, "filling");
        let Self {
            guests,
            body,
            counters,
            remember_every,
            remembered,
            filled,
        } = self;
        let (begun, done, is_over) = (Cell::new(*filled), Cell::new(*filled), Cell::new(false));
        let remembered = RefCell::new(remembered);
        let work = async |(guest, cookie): &mut (Guest, HeaderValue)| -> anyhow::Result<()> {
            while begun.get() < carts {
                let number = begun.get();
                begun.set(number + 1);
                let cart = guest.open_cart(cookie, CURRENCY).await?;
                guest.add_line(&cart, None, body.clone()).await?;
                if number.is_multiple_of(*remember_every) {
                    remembered.borrow_mut().push(cart);
                }
                done.set(done.get() + 1);
            }
            Ok(())
        };
        let fill = async {
            let filled = try_join_all(guests.iter_mut().map(work)).await;
            is_over.set(true);
            filled
        };
        let watch = async {
            let mut looks = VecDeque::from([done.get()]);
            while !is_over.get() {
                tokio::time::sleep(LOOK_EVERY).await;
                bar.set_position(done.get());
                let carts = counters.read().await?.carts();
                residents.most = residents.most.max(carts.resident + carts.resting);
                residents.most_live = residents.most_live.max(carts.resident);
                if residents.most < residents.ceiling {
                    // Nothing has been over the ceiling yet.
                    looks.clear();
                }
                looks.push_back(done.get());
                if LOOKS_IN_TWO_SECONDS + 1 < looks.len() {
                    looks.pop_front();
                }
                let opened = done.get() - looks.front().copied().unwrap_or_default();
                residents.opened_in_two_seconds = residents.opened_in_two_seconds.max(opened);
            }
            anyhow::Ok(())
        };
        futures::try_join!(fill, watch)?;
        bar.finish_and_clear();
        *filled = done.get();
        Ok(())
    }

    /// Returns the carts that were remembered, from the first to the last.
    pub(super) fn remembered(&self) -> &[Cart] {
        &self.remembered
    }
}
