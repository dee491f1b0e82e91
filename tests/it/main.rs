//! The promises, tested from outside: over HTTP, on the command line, and on the tree itself.

mod bench;
mod cli;
mod documented;
mod edge;
mod fake_shop;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
