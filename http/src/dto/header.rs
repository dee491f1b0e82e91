//! Request headers as the API reference shows them. [`crate::extract`] reads them.

use serde::Deserialize;
use utoipa::IntoParams;

/// The version a change expects.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described here, and read by the extractors")]
pub(crate) struct IfMatchHeader {
    /// The version the change expects, as the `ETag` of an answer has it. Without it, or with `*`, the last write
    /// wins; a stale one is refused with 412.
    #[param(
        rename = "If-Match",
        nullable = false,
        pattern = r#"^(\*|"(0|[1-9][0-9]{0,18})")$"#,
        example = "\"7\""
    )]
    if_match: Option<String>,
}

/// A key that makes a repeat harmless.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described here, and read by the extractors")]
pub(crate) struct IdempotencyKeyHeader {
    /// A key of the caller's own: the same request under the same key is answered as before, marked
    /// `Idempotent-Replayed: true`. Kept 24 hours.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[ -~]+$"
    )]
    idempotency_key: Option<String>,
}

/// A key that makes a repeat harmless, where one is needed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described here, and read by the extractors")]
pub(crate) struct RequiredIdempotencyKeyHeader {
    /// A key of the caller's own: the same request under the same key is answered as before, marked
    /// `Idempotent-Replayed: true`. Kept 24 hours. A new attempt needs a new one.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[ -~]+$"
    )]
    idempotency_key: String,
}

/// How much of the answer is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described here, and read by the extractors")]
pub(crate) struct PreferHeader {
    /// `return=minimal` answers with what has changed only, marked `Preference-Applied: return=minimal`.
    #[param(rename = "Prefer", nullable = false, example = "return=minimal")]
    prefer: Option<String>,
}
