//! Staff at random: goods come and go, orders are called off; and the shelves are counted against the answers.

use crate::dice::Dice;
use crate::purse;
use crate::shop::{Goods, Requests, Shop};
use crate::shopper::is_final;
use crate::trace::Trace;
use cartwright_actors::{Engine, PageRequest};
use cartwright_domain::catalog::PriceChange;
use cartwright_domain::id::{OrderId, VariantId};
use cartwright_domain::inventory::{AdjustStock, StockItem};
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::{Problem, settings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// How often one request is made before the shop counts as silent.
const TRIES_MAX: u32 = 3_000;
/// How many different things staff do.
const ACTS: u64 = 28;

#[derive(Clone, Copy, Debug)]
enum Act {
    Adjust(VariantId, i64),
    Cancel(OrderId),
    /// When payments are captured from now on: `now` or `when_shipped`.
    Capture(&'static str),
    /// What a unit costs from now on, in pence.
    Price(VariantId, i64),
    /// Whether something comes off without a code.
    Sale(bool),
    /// Whether this gift card may be spent.
    Card(usize, bool),
}

#[derive(Clone, Debug)]
struct Asked {
    act: Act,
    key: String,
    tries: u32,
}

/// The shop's staff, who outlive every process.
pub(crate) struct Staff {
    dice: Dice,
    requests: Requests,
    trace: Trace,
    goods: Goods,
    /// Units on hand, by what was acknowledged.
    on_hand: BTreeMap<VariantId, u64>,
    asked: Option<Asked>,
    keys: u64,
    acts_left: u64,
    /// How long they rest between two things, at most, in milliseconds.
    pace: u64,
    /// Orders they tried to cancel, and those of which they were told that they are canceled.
    pub(crate) tried: BTreeSet<OrderId>,
    pub(crate) canceled: BTreeSet<OrderId>,
}

impl Staff {
    pub(crate) fn new(mut dice: Dice, shop: &Shop, goods: &Goods) -> Self {
        let variants = goods.variants.iter().map(|(variant, _)| *variant);
        Self {
            pace: *dice.one_of(&[20, 150, 900]),
            dice,
            requests: shop.requests(),
            trace: shop.trace.clone(),
            goods: goods.clone(),
            on_hand: variants.zip(goods.on_hand.iter().copied()).collect(),
            asked: None,
            keys: 0,
            acts_left: ACTS,
            tried: BTreeSet::new(),
            canceled: BTreeSet::new(),
        }
    }

    /// Works until there is nothing left to do. May be dropped at any time.
    pub(crate) async fn work(&mut self, engine: &Engine) {
        while 0 < self.acts_left || self.asked.is_some() {
            if self.asked.is_none() {
                self.acts_left -= 1;
                sleep(Duration::from_millis(self.dice.between(1, self.pace))).await;
                self.count(engine).await;
                self.choose(engine).await;
            }
            self.attempt(engine).await;
        }
    }

    /// Gets the last answer, and counts once more.
    pub(crate) async fn finish(&mut self, engine: &Engine) {
        while self.asked.is_some() {
            self.attempt(engine).await;
        }
        self.count(engine).await;
    }

    /// Returns how many units of a variant there must be.
    pub(crate) fn on_hand(&self, variant: VariantId) -> u64 {
        self.on_hand[&variant]
    }

    /// Counts every shelf while nothing is asked.
    async fn count(&self, engine: &Engine) {
        for (variant, expected) in &self.on_hand {
            let Ok(Some(item)) = engine.stock(*variant).await else {
                continue;
            };
            let item: &StockItem = &item.state;
            assert_eq!(item.on_hand(), *expected, "units of {variant} on hand");
            assert!(
                item.reserved() + item.allocated() <= item.on_hand(),
                "{variant} is oversold: {item:?}"
            );
        }
    }

    async fn choose(&mut self, engine: &Engine) {
        let act = match self.dice.below(9) {
            0 | 1 => {
                let Ok(page) = engine.orders(PageRequest::default()).await else {
                    return;
                };
                if page.items.is_empty() {
                    return;
                }
                // The newest first: its checkout may still be at work on it.
                let order = match self.dice.one_in(2) {
                    true => &page.items[0],
                    false => self.dice.one_of(&page.items),
                };
                Act::Cancel(order.id)
            }
            2 if self.dice.one_in(2) => Act::Capture("now"),
            2 => Act::Capture("when_shipped"),
            6 => {
                let (variant, good) = *self.dice.one_of(&self.goods.variants);
                let first = good.first_price();
                let price = first + *self.dice.one_of(&[0, 0, first / 8, -first / 10]);
                self.goods.tags.ask(variant, price);
                Act::Price(variant, price)
            }
            7 => Act::Card(purse::card(&mut self.dice), self.dice.one_in(2)),
            8 => Act::Sale(self.dice.one_in(2)),
            _ => {
                let variants: Vec<VariantId> = self.on_hand.keys().copied().collect();
                let delta = i64::try_from(self.dice.between(1, 9)).unwrap_or(1) - 4;
                Act::Adjust(*self.dice.one_of(&variants), if delta == 0 { -1 } else { delta })
            }
        };
        if let Act::Cancel(order) = act {
            self.tried.insert(order);
        }
        self.keys += 1;
        self.asked = Some(Asked {
            act,
            key: format!("staff-{}", self.keys),
            tries: 0,
        });
    }

    async fn attempt(&mut self, engine: &Engine) {
        let Some(asked) = &mut self.asked else { return };
        asked.tries += 1;
        assert!(asked.tries < TRIES_MAX, "staff get no answer to {asked:?}");
        let Asked { act, key, .. } = asked.clone();
        let request = self.requests.staff(Some(&key));
        let answer: Result<bool, Problem> = match act {
            Act::Adjust(variant, delta) => {
                let adjustment = AdjustStock {
                    delta,
                    reason: "counted".to_owned(),
                    reference: None,
                };
                let done = engine.adjust_stock(&request, variant, adjustment).await;
                done.map(|done| {
                    let expected = self.on_hand[&variant].saturating_add_signed(delta);
                    assert_eq!(done.value.state.on_hand(), expected, "{act:?} is answered so");
                    self.on_hand.insert(variant, expected);
                    true
                })
                .map_err(|refused| refused.problem)
            }
            Act::Cancel(id) => {
                let done = engine
                    .cancel_order(&request, id, "the shopper called".to_owned())
                    .await;
                done.map(|done| done.value.state.status() == cartwright_domain::order::Status::Canceled)
                    .map_err(|refused| refused.problem)
            }
            Act::Capture(capture) => {
                let change = settings::Draft {
                    capture: Some(capture.to_owned()),
                    ..settings::Draft::default()
                };
                let done = engine.update_settings(&request, change).await;
                done.map(|_| true).map_err(|refused| refused.problem)
            }
            Act::Price(variant, price) => {
                let price = Price::of_money(Money::new(price, Currency::GBP)).expect("a price");
                let done = engine.set_price(&request, variant, PriceChange::Set(price)).await;
                done.map(|_| true).map_err(|refused| refused.problem)
            }
            Act::Sale(is_on) => {
                let done = self.goods.purse.switch_sale(engine, &request, is_on).await;
                done.map(|()| true).map_err(|refused| refused.problem)
            }
            Act::Card(at, is_on) => {
                let done = self.goods.purse.switch_card(engine, &request, at, is_on).await;
                done.map(|()| true).map_err(|refused| refused.problem)
            }
        };
        match answer {
            Ok(is_over) => {
                if let Act::Price(variant, _) = act {
                    self.goods.tags.set(variant);
                }
                self.trace.line(format_args!("staff: {act:?}: done {is_over}"));
                if let (Act::Cancel(id), true) = (act, is_over) {
                    self.canceled.insert(id);
                }
                if is_over {
                    self.asked = None;
                }
            }
            Err(problem) if is_final(&problem) => {
                self.trace.line(format_args!("staff: {act:?}: {}", problem.code));
                self.asked = None;
                let may_come = match act {
                    Act::Adjust(..) => {
                        matches!(
                            problem.code.as_str(),
                            "inventory.below_committed" | "inventory.below_zero"
                        )
                    }
                    Act::Cancel(_) => problem.code == "order.already_canceled",
                    Act::Capture(_) | Act::Price(..) | Act::Sale(_) | Act::Card(..) => false,
                };
                assert!(may_come, "{act:?} is refused: {problem:?}");
            }
            Err(problem) => {
                self.trace
                    .line(format_args!("staff: {act:?}: {}, again", problem.code));
                sleep(Duration::from_millis(self.dice.between(50, 900))).await;
            }
        }
    }
}
