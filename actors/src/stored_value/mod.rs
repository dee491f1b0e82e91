//! Use cases of gift cards and store credit, for staff, and what others need to know of them.

mod import;

pub use import::{GiftCardRow, StoreCreditRow};

use crate::engine::{Engine, Kinds, unreadable};
use crate::once::{Shown, gone, replayed, require_no_version, shown};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::{AskError, Ticket};
use cartwright_domain::error::Detail;
use cartwright_domain::id::{self, CustomerId, StoredValueId};
use cartwright_domain::money::Currency;
use cartwright_domain::stored_value::{
    Adjust, Draft, GiftCardCode, GiftCardDraft, IssueGiftCard, OpenStoreCredit, StoredValue, Update,
};
use cartwright_domain::{Class, EntityId, Listing, Problem, Unique, UniqueKey};

impl Engine {
    /// Lists the gift cards, the newest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn gift_cards(&self, page: PageRequest) -> Result<Page<Shown<StoredValue>>, Refused> {
        let values = &self.kinds().stored_values;
        self.page(values, Listing::GiftCards, b"", Order::Descending, page)
            .await
    }

    /// Shows a gift card.
    ///
    /// # Errors
    /// `stored_value.not_found`, also for store credit.
    pub async fn gift_card(&self, id: StoredValueId) -> Result<Shown<StoredValue>, Refused> {
        let read = self.kinds().stored_values.read(id).await.map_err(unreadable)?;
        read.filter(|value| value.state.gift_card().is_some())
            .ok_or_else(gone::<StoredValue>)
    }

    /// Finds a gift card by its whole code; none where there is none.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn gift_card_by_code(&self, code: &str) -> Result<Option<Shown<StoredValue>>, Refused> {
        let Ok(code) = GiftCardCode::parse(code) else {
            return Ok(None);
        };
        let key = UniqueKey::new(Unique::GiftCardCode, code.as_str());
        let store = self.inner().runtime.store();
        let Some(entity) = store.lookup(key).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let id = StoredValueId::from_uuid(entity.id);
        self.kinds().stored_values.read(id).await.map_err(unreadable)
    }

    /// Issues a gift card, with a code that is drawn where staff say none.
    ///
    /// # Errors
    /// Every bad field; `gift_card_code.taken`.
    pub async fn issue_gift_card(
        &self,
        request: &Request,
        draft: GiftCardDraft,
    ) -> Outcome<Shown<StoredValue>> {
        let command = async {
            let customer = self.customer_of(&draft).await?;
            Ok(IssueGiftCard { draft, customer })
        };
        let (values, id) = (&self.kinds().stored_values, self.draw(request, None));
        self.make_on_facts(values, id, command, request).await
    }

    /// Returns the customer that a gift card is for by its id, where there is one.
    async fn customer_of(&self, draft: &GiftCardDraft) -> Result<Option<CustomerId>, Refused> {
        let Some(customer) = draft.customer.as_deref().and_then(|text| id::parse(text).ok()) else {
            return Ok(None);
        };
        Ok(self.kinds().has_customer(customer).await?.then_some(customer))
    }

    /// Disables or enables a gift card, changes its expiry or its note. What checkouts hold stays held.
    ///
    /// # Errors
    /// `stored_value.not_found`; every bad field.
    pub async fn update_gift_card(
        &self,
        request: &Request,
        id: StoredValueId,
        draft: Draft,
    ) -> Outcome<Shown<StoredValue>> {
        self.gift_card(id).await?;
        self.run(&self.kinds().stored_values, id, Update { draft }, request)
            .await
    }

    /// Changes a gift card's balance, for a reason.
    ///
    /// # Errors
    /// `stored_value.not_found`; every bad field; `stored_value.below_held`.
    pub async fn adjust_gift_card(
        &self,
        request: &Request,
        id: StoredValueId,
        adjustment: Adjust,
    ) -> Outcome<Shown<StoredValue>> {
        let adjustment = async { self.gift_card(id).await.map(|_| adjustment) };
        self.run_on_facts(&self.kinds().stored_values, id, adjustment, request)
            .await
    }

    /// Lists a customer's store credit, one in each currency; also that of one whose record was deleted, to whom a canceled
    /// order has given it back.
    ///
    /// # Errors
    /// `customer.not_found`.
    pub async fn store_credit(
        &self,
        customer: CustomerId,
        page: PageRequest,
    ) -> Result<Page<Shown<StoredValue>>, Refused> {
        let is_from_start = page.cursor.is_none();
        let found = self
            .page(
                &self.kinds().stored_values,
                Listing::StoreCreditByCustomer,
                customer.uuid().as_bytes(),
                Order::Ascending,
                page,
            )
            .await?;
        if is_from_start && found.items.is_empty() {
            self.customer(customer).await?;
        }
        Ok(found)
    }

    /// Returns why a customer's record stays: what the store owes them.
    pub(crate) async fn owed_to(&self, customer: CustomerId) -> Result<Option<Problem>, Refused> {
        let mut page = PageRequest::default();
        let mut owed = Vec::new();
        loop {
            let found = self.store_credit(customer, page).await?;
            let balances = found.items.iter().map(|credit| credit.state.balance());
            owed.extend(balances.filter(|balance| !balance.is_zero()));
            let Some(next) = found.next else { break };
            page = PageRequest {
                cursor: Some(next),
                ..PageRequest::default()
            };
        }
        if owed.is_empty() {
            return Ok(None);
        }
        let message = "the store owes this customer store credit; pay it out or book it out before";
        let problem = Problem::new(Class::Conflict, "customer.has_store_credit", message);
        let owed = owed.into_iter().map(Detail::from).collect();
        Ok(Some(problem.with("balances", Detail::List(owed))))
    }

    /// Shows a customer's store credit in one currency.
    ///
    /// # Errors
    /// `stored_value.not_found`.
    pub async fn store_credit_in(
        &self,
        customer: CustomerId,
        currency: Currency,
    ) -> Result<Shown<StoredValue>, Refused> {
        let id = StoredValueId::of_credit(customer, currency);
        let read = self.kinds().stored_values.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<StoredValue>)
    }

    /// Disables or enables a customer's store credit in one currency, or changes its note. What checkouts hold stays
    /// held.
    ///
    /// # Errors
    /// `stored_value.not_found`; every bad field.
    pub async fn update_store_credit(
        &self,
        request: &Request,
        customer: CustomerId,
        currency: Currency,
        draft: Draft,
    ) -> Outcome<Shown<StoredValue>> {
        let id = StoredValueId::of_credit(customer, currency);
        self.run(&self.kinds().stored_values, id, Update { draft }, request)
            .await
    }

    /// Changes a customer's store credit in the currency of the amount, for a reason. The first opens it.
    ///
    /// # Errors
    /// `customer.not_found`; every bad field; `stored_value.below_held`.
    pub async fn adjust_store_credit(
        &self,
        request: &Request,
        customer: CustomerId,
        adjustment: Adjust,
    ) -> Outcome<Shown<StoredValue>> {
        let values = &self.kinds().stored_values;
        let id = StoredValueId::of_credit(customer, adjustment.amount.currency);
        let fresh = |ticket: Option<Ticket>| async move {
            let ask = request.ask().ticket(ticket);
            let _turn = self.inner().credit_turns.take(request, [customer]).await?;
            let is_new = values.read(id).await.map_err(unreadable)?.is_none();
            // What is owed to one whose record is gone can only become less.
            if is_new || 0 < adjustment.amount.amount {
                self.customer(customer).await?;
            }
            if is_new {
                require_no_version::<StoredValue>(request)?;
                let first = adjustment.clone();
                let command = OpenStoreCredit { customer, first };
                match values.create(id, command, ask.clone()).await {
                    // Somebody else was faster.
                    Err(AskError::AlreadyExists { .. }) => {}
                    opened => return shown(opened?),
                }
            }
            shown(values.ask(id, adjustment, ask).await?)
        };
        self.once(request, fresh, |receipt| {
            replayed::<StoredValue, ()>(values, receipt)
        })
        .await
    }
}

impl Kinds {
    /// Tells whether there is a record of a customer.
    pub(crate) async fn has_customer(&self, customer: CustomerId) -> Result<bool, Refused> {
        let read = self.customers.read(customer).await.map_err(unreadable)?;
        Ok(read.is_some())
    }
}
