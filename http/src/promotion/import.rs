//! The route of the bulk import of promotions: many in one call, each with an outcome of its own.

use super::dto::PromotionInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, Sent};
use crate::extract::{Json, Rows, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::import::too_many;
use cartwright_actors::promotion::PromotionRow;
use cartwright_domain::promotion::{Draft, Rest};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_import_promotions))
}

/// Rows of promotions.
#[derive(Debug, Deserialize, ToSchema)]
struct PromotionImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<PromotionImportRow>)]
    rows: Rows,
}

/// One row: a promotion, found by its code, or by its name where it has none.
#[derive(Debug, Deserialize, ToSchema)]
struct PromotionImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The promotion, as it is made. What is absent stays as it is, or gets the default. So does each condition by
    /// itself, and each list of its items: one that is `null`, empty or `false` is absent. Actions are changed whole.
    promotion: PromotionInput,
}

impl From<PromotionImportRow> for PromotionRow {
    fn from(sent: PromotionImportRow) -> Self {
        let mut draft = Draft::from(sent.promotion);
        if let Some(conditions) = &mut draft.conditions {
            conditions.rest = Rest::Stays;
        }
        Self { row: sent.row, draft }
    }
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
    let read = |row: PromotionImportRow| Ok(row.into());
    let mut sent = Sent::read(
        value.rows,
        too_many::PROMOTION,
        &["/promotion/code", "/promotion/name"],
        read,
    )?;
    let imported = engine
        .import_promotions(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}
