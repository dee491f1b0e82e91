//! Changes by staff go to their end, also where whoever asked hangs up or is answered in the handler's place: many of them
//! are several commits, and others wait meanwhile for their turn to decide on the same.

use super::panic;
use crate::problem::Refused;
use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use cartwright_domain::Class;
use futures::stream::{self, TryStreamExt};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout_at};

/// How many changes by staff may be under way, those among them that nobody waits for any more.
const UNDER_WAY_MAX: u32 = 4_096;

/// What the paths of staff's routes begin with.
pub(super) const STAFF: &str = "/api/v1/admin/";

/// Tells whether a request must come to its end once it was begun.
pub(super) fn is_owed(request: &Request) -> bool {
    // Staff say who they are on the shop's routes as well.
    let is_staff =
        || request.uri().path().starts_with(STAFF) || request.headers().contains_key(AUTHORIZATION);
    !request.method().is_safe() && is_staff()
}

/// Cuts a body off that has not come to its end by then: what half a request asks for has not begun, and is nothing that goes
/// to its end.
pub(super) fn in_time(body: Body, deadline: Instant) -> Body {
    let data = stream::try_unfold(body.into_data_stream(), move |mut data| async move {
        let next = timeout_at(deadline, data.try_next()).await??;
        Ok::<_, BoxError>(next.map(|piece| (piece, data)))
    });
    Body::from_stream(data)
}

/// The changes that are under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWay(Arc<Semaphore>);

impl Default for UnderWay {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNDER_WAY_MAX as usize)))
    }
}

impl UnderWay {
    /// Lets a handler come to its end, whether or not its answer is waited for.
    pub(super) async fn reach(self, answer: impl Future<Output = Response> + Send + 'static) -> Response {
        let Ok(permit) = self.0.try_acquire_owned() else {
            let message =
                "as many changes by staff are under way as may be, those that were given up among them";
            return Refused::new(Class::Unavailable, "engine.overloaded", message).into_response();
        };
        let answer = async move {
            let answer = answer.await;
            drop(permit);
            answer
        };
        // It fails only where the process ends.
        let ended = |error: JoinError| panic::refuse(Box::new(error.to_string()));
        tokio::spawn(answer).await.unwrap_or_else(ended)
    }

    /// Resolves when none is under way any more. None begins from then on.
    pub(super) async fn ended(&self) {
        if let Ok(all) = self.0.acquire_many(UNDER_WAY_MAX).await {
            all.forget();
        }
    }
}
