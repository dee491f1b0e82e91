//! Handles: what stands for a product in an address.

use super::{Error, HANDLE_LENGTH_MAX};
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;

/// A product's name in addresses, unique in the store: `a-z`, `0-9` and single hyphens between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(String);

impl Handle {
    /// Reads a handle as it is.
    ///
    /// # Errors
    /// [`Error::InvalidHandle`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        match Self::derive(text) {
            Some(handle) if handle.0 == text => Ok(handle),
            Some(_) | None => Err(Error::InvalidHandle),
        }
    }

    /// Makes a handle of a title: what is neither a letter nor a digit becomes a hyphen, what is too long is cut.
    /// Nothing comes of a title without any ASCII letter or digit.
    pub fn derive(title: &str) -> Option<Self> {
        let mut handle = String::new();
        for character in title.chars().filter(|character| *character != '\'') {
            if character.is_ascii_alphanumeric() {
                handle.push(character.to_ascii_lowercase());
            } else if !handle.is_empty() && !handle.ends_with('-') {
                handle.push('-');
            }
        }
        handle.truncate(HANDLE_LENGTH_MAX);
        let handle = handle.trim_end_matches('-');
        (!handle.is_empty()).then(|| Self(handle.to_owned()))
    }

    /// Returns this handle with something behind it that tells it from others of the same title. The title's part
    /// is cut where both are too long; a suffix of which nothing remains adds nothing.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let Some(Self(suffix)) = Self::derive(suffix) else {
            return self.clone();
        };
        let room = HANDLE_LENGTH_MAX.saturating_sub(suffix.len() + 1);
        let kept = self.0.get(..room).unwrap_or(&self.0).trim_end_matches('-');
        let separator = if kept.is_empty() { "" } else { "-" };
        Self(format!("{kept}{separator}{suffix}"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Handle {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

text_form!(Handle, "a product's handle", Handle::as_str);
