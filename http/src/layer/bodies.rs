//! How much of bodies is held at once. A connection that sends a large one and stops holds what it has sent until its
//! deadline; without a bound over all of them strangers fill the memory.

use super::end::STAFF;
use super::{BODY_BYTES_MAX, BODY_TOO_LARGE, STAFF_BODY_BYTES_MAX};
use crate::problem::Refused;
use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, EXPECT};
use cartwright_domain::Class;
use futures::StreamExt;
use futures::stream::{self, TryStreamExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bodies up to so many bytes are not counted: connections are.
const SMALL_BYTES: usize = 16 << 10;
/// How many bytes of larger ones are held at once, of those with a token and of all others.
const HELD_BYTES_MAX: usize = 64 << 20;
/// In units of how many bytes they are counted.
const UNIT_BYTES: usize = 1 << 10;

/// How much of a body that is refused is passed over, and for how long.
const PASSED_OVER_BYTES_MAX: usize = STAFF_BODY_BYTES_MAX;
const PASSED_OVER_TIME: Duration = Duration::from_secs(1);

/// Reads on what is refused, without keeping it: whoever still sends when the connection is closed is told of that and may
/// never read why. Who waits to be asked for the body is not asked.
pub(super) async fn pass_over(request: Request) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let mut left = PASSED_OVER_BYTES_MAX;
    let mut body = request.into_body().into_data_stream();
    let read = async {
        while let Some(Ok(bytes)) = body.next().await {
            match left.checked_sub(bytes.len()) {
                Some(fewer) => left = fewer,
                None => return,
            }
        }
    };
    // Whoever needs longer is cut off.
    drop(timeout(PASSED_OVER_TIME, read).await);
}

/// Returns the most bytes that a request's body may have.
pub(super) fn bytes_max(request: &Request) -> usize {
    match request.uri().path().starts_with(STAFF) {
        true => STAFF_BODY_BYTES_MAX,
        false => BODY_BYTES_MAX,
    }
}

/// Tells whether a request's body needs room, or may: nobody has said how long it is.
pub(super) fn is_large(request: &Request) -> bool {
    let size = request.body().size_hint().upper();
    size.is_none_or(|bytes| (SMALL_BYTES as u64) < bytes)
}

