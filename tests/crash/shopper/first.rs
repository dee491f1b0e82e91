//! A shopper's first adds: several at once, each perhaps sent twice, in a session without a cart that could take them.
//! All go into one cart, and that is the session's, whatever is killed meanwhile.

use super::{Cart, Doubt, Shopper, Told, text};
use crate::support::Client;
use crate::world::{PLENTIFUL, Request, code_of};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

/// How many come at once, at most and at least.
const ADDS: (u64, u64) = (2, 4);

/// An add to whatever cart the session has.
#[derive(Clone, Debug)]
pub(super) struct FirstAdd {
    variant: usize,
    quantity: u64,
    /// Under a key.
    request: Request,
    /// How often it is sent at once.
    times: u64,
    /// The cart that it went into, once that was told.
    into: Option<String>,
}

impl FirstAdd {
    async fn send(&mut self, client: &Client) {
        if self.into.is_some() {
            return;
        }
        let answers = join_all((0..self.times).map(|_| self.request.send(client))).await;
        for answer in answers.into_iter().flatten() {
            if answer.status == 409 && code_of(&answer) == "idempotency.in_progress" {
                continue;
            }
            let into = text(&answer.expect(200)["id"]);
            let before = self.into.replace(into.clone());
            assert!(before.is_none_or(|before| before == into), "{into}: {self:?}");
        }
    }
}

impl Shopper {
    /// Returns whether the next add to the current cart opens one: the last was ordered, or there was none.
    pub(super) fn is_without_cart(&self) -> bool {
        let Some(last) = self.carts.len().checked_sub(1) else {
            return true;
        };
        let mut of_last = self.attempts.iter().rev().take_while(|it| it.cart == last);
        of_last.any(|attempt| matches!(attempt.told, Some(Told::Ordered { .. })))
    }

    pub(super) async fn add_first(&mut self) {
        let (fewest, most) = ADDS;
        let mut adds = Vec::new();
        for _ in 0..self.dice.between(fewest, most) {
            let variant = *self.dice.one_of(&PLENTIFUL);
            let quantity = self.dice.between(1, 3);
            let body = json!({ "variant_id": self.world.variants[variant].id, "quantity": quantity });
            adds.push(FirstAdd {
                variant,
                quantity,
                request: Request::post("/carts/current/lines".to_owned(), body).key(Some(self.key())),
                times: self.dice.between(1, 2),
                into: None,
            });
        }
        self.send_first(adds).await;
    }

    /// Sends those that were not answered yet, and looks at the cart that took them when all are.
    pub(super) async fn send_first(&mut self, mut adds: Vec<FirstAdd>) {
        join_all(adds.iter_mut().map(|add| add.send(&self.client))).await;
        let current = Request::new(Method::GET, "/carts/current".to_owned());
        let shown = match adds.iter().all(|add| add.into.is_some()) {
            true => current.send(&self.client).await,
            false => None,
        };
        let Some(shown) = shown else {
            self.doubt = Some(Doubt::First(adds));
            return;
        };
        self.doubt = None;
        self.repeatable = None;
        let shown = shown.expect(200);
        let id = text(&shown["id"]);
        let mut lines = BTreeMap::new();
        for add in &adds {
            assert_eq!(
                add.into.as_ref(),
                Some(&id),
                "first adds went into {adds:?}: {shown}"
            );
            *lines.entry(add.variant).or_default() += add.quantity;
        }
        self.carts.push(Cart::new(id, lines));
        self.take_cart(self.carts.len() - 1, &shown);
    }
}
