//! Tax categories: what sort of goods a rate is for.

use super::Error;
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest code of a category.
pub const CATEGORY_LENGTH_MAX: usize = 64;
/// The category of what has none of its own.
const STANDARD: &str = "standard";

/// The code of a tax category: `standard`, `reduced`, `books`. Cheap to clone.
///
/// Variants and shipping methods name one; a tax zone has a rate for each that it taxes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Arc<str>);

impl Category {
    /// Reads a code: small letters, digits, `-` and `_`, starting with a letter.
    ///
    /// # Errors
    /// [`Error::InvalidCategory`].
    pub fn parse(code: &str) -> Result<Self, Error> {
        let letter_ok =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let starts_ok = code.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if starts_ok && code.len() <= CATEGORY_LENGTH_MAX && code.bytes().all(letter_ok) {
            return Ok(Self(code.into()));
        }
        Err(Error::InvalidCategory)
    }

    /// Returns the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Category {
    /// Returns `standard`.
    fn default() -> Self {
        Self(STANDARD.into())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Category {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

text_form!(Category, "the code of a tax category", Category::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_a_short_code() {
        let longest = "a".repeat(CATEGORY_LENGTH_MAX);
        for code in ["standard", "reduced-2", "zero_rate", "a", &longest] {
            assert_eq!(
                Category::parse(code).map(|category| category.to_string()),
                Ok(code.to_owned())
            );
        }
        for code in [
            "",
            "Standard",
            "2nd",
            "a b",
            "-a",
            "b\u{fc}cher",
            &"a".repeat(CATEGORY_LENGTH_MAX + 1),
        ] {
            assert_eq!(Category::parse(code), Err(Error::InvalidCategory), "{code}");
        }
        assert_eq!(Category::parse("standard"), Ok(Category::default()));
    }
}
