//! Promotions, for staff. What they take off a cart is shown with the cart.

mod admin;
mod dto;

pub(crate) use admin::routes;
