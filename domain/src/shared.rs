//! Reading straight into an [`Arc`]. serde's own way goes through a box: one more allocation and one more copy of each.
//!
//! For `#[serde(deserialize_with)]` where much is read, as the lines of a cart that wakes; what is written is the same as
//! without.
//!
//! Texts that come again and again, as titles and codes of what sells well, are shared by all that is read on a thread:
//! they take less memory, and no cache needs to hold them more than once.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::marker::PhantomData;
use std::sync::Arc;

/// How much room is made ahead of reading, whatever the text says that is coming.
const ROOM_MAX: usize = 4_096;

/// How many texts a thread knows: the last one of each place that their hashes lead to.
const KNOWN_TEXTS: usize = 1_024;
/// The longest text that is known, in bytes.
const KNOWN_BYTES_MAX: usize = 512;

thread_local! {
    /// The texts that a thread has seen last. Their hashes have no seed, since nothing is drawn here: whoever chooses
    /// texts can at most have others forgotten.
    static KNOWN: RefCell<Vec<Option<Arc<str>>>> = RefCell::new(vec![None; KNOWN_TEXTS]);
}

/// Returns a text as it is known, and knows it from now on.
fn share(known: &mut [Option<Arc<str>>], text: &str) -> Option<Arc<str>> {
    let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(text);
    let place = known.get_mut(usize::try_from(hash % KNOWN_TEXTS as u64).ok()?)?;
    match place {
        Some(known) if **known == *text => {}
        _ => *place = Some(text.into()),
    }
    place.clone()
}

/// Returns a text that is likely to come again, in memory that it shares with its like.
pub(crate) fn recurring(text: &str) -> Arc<str> {
    // A thread that ends knows nothing any more.
    let known = match text.len() {
        ..=KNOWN_BYTES_MAX => KNOWN.try_with(|known| share(&mut known.borrow_mut(), text)).ok(),
        _ => None,
    };
    known.flatten().unwrap_or_else(|| text.into())
}

/// Reads a text that is likely to come again.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Arc<str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
            Ok(recurring(text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_there_once() {
        let (first, again) = (recurring("a title"), recurring("a title"));
        assert!(Arc::ptr_eq(&first, &again));
        for number in 0..10 * KNOWN_TEXTS {
            let text = number.to_string();
            assert_eq!(*recurring(&text), text);
        }
        for length in [KNOWN_BYTES_MAX, KNOWN_BYTES_MAX + 1] {
            let long = "\u{e9}".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!((&*recurring(&long), long.len()), (long.as_str(), length));
            let is_known = Arc::ptr_eq(&recurring(&long), &recurring(&long));
            assert_eq!(is_known, length <= KNOWN_BYTES_MAX);
        }
    }
}
