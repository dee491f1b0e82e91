//! The store, from outside: its contract, its recovery, its bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bytes;
mod contract;
mod damage;
mod disk;
mod faults;
mod flips;
mod history;
mod left;
mod recovery;
mod replaced;
mod scans;
mod support;
mod telling;
