//! Routes of the settings for staff.

use super::dto::{Settings, SettingsChange};
use crate::answer::{Answer, Answered};
use crate::dto::IfMatchHeader;
use crate::extract::{Changes, Json, StaffCall, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_show_settings, admin_update_settings))
}

/// Shows the store's settings.
#[utoipa::path(
    get, path = "/api/v1/admin/settings", tag = "admin: settings",
    responses((status = OK, description = "The settings.", body = Settings)),
)]
async fn admin_show_settings(State(engine): State<Engine>, _: StaffOnly) -> Answered<Settings> {
    let settings = engine.settings().await?;
    Ok(Answer::entity(Settings::from(&settings)))
}

/// Changes the store's settings, all of the named ones or none.
#[utoipa::path(
    patch, path = "/api/v1/admin/settings", tag = "admin: settings", params(IfMatchHeader),
    request_body = SettingsChange,
    responses((status = OK, description = "The settings.", body = Settings)),
)]
async fn admin_update_settings(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Changes(Json { value, bytes }): Changes<SettingsChange>,
) -> Answered<Settings> {
    let done = engine
        .update_settings(&call.request(&bytes), value.into())
        .await?;
    Ok(Answer::done(done.map(|settings| Settings::from(&settings))))
}
