//! What a cart would come to if a promotion were otherwise.

use super::facts::Gathered;
use super::findings::{Findings, Spared};
use crate::engine::{Kinds, unreadable};
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::cart::State;
use cartwright_domain::cart::totals::{Intent, Rules};
use cartwright_domain::money::Money;
use cartwright_domain::order::{Order, Status};
use cartwright_domain::promotion::{Promotion, Promotions};
use std::sync::Arc;

impl Gathered {
    /// Returns what the cart comes to as it is, and with promotions of which one is supposed, its code entered: both with
    /// the tax of the table. What its own order has used counts as unused.
    pub(crate) async fn compare(
        &self,
        kinds: &Kinds,
        supposed: &Promotion,
        promotions: &Promotions,
    ) -> Result<(Money, Money), Refused> {
        let facts = self.facts();
        let intent = self.intent(&facts);
        let spared = Spared {
            promotion: None,
            order: self.standing_order(kinds).await?,
        };
        let mut findings = Findings::sparing(spared.clone());
        let before = self
            .quote_by(kinds, &intent, &self.rules(), &mut findings)
            .await?;
        let mut codes = intent.codes.to_vec();
        let code = supposed.code.as_ref();
        codes.extend(code.filter(|code| !codes.contains(code)).cloned());
        let intent = Intent {
            codes: &codes,
            ..intent
        };
        let rules = Rules {
            promotions,
            ..self.rules()
        };
        let mut findings = Findings::sparing(Spared {
            promotion: Some(supposed.id),
            ..spared
        });
        let after = self.quote_by(kinds, &intent, &rules, &mut findings).await?;
        Ok((before.quote.total, after.quote.total))
    }

    /// Returns the order that the cart has become, unless it is canceled: what that has used is given back or lost.
    async fn standing_order(&self, kinds: &Kinds) -> Result<Option<Arc<Published<Order>>>, Refused> {
        let State::Completed { order, .. } = self.cart.state.state() else {
            return Ok(None);
        };
        let order = kinds.orders.read(order).await.map_err(unreadable)?;
        Ok(order.filter(|order| order.state.status() != Status::Canceled))
    }
}
