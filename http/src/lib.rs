//! The thin edge: one request to one use case, one error to problem+json.
//!
//! It knows `domain` and `actors`, never storage or gateways, and holds no rule of commerce.

pub mod auth;
pub mod extract;
pub mod health;
pub mod layer;
pub mod openapi;
mod page;
pub mod problem;
pub mod router;
pub mod server;
#[cfg(test)]
mod tests;
