//! What shoppers pay and save with: gift cards that everybody has the code of, store credit, a code that a few orders may
//! carry, and codes that are good for one order each. And the oracle's sums of what became of them.

use crate::basket::Entry;
use crate::dice::Dice;
use crate::shop::{Goods, Requests, Running, euro, shipping_price};
use cartwright_actors::cart::{CartRef, CartView, DetailsDraft, View};
use cartwright_actors::import::RowOutcome;
use cartwright_actors::{Engine, Outcome, Refused, Request, Shown};
use cartwright_domain::cart::{FrozenQuote, Patch};
use cartwright_domain::id::{CustomerId, PromotionId, StoredValueId};
use cartwright_domain::money::{Currency, Money};
use cartwright_domain::order::{Order, Status};
use cartwright_domain::promotion::{ActionDraft, Draft, ReductionDraft};
use cartwright_domain::stored_value::{Adjust, GiftCardDraft};
use cartwright_domain::{customer, payment::PaymentState, stored_value};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Gift cards: their codes, and what is on them at first, in pence but for the last.
const CARDS: [(&str, i64); 3] = [
    ("CARDFORALL01", 3_000),
    ("CARDFORALL02", 400),
    ("CARDFORALL03", 2_500),
];
/// The codes that shoppers know: one that so many orders may carry, and those that are good for one each.
const CODES: [&str; 3] = ["TENTH", "ONCE-1", "ONCE-2"];
const TENTH_MAX: u64 = 2;
/// What a code for one order takes off, in pence, before the tenth is taken.
const ONCE_OFF: i64 = 100;
/// What comes off before that without a code, while staff have it so, in pence.
const SALE_OFF: i64 = 30;
/// The store credit of the one customer there is a record of, in pence.
const CREDIT: i64 = 1_500;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Purse {
    customer: CustomerId,
    cards: Vec<(StoredValueId, Money)>,
    credit: (StoredValueId, Money),
    tenth: PromotionId,
    once: PromotionId,
    sale: PromotionId,
}

impl Purse {
    pub(crate) async fn fill(engine: &Engine, requests: &Requests) -> Self {
        let staff = || requests.staff(None);
        let mut cards = Vec::new();
        for (at, (code, amount)) in CARDS.into_iter().enumerate() {
            let currency = if at + 1 < CARDS.len() {
                Currency::GBP
            } else {
                euro()
            };
            let amount = Money::new(amount, currency);
            let draft = GiftCardDraft {
                amount: Some(amount),
                code: Some(code.to_owned()),
                ..GiftCardDraft::default()
            };
            let issued = engine.issue_gift_card(&staff(), draft).await.expect("a card");
            cards.push((issued.value.id, amount));
        }
        let draft = customer::Draft {
            external_id: Some(Some("C-1".to_owned())),
            ..customer::Draft::default()
        };
        let customer = engine.create_customer(&staff(), draft).await;
        let customer = customer.expect("a customer").value.id;
        let goodwill = Adjust {
            amount: Money::new(CREDIT, Currency::GBP),
            reason: "goodwill".to_owned(),
        };
        let request = staff();
        let credit = engine.adjust_store_credit(&request, customer, goodwill.clone());
        let credit = credit.await.expect("store credit").value.id;
        let promote = async |draft: Draft| {
            let made = engine.create_promotion(&staff(), draft).await;
            made.expect("a promotion").value.promotion.id
        };
        let tenth = promote(Draft {
            name: Some("A tenth".to_owned()),
            code: Some(Some(CODES[0].to_owned())),
            usage_limit: Some(Some(TENTH_MAX)),
            actions: Some(vec![ActionDraft::Order(ReductionDraft {
                percentage: Some("0.1".to_owned()),
                fixed: None,
            })]),
            enabled: Some(true),
            ..Draft::default()
        });
        let tenth = tenth.await;
        let once = promote(Draft {
            name: Some("A pound".to_owned()),
            requires_code: Some(true),
            priority: Some(1),
            actions: Some(vec![ActionDraft::Order(ReductionDraft {
                percentage: None,
                fixed: Some(Money::new(ONCE_OFF, Currency::GBP)),
            })]),
            enabled: Some(true),
            ..Draft::default()
        });
        let once = once.await;
        let sale = promote(Draft {
            name: Some("Sale".to_owned()),
            priority: Some(2),
            actions: Some(vec![ActionDraft::Order(ReductionDraft {
                percentage: None,
                fixed: Some(Money::new(SALE_OFF, Currency::GBP)),
            })]),
            enabled: Some(false),
            ..Draft::default()
        });
        let sale = sale.await;
        let codes = CODES[1..].iter().map(|code| (*code).to_owned());
        let imported = engine.add_codes(&staff(), once, codes.collect()).await;
        let imported = imported.expect("codes");
        for row in imported.value {
            assert!(!matches!(row.outcome, RowOutcome::Refused(_)), "{}", row.subject);
        }
        Self {
            customer,
            cards,
            credit: (credit, goodwill.amount),
            tenth,
            once,
            sale,
        }
    }

