//! Where the engine draws what only has to differ from everything drawn before.

use cartwright_domain::Seed;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Draws seeds for the engine's own work, and the jitter of its waits. Requests bring their own seed.
#[derive(Clone, Debug, Default)]
pub enum Randomness {
    /// From the machine: never the same twice.
    #[default]
    Machine,
    /// From one seed: the same in every run that draws in the same order.
    Seeded(Arc<Sequence>),
}

/// The draws of one seed, one after another.
#[derive(Debug)]
pub struct Sequence {
    seed: Seed,
    drawn: AtomicU64,
}

impl Randomness {
    /// Draws everything from one seed.
    pub fn seeded(seed: Seed) -> Self {
        Self::Seeded(Arc::new(Sequence {
            seed,
            drawn: AtomicU64::new(0),
        }))
    }

    /// Draws the randomness of one piece of work.
    pub fn seed(&self) -> Seed {
        match self {
            Self::Machine => Seed(Uuid::new_v4()),
            Self::Seeded(sequence) => {
                let number = sequence.drawn.fetch_add(1, Ordering::Relaxed);
                sequence.seed.derive(&number.to_be_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_the_same_again_and_never_twice_the_same() {
        let draw = || {
            let randomness = Randomness::seeded(Seed(Uuid::from_u128(7)));
            let shared = randomness.clone();
            [randomness.seed(), shared.seed(), randomness.seed()]
        };
        let [first, second, third] = draw();
        assert_eq!(draw(), [first, second, third]);
        assert!(first != second && second != third && third != first);
        let machine = Randomness::default();
        assert_ne!(machine.seed(), machine.seed());
    }
}
