//! The bulk imports of gift cards, found by their codes, and of store credit, found by customer and currency.
//!
//! Money comes in once: a second run of the same rows changes nothing, however much was spent in between, and one that
//! says something else of what is there is refused.

use crate::engine::{Engine, unreadable};
use crate::import::{self, ImportedRow, RowOutcome};
use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::id::{CustomerId, StoredValueId};
use cartwright_domain::money::Money;
use cartwright_domain::stored_value::{BringIn, GiftCardCode, GiftCardDraft, IssueGiftCard};
use cartwright_domain::{Class, Problem, Refusal};
use futures::stream::{self, StreamExt};

/// How many balances of a call are at work at once.
const BALANCES_AT_ONCE: usize = 64;

/// A row of gift cards, as somebody gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GiftCardRow {
    /// The row's number, for the report.
    pub row: u64,
    /// The card. It needs its code.
    pub draft: GiftCardDraft,
    /// For which customer it is, by external id or e-mail address.
    pub customer: Option<String>,
}

/// A row with its code as it is kept, so that spellings of one code are one card.
struct CodedRow {
    row: GiftCardRow,
    code: Result<GiftCardCode, Problem>,
}

impl From<GiftCardRow> for CodedRow {
    fn from(row: GiftCardRow) -> Self {
        let code = match row.draft.code.as_deref() {
            Some(text) => GiftCardCode::parse(text).map_err(|error| error.problem()),
            None => {
                let message =
                    "a card that is brought in has a code already; to have one drawn, issue the card";
                Err(Problem::new(Class::Invalid, "gift_card.code_missing", message))
            }
        };
        Self { row, code }
    }
}

impl import::Row for CodedRow {
    fn number(&self) -> u64 {
        self.row.row
    }

    fn subject(&self) -> &str {
        self.code.as_ref().map(GiftCardCode::as_str).unwrap_or_default()
    }

    fn shown(&self) -> String {
        let code = self.code.as_ref();
        code.map(GiftCardCode::to_string).unwrap_or_default()
    }
}

/// A row of store credit, as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCreditRow {
    /// The row's number, for the report.
    pub row: u64,
    /// Whose it is, by external id or e-mail address.
    pub customer: String,
    /// How much it is.
    pub amount: Money,
    /// Why.
    pub reason: String,
}

/// A row with the customer that it means, so that spellings of one customer are the same.
struct OwnedRow {
    row: StoreCreditRow,
    owner: Result<CustomerId, Refused>,
}

impl import::Row for OwnedRow {
    fn number(&self) -> u64 {
        self.row.row
    }

    fn subject(&self) -> &str {
        &self.row.customer
    }

    fn names(&self) -> Vec<String> {
        let owner = self.owner.as_ref().map(CustomerId::to_string);
        vec![owner.unwrap_or_else(|_| self.row.customer.clone())]
    }
}

impl Engine {
    /// Imports gift cards that were issued elsewhere, with their codes.
    ///
    /// # Errors
    /// `stored_value.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_gift_cards(
        &self,
        request: &Request,
        rows: Vec<GiftCardRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let rows = rows.into_iter().map(CodedRow::from).collect();
        let import = |row| self.import_gift_card(request, row);
        import::each(rows, BALANCES_AT_ONCE, import::too_many::STORED_VALUE, import).await
    }

    async fn import_gift_card(&self, request: &Request, row: CodedRow) -> Result<RowOutcome, Refused> {
        let CodedRow { row, code } = row;
        let code = code?;
        let amount = row.draft.amount;
        if let Some(same) = self.issued_before(&code, amount).await? {
            return Ok(same);
        }
        let customer = match &row.customer {
            Some(text) => Some(self.customer_named(text).await?.id),
            None => self.customer_of(&row.draft).await?,
        };
        let command = IssueGiftCard {
            draft: row.draft,
            customer,
        };
        let request = import::request_of(request, code.as_str());
        let values = &self.kinds().stored_values;
        match values
            .create(self.draw(&request, None), command, request.ask())
            .await
        {
            Ok(_) => Ok(RowOutcome::Created),
            // Another run was faster.
            Err(taken @ AskError::KeyTaken { .. }) => self
                .issued_before(&code, amount)
                .await?
                .ok_or_else(|| taken.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whether a card was issued with the same amount; nothing where there is none.
    ///
    /// # Errors
    /// `gift_card.issued_otherwise`.
    async fn issued_before(
        &self,
        code: &GiftCardCode,
        amount: Option<Money>,
    ) -> Result<Option<RowOutcome>, Refused> {
        let Some(card) = self.gift_card_by_code(code.as_str()).await? else {
            return Ok(None);
        };
        match card.state.issued() {
            Some(issued) if Some(issued) != amount => {
                let message =
                    format!("the gift card {code} was issued with {issued}; adjust its balance instead");
                Err(Problem::new(Class::Conflict, "gift_card.issued_otherwise", message).into())
            }
            Some(_) | None => Ok(Some(RowOutcome::Unchanged)),
        }
    }

    /// Imports store credit that customers have from elsewhere.
    ///
    /// # Errors
    /// `stored_value.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_store_credit(
        &self,
        request: &Request,
        rows: Vec<StoreCreditRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let rows = stream::iter(rows).map(|row| async {
            let owner = self.customer_named(&row.customer).await;
            let owner = owner.map(|customer| customer.id);
            OwnedRow { row, owner }
        });
        let rows = rows.buffered(BALANCES_AT_ONCE).collect().await;
        let import = |row| self.import_credit(request, row);
        import::each(rows, BALANCES_AT_ONCE, import::too_many::STORED_VALUE, import).await
    }

    async fn import_credit(&self, request: &Request, row: OwnedRow) -> Result<RowOutcome, Refused> {
        let OwnedRow { row, owner } = row;
        let customer = owner?;
        let _turn = self.inner().credit_turns.take(request, [customer]).await?;
        self.customer(customer).await?;
        let values = &self.kinds().stored_values;
        let id = StoredValueId::of_credit(customer, row.amount.currency);
        let command = BringIn {
            customer,
            amount: row.amount,
            reason: row.reason,
        };
        let ask = || request.ask().if_match(None);
        match values.create(id, command.clone(), ask()).await {
            Ok(_) => return Ok(RowOutcome::Created),
            Err(AskError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let before = values.read(id).await.map_err(unreadable)?;
        let after = values.ask(id, command, ask()).await?;
        let before = before.map(|credit| credit.revision);
        Ok(if before == after.state.map(|credit| credit.revision) {
            RowOutcome::Unchanged
        } else {
            RowOutcome::Updated
        })
    }
}
