//! Everything a change needs besides its command, in one extractor.

use super::{Access, Anyone, IdempotencyKey, IfMatch, StaffOnly};
use crate::{
    layer::{Deadline, REQUEST_TIMEOUT},
    problem::Refused,
};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{Method, request::Parts},
};
use cartwright_actors::new_seed;
use cartwright_actors::request::{Idempotency, Request};
use cartwright_actors::runtime::Receipts;
use cartwright_domain::id::SessionId;
use cartwright_domain::{Caller, Revision, Seed};
use std::sync::Arc;
use tokio::time::Instant;

/// A request, apart from what it asks for.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The request's randomness, drawn here once. It is secret: order tokens come from it.
    pub seed: Seed,
    /// When nobody waits any more, and whether what it has begun goes on then.
    pub deadline: Deadline,
    /// The version the caller expects.
    pub if_match: Option<Revision>,
    keyed: Option<Box<Keyed>>,
    is_shown: bool,
}

/// The method that honours an idempotency key.
const KEYED: Method = Method::POST;

/// The idempotency key of a request, whose it is, and the request's path.
#[derive(Clone, Debug)]
struct Keyed {
    caller: Arc<Caller>,
    key: String,
    path: String,
}

impl Call {
    /// Returns what a use case is told of this request. A repeat under the same key is told from another request by
    /// method, path and body.
    pub fn request(&self, body: &[u8]) -> Request {
        let fingerprint =
            |path: &str| Receipts::fingerprint(&[KEYED.as_str().as_bytes(), path.as_bytes(), body]);
        Request {
            caller: Arc::clone(&self.caller),
            seed: self.seed,
            deadline: self.deadline.at,
            goes_on: self.deadline.goes_on,
            if_match: self.if_match,
            idempotency: self.keyed.as_deref().map(|keyed| Idempotency {
                caller: Arc::clone(&keyed.caller),
                key: keyed.key.clone(),
                fingerprint: fingerprint(&keyed.path),
            }),
            is_shown: self.is_shown,
        }
    }

    /// Returns the call as made by the session that was opened for it just now. So is its key, since its answer sets the
    /// cookie with which it may be repeated; that of staff stays theirs.
    #[must_use]
    pub fn in_new_session(self, session: SessionId) -> Self {
        let caller = Caller {
            session: Some(session),
            ..Caller::clone(&self.caller)
        };
        let caller = Arc::new(caller);
        let keyed = self.keyed.map(|mut keyed| {
            if !caller.is_staff() {
                keyed.caller = Arc::clone(&caller);
            }
            keyed
        });
        Self {
            caller,
            keyed,
            ..self
        }
    }
}

/// A [`Call`] by a member of staff.
#[derive(Clone, Debug)]
pub struct StaffCall(pub Call);

impl<S> FromRequestParts<S> for Call
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Anyone(caller) = Anyone::from_request_parts(parts, state).await?;
        let IfMatch(if_match) = IfMatch::from_request_parts(parts, state).await?;
        let IdempotencyKey(key) = match parts.method {
            KEYED => IdempotencyKey::from_request_parts(parts, state).await?,
            _ => IdempotencyKey(None),
        };
        let keyed = key.map(|key| {
            Box::new(Keyed {
                caller: Arc::clone(&caller),
                key,
                path: parts.uri.path().to_owned(),
            })
        });
        let deadline = parts.extensions.get::<Deadline>().copied();
        Ok(Self {
            caller,
            seed: new_seed(),
            deadline: deadline.unwrap_or_else(|| Deadline {
                at: Instant::now() + REQUEST_TIMEOUT,
                goes_on: false,
            }),
            if_match,
            keyed,
            is_shown: parts.method != Method::HEAD,
        })
    }
}

impl<S> FromRequestParts<S> for StaffCall
where
    Access: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        StaffOnly::from_request_parts(parts, state).await?;
        let mut call = Call::from_request_parts(parts, state).await?;
        // A browser's session comes along and goes: what staff do is no business of it, and their key is the same.
        if let Some(keyed) = &mut call.keyed {
            keyed.caller = Arc::new(Caller {
                session: None,
                ..Caller::clone(&keyed.caller)
            });
        }
        Ok(Self(call))
    }
}
