//! Judging coupon codes outside of carts: at a till, or for purchases that were made elsewhere.

use crate::customer::CustomerRef;
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, replayed, shown};
use crate::request::{Outcome, Refused, Request};
use cartwright_domain::cart::Unmet;
use cartwright_domain::customer::{Customer, KnownAs};
use cartwright_domain::promotion::{Attempt, Code, GiveBackUse, Goods, SpendUse, Use, UseCounter, Verdict};
use cartwright_domain::text::Email;
use cartwright_domain::{Class, Problem, Timestamp};
use std::slice;

/// How many codes are judged in a call.
const ATTEMPTS_MAX: usize = 500;

/// A code that somebody wants to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeAttempt {
    /// The code.
    pub code: String,
    /// When; now unless given.
    pub at: Option<Timestamp>,
    /// What another system calls the customer.
    pub external_id: Option<String>,
    /// The shopper's e-mail address.
    pub email: Option<String>,
    /// For which variant; for anything unless given.
    pub sku: Option<String>,
    /// Whether the use counts.
    pub redeem: bool,
}

/// The uses that a code needs, or why it is refused.
type Judged = Result<Vec<Use>, Verdict>;

/// The shopper of an attempt.
struct Known {
    customer: Option<Shown<Customer>>,
    email: Option<Email>,
}

impl Known {
    fn as_whom(&self) -> KnownAs<'_> {
        let record = self.customer.as_ref();
        KnownAs::new(
            record.map(|customer| (customer.id, &*customer.state)),
            self.email.as_ref(),
        )
    }
}

impl Engine {
    /// Judges codes one after the other, and counts the uses that are to be redeemed. What depends on a cart is not
    /// looked at: thresholds, currency, zone. Returns for each why it is refused; nothing where it is good.
    ///
    /// Asked again under an idempotency key it says the same and counts nothing.
    ///
    /// # Errors
    /// `promotion.too_many_attempts`; a fault of the store. Whoever sends the same again under the same key goes on where
    /// it stopped: what has been judged to be counted is counted, whatever has become of promotion and customer.
    pub async fn judge_codes(
        &self,
        request: &Request,
        attempts: Vec<CodeAttempt>,
    ) -> Outcome<Vec<Option<Problem>>> {
        let verdicts = self.kept(request, || self.verdicts(request, &attempts)).await?;
        let told = |verdicts: Vec<Verdict>| {
            let each = verdicts.into_iter().zip(&attempts);
            each.map(|(verdict, attempt)| verdict.problem(&attempt.code))
                .collect()
        };
        Ok(verdicts.map(told))
    }

    async fn verdicts(&self, request: &Request, attempts: &[CodeAttempt]) -> Result<Vec<Verdict>, Refused> {
        if ATTEMPTS_MAX < attempts.len() {
            let message = format!("at most {ATTEMPTS_MAX} codes are judged in a call");
            let problem = Problem::new(Class::TooLarge, "promotion.too_many_attempts", message);
            return Err(problem.with("attempts_max", ATTEMPTS_MAX).into());
        }
        let mut verdicts = Vec::with_capacity(attempts.len());
        for (row, attempt) in attempts.iter().enumerate() {
            let judged = match attempt.redeem {
                true => {
                    let judged = request.part(&format!("{row}/judged"));
                    // Of what is good and not counted nothing hangs on what the code was judged by.
                    let is_kept = |judged: &Judged| *judged != Ok(Vec::new());
                    let kept = self.kept_where(&judged, || self.judge_code(attempt), is_kept);
                    kept.await?.value
                }
                false => self.judge_code(attempt).await?,
            };
            verdicts.push(match judged {
                Ok(uses) if self.count(request, row, attempt, &uses).await? => Verdict::Good,
                Ok(_) => Verdict::Unmet(Unmet::LimitReached),
                Err(verdict) => verdict,
            });
        }
        Ok(verdicts)
    }

