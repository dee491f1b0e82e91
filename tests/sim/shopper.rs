//! A shopper at random: fills a cart, checks out, asks again, gives up, goes away; and believes every answer.

mod call;
mod first;
mod last;
mod refusal;

pub(crate) use call::details;

use crate::bank::Bank;
use crate::basket::{Basket, Change, Contents, Entry, contents_of_order};
use crate::dice::Dice;
use crate::purse::entry;
use crate::shop::{Goods, Requests, Shop};
use crate::shown::{Named, Sums};
use crate::trace::Trace;
use call::call;
use cartwright_actors::cart::{CartRef, CartView};
use cartwright_actors::checkout::CheckoutView;
use cartwright_actors::{Engine, Shown};
use cartwright_domain::Problem;
use cartwright_domain::checkout::Step;
use cartwright_domain::id::{CartId, CheckoutId, OrderId, SessionId, VariantId};
use cartwright_domain::order::Order;
use first::FirstAdds;
use futures::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often one request is made before the shop counts as silent.
const TRIES_MAX: u32 = 3_000;
/// How many different things one shopper does.
const ACTS: u64 = 24;

/// What a shopper asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// In euros, or in pounds.
    OpenCart {
        in_euros: bool,
    },
    /// So many adds of one unit at once, where there is no cart yet, each sent so often under a key of its own.
    AddFirst {
        variant: VariantId,
        adds: u32,
        times: u32,
    },
    Change(CartId, Change),
    /// So many adds of one unit, all at once, each for itself.
    Burst(CartId, VariantId, u32),
    Read(CartId),
    Start(CartId),
    Complete(CartId, Named),
    CompleteStarted(CheckoutId, Named),
    Abandon(CheckoutId),
    Look(OrderId),
}

impl Act {
    /// Tells whether its answer shows the shopper their cart, with what it comes to.
    fn shows_cart(self) -> bool {
        match self {
            // What staff do they are shown themselves.
            Self::Change(_, change) => change != Change::Enter(Entry::Customer),
            Self::OpenCart { .. } | Self::AddFirst { .. } | Self::Burst(..) | Self::Read(_) => true,
            Self::Start(_)
            | Self::Complete(..)
            | Self::CompleteStarted(..)
            | Self::Abandon(_)
            | Self::Look(_) => false,
        }
    }
}

/// A request that has not been answered for good.
#[derive(Clone, Debug)]
struct Asked {
    act: Act,
    since: Instant,
    key: Option<String>,
    tries: u32,
}

/// What the shop says.
enum Reply {
    Cart(Box<CartView>),
    Checkout(Box<CheckoutView>),
    Order(Shown<Order>),
}

/// An order as it was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) id: OrderId,
    pub(crate) number: Option<u64>,
    pub(crate) total: i64,
    pub(crate) cart: CartId,
    pub(crate) contents: Contents,
}

/// One shopper, who outlives every process.
pub(crate) struct Shopper {
    name: u64,
    dice: Dice,
    requests: Requests,
    trace: Trace,
    bank: Bank,
    /// Whether the shop is broken so that it takes for shown what nobody saw.
    looks_unseen: bool,
    goods: Goods,
    /// How long it usually thinks at most, in milliseconds.
    pace: u64,
    /// Whether it enters codes and cards.
    has_purse: bool,
    session: Option<SessionId>,
    basket: Option<Basket>,
    /// First adds whose cart is not known, because none was answered.
    first_adds: FirstAdds,
    asked: Option<Asked>,
    keys: u64,
    acts_left: u64,
    pub(crate) placed: Vec<Placed>,
}

impl Shopper {
    pub(crate) fn new(name: u64, mut dice: Dice, shop: &Shop, goods: &Goods) -> Self {
        Self {
            name,
            pace: *dice.one_of(&[5, 40, 300]),
            has_purse: dice.one_in(2),
            dice,
            requests: shop.requests(),
            trace: shop.trace.clone(),
            bank: shop.bank.clone(),
            looks_unseen: shop.sabotage.looks_unseen,
            goods: goods.clone(),
            session: None,
            basket: None,
            first_adds: FirstAdds::default(),
            asked: None,
            keys: 0,
            acts_left: ACTS,
            placed: Vec::new(),
        }
    }

    /// Shops until there is nothing left to do. May be dropped at any time, as when the line breaks.
    pub(crate) async fn shop(&mut self, engine: &Engine) {
        while 0 < self.acts_left || self.asked.is_some() {
            if self.asked.is_none() {
                self.acts_left -= 1;
                self.think().await;
                let act = self.choose();
                self.ask(act);
            }
            self.attempt(engine).await;
        }
    }

