//! Texts that people give: checked where they enter, trusted inside.
//!
//! Lengths are counted in characters, as a person would count them.

use crate::error::{Class, Detail, Refusal};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest e-mail address (RFC 5321).
pub const EMAIL_LENGTH_MAX: usize = 254;
/// The longest part before the `@` (RFC 5321).
const EMAIL_LOCAL_LENGTH_MAX: usize = 64;
/// The longest label of a domain name (RFC 1035).
const DOMAIN_LABEL_LENGTH_MAX: usize = 63;

/// What codes are drawn from: letters and digits of which none is easily taken for another.
const CODE_CHARACTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Bits that one of [`CODE_CHARACTERS`] stands for.
const CODE_CHARACTER_BITS: u32 = 5;
/// How many characters of a code can be drawn from one secret.
pub(crate) const CODE_DRAWN_MAX: usize = (u128::BITS / CODE_CHARACTER_BITS) as usize;

/// Writes and reads a type as its text, through a function to `&str` and `FromStr`.
macro_rules! text_form {
    ($name:ident, $expected:literal, $as_str:expr) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($as_str(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(crate) use text_form;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing but blanks.
    #[error("must not be empty")]
    Empty,
    /// Longer than it may be.
    #[error("{length} characters long, at most {max} are allowed")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        max: usize,
    },
    /// A line break or another control character.
    #[error("must not contain line breaks or control characters")]
    ControlCharacter,
    /// Not of the form of an e-mail address.
    #[error("not an e-mail address of the form name@domain")]
    NotAnEmail,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "text.empty",
            Self::TooLong { .. } => "text.too_long",
            Self::ControlCharacter => "text.control_character",
            Self::NotAnEmail => "text.not_an_email",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::TooLong { length, max } => {
                vec![
                    ("length".to_owned(), (*length).into()),
                    ("length_max".to_owned(), (*max).into()),
                ]
            }
            Self::Empty | Self::ControlCharacter | Self::NotAnEmail => Vec::new(),
        }
    }
}

/// Returns one line of text without blanks around it.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooLong`] or [`Error::ControlCharacter`].
pub fn line(text: &str, length_max: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::Empty);
    }
    check_line(text, length_max)?;
    Ok(text.to_owned())
}

/// Checks that a text, which may be empty, is one line of at most `length_max` characters.
///
/// # Errors
/// [`Error::TooLong`] or [`Error::ControlCharacter`].
pub fn check_line(text: &str, length_max: usize) -> Result<(), Error> {
    let length = text.chars().count();
    if length_max < length {
        return Err(Error::TooLong {
            length,
            max: length_max,
        });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::ControlCharacter);
    }
    Ok(())
}

/// Draws a code of at most [`CODE_DRAWN_MAX`] characters from a secret's hexadecimal digits: five bits each, so that
/// whoever has the code but not the secret guesses none other.
pub(crate) fn drawn_code(secret: &str, length: usize) -> String {
    let mut bits = u128::from_str_radix(secret, 16).expect("a secret is 32 hexadecimal digits");
    let mut code = String::with_capacity(length);
    for _ in 0..length.min(CODE_DRAWN_MAX) {
        let index = (bits % CODE_CHARACTERS.len() as u128) as usize;
        code.push(char::from(CODE_CHARACTERS[index]));
        bits >>= CODE_CHARACTER_BITS;
    }
    code
}

/// An e-mail address as it was given. Equal when every letter is; see [`Email::compare_key`] for the same mailbox.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(Arc<str>);

