//! What a cart would come to if a promotion were otherwise.

use super::facts::Gathered;
use super::findings::{Findings, Spared};
use crate::engine::Kinds;
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::cart::totals::{Intent, Rules};
use cartwright_domain::money::Money;
use cartwright_domain::order::Order;
use cartwright_domain::promotion::{Promotion, Promotions};
use std::sync::Arc;

impl Gathered {
    /// Returns what the cart comes to as it is, and with promotions of which one is supposed, its code entered: both with
    /// the tax of the table. What the order has used that it became, if any, counts as unused.
    pub(crate) async fn compare(
        &self,
        kinds: &Kinds,
        supposed: &Promotion,
        promotions: &Promotions,
        order: Option<Arc<Published<Order>>>,
    ) -> Result<(Money, Money), Refused> {
        let facts = self.facts();
        let intent = self.intent(&facts);
        let spared = Spared {
            promotion: None,
            order,
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
}
