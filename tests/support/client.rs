//! A caller of the API: a cookie or none, a token or none, one call at a time or many.

use super::reference;
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the API begins.
const API: &str = "/api/v1";
/// The longest a call may take: longer than the server's own deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The name of the session's cookie.
const COOKIE: &str = "cartwright_session";

/// A caller. Clones share the session, as the tabs of a browser do.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    session: Arc<Mutex<Option<String>>>,
}

impl Client {
    /// Returns the same caller without the token: the session is left.
    pub(crate) fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    /// Returns a caller without session and token.
    pub(crate) fn new(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()
            .expect("a client without certificates of its own can be built");
        Self {
            http,
            url: url.to_owned(),
            token: None,
            session: Arc::default(),
        }
    }

    /// Returns the same caller with a token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Returns a caller without session and token who uses the same connections.
    pub(crate) fn stranger(&self) -> Self {
        Self {
            http: self.http.clone(),
            url: self.url.clone(),
            token: None,
            session: Arc::default(),
        }
    }

    /// Returns the same caller at another address: the server after a restart.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// Returns the token.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns the value of the session's cookie.
    pub(crate) fn session(&self) -> Option<String> {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Begins a call. The path lies below `/api/v1`, unless it begins with a second slash: `//health/live`.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let (address, api_path) = match path.strip_prefix("//") {
            None => (
                format!("{}{API}{path}", self.url),
                Some((method.clone(), format!("{API}{path}"))),
            ),
            Some(path) => (format!("{}/{path}", self.url), None),
        };
        let mut request = self.http.request(method, address);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(session) = self.session() {
            request = request.header("cookie", format!("{COOKIE}={session}"));
        }
        Call {
            client: self,
            request,
            api_path,
        }
    }

    /// Begins a GET.
    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// Begins a POST.
    pub(crate) fn post(&self, path: &str, body: Value) -> Call<'_> {
        self.call(Method::POST, path).json(&body)
    }

    /// Begins a PUT.
    pub(crate) fn put(&self, path: &str, body: Value) -> Call<'_> {
        self.call(Method::PUT, path).json(&body)
    }

    /// Begins a PATCH.
    pub(crate) fn patch(&self, path: &str, body: Value) -> Call<'_> {
        self.call(Method::PATCH, path).json(&body)
    }

    /// Begins a DELETE.
    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    fn take_cookie(&self, headers: &HeaderMap) {
        let prefix = format!("{COOKIE}=");
        for cookie in headers.get_all(SET_COOKIE) {
            let Some(rest) = cookie.to_str().ok().and_then(|text| text.strip_prefix(&prefix)) else {
                continue;
            };
            let value = rest.split(';').next().unwrap_or_default();
            let kept = (!value.is_empty()).then(|| value.to_owned());
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}

/// A call that has not been sent.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub(crate) struct Call<'a> {
    client: &'a Client,
    request: RequestBuilder,
    /// What the API's reference knows the call by; nothing for what is not of the API.
    api_path: Option<(Method, String)>,
}

impl Call<'_> {
    /// Adds a body of JSON.
    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Adds a body as it stands, said to be JSON.
    pub(crate) fn text(mut self, body: impl Into<String>) -> Self {
        self.request = self
            .request
            .header("content-type", "application/json")
            .body(body.into());
        self
    }

    /// Adds a body of no stated kind.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request = self.request.body(body.into());
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds an idempotency key.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Expects the entity to have this version.
    pub(crate) fn if_match(self, version: u64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// Asks for the short answer.
    pub(crate) fn minimal(self) -> Self {
        self.header("prefer", "return=minimal")
    }

    /// Sends it; the server must answer.
    ///
    /// An answer of the API must be as its reference says.
    pub(crate) async fn send(self) -> Answer {
        let (client, api_path) = (self.client, self.api_path.clone());
        let answer = self
            .try_send()
            .await
            .unwrap_or_else(|error| panic!("the server did not answer: {error:?}"));
        if let Some((method, path)) = api_path {
            reference::check(&client.http, &client.url, method.as_str(), &path, &answer).await;
        }
        answer
    }

    /// Sends it to a server that may be gone, or go in the middle.
    ///
    /// # Errors
    /// No whole answer came. Whether the server did what was asked is then unknown.
    pub(crate) async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response = self.request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        self.client.take_cookie(&headers);
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            headers,
            text,
            json,
        })
    }

    /// Sends it, and returns the body of an answer with this status.
    pub(crate) async fn ok(self, status: u16) -> Value {
        self.send().await.expect(status)
    }

    /// Sends it, and returns the problem of a refusal with this status and code.
    pub(crate) async fn refused(self, status: u16, code: &str) -> Value {
        self.send().await.expect_refused(status, code)
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body, or null where it is not JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// Returns a header, or nothing when it is absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the version in the `ETag`.
    pub(crate) fn etag(&self) -> Option<u64> {
        self.header("etag")?.trim_matches('"').parse().ok()
    }

    /// Tells whether it is a stored answer.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// Returns the body if the status is this one, and fails the test otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "the body is {}", self.text);
        self.json
    }

    /// Returns the problem if status and code are these, and fails the test otherwise. Every refusal has the same
    /// form, so that is tested with each.
    #[track_caller]
    pub(crate) fn expect_refused(self, status: u16, code: &str) -> Value {
        let said = (self.status, self.json["error"].as_str().unwrap_or_default());
        assert_eq!(said, (status, code), "the body is {}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("urn:cartwright:problem:{code}"));
        let filled = |field: &str| self.json[field].as_str().is_some_and(|text| !text.is_empty());
        assert!(
            filled("title") && filled("message") && filled("request_id"),
            "the body is {}",
            self.text
        );
        assert!(self.json["details"].is_object(), "the body is {}", self.text);
        self.json
    }
}