impl Email {
    /// Reads an address: one `@`, a name without blanks, a domain of labels with at least one dot.
    ///
    /// Whether a mailbox exists only a mail can tell, so that the check is lenient about the name.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLong`], [`Error::ControlCharacter`] or [`Error::NotAnEmail`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = line(text, EMAIL_LENGTH_MAX)?;
        if EMAIL_LENGTH_MAX < text.len() {
            return Err(Error::TooLong {
                length: text.len(),
                max: EMAIL_LENGTH_MAX,
            });
        }
        let (name, domain) = text.rsplit_once('@').ok_or(Error::NotAnEmail)?;
        if !is_local_part(name) || !is_domain(domain) {
            return Err(Error::NotAnEmail);
        }
        Ok(Self(text.into()))
    }

    /// Returns the address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form in which two spellings of one mailbox are equal: small letters throughout.
    pub fn compare_key(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_local_part(name: &str) -> bool {
    let refused = |letter: char| letter.is_whitespace() || "@<>()[],;:\\\"".contains(letter);
    !name.is_empty()
        && name.len() <= EMAIL_LOCAL_LENGTH_MAX
        && !name.contains(refused)
        && name.split('.').all(|part| !part.is_empty())
}

fn is_domain(domain: &str) -> bool {
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= DOMAIN_LABEL_LENGTH_MAX
            && label
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label_ok)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

text_form!(Email, "an e-mail address", Email::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    fn check_email(text: &str, expected: Result<&str, &str>) {
        let read = Email::parse(text);
        let read = read.as_ref().map(Email::as_str).map_err(|error| error.code());
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn an_email_is_read_or_refused() {
        check_email("ada@example.com", Ok("ada@example.com"));
        check_email(
            "  Ada.Lovelace+shop@mail.example.co.uk ",
            Ok("Ada.Lovelace+shop@mail.example.co.uk"),
        );
        check_email(
            "j\u{f6}rg@m\u{fc}ller.example",
            Ok("j\u{f6}rg@m\u{fc}ller.example"),
        );
        check_email("", Err("text.empty"));
        for text in [
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "a@b@example.com",
            "ada @example.com",
        ] {
            check_email(text, Err("text.not_an_email"));
        }
        for text in [
            "ada@-example.com",
            "ada@example..com",
            ".ada@example.com",
            "ada@exa_mple.com",
            "<a>@b.com",
        ] {
            check_email(text, Err("text.not_an_email"));
        }
        check_email(
            "ada@example.com\r\nBcc: all@example.com",
            Err("text.control_character"),
        );
    }

    #[test]
    fn an_email_holds_254_characters_and_no_more() {
        let domain = format!("{}.{}.{}.com", "b".repeat(62), "c".repeat(62), "d".repeat(59));
        let longest = format!("{}@{domain}", "a".repeat(64));
        assert_eq!(longest.len(), EMAIL_LENGTH_MAX);
        check_email(&longest, Ok(&longest));
        check_email(&format!("{longest}m"), Err("text.too_long"));
        check_email(
            &format!("{}@example.com", "a".repeat(65)),
            Err("text.not_an_email"),
        );
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_compare_key() -> Result<(), Error> {
        let (left, right) = (Email::parse("Ada@Example.COM")?, Email::parse("ada@example.com")?);
        assert_ne!(left, right);
        assert_eq!(left.compare_key(), right.compare_key());
        Ok(())
    }

    #[test]
    fn a_code_is_drawn_from_the_last_digits_of_its_secret_on() {
        let secret = format!("{:032x}", 31 + (1 << 5) + (7_u128 << 10));
        assert_eq!(drawn_code(&secret, 4), "Z392");
        assert_eq!(drawn_code(&"f".repeat(32), CODE_DRAWN_MAX), "Z".repeat(25));
        assert_eq!(drawn_code(&secret, 99).len(), 25);
        let taken_for_others = |letter: &u8| b"01IO".contains(letter);
        assert!(!CODE_CHARACTERS.iter().any(taken_for_others));
    }

    #[test]
    fn a_line_is_trimmed_and_bounded() {
        assert_eq!(line(" Ada ", 3), Ok("Ada".to_owned()));
        assert_eq!(line("Adas", 3), Err(Error::TooLong { length: 4, max: 3 }));
        assert_eq!(line(" \t", 3), Err(Error::Empty));
        assert_eq!(line("a\nb", 3), Err(Error::ControlCharacter));
        assert_eq!(check_line("", 0), Ok(()));
    }
}
