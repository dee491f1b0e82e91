//! Use cases of stock.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone, replayed, shown};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::{AskError, Ticket};
use cartwright_domain::catalog::Variant;
use cartwright_domain::id::{StockItemId, VariantId};
use cartwright_domain::inventory::{
    AdjustStock, CreateStockItem, DEFAULT_LOCATION, Error, SetStock, StockItem, StockLevels,
};
use cartwright_domain::{Refusal, Revision};
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

    /// Sets what staff decide about a variant's stock, of which nobody may have said anything before.
    ///
    /// # Errors
    /// `variant.not_found`; what [`SetStock`] refuses.
    pub async fn set_stock(
        &self,
        request: &Request,
        variant: VariantId,
        levels: StockLevels,
    ) -> Outcome<Shown<StockItem>> {
        let (items, id) = (&self.kinds().stock_items, stock_of(variant));
        let fresh = |ticket: Option<Ticket>| async move {
            let ask = || request.ask().ticket(ticket.clone());
            if self.is_untold(request, variant).await? {
                let command = self.new_stock(variant, levels).await?;
                match items.create(id, command, ask()).await {
                    // Somebody else was first.
                    Err(AskError::AlreadyExists { .. }) => {}
                    created => return shown(created?),
                }
            }
            shown(items.ask(id, SetStock { levels }, ask()).await?)
        };
        self.once(request, fresh, |receipt| {
            replayed::<StockItem, ()>(items, receipt)
        })
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
        let (items, id) = (&self.kinds().stock_items, stock_of(variant));
        let fresh = |ticket| async move {
            if self.is_untold(request, variant).await? {
                return Err(Error::Untracked.problem().into());
            }
            shown(items.ask(id, adjustment, request.ask().ticket(ticket)).await?)
        };
        self.once(request, fresh, |receipt| {
            replayed::<StockItem, ()>(items, receipt)
        })
        .await
    }

    /// Returns the command that brings the stock of a variant into being.
    pub(crate) async fn new_stock(
        &self,
        variant: VariantId,
        levels: StockLevels,
    ) -> Result<CreateStockItem, Refused> {
        let settings = self.kinds().current_settings().await?;
        Ok(CreateStockItem {
            variant,
            levels,
            low_stock_level: settings.low_stock_level,
        })
    }

    /// Tells whether nobody has said anything about the stock of a variant, which must be there. It is then at version
    /// 0, and a request that expects another one is refused.
    async fn is_untold(&self, request: &Request, variant: VariantId) -> Result<bool, Refused> {
        if self.stock(variant).await?.is_some() {
            return Ok(false);
        }
        let read = self.kinds().variants.read(variant).await;
        read.map_err(unreadable)?.ok_or_else(gone::<Variant>)?;
        request.require_revision(Revision::default())?;
        Ok(true)
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
