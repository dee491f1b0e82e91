//! The code of a gift card: a secret, because whoever has it may spend the card.

use super::Error;
use crate::text::{drawn_code, text_form};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The fewest characters of a code that staff choose.
pub const GIFT_CARD_CODE_LENGTH_MIN: usize = 8;
/// The most characters of a code.
pub const GIFT_CARD_CODE_LENGTH_MAX: usize = 32;

/// How many characters a code that we draw has: 80 bits.
const LENGTH_DRAWN: usize = 16;
/// How many characters stand together where a code is shown.
const GROUP_LENGTH: usize = 4;
/// How many characters are shown of a code that is not shown.
const LAST_LENGTH: usize = 4;

/// A gift card's code, in capital letters and without blanks and hyphens: neither they nor case matter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GiftCardCode(Arc<str>);

impl GiftCardCode {
    /// Reads a code: letters of ASCII and digits, in groups or not.
    ///
    /// # Errors
    /// [`Error::InvalidCode`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_separator = |letter: char| letter == '-' || letter.is_whitespace();
        let code: String = text.chars().filter(|letter| !is_separator(*letter)).collect();
        let length = code.len();
        let length_ok = (GIFT_CARD_CODE_LENGTH_MIN..=GIFT_CARD_CODE_LENGTH_MAX).contains(&length);
        if !length_ok || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::InvalidCode);
        }
        Ok(Self(code.to_ascii_uppercase().into()))
    }

    /// Makes a code of a secret's hexadecimal digits.
    pub(super) fn drawn(secret: &str) -> Self {
        Self(drawn_code(secret, LENGTH_DRAWN).into())
    }

    /// Returns the code in capital letters, without separators: its key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its last characters, by which whoever has the card knows it again.
    pub fn last_characters(&self) -> &str {
        &self.0[self.0.len() - LAST_LENGTH..]
    }

    /// Returns the whole code in groups, for whoever may know it.
    pub fn grouped(&self) -> String {
        let groups = self.0.as_bytes().chunks(GROUP_LENGTH);
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        groups.join("-")
    }
}

/// Shows its end only: what is written in a log or a message is not a secret.
impl fmt::Display for GiftCardCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.last_characters())
    }
}

impl fmt::Debug for GiftCardCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for GiftCardCode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

text_form!(GiftCardCode, "a gift card's code", GiftCardCode::as_str);
