//! A client as it should be: every change under a key of its own, repeated under that key until it is answered.

use crate::house::{Goods, House, PATIENCE, details, keyed, staff};
use cartwright_actors::cart::{CartRef, LineDraft, VariantRef, View};
use cartwright_actors::checkout::{CheckoutView, CompletionDraft};
use cartwright_actors::request::Done;
use cartwright_actors::{Engine, Outcome, PageRequest, Request, new_seed};
use cartwright_domain::catalog::PriceChange;
use cartwright_domain::checkout::Ending;
use cartwright_domain::id::{CartId, CheckoutId, OrderId, ShippingMethodId, VariantId};
use cartwright_domain::inventory::StockLevels;
use cartwright_domain::money::{Money, Price};
use cartwright_domain::promotion::{self, ActionDraft, ReductionDraft};
use cartwright_domain::stored_value::{self, GiftCardDraft};
use cartwright_domain::{Caller, Problem, settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long a client waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often a client asks before the test says that it gets no answer: fifteen minutes.
const TRIES_MAX: usize = 1_800;
/// What came of a checkout that led to an order.
pub(crate) const ORDERED: &str = "ordered";

/// The code of the gift card.
const GIFT_CARD: &str = "SAGA-GIFT-01";

/// The clients of one engine: two shoppers and staff.
pub(crate) struct Buyer<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) goods: Goods,
}

impl<'a> Buyer<'a> {
    pub(crate) fn new(engine: &'a Engine, house: &House) -> Self {
        Self {
            engine,
            goods: house.goods,
        }
    }

    /// Opens a shopper's cart with these units, ready to be completed. Its keys begin with `key`.
    pub(crate) async fn cart(&self, shopper: usize, key: &str, units: &[(VariantId, u32)]) -> CartId {
        self.cart_sent_by(self.goods.method, shopper, key, units).await
    }

    /// As [`Buyer::cart`], with a shipping method of one's own choice.
    pub(crate) async fn cart_sent_by(
        &self,
        method: ShippingMethodId,
        shopper: usize,
        key: &str,
        units: &[(VariantId, u32)],
    ) -> CartId {
        let opened = self
            .finally(&self.shopper(shopper, &format!("{key}-open")), async |request| {
                self.engine.open_cart(request, None).await
            })
            .await;
        let cart = opened.unwrap().priced.cart.id;
        for (variant, quantity) in units {
            let added = self
                .finally(
                    &self.shopper(shopper, &format!("{key}-{variant}")),
                    async |request| {
                        let draft = LineDraft {
                            variant: VariantRef::Id(*variant),
                            quantity: *quantity,
                            options: Default::default(),
                            custom_fields: Default::default(),
                            unit_price: None,
                        };
                        self.engine
                            .add_line(request, CartRef::Id(cart), draft, View::Full)
                            .await
                    },
                )
                .await;
            added.unwrap();
        }
        let details = self
            .finally(
                &self.shopper(shopper, &format!("{key}-details")),
                async |request| {
                    self.engine
                        .update_details(request, CartRef::Id(cart), details(method), View::Full)
                        .await
                },
            )
            .await;
        details.unwrap();
        cart
    }

    /// Issues a gift card, as staff, and has a cart paid with it.
    pub(crate) async fn gift_card(&self, shopper: usize, cart: CartId, amount: Money) {
        let code = GIFT_CARD;
        let issued = self
            .finally(&keyed(staff(), "issue"), async |request| {
                let draft = GiftCardDraft {
                    amount: Some(amount),
                    code: Some(code.to_owned()),
                    ..GiftCardDraft::default()
                };
                self.engine.issue_gift_card(request, draft).await
            })
            .await;
        issued.unwrap();
        let applied = self
            .finally(&self.shopper(shopper, "apply"), async |request| {
                self.engine
                    .apply_gift_card(request, CartRef::Id(cart), code, View::Full)
                    .await
            })
            .await;
        applied.unwrap();
    }

    /// Stops the gift card, as staff.
    pub(crate) async fn stop_gift_card(&self) {
        let card = self.engine.gift_card_by_code(GIFT_CARD).await.unwrap().unwrap();
        let stopped = self
            .finally(&keyed(staff(), "stop"), async |request| {
                let draft = stored_value::Draft {
                    enabled: Some(false),
                    ..stored_value::Draft::default()
                };
                self.engine.update_gift_card(request, card.id, draft).await
            })
            .await;
        stopped.unwrap();
    }

