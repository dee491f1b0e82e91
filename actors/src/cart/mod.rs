//! Use cases of carts.

mod codes;
mod facts;
mod findings;
mod frozen;
mod gift_cards;
mod opening;
mod price_book;
mod prices;
mod reads;
mod renderings;
mod shown;
mod supposed;
mod view;

pub use codes::CodeNews;
pub use facts::{Explained, Priced};
pub(crate) use price_book::PriceBook;
pub(crate) use prices::KeptPrices;
pub(crate) use reads::CartReads;
pub use reads::ReadCart;
pub use renderings::Renderings;
pub(crate) use shown::{ShownSums, ShownTotal, ShownTotals, Told};
pub use view::{CartView, View};

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone, require_no_version, there};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{Answer, Ticket};
use cartwright_domain::address;
use cartwright_domain::cart::{
    AddLine, Attributes, Cart, ClearLines, LockScope, Patch, Recover, RemoveLine, SetQuantity,
    ShippingChoice, State, UpdateDetails, VariantFacts,
};
use cartwright_domain::catalog::Variant;
use cartwright_domain::error::FieldErrors;
use cartwright_domain::id::{CartId, CheckoutId, CustomerId, LineId, ShippingMethodId, VariantId};
use cartwright_domain::identity::Session;
use cartwright_domain::money::{Money, Price};
use cartwright_domain::text::Email;
use cartwright_domain::{Command, Kind, Refusal, Revision, Timestamp};
use cartwright_storage::Receipt;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::sync::Arc;

/// How many carts of a page are priced at once: a carrier or a tax calculator may be asked about each.
const CARTS_AT_ONCE: usize = 16;

/// Which cart is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartRef {
    /// This one.
    Id(CartId),
    /// The session's current one.
    Current,
}

/// Which variant a shopper means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariantRef {
    /// By id.
    Id(VariantId),
    /// By SKU.
    Sku(String),
}

/// A line to add, as it was sent.
#[derive(Clone, Debug)]
pub struct LineDraft {
    /// Of which variant.
    pub variant: VariantRef,
    /// How many units.
    pub quantity: u32,
    /// What the shopper chose.
    pub options: Attributes,
    /// What the storefront notes.
    pub custom_fields: Attributes,
    /// A price in place of the variant's; it counts for staff only.
    pub unit_price: Option<Price>,
}

/// A cart's details, as they were sent.
#[derive(Clone, Debug, Default)]
pub struct DetailsDraft {
    /// The shopper's e-mail address.
    pub email: Patch<String>,
    /// Where the goods go.
    pub shipping_address: Patch<address::Input>,
    /// Where the bill goes.
    pub billing_address: Patch<address::Input>,
    /// How the goods go.
    pub shipping_method_id: Patch<ShippingMethodId>,
    /// When the cart is priced, in place of now; it counts for staff only.
    pub priced_at: Patch<Timestamp>,
    /// For which customer the cart is; it counts for staff only.
    pub customer_id: Patch<CustomerId>,
    /// The fields that were found bad before, and stay as they are above.
    pub bad: FieldErrors,
}

