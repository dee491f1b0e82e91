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
use cartwright_domain::Kind;
use cartwright_domain::catalog::{
    CreatePriceList, ListPrice, ListPricePut, PriceList, PriceListDraft, PutListPrice, UpdatePriceList,
    Variant,
};
use cartwright_domain::id::PriceListId;
use cartwright_domain::money::Price;
use std::collections::{BTreeMap, BTreeSet};
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

impl ListPriceRow {
    /// Returns the name that its list goes by.
    fn list_name(&self) -> &str {
        self.list.name.as_deref().unwrap_or_default().trim()
    }
}

/// A row among others.
struct Among {
    row: ListPriceRow,
    /// Not all rows of its list say the same of the list, so that their order matters.
    is_at_odds: bool,
}

impl import::Row for Among {
    fn number(&self) -> u64 {
        self.row.row
    }

    fn subject(&self) -> &str {
        &self.row.sku
    }

    fn names(&self) -> Vec<String> {
        let list = self.is_at_odds.then(|| self.row.list_name());
        let names = [self.row.sku.trim()].into_iter().chain(list);
        names.map(ToOwned::to_owned).collect()
    }
}

impl Engine {
    /// Imports prices by lists. New lists are made first, each with the row that makes it, in the order of the rows, and
    /// count by age as they stand there. Of the other rows those of one SKU are done in their order, and so are those of
    /// one list that say different things of it; others side by side.
    ///
    /// # Errors
    /// `catalog.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_price_lists(
        &self,
        request: &Request,
        rows: Vec<ListPriceRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let mut said = BTreeMap::new();
        let mut at_odds = BTreeSet::new();
        for row in &rows {
            let name = row.list_name();
            if *said.entry(name).or_insert(&row.list) != &row.list {
                at_odds.insert(name.to_owned());
            }
        }
        let among = |row: ListPriceRow| Among {
            is_at_odds: at_odds.contains(row.list_name()),
            row,
        };
        let rows = rows.into_iter().map(among).collect();
        let makes = |among: &Among| {
            let name = among.row.list_name();
            import::is_new(&self.kinds().price_lists, |list| list.name == name)
        };
        let import = |among: Among| self.import_list_price(request, among.row);
        import::each_by_age(rows, VARIANTS_AT_ONCE, "catalog.too_many_rows", makes, import).await
    }

    async fn import_list_price(&self, request: &Request, row: ListPriceRow) -> Result<RowOutcome, Refused> {
        // Before a list is made for it.
        let variant = self.variant_by_sku(&row.sku).await?.ok_or_else(gone::<Variant>)?;
        let (list, is_changed) = self
            .list_of_row(request, row.list_name(), row.list.clone())
            .await?;
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
        name: &str,
        draft: PriceListDraft,
    ) -> Result<(PriceListId, bool), Refused> {
        let lists = &self.kinds().price_lists;
        let ask = || request.ask().if_match(None);
        let bears_it = |list: &PriceList| list.name == name;
        let (id, is_there) = import::find(lists, IMPORTED_LISTS, name, bears_it).await?;
        if !is_there {
            let _turn = self.inner().kind_turns.take(request, [Kind::PriceList]).await?;
            let command = CreatePriceList {
                draft: draft.clone(),
                existing: lists.existing(|list| list.created_at),
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
