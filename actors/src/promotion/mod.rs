//! Use cases of promotions: what is taken off, when, and by which code.

mod what_if;

pub use what_if::{Difference, Effect, Supposed, Tally, WhatIf};

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use cartwright_domain::Listing;
use cartwright_domain::id::PromotionId;
use cartwright_domain::promotion::{CreatePromotion, DeletePromotion, Draft, Promotion, UpdatePromotion};

impl Engine {
    /// Lists the promotions by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn promotions(&self, page: PageRequest) -> Result<Page<Shown<Promotion>>, Refused> {
        self.page(
            &self.kinds().promotions,
            Listing::Promotions,
            b"",
            Order::Ascending,
            page,
        )
        .await
    }

    /// Shows a promotion.
    ///
    /// # Errors
    /// `promotion.not_found`.
    pub async fn promotion(&self, id: PromotionId) -> Result<Shown<Promotion>, Refused> {
        let read = self.kinds().promotions.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<Promotion>)
    }

    /// Makes a promotion.
    ///
    /// # Errors
    /// Every bad field; `promotion.too_many_promotions`.
    pub async fn create_promotion(&self, request: &Request, draft: Draft) -> Outcome<Shown<Promotion>> {
        let promotions = &self.kinds().promotions;
        let command = CreatePromotion {
            draft,
            existing: promotions.roster().len(),
        };
        self.make(promotions, self.draw(request, None), command, request)
            .await
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
    ) -> Outcome<Shown<Promotion>> {
        self.run(&self.kinds().promotions, id, UpdatePromotion { draft }, request)
            .await
    }

    /// Deletes a promotion. Placed orders keep what it gave.
    ///
    /// # Errors
    /// `promotion.not_found`.
    pub async fn delete_promotion(&self, request: &Request, id: PromotionId) -> Outcome<()> {
        let answer = self
            .kinds()
            .promotions
            .ask(id, DeletePromotion, request.ask())
            .await?;
        Ok(Done {
            value: (),
            replayed: answer.replayed,
        })
    }
}
