//! One kept-alive HTTP/1.1 connection.

use super::plain::Plain;
use super::{API, Refusal, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use std::io::{self, Write};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take. Longer than the server's deadline by default; where `request_timeout_ms` is more, a call is
/// given up before the server gives it up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a call is repeated that the server was too busy for.
const BUSY_RETRIES_MAX: u32 = 50;

/// How long to wait before such a repeat where the server does not say.
const BUSY_WAIT: Duration = Duration::from_millis(200);

/// The longest such wait, whatever the server says.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
static MINIMAL: HeaderValue = HeaderValue::from_static("return=minimal");
static JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Bytes,
    staff: Option<&'a HeaderValue>,
    cookie: Option<&'a HeaderValue>,
    key: Option<HeaderValue>,
    minimal: bool,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            body: Bytes::new(),
            staff: None,
            cookie: None,
            key: None,
            minimal: false,
        }
    }

    /// Asks for what is at a path below the API's root.
    pub(crate) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Posts to a path below the API's root.
    pub(crate) fn post(path: &'a str) -> Self {
        Self::new(Method::POST, path)
    }

    /// Puts to a path below the API's root.
    pub(crate) fn put(path: &'a str) -> Self {
        Self::new(Method::PUT, path)
    }

    /// Patches what is at a path below the API's root.
    pub(crate) fn patch(path: &'a str) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// Deletes what is at a path below the API's root.
    pub(crate) fn delete(path: &'a str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Sends a JSON body.
    pub(crate) fn body(mut self, json: impl Into<Bytes>) -> Self {
        self.body = json.into();
        self
    }

    /// Shows the staff token.
    pub(crate) fn staff(mut self, token: &'a HeaderValue) -> Self {
        self.staff = Some(token);
        self
    }

    /// Shows a guest's session.
    pub(crate) fn cookie(mut self, cookie: &'a HeaderValue) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Makes a repeat harmless.
    pub(crate) fn key(mut self, key: HeaderValue) -> Self {
        self.key = Some(key);
        self
    }

    /// Asks for the changed line and totals only.
    pub(crate) fn minimal(mut self) -> Self {
        self.minimal = true;
        self
    }
}

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Those of the headers that somebody looks at.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Reads the body.
    ///
    /// # Errors
    /// The body is not what the contract says.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body)
            .context("the server's answer is not what this version expects; are both of the same version?")
    }

    /// Returns the session cookie that was set, ready to be sent back.
    pub(crate) fn session_cookie(&self) -> Option<HeaderValue> {
        let set = self.headers.get(header::SET_COOKIE)?.as_bytes();
        let pair = set.split(|byte| *byte == b';').next()?;
        HeaderValue::from_bytes(pair).ok()
    }

    /// Returns how long the server asks to wait, within bounds.
    pub(crate) fn retry_after(&self) -> Duration {
        retry_after(&self.headers)
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let asked = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds = asked.and_then(|text| text.parse().ok());
    seconds
        .map_or(BUSY_WAIT, Duration::from_secs)
        .clamp(BUSY_WAIT, BUSY_WAIT_MAX)
}

/// One kept-alive connection to the server, opened again where the server closed it between two calls.
#[derive(Debug)]
pub(crate) struct Connection {
    server: Server,
    host: HeaderValue,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    /// The lean way.
    Plain(Plain),
    /// For a server behind TLS.
    Encrypted(reqwest::Client),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, and what to do about it.
    pub(crate) async fn open(server: &Server) -> anyhow::Result<Self> {
        let host = HeaderValue::from_str(&server.authority).context("the address holds odd characters")?;
        Ok(Self {
            server: server.clone(),
            host,
            transport: connect(server).await?,
        })
    }

    /// Sends a call and returns its answer; a call the server is too busy for is repeated after the time it asks for. What no
    /// wait mends is not.
    ///
    /// # Errors
    /// [`Refusal`] where the server refuses, otherwise what befell the connection.
    pub(crate) async fn call(&mut self, call: Call<'_>) -> anyhow::Result<Answer> {
        let mut busy = 0;
        loop {
            let answer = self.send(&call).await?;
            if answer.status.is_success() {
                return Ok(answer);
            }
            let refusal = Refusal::read(&call.method, call.path, answer.status, &answer.body);
            if !refusal.may_pass() || BUSY_RETRIES_MAX <= busy {
                return Err(refusal.into());
            }
            busy += 1;
            tokio::time::sleep(answer.retry_after()).await;
        }
    }

    /// Sends a call once, whether the server is busy or not.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub(crate) async fn once(&mut self, call: Call<'_>) -> anyhow::Result<Answer> {
        let answer = self.send(&call).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Refusal::read(&call.method, call.path, answer.status, &answer.body).into())
    }

    async fn send(&mut self, call: &Call<'_>) -> anyhow::Result<Answer> {
        let late = || format!("{} {}: no answer in {ANSWER_TIMEOUT:?}", call.method, call.path);
        if !call.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("{:?} is no path; percent-encode what stands in it", call.path);
        }
        let answering = self.exchange(call);
        tokio::time::timeout(ANSWER_TIMEOUT, answering)
            .await
            .with_context(late)?
    }

    async fn exchange(&mut self, call: &Call<'_>) -> anyhow::Result<Answer> {
        if let Transport::Plain(plain) = &self.transport
            && !plain.is_usable()
        {
            self.transport = connect(&self.server).await?;
        }
        let lost = || {
            format!(
                "{} {}: the server went away in the middle",
                call.method, call.path
            )
        };
        let base = &self.server.base;
        match &mut self.transport {
            Transport::Plain(plain) => {
                let exchanged = plain.exchange(|out| call.write(base, &self.host, out)).await;
                exchanged.with_context(lost)
            }
            Transport::Encrypted(client) => {
                let url = format!("https://{}{base}{API}{}", self.server.authority, call.path);
                let response = client
                    .request(call.method.clone(), url)
                    .headers(
                        call.headers()
                            .map(|(name, value)| (name, value.clone()))
                            .collect(),
                    )
                    .body(call.body.clone())
                    .send()
                    .await;
                let response = response.map_err(|error| {
                    let is_unconnected = error.is_connect();
                    let error = anyhow::Error::from(error);
                    let why = match is_unconnected {
                        true if is_not_understood(&error) => not_encrypted(&self.server),
                        true => nobody(&self.server),
                        false => lost(),
                    };
                    error.context(why)
                })?;
                let (status, headers) = (response.status(), response.headers().clone());
                Ok(Answer {
                    status,
                    headers,
                    body: response.bytes().await.with_context(lost)?,
                })
            }
        }
    }
}

