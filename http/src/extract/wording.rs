//! What serde says of a value that it cannot read, in words for whoever sent it: nothing of how it is read here.

/// The whole numbers that fit, by what serde calls them.
const WHOLE_NUMBERS: &[(&str, &str)] = &[
    ("u8", "0 to 255"),
    ("u16", "0 to 65535"),
    ("u32", "0 to 4294967295"),
    ("u64", "0 to 18446744073709551615"),
    ("usize", "0 to 18446744073709551615"),
    ("i32", "-2147483648 to 2147483647"),
    ("i64", "-9223372036854775808 to 9223372036854775807"),
];
/// How serde calls an enum that is read from an object which says which variant it is.
pub(super) const TAGGED: &str = "internally tagged enum ";
/// How serde begins where a value is not what is expected.
const UNEXPECTED: &[&str] = &[
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant ",
];

/// Returns the field that serde says is missing.
pub(super) fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Returns the field that serde says was given twice.
pub(super) fn duplicate(message: &str) -> Option<&str> {
    message.strip_prefix("duplicate field `")?.strip_suffix('`')
}

/// Says what a value must be. What is no message of serde's own was written for people already.
pub(crate) fn plain(message: &str) -> String {
    if let Some(field) = duplicate(message) {
        return format!("{field} must be given once");
    }
    if let Some(field) = missing(message) {
        return format!("{field} must be given");
    }
    let is_unexpected = UNEXPECTED.iter().any(|start| message.starts_with(start));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_unexpected => format!("must be {}", wanted(expected)),
        _ => message.to_owned(),
    }
}

fn wanted(expected: &str) -> String {
    let whole = WHOLE_NUMBERS.iter().find(|(name, _)| *name == expected);
    if let Some((_, range)) = whole {
        return format!("a whole number from {range}");
    }
    let words = match expected {
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "string or map" => "a text or an object",
        "map with a single key" => "an object with one field",
        _ if expected.starts_with("struct ") || expected.starts_with(TAGGED) => "an object",
        _ if ["unit variant", "newtype variant", "struct variant"].contains(&expected) => {
            "one of the forms that the API reference shows"
        }
        _ => expected,
    };
    words.to_owned()
}