impl Engine {
    /// Shows a cart. The shopper's return recovers an abandoned one.
    ///
    /// # Errors
    /// `cart.not_found`, also for somebody else's.
    pub async fn cart(&self, request: &Request, cart: CartRef) -> Result<Arc<ReadCart>, Refused> {
        let found = self.resolve(request, cart).await?;
        let reads = &self.inner().cart_reads;
        let now = self.kinds().price_book.clock_now();
        let counted = self.kinds().counted(&found);
        if let Some(read) = reads.find(found.id, counted, now) {
            self.remember(request, &read.view.priced);
            return Ok(read);
        }
        if let Some(priced) = self.kinds().priced_as_frozen(&found).await? {
            self.remember(request, &priced);
            return Ok(Arc::new(ReadCart::new(priced.into(), counted, Vec::new())));
        }
        let mut gathered = self.kinds().gather(found).await?;
        let stamp = std::mem::take(&mut gathered.stamp);
        if let Some(read) = reads.find_same(gathered.cart.id, counted, &stamp, now) {
            self.remember(request, &read.view.priced);
            return Ok(read);
        }
        let priced = gathered.price(self.kinds()).await?;
        let is_abandoned = priced.cart.state.state() == State::Abandoned;
        if is_abandoned && request.is_shown && priced.cart.state.is_owned_by(&request.caller) {
            let command = Recover {
                problems: priced.problems.len(),
            };
            let answer = self
                .kinds()
                .carts
                .ask(priced.cart.id, command, request.ask().if_match(None))
                .await?;
            let cart = answer.state.ok_or_else(gone::<Cart>)?;
            let done = self.cart_done(request, cart, None, View::Full, false).await?;
            // What it was read by is not known: it is not kept.
            return Ok(Arc::new(ReadCart::new(done.value, counted, Vec::new())));
        }
        // Whoever else reads it is not whom the message is for (section 2.4 of the semantics).
        let is_owner = request.is_shown && priced.cart.state.is_owned_by(&request.caller);
        let (priced, news) = match is_owner {
            true => self.let_codes_go(request, priced, View::Full).await?,
            false => (priced, CodeNews::default()),
        };
        self.remember(request, &priced);
        // What is told once is not kept.
        let is_news = !news.removed.is_empty();
        let line = None;
        let read = Arc::new(ReadCart::new(CartView { priced, line, news }, counted, stamp));
        let cart = &read.view.priced.cart.state;
        let is_paid_with_more = !cart.stored_values().is_empty();
        // Its quote may have been frozen since it was looked for.
        let is_freezing = matches!(
            cart.state(),
            State::Checkout {
                scope: LockScope::Everything,
                ..
            }
        );
        // An abandoned one is recovered by whoever owns it, who is also told of lost codes; what gift cards cover changes
        // with time alone.
        if is_owner && !is_abandoned && !is_news && !is_paid_with_more && !is_freezing {
            reads.keep(&read);
        }
        Ok(read)
    }

    /// Tells what a cart costs, and why.
    ///
    /// # Errors
    /// `cart.not_found`, also for somebody else's.
    pub async fn explain_cart(&self, request: &Request, cart: CartRef) -> Result<Explained, Refused> {
        let found = self.resolve(request, cart).await?;
        let explained = match self.kinds().explained_as_frozen(&found).await? {
            Some(explained) => explained,
            None => self.kinds().gather(found).await?.explain(self.kinds()).await?,
        };
        self.told(
            request,
            explained.cart.id,
            Told::Total,
            explained.quote.total,
            None,
        );
        Ok(explained)
    }

