//! The route of the bulk import of customers: many in one call, each with an outcome of its own.

use super::dto::CustomerInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, Sent, read_row};
use crate::extract::{Json, StaffCall};
use crate::layer::import_body_limit;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::customer::CustomerRow;
use cartwright_actors::import::{ImportedRow, RowOutcome};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_import_customers))
        .layer(import_body_limit())
}

/// Rows of customers.
#[derive(Debug, Deserialize, ToSchema)]
struct CustomerImport {
    /// At most 500.
    #[schema(max_items = 500)]
    rows: Vec<CustomerImportRow>,
}

/// One row: a customer, found by its external id, or by its e-mail address.
#[derive(Debug, Deserialize, ToSchema)]
struct CustomerImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The customer, as it is made. What is absent stays as it is, or gets the default.
    #[schema(value_type = CustomerInput)]
    customer: Value,
}

impl CustomerImportRow {
    fn read(self) -> Result<CustomerRow, ImportedRow> {
        let name = ["external_id", "email"]
            .iter()
            .find_map(|field| self.customer[field].as_str());
        let subject = name.unwrap_or_default().to_owned();
        match read_row::<CustomerInput>(self.customer) {
            Ok(customer) => Ok(CustomerRow {
                row: self.row,
                draft: customer.into(),
            }),
            Err(problem) => Err(ImportedRow {
                row: self.row,
                subject,
                outcome: RowOutcome::Refused(problem),
            }),
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
    let mut sent: Sent<_, _> = value.rows.into_iter().map(CustomerImportRow::read).collect();
    let imported = engine
        .import_customers(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}
