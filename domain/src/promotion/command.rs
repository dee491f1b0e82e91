//! Commands of promotions, and what they refuse: whatever could never apply, contradicts itself or would pay the
//! shopper.

use super::{
    Action, ActionDraft, Code, Combination, Conditions, ConditionsDraft, Error, Event, PROMOTIONS_MAX,
    Promotion, Selection, USES_LIMIT_MAX,
};
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::existing::Existing;
use crate::id::PromotionId;
use crate::money::Currency;
use crate::text;
use crate::time::Timestamp;
use std::sync::Arc;

/// The longest name of a promotion.
const NAME_LENGTH_MAX: usize = 100;
/// How many actions a promotion may have.
const ACTIONS_MAX: usize = 10;
/// How many products, variants and categories a promotion may name in all.
const NAMED_MAX: usize = 30_000;

/// A promotion as staff sent it. When it changes one, what is absent stays; actions are changed as a whole, and so are
/// conditions unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What shoppers and staff see.
    pub name: Option<String>,
    /// The code that unlocks it; `Some(None)` takes it away, so that it applies by itself.
    pub code: Option<Option<String>>,
    /// Whether it applies to nobody without a code, its own or one that is good for one order; unless given, to
    /// everybody if it has no code of its own.
    pub requires_code: Option<bool>,
    /// Higher ones apply first; 0 unless given.
    pub priority: Option<i32>,
    /// Whether it goes together with others; it does unless given.
    pub combination: Option<Combination>,
    /// When it applies; always unless given.
    pub conditions: Option<ConditionsDraft>,
    /// What it takes off.
    pub actions: Option<Vec<ActionDraft>>,
    /// How many orders may carry it; `Some(None)`: any number.
    pub usage_limit: Option<Option<u64>>,
    /// How many orders of one shopper may carry it; `Some(None)`: any number.
    pub usage_limit_per_customer: Option<Option<u64>>,
    /// Whether it is switched on; it is not unless given.
    pub enabled: Option<bool>,
}

/// Makes a promotion.
#[derive(Clone, Debug)]
pub struct CreatePromotion {
    /// What was sent. Name and actions are required.
    pub draft: Draft,
    /// Which promotions the store has already.
    pub existing: Existing,
}

impl Create<Promotion> for CreatePromotion {
    const NAME: &'static str = "promotion.create";
    type Reply = ();

    fn create(self, id: PromotionId, cx: &mut Context<'_, Promotion>) -> Result<(Promotion, ()), Error> {
        if PROMOTIONS_MAX <= self.existing.count {
            return Err(Error::TooManyPromotions { max: PROMOTIONS_MAX });
        }
        let promotion = self.draft.made(id, self.existing.next_at(cx.now()))?;
        cx.emit(Event::Created {
            name: Arc::clone(&promotion.name),
            code: promotion.code.clone(),
            enabled: promotion.enabled,
        });
        promotion.schedule(cx);
        Ok((promotion, ()))
    }
}

/// Changes a promotion, switches it on or off. Carts follow from their next read; placed orders keep what it gave.
#[derive(Clone, Debug)]
pub struct UpdatePromotion {
    /// What was sent.
    pub draft: Draft,
}

impl Command<Promotion> for UpdatePromotion {
    const NAME: &'static str = "promotion.update";
    type Reply = ();

    fn apply(self, promotion: &mut Promotion, cx: &mut Context<'_, Promotion>) -> Result<(), Error> {
        let changed = self.draft.applied_to(promotion.clone())?;
        if changed != *promotion {
            let dates = |of: &Promotion| (of.conditions.starts_at, of.conditions.ends_at);
            if dates(&changed) != dates(promotion) {
                changed.schedule(cx);
            }
            *promotion = changed;
            cx.emit(Event::Updated {
                name: Arc::clone(&promotion.name),
                code: promotion.code.clone(),
                enabled: promotion.enabled,
            });
        }
        Ok(())
    }
}

/// Deletes a promotion.
#[derive(Clone, Debug)]
pub struct DeletePromotion;

impl Command<Promotion> for DeletePromotion {
    const NAME: &'static str = "promotion.delete";
    type Reply = ();

    fn apply(self, promotion: &mut Promotion, cx: &mut Context<'_, Promotion>) -> Result<(), Error> {
        cx.emit(Event::Deleted {
            name: Arc::clone(&promotion.name),
            code: promotion.code.clone(),
        });
        cx.erase();
        Ok(())
    }
}

impl Draft {
    /// Returns the currencies that it names, and where.
    pub fn currencies(&self) -> Vec<(String, Currency)> {
        let mut named = Vec::new();
        if let Some(conditions) = &self.conditions {
            let subtotal = conditions.subtotal_from.map(|from| from.currency);
            named.extend(
                conditions
                    .currency
                    .map(|currency| ("/conditions/currency".to_owned(), currency)),
            );
            named.extend(subtotal.map(|currency| ("/conditions/subtotal_from".to_owned(), currency)));
        }
        for (at, action) in self.actions.iter().flatten().enumerate() {
            let of_action = action.currency();
            named.extend(of_action.map(|currency| (format!("/actions/{at}/fixed"), currency)));
        }
        named
    }

