//! What a promotion would do to the carts of the last day, before it is switched on.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, PAGE_LIMIT_MAX, PageRequest};
use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::cart::{Cart, State};
use cartwright_domain::id::{CartId, PromotionId};
use cartwright_domain::money::{Currency, Money};
use cartwright_domain::order::Status;
use cartwright_domain::promotion::{Draft, Error, Promotion, Promotions};
use cartwright_domain::{Entity, Kind, Refusal, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many carts are looked at, at most.
const CARTS_MAX: usize = 10_000;
/// How many of the carts that would change most are named.
const EXAMPLES_MAX: usize = 10;
/// How long before its deadline the looking ends, so that what was found can still be answered.
const SPARE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Supposed {
    /// The promotion, as it would be saved.
    pub draft: Draft,
    /// The promotion that it would change; a new one unless given.
    pub changes: Option<PromotionId>,
    /// How old the carts may be.
    pub within: Duration,
}

/// What a promotion would do to carts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// The time from which on the carts looked at were opened.
    pub since: Timestamp,
    /// Whether all of them were looked at; else it was the newest.
    pub is_complete: bool,
    /// What it comes to, by currency.
    pub effects: BTreeMap<Currency, Effect>,
    /// The carts that would change most, the most first.
    pub examples: Vec<Difference>,
}

/// What carts of one currency come to, with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Those that became orders, but for orders that are canceled.
    pub ordered: Tally,
    /// Those that did not, or not yet.
    pub open: Tally,
}

/// What some carts come to, with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many carts there are. Empty ones do not count.
    pub carts: u64,
    /// How many of them would come to something else.
    pub changed: u64,
    /// What they come to as it is, as far as that can be counted.
    pub before: Money,
    /// What they would come to, as far as that can be counted.
    pub after: Money,
}

/// What one cart comes to, with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub cart: CartId,
    /// What it comes to as it is.
    pub before: Money,
    /// What it would come to.
    pub after: Money,
}

impl Engine {
    /// Tells what a promotion would have done to the carts of the last hours, were it switched on. Nothing is saved.
    ///
    /// Every cart is priced twice by what holds now, with and without it. Its dates and limits are put aside, every order
    /// is a first one to it, and its code, or one that is good for one order, counts as entered in every cart: the
    /// answer is the most that it may come to.
    ///
    /// # Errors
    /// Every bad field of the draft; `promotion.not_found`.
    pub async fn what_if(&self, request: &Request, supposed: Supposed) -> Result<WhatIf, Refused> {
        let now = self.now();
        let promotion = self
            .supposed(request, supposed.draft, supposed.changes, now)
            .await?;
        let promotion = Arc::new(promotion);
        let saved = self.kinds().promotions.roster();
        let others = saved.iter().filter(|other| other.id != promotion.id);
        let all = others
            .map(|other| Arc::clone(&other.state))
            .chain([Arc::clone(&promotion)]);
        let promotions = Promotions::new(all);

        let mut found = WhatIf {
            since: now.before(supposed.within),
            is_complete: false,
            effects: BTreeMap::new(),
            examples: Vec::new(),
        };
        let mut page = PageRequest {
            limit: PAGE_LIMIT_MAX,
            cursor: None,
        };
        let mut looked = 0;
        while looked < CARTS_MAX && Instant::now() + SPARE < request.deadline {
            let carts = &self.kinds().carts;
            let next = self
                .page(carts, Kind::Cart, b"", Order::Descending, page.clone())
                .await?;
            for cart in next.items {
                if cart.state.created_at() < found.since {
                    found.is_complete = true;
                    return Ok(found);
                }
                looked += 1;
                if cart.state.lines().is_empty() {
                    continue;
                }
                let order = match cart.state.state() {
                    State::Completed { order, .. } => {
                        self.kinds().orders.read(order).await.map_err(unreadable)?
                    }
                    _ => None,
                };
                let status = order.as_ref().map(|order| order.state.status());
                if status == Some(Status::Canceled) {
                    continue; // Nothing was taken for it.
                }
                let gathered = self.kinds().gather(Arc::clone(&cart)).await?;
                let compared = gathered.compare(self.kinds(), &promotion, &promotions, order);
                let (before, after) = compared.await?;
                found.note(&cart, status.is_some(), before, after);
            }
            if next.next.is_none() {
                found.is_complete = true;
                break;
            }
            page.cursor = next.next;
        }
        Ok(found)
    }

    /// Returns the promotion that is supposed: switched on, whenever it would begin or end, and for everybody who has its
    /// own code; where it has none of its own, for everybody, because any cart might hold one that is good for one order.
    async fn supposed(
        &self,
        request: &Request,
        draft: Draft,
        changes: Option<PromotionId>,
        now: Timestamp,
    ) -> Result<Promotion, Refused> {
        let current = match changes {
            None => None,
            Some(id) => {
                let read = self.kinds().promotions.read(id).await.map_err(unreadable)?;
                Some(read.ok_or_else(gone::<Promotion>)?)
            }
        };
        let id = changes.unwrap_or_else(|| self.draw(request, None));
        self.require_known(&draft, current.as_ref(), id).await?;
        let made = match current {
            None => draft.made(id, now),
            Some(current) => draft.applied_to(Promotion::clone(&current.state)),
        };
        let mut promotion = made.map_err(|errors| Refused::from(errors.problem()))?;
        for key in promotion.keys().unique {
            let held = self.inner().runtime.store().lookup(key.clone()).await;
            let holder = held
                .map_err(unreadable)?
                .filter(|holder| *holder != Promotion::key(id));
            if let Some(holder) = holder {
                return Err(AskError::<Error>::KeyTaken { key, holder }.into());
            }
        }
        promotion.enabled = true;
        promotion.conditions.starts_at = None;
        promotion.conditions.ends_at = None;
        promotion.conditions.first_order = false;
        promotion.requires_code = promotion.code.is_some();
        Ok(promotion)
    }
}

impl WhatIf {
    fn note(&mut self, cart: &Shown<Cart>, is_ordered: bool, before: Money, after: Money) {
        let effect = self.effects.entry(before.currency);
        let effect = effect.or_insert_with(|| Effect::nothing(before.currency));
        let tally = if is_ordered {
            &mut effect.ordered
        } else {
            &mut effect.open
        };
        tally.add(before, after);
        if before != after {
            self.examples.push(Difference {
                cart: cart.id,
                before,
                after,
            });
            self.examples
                .sort_by_key(|example| std::cmp::Reverse(example.size()));
            self.examples.truncate(EXAMPLES_MAX);
        }
    }
}

impl Effect {
    fn nothing(currency: Currency) -> Self {
        let tally = Tally {
            carts: 0,
            changed: 0,
            before: Money::zero(currency),
            after: Money::zero(currency),
        };
        Self {
            ordered: tally,
            open: tally,
        }
    }
}

impl Tally {
    fn add(&mut self, before: Money, after: Money) {
        // Each cart can be counted, but a few that nobody will pay may be too much together.
        let plus =
            |sum: Money, added: Money| Money::new(sum.amount.saturating_add(added.amount), sum.currency);
        self.carts += 1;
        self.changed += u64::from(before != after);
        self.before = plus(self.before, before);
        self.after = plus(self.after, after);
    }
}

impl Difference {
    fn size(&self) -> u64 {
        self.before.amount.abs_diff(self.after.amount)
    }
}
