//! The route of the bulk import of promotions: many in one call, each with an outcome of its own.

use super::dto::PromotionInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, Sent, read_row};
use crate::extract::{Json, StaffCall};
use crate::layer::import_body_limit;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::import::{ImportedRow, RowOutcome};
use cartwright_actors::promotion::PromotionRow;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_import_promotions))
        .layer(import_body_limit())
}

/// Rows of promotions.
#[derive(Debug, Deserialize, ToSchema)]
struct PromotionImport {
    /// At most 500.
    #[schema(max_items = 500)]
    rows: Vec<PromotionImportRow>,
}

/// One row: a promotion, found by its code, or by its name where it has none.
#[derive(Debug, Deserialize, ToSchema)]
struct PromotionImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The promotion, as it is made. What is absent stays as it is, or gets the default.
    #[schema(value_type = PromotionInput)]
    promotion: Value,
}

/// Imports promotions.
///
/// A second run of the same rows changes nothing. A row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/import", tag = "admin: promotions", request_body = PromotionImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_promotions(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<PromotionImport>,
) -> Answered<Imported> {
    let rows = value
        .rows
        .into_iter()
        .map(|PromotionImportRow { row, promotion }| {
            let subject = ["code", "name"]
                .iter()
                .find_map(|field| promotion[field].as_str());
            let subject = subject.unwrap_or_default().to_owned();
            match read_row::<PromotionInput>(promotion) {
                Ok(promotion) => Ok(PromotionRow {
                    row,
                    draft: promotion.into(),
                }),
                Err(problem) => Err(ImportedRow {
                    row,
                    subject,
                    outcome: RowOutcome::Refused(problem),
                }),
            }
        });
    let mut sent: Sent<_, _> = rows.collect();
    let imported = engine
        .import_promotions(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}
