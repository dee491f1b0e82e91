//! What must be known of a shopper only where a promotion asks: whether it is used up, and whether it is a first order;
//! and what the store's tax calculator says about what then comes out.
//!
//! What the codes of a cart unlock is looked up whether it applies or not: a code that is used up leaves the cart.
//! Which other promotions ask is found out by pricing: a cart is priced as if nothing stood against any of them, what
//! those that apply ask for is looked up, and it is priced again, until nothing new is found. Where no promotion asks,
//! nothing is looked up.

use super::price_book::Indexed;
use crate::answers::Answered;
use crate::engine::{Kinds, unreadable};
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::cart::totals::{Buyer, CalculatedTaxes, Intent, Outside};
use cartwright_domain::cart::{Cart, Quote};
use cartwright_domain::customer::Customer;
use cartwright_domain::id::{CouponCodeId, OrderId, PromotionId, UseCounterId};
use cartwright_domain::order::Order;
use cartwright_domain::promotion::{Code, Promotion, Promotions, SingleCode, Use};
use cartwright_domain::{Listing, Refusal, Timestamp};
use cartwright_storage::{Position, Scan};
use std::sync::Arc;

/// How much was committed of what is looked up here: codes that are good for one order, uses, orders.
pub(super) type CountedFindings = [u64; 3];

/// What would apply to a cart, were it not used up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost {
    /// The codes of the cart that unlock some of it, in the order in which they were found.
    pub(crate) codes: Vec<Code>,
    /// The last commit by which some of it was used up.
    pub(crate) at: Option<Position>,
}

/// What was found out about a shopper.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What does not count.
    spared: Spared,
    /// The promotions that were used as often as they can be.
    used_up: Vec<PromotionId>,
    /// The codes that are good for one order with what became of each, where one of them was used.
    single_codes: Option<Vec<SingleCode>>,
    /// What of all that would apply.
    pub(super) lost: Lost,
    /// Whether the shopper has ordered before. Until that is looked up, and while nobody knows the shopper, it is taken
    /// for a first order.
    has_ordered: Option<bool>,
    /// What the tax calculator says, where the store has chosen one.
    taxes: Option<CalculatedTaxes>,
    /// Until when that holds.
    pub(super) taxes_hold_until: Option<Timestamp>,
}

/// What does not count where a cart is priced as if something were otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Spared {
    /// The promotion that is supposed: its limits.
    pub(super) promotion: Option<PromotionId>,
    /// The order that the cart has become: what it has used is not used up by that, and it came not before itself.
    pub(super) order: Option<Arc<Published<Order>>>,
}

impl Spared {
    /// Returns how many of a counter's uses are not to be counted.
    fn uses_of(&self, counter: UseCounterId) -> u64 {
        let uses = self.order.iter().flat_map(|order| &order.state.quote().uses);
        u64::from(uses.into_iter().any(|own| own.counter == counter))
    }
}

impl Findings {
    /// Returns findings for which something does not count.
    pub(super) fn sparing(spared: Spared) -> Self {
        Self {
            spared,
            ..Self::default()
        }
    }

    /// Returns an intent as it is before anything was found out: nothing stands against any promotion.
    pub(super) fn nothing_yet(intent: Intent<'_>) -> Intent<'_> {
        let has_ordered = Some(false);
        Intent {
            used_up: &[],
            buyer: Buyer {
                has_ordered,
                ..intent.buyer
            },
            ..intent
        }
    }

    /// Notes what the tax calculator says. Tells whether the cart is to be priced again by that.
    pub(super) fn hear(&mut self, taxes: Option<Answered<CalculatedTaxes>>) -> bool {
        let Some(Answered { answer, until }) = taxes else {
            return false;
        };
        self.taxes = Some(answer.unwrap_or_default());
        self.taxes_hold_until = Some(until);
        true
    }

    /// Returns an intent with what was found out.
    pub(super) fn tell<'a>(&'a self, intent: &Intent<'a>) -> Intent<'a> {
        let has_ordered = self.has_ordered.or(intent.buyer.has_ordered);
        Intent {
            used_up: &self.used_up,
            single_codes: self.single_codes.as_deref().unwrap_or(intent.single_codes),
            outside: Outside {
                taxes: self.taxes.as_ref(),
                ..intent.outside
            },
            buyer: Buyer {
                has_ordered,
                ..intent.buyer
            },
            ..intent.clone()
        }
    }
}

/// Whose a cart is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) cart: &'a Cart,
    /// The record of its customer, while there is one.
    pub(super) customer: Option<&'a Customer>,
}

