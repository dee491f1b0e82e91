//! Mail: what the engine asks to be sent, and who sends it.
//!
//! A mail's [`MessageId`] is derived from the fact it reports, so that sending it twice is sending it once.

mod folder;

pub use folder::{Folder, OpenError, check_sender};

use futures::future::BoxFuture;
use std::fmt;

/// The most characters a message id may have, so that it fits into a file name.
pub const MESSAGE_ID_LENGTH_MAX: usize = 200;

/// Who takes mails over. A mail is safe once [`settle`](Self::settle) has returned `Ok` after it was sent.
pub trait Mailer: Send + Sync + 'static {
    /// Takes a mail over. A repeat with the same message id is the same mail.
    ///
    /// # Errors
    /// See [`Error`].
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Error>>;

    /// Makes every mail that was taken over safe. Whoever is safe with each at once has nothing to do.
    ///
    /// # Errors
    /// See [`Error`]. The mails since the last success are to be sent again.
    fn settle(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What makes it one mail however often it is sent.
    pub message_id: MessageId,
    /// The address it goes to, with or without a name: `Ada <ada@example.com>`.
    pub to: String,
    /// The subject, one line.
    pub subject: String,
    /// The body.
    pub text: String,
}

/// The `Message-ID` of a mail, without the angle brackets: `order-confirmation.1842@shop.example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Reads a message id.
    ///
    /// # Errors
    /// [`InvalidMessageId`] unless it has the form `local@domain` of ASCII letters, digits, `.`, `-` and `_`, does
    /// not start with a dot, and has at most [`MESSAGE_ID_LENGTH_MAX`] characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidMessageId> {
        let text = text.into();
        let plain = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
        };
        let well_formed = text
            .split_once('@')
            .is_some_and(|(local, domain)| plain(local) && plain(domain));
        if !well_formed || MESSAGE_ID_LENGTH_MAX < text.len() {
            return Err(InvalidMessageId);
        }
        Ok(Self(text))
    }

    /// Returns the text between the angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a message id has the form local@domain, at most {MESSAGE_ID_LENGTH_MAX} letters, digits, dots, hyphens and underscores"
)]
pub struct InvalidMessageId;

/// Why a mail was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mail itself cannot be sent, however often it is tried.
    #[error("the mail cannot be composed: {reason}")]
    Refused {
        /// What is wrong with it.
        reason: String,
    },
    /// The mail could not be taken over now.
    #[error("the mail could not be stored: {0}")]
    Failed(#[from] std::io::Error),
}
