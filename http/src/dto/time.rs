//! Points in time on the wire: RFC 3339, written in UTC with milliseconds.

use cartwright_domain::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// How long a date is: `2024-05-06`.
const DATE_LENGTH: usize = 10;

/// The first instant whose year is written with four digits: 0000-01-01T00:00:00Z.
const FIRST: jiff::Timestamp = jiff::Timestamp::constant(-62_167_219_200, 0);

/// A point in time: `2024-05-06T07:08:09.010Z`. Read with any offset; a date alone is its first instant in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2024-05-06T07:08:09.010Z")]
pub(crate) struct Time(pub(crate) Timestamp);

/// Reads a point in time, with any offset, or a date, which is its first instant in UTC.
///
/// # Errors
/// A sentence that says what was expected.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    // A time of day without an offset could be anybody's.
    let instant = if text.len() == DATE_LENGTH {
        let date = text.parse::<Date>();
        date.and_then(|date| Ok(date.to_zoned(TimeZone::UTC)?.timestamp()))
    } else {
        text.parse::<jiff::Timestamp>()
    };
    let instant = instant
        .ok()
        .filter(|instant| FIRST <= *instant && !is_more_than_a_day_off(text));
    let instant = instant.ok_or(
        "expected a point in time such as 2024-05-06T07:08:09Z, or a date such as 2024-05-06, from 0000-01-01 to \
         9999-12-30",
    )?;
    Ok(Timestamp::from_millis(instant.as_millisecond()))
}

/// Tells whether a time's offset has more hours than a day, which RFC 3339 does not know.
fn is_more_than_a_day_off(text: &str) -> bool {
    let offset = text
        .get(DATE_LENGTH..)
        .and_then(|time| time.rsplit_once(['+', '-']));
    let hours = offset.and_then(|(_, offset)| offset.get(..2)?.parse::<u8>().ok());
    hours.is_some_and(|hours| 23 < hours)
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        instant(&text).map(Self).map_err(serde::de::Error::custom)
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

    fn check_read(text: &str, expected: Option<i64>) {
        let read = instant(text).map(Timestamp::millis);
        assert_eq!(read.ok(), expected, "{text}");
    }

    #[test]
    fn a_time_is_read_with_an_offset_and_a_date_is_its_midnight() {
        check_read("2011-01-04T00:00:00Z", Some(1_294_099_200_000));
        check_read("2011-01-04T01:00:00.25+01:00", Some(1_294_099_200_250));
        check_read("2011-01-04", Some(1_294_099_200_000));
        check_read("0000-01-01", Some(-62_167_219_200_000));
        check_read("0000-01-01T00:00:00+10:00", None);
        check_read("2024-05-06T07:08:09+23:59", Some(1_714_892_949_000));
        check_read("2024-05-06T07:08:09+24:00", None);
        check_read("2024-05-06T07:08:09-25:00", None);
        for text in ["", "now", "2011-02-30", "2011-01-04T00:00:00", "1294099200"] {
            check_read(text, None);
        }
    }

    #[test]
    fn a_time_has_exactly_three_decimals() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_714_979_289_010, "2024-05-06T07:08:09.010Z");
        check(-1, "1969-12-31T23:59:59.999Z");
    }
}
