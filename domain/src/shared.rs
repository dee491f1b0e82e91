//! Reading straight into an [`Arc`]. serde's own way goes through a box: one more allocation and one more copy of each.
//!
//! For `#[serde(deserialize_with)]` where much is read, as the lines of a cart that wakes; what is written is the same as
//! without.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// How much room is made ahead of reading, whatever the text says that is coming.
const ROOM_MAX: usize = 4_096;

/// Reads a text.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Arc<str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
            Ok(text.into())
        }
    }
    deserializer.deserialize_str(Text)
}

/// Reads a list of things that are shared one by one.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<Arc<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<Arc<T>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut things: A) -> Result<Vec<Arc<T>>, A::Error> {
            let mut list = Vec::with_capacity(things.size_hint().unwrap_or(0).min(ROOM_MAX));
            while let Some(thing) = things.next_element()? {
                list.push(Arc::new(thing));
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(List(PhantomData))
}