    /// Returns the promotion that it makes. Name and actions are required.
    ///
    /// # Errors
    /// Every bad field.
    pub fn made(self, id: PromotionId, now: Timestamp) -> Result<Promotion, FieldErrors> {
        let required = Self {
            name: Some(self.name.unwrap_or_default()),
            actions: Some(self.actions.unwrap_or_default()),
            ..self
        };
        let blank = Promotion {
            id,
            name: Arc::default(),
            code: None,
            requires_code: false,
            priority: 0,
            combination: Combination::default(),
            conditions: Conditions::default(),
            actions: Vec::new(),
            usage_limit: None,
            usage_limit_per_customer: None,
            enabled: false,
            created_at: now,
        };
        required.applied_to(blank)
    }

    /// Returns what it makes of a promotion.
    ///
    /// # Errors
    /// Every bad field.
    pub fn applied_to(self, mut promotion: Promotion) -> Result<Promotion, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(name) = self.name
            && let Some(name) = errors.take("/name", text::line(&name, NAME_LENGTH_MAX))
        {
            promotion.name = name.into();
        }
        match self.code {
            None => {}
            Some(None) => promotion.code = None,
            Some(Some(code)) => {
                promotion.code = errors.take("/code", Code::parse(&code)).or(promotion.code);
            }
        }
        promotion.requires_code = self.requires_code.unwrap_or(promotion.requires_code);
        promotion.priority = self.priority.unwrap_or(promotion.priority);
        promotion.combination = self.combination.unwrap_or(promotion.combination);
        if let Some(conditions) = self.conditions {
            promotion.conditions = conditions.check(promotion.conditions, &mut errors);
        }
        let mut places: Vec<usize> = (0..promotion.actions.len()).collect();
        if let Some(drafts) = self.actions {
            (places, promotion.actions) = check_actions(drafts, &mut errors);
        }
        for (held, limit, pointer) in [
            (&mut promotion.usage_limit, self.usage_limit, "/usage_limit"),
            (
                &mut promotion.usage_limit_per_customer,
                self.usage_limit_per_customer,
                "/usage_limit_per_customer",
            ),
        ] {
            *held = limit.unwrap_or(*held);
            if held.is_some_and(|limit| !(1..=USES_LIMIT_MAX).contains(&limit)) {
                let message = format!("must be 1 to {USES_LIMIT_MAX}");
                errors.add(pointer, "promotion.invalid_limit", message);
            }
        }
        promotion.enabled = self.enabled.unwrap_or(promotion.enabled);
        check_whole(&promotion, &places, &mut errors);
        errors.into_result()?;
        Ok(promotion)
    }
}

/// Returns the actions that are sound, and where each was sent.
fn check_actions(drafts: Vec<ActionDraft>, errors: &mut FieldErrors) -> (Vec<usize>, Vec<Action>) {
    if drafts.is_empty() {
        errors.add("/actions", "promotion.no_action", "must name at least one action");
    }
    if ACTIONS_MAX < drafts.len() {
        let message = format!("at most {ACTIONS_MAX} actions are possible");
        errors.add("/actions", "promotion.too_many_actions", message);
    }
    let drafts = drafts.into_iter().enumerate().take(ACTIONS_MAX);
    let sound = drafts.filter_map(|(at, draft)| Some((at, draft.check(&format!("/actions/{at}"), errors)?)));
    sound.unzip()
}

/// Checks what no part shows by itself: that all amounts are of one currency, that its limits fit its conditions, and
/// that it is not too large.
fn check_whole(promotion: &Promotion, places: &[usize], errors: &mut FieldErrors) {
    let conditions = &promotion.conditions;
    let threshold = conditions.subtotal_from.map(|from| from.currency);
    let mut named: Option<Currency> = conditions.currency;
    let mut agree = |pointer: String, currency: Option<Currency>| {
        let Some(currency) = currency else { return };
        let first = *named.get_or_insert(currency);
        if first != currency {
            let message = format!("is of {currency}, the promotion of {first}: it could never apply");
            errors.add(pointer, "promotion.mixed_currencies", message);
        }
    };
    agree("/conditions/subtotal_from".to_owned(), threshold);
    for (at, action) in places.iter().zip(&promotion.actions) {
        agree(format!("/actions/{at}/fixed"), action.currency());
    }
    if conditions.first_order && promotion.usage_limit_per_customer.is_some_and(|limit| 1 < limit) {
        let message = "must be 1 or absent: a shopper has one first order";
        errors.add("/usage_limit_per_customer", "promotion.invalid_limit", message);
    }
    let selections = promotion.actions.iter().flat_map(Action::selections);
    let selections = selections.chain(&conditions.items);
    let count: usize = selections.map(Selection::len).sum();
    if NAMED_MAX < count {
        let message =
            format!("names {count} products, variants and categories, at most {NAMED_MAX} are allowed");
        errors.add("", "promotion.too_large", message);
    }
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
