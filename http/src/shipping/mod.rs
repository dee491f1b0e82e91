//! Shipping methods, for staff. Which of them a cart may choose is shown with the cart.

mod admin;
mod dto;

pub(crate) use admin::routes;
