//! The route of the bulk import: many rows in one call, each with an outcome of its own.

use super::dto::ProductStatus;
use crate::answer::{Answer, Answered};
use crate::dto::{PriceInput, RowEnd, RowOutcome, Sent};
use crate::extract::{Json, Rows, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::catalog::ImportRow;
use cartwright_actors::import::ImportedRow;
use cartwright_actors::import::too_many;
use cartwright_domain::{Class, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_import_catalog))
}

/// Rows of a catalog.
#[derive(Debug, Deserialize, ToSchema)]
struct CatalogImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<CatalogRow>)]
    rows: Rows,
}

/// One row: a product with one variant, found by its SKU. What is absent stays as it is, or gets the default.
#[derive(Debug, Deserialize, ToSchema)]
struct CatalogRow {
    /// The row's number, for the report.
    row: u64,
    /// Which variant the row is about.
    sku: String,
    /// The title of the variant, and of its product while that has no other; of new ones the SKU when absent.
    title: Option<String>,
    /// What one unit costs; without it a new variant is not for sale.
    price: Option<PriceInput>,
    /// How it is taxed.
    tax_category: Option<String>,
    /// What one unit weighs.
    weight_grams: Option<u32>,
    /// The product's one image.
    image_url: Option<String>,
    /// The handles of all categories that the product is in.
    #[schema(example = json!(["mugs", "sale"]))]
    categories: Option<Vec<String>>,
    /// `draft`, `active` or `archived`; active when absent.
    #[schema(value_type = Option<ProductStatus>)]
    status: Option<String>,
    /// Units on hand; given, stock is counted.
    stock: Option<u64>,
}

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogImported {
    /// One for each row, in the order sent.
    results: Vec<CatalogRowResult>,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct CatalogRowResult {
    /// The row's number, as it was sent; 0 where it has none.
    row: u64,
    /// Its SKU.
    sku: String,
    /// What became of it.
    outcome: RowOutcome,
    /// Why it was refused: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Why it was refused, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Imports rows of a catalog.
///
/// A second run of the same rows changes nothing. A row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/catalog/import", tag = "admin: catalog", request_body = CatalogImport,
    responses((status = OK, description = "What became of each row.", body = CatalogImported)),
)]
async fn admin_import_catalog(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<CatalogImport>,
) -> Answered<CatalogImported> {
    let mut sent = Sent::read(value.rows, too_many::CATALOG, &["/sku"], CatalogRow::read)?;
    let imported = engine.import_catalog(&call.request(&bytes), sent.take()).await?;
    Ok(Answer::plain(CatalogImported {
        results: sent.ends(imported).map(CatalogRowResult::from).collect(),
    }))
}

impl CatalogRow {
    fn read(self) -> Result<ImportRow, Problem> {
        let unreadable = |message| Problem::new(Class::Invalid, "catalog.unreadable_row", message);
        let price = self.price.map(|price| price.read()).transpose();
        let price = price.map_err(|message| unreadable(format!("price: {message}")))?;
        let status = self.status.map(|status| read_status(&status)).transpose();
        let status = status.map_err(|message| unreadable(format!("status: {message}")))?;
        Ok(ImportRow {
            row: self.row,
            sku: self.sku,
            title: self.title,
            price,
            tax_category: self.tax_category,
            weight_grams: self.weight_grams,
            image_url: self.image_url,
            categories: self.categories,
            status: status.map(Into::into),
            stock: self.stock,
        })
    }
}

fn read_status(name: &str) -> Result<ProductStatus, String> {
    match name {
        "draft" => Ok(ProductStatus::Draft),
        "active" => Ok(ProductStatus::Active),
        "archived" => Ok(ProductStatus::Archived),
        _ => Err("must be one of draft, active, archived".to_owned()),
    }
}

impl From<ImportedRow> for CatalogRowResult {
    fn from(imported: ImportedRow) -> Self {
        let RowEnd {
            outcome,
            error,
            message,
        } = imported.outcome.into();
        Self {
            row: imported.row,
            sku: imported.subject,
            outcome,
            error,
            message,
        }
    }
}
