//! Texts that people give: checked where they enter, trusted inside.
//!
//! Lengths are counted in characters, as a person would count them.

use crate::error::{Class, Detail, Refusal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest e-mail address (RFC 5321).
pub const EMAIL_LENGTH_MAX: usize = 254;
/// The longest part before the `@` (RFC 5321).
const EMAIL_LOCAL_LENGTH_MAX: usize = 64;
/// The longest label of a domain name (RFC 1035).
const DOMAIN_LABEL_LENGTH_MAX: usize = 63;
/// What the part before the `@` may hold besides letters, digits and single dots between them (RFC 5322).
const EMAIL_LOCAL_SIGNS: &str = "!#$%&'*+-/=?^_`{|}~";

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
    /// Longer than it may be as it is sent.
    #[error("{length} bytes long, at most {max} are allowed; letters other than English ones take several")]
    TooManyBytes {
        /// How long it is, in UTF-8.
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
            Self::TooLong { .. } | Self::TooManyBytes { .. } => "text.too_long",
            Self::ControlCharacter => "text.control_character",
            Self::NotAnEmail => "text.not_an_email",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::TooLong { length, max } | Self::TooManyBytes { length, max } => {
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
    if text.chars().any(is_control) {
        return Err(Error::ControlCharacter);
    }
    Ok(())
}

/// Tells whether a character does something to those around it where it is shown: it ends a line, or turns the rest of it
/// round (Unicode's separators of lines and paragraphs, embeddings and overrides, besides what it calls control).
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
}

/// Returns a text without the signs of direction around it, in which lists of contacts wrap numbers that are copied.
pub(crate) fn unwrapped(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

/// Tells whether nothing of a text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    let invisible = ['\u{ad}', '\u{200b}', '\u{2060}', '\u{3164}', '\u{feff}'];
    text.chars()
        .all(|character| character.is_whitespace() || invisible.contains(&character))
}

/// Returns as much of a text as has room on a line of `length_max` characters, with one blank in place of line breaks and
/// control characters: a name for what nobody has named. Empty where nothing but those is in it.
pub fn fitted(text: &str, length_max: usize) -> String {
    let words = text.split(|c: char| is_control(c) || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let fitting: String = words.join(" ").chars().take(length_max).collect();
    fitting.trim_end().to_owned()
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
    /// Reads an address: one `@`, a name of letters and digits of any script and the signs that need no quotes, a domain
    /// of labels with at least one dot.
    ///
    /// Whether a mailbox exists only a mail can tell. But every address that is accepted can be written into a mail:
    /// whoever sends mails holds this rule against theirs.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLong`], [`Error::TooManyBytes`], [`Error::ControlCharacter`] or
    /// [`Error::NotAnEmail`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = line(text, EMAIL_LENGTH_MAX).map_err(|error| match error {
            // A sign among others that no address has.
            Error::ControlCharacter if !text.chars().any(char::is_control) => Error::NotAnEmail,
            error => error,
        })?;
        if EMAIL_LENGTH_MAX < text.len() {
            return Err(Error::TooManyBytes {
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

    /// Returns the address as a mail is sent to it, with the domain in the letters that every server takes (`xn--`): only a
    /// name in other ones needs more of the servers on the way (SMTPUTF8).
    pub fn mailed(&self) -> String {
        let parts = self.0.rsplit_once('@');
        let mailed = parts.and_then(|(name, domain)| {
            let domain = idna::domain_to_ascii(domain).ok()?;
            Some(format!("{name}@{domain}"))
        });
        mailed.unwrap_or_else(|| self.to_string())
    }

    /// Returns the form in which two spellings of one mailbox are equal: small letters throughout, and the domain as UTS 46
    /// shows it, whether it was written so, wide, or in the letters of `xn--`.
    pub fn compare_key(&self) -> String {
        Self::compare_key_of(&self.0)
    }

    /// Returns the [`compare_key`](Self::compare_key) that a text would have as an address, so that also an address
    /// that would be refused today is found where it is kept.
    pub fn compare_key_of(text: &str) -> String {
        let text = text.trim().to_lowercase();
        let domain = text
            .rsplit_once('@')
            .map(|(name, domain)| (name, idna::domain_to_unicode(domain)));
        match domain {
            Some((name, (domain, Ok(())))) => format!("{name}@{domain}"),
            Some((_, (_, Err(_)))) | None => text,
        }
    }
}

fn is_local_part(name: &str) -> bool {
    let allowed = |letter: char| letter.is_alphanumeric() || EMAIL_LOCAL_SIGNS.contains(letter);
    name.len() <= EMAIL_LOCAL_LENGTH_MAX
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(allowed))
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

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    /// Takes what is stored as it is: it was accepted once, by a rule that may have been wider than today's.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn check_email(text: &str, expected: Result<&str, &str>) {
        let read = Email::parse(text);
        let read = read.as_ref().map(Email::as_str).map_err(|error| error.code());
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_line_has_nothing_that_ends_it_or_turns_it_round() {
        for broken in [
            "Ada\nTotal",
            "Ada\u{85}Total",
            "Ada\u{2028}Total",
            "Ada\u{2029}",
            "\u{202e}Ada",
        ] {
            assert_eq!(
                check_line(broken, 100),
                Err(Error::ControlCharacter),
                "{broken:?}"
            );
        }
        assert_eq!(fitted("Ada\u{2028}\u{202e}Lovelace", 100), "Ada Lovelace");
        // Names and emoji need these.
        for whole in [
            "\u{645}\u{6cc}\u{200c}\u{62e}",
            "\u{5d0}\u{200f}",
            "\u{1f469}\u{200d}\u{1f680}",
        ] {
            assert_eq!(check_line(whole, 100), Ok(()), "{whole:?}");
        }
        assert_eq!(unwrapped(" \u{202a}+44 20\u{202c} "), "+44 20");
        assert!(is_blank(" \u{200b}\u{3164}\u{a0}") && is_blank("") && !is_blank("\u{200b}x"));
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
        check_email("o'brien@example.com", Ok("o'brien@example.com"));
        check_email("ada@xn--mller-kva.example", Ok("ada@xn--mller-kva.example"));
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
            "o\u{2019}brien@example.com",
            "ada\u{1f600}@example.com",
            "\u{202e}ada@example.com",
            "e\u{301}ve@example.com",
        ] {
            check_email(text, Err("text.not_an_email"));
        }
        check_email(
            "ada@example.com\r\nBcc: all@example.com",
            Err("text.control_character"),
        );
    }

    #[test]
    fn a_mail_goes_to_a_domain_in_letters_that_every_server_takes() -> Result<(), Error> {
        let check = |address: &str, mailed: &str| {
            assert_eq!(Email::parse(address)?.mailed(), mailed);
            Ok::<_, Error>(())
        };
        check("Ada@m\u{fc}ller.example", "Ada@xn--mller-kva.example")?;
        check("j\u{f6}rg@example.com", "j\u{f6}rg@example.com")?;
        check("Ada@xn--mller-kva.example", "Ada@xn--mller-kva.example")
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
    fn an_address_that_was_accepted_once_is_read_as_it_was_stored() {
        let text = "O\u{2019}Brien@example.com";
        check_email(text, Err("text.not_an_email"));
        let stored = serde_json::to_string(text).expect("a text can be written");
        let read: Email = serde_json::from_str(&stored).expect("a stored address can be read");
        assert_eq!(read.as_str(), text);
        assert_eq!(serde_json::to_string(&read).ok(), Some(stored));
        assert_eq!(
            read.compare_key(),
            Email::compare_key_of(" o\u{2019}brien@EXAMPLE.com")
        );
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_compare_key() -> Result<(), Error> {
        let (left, right) = (Email::parse("Ada@Example.COM")?, Email::parse("ada@example.com")?);
        assert_ne!(left, right);
        assert_eq!(left.compare_key(), right.compare_key());
        for (left, right) in [
            ("ada@m\u{fc}ller.com", "ada@xn--mller-kva.com"),
            ("ada@m\u{fc}ller.com", "ADA@mu\u{308}ller.com"),
            ("bob@example.com", "bob@\u{ff45}xample.com"),
            ("bob@shop.com", "bob@\u{17f}hop.com"),
        ] {
            assert_eq!(
                Email::compare_key_of(left),
                Email::compare_key_of(right),
                "{left} {right}"
            );
        }
        let others = [
            "ada@xn--0.com",
            "ada@xn--1.com",
            "ada@stra\u{df}e.de",
            "ada@strasse.de",
        ];
        let keys: BTreeSet<String> = others.map(Email::compare_key_of).into_iter().collect();
        assert_eq!(keys.len(), others.len(), "no domain is another's");
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
    fn of_any_text_as_much_as_fits_is_a_line() {
        assert_eq!(fitted(" two\r\n words\t", 20), "two words");
        assert_eq!(fitted("two words", 4), "two");
        assert_eq!(fitted("zwölf", 3), "zwö");
        assert_eq!(fitted("\u{85}\n ", 20), "");
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
