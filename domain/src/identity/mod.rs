//! Who is at the other end: shoppers' sessions (section 8 of the semantics).
//!
//! A session knows its secret only by a digest and is never told apart from another by anything a shopper sends,
//! so that nothing stored lets anybody in.

mod command;
mod session;
#[cfg(test)]
mod tests;

pub use command::{AttachCart, EndSession, OpenSession, TouchSession};
pub use session::{Error, Event, Session, Timer};

use std::time::Duration;

/// How long a session lives after its last visit.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How much of the lifetime passes before a visit is written down. A visit in between costs nothing, and a session
/// lives shorter by at most this.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// How many characters of a user agent are kept.
pub const USER_AGENT_LENGTH_MAX: usize = 512;
