//! The route of the bulk import of customers: many in one call, each with an outcome of its own.

use super::dto::CustomerInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, Sent};
use crate::extract::{Json, Rows, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::customer::CustomerRow;
use cartwright_actors::import::too_many;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_import_customers))
}

/// Rows of customers.
#[derive(Debug, Deserialize, ToSchema)]
struct CustomerImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<CustomerImportRow>)]
    rows: Rows,
}

/// One row: a customer, found by its external id, or by its e-mail address.
#[derive(Debug, Deserialize, ToSchema)]
struct CustomerImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The customer, as it is made. What is absent stays as it is, or gets the default.
    customer: CustomerInput,
}

impl From<CustomerImportRow> for CustomerRow {
    fn from(sent: CustomerImportRow) -> Self {
        Self {
            row: sent.row,
            draft: sent.customer.into(),
        }
    }
}

/// Imports customers.
///
/// One that is known by its e-mail address alone gets the external id of its row. A second run of the same rows changes
/// nothing. A row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/customers/import", tag = "admin: customers", request_body = CustomerImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_customers(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<CustomerImport>,
) -> Answered<Imported> {
    let subject = ["/customer/external_id", "/customer/email"];
    let read = |row: CustomerImportRow| Ok(row.into());
    let mut sent = Sent::read(value.rows, too_many::CUSTOMER, &subject, read)?;
    let imported = engine
        .import_customers(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}
