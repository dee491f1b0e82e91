//! What is kept in memory while there is room, with the least recently used let go of.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::hash::Hash;

/// In how many parts it is kept, each with its own lock and its share of the room: a part must have room for the heaviest
/// item, however many cores there are.
const PARTS: usize = 8;

/// Makes room for some `items` that weigh at most so much together.
pub(crate) fn kept<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    items: usize,
    weight_max: u64,
    weighter: W,
) -> Cache<K, V, W> {
    let options = OptionsBuilder::new()
        .shards(PARTS)
        .estimated_items_capacity(items)
        .weight_capacity(weight_max)
        .build()
        .expect("both capacities are given");
    let hasher = DefaultHashBuilder::default();
    Cache::with_options(options, weighter, hasher, DefaultLifecycle::default())
}
