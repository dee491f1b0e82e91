//! What the server refused, in words that say what to do.

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use std::fmt;

/// The longest part of an answer that is no problem+json which is still shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The code of what is set aside until the server is started again.
const QUARANTINED: &str = "engine.quarantined";

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The stable code, or empty where the answer was no problem+json.
    pub(crate) code: String,
    /// What the server says for a person.
    pub(crate) message: String,
    /// Every bad field, as the server's messages have them: `pointer: message`.
    fields: Vec<String>,
    /// What was asked.
    asked: String,
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    error: String,
    message: Option<String>,
    title: Option<String>,
    request_id: Option<String>,
    #[serde(default)]
    errors: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    pointer: String,
    message: String,
}

impl Field {
    fn in_words(self) -> String {
        match self.pointer.as_str() {
            "" => self.message,
            pointer => format!("{pointer}: {}", self.message),
        }
    }
}

impl Refusal {
    /// Reads a refusal from an answer that is no success.
    pub(crate) fn read(method: &Method, path: &str, status: StatusCode, body: &Bytes) -> Self {
        let asked = format!("{method} {path}");
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Self {
                status,
                code: problem.error,
                message: problem.message.or(problem.title).unwrap_or_default(),
                fields: problem.errors.into_iter().map(Field::in_words).collect(),
                asked,
                request_id: problem.request_id,
            },
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                let message = text
                    .chars()
                    .take(SHOWN_CHARS_MAX)
                    .collect::<String>()
                    .trim()
                    .to_owned();
                Self {
                    status,
                    code: String::new(),
                    message,
                    fields: Vec::new(),
                    asked,
                    request_id: None,
                }
            }
        }
    }

    /// Returns what went wrong without what was asked, short enough for one row of a report.
    pub(crate) fn reason(&self) -> String {
        let mut reason = if self.code.is_empty() {
            self.status.to_string()
        } else {
            self.code.clone()
        };
        if !self.message.is_empty() {
            reason = format!("{reason}: {}", self.message);
        }
        let fields = self.fields.join("; ");
        // Mostly the message is made of them.
        if !fields.is_empty() && fields != self.message {
            reason = format!("{reason} ({fields})");
        }
        reason.replace(['\t', '\n', '\r'], " ")
    }

    /// Tells whether the same call may be done after a wait.
    pub(crate) fn may_pass(&self) -> bool {
        let is_busy = matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        is_busy && self.code != QUARANTINED
    }

    /// Returns what the person at the keyboard can do about it.
    fn advice(&self) -> Option<&'static str> {
        match self.status {
            _ if self.code == QUARANTINED => Some("restart the server; its log says why"),
            StatusCode::UNAUTHORIZED => Some(
                "the token is not (or no longer) good for this server; `cartwright token --data DIR` issues another",
            ),
            StatusCode::FORBIDDEN => Some("this needs a staff token: give --token or set CARTWRIGHT_TOKEN"),
            StatusCode::NOT_FOUND if self.code.is_empty() => {
                Some("is a Cartwright server of this version at this address? See --url")
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some("the server is busy; try again with less at once")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} was answered with {}: {}",
            self.asked,
            self.status.as_u16(),
            self.reason()
        )?;
        if let Some(advice) = self.advice() {
            write!(f, "; {advice}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " [request {request_id}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
