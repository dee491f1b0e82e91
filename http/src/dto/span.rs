//! Bounds on the wire.

use cartwright_domain::shipping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From one number to another, both included. An end that is absent is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Span {
    /// The least.
    from: Option<u64>,
    /// The most.
    to: Option<u64>,
}

impl From<shipping::Span> for Span {
    fn from(shipping::Span { from, to }: shipping::Span) -> Self {
        Self { from, to }
    }
}

impl From<Span> for shipping::Span {
    fn from(Span { from, to }: Span) -> Self {
        Self { from, to }
    }
}
