//! Routes of the shopper's session.

use super::dto::Session;
use crate::answer::{Answer, Answered, gone};
use crate::dto::IfMatchHeader;
use crate::extract::{Call, SessionCookie, UserAgent};
use crate::problem::{Document, MEDIA_TYPE, Refused};
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::Engine;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the caller's session lies.
const LOCATION: &str = "/api/v1/session";

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(open_session, show_session, end_session))
}

/// Opens a session and sets its cookie.
///
/// Carts open one by themselves; this is for storefronts that want it before. The caller's earlier session, if any,
/// stays as it is and is left behind.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session",
    responses((status = CREATED, description = "The session; its cookie is in `Set-Cookie`.", body = Session)),
)]
async fn open_session(
    State(engine): State<Engine>,
    call: Call,
    cookie: SessionCookie,
    browser: UserAgent,
) -> Answered<Session> {
    let opened = engine
        .open_session(&call.request(&[]), browser.text())
        .await?
        .value;
    cookie.set(opened.cookie, opened.session.state.lifetime());
    Ok(Answer::entity(Session::from(&opened.session)).created(LOCATION.to_owned()))
}

/// Shows the caller's session.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session",
    responses(
        (status = OK, description = "The session.", body = Session),
        (status = NOT_FOUND, description = "The caller has none.", body = Document, content_type = MEDIA_TYPE),
    ),
)]
async fn show_session(State(engine): State<Engine>, call: Call) -> Answered<Session> {
    let session = engine.session(&call.request(&[])).await?;
    Ok(Answer::entity(Session::from(&session)))
}

/// Ends the caller's session.
///
/// Its cart stays, and nobody can reach it any more.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session", params(IfMatchHeader),
    responses(
        (status = NO_CONTENT, description = "It is over; the cookie is taken away."),
        (status = NOT_FOUND, description = "The caller has none.", body = Document, content_type = MEDIA_TYPE),
    ),
)]
async fn end_session(
    State(engine): State<Engine>,
    call: Call,
    cookie: SessionCookie,
) -> Result<Response, Refused> {
    let done = engine.end_session(&call.request(&[])).await?;
    cookie.clear();
    Ok(gone(&done))
}
