//! Use cases of codes that are good for one order: adding, importing, listing, taking out of use.

use crate::engine::{Engine, unreadable};
use crate::import::{self, ImportedRow, RowOutcome};
use crate::once::{Shown, gone, there};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{Answer, AskError};
use cartwright_domain::id::{CouponCodeId, PromotionId, UseCounterId};
use cartwright_domain::promotion::{
    AddCodes, Addition, Code, CouponCode, CreateCouponCode, DeleteCouponCode, Draw, DrawCodes, DrawDraft,
    Error, NoteUsed, Promotion,
};
use cartwright_domain::{Listing, Problem, Refusal};
use cartwright_storage::Receipt;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many codes of a call are at work at once.
pub(super) const CODES_AT_ONCE: usize = 64;

/// A code to be added, as somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The row's number, for the report.
    pub row: u64,
    /// Which promotion it unlocks: its id, its own code or its name.
    pub promotion: String,
    /// The code.
    pub code: String,
    /// Whether it was used elsewhere.
    pub is_used: bool,
}

impl import::Row for CodeRow {
    fn number(&self) -> u64 {
        self.row
    }

    fn subject(&self) -> &str {
        &self.code
    }

    fn names(&self) -> Vec<String> {
        let kept = Code::parse(&self.code).map(|code| code.to_string());
        vec![kept.unwrap_or_else(|_| self.code.clone())]
    }
}

/// A code that is good for one order, and whether one has used it.
#[derive(Clone, Debug)]
pub struct ListedCode {
    /// The code.
    pub code: Shown<CouponCode>,
    /// Whether an order has used it.
    pub is_used: bool,
}

/// What became of a code that was given. A byte of a reply, so that those of one call are kept together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Added {
    /// It was made.
    Created,
    /// The promotion has it already.
    Unchanged,
    /// It is another promotion's, or no code.
    Refused,
}

impl Added {
    /// Returns what is kept of a row's outcome.
    ///
    /// # Errors
    /// What says nothing about the code but about the promotion or the store.
    fn of(outcome: RowOutcome) -> Result<Self, Problem> {
        match outcome {
            RowOutcome::Created => Ok(Self::Created),
            RowOutcome::Updated | RowOutcome::Unchanged => Ok(Self::Unchanged),
            RowOutcome::Refused(problem) => match problem.code.as_str() {
                "promotion.code_taken" | "promotion.invalid_code" => Ok(Self::Refused),
                _ => Err(problem),
            },
        }
    }

    fn outcome(self, given: &str) -> RowOutcome {
        match self {
            Self::Created => RowOutcome::Created,
            Self::Unchanged => RowOutcome::Unchanged,
            Self::Refused => {
                let taken = |code| Error::CodeTaken { code };
                let error = Code::parse(given).map_or_else(|invalid| invalid, taken);
                RowOutcome::Refused(error.problem())
            }
        }
    }
}

/// Who has made a code that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// The draw or the addition that asks for it: just now, or when it was asked for under the same key before.
    Here,
    /// Somebody else, for the same promotion.
    Before,
    /// Another promotion has it.
    Elsewhere,
}

impl Engine {
    /// Adds codes to a promotion, each good for one order. One that it has already is left as it is. Asked again under the
    /// same key, it sees to it that all of them are there, and tells the same.
    ///
    /// # Errors
    /// `promotion.not_found`; `promotion.requires_no_code`; `promotion.too_many_rows`; a refused code is no error but its
    /// outcome.
    pub async fn add_codes(
        &self,
        request: &Request,
        promotion: PromotionId,
        codes: Vec<String>,
    ) -> Outcome<Vec<ImportedRow>> {
        let (promotions, codes) = (&self.kinds().promotions, &codes);
        let fresh = |ticket| async move {
            let ask = request.ask().ticket(ticket);
            let begun = promotions.ask(promotion, AddCodes, ask).await?;
            Ok(Done {
                value: self.added(request, promotion, codes, begun.reply).await?,
                replayed: begun.replayed,
            })
        };
        let replay = |receipt: Box<Receipt>| async move {
            let begun: Answer<Addition, Promotion> = promotions.replay(&receipt).await?;
            there(begun.state, true)?;
            self.added(request, promotion, codes, begun.reply).await
        };
        self.once(request, fresh, replay).await
    }

