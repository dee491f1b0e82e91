//! The import of rate tables: one rate of one zone a row, the zone found by its places.
//!
//! A second run of the same rows changes nothing, so that a run that was cut off goes on where it stopped.

use crate::engine::Engine;
use crate::import::{self, Found, ImportedRow, RowOutcome};
use crate::request::{Refused, Request};
use cartwright_domain::Refusal;
use cartwright_domain::error::FieldErrors;
use cartwright_domain::tax::{
    CreateZone, Draft, NAME_LENGTH_MAX as ZONE_NAME_LENGTH_MAX, PutRate, RateDraft, RatePut, TaxZone,
};
use cartwright_domain::territory::{Territory, TerritoryDraft};
use cartwright_domain::text;

/// How many zones of a call are at work at once.
const ZONES_AT_ONCE: usize = 16;

/// A row of a rate table, as somebody gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateRow {
    /// The row's number, for the report.
    pub row: u64,
    /// Where the rate holds: `*`, `GB`, `US-CA`, `ES 35*`, or several of them with `;` between.
    pub place: String,
    /// What staff call the zone, where it is new; its places when absent, as many as a name has room for.
    pub zone: Option<String>,
    /// The rate.
    pub rate: RateDraft,
}

impl RateRow {
    /// Returns the places that its zone holds in, as far as they can be read.
    fn territory(&self, errors: &mut FieldErrors) -> Territory {
        Territory::read(&TerritoryDraft::of_places(&self.place), "", errors)
    }

    /// Returns what a zone that is made of it is called.
    fn zone_name(&self, errors: &mut FieldErrors) -> String {
        match &self.zone {
            Some(zone) => errors
                .take("/zone", text::line(zone, ZONE_NAME_LENGTH_MAX))
                .unwrap_or_default(),
            None => text::fitted(&self.place, ZONE_NAME_LENGTH_MAX),
        }
    }
}

impl import::Row for RateRow {
    fn number(&self) -> u64 {
        self.row
    }

    fn subject(&self) -> &str {
        &self.place
    }

    fn names(&self) -> Vec<String> {
        vec![self.territory(&mut FieldErrors::default()).text()]
    }
}

impl Engine {
    /// Imports rows of a rate table. New zones are made in the order of the rows, and count by age as they stand there.
    /// Rows of one place are done in their order, others side by side.
    ///
    /// # Errors
    /// `tax.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_tax_rates(
        &self,
        request: &Request,
        rows: Vec<RateRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let makes = |row: &RateRow| {
            let territory = row.territory(&mut FieldErrors::default());
            import::is_new(&self.kinds().tax_zones, |zone| *zone.territory() == territory)
        };
        let import = |row| self.import_rate(request, row);
        import::each_by_age(rows, ZONES_AT_ONCE, import::too_many::TAX, makes, import).await
    }

    async fn import_rate(&self, request: &Request, row: RateRow) -> Result<RowOutcome, Refused> {
        let mut errors = FieldErrors::default();
        let territory = row.territory(&mut errors);
        row.rate.refuse_percentage("/rate", &mut errors);
        errors
            .into_result()
            .map_err(|errors| Refused::from(errors.problem()))?;
        let zones = &self.kinds().tax_zones;
        let ask = || request.ask().if_match(None);
        let turns = &self.inner().kind_turns;
        let holds_there = |zone: &TaxZone| *zone.territory() == territory;
        let id = match import::find(zones, turns, request, holds_there).await? {
            Found::There(id) => id,
            Found::New(_turn) => {
                let id = self.draw(&import::request_of(request, &territory.text()), None);
                let mut errors = FieldErrors::default();
                let name = row.zone_name(&mut errors);
                errors
                    .into_result()
                    .map_err(|errors| Refused::from(errors.problem()))?;
                let draft = Draft {
                    name: Some(name),
                    territory: TerritoryDraft::of_places(&row.place),
                    rates: Some(vec![row.rate]),
                };
                let existing = zones.existing(TaxZone::created_at);
                zones.create(id, CreateZone { draft, existing }, ask()).await?;
                return Ok(RowOutcome::Created);
            }
        };
        let put = zones.ask(id, PutRate { rate: row.rate }, ask()).await?;
        Ok(match put.reply {
            RatePut::Added => RowOutcome::Created,
            RatePut::Changed => RowOutcome::Updated,
            RatePut::Unchanged => RowOutcome::Unchanged,
        })
    }
}
