//! Who asks: the session of the cookie, the staff member of the token.
//!
//! With both in one request, ownership comes from the cookie and permission from the token.

use super::cookie::{self, SessionCookie};
use crate::{auth::StaffKeys, problem::Refused};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use cartwright_domain::{
    Caller, Class, Problem, Timestamp,
    caller::{Role, Staff},
    id::SessionId,
};
use futures::future::BoxFuture;
use std::{sync::Arc, time::Duration};

/// Finds the session behind a cookie.
pub trait Sessions: Send + Sync + 'static {
    /// Returns the session, unless it is unknown or over.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn find<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<Option<FoundSession>, Problem>>;

    /// Returns the engine's time, by which tokens expire.
    fn now(&self) -> Timestamp;
}

/// A session that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSession {
    /// Which.
    pub id: SessionId,
    /// For how long the browser's cookie is to be renewed with this answer. Not with every one: it costs bytes.
    pub renew: Option<Duration>,
}

/// What the extractors need to know who asks. Part of the router's state. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Known>);

struct Known {
    sessions: Box<dyn Sessions>,
    staff: Arc<StaffKeys>,
}

impl Access {
    /// Finds sessions by the first, and checks staff tokens by the second.
    pub fn new(sessions: impl Sessions, staff: Arc<StaffKeys>) -> Self {
        let sessions = Box::new(sessions);
        Self(Arc::new(Known { sessions, staff }))
    }
}

/// Whoever asks, with or without a session or a token. A token that is not valid is refused even where none is
/// needed.
#[derive(Clone, Debug)]
pub struct Anyone(pub Arc<Caller>);

/// A member of staff. Everybody else is refused.
#[derive(Clone, Debug)]
pub struct StaffOnly(pub Arc<Caller>);

impl<S> FromRequestParts<S> for Anyone
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        // Several extractors of one handler may ask.
        if let Some(caller) = parts.extensions.get::<Arc<Caller>>() {
            return Ok(Self(Arc::clone(caller)));
        }
        let Access(known) = Access::from_ref(state);
        let staff = match bearer(&parts.headers)? {
            Some(token) => Some(staff(&known, token)?),
            None => None,
        };
        let mut session = None;
        for value in cookie::sessions(&parts.headers) {
            if let Some(found) = known.sessions.find(value).await? {
                session = Some((found, value.to_owned()));
                break;
            }
        }
        if let Some((found, value)) = &session
            && let Some(lifetime) = found.renew
            && let Some(cookie) = parts.extensions.get::<SessionCookie>()
        {
            cookie.set(value.clone(), lifetime);
        }
        let session = session.map(|(found, _)| found.id);
        let caller = Arc::new(Caller {
            session,
            staff,
            engine: None,
        });
        parts.extensions.insert(Arc::clone(&caller));
        Ok(Self(caller))
    }
}

impl<S> FromRequestParts<S> for StaffOnly
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Anyone(caller) = Anyone::from_request_parts(parts, state).await?;
        match &caller.staff {
            Some(Staff {
                role: Role::Admin, ..
            }) => Ok(Self(caller)),
            None => Err(unauthenticated(
                "auth.token_required",
                "this needs a staff token in the header Authorization",
            )),
        }
    }
}

fn staff(known: &Known, token: &str) -> Result<Staff, Refused> {
    let verified = known.staff.verify(token, known.sessions.now());
    verified.map_err(|refused| unauthenticated(refused.code(), &refused.to_string()))
}

/// Returns the token behind `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let message = "the header Authorization stands there twice; who asks has one token";
        return Err(unauthenticated("auth.not_bearer", message));
    }
    let value = value.to_str().unwrap_or_default();
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        let message = "the header Authorization must have the form Bearer and a token";
        return Err(unauthenticated("auth.not_bearer", message));
    };
    Ok(Some(token.trim()))
}

fn unauthenticated(code: &str, message: &str) -> Refused {
    Refused::new(Class::Unauthenticated, code, message)
}
