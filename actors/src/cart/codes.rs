//! Use cases of coupon codes: applying, removing, and letting go of those that can no longer be used.

use super::{CartRef, CartView, Priced, View};
use crate::engine::Engine;
use crate::once::{gone, there};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::{Answer, Ticket};
use cartwright_domain::cart::{ApplyCodes, CODES_MAX, Cart, CodeRefused, Error, RemoveCodes, State};
use cartwright_domain::promotion::{CODE_LENGTH_MAX, Code};
use cartwright_domain::{Problem, Refusal};
use cartwright_storage::Receipt;

/// What became of codes, besides those that are in the cart.
#[derive(Clone, Debug, Default)]
pub struct CodeNews {
    /// Codes of the request that were refused.
    pub refused: Vec<Problem>,
    /// Codes that were taken out because they can no longer be used.
    pub removed: Vec<Problem>,
}

impl Engine {
    /// Applies coupon codes, each judged by itself; those that are refused are listed.
    ///
    /// # Errors
    /// Why a code is refused, where there is only one; what [`ApplyCodes`] refuses.
    pub async fn apply_codes(
        &self,
        request: &Request,
        cart: CartRef,
        codes: Vec<String>,
        view: View,
    ) -> Outcome<CartView> {
        let fresh = |ticket| self.apply_codes_fresh(request, cart, codes, view, ticket);
        let replay = |receipt: Box<Receipt>| async move {
            let answer: Answer<Vec<Problem>, Cart> = self.kinds().carts.replay(&receipt).await?;
            Ok(self.codes_done(request, answer, view).await?.value)
        };
        self.once(request, fresh, replay).await
    }

    async fn apply_codes_fresh(
        &self,
        request: &Request,
        cart: CartRef,
        texts: Vec<String>,
        view: View,
        ticket: Option<Ticket>,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        if let Err(error) = found.state.require_open() {
            // Of a cart that cannot be changed no code is judged.
            return Err(error.problem().into());
        }
        let gathered = self.kinds().gather(found).await?;
        let mut held = gathered.cart.state.codes().to_vec();
        let (mut codes, mut refused) = (Vec::new(), Vec::new());
        for text in &texts {
            let Ok(code) = Code::parse(text) else {
                let code = start_of(text);
                refused.push(CodeRefused::Unknown { code }.problem());
                continue;
            };
            if held.contains(&code) {
                // Somebody may be taking it out: then it comes back.
                codes.push(code);
                continue;
            }
            if CODES_MAX <= held.len() {
                let problem = Error::TooManyCodes { max: CODES_MAX }.problem();
                refused.push(problem.with("code", code.as_str()));
                continue;
            }
            held.push(code.clone());
            match gathered.judge_last(self.kinds(), &held).await? {
                None => codes.push(code),
                Some(why) => {
                    held.pop();
                    refused.push(why.problem());
                }
            }
        }
        if texts.len() == 1
            && let Some(problem) = refused.pop()
        {
            return Err(problem.into());
        }
        let id = gathered.cart.id;
        let command = ApplyCodes { codes, refused };
        let answer = self
            .kinds()
            .carts
            .ask(id, command, request.ask().ticket(ticket))
            .await?;
        self.codes_done(request, answer, view).await
    }

    async fn codes_done(
        &self,
        request: &Request,
        answer: Answer<Vec<Problem>, Cart>,
        view: View,
    ) -> Outcome<CartView> {
        let cart = there(answer.state, answer.replayed)?;
        let mut done = self.cart_done(request, cart, None, view, answer.replayed).await?;
        done.value.news.refused = answer.reply;
        Ok(done)
    }

    /// Takes a coupon code out. Taking out what is not there succeeds.
    ///
    /// # Errors
    /// What [`RemoveCodes`] refuses.
    pub async fn remove_code(
        &self,
        request: &Request,
        cart: CartRef,
        code: &str,
        view: View,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        let codes = Code::parse(code).into_iter().collect();
        self.change_cart(request, found.id, RemoveCodes { codes }, None, view)
            .await
    }

    /// Takes out of a cart that was priced the codes that can no longer be used, and tells which.
    pub(super) async fn let_codes_go(
        &self,
        request: &Request,
        priced: Priced,
        view: View,
    ) -> Result<(Priced, CodeNews), Refused> {
        let gone_codes = self.kinds().unusable_codes(&priced);
        let may_change = match priced.cart.state.state() {
            State::Created | State::Active | State::Recovered => true,
            State::Checkout { .. } | State::Completed { .. } | State::Abandoned | State::Merged { .. } => {
                false
            }
        };
        if gone_codes.is_empty() || !may_change {
            return Ok((priced, CodeNews::default()));
        }
        let (codes, removed) = gone_codes.into_iter().unzip();
        // As the cart was judged: whoever changes it meanwhile is told by its own answer.
        let ask = request.ask().if_match(Some(priced.cart.revision));
        // In a box: few carts have such codes, and every change of a cart would have room for it.
        let taken_out = Box::pin(async move {
            let id = priced.cart.id;
            let answer = match self.kinds().carts.ask(id, RemoveCodes { codes }, ask).await {
                Ok(answer) => answer,
                // Somebody has locked it meanwhile, say. What was asked for is done: they go another time.
                Err(_) => return Ok((priced, CodeNews::default())),
            };
            let cart = answer.state.ok_or_else(gone::<Cart>)?;
            let (priced, refused) = (self.priced_for(cart, view).await?, Vec::new());
            Ok((priced, CodeNews { refused, removed }))
        });
        taken_out.await
    }
}

/// Returns as much of what is no code as a code may have, in bytes: refusals are kept.
fn start_of(text: &str) -> String {
    let letters = text.char_indices();
    letters
        .take_while(|(at, letter)| at + letter.len_utf8() <= CODE_LENGTH_MAX)
        .map(|(_, letter)| letter)
        .collect()
}
