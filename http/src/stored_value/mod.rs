//! Gift cards and store credit, for staff. How they pay for a cart is shown with the cart.

mod admin;
mod dto;
mod import;

pub(crate) use admin::routes;
