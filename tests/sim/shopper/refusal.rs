//! What a shopper makes of a refusal, and of no answer at all.

use super::{Act, Shopper};
use crate::basket::Change;
use cartwright_domain::Problem;

impl Shopper {
    /// Believes a refusal, if it is one that may come.
    pub(super) fn refused(&mut self, act: Act, problem: &Problem) {
        let basket = self.basket.as_mut();
        let may_come = match (act, problem.code.as_str()) {
            (Act::Change(..), "cart.locked") => {
                basket.is_some_and(|basket| basket.may_be_locked || basket.is_starting)
            }
            (
                Act::AddFirst { .. } | Act::Change(_, Change::Add(..) | Change::Set(..)),
                "cart.insufficient_stock",
            ) => true,
            (Act::Change(_, Change::Enter(_)), code) => {
                let why = code.split('.').next();
                why.is_some_and(|area| ["coupon", "gift_card", "store_credit"].contains(&area))
            }
            (
                Act::Start(_) | Act::Complete(..) | Act::CompleteStarted(..),
                "checkout.total_changed"
                | "checkout.amount_due_changed"
                | "coupon.limit_reached"
                | "gift_card.disabled"
                | "gift_card.insufficient_balance"
                | "store_credit.insufficient_balance",
            ) => {
                if let Some(basket) = basket {
                    (basket.checkout, basket.may_be_locked, basket.is_news) = (None, false, true);
                    basket.seen.told_by(problem);
                }
                true
            }
            (
                Act::Start(_) | Act::Complete(..) | Act::CompleteStarted(..),
                "checkout.lines_unavailable"
                | "inventory.insufficient"
                | "inventory.reservation_gone"
                | "checkout.reservation_expired"
                | "checkout.abandoned"
                | "payment.declined"
                | "payment.given_up"
                | "payment.unavailable",
            ) => {
                if let Some(basket) = basket {
                    (basket.checkout, basket.may_be_locked) = (None, false);
                }
                true
            }
            (Act::Complete(..) | Act::CompleteStarted(..), "checkout.incomplete") => {
                basket.is_some_and(|basket| !basket.has_details)
            }
            // It still reserves, which whoever began it did not wait for.
            (Act::Abandon(_), "checkout.in_progress") => true,
            (Act::Abandon(_) | Act::CompleteStarted(..), "checkout.ended") => {
                if let Some(basket) = basket {
                    (basket.checkout, basket.may_be_locked, basket.is_starting) = (None, false, false);
                }
                true
            }
            _ => false,
        };
        assert!(may_come, "shopper {}: {act:?} is refused: {problem:?}", self.name);
    }

    pub(super) fn no_answer(&mut self, act: Act) {
        if let Act::AddFirst { variant, adds, .. } = act
            && 0 < adds
        {
            self.first_adds.push((variant, adds));
        }
        if let (Act::Burst(_, variant, adds), Some(basket)) = (act, &mut self.basket) {
            basket.added(variant, 0, adds);
        }
        if let (Act::Change(_, change), Some(basket)) = (act, &mut self.basket) {
            basket.may_have_changed(change);
        }
        if let (true, Some(basket)) = (act.shows_cart(), &mut self.basket) {
            basket.seen.missed();
        }
    }
}
