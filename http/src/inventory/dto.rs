//! Stock on the wire.

use crate::answer::versioned;
use cartwright_actors::Shown;
use cartwright_domain::id::{StockItemId, VariantId};
use cartwright_domain::inventory::{self, AdjustStock, DEFAULT_LOCATION, StockItem};
use cartwright_domain::settings::Settings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The stock of one variant at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Stock {
    /// Its id.
    id: String,
    /// Whose stock.
    variant_id: String,
    /// Where it lies.
    #[schema(example = "default")]
    location: String,
    /// Is it counted? What is not never runs out.
    tracked: bool,
    /// Units in the house, promised ones included.
    on_hand: u64,
    /// Units held for checkouts.
    reserved: u64,
    /// Units promised to orders.
    allocated: u64,
    /// Units kept back or, negative, the backorder allowance.
    buffer: i64,
    /// Units a shopper may still have; `null`: stock is not counted.
    available: Option<i64>,
    /// Units on hand at which the stock is low.
    low_stock_level: u64,
    /// How often it was changed; 0 while nobody has said anything about it.
    version: u64,
}

/// What staff decide about stock. What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct StockLevels {
    /// Is it counted?
    tracked: bool,
    /// Units in the house.
    on_hand: Option<u64>,
    /// Units kept back or, negative, the backorder allowance.
    buffer: Option<i64>,
    /// Units on hand at which the stock is low; the setting of the store until it is said.
    low_stock_level: Option<u64>,
}

/// A change of the units in the house.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct StockAdjustment {
    /// Units that came or, negative, went.
    #[schema(example = -3)]
    delta: i64,
    /// Why.
    #[schema(example = "damaged")]
    reason: String,
    /// What it refers to, in another system's words.
    reference: Option<String>,
}

versioned!(Stock);

impl From<&Shown<StockItem>> for Stock {
    fn from(shown: &Shown<StockItem>) -> Self {
        let item = &shown.state;
        Self {
            id: item.id().to_string(),
            variant_id: item.variant().to_string(),
            location: item.location().to_owned(),
            tracked: item.is_tracked(),
            on_hand: item.on_hand(),
            reserved: item.reserved(),
            allocated: item.allocated(),
            buffer: item.buffer(),
            available: item.available(),
            low_stock_level: item.low_stock_level(),
            version: shown.revision.0,
        }
    }
}

impl Stock {
    /// Returns what is true of a variant about whose stock nobody has said anything.
    pub(super) fn untold(variant: VariantId, settings: &Settings) -> Self {
        Self {
            id: StockItemId::of(variant, DEFAULT_LOCATION).to_string(),
            variant_id: variant.to_string(),
            location: DEFAULT_LOCATION.to_owned(),
            tracked: false,
            on_hand: 0,
            reserved: 0,
            allocated: 0,
            buffer: 0,
            available: None,
            low_stock_level: settings.low_stock_level,
            version: 0,
        }
    }
}

impl From<StockLevels> for inventory::StockLevels {
    fn from(levels: StockLevels) -> Self {
        Self {
            tracked: Some(levels.tracked),
            on_hand: levels.on_hand,
            buffer: levels.buffer,
            low_stock_level: levels.low_stock_level,
        }
    }
}

impl From<StockAdjustment> for AdjustStock {
    fn from(adjustment: StockAdjustment) -> Self {
        Self {
            delta: adjustment.delta,
            reason: adjustment.reason,
            reference: adjustment.reference,
        }
    }
}