    /// Starts a checkout. Whoever asks again is told of the same one, whatever became of it.
    pub(crate) async fn start(&self, shopper: usize, key: &str, cart: CartId) -> Result<CheckoutId, String> {
        let started = self
            .finally(&self.shopper(shopper, key), async |request| {
                self.engine.start_checkout(request, CartRef::Id(cart)).await
            })
            .await;
        started
            .map(|view| view.checkout.id)
            .map_err(|problem| problem.code)
    }

    /// Returns how long the reservation of a checkout lasts from its start on.
    pub(crate) async fn reserved_for(&self, shopper: usize, id: CheckoutId) -> Option<Duration> {
        let view = self.engine.checkout(&self.shopper(shopper, "look"), id).await;
        let checkout = view.unwrap().checkout;
        let until = checkout.state.reserved_until?;
        Some(until.since(checkout.state.created_at))
    }

    /// Completes a cart, and returns [`ORDERED`] or the code of the refusal.
    pub(crate) async fn complete(
        &self,
        shopper: usize,
        key: &str,
        cart: CartId,
        token: &str,
        expected_total: Option<Money>,
    ) -> String {
        let request = self.shopper(shopper, key);
        let draft = CompletionDraft {
            payment_token: Some(token.to_owned()),
            expected_total,
            expected_due: None,
        };
        self.settled(&request, async |request| {
            self.engine
                .complete_cart(request, CartRef::Id(cart), draft.clone())
                .await
        })
        .await
    }

    /// Asks for a cart's completion once, and returns [`ORDERED`] or the code of the refusal.
    pub(crate) async fn try_to_complete(&self, shopper: usize, key: &str, cart: CartId) -> String {
        let draft = CompletionDraft {
            payment_token: Some("tok_approve".to_owned()),
            expected_total: None,
            expected_due: None,
        };
        let request = self.shopper(shopper, key);
        let asked = self.engine.complete_cart(&request, CartRef::Id(cart), draft);
        match asked.await {
            Ok(_) => ORDERED.to_owned(),
            Err(refused) => refused.problem.code,
        }
    }

    /// Completes a checkout that was started, and returns [`ORDERED`] or the code of the refusal.
    pub(crate) async fn complete_checkout(&self, shopper: usize, key: &str, id: CheckoutId) -> String {
        let request = self.shopper(shopper, key);
        let draft = CompletionDraft {
            payment_token: Some("tok_approve".to_owned()),
            expected_total: None,
            expected_due: None,
        };
        self.settled(&request, async |request| {
            self.engine.complete_checkout(request, id, draft.clone()).await
        })
        .await
    }

    /// Abandons a checkout, and returns the code of its ending.
    pub(crate) async fn abandon(&self, shopper: usize, key: &str, id: CheckoutId) -> String {
        let abandoned = self
            .finally(&self.shopper(shopper, key), async |request| {
                self.engine.abandon_checkout(request, id).await
            })
            .await;
        match abandoned {
            Ok(view) if view.checkout.state.ending == Some(Ending::Abandoned) => {
                "checkout.abandoned".to_owned()
            }
            Ok(view) => format!("the checkout is at {:?}", view.checkout.state.step),
            Err(problem) => problem.code,
        }
    }

    /// Cancels an order, and returns its status or the code of the refusal.
    pub(crate) async fn cancel(&self, key: &str, order: OrderId) -> String {
        let canceled = self
            .finally(&keyed(staff(), key), async |request| {
                self.engine
                    .cancel_order(request, order, "the shopper called".to_owned())
                    .await
            })
            .await;
        match canceled {
            Ok(order) => order.state.status().name().to_owned(),
            Err(problem) => problem.code,
        }
    }