    /// Switches the sale on or off.
    pub(crate) async fn switch_sale(
        &self,
        engine: &Engine,
        request: &Request,
        is_on: bool,
    ) -> Result<(), Refused> {
        let draft = Draft {
            enabled: Some(is_on),
            ..Draft::default()
        };
        let done = engine.update_promotion(request, self.sale, draft).await;
        done.map(|_| ())
    }

    /// Stops a gift card, or allows it again.
    pub(crate) async fn switch_card(
        &self,
        engine: &Engine,
        request: &Request,
        at: usize,
        is_on: bool,
    ) -> Result<(), Refused> {
        let draft = stored_value::Draft {
            enabled: Some(is_on),
            ..stored_value::Draft::default()
        };
        let done = engine.update_gift_card(request, self.cards[at].0, draft).await;
        done.map(|_| ())
    }

    /// Returns what an order of these goods that was asked for since then comes to, with the promotions that it carries:
    /// none but the sale and those that shoppers have codes of, and each once.
    pub(crate) fn total(&self, goods: &Goods, quote: &FrozenQuote, since: Instant) -> i64 {
        let currency = quote.quote.currency;
        let (mut left, mut is_sent) = (0, false);
        for (line, quoted) in quote.lines.iter().zip(&quote.quote.lines) {
            let known = goods
                .variants
                .iter()
                .find(|(variant, _)| *variant == line.variant);
            let (_, good) = known.expect("what is ordered is sold");
            let quantity = i64::from(quoted.quantity);
            let price = good.fixed_price(currency, quoted.quantity).unwrap_or_else(|| {
                let price = quoted.amount.amount / quantity;
                let was_tagged = goods.tags.may_have_been(line.variant, price, since);
                assert!(was_tagged, "{price} for a unit is on no tag: {:?}", goods.tags);
                price
            });
            left += price * quantity;
            is_sent |= !good.is_digital;
        }
        let mut carried = carried(quote);
        if carried.remove(&self.sale) {
            assert_eq!(currency, Currency::GBP, "pence are taken off pounds");
            left -= SALE_OFF.min(left);
        }
        if carried.remove(&self.once) {
            assert_eq!(currency, Currency::GBP, "a pound is taken off pounds");
            left -= ONCE_OFF.min(left);
        }
        if carried.remove(&self.tenth) {
            // Half a unit is a whole one.
            left -= (left + 5) / 10;
        }
        assert!(carried.is_empty(), "an order carries {carried:?}");
        left + if is_sent { shipping_price(currency) } else { 0 }
    }

