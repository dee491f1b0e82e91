//! Use cases of tax: zones and their rates.

mod calculator;
mod import;

pub(crate) use calculator::TaxDesk;
pub use import::RateRow;

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Outcome, Refused, Request};
use cartwright_domain::id::TaxZoneId;
use cartwright_domain::tax::{CreateZone, DeleteZone, Draft, TaxZone, UpdateZone};
use cartwright_domain::{Kind, Listing};

impl Engine {
    /// Lists the tax zones by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn tax_zones(&self, page: PageRequest) -> Result<Page<Shown<TaxZone>>, Refused> {
        self.page(
            &self.kinds().tax_zones,
            Listing::TaxZones,
            b"",
            Order::Ascending,
            page,
        )
        .await
    }

    /// Shows a tax zone.
    ///
    /// # Errors
    /// `tax_zone.not_found`.
    pub async fn tax_zone(&self, id: TaxZoneId) -> Result<Shown<TaxZone>, Refused> {
        let read = self.kinds().tax_zones.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<TaxZone>)
    }

    /// Makes a tax zone.
    ///
    /// # Errors
    /// Every bad field; `tax.too_many_zones`.
    pub async fn create_tax_zone(&self, request: &Request, draft: Draft) -> Outcome<Shown<TaxZone>> {
        let _turn = self.inner().kind_turns.take(request, [Kind::TaxZone]).await?;
        let zones = &self.kinds().tax_zones;
        let command = CreateZone {
            draft,
            existing: zones.existing(TaxZone::created_at),
        };
        self.make(zones, self.draw(request, None), command, request).await
    }

    /// Changes a tax zone. Quotes follow from the next read.
    ///
    /// # Errors
    /// `tax_zone.not_found`; every bad field.
    pub async fn update_tax_zone(
        &self,
        request: &Request,
        id: TaxZoneId,
        draft: Draft,
    ) -> Outcome<Shown<TaxZone>> {
        self.run(&self.kinds().tax_zones, id, UpdateZone { draft }, request)
            .await
    }

    /// Deletes a tax zone. Placed orders keep their tax.
    ///
    /// # Errors
    /// `tax_zone.not_found`.
    pub async fn delete_tax_zone(&self, request: &Request, id: TaxZoneId) -> Outcome<()> {
        self.erase_rule(&self.kinds().tax_zones, id, DeleteZone, request)
            .await
    }
}
