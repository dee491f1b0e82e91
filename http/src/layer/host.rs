//! Which host a request names: it decides nothing here, but what stands in front of the server may go by another one.

use crate::problem::Refused;
use axum::{
    extract::Request,
    http::{HeaderValue, Version, header},
};
use cartwright_domain::Class;

/// What a name of a host and a port may have besides letters and digits (RFC 3986, section 3.2).
const SIGNS: &[u8] = b"-._~!$&'()*+,;=%:[]";

/// Refuses a request that names no host, several, or what is none (RFC 9112, section 3.2).
pub(super) fn check(request: &Request) -> Result<(), Refused> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let is_right = match (lines.next(), lines.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(line), None) => is_host(line),
        (Some(_), Some(_)) => false,
    };
    let message = "a request names the host that it goes to in one header Host, as it stands in the address";
    is_right
        .then_some(())
        .ok_or_else(|| Refused::new(Class::Malformed, "request.host_malformed", message))
}

fn is_host(line: &HeaderValue) -> bool {
    let mut bytes = line.as_bytes().iter();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || SIGNS.contains(byte))
}