    /// Sees to it once that all codes are there, and tells what became of each.
    async fn added(
        &self,
        request: &Request,
        promotion: PromotionId,
        codes: &[String],
        addition: Addition,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let part = request.part("added");
        let added = self
            .kept(&part, || self.add_each(request, promotion, codes, addition))
            .await?;
        let told = (0..).zip(codes).zip(added.value);
        let told = told.map(|((row, code), added)| ImportedRow {
            row,
            subject: code.clone(),
            outcome: added.outcome(code),
        });
        Ok(told.collect())
    }

    async fn add_each(
        &self,
        request: &Request,
        promotion: PromotionId,
        codes: &[String],
        addition: Addition,
    ) -> Result<Vec<Added>, Refused> {
        let row = |(row, code): (u64, &String)| CodeRow {
            row,
            promotion: promotion.to_string(),
            code: code.clone(),
            is_used: false,
        };
        let rows = (0..).zip(codes).map(row).collect();
        let imported = self.make_codes(request, rows, Some(addition)).await?;
        let mut made = BTreeSet::new();
        let added = imported.into_iter().map(|row| match Added::of(row.outcome)? {
            // Of rows about one code the first has made it.
            Added::Created if !made.insert(Code::parse(&row.subject).ok()) => Ok(Added::Unchanged),
            added => Ok(added),
        });
        Ok(added.collect::<Result<_, Problem>>()?)
    }

    /// Imports codes, each good for one order, unless it was used elsewhere. One that its promotion has already is left
    /// as it is.
    ///
    /// # Errors
    /// `promotion.too_many_rows`; `promotion.not_found` where one was deleted meanwhile; a refused row is no error but its
    /// outcome.
    pub async fn import_codes(
        &self,
        request: &Request,
        rows: Vec<CodeRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        self.make_codes(request, rows, None).await
    }

    async fn make_codes(
        &self,
        request: &Request,
        rows: Vec<CodeRow>,
        addition: Option<Addition>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let names: BTreeSet<String> = rows.iter().map(|row| row.promotion.clone()).collect();
        let named = names.into_iter().map(|name| {
            let asks_for_one = |promotion: Shown<Promotion>| match promotion.state.require_codes() {
                Ok(()) => Ok(promotion.id),
                Err(error) => Err(error.problem()),
            };
            let found = self.promotion_named(&name).and_then(asks_for_one);
            (name, found)
        });
        let named: BTreeMap<String, Result<PromotionId, Problem>> = named.collect();
        let of_rows: Vec<_> = rows.iter().map(|row| named[&row.promotion].clone()).collect();
        let import = |row: CodeRow| {
            let promotion = named[&row.promotion].clone();
            async move { self.import_code(request, promotion?, row, addition).await }
        };
        let mut imported = import::each(rows, CODES_AT_ONCE, import::too_many::PROMOTION, import).await?;
        let mut gone = BTreeMap::new();
        for promotion in named.values().flatten() {
            if let Err(refused) = self.require_still_there(*promotion).await {
                gone.insert(*promotion, refused.problem);
            }
        }
        for (row, promotion) in imported.iter_mut().zip(of_rows) {
            if let Some(problem) = promotion.ok().and_then(|promotion| gone.get(&promotion)) {
                row.outcome = RowOutcome::Refused(problem.clone());
            }
        }
        Ok(imported)
    }

    /// Refuses codes whose promotion was deleted while they were made, and deletes them again: what deletes the others may
    /// have been there before them.
    async fn require_still_there(&self, promotion: PromotionId) -> Result<(), Refused> {
        let found = self
            .kinds()
            .promotions
            .read(promotion)
            .await
            .map_err(unreadable)?;
        if found.is_some() {
            return Ok(());
        }
        if let Err(reason) = self.kinds().delete_codes_of(promotion).await {
            tracing::warn!(%promotion, ?reason, "codes of a promotion that is gone were not deleted");
        }
        Err(gone::<Promotion>())
    }

