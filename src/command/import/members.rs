//! The members of what a row becomes: only those that it gives, for the server leaves the others as they are.

use serde::Serialize;
use serde_json::{Map, Value};

/// See the module.
#[derive(Debug, Default, Serialize)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Puts a member in, unless the row does not give it.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
    }
}