impl Call<'_> {
    /// Returns its headers, but for those that only say how it is sent.
    fn headers(&self) -> impl Iterator<Item = (HeaderName, &HeaderValue)> {
        let json = (!self.body.is_empty()).then_some((header::CONTENT_TYPE, &JSON));
        let minimal = self.minimal.then_some((PREFER, &MINIMAL));
        let staff = self.staff.map(|staff| (header::AUTHORIZATION, staff));
        let cookie = self.cookie.map(|cookie| (header::COOKIE, cookie));
        let key = self.key.as_ref().map(|key| (IDEMPOTENCY_KEY, key));
        [json, minimal, staff, cookie, key].into_iter().flatten()
    }

    /// Writes it as HTTP/1.1.
    fn write(&self, base: &str, host: &HeaderValue, out: &mut Vec<u8>) {
        let Self { method, path, .. } = self;
        write!(out, "{method} {base}{API}{path} HTTP/1.1\r\n").expect("writing to a buffer succeeds");
        let mut header = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        header("host", host.as_bytes());
        for (name, value) in self.headers() {
            header(name.as_str(), value.as_bytes());
        }
        if self.method != Method::GET {
            header("content-length", self.body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

async fn connect(server: &Server) -> anyhow::Result<Transport> {
    if server.encrypted {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()?;
        return Ok(Transport::Encrypted(client));
    }
    let nobody = || nobody(server);
    let connecting = TcpStream::connect(&server.authority);
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .with_context(nobody)?
        .with_context(nobody)?;
    stream.set_nodelay(true)?;
    Ok(Transport::Plain(Plain::new(stream)))
}

/// Tells whether somebody answered who does not speak TLS as it is spoken here.
fn is_not_understood(error: &anyhow::Error) -> bool {
    let is_so = |error: &io::Error| {
        let within = error
            .get_ref()
            .and_then(|error| error.downcast_ref::<io::Error>());
        within.unwrap_or(error).kind() == io::ErrorKind::InvalidData
    };
    error.chain().any(|error| error.downcast_ref().is_some_and(is_so))
}

/// Says that what answers is no https, and what to do about it.
fn not_encrypted(server: &Server) -> String {
    let authority = &server.authority;
    format!(
        "what answers at {} speaks no TLS that can be used; a server that no proxy stands before is at http://{authority}",
        server.url()
    )
}

/// Says that nobody listens, and what to do about it.
fn nobody(server: &Server) -> String {
    format!(
        "no server answers at {}; start one with `cartwright serve`, or name another with --url",
        server.url()
    )
}
