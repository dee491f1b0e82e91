//! The bulk import of price lists: one price of one variant by one list a row. The list is found by its name and the
//! variant by its SKU.
//!
//! A second run of the same rows changes nothing, and a row that is refused changes nothing either.

use crate::engine::{Engine, unreadable};
use crate::import::{self, Found, ImportedRow, RowOutcome};
use crate::once::gone;
use crate::request::{Refused, Request};
use cartwright_domain::Refusal;
use cartwright_domain::catalog::{
    CreatePriceList, ListPrice, ListPricePut, PriceList, PriceListDraft, PutListPrice, UpdatePriceList,
    Variant,
};
use cartwright_domain::id::PriceListId;
use cartwright_domain::money::Price;
use std::collections::{BTreeMap, BTreeSet};

/// How many variants of a call are at work at once.
const VARIANTS_AT_ONCE: usize = 64;

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
        import::each_by_age(rows, VARIANTS_AT_ONCE, import::too_many::CATALOG, makes, import).await
    }

    async fn import_list_price(&self, request: &Request, row: ListPriceRow) -> Result<RowOutcome, Refused> {
        let variants = &self.kinds().variants;
        let variant = self.variant_by_sku(&row.sku).await?.ok_or_else(gone::<Variant>)?;
        let (name, lists) = (row.list_name(), &self.kinds().price_lists);
        let bears_it = |list: &PriceList| list.name == name;
        let found = import::find(lists, &self.inner().kind_turns, request, bears_it).await?;
        let list = match found {
            Found::There(list) => list,
            Found::New(_) => self.draw(&import::request_of(request, name), None),
        };
        let priced = variants.read(variant).await.map_err(unreadable)?;
        let priced = priced.ok_or_else(gone::<Variant>)?;
        let command = PutListPrice {
            row: ListPrice {
                list,
                from_quantity: row.from_quantity,
                price: row.price,
            },
            gone: self.lists_gone(&priced.state),
        };
        // Before a list is made or changed for it.
        command
            .check(&priced.state)
            .map_err(|errors| Refused::from(errors.problem()))?;
        let is_changed = match found {
            Found::There(_) => self.change_list_of_row(request, list, row.list.clone()).await?,
            Found::New(_) => {
                let command = CreatePriceList {
                    draft: row.list.clone(),
                    existing: lists.existing(|list| list.created_at),
                };
                lists.create(list, command, request.ask().if_match(None)).await?;
                true
            }
        };
        let put = variants
            .ask(variant, command, request.ask().if_match(None))
            .await?;
        Ok(match put.reply {
            ListPricePut::Added => RowOutcome::Created,
            ListPricePut::Changed => RowOutcome::Updated,
            ListPricePut::Unchanged if is_changed => RowOutcome::Updated,
            ListPricePut::Unchanged => RowOutcome::Unchanged,
        })
    }

    /// Returns the lists by which a variant has prices though they were deleted. No list comes back.
    fn lists_gone(&self, variant: &Variant) -> Vec<PriceListId> {
        let roster = self.kinds().price_lists.roster();
        let is_gone = |list: &PriceListId| roster.binary_search_by_key(list, |there| there.id).is_err();
        let held: BTreeSet<PriceListId> = variant.list_prices.iter().map(|row| row.list).collect();
        held.into_iter().filter(is_gone).collect()
    }

    /// Changes a list to what a row says of it besides its name. Tells whether anything was.
    async fn change_list_of_row(
        &self,
        request: &Request,
        list: PriceListId,
        draft: PriceListDraft,
    ) -> Result<bool, Refused> {
        let lists = &self.kinds().price_lists;
        let only_name = PriceListDraft {
            name: draft.name.clone(),
            ..PriceListDraft::default()
        };
        if draft == only_name {
            return Ok(false);
        }
        let before = lists.read(list).await.map_err(unreadable)?;
        let ask = request.ask().if_match(None);
        let after = lists.ask(list, UpdatePriceList { draft }, ask).await?;
        let before = before.map(|list| list.revision);
        Ok(before != after.state.map(|list| list.revision))
    }
}
