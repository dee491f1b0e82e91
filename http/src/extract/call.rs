//! Everything a change needs besides its command, in one extractor.

use super::{Access, Anyone, IdempotencyKey, IfMatch, StaffOnly};
use crate::{
    layer::{Deadline, REQUEST_TIMEOUT},
    problem::Refused,
};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use cartwright_actors::runtime::{Ask, Receipts};
use cartwright_domain::{Caller, Revision, Seed};
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// A request, apart from what it asks for.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The request's randomness, drawn here once. It is secret: order tokens come from it.
    pub seed: Seed,
    /// When nobody waits any more.
    pub deadline: Instant,
    /// The version the caller expects.
    pub if_match: Option<Revision>,
    /// The idempotency key. Only POST honours one.
    pub key: Option<String>,
    method: String,
    path: String,
}

impl Call {
    /// Returns an ask without an idempotency ticket; see [`Ask::ticket`].
    pub fn ask(&self) -> Ask {
        Ask::external(Arc::clone(&self.caller), self.seed, self.deadline).if_match(self.if_match)
    }

    /// Returns the digest by which a repeat under the same key is told from another request: method, path and body.
    pub fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        Receipts::fingerprint(&[self.method.as_bytes(), self.path.as_bytes(), body])
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
            axum::http::Method::POST => IdempotencyKey::from_request_parts(parts, state).await?,
            _ => IdempotencyKey(None),
        };
        let deadline = parts
            .extensions
            .get::<Deadline>()
            .map(|Deadline(deadline)| *deadline);
        Ok(Self {
            caller,
            seed: Seed(Uuid::new_v4()),
            deadline: deadline.unwrap_or_else(|| Instant::now() + REQUEST_TIMEOUT),
            if_match,
            key,
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
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
        Call::from_request_parts(parts, state).await.map(Self)
    }
}
