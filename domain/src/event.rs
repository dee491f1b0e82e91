//! Events: facts for others. The snapshot is the truth; events say what happened to it.

use serde::{Serialize, de::DeserializeOwned};

/// The events of one kind of entity.
pub trait EventBody: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The schema of the stored form; golden bytes of every schema must load for ever.
    const SCHEMA: u16;
    /// The stable name, noun and participle: `cart.line_added`.
    fn name(&self) -> &'static str;
}