    /// Returns the uses that an attempt needs, or why it is refused.
    async fn judge_code(&self, attempt: &CodeAttempt) -> Result<Judged, Refused> {
        let Ok(code) = Code::parse(&attempt.code) else {
            return Ok(Err(Verdict::Unmet(Unmet::NoSuchCode)));
        };
        let known = self.known(attempt).await?;
        let goods = match &attempt.sku {
            Some(sku) => Some(self.goods(sku).await?),
            None => None,
        };
        let book = self.kinds().price_book.promotions(self.kinds());
        let single_codes = self.kinds().single_codes(slice::from_ref(&code), &book).await?;
        let judged = book.judge(
            &code,
            &single_codes,
            &Attempt {
                at: attempt.at.unwrap_or_else(|| self.now()),
                groups: known
                    .customer
                    .as_ref()
                    .map_or(&[], |customer| &customer.state.groups),
                goods: goods.as_ref().map(Option::as_ref),
            },
        );
        let promotion = match judged {
            Ok(promotion) => promotion,
            Err(unmet) => return Ok(Err(Verdict::Unmet(unmet))),
        };
        let named = attempt.external_id.is_some() || attempt.email.is_some();
        if named && promotion.is_limited_by_shopper() && known.as_whom().limited().next().is_none() {
            return Ok(Err(Verdict::NoSuchCustomer));
        }
        let mut uses = promotion.uses(known.as_whom());
        uses.extend(promotion.use_of(&code));
        uses.sort_unstable();
        uses.dedup();
        Ok(Ok(uses))
    }

    /// Counts the uses that an attempt needs, all or none, and tells whether there are any left.
    async fn count(
        &self,
        request: &Request,
        row: usize,
        attempt: &CodeAttempt,
        uses: &[Use],
    ) -> Result<bool, Refused> {
        let counters = &self.kinds().use_counters;
        if !attempt.redeem {
            for needed in uses {
                let counter = counters.read(needed.counter).await.map_err(unreadable)?;
                if counter.is_some_and(|counter| !counter.state.has_room(needed.limit)) {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let part = |what: &str, of: &Use| Request {
            if_match: None,
            ..request.part(&format!("{row}/{what}/{}", of.counter))
        };
        for (at, needed) in uses.iter().enumerate() {
            let step = part("use", needed);
            if self.spend(&step, *needed).await? {
                continue;
            }
            for spent in &uses[..at] {
                let step = part("back", spent);
                let back = GiveBackUse {
                    promotion: spent.promotion,
                };
                self.run(counters, spent.counter, back, &step).await?;
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Counts one use, and tells whether there was one left. The first one brings its counter into being.
    pub(super) async fn spend(&self, request: &Request, needed: Use) -> Result<bool, Refused> {
        let counters = &self.kinds().use_counters;
        let command = SpendUse {
            promotion: needed.promotion,
            limit: needed.limit,
        };
        let fresh = |ticket| async move {
            let ask = || request.ask().if_match(None).ticket(Clone::clone(&ticket));
            shown(counters.ask_or_create(needed.counter, command, ask).await?)
        };
        let done = self.once(request, fresh, |receipt| {
            replayed::<UseCounter, ()>(counters, receipt)
        });
        match done.await {
            Ok(_) => Ok(true),
            // Also as it was kept when it was asked before.
            Err(refused) if refused.problem.code == "coupon.limit_reached" => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    async fn known(&self, attempt: &CodeAttempt) -> Result<Known, Refused> {
        let customer = match &attempt.external_id {
            Some(id) => self.find_customer(&CustomerRef::ExternalId(id.clone())).await?,
            None => None,
        };
        let email = attempt.email.as_ref().and_then(|text| Email::parse(text).ok());
        Ok(Known { customer, email })
    }

    /// Returns what promotions ask of a variant; nothing where there is no such variant.
    async fn goods(&self, sku: &str) -> Result<Option<Goods>, Refused> {
        let Some(id) = self.variant_by_sku(sku).await? else {
            return Ok(None);
        };
        let Some(variant) = self.kinds().variants.read(id).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let product = variant.state.product;
        let read = self.kinds().products.read(product).await.map_err(unreadable)?;
        Ok(Some(Goods {
            variant: id,
            product,
            categories: read
                .map(|product| product.state.categories.clone())
                .unwrap_or_default(),
        }))
    }
}
