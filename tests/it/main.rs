//! The promises, tested from outside: over HTTP, on the command line, and on the tree itself.

mod documented;
mod tidy;