    /// Lists every cart, the newest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn carts(&self, request: &Request, page: PageRequest) -> Result<Page<CartView>, Refused> {
        let found = self
            .page(&self.kinds().carts, Kind::Cart, b"", Order::Descending, page)
            .await?;
        let priced = found
            .items
            .into_iter()
            .map(|cart| self.priced_for(cart, View::Full));
        let priced: Vec<Priced> = stream::iter(priced).buffered(CARTS_AT_ONCE).try_collect().await?;
        priced.iter().for_each(|priced| self.remember(request, priced));
        Ok(Page {
            items: priced.into_iter().map(CartView::from).collect(),
            next: found.next,
        })
    }

    /// Adds units of a variant. Adding to the current cart opens one where there is none that can be changed.
    ///
    /// # Errors
    /// `variant.not_found` naming it; what [`AddLine`] refuses.
    pub async fn add_line(
        &self,
        request: &Request,
        cart: CartRef,
        draft: LineDraft,
        view: View,
    ) -> Outcome<CartView> {
        let fresh = |ticket| self.add_line_fresh(request, cart, draft, view, ticket);
        self.once(request, fresh, |receipt| {
            self.replayed_cart::<LineId>(request, receipt, view)
        })
        .await
    }

    async fn add_line_fresh(
        &self,
        request: &Request,
        cart: CartRef,
        draft: LineDraft,
        view: View,
        ticket: Option<Ticket>,
    ) -> Outcome<CartView> {
        let settings = self.kinds().current_settings().await?;
        let open = match cart {
            CartRef::Id(_) => Some(self.resolve(request, cart).await?),
            CartRef::Current => self.open_of(self.current_of(request).await?).await?,
        };
        let state = open.as_ref().map(|open| &*open.state);
        let facts = self.facts_of_ref(&draft.variant, state).await?;
        let command = AddLine {
            facts,
            quantity: draft.quantity,
            options: draft.options,
            custom_fields: draft.custom_fields,
            unit_price: draft.unit_price,
            limits: settings.limits,
        };
        let expects_none = cart == CartRef::Current && request.if_match == Some(Revision::default());
        let (id, expected) = match open {
            // Under its key it may have opened the cart the first time, and come no further.
            Some(open) if expects_none && ticket.is_some() && open.revision == Revision::default().next() => {
                (open.id, Some(open.revision))
            }
            Some(open) => (open.id, request.if_match),
            None => {
                require_no_version::<Cart>(request)?;
                let currency = settings
                    .currency_of_cart(None)
                    .map_err(|refused| Refused::from(refused.problem()))?;
                command
                    .check_first(&request.caller, currency)
                    .map_err(|refused| Refused::from(refused.problem()))?;
                // In a box: nearly every line goes into a cart that is open, and all would have room for it.
                let opened = Box::pin(self.open_for_line(request));
                (opened.await?, request.if_match.map(Revision::next))
            }
        };
        let answer = self
            .kinds()
            .carts
            .ask(id, command, request.ask().if_match(expected).ticket(ticket))
            .await?;
        let line = Some(answer.reply);
        let cart = there(answer.state, answer.replayed)?;
        self.cart_done(request, cart, line, view, answer.replayed).await
    }

    /// Sets a line's quantity; 0 removes it.
    ///
    /// # Errors
    /// `cart.line_not_found`; what [`SetQuantity`] refuses.
    pub async fn set_quantity(
        &self,
        request: &Request,
        cart: CartRef,
        line: LineId,
        quantity: u32,
        view: View,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        let settings = self.kinds().current_settings().await?;
        let facts = match found.state.line(line) {
            Some(held) => {
                let cart = Some(&*found.state);
                self.kinds().facts_of(held.variant, cart).await?
            }
            None => None,
        };
        let command = SetQuantity {
            line,
            quantity,
            facts,
            limits: settings.limits,
        };
        self.change_cart(request, found.id, command, Some(line), view)
            .await
    }

    /// Takes a line out.
    ///
    /// # Errors
    /// `cart.line_not_found`; what [`RemoveLine`] refuses.
    pub async fn remove_line(
        &self,
        request: &Request,
        cart: CartRef,
        line: LineId,
        view: View,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        self.change_cart(request, found.id, RemoveLine { line }, Some(line), view)
            .await
    }

    /// Takes every line out.
    ///
    /// # Errors
    /// What [`ClearLines`] refuses.
    pub async fn clear_lines(&self, request: &Request, cart: CartRef, view: View) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        self.change_cart(request, found.id, ClearLines, None, view).await
    }

    /// Changes e-mail, addresses and shipping choice, all or nothing.
    ///
    /// # Errors
    /// Every bad field; what [`UpdateDetails`] refuses.
    pub async fn update_details(
        &self,
        request: &Request,
        cart: CartRef,
        draft: DetailsDraft,
        view: View,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        let command = self.checked_details(draft, None).await?;
        self.change_cart(request, found.id, command, None, view).await
    }

    /// Reads details as they were sent.
    pub(crate) async fn checked_details(
        &self,
        draft: DetailsDraft,
        through: Option<CheckoutId>,
    ) -> Result<UpdateDetails, Refused> {
        let mut errors = draft.bad;
        let email = patched(draft.email, |text| errors.take("/email", Email::parse(&text)));
        let shipping_address = patched(draft.shipping_address, |input| {
            input.check("/shipping_address", &mut errors)
        });
        let billing_address = patched(draft.billing_address, |input| {
            input.check("/billing_address", &mut errors)
        });
        let shipping = patched(draft.shipping_method_id, |method| {
            let known = self.kinds().shipping_methods.roster();
            let found = known.iter().find(|known| known.id == method);
            if found.is_none() {
                let message = format!("there is no shipping method {method}; see shipping-options");
                errors.add("/shipping_method_id", "shipping_method.not_found", message);
            }
            found.map(|found| ShippingChoice {
                method,
                name: found.state.name().to_owned(),
            })
        });
        let customer = match draft.customer_id {
            Patch::Set(id) if !self.kinds().has_customer(id).await? => {
                errors.add(
                    "/customer_id",
                    "customer.not_found",
                    format!("there is no customer {id}"),
                );
                Patch::Keep
            }
            sent => sent,
        };
        errors
            .into_result()
            .map_err(|errors| Refused::from(errors.problem()))?;
        Ok(UpdateDetails {
            email,
            shipping_address,
            billing_address,
            shipping,
            priced_at: draft.priced_at,
            customer,
            through,
        })
    }

    async fn change_cart<C: Command<Cart>>(
        &self,
        request: &Request,
        id: CartId,
        command: C,
        line: Option<LineId>,
        view: View,
    ) -> Outcome<CartView> {
        let done = self.run(&self.kinds().carts, id, command, request).await?;
        self.cart_done(request, done.value, line, view, done.replayed)
            .await
    }

    pub(crate) async fn cart_done(
        &self,
        request: &Request,
        cart: Shown<Cart>,
        line: Option<LineId>,
        view: View,
        replayed: bool,
    ) -> Outcome<CartView> {
        // In a box: a future is copied whole on its way down through the edge, and this one is large.
        let priced = Box::pin(self.priced_for(cart, view)).await?;
        let (priced, news) = self.let_codes_go(request, priced, view).await?;
        self.remember(request, &priced);
        Ok(Done {
            value: CartView { priced, line, news },
            replayed,
        })
    }

    async fn replayed_cart<R>(
        &self,
        request: &Request,
        receipt: Box<Receipt>,
        view: View,
    ) -> Result<CartView, Refused>
    where
        R: serde::de::DeserializeOwned + IntoLine,
    {
        let answer: Answer<R, Cart> = self.kinds().carts.replay(&receipt).await?;
        let cart = there(answer.state, true)?;
        let done = self
            .cart_done(request, cart, answer.reply.into_line(), view, true)
            .await?;
        Ok(done.value)
    }

    /// Finds the cart that is meant. Somebody else's is as good as none.
    pub(crate) async fn resolve(&self, request: &Request, cart: CartRef) -> Result<Shown<Cart>, Refused> {
        let id = match cart {
            CartRef::Id(id) => id,
            CartRef::Current => self.current_of(request).await?.ok_or_else(|| {
                let mut none = gone::<Cart>();
                none.problem.message =
                    "the session has no cart; its first line opens one, and so does POST /carts".to_owned();
                none
            })?,
        };
        let found = self.kinds().carts.read(id).await.map_err(unreadable)?;
        found
            .filter(|cart| cart.state.belongs_to(&request.caller))
            .ok_or_else(gone::<Cart>)
    }

    pub(crate) async fn current_of(&self, request: &Request) -> Result<Option<CartId>, Refused> {
        let session = Self::require_session(request)?;
        let session = self.kinds().sessions.read(session).await.map_err(unreadable)?;
        Ok(session.ok_or_else(gone::<Session>)?.state.cart())
    }

    async fn facts_of_ref(&self, variant: &VariantRef, cart: Option<&Cart>) -> Result<VariantFacts, Refused> {
        let unknown = |name: String| {
            let mut refused = gone::<Variant>();
            refused.problem.message = format!("there is no variant {name}");
            refused.problem.details.push(("variant".to_owned(), name.into()));
            refused
        };
        let id = match variant {
            VariantRef::Id(id) => *id,
            VariantRef::Sku(sku) => self
                .variant_by_sku(sku)
                .await?
                .ok_or_else(|| unknown(sku.clone()))?,
        };
        self.kinds()
            .facts_of(id, cart)
            .await?
            .ok_or_else(|| unknown(id.to_string()))
    }

    /// Remembers what this caller is shown for this cart: a completion that names no total expects it.
    fn remember(&self, request: &Request, priced: &Priced) {
        if request.is_shown {
            self.inner().shown_totals.remember(&request.caller, priced);
        }
    }

    /// Remembers that this caller is told what this cart comes to, without what makes it up, and where it is told as well
    /// what of it is left to be paid.
    pub(crate) fn told(&self, request: &Request, cart: CartId, how: Told, total: Money, due: Option<Money>) {
        if request.is_shown {
            let totals = &self.inner().shown_totals;
            totals.told(cart, &request.caller, how, total, due);
        }
    }
}

/// A reply that may name the line it is about.
trait IntoLine {
    fn into_line(self) -> Option<LineId>;
}

impl IntoLine for () {
    fn into_line(self) -> Option<LineId> {
        None
    }
}

impl IntoLine for LineId {
    fn into_line(self) -> Option<LineId> {
        Some(self)
    }
}

fn patched<T, U>(patch: Patch<T>, read: impl FnOnce(T) -> Option<U>) -> Patch<U> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => read(value).map_or(Patch::Keep, Patch::Set),
    }
}