    /// Gets the last answer, and looks once more at everything.
    pub(crate) async fn finish(&mut self, engine: &Engine) {
        while self.asked.is_some() {
            self.attempt(engine).await;
        }
        let cart = self.basket.as_ref().map(|basket| Act::Read(basket.id));
        let orders = self.placed.iter().map(|placed| Act::Look(placed.id));
        let acts: Vec<Act> = cart.into_iter().chain(orders).collect();
        for act in acts {
            self.insist(engine, act).await;
        }
    }

    /// Asks until it is answered.
    async fn insist(&mut self, engine: &Engine, act: Act) {
        self.ask(act);
        while self.asked.is_some() {
            self.attempt(engine).await;
        }
    }

    /// The process has ended and another one has started.
    pub(crate) fn meet_another(&mut self) {
        if let Some(Asked { act, key: None, .. }) = self.asked {
            self.no_answer(act);
            self.asked = None;
        }
        if let Some(basket) = &mut self.basket {
            basket.nothing_is_under_way();
        }
    }

    async fn think(&mut self) {
        let checks_out = self
            .basket
            .as_ref()
            .is_some_and(|basket| basket.checkout.is_some());
        let wait = match self.dice.below(40) {
            1..=6 if checks_out => Duration::from_millis(self.dice.between(4_000, 30_000)),
            0 if self.goods.cart_lifetime < Duration::from_secs(100) => {
                self.goods.cart_lifetime + Duration::from_secs(5)
            }
            0..=2 => Duration::from_millis(self.dice.between(1_000, 8_000)),
            _ => Duration::from_millis(self.dice.between(1, self.pace)),
        };
        sleep(wait).await;
    }

    fn choose(&mut self) -> Act {
        let dice = &mut self.dice;
        if !self.placed.is_empty() && dice.one_in(12) {
            return Act::Look(dice.one_of(&self.placed).id);
        }
        let Some(basket) = &self.basket else {
            return match self.first_adds.is_empty() && dice.one_in(2) {
                true => Act::OpenCart {
                    in_euros: dice.one_in(4),
                },
                false => first::choose(dice, &self.goods),
            };
        };
        let cart = basket.id;
        // Whoever was told the news may complete again without another look.
        if basket.is_news && dice.one_in(2) {
            return Act::Read(cart);
        }
        let variant = dice.one_of(&self.goods.variants).0;
        let quantity = u32::try_from(dice.between(1, 3)).unwrap_or(1);
        if !basket.is_certain() {
            return match dice.below(3) {
                0 => Act::Change(cart, Change::Add(variant, quantity)),
                _ => Act::Read(cart),
            };
        }
        if let Some(checkout) = basket.checkout {
            return match dice.below(8) {
                0 => Act::Read(cart),
                1 => Act::Change(cart, Change::Add(variant, quantity)),
                2 | 3 => Act::Abandon(checkout),
                4 => Act::Complete(cart, basket.seen.name(dice)),
                _ => Act::CompleteStarted(checkout, basket.seen.name(dice)),
            };
        }
        if basket.is_empty() {
            return Act::Change(cart, Change::Add(variant, quantity));
        }
        let held: Vec<_> = basket.lines.iter().collect();
        let (held, line) = match held.is_empty() {
            true => return Act::Read(cart),
            false => *dice.one_of(&held),
        };
        match dice.below(if self.has_purse { 20 } else { 16 }) {
            0 | 1 => Act::Change(cart, Change::Add(variant, quantity)),
            2 => Act::Change(cart, Change::Set(*held, *line, quantity - 1)),
            3 => Act::Change(cart, Change::Remove(*held, *line)),
            4 if dice.one_in(3) => Act::Change(cart, Change::Clear),
            5 => Act::Read(cart),
            15 => Act::Burst(cart, variant, 2 * quantity),
            16..=19 => Act::Change(cart, Change::Enter(entry(dice))),
            6 if dice.one_in(4) => Act::Complete(cart, basket.seen.name(dice)),
            _ if !basket.has_details => Act::Change(cart, Change::Details),
            6..=9 => Act::Start(cart),
            _ => Act::Complete(cart, basket.seen.name(dice)),
        }
    }

    fn ask(&mut self, act: Act) {
        let is_keyed = match act {
            Act::Read(_) | Act::Look(_) | Act::Burst(..) | Act::AddFirst { .. } => false,
            Act::Change(..) => !self.dice.one_in(3),
            Act::OpenCart { .. }
            | Act::Start(_)
            | Act::Complete(..)
            | Act::CompleteStarted(..)
            | Act::Abandon(_) => true,
        };
        self.keys += 1;
        let key = is_keyed.then(|| format!("{}-{}", self.name, self.keys));
        self.asked = Some(Asked {
            act,
            since: Instant::now(),
            key,
            tries: 0,
        });
    }

