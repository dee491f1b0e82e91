//! Pricing against a slow, exact model of it: the sentences of sections 1 and 2 of the semantics, and the guide's on price
//! lists, shipping, tax calculators and gift cards, in rational arithmetic, written without a look at the engine's own
//! pipeline. Random carts are priced by both, to the unit.
//!
//! `CARTWRIGHT_MODEL_CARTS` says how many carts (2,000 unless told), `CARTWRIGHT_MODEL_SEED` where their seeds begin. A
//! cart on which the two differ is made smaller and printed.

mod carts;
mod case;
#[path = "../crash/dice.rs"]
mod dice;
mod engine;
mod examples;
mod made;
mod money;
mod outside;
mod prices;
mod promotions;
mod properties;
mod ratio;
mod shipping;
mod smaller;

use case::Case;
use dice::of_environment;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many carts, unless the environment says otherwise.
const CARTS_DEFAULT: u64 = 2_000;

/// Returns what the model and the engine say where that is not the same.
fn difference(case: &Case) -> Option<String> {
    let compared = catch_unwind(AssertUnwindSafe(|| {
        let (model, engine) = (money::priced(case), engine::priced(case));
        (model != engine).then(|| format!("model: {model:#?}\nengine: {engine:#?}"))
    }));
    compared.unwrap_or_else(|_| Some("one of the two panics, as said above".to_owned()))
}

/// Prices the cart of a seed by both, and fails with the smallest cart on which they differ.
fn compare(seed: u64) {
    let case = carts::case(seed);
    if difference(&case).is_some() {
        let small = smaller::smallest(case, |smaller| difference(smaller).is_some());
        let found = difference(&small).unwrap_or_default();
        panic!("CARTWRIGHT_MODEL_SEED={seed} CARTWRIGHT_MODEL_CARTS=1\n{small:#?}\n{found}");
    }
}

#[test]
fn model_and_engine_agree_on_random_carts() {
    let first = of_environment("CARTWRIGHT_MODEL_SEED").unwrap_or(1);
    let carts = of_environment("CARTWRIGHT_MODEL_CARTS").unwrap_or(CARTS_DEFAULT);
    for seed in first..first + carts {
        compare(seed);
    }
}

#[test]
#[ignore = "ends when it is stopped, or when a cart fails"]
fn carts_until_stopped() {
    let first = of_environment("CARTWRIGHT_MODEL_SEED").unwrap_or_else(dice::seed_of_clock);
    for seed in first.. {
        compare(seed);
    }
}