/// The room for bodies.
pub(super) struct Bodies {
    /// Of those with a token: one that is not valid is refused before its body is read.
    staff: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Default for Bodies {
    fn default() -> Self {
        let room = || Arc::new(Semaphore::new(HELD_BYTES_MAX / UNIT_BYTES));
        Self {
            staff: room(),
            others: room(),
        }
    }
}

impl Bodies {
    /// Takes the room that a request's body needs, until it is dropped; none where that is little. A body that does not say
    /// how long it is takes it as it comes.
    ///
    /// # Errors
    /// `request.too_large`, before any of it is read; `engine.overloaded`: so much is being read that there is no room.
    pub(super) fn room(&self, request: &mut Request) -> Result<Option<Room>, Refused> {
        if !is_large(request) {
            return Ok(None);
        }
        let of = match request.headers().contains_key(AUTHORIZATION) {
            true => &self.staff,
            false => &self.others,
        };
        let room = Room::of(of);
        match request.body().size_hint().exact() {
            Some(bytes) if (bytes_max(request) as u64) < bytes => {
                return Err(Refused::new(Class::TooLarge, "request.too_large", BODY_TOO_LARGE));
            }
            Some(bytes) => room.hold(usize::try_from(bytes).unwrap_or(usize::MAX))?,
            None => {
                let body = std::mem::take(request.body_mut());
                *request.body_mut() = as_it_comes(body, room.clone());
            }
        }
        Ok(Some(room))
    }
}

/// Gives what comes of a body room, and cuts it off where there is none.
fn as_it_comes(body: Body, room: Room) -> Body {
    let of = (body.into_data_stream(), room, 0);
    let pieces = stream::try_unfold(of, |(mut data, room, read)| async move {
        let Some(piece) = data.try_next().await? else {
            return Ok::<_, BoxError>(None);
        };
        let read = read + piece.len();
        room.hold(read)
            .map_err(|refused| refused.problem().message.clone())?;
        Ok(Some((piece, (data, room, read))))
    });
    Body::from_stream(pieces)
}

/// What one body holds of the room. Whoever has a part in it keeps it.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Held>);

#[derive(Debug)]
struct Held {
    of: Arc<Semaphore>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    permit: Option<OwnedSemaphorePermit>,
    /// Why no more could be taken.
    refused: Option<Refused>,
}

impl Room {
    fn of(of: &Arc<Semaphore>) -> Self {
        Self(Arc::new(Held {
            of: Arc::clone(of),
            taken: Mutex::default(),
        }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has it hold so many bytes in all.
    fn hold(&self, bytes: usize) -> Result<(), Refused> {
        if bytes <= SMALL_BYTES {
            return Ok(());
        }
        let mut taken = self.taken();
        let held = taken.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(UNIT_BYTES) - held).unwrap_or(u32::MAX);
        match Arc::clone(&self.0.of).try_acquire_many_owned(more) {
            Ok(more) => match &mut taken.permit {
                Some(permit) => permit.merge(more),
                none => *none = Some(more),
            },
            Err(_) => {
                let message =
                    "so many large bodies are being read that there is no room for another; send it again";
                let refused = Refused::new(Class::Unavailable, "engine.overloaded", message);
                taken.refused = Some(refused.clone());
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Returns why a body was cut off, if it was: what was made of its beginning is no answer.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.taken().refused.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::response::IntoResponse;
    use futures::stream;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    fn request(body: Body, token: bool) -> Request {
        let mut request = Request::new(body);
        if token {
            let token = "Bearer x".parse().expect("it is a header's value");
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        request
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_read_on_for_a_while_and_so_far_unless_it_waits_to_be_asked_for() {
        const PIECE: usize = 64 << 10;
        async fn check(pieces: usize, stops: bool, expects: bool, read: usize, waited: Duration) {
            let taken = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&taken);
            let sent = stream::iter(0..pieces).map(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(vec![0; PIECE])
            });
            let rest = match stops {
                true => stream::pending().left_stream(),
                false => stream::empty().right_stream(),
            };
            let mut request = request(Body::from_stream(sent.chain(rest)), false);
            if expects {
                let asked = "100-continue".parse().expect("it is a header's value");
                request.headers_mut().insert(EXPECT, asked);
            }
            let began = Instant::now();
            pass_over(request).await;
            assert_eq!((taken.load(Ordering::Relaxed), began.elapsed()), (read, waited));
        }
        let none = Duration::ZERO;
        check(20, false, false, 20, none).await;
        check(20, false, true, 0, none).await;
        check(20, true, false, 20, PASSED_OVER_TIME).await;
        // The piece with which it is too much is the last.
        let most = PASSED_OVER_BYTES_MAX / PIECE + 1;
        check(2 * most, false, false, most, none).await;
    }

    #[test]
    fn large_bodies_have_so_much_room_and_small_ones_need_none() {
        let bodies = Bodies::default();
        let room = |body: Body, token| bodies.room(&mut request(body, token));
        let large = |token| room(vec![0; BODY_BYTES_MAX].into(), token);
        let too_large =
            room(vec![0; BODY_BYTES_MAX + 1].into(), false).expect_err("it is more than it may be");
        assert_eq!(too_large.into_response().status(), 413);
        let mut held: Vec<_> = (0..HELD_BYTES_MAX / BODY_BYTES_MAX)
            .map(|_| large(false).expect("there is room").expect("it is needed"))
            .collect();
        assert!(large(false).is_err());
        assert!(large(true).expect("staff have room of their own").is_some());
        for small in [0, SMALL_BYTES] {
            let room = room(vec![0; small].into(), false);
            assert!(room.expect("it needs none").is_none());
        }
        drop(held.pop());
        assert!(large(false).is_ok_and(|room| room.is_some()));
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_how_long_it_is_takes_room_as_it_comes() {
        const PIECE: usize = SMALL_BYTES / 2;
        let bodies = Bodies::default();
        let left = || bodies.others.available_permits() * UNIT_BYTES;
        let sent = |pieces: usize| {
            let pieces = stream::iter(0..pieces).map(|_| Ok::<_, std::io::Error>(vec![0; PIECE]));
            request(Body::from_stream(pieces), false)
        };
        for (pieces, taken) in [(1, 0), (2, 0), (3, 3 * PIECE), (9, 9 * PIECE)] {
            let mut request = sent(pieces);
            let room = bodies.room(&mut request).expect("there is room");
            let read = to_bytes(request.into_body(), usize::MAX)
                .await
                .expect("it is read");
            assert_eq!((read.len(), HELD_BYTES_MAX - left()), (pieces * PIECE, taken));
            assert!(room.is_some_and(|room| room.refused().is_none()));
            assert_eq!(left(), HELD_BYTES_MAX);
        }
        // Small ones come through where there is none; a large one is cut off, and told why.
        let all = u32::try_from(HELD_BYTES_MAX / UNIT_BYTES).expect("a small number");
        let _all = bodies.others.acquire_many(all).await;
        for (pieces, is_refused) in [(2, false), (3, true)] {
            let mut request = sent(pieces);
            let room = bodies.room(&mut request).expect("none is needed yet");
            let read = to_bytes(request.into_body(), usize::MAX).await;
            assert_eq!(read.is_err(), is_refused);
            let refused = room.and_then(|room| room.refused());
            let status = refused.map(|refused| refused.into_response().status().as_u16());
            assert_eq!(status, is_refused.then_some(503));
        }
    }
}
