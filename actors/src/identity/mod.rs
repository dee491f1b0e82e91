//! Use cases of sessions: a cookie in, a session out.
//!
//! A cookie is the session's id and a secret. The engine keeps only the secret's digest.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone, shown};
use crate::request::{Done, Outcome, Refused, Request};
use aws_lc_rs::digest;
use cartwright_domain::id::SessionId;
use cartwright_domain::identity::{EndSession, OpenSession, Session, TouchSession};
use cartwright_domain::{Class, Problem};

/// A session that was just opened, and the only copy of its cookie.
#[derive(Clone, Debug)]
pub struct OpenedSession {
    /// The session.
    pub session: Shown<Session>,
    /// The cookie's value.
    pub cookie: String,
}

impl Engine {
    /// Opens a session for a shopper.
    ///
    /// # Errors
    /// Overload, or a fault of the store.
    pub async fn open_session(
        &self,
        request: &Request,
        user_agent: Option<String>,
    ) -> Outcome<OpenedSession> {
        let id: SessionId = self.draw(request, None);
        let secret = request.seed.secret("session");
        let lifetime = self.settings().await?.state.lifetimes.session;
        let command = OpenSession {
            secret_digest: digest_of(&secret),
            user_agent,
            lifetime,
        };
        let answer = self
            .kinds()
            .sessions
            .create(id, command, request.ask().if_match(None).fresh())
            .await?;
        let session = shown(answer)?.value;
        Ok(Done::fresh(OpenedSession {
            session,
            cookie: format!("{id}.{secret}"),
        }))
    }

    /// Returns the live session a cookie belongs to, and notes the visit. A cookie that opens nothing is none.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn session_of_cookie(
        &self,
        cookie: &str,
        request: &Request,
    ) -> Result<Option<Shown<Session>>, Refused> {
        let Some((id, secret)) = cookie.split_once('.') else {
            return Ok(None);
        };
        let Ok(id) = id.parse::<SessionId>() else {
            return Ok(None);
        };
        let Some(session) = self.kinds().sessions.read(id).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let now = self.now();
        if !session.state.has_secret(&digest_of(secret)) || session.state.is_expired(now) {
            return Ok(None);
        }
        if session.state.is_touch_due(now) {
            // A visit that cannot be noted is still a visit.
            if let Ok(answer) = self
                .kinds()
                .sessions
                .ask(id, TouchSession, request.ask().if_match(None))
                .await
            {
                return Ok(answer.state.or(Some(session)));
            }
        }
        Ok(Some(session))
    }

    /// Shows the caller's session.
    ///
    /// # Errors
    /// `session.not_found` without one.
    pub async fn session(&self, request: &Request) -> Result<Shown<Session>, Refused> {
        let id = request.caller.session.ok_or_else(gone::<Session>)?;
        self.kinds()
            .sessions
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Session>)
    }

    /// Ends the caller's session. Its cart stays, and nobody can reach it any more.
    ///
    /// # Errors
    /// `session.not_found` without one.
    pub async fn end_session(&self, request: &Request) -> Outcome<()> {
        let id = request.caller.session.ok_or_else(gone::<Session>)?;
        let answer = self.kinds().sessions.ask(id, EndSession, request.ask()).await?;
        Ok(Done {
            value: (),
            replayed: answer.replayed,
        })
    }

    /// Returns the caller's session, which a use case needs.
    pub(crate) fn require_session(request: &Request) -> Result<SessionId, Refused> {
        request.caller.session.ok_or_else(|| {
            let message = "this needs a session; open one with POST /api/v1/session and send its cookie";
            Refused::from(Problem::new(Class::Unauthenticated, "session.required", message))
        })
    }
}

fn digest_of(secret: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    bytes
}