    /// Makes the request that waits for its answer, once or, with a key, sometimes several times at once.
    async fn attempt(&mut self, engine: &Engine) {
        let Some(session) = self.session else {
            let opened = engine.open_session(&self.requests.anybody(), None).await;
            match opened {
                Ok(opened) => self.session = Some(opened.value.session.id),
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
            return;
        };
        let Some(asked) = &mut self.asked else { return };
        asked.tries += 1;
        assert!(
            asked.tries < TRIES_MAX,
            "shopper {} gets no answer to {asked:?}",
            self.name
        );
        let Asked { act, key, .. } = asked.clone();
        self.look_unseen(engine, session, act).await;
        let once = |requests: &Requests| {
            let request = match act {
                Act::Change(_, Change::Enter(Entry::Customer)) => requests.staff(key.as_deref()),
                _ => requests.shopper(session, key.as_deref()),
            };
            let goods = &self.goods;
            async move { call(engine, &request, goods, act).await }
        };
        if let Act::AddFirst { variant, adds, times } = act {
            self.add_first(engine, session, variant, adds, times).await;
            return;
        }
        if let Act::Burst(cart, variant, adds) = act {
            let add = Act::Change(cart, Change::Add(variant, 1));
            let asked = (0..adds).map(|_| {
                let request = self.requests.shopper(session, None);
                let goods = &self.goods;
                async move { call(engine, &request, goods, add).await }
            });
            let answers = join_all(asked).await;
            self.hear_all(variant, add, answers);
            return;
        }
        let at_once = match key.is_some() && self.dice.one_in(5) {
            true => self.dice.between(2, 5),
            false => 1,
        };
        let answers = join_all((0..at_once).map(|_| once(&self.requests))).await;
        let shown = shown_in(&answers);
        let answer = answers
            .into_iter()
            .reduce(|first, second| self.same(act, first, second))
            .expect("it was asked at least once");
        self.hear(act, key.is_some(), answer, shown).await;
    }

    /// A shop that is broken looks at the cart by itself before it completes, and takes that for shown.
    async fn look_unseen(&self, engine: &Engine, session: SessionId, act: Act) {
        if let (true, Some(basket), Act::Complete(..) | Act::CompleteStarted(..)) =
            (self.looks_unseen, &self.basket, act)
        {
            let request = self.requests.shopper(session, None);
            // Whatever comes of it, nobody hears it.
            let _ = engine.cart(&request, CartRef::Id(basket.id)).await;
        }
    }

    /// Whoever asks twice under one key is told one thing.
    fn same(
        &self,
        act: Act,
        first: Result<Reply, Problem>,
        second: Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        if let (Ok(reply), Err(problem)) | (Err(problem), Ok(reply)) = (&first, &second) {
            assert!(
                !is_final(problem) || is_pending(reply),
                "shopper {}: {act:?} under one key was done and is refused: {problem:?}",
                self.name
            );
        }
        match (first, second) {
            (Err(problem), other) if !is_final(&problem) => other,
            (Ok(reply), other) if is_pending(&reply) => other,
            (first, _) => first,
        }
    }

    /// Adds up the answers to a burst.
    fn hear_all(&mut self, variant: VariantId, add: Act, answers: Vec<Result<Reply, Problem>>) {
        let (mut done, mut unanswered) = (0, 0);
        for answer in &answers {
            match answer {
                Ok(_) => done += 1,
                Err(problem) if is_final(problem) => self.refused(add, problem),
                Err(_) => unanswered += 1,
            }
        }
        let name = self.name;
        self.trace.line(format_args!(
            "shopper {name}: {done} of {} added at once, {unanswered} without an answer",
            answers.len()
        ));
        let basket = self.basket.as_mut().expect("a cart is changed");
        basket.added(variant, done, unanswered);
        let shown = shown_in(&answers);
        if !shown.is_empty() {
            basket.seen.changed(shown);
        }
        if 0 < unanswered {
            basket.seen.missed();
        }
        self.asked = None;
    }

    async fn hear(&mut self, act: Act, is_keyed: bool, answer: Result<Reply, Problem>, shown: Vec<Sums>) {
        let name = self.name;
        match answer {
            Ok(reply) => {
                self.trace
                    .line(format_args!("shopper {name}: {act:?}: {}", told(&reply)));
                if self.done(act, reply) {
                    self.saw(act, shown);
                    self.asked = None;
                } else {
                    sleep(Duration::from_millis(500)).await;
                }
            }
            Err(problem) if is_final(&problem) => {
                self.trace
                    .line(format_args!("shopper {name}: {act:?}: {}", problem.code));
                self.asked = None;
                self.refused(act, &problem);
            }
            Err(problem) => {
                self.trace
                    .line(format_args!("shopper {name}: {act:?}: {}, again", problem.code));
                if let (Act::Start(_) | Act::Complete(..) | Act::CompleteStarted(..), Some(basket)) =
                    (act, &mut self.basket)
                {
                    basket.seen.missed_refusal();
                }
                if !is_keyed {
                    self.no_answer(act);
                    self.asked = None;
                }
                let wait = self.dice.between(50, 900);
                sleep(Duration::from_millis(wait)).await;
            }
        }
    }

    /// Notes what the shopper has seen of their cart.
    fn saw(&mut self, act: Act, shown: Vec<Sums>) {
        let Some(basket) = &mut self.basket else { return };
        match (act, act.shows_cart()) {
            (Act::Read(_), _) => basket.seen.read(shown),
            (_, true) => basket.seen.changed(shown),
            (_, false) => {}
        }
    }

    /// Believes an answer. Returns whether it is the last word.
    fn done(&mut self, act: Act, reply: Reply) -> bool {
        match (act, reply) {
            (Act::OpenCart { .. }, Reply::Cart(view)) => {
                assert!(view.priced.cart.state.lines().is_empty(), "a new cart has lines");
                self.basket = Some(Basket::new(view.priced.cart.id));
            }
            (Act::Change(_, change), Reply::Cart(view)) => {
                let basket = self.basket.as_mut().expect("a cart is changed");
                basket.changed(change, &view);
                basket.has_details |= change == Change::Details;
                basket.checkout = None;
            }
            (Act::Read(_), Reply::Cart(view)) => {
                let basket = self.basket.as_mut().expect("a cart is read");
                basket.read(&view.priced.cart.state);
                basket.is_news = false;
            }
            (Act::Start(_), Reply::Checkout(view)) => {
                let basket = self.basket.as_mut().expect("a cart is checked out");
                (basket.checkout, basket.may_be_locked) = (Some(view.checkout.id), true);
                basket.is_starting = view.checkout.state.step == Step::ReserveStock;
            }
            (Act::Complete(_, named) | Act::CompleteStarted(_, named), Reply::Checkout(view)) => {
                let Some(order) = &view.order else {
                    assert!(
                        !view.is_settled(),
                        "a checkout has ended as {:?}",
                        view.checkout.state.ending
                    );
                    return false;
                };
                self.order_placed(order, named);
            }
            (Act::Abandon(_), Reply::Checkout(view)) => {
                let basket = self.basket.as_mut().expect("a cart is checked out");
                (basket.checkout, basket.is_starting) = (None, false);
                basket.may_be_locked = !view.checkout.state.is_ended();
            }
            (Act::Look(id), Reply::Order(order)) => {
                let placed = self.placed.iter().find(|placed| placed.id == id);
                assert_eq!(placed, Some(&placed_of(&order)), "an order has changed");
            }
            (act, _) => panic!("{act:?} is answered with something else"),
        }
        true
    }

    fn order_placed(&mut self, order: &Shown<Order>, named: Named) {
        let since = self.asked.as_ref().map_or_else(Instant::now, |asked| asked.since);
        let basket = self.basket.take().expect("a cart is completed");
        basket.ordered(&order.state);
        assert_eq!(order.state.quote().cart, basket.id, "an order of another cart");
        let quote = order.state.quote();
        let total = self.goods.purse.total(&self.goods, quote, since);
        assert_eq!(quote.quote.total.amount, total, "the total of {quote:?}");
        let charged = self.bank.authorized(&quote.checkout.to_string());
        basket.seen.require(named, total, charged);
        self.placed.push(placed_of(order));
    }
}

/// Tells whether asking again cannot change it.
pub(crate) fn is_final(problem: &Problem) -> bool {
    problem.class.is_final() && problem.code != "idempotency.in_progress"
}

/// Returns what answers show of a cart.
fn shown_in(answers: &[Result<Reply, Problem>]) -> Vec<Sums> {
    let views = answers.iter().filter_map(|answer| match answer {
        Ok(Reply::Cart(view)) => Some(Sums::of(view)),
        Ok(Reply::Checkout(_) | Reply::Order(_)) | Err(_) => None,
    });
    views.collect()
}

/// Tells whether the answer is that there is none yet.
fn is_pending(reply: &Reply) -> bool {
    matches!(reply, Reply::Checkout(view) if !view.is_settled())
}

fn placed_of(order: &Shown<Order>) -> Placed {
    Placed {
        id: order.id,
        number: order.state.number(),
        total: order.state.quote().quote.total.amount,
        cart: order.state.quote().cart,
        contents: contents_of_order(&order.state),
    }
}

fn told(reply: &Reply) -> String {
    match reply {
        Reply::Cart(view) => format!("revision {}", view.priced.cart.revision.0),
        Reply::Checkout(view) => format!(
            "{:?}, order {:?}",
            view.checkout.state.step,
            view.order.as_ref().map(|order| order.state.number())
        ),
        Reply::Order(order) => format!("order {:?}", order.state.number()),
    }
}
