//! Price lists, for staff.

use crate::answer::{Answer, Answered, gone, versioned};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List, Time, nullable};
use crate::extract::{Change, Changes, Id, Json, Null, Page, PageQuery, StaffCall, StaffOnly};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::{Engine, Shown};
use cartwright_domain::catalog;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_price_lists, admin_create_price_list))
        .routes(routes!(
            admin_show_price_list,
            admin_update_price_list,
            admin_delete_price_list
        ))
}

/// For whom and when other prices hold. What variants cost by it stands with them, in `list_prices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct PriceList {
    /// Its id.
    #[schema(example = "plist_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// What staff call it.
    name: String,
    /// Higher ones count before others.
    priority: i32,
    /// The customer groups it is for; everybody where there is none.
    #[schema(example = json!(["trade"]))]
    groups: Vec<String>,
    /// From when on it holds; from ever when absent.
    valid_from: Option<Time>,
    /// When it no longer holds.
    valid_until: Option<Time>,
    /// Is it switched on?
    enabled: bool,
    /// When it was made.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// A price list to be made, or changes to one: then, what is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(super) struct PriceListInput {
    /// What staff call it.
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    /// Higher ones count before others; of equal ones a list for groups before one for everybody, then the older. 0
    /// when absent.
    priority: Option<i32>,
    /// The customer groups it is for; everybody when there is none.
    groups: Option<Vec<String>>,
    /// From when on it holds. A date is its first instant in UTC.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Time>)]
    valid_from: Option<Option<Time>>,
    /// When it no longer holds.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Time>)]
    valid_until: Option<Option<Time>>,
    /// Is it switched on? It is when absent.
    enabled: Option<bool>,
}

versioned!(PriceList);

impl From<&Shown<catalog::PriceList>> for PriceList {
    fn from(shown: &Shown<catalog::PriceList>) -> Self {
        let list = &shown.state;
        Self {
            id: list.id.to_string(),
            name: list.name.clone(),
            priority: list.priority,
            groups: list.groups.iter().map(ToString::to_string).collect(),
            valid_from: list.validity.from.map(Time),
            valid_until: list.validity.until.map(Time),
            enabled: list.enabled,
            created_at: list.created_at.into(),
            version: shown.revision.0,
        }
    }
}

impl Change for PriceListInput {
    fn null(field: &str) -> Null {
        match field {
            "name" => Null::Refused,
            "priority" => Null::Becomes(json!(0)),
            "groups" => Null::Becomes(json!([])),
            "enabled" => Null::Becomes(json!(true)),
            _ => Null::Read,
        }
    }
}

impl From<PriceListInput> for catalog::PriceListDraft {
    fn from(input: PriceListInput) -> Self {
        let time = |time: Option<Time>| time.map(|Time(at)| at);
        Self {
            name: input.name,
            priority: input.priority,
            groups: input.groups,
            valid_from: input.valid_from.map(time),
            valid_until: input.valid_until.map(time),
            enabled: input.enabled,
        }
    }
}

/// Lists price lists by name.
#[utoipa::path(
    get, path = "/api/v1/admin/price-lists", tag = "admin: catalog", params(PageQuery),
    responses((status = OK, description = "A page of price lists.", body = List<PriceList>)),
)]
async fn admin_list_price_lists(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<PriceList>> {
    let found = engine.price_lists(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a price list.
///
/// A name is needed. What variants cost by it is set on them, in `list_prices`.
#[utoipa::path(
    post, path = "/api/v1/admin/price-lists", tag = "admin: catalog",
    params(IdempotencyKeyHeader), request_body = PriceListInput,
    responses((status = CREATED, description = "The price list.", body = PriceList)),
)]
async fn admin_create_price_list(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<PriceListInput>,
) -> Answered<PriceList> {
    let done = engine
        .create_price_list(&call.request(&bytes), value.into())
        .await?;
    let list = done.map(|list| PriceList::from(&list));
    let location = format!("/api/v1/admin/price-lists/{}", list.value.id);
    Ok(Answer::done(list).created(location))
}

/// Shows a price list.
#[utoipa::path(
    get, path = "/api/v1/admin/price-lists/{list}", tag = "admin: catalog",
    params(("list" = String, Path, description = "The price list's id.")),
    responses((status = OK, description = "The price list.", body = PriceList)),
)]
async fn admin_show_price_list(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<catalog::PriceList>,
) -> Answered<PriceList> {
    let list = engine.price_list(id).await?;
    Ok(Answer::entity(PriceList::from(&list)))
}

/// Changes a price list.
///
/// Carts follow from their next read; placed orders keep their prices.
#[utoipa::path(
    patch, path = "/api/v1/admin/price-lists/{list}", tag = "admin: catalog",
    params(("list" = String, Path, description = "The price list's id."), IfMatchHeader),
    request_body = PriceListInput,
    responses((status = OK, description = "The price list.", body = PriceList)),
)]
async fn admin_update_price_list(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::PriceList>,
    Changes(Json { value, bytes }): Changes<PriceListInput>,
) -> Answered<PriceList> {
    let done = engine
        .update_price_list(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|list| PriceList::from(&list))))
}

/// Deletes a price list.
///
/// Prices by it that variants still have count for nothing.
#[utoipa::path(
    delete, path = "/api/v1/admin/price-lists/{list}", tag = "admin: catalog",
    params(("list" = String, Path, description = "The price list's id."), IfMatchHeader),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn admin_delete_price_list(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::PriceList>,
) -> Result<Response, Refused> {
    let done = engine.delete_price_list(&call.request(&[]), id).await?;
    Ok(gone(&done))
}
