//! The route of the bulk import of price lists: many prices in one call, each with an outcome of its own.

use super::price_lists::PriceListInput;
use crate::answer::{Answer, Answered};
use crate::dto::{Imported, PriceInput, Sent, unreadable};
use crate::extract::{Json, Rows, SentRow, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::catalog::ListPriceRow;
use cartwright_actors::import::too_many;
use cartwright_domain::Problem;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_import_price_lists))
}

/// Rows of price lists.
#[derive(Debug, Deserialize, ToSchema)]
struct PriceListImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<PriceListImportRow>)]
    rows: Rows,
}

/// One row: what one variant costs by one list, from a quantity on. The list is made where there is none of its name.
#[derive(Debug, Deserialize, ToSchema)]
struct PriceListImportRow {
    /// The row's number, for the report.
    row: u64,
    /// The list, found by its name. What else is absent is as an earlier row of the call says, or else stays as it is, or
    /// gets the default.
    price_list: PriceListInput,
    /// Which variant it is.
    sku: String,
    /// From how many units of a line on; 1 when absent.
    from_quantity: Option<u32>,
    /// What each of them then costs.
    price: PriceInput,
}

impl PriceListImportRow {
    fn read(self) -> Result<ListPriceRow, Problem> {
        let price = self.price.read();
        let price = price.map_err(|message| unreadable(format!("price: {message}")))?;
        Ok(ListPriceRow {
            row: self.row,
            list: self.price_list.into(),
            sku: self.sku,
            from_quantity: self.from_quantity.unwrap_or(1),
            price,
        })
    }
}

/// Imports prices by lists.
///
/// A price of the same list, currency and quantity is replaced. A second run of the same rows changes nothing, and a
/// row that is refused refuses no other. What a row says of its list, such as for whom it is, holds for the later ones of
/// the call that leave it out, also where the row itself is refused.
#[utoipa::path(
    post, path = "/api/v1/admin/price-lists/import", tag = "admin: catalog", request_body = PriceListImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_price_lists(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { mut value, bytes }: Json<PriceListImport>,
) -> Answered<Imported> {
    say_in_each(&mut value.rows.kept);
    let mut sent = Sent::read(value.rows, too_many::CATALOG, &["/sku"], PriceListImportRow::read)?;
    let imported = engine
        .import_price_lists(&call.request(&bytes), sent.take())
        .await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}

/// Says in each row what earlier ones say of its list and it leaves out, those among them that are refused: else the next
/// row would make a list for everybody. Where it is not clear what an earlier row says, the later ones are refused with it.
fn say_in_each(rows: &mut [SentRow]) {
    let mut said: HashMap<String, (Map<String, Value>, Option<String>)> = HashMap::new();
    for row in rows {
        let list = row.value.get_mut("price_list").and_then(Value::as_object_mut);
        let Some(list) = list else { continue };
        let Some(name) = list.get("name").and_then(Value::as_str) else {
            continue;
        };
        let (before, unclear) = said.entry(name.trim().to_owned()).or_default();
        for (field, value) in before.iter() {
            let said = list.entry(field).or_insert(Value::Null);
            if said.is_null() {
                said.clone_from(value);
            }
        }
        before.clone_from(list);
        let of_list = |field: &&String| field.starts_with("price_list");
        *unclear = unclear
            .take()
            .or_else(|| row.twice.as_ref().filter(of_list).cloned());
        row.twice = row.twice.take().or_else(|| unclear.clone());
    }
}
