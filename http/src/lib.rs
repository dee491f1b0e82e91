//! The thin edge: one request to one use case, one error to problem+json.
//!
//! It knows `domain` and `actors`, never storage or gateways, and holds no rule of commerce.

mod answer;
pub mod auth;
#[cfg(test)]
mod auth_test;
mod cart;
mod catalog;
mod checkout;
mod customer;
mod dto;
pub mod extract;
pub mod health;
mod history;
mod identity;
mod inventory;
pub mod layer;
pub mod openapi;
#[cfg(test)]
mod openapi_test;
mod order;
mod page;
pub mod problem;
mod promotion;
pub mod registry;
pub mod router;
#[cfg(test)]
mod router_test;
pub mod server;
#[cfg(test)]
mod server_test;
mod settings;
mod shipping;
mod stored_value;
mod tax;

pub use dto::instant;
