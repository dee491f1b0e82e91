//! Customers, for staff.

mod admin;
mod dto;
mod import;

pub(crate) use admin::routes;
