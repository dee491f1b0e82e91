//! Promotions, for staff. What they take off a cart is shown with the cart.

mod admin;
mod codes;
mod dto;
mod import;
mod judge;
mod what_if;

pub(crate) use admin::routes;
