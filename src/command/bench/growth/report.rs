//! What was measured of growth, as it is kept in JSON.

use crate::command::bench::figures::{Side, permille};
use serde::{Deserialize, Serialize};

/// Everything about growth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// How many carts the store grew to.
    pub(crate) carts: u64,
    pub(crate) sizes: Vec<Size>,
    pub(crate) residents: Residents,
    pub(crate) recovery: Recovery,
    pub(crate) cold: Cold,
    /// As often as they were measured.
    pub(crate) long_carts: Vec<LongCarts>,
    pub(crate) largest: Largest,
    pub(crate) idle: Idle,
    pub(crate) import: Import,
    /// The room on the disk that the grown store took in the end.
    #[serde(default)]
    pub(crate) store_bytes: Option<u64>,
}

/// W2 with so many carts in store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) carts: u64,
    pub(crate) server: Side,
    /// A store of the first size, measured in turn with it.
    pub(crate) small: Side,
}

impl Size {
    /// Returns its operations a second in thousandths of the small store's.
    pub(crate) fn over_small_permille(&self) -> Option<u64> {
        permille(
            self.server.operations_per_second,
            self.small.operations_per_second,
        )
    }
}

/// How many carts were in memory at most while all of them were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Residents {
    pub(crate) ceiling: u64,
    /// Those with an actor, and those at rest, whose state is in memory.
    pub(crate) most: u64,
    /// Those with an actor.
    pub(crate) most_live: u64,
    /// In the busiest two seconds since there were as many as the ceiling, which is looked after once a second.
    pub(crate) opened_in_two_seconds: u64,
}

/// A kill under load, and the start after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recovery {
    pub(crate) carts: u64,
    pub(crate) ready_us: u64,
}

/// First touches of carts that no memory of the process holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cold {
    pub(crate) read: Touches,
    pub(crate) add: Touches,
}

/// Touches, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Touches {
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}

/// W2 on short carts and on long ones, in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LongCarts {
    pub(crate) short: Lines,
    pub(crate) long: Lines,
}

impl LongCarts {
    /// Returns what an add to a long cart costs in thousandths of one to a short cart.
    pub(crate) fn long_over_short_permille(&self) -> Option<u64> {
        permille(
            self.long.server.cpu_ns_per_operation,
            self.short.server.cpu_ns_per_operation,
        )
    }

    /// Returns how long half of the adds to a long cart take at most, in thousandths of those to a short cart.
    pub(crate) fn p50_over_permille(&self) -> Option<u64> {
        permille(self.long.server.p50_us, self.short.server.p50_us)
    }

    /// Returns the same of all but the slowest hundredth.
    pub(crate) fn p99_over_permille(&self) -> Option<u64> {
        permille(self.long.server.p99_us, self.short.server.p99_us)
    }
}

/// W2 on carts of so many lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lines {
    pub(crate) lines: u64,
    pub(crate) server: Side,
}

/// Every operation at the largest cart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Largest {
    pub(crate) lines: u64,
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) took_us: u64,
    pub(crate) error: Option<String>,
}

/// The memory of carts that are resident and do nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Idle {
    pub(crate) carts: u64,
    /// How many carts were resident in the end.
    pub(crate) resident: u64,
    pub(crate) grown_bytes: u64,
    pub(crate) bytes_per_cart: u64,
    /// A cart's snapshot.
    pub(crate) state_bytes_per_cart: u64,
}

/// An import of a catalog, by the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) variants: u64,
    pub(crate) took_ms: u64,
}
