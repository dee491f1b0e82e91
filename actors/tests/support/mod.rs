//! What the tests of an engine in trouble share: a shop whose data outlive a kill, and the engines that run on it.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "two test binaries share this module, and neither uses all of it"
)]

pub(crate) mod house;
mod outage;