impl Whose<'_> {
    /// Returns the uses of limited promotions that an order with this quote needs.
    pub(super) fn uses(&self, quote: &Quote, book: &Indexed) -> Vec<Use> {
        if !book.promotions.has_limits() {
            return Vec::new();
        }
        let known = self.cart.known_as(self.customer);
        book.promotions.uses(&quote.promotions, known)
    }
}

impl Kinds {
    /// Looks up which of some codes are good for one order, and what they unlock. Whether they were used is found out.
    pub(crate) async fn single_codes(
        &self,
        codes: &[Code],
        promotions: &Promotions,
    ) -> Result<Vec<SingleCode>, Refused> {
        let mut single_codes = Vec::new();
        if !promotions.has_single_codes() {
            return Ok(single_codes);
        }
        for code in codes.iter().filter(|code| promotions.of_code(code).is_none()) {
            single_codes.extend(self.single_code(code).await?);
        }
        Ok(single_codes)
    }

    /// Looks up what a code unlocks that is good for one order; nothing where there is no such code.
    async fn single_code(&self, code: &Code) -> Result<Option<SingleCode>, Refused> {
        let found = self.coupon_codes.read(CouponCodeId::of(code)).await;
        let found = found.map_err(unreadable)?;
        Ok(found.map(|found| found.state.as_single_code()))
    }

    /// Returns how many orders a counter has counted; one that is not there has counted none.
    pub(crate) async fn times_used(&self, counter: UseCounterId) -> Result<u64, Refused> {
        let counter = self.use_counters.read(counter).await.map_err(unreadable)?;
        Ok(counter.map_or(0, |counter| counter.state.used()))
    }

    /// Counts what is committed of what is looked up here, as far as the rules ask for it. While it stays, so does
    /// everything that is looked up after it was counted.
    pub(super) fn counted_findings(&self, book: &Indexed, cart: &Cart) -> CountedFindings {
        let counted = |asked: bool, commits: u64| if asked { commits } else { 0 };
        let asks_for_codes = book.promotions.has_single_codes() && !cart.codes().is_empty();
        [
            counted(asks_for_codes, self.coupon_codes.commits()),
            counted(book.promotions.has_limits(), self.use_counters.commits()),
            counted(book.promotions.has_first_orders(), self.orders.commits()),
        ]
    }

