//! Use cases of promotions: what is taken off, when, and by which code.

mod coupon_codes;
mod import;
mod judge;
mod left_codes;
mod what_if;

pub use coupon_codes::{CodeRow, ListedCode};
pub use import::PromotionRow;
pub use judge::CodeAttempt;
pub(crate) use left_codes::LeftCodes;
pub use what_if::{Difference, Effect, Supposed, Tally, WhatIf};

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use cartwright_domain::error::FieldErrors;
use cartwright_domain::id::{self, PromotionId, TaxZoneId, UseCounterId};
use cartwright_domain::promotion::{
    Code, CreatePromotion, DeletePromotion, Draft, Promotion, UpdatePromotion,
};
use cartwright_domain::{Class, Kind, Listing, Problem, Refusal};

/// A promotion as it is answered.
#[derive(Clone, Debug)]
pub struct PromotionView {
    /// The promotion.
    pub promotion: Shown<Promotion>,
    /// How many orders have used it; nothing where nobody counts.
    pub used: Option<u64>,
}

impl Engine {
    /// Lists the promotions by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn promotions(&self, page: PageRequest) -> Result<Page<PromotionView>, Refused> {
        let promotions = &self.kinds().promotions;
        let found = self
            .page(promotions, Listing::Promotions, b"", Order::Ascending, page)
            .await?;
        let mut items = Vec::with_capacity(found.items.len());
        for promotion in found.items {
            items.push(self.promotion_view(promotion).await?);
        }
        Ok(Page {
            items,
            next: found.next,
        })
    }

    async fn promotion_view(&self, promotion: Shown<Promotion>) -> Result<PromotionView, Refused> {
        let used = match promotion.state.usage_limit {
            Some(_) => {
                let counter = UseCounterId::of_all(promotion.id);
                Some(self.kinds().times_used(counter).await?)
            }
            None => None,
        };
        Ok(PromotionView { promotion, used })
    }

    async fn promotion_done(&self, done: Done<Shown<Promotion>>) -> Outcome<PromotionView> {
        Ok(Done {
            value: self.promotion_view(done.value).await?,
            replayed: done.replayed,
        })
    }

    /// Shows a promotion.
    ///
    /// # Errors
    /// `promotion.not_found`.
    pub async fn promotion(&self, id: PromotionId) -> Result<PromotionView, Refused> {
        let read = self.kinds().promotions.read(id).await.map_err(unreadable)?;
        self.promotion_view(read.ok_or_else(gone::<Promotion>)?).await
    }

    /// Finds the promotion that somebody means by its id, its own code or its name.
    ///
    /// # Errors
    /// `promotion.not_found`; `promotion.ambiguous_name`.
    fn promotion_named(&self, text: &str) -> Result<Shown<Promotion>, Problem> {
        let roster = self.kinds().promotions.roster();
        let (text, id) = (text.trim(), id::parse::<PromotionId>(text.trim()).ok());
        let code = Code::parse(text).ok();
        let by_key = roster.iter().find(|promotion| {
            let own = &promotion.state.code;
            Some(promotion.id) == id || (own.is_some() && *own == code)
        });
        if let Some(promotion) = by_key {
            return Ok(promotion.clone());
        }
        let mut by_name = roster.iter().filter(|promotion| &*promotion.state.name == text);
        match (by_name.next(), by_name.next()) {
            (Some(promotion), None) => Ok(promotion.clone()),
            (Some(_), Some(_)) => {
                let message =
                    format!("several promotions are called {text:?}; give the id of the one you mean");
                Err(Problem::new(Class::Conflict, "promotion.ambiguous_name", message))
            }
            (None, _) => {
                let message =
                    format!("no promotion has the id, the code or the name {text:?}; import it first");
                Err(Problem {
                    message,
                    ..gone::<Promotion>().problem
                })
            }
        }
    }

    /// Makes a promotion.
    ///
    /// # Errors
    /// Every bad field; `promotion.too_many_promotions`.
    pub async fn create_promotion(&self, request: &Request, draft: Draft) -> Outcome<PromotionView> {
        let _turn = self.inner().kind_turns.take(request, [Kind::Promotion]).await?;
        let promotions = &self.kinds().promotions;
        let id = self.draw(request, None);
        let command = async {
            self.require_known(&draft, None, id).await?;
            Ok(CreatePromotion {
                draft,
                existing: promotions.existing(|promotion| promotion.created_at),
            })
        };
        let made = self.make_on_facts(promotions, id, command, request).await?;
        self.promotion_done(made).await
    }

    /// Changes a promotion. Carts follow from their next read.
    ///
    /// # Errors
    /// `promotion.not_found`; every bad field.
    pub async fn update_promotion(
        &self,
        request: &Request,
        id: PromotionId,
        draft: Draft,
    ) -> Outcome<PromotionView> {
        let promotions = &self.kinds().promotions;
        let current = promotions.read(id).await.map_err(unreadable)?;
        let current = current.ok_or_else(gone::<Promotion>)?;
        self.require_known(&draft, Some(&current), id).await?;
        let command = UpdatePromotion { draft };
        self.promotion_done(self.run(promotions, id, command, request).await?)
            .await
    }

    /// Refuses a draft that names tax zones which are not there, or currencies that the store does not sell in, with
    /// everything else that is wrong with it. Zones that the promotion has already and that have gone since may be sent again.
    async fn require_known(
        &self,
        draft: &Draft,
        current: Option<&Shown<Promotion>>,
        id: PromotionId,
    ) -> Result<(), Refused> {
        let named = draft
            .conditions
            .as_ref()
            .map_or(&[][..], |conditions| &conditions.zones);
        let zones = self.kinds().tax_zones.roster();
        let mut unknown = FieldErrors::default();
        for (at, name) in named.iter().enumerate() {
            let zone = id::parse::<TaxZoneId>(name);
            let is_kept = |zone: &TaxZoneId| {
                current.is_some_and(|current| current.state.conditions.zones.contains(zone))
            };
            let is_gone = |zone: &TaxZoneId| zones.iter().all(|known| known.id != *zone);
            if zone.is_ok_and(|zone| is_gone(&zone) && !is_kept(&zone)) {
                let message = format!("there is no tax zone {name}: it could never apply");
                unknown.add(
                    format!("/conditions/zones/{at}"),
                    "promotion.unknown_zone",
                    message,
                );
            }
        }
        let currencies = draft.currencies();
        if !currencies.is_empty() {
            let settings = self.kinds().current_settings().await?;
            for (pointer, currency) in currencies {
                if settings.currency_of_cart(Some(currency)).is_err() {
                    let message = format!("the store does not sell in {currency}: it could never apply");
                    unknown.add(pointer, "promotion.unknown_currency", message);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let checked = match current {
            Some(current) => draft.clone().applied_to(Promotion::clone(&current.state)),
            None => draft.clone().made(id, self.now()),
        };
        let mut errors = checked.err().unwrap_or_default();
        errors.add_all("", unknown);
        Err(Refused::from(errors.problem()))
    }

    /// Deletes a promotion. Placed orders keep what it gave; its codes that are good for one order follow it.
    ///
    /// # Errors
    /// `promotion.not_found`.
    pub async fn delete_promotion(&self, request: &Request, id: PromotionId) -> Outcome<()> {
        self.erase_rule(&self.kinds().promotions, id, DeletePromotion, request)
            .await
    }
}
