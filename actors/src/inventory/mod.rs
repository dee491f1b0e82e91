//! Use cases of stock.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::catalog::Variant;
use cartwright_domain::id::{StockItemId, VariantId};
use cartwright_domain::inventory::{
    AdjustStock, CreateStockItem, DEFAULT_LOCATION, SetStock, StockItem, StockLevels,
};
use quick_cache::sync::Cache;
use std::sync::LazyLock;

impl Engine {
    /// Shows a variant's stock; none while nobody has said anything about it, and then it is not tracked.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn stock(&self, variant: VariantId) -> Result<Option<Shown<StockItem>>, Refused> {
        self.kinds()
            .stock_items
            .read(stock_of(variant))
            .await
            .map_err(unreadable)
    }

    /// Returns what can still be had of a variant; none when its stock is not tracked.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn available(&self, variant: VariantId) -> Result<Option<i64>, Refused> {
        Ok(self.stock(variant).await?.and_then(|item| item.state.available()))
    }

    /// Sets what staff decide about a variant's stock.
    ///
    /// # Errors
    /// `variant.not_found`; what [`SetStock`] refuses.
    pub async fn set_stock(
        &self,
        request: &Request,
        variant: VariantId,
        levels: StockLevels,
    ) -> Outcome<Shown<StockItem>> {
        self.ensure_stock_item(request, variant).await?;
        self.run(
            &self.kinds().stock_items,
            stock_of(variant),
            SetStock { levels },
            request,
        )
        .await
    }

    /// Changes a variant's stock by a difference.
    ///
    /// # Errors
    /// `variant.not_found`; what [`AdjustStock`] refuses.
    pub async fn adjust_stock(
        &self,
        request: &Request,
        variant: VariantId,
        adjustment: AdjustStock,
    ) -> Outcome<Shown<StockItem>> {
        self.ensure_stock_item(request, variant).await?;
        self.run(&self.kinds().stock_items, stock_of(variant), adjustment, request)
            .await
    }

    /// Makes the stock item of a variant, untracked, unless there is one.
    async fn ensure_stock_item(&self, request: &Request, variant: VariantId) -> Result<(), Refused> {
        if self.stock(variant).await?.is_some() {
            return Ok(());
        }
        if self
            .kinds()
            .variants
            .read(variant)
            .await
            .map_err(unreadable)?
            .is_none()
        {
            return Err(gone::<Variant>());
        }
        let command = CreateStockItem {
            variant,
            levels: StockLevels::default(),
        };
        match self
            .kinds()
            .stock_items
            .create(stock_of(variant), command, request.ask().if_match(None))
            .await
        {
            Ok(_) | Err(AskError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// How many ids of stock are remembered.
const STOCK_IDS_MAX: usize = 16_384;

/// Ids of stock by their variants. Each is a hash, which takes a dozen times the instructions of a look-up, and a purchase
/// needs those of its variants again and again.
static STOCK_IDS: LazyLock<Cache<VariantId, StockItemId>> = LazyLock::new(|| Cache::new(STOCK_IDS_MAX));

/// Returns the id of a variant's stock at the one location of this release.
pub(crate) fn stock_of(variant: VariantId) -> StockItemId {
    if let Some(known) = STOCK_IDS.get(&variant) {
        return known;
    }
    let id = StockItemId::of(variant, DEFAULT_LOCATION);
    STOCK_IDS.insert(variant, id);
    id
}
