//! Use cases of price lists.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Outcome, Refused, Request};
use cartwright_domain::catalog::{
    CreatePriceList, DeletePriceList, PriceList, PriceListDraft, UpdatePriceList,
};
use cartwright_domain::id::PriceListId;
use cartwright_domain::{Kind, Listing};

impl Engine {
    /// Lists the price lists by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn price_lists(&self, page: PageRequest) -> Result<Page<Shown<PriceList>>, Refused> {
        let lists = &self.kinds().price_lists;
        self.page(lists, Listing::PriceLists, b"", Order::Ascending, page)
            .await
    }

    /// Shows a price list.
    ///
    /// # Errors
    /// `price_list.not_found`.
    pub async fn price_list(&self, id: PriceListId) -> Result<Shown<PriceList>, Refused> {
        let read = self.kinds().price_lists.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<PriceList>)
    }

    /// Makes a price list. What variants cost by it is set on them.
    ///
    /// # Errors
    /// Every bad field; `catalog.too_many_price_lists`.
    pub async fn create_price_list(
        &self,
        request: &Request,
        draft: PriceListDraft,
    ) -> Outcome<Shown<PriceList>> {
        let _turn = self.inner().kind_turns.take(request, [Kind::PriceList]).await?;
        let lists = &self.kinds().price_lists;
        let command = CreatePriceList {
            draft,
            existing: lists.existing(|list| list.created_at),
        };
        self.make(lists, self.draw(request, None), command, request).await
    }

    /// Changes a price list. Carts follow from their next read.
    ///
    /// # Errors
    /// `price_list.not_found`; every bad field.
    pub async fn update_price_list(
        &self,
        request: &Request,
        id: PriceListId,
        draft: PriceListDraft,
    ) -> Outcome<Shown<PriceList>> {
        self.run(&self.kinds().price_lists, id, UpdatePriceList { draft }, request)
            .await
    }

    /// Deletes a price list. Placed orders keep their prices.
    ///
    /// # Errors
    /// `price_list.not_found`.
    pub async fn delete_price_list(&self, request: &Request, id: PriceListId) -> Outcome<()> {
        self.erase_rule(&self.kinds().price_lists, id, DeletePriceList, request)
            .await
    }
}
