//! Errors on the wire: the one table from a refusal's class to its status, and `application/problem+json`.
//!
//! A handler returns a [`Refused`]; a layer writes its body, because only there the
//! request's id is known. What axum and the layers refuse by themselves (an unknown route, a method, a body too
//! large) is written in the same form. Nothing here may show an internal.

use crate::auth::TokenRefused;
use crate::extract::IDEMPOTENT_REPLAYED;
use crate::layer::BODY_TOO_LARGE;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cartwright_actors::request;
use cartwright_actors::runtime::INTERNAL;
use cartwright_domain::{Class, Detail, Problem, Refusal, error::FieldErrors};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of every error (section 9 of the semantics).
pub const MEDIA_TYPE: &str = "application/problem+json";
/// The detail that says, in whole seconds, when trying again is worth it; it becomes the `Retry-After` header.
pub const RETRY_AFTER: &str = "retry_after";
/// How to be let in (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer realm="cartwright""#);
/// How to be let in, for whoever sent a token that does not count.
const CHALLENGE_OF_TOKEN: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="cartwright", error="invalid_token""#);
/// What a problem's code follows in its `type`.
const TYPE_PREFIX: &str = "urn:cartwright:problem:";
/// When trying again is worth it where a refusal that passes does not say, in seconds.
const RETRY_AFTER_DEFAULT: i64 = 1;

/// Returns the status and the title of a class. The one table.
pub const fn status(class: Class) -> (StatusCode, &'static str) {
    match class {
        Class::Malformed => (StatusCode::BAD_REQUEST, "The request cannot be understood"),
        Class::Unauthenticated => (StatusCode::UNAUTHORIZED, "Credentials are needed"),
        Class::PaymentDeclined => (StatusCode::PAYMENT_REQUIRED, "The payment was declined"),
        Class::Forbidden => (StatusCode::FORBIDDEN, "This is not allowed"),
        Class::NotFound => (StatusCode::NOT_FOUND, "There is no such thing"),
        Class::Conflict => (StatusCode::CONFLICT, "The current state is in the way"),
        Class::Stale => (
            StatusCode::PRECONDITION_FAILED,
            "The version is not the current one",
        ),
        Class::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large"),
        Class::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "The request is refused"),
        Class::TooMany => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Class::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "The fault is ours"),
        Class::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not now"),
        Class::Timeout => (StatusCode::GATEWAY_TIMEOUT, "Not in time"),
        Class::InProgress => (StatusCode::CONFLICT, "Something is under way"),
    }
}

/// A refusal on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    problem: Problem,
    status: StatusCode,
    replayed: bool,
}

impl Refused {
    /// Makes a refusal without details.
    pub fn new(class: Class, code: &str, message: impl Into<String>) -> Self {
        Problem::new(class, code, message).into()
    }

    /// Makes a refusal of the protocol's own, whose status belongs to no class.
    pub(crate) fn of_protocol(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let class = if status.is_server_error() {
            Class::Internal
        } else {
            Class::Malformed
        };
        Self {
            problem: Problem::new(class, code, message),
            status,
            replayed: false,
        }
    }

    /// Returns what is refused, and why.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Returns the status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes it, naming the request.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let document = Document::new(self, request_id);
        let retry_after = self.retry_after();
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        if self.problem.class == Class::Unauthenticated {
            let is_of_token = TokenRefused::ALL.iter().any(|it| it.code() == self.problem.code);
            let challenge = if is_of_token {
                CHALLENGE_OF_TOKEN
            } else {
                CHALLENGE
            };
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// Returns the seconds after which trying again is worth it, if it ever is.
    fn retry_after(&self) -> Option<i64> {
        let said = self
            .problem
            .details
            .iter()
            .find_map(|(name, detail)| match detail {
                Detail::Int(seconds) if name == RETRY_AFTER => Some(*seconds),
                _ => None,
            });
        let passes = matches!(
            self.problem.class,
            Class::TooMany | Class::Unavailable | Class::Timeout | Class::InProgress
        );
        said.or_else(|| passes.then_some(RETRY_AFTER_DEFAULT))
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let (status, _) = status(problem.class);
        Self {
            problem,
            status,
            replayed: false,
        }
    }
}

impl From<request::Refused> for Refused {
    fn from(request::Refused { problem, replayed }: request::Refused) -> Self {
        Self {
            replayed,
            ..Self::from(problem)
        }
    }
}

impl From<FieldErrors> for Refused {
    fn from(errors: FieldErrors) -> Self {
        errors.problem().into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Returns the refusal behind a response: one of ours, or one that axum or a layer made by itself.
pub(crate) fn behind(response: &Response) -> Option<Refused> {
    if let Some(refused) = response.extensions().get::<Refused>() {
        return Some(refused.clone());
    }
    let status = response.status();
    // Axum and the layers write text or nothing; JSON is a handler's own answer, such as a report of bad health.
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let written = kind.is_some_and(|kind| kind.starts_with(b"application/"));
    if written || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let (code, message) = match status {
        StatusCode::NOT_FOUND => ("route.not_found", "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => (
            "route.method_not_allowed",
            "this address does not take this method",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("request.too_large", BODY_TOO_LARGE),
        status if status.is_client_error() => ("request.malformed", "the request cannot be understood"),
        _ => INTERNAL,
    };
    Some(Refused::of_protocol(status, code, message))
}

/// An error, as it stands in an answer's body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// A name for the sort of problem that never changes: `urn:cartwright:problem:` and the code.
    #[schema(example = "urn:cartwright:problem:cart.locked")]
    r#type: String,
    /// What sort of refusal it is, in words.
    title: String,
    /// The status, again.
    #[schema(example = 409)]
    status: u16,
    /// The stable code.
    #[schema(example = "cart.locked")]
    error: String,
    /// What a person must know to act.
    message: String,
    /// The numbers that matter.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
    /// Names the request in logs.
    request_id: String,
    /// Every bad field, where fields are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Field>>)]
    errors: Option<Value>,
}

/// A bad field of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Field {
    /// The field, as a JSON pointer into what was sent.
    #[schema(example = "/shipping_address/country")]
    pointer: String,
    /// The stable code of what is wrong.
    code: String,
    /// What a person must know to mend it.
    message: String,
}

impl Document {
    fn new(refused: &Refused, request_id: &str) -> Self {
        let Problem {
            class,
            code,
            message,
            details,
        } = &refused.problem;
        let (by_class, title) = status(*class);
        let of_protocol = refused.status.canonical_reason().unwrap_or(title);
        let title = if by_class == refused.status {
            title
        } else {
            of_protocol
        };
        let mut fields: Map<String, Value> = details
            .iter()
            .map(|(name, detail)| (name.clone(), json(detail)))
            .collect();
        Self {
            r#type: format!("{TYPE_PREFIX}{code}"),
            title: title.to_owned(),
            status: refused.status.as_u16(),
            error: code.clone(),
            message: message.clone(),
            errors: fields.remove(FieldErrors::DETAIL),
            details: fields,
            request_id: request_id.to_owned(),
        }
    }
}

/// Returns a detail as it stands in a body.
pub(crate) fn json(detail: &Detail) -> Value {
    match detail {
        Detail::Int(number) => Value::from(*number),
        Detail::Bool(yes) => Value::from(*yes),
        Detail::Text(text) => Value::from(text.as_str()),
        Detail::List(list) => list.iter().map(json).collect(),
        Detail::Object(fields) => fields
            .iter()
            .map(|(name, detail)| (name.clone(), json(detail)))
            .collect(),
    }
}
