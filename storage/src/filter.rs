//! What the index surely does not hold, told from memory.
//!
//! Most rows of a purchase are new, and most keys that are looked up are not there: without the filter each of them
//! costs a walk through sled. It is a split block Bloom filter, as in Parquet files: eight bits for each key, all in
//! one line of the processor's cache. With ten bits of room for each row it is wrong about one absent key in a
//! hundred, with fewer more often; a wrong answer costs a look-up. Rows that are deleted stay in it until the next start.

use foldhash::quality::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// One bit of each word is set for a key.
type Block = [AtomicU32; 8];
const BLOCK_BYTES: u64 = 32;
/// Odd numbers that choose a bit in each word: Parquet's.
const SALTS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// See the module.
pub(crate) struct Filter {
    blocks: Vec<Block>,
    /// Keyed anew in each process: callers choose some of the keys.
    hasher: RandomState,
    is_complete: AtomicBool,
}

impl Filter {
    /// Makes one that takes so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let blocks = usize::try_from(bytes / BLOCK_BYTES).unwrap_or(usize::MAX).max(1);
        Self {
            blocks: std::iter::repeat_with(Block::default).take(blocks).collect(),
            hasher: RandomState::default(),
            is_complete: AtomicBool::new(false),
        }
    }

    /// Notes a key that the index holds or is about to hold.
    pub(crate) fn add(&self, key: &[u8]) {
        let (block, bits) = self.find(key);
        for (word, bit) in block.iter().zip(bits) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Says that every key of the index was noted.
    pub(crate) fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// Tells whether the index does not hold a key, as far as that is known.
    pub(crate) fn surely_lacks(&self, key: &[u8]) -> bool {
        if !self.is_complete.load(Ordering::Acquire) {
            return false;
        }
        let (block, bits) = self.find(key);
        let mut words = block.iter().zip(bits);
        words.any(|(word, bit)| word.load(Ordering::Relaxed) & bit == 0)
    }

    fn find(&self, key: &[u8]) -> (&Block, [u32; 8]) {
        let hash = self.hasher.hash_one(key);
        let [low, high] = halves(hash);
        // Scaled to the number of blocks.
        let at = usize::try_from((u64::from(high) * self.blocks.len() as u64) >> 32).unwrap_or(0);
        let bits = SALTS.map(|salt| 1 << (low.wrapping_mul(salt) >> 27));
        (&self.blocks[at], bits)
    }
}

/// The low half of a number, then the high one.
fn halves(number: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_never_said_to_lack() {
        let filter = Filter::new(16 * 1024);
        let key = |number: u32| number.to_be_bytes();
        for number in 0..10_000 {
            filter.add(&key(number));
        }
        assert!(!filter.surely_lacks(&key(20_000)), "it is not complete yet");
        filter.complete();
        assert!((0..10_000).all(|number| !filter.surely_lacks(&key(number))));
        let wrong = (20_000..30_000).filter(|number| !filter.surely_lacks(&key(*number)));
        assert!(wrong.count() < 300, "of ten thousand, with 13 bits a key");
    }
}
