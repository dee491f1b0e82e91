//! Sessions on the wire.

use crate::answer::versioned;
use crate::dto::Time;
use cartwright_actors::Shown;
use cartwright_domain::identity;
use serde::Serialize;
use utoipa::ToSchema;

/// A shopper's session. The cookie that opens it is in the header `Set-Cookie` of the answer that
/// opens or prolongs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    #[schema(example = "sess_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// When it ends, unless the shopper comes back before.
    expires_at: Time,
    /// The shopper's current cart.
    cart_id: Option<String>,
    /// How often it was changed.
    pub(super) version: u64,
}

versioned!(Session);

impl From<&Shown<identity::Session>> for Session {
    fn from(session: &Shown<identity::Session>) -> Self {
        Self {
            id: session.id.to_string(),
            expires_at: session.state.expires_at().into(),
            cart_id: session.state.cart().map(|cart| cart.to_string()),
            version: session.revision.0,
        }
    }
}
