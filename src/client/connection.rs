//! One kept-alive HTTP/1.1 connection.

use super::{API, Refusal, Server};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take. Longer than any deadline of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a call is repeated that the server was too busy for.
const BUSY_RETRIES_MAX: u32 = 50;

/// How long to wait before such a repeat where the server does not say.
const BUSY_WAIT: Duration = Duration::from_millis(200);

/// The longest such wait, whatever the server says.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const MINIMAL: HeaderValue = HeaderValue::from_static("return=minimal");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

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
    /// The headers.
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
    Plain(SendRequest<Full<Bytes>>),
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

    /// Sends a call and returns its answer; a call the server is too busy for is repeated after the time it asks for.
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
            let is_busy = matches!(
                answer.status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if !is_busy || BUSY_RETRIES_MAX <= busy {
                return Err(Refusal::read(&call.method, call.path, answer.status, &answer.body).into());
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
        let request = self.request(call)?;
        let lost = || {
            format!(
                "{} {}: the server went away in the middle",
                call.method, call.path
            )
        };
        let late = || format!("{} {}: no answer in {ANSWER_TIMEOUT:?}", call.method, call.path);
        let answering = self.exchange(request);
        tokio::time::timeout(ANSWER_TIMEOUT, answering)
            .await
            .with_context(late)?
            .with_context(lost)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        if let Transport::Plain(sender) = &mut self.transport
            && sender.ready().await.is_err()
        {
            self.transport = connect(&self.server).await?;
        }
        match &mut self.transport {
            Transport::Plain(sender) => {
                let (head, body) = sender.send_request(request).await?.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok(Answer {
                    status: head.status,
                    headers: head.headers,
                    body,
                })
            }
            Transport::Encrypted(client) => {
                let (head, body) = request.into_parts();
                let url = format!("https://{}{}", self.server.authority, head.uri);
                let body = body.collect().await?.to_bytes();
                let response = client
                    .request(head.method, url)
                    .headers(head.headers)
                    .body(body)
                    .send()
                    .await?;
                let (status, headers) = (response.status(), response.headers().clone());
                Ok(Answer {
                    status,
                    headers,
                    body: response.bytes().await?,
                })
            }
        }
    }

    fn request(&self, call: &Call<'_>) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut uri = String::with_capacity(self.server.base.len() + API.len() + call.path.len());
        uri.push_str(&self.server.base);
        uri.push_str(API);
        uri.push_str(call.path);
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri.parse()?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        if !call.body.is_empty() {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        if let Some(staff) = call.staff {
            headers.insert(header::AUTHORIZATION, staff.clone());
        }
        if let Some(cookie) = call.cookie {
            headers.insert(header::COOKIE, cookie.clone());
        }
        if let Some(key) = &call.key {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        if call.minimal {
            headers.insert(PREFER, MINIMAL);
        }
        Ok(request)
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
    let nobody = || {
        format!(
            "no server answers at {}; start one with `cartwright serve`, or name another with --url",
            server.url()
        )
    };
    let connecting = TcpStream::connect(&server.authority);
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .with_context(nobody)?
        .with_context(nobody)?;
    stream.set_nodelay(true)?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await?;
    // The driver ends with the sender, or with the connection, which the next call then finds closed.
    tokio::spawn(driver);
    Ok(Transport::Plain(sender))
}
