//! What the black-box tests share: the real binary on a directory of its own, a client that speaks its API, and a
//! shop to buy in.
//!
//! Nothing here knows the engine from inside: the only witnesses are the API, the files the server writes for others
//! (mails, the sandbox's ledger), and its exit. Every wait has a deadline.

#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "several test binaries share this module, and none uses all of it"
)]

mod client;
mod reference;
mod server;
mod shop;

pub(crate) use client::{Answer, Call, Client};
pub(crate) use server::{Directory, Server, cartwright};
pub(crate) use shop::{OpenShop, Purchase, Shop, Variant, address, amount_of, id_of, pence, unique};

use std::time::{Duration, Instant};

/// How long a test waits for what must happen, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Waits until a condition yields something, and fails the test when it does not within `patience`.
pub(crate) async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "waited {patience:?} in vain until {what}"
        );
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a condition yields something, for [`PATIENCE`].
pub(crate) async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, condition).await
}
