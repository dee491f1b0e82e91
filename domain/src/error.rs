//! Refusals: values that say what is the case, with a stable code and the numbers that matter.

use serde::{Deserialize, Serialize};

/// What sort of refusal it is. `http/problem.rs` has the one table from class to status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// The request cannot be understood or breaks a limit (400).
    Malformed,
    /// No or no valid credentials where they are needed (401).
    Unauthenticated,
    /// The payment was declined (402).
    PaymentDeclined,
    /// Known, but not allowed (403).
    Forbidden,
    /// Not there, or somebody else's (404).
    NotFound,
    /// In the way of the current state (409).
    Conflict,
    /// The caller's expected revision is stale (412).
    Stale,
    /// Larger than may be sent (413).
    TooLarge,
    /// Understood, but a field's value is refused (422).
    Invalid,
    /// Too many requests of this caller or for this thing (429).
    TooMany,
    /// A fault of ours (500).
    Internal,
    /// Not now; try again (503).
    Unavailable,
    /// Not in time (504).
    Timeout,
}

impl Class {
    /// Tells whether a refusal of this class is final, and so kept for a replay of its idempotency key.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Malformed
            | Self::Unauthenticated
            | Self::PaymentDeclined
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::Stale
            | Self::TooLarge
            | Self::Invalid => true,
            Self::TooMany | Self::Internal | Self::Unavailable | Self::Timeout => false,
        }
    }
}

/// A number, text or structure in a refusal's details. Becomes plain JSON at the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// A whole number.
    Int(i64),
    /// A yes or no.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Detail>),
    /// An object, in order.
    Object(Vec<(String, Detail)>),
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

macro_rules! detail_from_int {
    ($($int:ty),+) => { $(impl From<$int> for Detail {
        fn from(value: $int) -> Self { Self::Int(i64::try_from(value).unwrap_or(i64::MAX)) }
    })+ };
}
detail_from_int!(i64, u64, u32, usize, u16);

/// A refusal as a value that can be stored in a receipt and rendered at the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What sort it is.
    pub class: Class,
    /// The stable code, `area.what_is_the_case`.
    pub code: String,
    /// What a person must know to act: lowercase, no full stop, with the number that matters.
    pub message: String,
    /// The numbers that matter, for machines.
    pub details: Vec<(String, Detail)>,
}

impl Problem {
    /// Makes a problem without details.
    pub fn new(class: Class, code: &str, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.to_owned(),
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, detail: impl Into<Detail>) -> Self {
        self.details.push((name.to_owned(), detail.into()));
        self
    }
}

/// An area's error: a small enum with a class, a code and details. `Display` is the message.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// What sort it is.
    fn class(&self) -> Class;
    /// The stable code.
    fn code(&self) -> &'static str;
    /// The numbers that matter.
    fn details(&self) -> Vec<(String, Detail)> {
        Vec::new()
    }
    /// Returns the refusal as a value.
    fn problem(&self) -> Problem {
        Problem {
            class: self.class(),
            code: self.code().to_owned(),
            message: self.to_string(),
            details: self.details(),
        }
    }
}

/// One field of a request and why its value is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field, as a JSON pointer into what was sent: `/variants/0/sku`.
    pub pointer: String,
    /// The stable code of what is wrong: `too_long`.
    pub code: String,
    /// What a person must know to mend it: lowercase, no full stop.
    pub message: String,
}

/// Every bad field of a request at once (section 9 of the semantics). Collected with [`FieldErrors::add`], and a
/// refusal as soon as there is one: an area's error has a transparent variant for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// The stable code of the refusal.
    pub const CODE: &'static str = "request.invalid_fields";
    /// The detail that holds the list of `pointer`, `code` and `message`.
    pub const DETAIL: &'static str = "errors";

    /// Adds a bad field.
    pub fn add(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            code: code.to_owned(),
            message: message.into(),
        });
    }

    /// Keeps the good value, or adds the field with what its error says.
    pub fn take<T, E: Refusal>(&mut self, pointer: &str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(pointer, error.code(), error.to_string());
                None
            }
        }
    }

    /// Adds the bad fields of a part, whose pointers start at `pointer`.
    pub fn add_all(&mut self, pointer: &str, part: Self) {
        for error in part.0 {
            self.0.push(FieldError {
                pointer: format!("{pointer}{}", error.pointer),
                ..error
            });
        }
    }

    /// Returns the bad fields, in the order in which they were found.
    pub fn as_slice(&self) -> &[FieldError] {
        &self.0
    }

    /// Tells whether every field is good.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the list as an error, unless it is empty.
    ///
    /// # Errors
    /// The list itself, when it holds a bad field.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", error.pointer, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

impl Refusal for FieldErrors {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        Self::CODE
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let errors = self.0.iter().map(|error| {
            Detail::Object(vec![
                ("pointer".to_owned(), error.pointer.as_str().into()),
                ("code".to_owned(), error.code.as_str().into()),
                ("message".to_owned(), error.message.as_str().into()),
            ])
        });
        vec![(Self::DETAIL.to_owned(), Detail::List(errors.collect()))]
    }
}

/// An invariant that does not hold: a programming error, or damage on disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant broken: {0}")]
pub struct Broken(pub String);

/// Returns [`Broken`] with the sentence that should be true, unless `holds`.
///
/// # Errors
/// [`Broken`] when `holds` is false.
pub fn ensure(holds: bool, sentence: &str) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken(sentence.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_fields_are_listed_with_pointer_code_and_message() {
        let mut part = FieldErrors::default();
        part.add("/sku", "catalog.invalid_sku", "not a SKU");
        let mut errors = FieldErrors::default();
        assert_eq!(errors.take("/title", Err::<(), _>(part.clone())), None);
        assert_eq!(errors.take("/status", Ok::<_, FieldErrors>(7)), Some(7));
        errors.add_all("/variants/0", part);
        let listed = |pointer: &str, code: &str, message: &str| {
            let text = |name: &str, text: &str| (name.to_owned(), Detail::from(text));
            Detail::Object(vec![
                text("pointer", pointer),
                text("code", code),
                text("message", message),
            ])
        };
        let problem = errors.problem();
        assert_eq!(
            (problem.class, problem.code.as_str()),
            (Class::Invalid, "request.invalid_fields")
        );
        let expected = vec![
            listed("/title", "request.invalid_fields", "/sku: not a SKU"),
            listed("/variants/0/sku", "catalog.invalid_sku", "not a SKU"),
        ];
        assert_eq!(problem.details, [("errors".to_owned(), Detail::List(expected))]);
        assert_eq!(
            problem.message,
            "/title: /sku: not a SKU; /variants/0/sku: not a SKU"
        );
        assert_eq!(FieldErrors::default().into_result(), Ok(()));
        assert_eq!(errors.clone().into_result(), Err(errors));
    }
}