    /// Looks up what is asked by the promotions that an intent's codes unlock, and by the others that apply to its quote.
    /// Tells whether that changes what the cart is priced by.
    pub(super) async fn find_out(
        &self,
        (intent, quote): (&Intent<'_>, &Quote),
        promotions: &Promotions,
        whose: Whose<'_>,
        findings: &mut Findings,
    ) -> Result<bool, Refused> {
        let (known, had_ordered) = (findings.used_up.len(), findings.has_ordered);
        let has_used = self
            .find_used_codes((intent, quote), promotions, findings)
            .await?;
        let known_as = whose.cart.known_as(whose.customer);
        for Asking { promotion, by_code } in asking(intent, quote, promotions) {
            if findings.spared.promotion == Some(promotion.id) || findings.used_up.contains(&promotion.id) {
                continue;
            }
            if promotion.conditions.first_order && findings.has_ordered.is_none() {
                findings.has_ordered = Some(self.has_ordered(whose, &findings.spared).await?);
            }
            for needed in promotion.uses(known_as) {
                let counter = self.use_counters.read(needed.counter).await.map_err(unreadable)?;
                let Some(counter) = counter else { continue };
                // A shopper can give a code up who is too late for what others are about to use, and nothing else.
                let taken = match by_code {
                    true => counter.state.used(),
                    false => counter.state.taken(whose.cart.checkout()),
                };
                if needed.limit <= taken.saturating_sub(findings.spared.uses_of(needed.counter)) {
                    findings.used_up.push(promotion.id);
                    if let Some(applied) = quote.applied(promotion.id) {
                        findings.lost.note(applied.code.as_ref(), counter.position);
                    }
                    break;
                }
            }
        }
        let has_turned_out = had_ordered.is_none() && findings.has_ordered == Some(true);
        Ok(has_used || known < findings.used_up.len() || has_turned_out)
    }

    /// Looks up which codes of an intent that are good for one order were used. Tells whether any was that is not known as
    /// used.
    async fn find_used_codes(
        &self,
        (intent, quote): (&Intent<'_>, &Quote),
        promotions: &Promotions,
        findings: &mut Findings,
    ) -> Result<bool, Refused> {
        let known = findings.single_codes.as_deref().unwrap_or(intent.single_codes);
        let mut single_codes = known.to_vec();
        let mut has_used = false;
        for single in single_codes.iter_mut().filter(|single| !single.used) {
            if promotions.limited(single.promotion).is_none() {
                continue; // It is switched off.
            }
            let counter_id = UseCounterId::of_code(single.promotion, &single.code);
            let counter = self.use_counters.read(counter_id).await.map_err(unreadable)?;
            let own = findings.spared.uses_of(counter_id);
            let Some(counter) = counter.filter(|counter| own < counter.state.used()) else {
                continue;
            };
            (single.used, has_used) = (true, true);
            let applied = quote.applied(single.promotion);
            if applied.is_some_and(|applied| applied.code.as_ref() == Some(&single.code)) {
                findings.lost.note(Some(&single.code), counter.position);
            }
        }
        if has_used {
            findings.single_codes = Some(single_codes);
        }
        Ok(has_used)
    }

    /// Tells whether a cart's shopper has ordered before. Whoever ordered again has still ordered a first time: of an order
    /// that used that it was the first, this remains so.
    async fn has_ordered(&self, whose: Whose<'_>, spared: &Spared) -> Result<bool, Refused> {
        let known = whose.cart.known_as(whose.customer);
        let mut first = known
            .ordering()
            .map(|shopper| UseCounterId::of_first_order(&shopper));
        if first.any(|counter| 0 < spared.uses_of(counter)) {
            return Ok(false);
        }
        let itself = spared.order.as_ref().map(|order| order.id);
        // In a box: few carts have a promotion that asks for it, and every change of one would have room for it.
        Ok(Box::pin(self.last_order_but(itself, whose)).await?.is_some())
    }

    /// Returns since when the last order of a cart's shopper stands as it does, of the customer or to one of the mailboxes;
    /// nothing where there is none.
    pub(super) async fn last_order_of(&self, whose: Whose<'_>) -> Result<Option<Position>, Refused> {
        self.last_order_but(None, whose).await
    }

    async fn last_order_but(
        &self,
        itself: Option<OrderId>,
        whose: Whose<'_>,
    ) -> Result<Option<Position>, Refused> {
        let mut last = None;
        for shopper in whose.cart.known_as(whose.customer).ordering() {
            let mut scan = Scan {
                of: Listing::OrdersByShopper.into(),
                prefix: Order::listed_by(&shopper),
                after: None,
                descending: true,
                limit: 1 + usize::from(itself.is_some()),
            };
            // One that is canceled while it is read is passed over, and may hide another.
            loop {
                let found = self.orders.list(scan.clone()).await.map_err(unreadable)?;
                let other = found.items.iter().find(|order| Some(order.id) != itself);
                last = last.max(other.map(|order| order.position));
                scan.after = found.next;
                if other.is_some() || scan.after.is_none() {
                    break;
                }
            }
        }
        Ok(last)
    }
}

impl Lost {
    fn note(&mut self, code: Option<&Code>, at: Position) {
        self.codes.extend(code.cloned());
        self.at = self.at.max(Some(at));
    }
}

/// A promotion that asks something of its shopper.
struct Asking<'a> {
    promotion: &'a Promotion,
    /// Whether a code of the cart unlocks it.
    by_code: bool,
}

/// Returns the limited promotions that codes unlock, and those that apply by themselves.
fn asking<'a>(
    intent: &'a Intent<'_>,
    quote: &'a Quote,
    promotions: &'a Promotions,
) -> impl Iterator<Item = Asking<'a>> {
    let unlocked = |code| promotions.unlocked_by(code, intent.single_codes);
    let unlocked = intent.codes.iter().filter_map(unlocked);
    let unlocked = unlocked.map(|promotion| (promotion.id, true));
    let by_themselves = quote.promotions.iter().filter(|applied| applied.code.is_none());
    let by_themselves = by_themselves.map(|applied| (applied.promotion, false));
    unlocked.chain(by_themselves).filter_map(|(id, by_code)| {
        let promotion = promotions.limited(id)?;
        Some(Asking { promotion, by_code })
    })
}

/// Returns why there is no price.
pub(super) fn refused(error: cartwright_domain::cart::totals::Error) -> Refused {
    Refused::from(error.problem())
}
