//! What handlers take from a request, checked. Every refusal is a problem with a stable code.

mod call;
mod caller;
mod change;
pub(crate) mod cookie;
mod headers;
mod json;
mod objects;
mod page;
mod path;
mod query;
mod rows;
#[cfg(test)]
mod tests;
mod wording;

pub use call::{Call, StaffCall};
pub use caller::{Access, Anyone, FoundSession, Sessions, StaffOnly};
pub(crate) use change::{Change, Changes, Null};
pub use cookie::{SESSION_COOKIE, SessionCookie};
pub(crate) use headers::PREFERENCE_APPLIED;
pub use headers::{
    IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_LENGTH_MAX, IDEMPOTENT_REPLAYED, IdempotencyKey, IfMatch, PREFER,
    Prefer, RequiredIdempotencyKey, UserAgent, etag,
};
pub(crate) use json::malformed;
pub use json::{Json, Unread};
pub(crate) use objects::Objects;
pub use page::{Page, PageQuery};
pub use path::{AnyId, Id, Name, entity_id, id_of};
pub use query::Params;
pub(crate) use rows::{Rows, SentRow};
pub(crate) use wording::plain;
