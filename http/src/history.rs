//! What has become of an entity, for staff.

use crate::answer::{Answer, Answered};
use crate::dto::{List, Time};
use crate::extract::{AnyId, Page, PageQuery, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::history;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_show_history))
}

/// Shows what has become of anything that has an id: each change as it was recorded, by whom, for whom and when, the
/// newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/history/{id}", tag = "admin: history",
    params(("id" = String, Path, description = "The id of a cart, an order, a stock item or whatever else."), PageQuery),
    responses((status = OK, description = "A page of changes.", body = List<Change>)),
)]
async fn admin_show_history(
    State(engine): State<Engine>,
    _: StaffOnly,
    AnyId(entity): AnyId,
    Page(page): Page,
) -> Answered<List<Change>> {
    let found = engine.history(entity, page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// One change, as it became durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Change {
    /// The version after it.
    version: u64,
    /// When it was recorded.
    recorded_at: Time,
    /// What happened, in order.
    events: Vec<Event>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Event {
    /// What it is called.
    #[schema(example = "cart.line_added")]
    name: String,
    /// When.
    at: Time,
    /// Who did it: a session, a customer, a member of the staff, or a part of the engine.
    #[schema(example = "staff:admin")]
    by: String,
    /// What it says besides, which differs with the name, as the engine keeps it: times are milliseconds since 1970, and
    /// unit prices millionths of the currency.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<&history::Change> for Change {
    fn from(change: &history::Change) -> Self {
        Self {
            version: change.revision.0,
            recorded_at: change.at.into(),
            events: change.events.iter().map(Event::from).collect(),
        }
    }
}

impl From<&history::Happened> for Event {
    fn from(happened: &history::Happened) -> Self {
        Self {
            name: happened.name.clone(),
            at: happened.at.into(),
            by: happened.by.clone(),
            data: happened.data.clone(),
        }
    }
}
