//! The entity runtime, the use cases on it, sagas and subscribers.

pub mod runtime;
