//! A shopper's last purchase, in a world that is kind: nothing stands in the way of it but an empty shelf.

use super::{Act, Shopper};
use crate::basket::{Change, Contents};
use crate::shown::Named;
use cartwright_actors::Engine;
use cartwright_domain::id::VariantId;
use std::collections::BTreeMap;

/// How often one looks and completes before it counts as refused without a reason.
const LOOKS_MAX: u32 = 4;

impl Shopper {
    /// Buys what is in the cart, if there is so much of it left.
    pub(crate) async fn buy(&mut self, engine: &Engine, left: &BTreeMap<VariantId, u64>) {
        for _ in 0..LOOKS_MAX {
            let Some(cart) = self.basket.as_ref().map(|basket| basket.id) else {
                return;
            };
            self.insist(engine, Act::Read(cart)).await;
            let basket = self.basket.as_ref().expect("it was looked at");
            let is_there = |contents: &Contents| {
                let mut held = contents.iter();
                held.all(|(variant, units)| u64::from(*units) <= left[variant])
            };
            if basket.is_empty() || !basket.contents().is_some_and(is_there) {
                return;
            }
            if !basket.has_details {
                self.insist(engine, Act::Change(cart, Change::Details)).await;
            }
            let named = self
                .basket
                .as_ref()
                .map_or(Named::default(), |basket| basket.seen.both());
            self.insist(engine, Act::Complete(cart, named)).await;
        }
        assert!(
            self.basket.is_none(),
            "shopper {} gets no order for what is there: {:?}",
            self.name,
            self.basket
        );
    }
}
