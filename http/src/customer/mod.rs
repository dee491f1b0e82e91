//! Customers, for staff.

mod admin;
mod dto;

pub(crate) use admin::routes;
