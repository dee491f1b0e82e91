//! Sessions: the shopper behind a cookie.

mod dto;
mod shop;

pub(crate) use shop::routes;

use crate::extract::{Call, FoundSession, SessionCookie, Sessions, UserAgent};
use crate::problem::Refused;
use cartwright_actors::request::Request;
use cartwright_actors::{Engine, new_seed};
use cartwright_domain::{Problem, Timestamp};
use futures::future::BoxFuture;
use std::time::Duration;

/// How long looking a session up may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// As long as this after a visit was noted the browser's cookie is renewed, too: the answer that does it first may be late,
/// or be lost.
const JUST_NOTED: Duration = Duration::from_secs(60);

/// Finds sessions through the engine.
pub(crate) struct EngineSessions(pub(crate) Engine);

impl Sessions for EngineSessions {
    fn find<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<Option<FoundSession>, Problem>> {
        Box::pin(async move {
            let request = Request::internal("session", new_seed(), PATIENCE);
            let found = self.0.session_of_cookie(cookie, &request).await;
            let Some(session) = found.map_err(|refused| refused.problem)? else {
                return Ok(None);
            };
            let now = self.0.now();
            let (opened, seen) = (session.state.created_at(), session.state.last_seen());
            Ok(Some(FoundSession {
                id: session.id,
                renew: (opened < seen && now.since(seen) < JUST_NOTED).then(|| session.state.lifetime()),
            }))
        })
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Returns the call in the caller's session; where there is none, one is opened and its cookie is set.
pub(crate) async fn in_session(
    engine: &Engine,
    call: Call,
    cookie: &SessionCookie,
    browser: &UserAgent,
) -> Result<Call, Refused> {
    if call.caller.session.is_some() {
        return Ok(call);
    }
    let request = call.request(&[]);
    // In a box: most callers have a session, and all would have room for opening one.
    let opened = Box::pin(engine.open_session(&request, browser.text()));
    let opened = opened.await?.value;
    cookie.set(opened.cookie, opened.session.state.lifetime());
    Ok(call.in_new_session(opened.session.id))
}