    /// Waits for the first order.
    pub(crate) async fn first_order(&self) -> OrderId {
        loop {
            let page = self.engine.orders(PageRequest::default()).await;
            if let Some(order) = page.ok().and_then(|page| page.items.into_iter().next_back()) {
                return order.id;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Sets a price, as staff.
    pub(crate) async fn price(&self, key: &str, variant: VariantId, price: Money) {
        let set = self
            .finally(&keyed(staff(), key), async |request| {
                let price = Price::of_money(price).unwrap();
                let price = PriceChange::Set(price);
                self.engine.set_price(request, variant, price).await
            })
            .await;
        set.unwrap();
    }

    /// Changes the settings, as staff.
    pub(crate) async fn settings(&self, key: &str, draft: settings::Draft) {
        let set = self
            .finally(&keyed(staff(), key), async |request| {
                self.engine.update_settings(request, draft.clone()).await
            })
            .await;
        set.unwrap();
    }

    /// Counts so many units of a variant; none: it is not counted any more.
    pub(crate) async fn count(&self, key: &str, variant: VariantId, on_hand: Option<u64>) {
        let levels = StockLevels {
            tracked: Some(on_hand.is_some()),
            on_hand: Some(on_hand.unwrap_or_default()),
            ..StockLevels::default()
        };
        let counted = self
            .finally(&keyed(staff(), key), async |request| {
                self.engine.set_stock(request, variant, levels).await
            })
            .await;
        counted.unwrap();
    }

    /// Makes a promotion of a tenth that so many orders may carry, and one of each shopper.
    pub(crate) async fn promote(&self, key: &str, code: Option<&str>, usage_limit: u64) {
        let tenth = ReductionDraft {
            percentage: Some("0.1".to_owned()),
            fixed: None,
        };
        let draft = promotion::Draft {
            name: Some("A tenth".to_owned()),
            code: Some(code.map(str::to_owned)),
            actions: Some(vec![ActionDraft::Order(tenth)]),
            usage_limit: Some(Some(usage_limit)),
            usage_limit_per_customer: Some(Some(1)),
            enabled: Some(true),
            ..promotion::Draft::default()
        };
        let made = self
            .finally(&keyed(staff(), key), async |request| {
                self.engine.create_promotion(request, draft.clone()).await
            })
            .await;
        made.unwrap();
    }

    /// Looks at a cart; returns its total.
    pub(crate) async fn look(&self, shopper: usize, cart: CartId) -> Money {
        let looked = self
            .finally(&self.shopper(shopper, "look"), async |request| {
                let value = self.engine.cart(request, CartRef::Id(cart)).await?;
                let replayed = false;
                Ok(Done { value, replayed })
            })
            .await;
        looked.unwrap().view.priced.quote.total
    }

    /// Applies a code to a cart.
    pub(crate) async fn apply(&self, shopper: usize, key: &str, cart: CartId, code: &str) {
        let applied = self
            .finally(&self.shopper(shopper, key), async |request| {
                let codes = vec![code.to_owned()];
                let applied = self
                    .engine
                    .apply_codes(request, CartRef::Id(cart), codes, View::Full);
                applied.await
            })
            .await;
        applied.unwrap();
    }

    fn shopper(&self, shopper: usize, key: &str) -> Request {
        let caller = Caller::of_session(self.goods.sessions[shopper]);
        let request = Request {
            caller: Arc::new(caller),
            ..Request::internal("test", new_seed(), PATIENCE)
        };
        keyed(request, key)
    }

    /// Asks for a checkout's completion until it has come to something.
    async fn settled(
        &self,
        request: &Request,
        call: impl AsyncFn(&Request) -> Outcome<CheckoutView>,
    ) -> String {
        for _ in 0..TRIES_MAX {
            match self.finally(request, &call).await {
                Ok(view) if view.order.is_some() => return ORDERED.to_owned(),
                Ok(view) if view.is_settled() => return format!("ended as {:?}", view.checkout.state.ending),
                Ok(_) => sleep(AGAIN_AFTER).await,
                Err(problem) => return problem.code,
            }
        }
        panic!("a completion does not settle");
    }

    /// Asks until the answer is final: an answer, or a refusal that stays.
    async fn finally<T>(
        &self,
        request: &Request,
        call: impl AsyncFn(&Request) -> Outcome<T>,
    ) -> Result<T, Problem> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let attempt = Request {
                seed: new_seed(),
                deadline: tokio::time::Instant::now() + PATIENCE,
                goes_on: false,
                ..request.clone()
            };
            match call(&attempt).await {
                Ok(done) => return Ok(done.value),
                Err(refused) => {
                    let problem = refused.problem;
                    if problem.class.is_final() && problem.code != "idempotency.in_progress" {
                        return Err(problem);
                    }
                    last = Some(problem);
                }
            }
            sleep(AGAIN_AFTER).await;
        }
        panic!("a request gets no answer: {last:?}");
    }
}
