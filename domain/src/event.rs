//! Events: facts for others. The snapshot is the truth; events say what happened to it.

use crate::entity::PastBody;
use serde::{Serialize, de::DeserializeOwned};

/// The events of one kind of entity.
pub trait EventBody: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The schema of the stored form; golden bytes of every schema must load for ever.
    const SCHEMA: u16;

    /// Reads the stored form of an earlier schema, as [`crate::Entity::decode_past`] does.
    ///
    /// # Errors
    /// A sentence when the schema is not known or the body does not fit.
    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        let _ = body;
        Err(format!("schema {schema} is not known"))
    }

    /// The stable name, noun and participle: `cart.line_added`.
    fn name(&self) -> &'static str;
}
