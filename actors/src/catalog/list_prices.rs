//! The bulk import of price lists: one price of one variant by one list a row. The list is found by its name and the
//! variant by its SKU.
//!
//! A second run of the same rows changes nothing. A new list's id comes from its name, so that many rows of it make one
//! list.

use crate::engine::Engine;
use crate::import::{self, ImportedRow, RowOutcome};
use crate::once::gone;
use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::catalog::{
    CreatePriceList, ListPrice, ListPricePut, PriceList, PriceListDraft, PutListPrice, UpdatePriceList,
    Variant,
};
use cartwright_domain::id::PriceListId;
use cartwright_domain::money::Price;
use uuid::Uuid;

/// How many variants of a call are at work at once.
const VARIANTS_AT_ONCE: usize = 64;
/// Where ids of imported price lists come from.
const IMPORTED_LISTS: Uuid = Uuid::from_u128(0x2f8e_c4b1_7d09_4a63_8c5d_e1f2_0b7a_94d6);

/// A row of price lists, as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPriceRow {
    /// The row's number, for the report.
    pub row: u64,
    /// The list. It is found by its name; what else is given is changed, what is absent stays or gets the default.
    pub list: PriceListDraft,
    /// Of which variant.
    pub sku: String,
    /// From how many units on.
    pub from_quantity: u32,
    /// What each of them then costs.
    pub price: Price,
}

impl import::Row for ListPriceRow {
    fn number(&self) -> u64 {
        self.row
    }

    fn subject(&self) -> &str {
        &self.sku
    }
}

impl Engine {
    /// Imports prices by lists. Rows of one SKU are done in their order, others side by side.
    ///
    /// # Errors
    /// `catalog.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_price_lists(
        &self,
        request: &Request,
        rows: Vec<ListPriceRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let import = |row| self.import_list_price(request, row);
        import::each(rows, VARIANTS_AT_ONCE, "catalog.too_many_rows", import).await
    }

    async fn import_list_price(&self, request: &Request, row: ListPriceRow) -> Result<RowOutcome, Refused> {
        // Before a list is made for it.
        let variant = self.variant_by_sku(&row.sku).await?.ok_or_else(gone::<Variant>)?;
        let (list, is_changed) = self.list_of_row(request, row.list).await?;
        let command = PutListPrice {
            row: ListPrice {
                list,
                from_quantity: row.from_quantity,
                price: row.price,
            },
        };
        let ask = request.ask().if_match(None);
        let put = self.kinds().variants.ask(variant, command, ask).await?;
        Ok(match put.reply {
            ListPricePut::Added => RowOutcome::Created,
            ListPricePut::Changed => RowOutcome::Updated,
            ListPricePut::Unchanged if is_changed => RowOutcome::Updated,
            ListPricePut::Unchanged => RowOutcome::Unchanged,
        })
    }

    /// Returns the list of a row, made or changed as the row says, and whether anything of it was.
    async fn list_of_row(
        &self,
        request: &Request,
        draft: PriceListDraft,
    ) -> Result<(PriceListId, bool), Refused> {
        let lists = &self.kinds().price_lists;
        let ask = || request.ask().if_match(None);
        let name = draft.name.clone().unwrap_or_default().trim().to_owned();
        let bears_it = |list: &PriceList| list.name == name;
        let (id, is_there) = import::find(lists, IMPORTED_LISTS, &name, bears_it).await?;
        if !is_there {
            let command = CreatePriceList {
                draft: draft.clone(),
                existing: lists.roster().len(),
            };
            match lists.create(id, command, ask()).await {
                Ok(_) => return Ok((id, true)),
                Err(AskError::AlreadyExists { .. }) => {} // Since it was looked for.
                Err(error) => return Err(error.into()),
            }
        }
        let only_name = PriceListDraft {
            name: draft.name.clone(),
            ..PriceListDraft::default()
        };
        if draft == only_name {
            return Ok((id, false));
        }
        let before = lists.read(id).await.map_err(crate::engine::unreadable)?;
        let after = lists.ask(id, UpdatePriceList { draft }, ask()).await?;
        let before = before.map(|list| list.revision);
        Ok((id, before != after.state.map(|list| list.revision)))
    }
}
