//! Cartwright: a commerce engine in one self-contained binary.
//!
//! This crate is the composition root: it reads the configuration, chooses the parts, and starts and stops them.

pub mod config;
pub mod telemetry;
