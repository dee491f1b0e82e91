//! Who is at the other end: shoppers' sessions (section 8 of the semantics).
//!
//! A session knows its secret only by a digest and is never told apart from another by anything a shopper sends,
//! so that nothing stored lets anybody in.

mod command;
mod session;
#[cfg(test)]
mod tests;

pub use command::{
    AttachCart, AttachOpenedCart, EndSession, KeepRefusal, OpenSession, TakeCart, TouchSession,
};
pub use session::{Error, Event, Session, Timer};

/// The part of its lifetime that passes before a visit is written down: one in so many. A visit in between costs
/// nothing, and a session lives shorter by at most this.
pub const TOUCHES_PER_LIFETIME: u32 = 30;
/// How many characters of a user agent are kept.
pub const USER_AGENT_LENGTH_MAX: usize = 512;
