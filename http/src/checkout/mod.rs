//! Checkouts: attempts to turn a cart into an order.

mod dto;
mod shop;

pub(crate) use shop::routes;
