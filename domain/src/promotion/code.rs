//! Coupon codes: what a shopper types to unlock a promotion.

use super::Error;
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest code.
pub const CODE_LENGTH_MAX: usize = 64;

/// A coupon code, kept in capital letters: case does not matter. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(Arc<str>);

impl Code {
    /// Reads a code: letters of ASCII, digits, `-` and `_`, with blanks around it left away.
    ///
    /// # Errors
    /// [`Error::InvalidCode`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let letter_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if text.is_empty() || CODE_LENGTH_MAX < text.len() || !text.bytes().all(letter_ok) {
            return Err(Error::InvalidCode);
        }
        Ok(Self(text.to_ascii_uppercase().into()))
    }

    /// Returns the code in capital letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Code {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

text_form!(Code, "a coupon code", Code::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_code_are_equal_and_others_are_refused() {
        let code = Code::parse(" Spring-25 ");
        assert_eq!(code.as_ref().map(Code::as_str), Ok("SPRING-25"));
        assert_eq!(code, Code::parse("spring-25"));
        assert!(Code::parse(&"A".repeat(CODE_LENGTH_MAX)).is_ok());
        for text in ["", " ", "A B", "É", &"A".repeat(CODE_LENGTH_MAX + 1)] {
            assert_eq!(Code::parse(text), Err(Error::InvalidCode), "{text}");
        }
    }
}
