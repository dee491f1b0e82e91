//! The route of the import of rate tables: many rates in one call, each with an outcome of its own.

use crate::answer::{Answer, Answered};
use crate::dto::{RowEnd, RowOutcome, Sent, instant};
use crate::extract::{Json, Rows, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::import::ImportedRow;
use cartwright_actors::import::too_many;
use cartwright_actors::tax::RateRow;
use cartwright_domain::error::FieldErrors;
use cartwright_domain::tax::{Category, RateDraft};
use cartwright_domain::{Period, Problem, Refusal, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_import_tax_rates))
}

/// Rows of a rate table.
#[derive(Debug, Deserialize, ToSchema)]
struct RateImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<RateImportRow>)]
    rows: Rows,
}

/// One row: a rate, in the zone of its places. The zone is made where there is none.
#[derive(Debug, Deserialize, ToSchema)]
struct RateImportRow {
    /// The row's number, for the report.
    row: u64,
    /// Where it holds: `*`, a country, a subdivision, postal codes, or several with `;` between.
    #[schema(example = "ES 35*; ES 38*")]
    place: String,
    /// What staff call a zone that is made; its places when absent.
    zone: Option<String>,
    /// Of which goods; `standard` when absent.
    category: Option<String>,
    /// Which tax it is a rate of; `tax` when absent.
    tax: Option<String>,
    /// What the tax is called on a bill.
    #[schema(example = "VAT 20%")]
    name: String,
    /// How much, as an exact decimal.
    #[schema(example = "0.2")]
    rate: String,
    /// From when on it holds: a point in time or a date; from ever when absent.
    #[schema(example = "2011-01-04")]
    valid_from: Option<String>,
    /// When it no longer holds.
    valid_until: Option<String>,
}

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
struct RatesImported {
    /// One for each row, in the order sent.
    results: Vec<RateRowResult>,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct RateRowResult {
    /// The row's number, as it was sent; 0 where it has none.
    row: u64,
    /// Its place.
    place: String,
    /// What became of it.
    outcome: RowOutcome,
    /// Why it was refused: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Why it was refused, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Imports rows of a rate table.
///
/// A rate of the same zone, category and tax that begins at the same time is replaced. A second run of the same rows
/// changes nothing, and a row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/tax/import", tag = "admin: tax", request_body = RateImport,
    responses((status = OK, description = "What became of each row.", body = RatesImported)),
)]
async fn admin_import_tax_rates(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<RateImport>,
) -> Answered<RatesImported> {
    let mut sent = Sent::read(value.rows, too_many::TAX, &["/place"], RateImportRow::read)?;
    let imported = engine
        .import_tax_rates(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(RatesImported {
        results: sent.ends(imported).map(RateRowResult::from).collect(),
    }))
}

impl RateImportRow {
    fn read(self) -> Result<RateRow, Problem> {
        let mut errors = FieldErrors::default();
        let mut time = |pointer: &str, sent: Option<String>| -> Option<Timestamp> {
            let read = sent.filter(|text| !text.is_empty()).map(|text| instant(&text));
            match read.transpose() {
                Ok(time) => time,
                Err(message) => {
                    errors.add(pointer, "wrong_type", message);
                    None
                }
            }
        };
        let validity = Period {
            from: time("/valid_from", self.valid_from),
            until: time("/valid_until", self.valid_until),
        };
        errors.into_result().map_err(|errors| errors.problem())?;
        Ok(RateRow {
            row: self.row,
            place: self.place,
            zone: self.zone,
            rate: RateDraft {
                category: self.category.unwrap_or_else(|| Category::default().to_string()),
                tax: self.tax,
                name: self.name,
                rate: self.rate,
                validity,
            },
        })
    }
}

impl From<ImportedRow> for RateRowResult {
    fn from(imported: ImportedRow) -> Self {
        let RowEnd {
            outcome,
            error,
            message,
        } = imported.outcome.into();
        Self {
            row: imported.row,
            place: imported.subject,
            outcome,
            error,
            message,
        }
    }
}
