//! Stock keeping units, as the shop's other systems write them.

use super::{Error, SKU_LENGTH_MAX};
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A variant's SKU: 1 to [`SKU_LENGTH_MAX`] printable characters, none of them a space at an end. Case matters:
/// `85123A` and `85123a` are two variants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(Arc<str>);

impl Sku {
    /// Reads a SKU as it is; nothing is trimmed.
    ///
    /// # Errors
    /// [`Error::InvalidSku`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let length = text.chars().count();
        let is_sku = 0 < length
            && length <= SKU_LENGTH_MAX
            && text.chars().all(is_printable)
            && !text.starts_with(' ')
            && !text.ends_with(' ');
        if is_sku {
            Ok(Self(text.into()))
        } else {
            Err(Error::InvalidSku)
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// Tells whether a character leaves ink, or is the plain space. Two SKUs that look the same would be taken for
/// one another.
fn is_printable(character: char) -> bool {
    let is_blank = character.is_whitespace() && character != ' ';
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !character.is_control() && !is_blank && !is_invisible
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl FromStr for Sku {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

text_form!(Sku, "a SKU", Sku::as_str);
