//! The bulk import of promotions: one a row, found by its code, or by its name where it has none.
//!
//! A second run of the same rows changes nothing.

use crate::engine::Engine;
use crate::import::{self, Found, ImportedRow, RowOutcome};
use crate::request::{Refused, Request};
use cartwright_domain::promotion::{Code, CreatePromotion, Draft, Promotion, UpdatePromotion};

/// How many promotions of a call are at work at once.
const PROMOTIONS_AT_ONCE: usize = 16;

/// A row of promotions, as somebody gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromotionRow {
    /// The row's number, for the report.
    pub row: u64,
    /// The promotion. What is absent stays as it is, or gets the default; conditions say what becomes of the rest.
    pub draft: Draft,
}

impl PromotionRow {
    /// Returns its code in capital letters.
    fn code(&self) -> Option<String> {
        let code = self.draft.code.as_ref().and_then(Option::as_ref)?;
        Some(code.trim().to_uppercase())
    }

    fn name(&self) -> &str {
        self.draft.name.as_deref().unwrap_or_default().trim()
    }

    /// Returns what it is found by: its code, or its name where it has none.
    fn found_by(&self) -> String {
        match self.code() {
            Some(code) => format!("code {code}"),
            None => format!("name {}", self.name()),
        }
    }

    /// Returns what tells the promotion that it is about from others.
    fn is_about(&self) -> impl Fn(&Promotion) -> bool {
        let code = self.code();
        move |promotion| {
            let held = promotion.code.as_ref().map(Code::as_str);
            held == code.as_deref() && (code.is_some() || &*promotion.name == self.name())
        }
    }
}

impl import::Row for PromotionRow {
    fn number(&self) -> u64 {
        self.row
    }

    fn subject(&self) -> &str {
        let code = self.draft.code.as_ref().and_then(Option::as_deref);
        code.map_or(self.name(), str::trim)
    }

    fn names(&self) -> Vec<String> {
        vec![self.found_by()]
    }
}

impl Engine {
    /// Imports promotions. New ones are made in the order of the rows, and count by age as they stand there. Rows about the
    /// same promotion are done in their order, others side by side.
    ///
    /// # Errors
    /// `promotion.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_promotions(
        &self,
        request: &Request,
        rows: Vec<PromotionRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let makes = |row: &PromotionRow| import::is_new(&self.kinds().promotions, row.is_about());
        let import = |row| self.import_promotion(request, row);
        let too_many = import::too_many::PROMOTION;
        import::each_by_age(rows, PROMOTIONS_AT_ONCE, too_many, makes, import).await
    }

    async fn import_promotion(&self, request: &Request, row: PromotionRow) -> Result<RowOutcome, Refused> {
        let promotions = &self.kinds().promotions;
        let ask = || request.ask().if_match(None);
        let turns = &self.inner().kind_turns;
        let id = match import::find(promotions, turns, request, row.is_about()).await? {
            Found::There(id) => id,
            Found::New(_turn) => {
                let id = self.draw(&import::request_of(request, &row.found_by()), None);
                self.require_known(&row.draft, None, id).await?;
                let command = CreatePromotion {
                    draft: row.draft,
                    existing: promotions.existing(|promotion| promotion.created_at),
                };
                promotions.create(id, command, ask()).await?;
                return Ok(RowOutcome::Created);
            }
        };
        let before = promotions.read(id).await.map_err(crate::engine::unreadable)?;
        self.require_known(&row.draft, before.as_ref(), id).await?;
        let command = UpdatePromotion { draft: row.draft };
        let after = promotions.ask(id, command, ask()).await?;
        let (before, after) = (
            before.map(|promotion| promotion.revision),
            after.state.map(|promotion| promotion.revision),
        );
        Ok(if before == after {
            RowOutcome::Unchanged
        } else {
            RowOutcome::Updated
        })
    }
}
