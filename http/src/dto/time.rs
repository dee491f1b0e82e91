//! Points in time on the wire: RFC 3339, UTC, with milliseconds.

use cartwright_domain::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A point in time: `2024-05-06T07:08:09.010Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2024-05-06T07:08:09.010Z")]
pub(crate) struct Time(pub(crate) Timestamp);

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_millisecond(self.0.millis()).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(millis: i64, expected: &str) {
        let time = Time(Timestamp::from_millis(millis));
        assert_eq!(serde_json::json!(time), serde_json::json!(expected));
    }

    #[test]
    fn a_time_has_exactly_three_decimals() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_714_979_289_010, "2024-05-06T07:08:09.010Z");
        check(-1, "1969-12-31T23:59:59.999Z");
    }
}
