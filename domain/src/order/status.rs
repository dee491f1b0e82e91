//! The status machine (section 6.1 of the semantics).

use super::Error;
use serde::{Deserialize, Serialize};

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Placed, and nothing is set aside for it yet.
    Pending,
    /// It will be paid, or costs nothing.
    Confirmed,
    /// Some of it is being shipped.
    Processing,
    /// All of it is on its way.
    Shipped,
    /// All of it has arrived. Final.
    Delivered,
    /// It was called off before it was shipped. Final.
    Canceled,
    /// It will never be paid. Final.
    Failed,
}

impl Status {
    /// Every status, in the order of an order's life.
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Confirmed,
        Self::Processing,
        Self::Shipped,
        Self::Delivered,
        Self::Canceled,
        Self::Failed,
    ];

    /// Returns the legal next statuses; none when it is final.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Confirmed, Self::Failed, Self::Canceled],
            Self::Confirmed => &[Self::Processing, Self::Canceled],
            Self::Processing => &[Self::Shipped, Self::Canceled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered | Self::Canceled | Self::Failed => &[],
        }
    }

    /// Refuses a move that is not legal, one to the same status included.
    ///
    /// # Errors
    /// [`Error::AlreadyCanceled`], or [`Error::IllegalMove`] with the legal next statuses.
    pub fn require_next(self, to: Self) -> Result<(), Error> {
        if self.next().contains(&to) {
            return Ok(());
        }
        if self == Self::Canceled && to == Self::Canceled {
            return Err(Error::AlreadyCanceled);
        }
        Err(Error::IllegalMove { from: self, to })
    }

    /// Returns the stable name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Processing => "processing",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    /// Returns how much of the order is on its way or has arrived.
    pub const fn fulfillment(self) -> FulfillmentState {
        match self {
            Self::Pending | Self::Confirmed | Self::Processing | Self::Canceled | Self::Failed => {
                FulfillmentState::Unfulfilled
            }
            Self::Shipped => FulfillmentState::Shipped,
            Self::Delivered => FulfillmentState::Delivered,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of an order is on its way or has arrived. Told by the status as long as orders are shipped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FulfillmentState {
    /// Nothing.
    Unfulfilled,
    /// All of it is on its way.
    Shipped,
    /// All of it has arrived.
    Delivered,
}

impl FulfillmentState {
    /// Returns the stable name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unfulfilled => "unfulfilled",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
        }
    }
}
