//! The routes of the bulk imports of gift cards and store credit: many in one call, each with an outcome of its own.

use super::dto::NewGiftCard;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, Money, Sent};
use crate::extract::{Json, Rows, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::import::too_many;
use cartwright_actors::stored_value::{GiftCardRow, StoreCreditRow};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_import_gift_cards))
        .routes(routes!(admin_import_store_credit))
}

/// Rows of gift cards.
#[derive(Debug, Deserialize, ToSchema)]
struct GiftCardImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<GiftCardImportRow>)]
    rows: Rows,
}

/// One row: a gift card that was issued elsewhere, found by its code.
#[derive(Debug, Deserialize, ToSchema)]
struct GiftCardImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The card, as it is issued. Its `code` is needed.
    gift_card: NewGiftCard,
    /// For which customer it is, by external id or e-mail address, where that is not given as `customer_id`.
    customer: Option<String>,
}

impl From<GiftCardImportRow> for GiftCardRow {
    fn from(sent: GiftCardImportRow) -> Self {
        Self {
            row: sent.row,
            draft: sent.gift_card.into(),
            customer: sent.customer,
        }
    }
}

/// Imports gift cards that were issued elsewhere, with their codes.
///
/// A card that is there with the same code stays as it is, whatever was spent of it, so that a second run of the same
/// rows changes nothing; one that was issued with another amount is refused. No outcome shows a whole code. A row that
/// is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/gift-cards/import", tag = "admin: gift cards and store credit",
    request_body = GiftCardImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_gift_cards(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<GiftCardImport>,
) -> Answered<Imported> {
    // The end of a row that cannot be read tells nothing of its code.
    let mut sent = Sent::read(
        value.rows,
        too_many::STORED_VALUE,
        &[],
        |row: GiftCardImportRow| Ok(row.into()),
    )?;
    let imported = engine
        .import_gift_cards(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}

/// Rows of store credit.
#[derive(Debug, Deserialize, ToSchema)]
struct StoreCreditImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<StoreCreditImportRow>)]
    rows: Rows,
}

/// One row: the first amount of a customer's store credit in one currency.
#[derive(Debug, Deserialize, ToSchema)]
struct StoreCreditImportRow {
    /// The row's number, for the report.
    row: u64,
    /// Whose it is, by external id or e-mail address.
    customer: String,
    /// How much it is.
    amount: Money,
    /// Why.
    #[schema(example = "from the old shop")]
    reason: String,
}

impl From<StoreCreditImportRow> for StoreCreditRow {
    fn from(sent: StoreCreditImportRow) -> Self {
        Self {
            row: sent.row,
            customer: sent.customer,
            amount: sent.amount.into(),
            reason: sent.reason,
        }
    }
}

/// Imports store credit that customers have from elsewhere.
///
/// It is booked where nothing was ever booked of the customer in the currency. A second run of the same rows changes
/// nothing, and credit with other bookings is refused. A row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/store-credit/import", tag = "admin: gift cards and store credit",
    request_body = StoreCreditImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_store_credit(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<StoreCreditImport>,
) -> Answered<Imported> {
    let read = |row: StoreCreditImportRow| Ok(row.into());
    let mut sent = Sent::read(value.rows, too_many::STORED_VALUE, &["/customer"], read)?;
    let imported = engine
        .import_store_credit(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}
