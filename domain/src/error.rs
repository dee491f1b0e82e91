//! Refusals: values that say what is the case, with a stable code and the numbers that matter.

use serde::{Deserialize, Serialize};

/// The most bytes that a refusal takes where it is kept: a receipt's reply has 4 KiB.
const KEPT_BYTES_MAX: usize = 4_000;
/// To what a message is cut where a refusal is larger.
const CUT_MESSAGE_BYTES: usize = 500;
/// What stands at the end of a message that was cut.
const CUT: &str = "...";
/// What tells which sort of detail it is takes where it is stored.
const TAG_BYTES: usize = 1;
/// What a whole number takes there at most.
const INT_BYTES_MAX: usize = 9;

/// What sort of refusal it is. `http/src/problem.rs` has the one table from class to status.
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
    /// In the way of something that is under way, and is over in a moment (409).
    InProgress,
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
            Self::TooMany | Self::Internal | Self::Unavailable | Self::Timeout | Self::InProgress => false,
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

impl Detail {
    /// What it takes where it is stored.
    fn bytes(&self) -> usize {
        TAG_BYTES
            + match self {
                Self::Int(_) => INT_BYTES_MAX,
                Self::Bool(_) => 1,
                Self::Text(text) => text_bytes(text),
                Self::List(list) => length_bytes(list.len()) + list.iter().map(Self::bytes).sum::<usize>(),
                Self::Object(fields) => length_bytes(fields.len()) + fields_bytes(fields),
            }
    }
}

/// What names and details take where they are stored, one behind the other.
fn fields_bytes(fields: &[(String, Detail)]) -> usize {
    let bytes = fields
        .iter()
        .map(|(name, detail)| text_bytes(name) + detail.bytes());
    bytes.sum()
}

/// What a text takes where it is stored.
fn text_bytes(text: &str) -> usize {
    length_bytes(text.len()) + text.len()
}

/// What a length takes where it is stored; what is over 64 KiB is over every bound here by itself.
const fn length_bytes(length: usize) -> usize {
    if length <= 250 { 1 } else { 3 }
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

    /// The detail that says how many elements of the lists beside it were left out.
    pub const LEFT_OUT: &'static str = "left_out";

    /// Returns the refusal as it can be kept, and as it is answered wherever it is kept: a repeated request is answered
    /// the same. One that is too large has its message cut and the last elements of its longest list left out, until it
    /// fits; [`Self::LEFT_OUT`] says how many.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.bytes() <= KEPT_BYTES_MAX {
            return self;
        }
        if CUT_MESSAGE_BYTES < self.message.len() {
            let mut end = CUT_MESSAGE_BYTES - CUT.len();
            while !self.message.is_char_boundary(end) {
                end -= 1;
            }
            self.message.replace_range(end.., CUT);
        }
        let mut left_out = 0_u64;
        let marked = text_bytes(Self::LEFT_OUT) + TAG_BYTES + INT_BYTES_MAX;
        let mut bytes = self.bytes() + marked;
        while KEPT_BYTES_MAX < bytes {
            let lists = self.details.iter_mut().filter_map(|(_, detail)| match detail {
                Detail::List(list) => Some(list),
                Detail::Int(_) | Detail::Bool(_) | Detail::Text(_) | Detail::Object(_) => None,
            });
            let last = lists.max_by_key(|list| list.len()).and_then(Vec::pop);
            let Some(last) = last else {
                // What is left is larger than any refusal of ours.
                self.details.clear();
                break;
            };
            bytes -= last.bytes();
            left_out += 1;
        }
        if 0 < left_out {
            self.details.push((Self::LEFT_OUT.to_owned(), left_out.into()));
        }
        self
    }

    /// What it takes where it is stored.
    fn bytes(&self) -> usize {
        TAG_BYTES
            + text_bytes(&self.code)
            + text_bytes(&self.message)
            + length_bytes(self.details.len())
            + fields_bytes(&self.details)
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

/// Returns a member's name as a segment of a JSON pointer, with the slash before it (RFC 6901, section 3).
pub fn segment(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

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

    /// Returns the same faults of a whole that has no fields.
    #[must_use]
    pub fn of_the_whole(mut self) -> Self {
        self.0.iter_mut().for_each(|error| error.pointer.clear());
        self
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
            match error.pointer.as_str() {
                "" => write!(f, "{separator}{}", error.message)?,
                pointer => write!(f, "{separator}{pointer}: {}", error.message)?,
            }
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
    fn what_is_too_large_to_be_kept_says_how_much_it_leaves_out() {
        let of = |count: usize| {
            let line = |index: usize| Detail::Object(vec![("line".to_owned(), index.into())]);
            let lines: Vec<Detail> = (0..count).map(line).collect();
            Problem::new(Class::Conflict, "checkout.lines_unavailable", "é".repeat(count))
                .with("lines", Detail::List(lines))
                .with("available", 7_u64)
        };
        assert_eq!(of(10).bounded(), of(10));
        let kept = of(2_000).bounded();
        assert!(kept.bytes() <= KEPT_BYTES_MAX, "{} bytes", kept.bytes());
        assert!(
            KEPT_BYTES_MAX < kept.bytes() + 64,
            "as much as fits: {} bytes",
            kept.bytes()
        );
        assert!(kept.message.ends_with("é...") && kept.message.len() <= CUT_MESSAGE_BYTES);
        let [(_, Detail::List(lines)), available, left_out] = kept.details.as_slice() else {
            panic!("{:?}", kept.details);
        };
        assert_eq!(*available, ("available".to_owned(), 7_u64.into()));
        assert_eq!(
            *left_out,
            (Problem::LEFT_OUT.to_owned(), (2_000 - lines.len()).into())
        );
        assert_eq!(kept.clone().bounded(), kept);
        let text = Problem::new(Class::Conflict, "a.b", "c").with("text", "x".repeat(70_000));
        assert_eq!(text.bounded(), Problem::new(Class::Conflict, "a.b", "c"));
    }

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
