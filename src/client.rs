//! A client of the wire contract, lean enough to keep a server busy from the same machine.
//!
//! A [`Connection`] is one kept-alive HTTP/1.1 connection; who wants several requests at once opens several. Cookies
//! are carried by the caller, who plays many guests over one connection. A refusal is decoded from problem+json and
//! says what to do about it.

mod connection;
mod guest;
mod plain;
mod refusal;

pub(crate) use connection::{Answer, Call, Connection};
pub(crate) use guest::{Cart, Details, Ending, Guest};
pub(crate) use refusal::Refusal;

use crate::cli::Remote;
use anyhow::{Context, bail, ensure};
use cartwright_actors::PAGE_LIMIT_MAX;
use hyper::header::HeaderValue;
use serde::de::DeserializeOwned;

/// Where the API's paths start.
pub(crate) const API: &str = "/api/v1";

/// The server to speak to and the staff token to show.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Host and port to connect to.
    authority: String,
    /// The path that stands before [`API`], where a proxy adds one.
    base: String,
    /// `Authorization` of staff calls.
    staff: Option<HeaderValue>,
    /// Whether the connection is encrypted.
    encrypted: bool,
}

impl Server {
    /// Reads the arguments that name the server.
    ///
    /// # Errors
    /// The address or the token cannot be used, and what would be right.
    pub(crate) fn new(remote: &Remote) -> anyhow::Result<Self> {
        let advice = "give the server's address, for example --url http://127.0.0.1:8080";
        let uri: hyper::Uri = remote
            .url
            .parse()
            .with_context(|| format!("{:?} is no address; {advice}", remote.url))?;
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!(
                "{:?} does not start with http:// or https://; {advice}",
                remote.url
            ),
        };
        let authority = uri
            .authority()
            .with_context(|| format!("{:?} names no host; {advice}", remote.url))?;
        let authority = match authority.port_u16() {
            Some(_) => authority.to_string(),
            None => format!("{authority}:{}", if encrypted { 443 } else { 80 }),
        };
        let staff = match remote
            .token
            .as_deref()
            .map(str::trim)
            .filter(|token| !token.is_empty())
        {
            None => None,
            Some(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                    .context("the staff token holds characters that no token has; copy it again")?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let base = uri.path().trim_end_matches('/');
        ensure!(
            !base.ends_with(API),
            "{:?} goes on after the server's address; leave {API} out",
            remote.url
        );
        let base = base.to_owned();
        Ok(Self {
            authority,
            base,
            staff,
            encrypted,
        })
    }

    /// Returns the staff token's header.
    ///
    /// # Errors
    /// No token was given, and where to get one.
    pub(crate) fn staff(&self) -> anyhow::Result<&HeaderValue> {
        self.staff.as_ref().context(
            "this needs a staff token: give --token or set CARTWRIGHT_TOKEN; the server's first start printed one, \
             and `cartwright token --data DIR` issues another",
        )
    }

    /// Returns the server's address as a person would write it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.base)
    }
}

/// Returns everything a list endpoint has, asking for pages until the last.
///
/// # Errors
/// A page was refused or could not be read.
pub(crate) async fn list_all<T: DeserializeOwned>(
    connection: &mut Connection,
    staff: &HeaderValue,
    path: &str,
) -> anyhow::Result<Vec<T>> {
    let mut pages = Pages::of(path);
    let mut items = Vec::new();
    while let Some(page) = pages.next(connection, staff).await? {
        items.extend(page);
    }
    Ok(items)
}

/// A list endpoint's pages, for lists that are too long to be held.
pub(crate) struct Pages<'a> {
    path: &'a str,
    /// What asks for the next page; nothing after the last.
    query: Option<String>,
}

impl<'a> Pages<'a> {
    /// Returns the pages of a path without a query.
    pub(crate) fn of(path: &'a str) -> Self {
        Self {
            path,
            query: Some(format!("limit={PAGE_LIMIT_MAX}")),
        }
    }

    /// Asks for the next page; nothing after the last.
    ///
    /// # Errors
    /// The page was refused or could not be read.
    pub(crate) async fn next<T: DeserializeOwned>(
        &mut self,
        connection: &mut Connection,
        staff: &HeaderValue,
    ) -> anyhow::Result<Option<Vec<T>>> {
        #[derive(serde::Deserialize)]
        struct Page<T> {
            items: Vec<T>,
            next_cursor: Option<String>,
        }
        let Some(query) = self.query.take() else {
            return Ok(None);
        };
        let asked = format!("{}?{query}", self.path);
        let page: Page<T> = connection.call(Call::get(&asked).staff(staff)).await?.json()?;
        let next = page.next_cursor;
        self.query = next.map(|cursor| format!("limit={PAGE_LIMIT_MAX}&cursor={}", percent_encoded(&cursor)));
        Ok(Some(page.items))
    }
}

/// Writes a text so that it can stand in a query or as a path segment.
pub(crate) fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string succeeds");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
