//! What a caller expects to pay (section 5.2 of the semantics): what they say, else what they were last shown.
//!
//! What was shown is in memory and bounded. After a restart, or for a cart not looked at for long, the total is known all
//! the same if the cart's last change was the shopper's own, which showed it, or the lock of a checkout, which keeps what had
//! been shown, and nothing that the cart is priced by has changed since.

use super::{CompletionDraft, validate};
use crate::cart::{Priced, ShownTotal, Told};
use crate::engine::{Engine, Kinds, unreadable};
use crate::once::Shown;
use crate::request::{Refused, Request};
use cartwright_domain::cart::{Cart, Quote, QuoteShipping, Seen, Sums, TaxSource};
use cartwright_domain::checkout::Completion;
use cartwright_domain::id::CouponCodeId;
use cartwright_domain::shipping::PriceSource;
use std::sync::Arc;

impl Engine {
    /// Returns what a caller says, with what they were last shown where they leave it out. What a shopper was only told, in
    /// a refusal, counts where they name what the news was: whoever does not may not have seen it.
    pub(super) async fn completion(
        &self,
        request: &Request,
        cart: &Shown<Cart>,
        draft: CompletionDraft,
    ) -> Result<Completion, Refused> {
        let settings = self.kinds().current_settings().await?;
        let counts = |shown: &ShownTotal| match shown.how {
            Told::Shown(_) => true,
            _ if is_of_staff(request, cart) => true,
            Told::Total => draft.expected_total.is_some() || draft.expected_due == Some(shown.due),
            Told::Due => draft.expected_due.is_some(),
        };
        let shown = self.inner().shown_totals.last(cart.id, &request.caller);
        let shown = shown.filter(counts);
        let expected_total = draft.expected_total.or(shown.map(|shown| shown.total));
        let shown_due = || shown?.due_of(expected_total?);
        Ok(Completion {
            payment_token: draft.payment_token,
            expected_total,
            expected_due: draft.expected_due.or_else(shown_due),
            deadline_at: self.now().after(settings.lifetimes.checkout),
            capture: Some(settings.capture),
        })
    }

    /// Returns a completion with what a shopper must have been shown and does not say, where nobody remembers it: the total,
    /// and what gift cards and store credit leave to be paid. Of staff, who need not have looked at the cart, none is
    /// expected.
    ///
    /// # Errors
    /// `checkout.total_changed`, `checkout.amount_due_changed` where it may have been another when the shopper last saw it.
    pub(super) async fn as_shown(
        &self,
        request: &Request,
        priced: &Priced,
        completion: Completion,
    ) -> Result<Completion, Refused> {
        if is_of_staff(request, &priced.cart) {
            return Ok(completion);
        }
        if let Some(total) = completion.expected_total {
            if completion.expected_due.is_some() {
                return Ok(completion);
            }
            let of_due = |expected_due| Completion {
                expected_due,
                ..completion.clone()
            };
            // Nobody agrees to less; and what covers it all may be gone before it is held.
            if priced.coverage.due.is_zero() {
                return Ok(of_due(Some(priced.coverage.due)));
            }
            let last = self.inner().shown_totals.last(priced.cart.id, &request.caller);
            let was_told = last.is_some_and(|last| matches!(last.how, Told::Due) && last.total == total);
            // Where there are none, nothing is left out but what they may have paid until they were taken out.
            let is_more = was_told || priced.cart.state.has_lost_cover();
            if priced.cart.state.stored_values().is_empty() && !is_more {
                return Ok(completion);
            }
            if is_more || !self.kinds().covers_what_it_did(priced).await? {
                return Err(validate::due_unknown(priced).into());
            }
            // The total may be another in this moment, and the one that is named again before it is frozen.
            return Ok(of_due(sums_of(priced).due_of(total)));
        }
        if let Seen::Sums(sums) = priced.cart.state.seen()
            && completion.expected_due.is_none()
        {
            let kept = Completion {
                expected_total: Some(sums.total),
                expected_due: Some(sums.due),
                ..completion.clone()
            };
            if let Some(problem) = validate::due_changed(priced, &kept) {
                return Err(problem.into());
            }
        }
        if !self.kinds().costs_what_it_did(priced).await? {
            return Err(validate::total_unknown(priced).into());
        }
        Ok(Completion {
            expected_total: Some(priced.quote.total),
            expected_due: completion.expected_due.or(Some(priced.coverage.due)),
            ..completion
        })
    }
}