    /// Nothing is spent twice, and what is called off is given back; no promotion is carried more often than it may.
    pub(crate) async fn check(&self, running: &Running, orders: &[Shown<Order>]) {
        let engine = &running.engine;
        let stands = |order: &&Shown<Order>| order.state.status() != Status::Canceled;
        let standing: Vec<&FrozenQuote> = orders
            .iter()
            .filter(stands)
            .map(|order| order.state.quote().as_ref())
            .collect();
        for (at, (id, issued)) in self.cards.iter().chain([&self.credit]).enumerate() {
            let value = match self.cards.get(at) {
                Some(_) => engine.gift_card(*id).await,
                None => engine.store_credit_in(self.customer, issued.currency).await,
            };
            let value = value.expect("it is read").state.clone();
            let tenders = standing.iter().flat_map(|quote| &quote.tenders);
            let spent: i64 = tenders
                .filter(|tender| tender.value == *id)
                .map(|tender| tender.amount.amount)
                .sum();
            assert_eq!(
                (value.balance().amount, value.held().amount),
                (issued.amount - spent, 0),
                "balance and holds of {id}"
            );
        }
        let of_tenth = standing
            .iter()
            .filter(|quote| carried(quote).contains(&self.tenth));
        let used = u64::try_from(of_tenth.count()).expect("a count");
        assert!(used <= TENTH_MAX, "{used} orders carry what {TENTH_MAX} may");
        let counted = engine.promotion(self.tenth).await.expect("it is read").used;
        assert_eq!(counted, Some(used), "uses of the tenth");
        let singles = standing.iter().flat_map(|quote| &quote.uses);
        let mut counters = BTreeSet::new();
        for single in singles.filter(|single| single.promotion == self.once) {
            assert!(counters.insert(single.counter), "a code for one order is on two");
        }
    }
}

/// Returns the promotions that an order carries.
fn carried(quote: &FrozenQuote) -> BTreeSet<PromotionId> {
    let promotions = quote.quote.promotions.iter();
    promotions.map(|applied| applied.promotion).collect()
}

/// Checks the payments of an order by what shoppers have applied, and returns what is left for the bank.
pub(crate) fn check_tenders(order: &Shown<Order>) -> i64 {
    let quote = order.state.quote();
    let is_canceled = order.state.status() == Status::Canceled;
    let mut due = quote.quote.total.amount;
    for (tender, noted) in quote.tenders.iter().zip(order.state.payments()) {
        let amount = tender.amount.amount;
        let given_back = if is_canceled { amount } else { 0 };
        assert_eq!(
            (noted.provider(), noted.captured().amount, noted.refunded().amount),
            (tender.provider(), amount, given_back),
            "what {} is paid with",
            order.id
        );
        assert_ne!(noted.state(), PaymentState::Voided, "{noted:?}");
        due -= amount;
    }
    assert!(0 <= due, "{} is paid with more than it costs", order.id);
    let payments = quote.tenders.len() + usize::from(0 < due);
    assert_eq!(order.state.payments().len(), payments, "payments of {}", order.id);
    due
}

/// Returns the place of a gift card.
pub(crate) fn card(dice: &mut Dice) -> usize {
    *dice.one_of(&[0, 1, 2])
}

/// Returns something to enter or take out.
pub(crate) fn entry(dice: &mut Dice) -> Entry {
    let place = |dice: &mut Dice, count: usize| {
        let places: Vec<usize> = (0..count).collect();
        *dice.one_of(&places)
    };
    match dice.below(10) {
        0..=3 => Entry::Code(place(dice, CODES.len())),
        4 => Entry::NoCode(place(dice, CODES.len())),
        5 | 6 => Entry::Card(place(dice, CARDS.len())),
        7 => Entry::NoCard(place(dice, CARDS.len())),
        8 => Entry::Customer,
        _ => Entry::Credit,
    }
}

/// Enters something in a cart, or takes it out.
pub(crate) async fn enter(
    engine: &Engine,
    request: &Request,
    goods: &Goods,
    cart: CartRef,
    entry: Entry,
) -> Outcome<CartView> {
    let view = View::Full;
    match entry {
        Entry::Code(at) => {
            let codes = vec![CODES[at].to_owned()];
            engine.apply_codes(request, cart, codes, view).await
        }
        Entry::NoCode(at) => engine.remove_code(request, cart, CODES[at], view).await,
        Entry::Card(at) => engine.apply_gift_card(request, cart, CARDS[at].0, view).await,
        Entry::NoCard(at) => {
            let (card, _) = goods.purse.cards[at];
            engine.remove_stored_value(request, cart, card, view).await
        }
        Entry::Customer => {
            let draft = DetailsDraft {
                customer_id: Patch::Set(goods.purse.customer),
                ..DetailsDraft::default()
            };
            engine.update_details(request, cart, draft, view).await
        }
        Entry::Credit => engine.apply_store_credit(request, cart, view).await,
    }
}
