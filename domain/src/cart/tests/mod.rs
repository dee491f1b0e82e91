//! Behavior of carts, their totals and their merging.