/// Tells whether it is staff who ask, and not the shopper through somebody who is of staff, too: a shop's own server.
fn is_of_staff(request: &Request, cart: &Shown<Cart>) -> bool {
    request.caller.is_staff() && !cart.state.is_owned_by(&request.caller)
}

/// Returns what a cart comes to.
pub(super) fn sums_of(priced: &Priced) -> Sums {
    Sums {
        total: priced.quote.total,
        due: priced.coverage.due,
    }
}

/// Tells whether a quote rests on what somebody outside has said, or would have.
fn is_asked_outside(quote: &Quote) -> bool {
    let is_carried = |line: &QuoteShipping| line.source != PriceSource::Tariff;
    quote.shipping_line.as_ref().is_some_and(is_carried) || quote.tax_source != TaxSource::Table
}

impl Kinds {
    /// Tells whether what a cart comes to is what its shopper was shown when it was last written.
    pub(super) async fn costs_what_it_did(&self, priced: &Priced) -> Result<bool, Refused> {
        let cart = &priced.cart;
        // The next read would take a code away that is used up, and say so.
        if !self.unusable_codes(priced).is_empty() || Some(cart.position) < priced.lost.at {
            return Ok(false);
        }
        if !self.covers_what_it_did(priced).await? {
            return Ok(false);
        }
        if let Seen::Sums(sums) = cart.state.seen()
            && sums != sums_of(priced)
        {
            return Ok(false);
        }
        // What a carrier or calculator said then is kept nowhere.
        if is_asked_outside(&priced.quote) {
            return Ok(false);
        }
        // A code that is good for one order may have been another promotion's.
        for code in cart.state.codes() {
            let id = CouponCodeId::of(code);
            let found = self.coupon_codes.read(id).await.map_err(unreadable)?;
            if found.is_some_and(|found| cart.position < found.position) {
                return Ok(false);
            }
        }
        // What is there to be used now may have been used up.
        for needed in &priced.uses {
            let counter = self.use_counters.read(needed.counter).await.map_err(unreadable)?;
            if counter.is_some_and(|counter| cart.position < counter.position) {
                return Ok(false);
            }
        }
        let gathered = self.gather(Arc::clone(cart)).await?;
        gathered.was_the_same(&priced.quote, self).await
    }

    /// Tells whether gift cards and store credit can pay what its shopper was shown of a cart when it was last written.
    async fn covers_what_it_did(&self, priced: &Priced) -> Result<bool, Refused> {
        let cart = &priced.cart;
        let (state, shown_at) = (&cart.state, cart.state.updated_at());
        let is_shown = match state.seen() {
            Seen::Nothing => false,
            Seen::AsWritten => true,
            // What changed in the moment of the lock is told by the sums, and what has changed since by what is newer.
            Seen::Sums(sums) => sums.due_of(priced.quote.total) == Some(priced.coverage.due),
        };
        if !is_shown {
            return Ok(false);
        }
        for id in state.stored_values() {
            let value = self.stored_values.read(*id).await.map_err(unreadable)?;
            let unusable = |at| {
                let value = value.as_ref()?;
                value.state.unusable(state.currency(), state.customer(), at)
            };
            let is_newer = value.as_ref().is_none_or(|value| cart.position < value.position);
            if is_newer || unusable(shown_at) != unusable(self.price_book.clock_now()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
