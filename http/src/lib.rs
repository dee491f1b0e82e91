//! The thin edge: one request to one use case, one error to problem+json.
//!
//! It knows `domain` and `actors`, never storage or gateways, and holds no rule of commerce.

pub mod auth;
#[cfg(test)]
mod auth_test;
pub mod extract;
pub mod health;
pub mod layer;
pub mod openapi;
mod page;
pub mod problem;
pub mod router;
#[cfg(test)]
mod router_test;
pub mod server;
#[cfg(test)]
mod server_test;
