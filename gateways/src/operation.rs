//! The key under which somebody outside does something at most once.

use std::fmt;

/// The most bytes an operation key may have; the limit of the strictest provider we know.
pub const KEY_LENGTH_MAX: usize = 255;

/// The key under which a provider does something at most once: `<saga id>/<step>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey(String);

impl OperationKey {
    /// Makes the key of one step of one saga.
    ///
    /// # Errors
    /// [`InvalidKey`] when the text is longer than [`KEY_LENGTH_MAX`] bytes or has other than visible ASCII
    /// characters.
    pub fn new(saga: impl fmt::Display, step: &str) -> Result<Self, InvalidKey> {
        Self::parse(format!("{saga}/{step}"))
    }

    /// Reads a key back from its text.
    ///
    /// # Errors
    /// As [`OperationKey::new`].
    pub fn parse(text: String) -> Result<Self, InvalidKey> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || KEY_LENGTH_MAX < text.len() || !visible {
            return Err(InvalidKey);
        }
        Ok(Self(text))
    }

    /// Returns the key under which the same is tried once more, after so many keys of it were declined.
    pub(crate) fn after(&self, declined: u32) -> Self {
        match declined {
            0 => self.clone(),
            declined => Self(format!("{}-{}", self.0, declined + 1)),
        }
    }

    /// Returns the text that is sent to the provider.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be an operation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation key has 1 to {KEY_LENGTH_MAX} visible ASCII characters")]
pub struct InvalidKey;
