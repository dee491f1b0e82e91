//! Codes that staff choose: of tax categories, and of the taxes that a zone collects.

use super::Error;
use crate::shared;
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest code of a category or a tax.
pub const CODE_LENGTH_MAX: usize = 64;

/// Tells whether a text is a code: small letters, digits, `-` and `_`, starting with a letter.
fn is_code(text: &str) -> bool {
    let letter_ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let starts_ok = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    starts_ok && text.len() <= CODE_LENGTH_MAX && text.bytes().all(letter_ok)
}

macro_rules! code {
    ($(#[$meta:meta])* $name:ident, $default:literal, $expected:literal, $error:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a code: small letters, digits, `-` and `_`, starting with a letter.
            ///
            /// # Errors
            #[doc = concat!("[`Error::", stringify!($error), "`].")]
            pub fn parse(code: &str) -> Result<Self, Error> {
                if is_code(code) {
                    return Ok(Self(shared::recurring(code)));
                }
                Err(Error::$error)
            }

            /// Returns the code.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            #[doc = concat!("Returns `", $default, "`.")]
            fn default() -> Self {
                Self(shared::recurring($default))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(code: &str) -> Result<Self, Error> {
                Self::parse(code)
            }
        }

        text_form!($name, $expected, $name::as_str);
    };
}

code! {
    /// The code of a tax category: `standard`, `reduced`, `books`. Cheap to clone.
    ///
    /// Variants and shipping methods name one; a tax zone has rates for each that it taxes.
    Category, "standard", "the code of a tax category", InvalidCategory
}

code! {
    /// The code of a tax: `vat`, `gst`, `state`. Cheap to clone.
    ///
    /// In a zone, rates of one tax follow one another in time, and those of different taxes apply together.
    TaxCode, "tax", "the code of a tax", InvalidTaxCode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_a_short_code() {
        let longest = "a".repeat(CODE_LENGTH_MAX);
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
            &"a".repeat(CODE_LENGTH_MAX + 1),
        ] {
            assert_eq!(Category::parse(code), Err(Error::InvalidCategory), "{code}");
        }
        assert_eq!(Category::parse("standard"), Ok(Category::default()));
        assert_eq!(TaxCode::parse("GST"), Err(Error::InvalidTaxCode));
    }
}