    async fn import_code(
        &self,
        request: &Request,
        promotion: PromotionId,
        row: CodeRow,
        addition: Option<Addition>,
    ) -> Result<RowOutcome, Refused> {
        let invalid = |error: Error| Refused::from(error.problem());
        let code = Code::parse(&row.code).map_err(invalid)?;
        let command = CreateCouponCode {
            code: code.clone(),
            promotion,
            made_by: addition.map(|Addition(id)| id),
        };
        if row.is_used && self.belongs_to_another(promotion, &code).await? {
            return Err(invalid(Error::CodeTaken { code }));
        }
        // Used before it is there, so that nobody can use it in between.
        let newly_used = row.is_used && self.mark_used(request, promotion, &code).await?;
        match self.make_code(request, command).await? {
            Made::Here => Ok(RowOutcome::Created),
            Made::Before if newly_used => Ok(RowOutcome::Updated),
            Made::Before => Ok(RowOutcome::Unchanged),
            Made::Elsewhere => Err(invalid(Error::CodeTaken { code })),
        }
    }

    /// Tells whether a code is another promotion's, or one that a promotion is entered by. Who makes it finds out for
    /// certain.
    async fn belongs_to_another(&self, promotion: PromotionId, code: &Code) -> Result<bool, Refused> {
        let (codes, promotions) = (&self.kinds().coupon_codes, self.kinds().promotions.roster());
        if promotions.iter().any(|its| its.state.code.as_ref() == Some(code)) {
            return Ok(true);
        }
        let found = codes.read(CouponCodeId::of(code)).await.map_err(unreadable)?;
        let Some(found) = found.filter(|found| found.state.promotion != promotion) else {
            return Ok(false);
        };
        let owner = self.kinds().promotions.read(found.state.promotion).await;
        Ok(owner.map_err(unreadable)?.is_some())
    }

    /// Counts the one use of a code, and tells whether it was not counted until now.
    async fn mark_used(
        &self,
        request: &Request,
        promotion: PromotionId,
        code: &Code,
    ) -> Result<bool, Refused> {
        let counter = UseCounterId::of_code(promotion, code);
        let ask = || request.ask().if_match(None);
        let counters = &self.kinds().use_counters;
        let noted = counters.ask_or_create(counter, NoteUsed { promotion }, ask);
        Ok(noted.await?.reply)
    }

    /// Draws codes that nobody guesses for a promotion, each good for one order, and returns them. Asked again under the
    /// same key, it sees to it that all of them are there and returns the same.
    ///
    /// # Errors
    /// `promotion.not_found`; `promotion.requires_no_code`; every bad field. A fault of the store: what was drawn until
    /// then is listed.
    pub async fn draw_codes(
        &self,
        request: &Request,
        promotion: PromotionId,
        draft: DrawDraft,
    ) -> Outcome<Vec<Code>> {
        let promotions = &self.kinds().promotions;
        let fresh = |ticket| async move {
            let begun = promotions
                .ask(promotion, DrawCodes { draft }, request.ask().ticket(ticket))
                .await?;
            Ok(Done {
                value: self.drawn(request, promotion, &begun.reply).await?,
                replayed: begun.replayed,
            })
        };
        let replay = |receipt: Box<Receipt>| async move {
            let begun: Answer<Draw, Promotion> = promotions.replay(&receipt).await?;
            there(begun.state, true)?;
            self.drawn(request, promotion, &begun.reply).await
        };
        self.once(request, fresh, replay).await
    }

    /// Sees to it once that all codes of a draw are there, and returns them.
    async fn drawn(
        &self,
        request: &Request,
        promotion: PromotionId,
        draw: &Draw,
    ) -> Result<Vec<Code>, Refused> {
        let part = request.part("drawn");
        let passed_over = self
            .kept(&part, || self.make_drawn(request, promotion, draw))
            .await?;
        Ok(draw.codes(&passed_over.value))
    }

