# Short names for what is done often. Everything here is plain cargo or a script; nothing needs just.

# Lists the recipes.
default:
    @just --list

# Builds and runs the demo shop in ./cartwright-data, which is made and filled where it is not there.
demo:
    cargo run --release -- demo

# Passes the tests.
test:
    cargo test

# The tests of one crate: `just test-of storage`.
test-of crate:
    cargo test -p cartwright-{{crate}}

# What a change must pass before review, without the slow parts.
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo test --test it tidy

# Everything the gate runs.
ci:
    .ci/run

# Kills the real binary at random under load, so many times.
crash cycles="100":
    CARTWRIGHT_CRASH_CYCLES={{cycles}} cargo test --test crash

# Plays the journal on a disk that loses what was not synced, so many seeds.
disk seeds="100000":
    CARTWRIGHT_DISK_SEEDS={{seeds}} cargo test -p cartwright-storage --lib crash_tests -- --nocapture

# Flips every byte of a small journal, and every byte that is not zero of a small data directory.
flips:
    CARTWRIGHT_FLIPS=all cargo test -p cartwright-storage flip -- --nocapture

# Plays whole shops, seed after seed, until it is stopped or one fails: `just sim`, `just sim 17`.
sim seed="":
    {{ if seed == "" { "" } else { "CARTWRIGHT_SIM_SEED=" + seed } }} cargo test --test sim -- --ignored --nocapture seeds_until_stopped

# Prices random carts by the engine and by its exact model, until it is stopped or they differ: `just model 17`.
model seed="":
    {{ if seed == "" { "" } else { "CARTWRIGHT_MODEL_SEED=" + seed } }} cargo test --test model -- --ignored --nocapture carts_until_stopped

# Buys something from a release binary, kills it, starts it again.
smoke:
    cargo build --release
    tests/smoke.sh target/release/cartwright

# Licences, bans and sources of the dependencies; advisories too where the database can be fetched.
deny:
    cargo deny check
