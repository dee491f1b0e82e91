//! The outside world behind traits: payment providers, carriers, tax calculators and mail.
//!
//! A gateway knows domain types and its own protocol, and neither the engine nor another gateway. It must never
//! decide a rule of commerce: it does what it is told, once per key, and says what happened.

pub mod carrier;
mod deadline;
mod gathering;
pub mod mail;
mod operation;
pub mod payment;
mod place;
pub mod tax;