    /// Makes the codes of a draw, and returns the numbers of those that are somebody else's. Of codes that nobody guesses
    /// that is next to none.
    async fn make_drawn(
        &self,
        request: &Request,
        promotion: PromotionId,
        draw: &Draw,
    ) -> Result<Vec<u32>, Refused> {
        let made_by = Some(draw.id());
        let mut passed_over = Vec::new();
        let (mut from, mut until) = (0, draw.count);
        while from < until {
            let made = stream::iter(from..until).map(|number| async move {
                let command = CreateCouponCode {
                    code: draw.code(number),
                    promotion,
                    made_by,
                };
                let made = self.make_code(request, command).await?;
                Ok::<_, Refused>((made != Made::Here).then_some(number))
            });
            let taken: Vec<Option<u32>> = made.buffered(CODES_AT_ONCE).try_collect().await?;
            from = until;
            for number in taken.into_iter().flatten() {
                passed_over.push(number);
                until += 1;
            }
        }
        self.require_still_there(promotion).await?;
        Ok(passed_over)
    }

    /// Makes a code that is not there.
    async fn make_code(&self, request: &Request, command: CreateCouponCode) -> Result<Made, Refused> {
        let codes = &self.kinds().coupon_codes;
        let id = CouponCodeId::of(&command.code);
        loop {
            let ask = request.ask().if_match(None);
            match codes.create(id, command.clone(), ask).await {
                Ok(_) => return Ok(Made::Here),
                Err(AskError::AlreadyExists { .. }) => {}
                // A promotion's own.
                Err(AskError::KeyTaken { .. }) => return Ok(Made::Elsewhere),
                Err(error) => return Err(error.into()),
            }
            let Some(found) = codes.read(id).await.map_err(unreadable)? else {
                continue;
            };
            if found.state.promotion == command.promotion {
                let is_same = command.made_by.is_some() && found.state.made_by == command.made_by;
                return Ok(if is_same { Made::Here } else { Made::Before });
            }
            if !self
                .free_of_the_deleted(request, id, found.state.promotion)
                .await?
            {
                return Ok(Made::Elsewhere);
            }
        }
    }

    /// Takes a code out of use whose promotion is gone: one that was made as that was deleted, by whoever did not come to
    /// the end of it. Tells whether it was one.
    async fn free_of_the_deleted(
        &self,
        request: &Request,
        code: CouponCodeId,
        promotion: PromotionId,
    ) -> Result<bool, Refused> {
        let kinds = self.kinds();
        let found = kinds.promotions.read(promotion).await;
        if found.map_err(unreadable)?.is_some() {
            return Ok(false);
        }
        let ask = request.ask().if_match(None);
        match kinds
            .coupon_codes
            .ask(code, DeleteCouponCode { promotion }, ask)
            .await
        {
            Ok(_) | Err(AskError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists a promotion's codes that are good for one order, by code.
    ///
    /// # Errors
    /// `promotion.not_found`.
    pub async fn coupon_codes(
        &self,
        promotion: PromotionId,
        page: PageRequest,
    ) -> Result<Page<ListedCode>, Refused> {
        self.promotion(promotion).await?;
        let codes = &self.kinds().coupon_codes;
        let prefix = CouponCode::listed_of(promotion);
        let found = self
            .page(codes, Listing::CouponCodes, &prefix, Order::Ascending, page)
            .await?;
        let mut items = Vec::with_capacity(found.items.len());
        for code in found.items {
            let counter = UseCounterId::of_code(promotion, &code.state.code);
            let is_used = 0 < self.kinds().times_used(counter).await?;
            items.push(ListedCode { code, is_used });
        }
        Ok(Page {
            items,
            next: found.next,
        })
    }

    /// Takes a code out of use. Carts that hold it lose it; placed orders keep what it gave.
    ///
    /// # Errors
    /// `coupon_code.not_found`, also for another promotion's.
    pub async fn delete_code(&self, request: &Request, promotion: PromotionId, code: &str) -> Outcome<()> {
        let codes = &self.kinds().coupon_codes;
        let id = Code::parse(code).map(|code| CouponCodeId::of(&code));
        let id = id.map_err(|_| gone::<CouponCode>())?;
        let answer = codes
            .ask(id, DeleteCouponCode { promotion }, request.ask())
            .await?;
        match answer.reply {
            true => Ok(Done::fresh(())),
            false => Err(gone::<CouponCode>()),
        }
    }
}
