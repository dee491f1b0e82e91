//! Several callers at one cart, at one stock item that staff count, and at one that is sold from while more is
//! delivered, and a kill in the middle: what they were answered must be possible in one order.
//!
//! `CARTWRIGHT_HISTORIES` says how many kills (6 unless told), each with a history of each of the three.

mod sales;

use crate::dice::{Dice, of_environment};
use crate::history::{Answered, History, Levels, LevelsChange, LevelsShown, Lines, LinesChange, Model};
use crate::process::{self, Setup, Tally};
use crate::support::{Answer, Client, Directory, PATIENCE, Variant};
use crate::world::{Request, code_of};
use crate::{note, seed};
use futures::future::join_all;
use reqwest::Method;
use sales::{SALES, Sale};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How many kills, unless the environment says otherwise.
const HISTORIES_DEFAULT: u64 = 6;
/// Callers at the cart and at the item that is counted.
const CALLERS: u32 = 5;
/// Those who look at the item that is sold from, and deliver.
const DELIVERERS: u32 = 2;
/// Calls of each of them.
const CALLS: u32 = 12;
/// Variants in the cart.
const VARIANTS: usize = 3;
/// Buyers of the item that is sold from, each of whom has one sale after the other.
const BUYERS: usize = 3;
/// Units of it at the beginning: fewer than are wanted.
const UNITS: i64 = 8;
/// The kill comes after so many answers at the latest, of those at all three together.
const ANSWERS_MAX: u64 = 120;
/// How often it is looked how many answers there are.
const LOOK: Duration = Duration::from_millis(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_around_a_kill_is_possible_in_one_order() {
    let kills = of_environment("CARTWRIGHT_HISTORIES").unwrap_or(HISTORIES_DEFAULT);
    let seed = seed();
    note(&format!("histories: {kills} kills, CARTWRIGHT_CRASH_SEED={seed}"));
    let mut dice = Dice::new(seed);
    let mut tally = Tally::default();
    let (mut answers, mut open) = (0, 0);

    let mut server = Setup::eager(&mut dice).start(&Directory::new());
    let shop = server.shop();
    let method = shop.everywhere().await;
    let mut variants = Vec::new();
    for _ in 0..VARIANTS {
        variants.push(shop.variant(100, None).await);
    }
    for _ in 0..kills {
        let shop = server.shop();
        let guest = shop.guest().await;
        let cart = shop.cart(&guest, &[]).await["id"].clone();
        let basket = Basket {
            path: format!("/carts/{}", cart.as_str().expect("an id")),
            variants: variants.clone(),
        };
        let item = shop.variant(100, Some(0)).await;
        let shelf = Shelf::of(&item, false);
        let sold = shop.variant(100, Some(UNITS.unsigned_abs())).await;
        let counter = Shelf::of(&sold, true);
        let (at, moves) = watch::channel(server.url().to_owned());
        let (of_basket, of_shelf, of_counter) = (History::default(), History::default(), History::default());
        let at_first = of_counter.ask(Some(LevelsChange::Adjust { delta: UNITS }));
        of_counter.answer(at_first, Answered::Done);
        let mut wanted = Vec::new();
        for number in 0..BUYERS * SALES {
            wanted.push(Sale::prepare(number, &shop, &method, &sold, &mut dice).await);
        }
        let mut callers = Vec::new();
        while !wanted.is_empty() {
            let of_one = wanted.split_off(wanted.len() - SALES);
            callers.push(tokio::spawn(sales::make(
                of_one,
                of_counter.clone(),
                moves.clone(),
            )));
        }
        for _ in 0..DELIVERERS {
            let caller = Caller::new(&shop.staff, &counter, &of_counter, &moves, dice.fork());
            callers.push(tokio::spawn(caller.call()));
        }
        for _ in 0..CALLERS {
            let caller = Caller::new(&guest, &basket, &of_basket, &moves, dice.fork());
            callers.push(tokio::spawn(caller.call()));
            let caller = Caller::new(&shop.staff, &shelf, &of_shelf, &moves, dice.fork());
            callers.push(tokio::spawn(caller.call()));
        }

        let after = dice.below(ANSWERS_MAX);
        let histories = || [of_basket.counts(), of_shelf.counts(), of_counter.counts()];
        until_answered(after, || histories().iter().map(|(answered, _)| answered).sum()).await;
        let directory = process::kill(server, &mut tally);
        server = Setup::eager(&mut dice).start(&directory);
        at.send(server.url().to_owned()).expect("there are callers");
        for done in join_all(callers).await {
            done.expect("a caller does not panic");
        }
        assert!(of_basket.is_linearizable(), "seed {seed}: {of_basket:#?}");
        assert!(of_shelf.is_linearizable(), "seed {seed}: {of_shelf:#?}");
        assert!(of_counter.is_linearizable(), "seed {seed}: {of_counter:#?}");
        for (answered, lost) in histories() {
            answers += answered;
            open += lost;
        }
    }
    note(&format!(
        "histories: {answers} answers are possible in one order each, around {open} changes that were not answered"
    ));
}

async fn until_answered(after: u64, mut count: impl FnMut() -> usize) {
    let counted = async {
        while u64::try_from(count()).expect("a small number") < after {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, counted).await.expect("calls are answered");
}

/// What is called about.
trait Place: Clone + Send + 'static {
    type Model: Model;

    /// Returns a change and the request for it, given how the place was shown last.
    fn some_change(&self, dice: &mut Dice, seen: Option<&ShownAt<Self>>) -> (ChangeAt<Self>, Request);

    fn look(&self) -> Request;

    fn shown(&self, answer: &Value) -> ShownAt<Self>;

    /// Tells whether an answer is a refusal that its model knows.
    fn is_refusal(&self, answer: &Answer) -> bool;
}

type ChangeAt<P> = <<P as Place>::Model as Model>::Change;
type ShownAt<P> = <<P as Place>::Model as Model>::Shown;

struct Caller<P: Place> {
    client: Client,
    place: P,
    history: History<P::Model>,
    moves: watch::Receiver<String>,
    dice: Dice,
}

impl<P: Place> Caller<P> {
    fn new(
        client: &Client,
        place: &P,
        history: &History<P::Model>,
        moves: &watch::Receiver<String>,
        dice: Dice,
    ) -> Self {
        Self {
            client: client.clone(),
            place: place.clone(),
            history: history.clone(),
            moves: moves.clone(),
            dice,
        }
    }

    async fn call(mut self) {
        let mut seen = None;
        for _ in 0..CALLS {
            let (change, request) = if self.dice.one_in(3) {
                (None, self.place.look())
            } else {
                let (change, request) = self.place.some_change(&mut self.dice, seen.as_ref());
                (Some(change), request)
            };
            let asked = self.history.ask(change);
            let Some(answer) = request.send(&self.client).await else {
                // Nobody knows whether it was done.
                follow(&mut self.client, &self.moves).await;
                continue;
            };
            if self.place.is_refusal(&answer) {
                self.history.answer(asked, Answered::Refused);
                continue;
            }
            let shown = self.place.shown(&answer.expect(200));
            self.history.answer(asked, Answered::Shown(shown.clone()));
            seen = Some(shown);
        }
    }
}

/// Goes to where the server is, once it answers there.
async fn follow(client: &mut Client, moves: &watch::Receiver<String>) {
    let mut tried = String::new();
    let back = async {
        loop {
            let url = moves.borrow().clone();
            *client = client.at(&url);
            tried = format!("{url} was asked and says nothing");
            match client.get("//health/ready").try_send().await {
                Ok(Answer { status: 200, .. }) => return,
                Ok(answer) => tried = format!("{url} answers {}", answer.status),
                Err(error) => tried = format!("{url} does not answer: {error:?}"),
            }
            sleep(LOOK).await;
        }
    };
    let is_back = timeout(PATIENCE, back).await.is_ok();
    assert!(is_back, "the server is not back: {tried}");
}

/// One cart.
#[derive(Clone, Debug)]
struct Basket {
    path: String,
    variants: Vec<Variant>,
}

impl Place for Basket {
    type Model = Lines;

    fn some_change(&self, dice: &mut Dice, seen: Option<&ShownAt<Self>>) -> (LinesChange, Request) {
        let held: Vec<&String> = seen.into_iter().flatten().map(|(_, (line, _))| line).collect();
        if held.is_empty() || dice.one_in(2) {
            let variant = usize::try_from(dice.below(VARIANTS as u64)).expect("a small number");
            let units = dice.between(1, 20);
            let body = json!({ "variant_id": self.variants[variant].id, "quantity": units });
            let request = Request::post(format!("{}/lines", self.path), body);
            return (LinesChange::Add { variant, units }, request);
        }
        let line = (*dice.one_of(&held)).clone();
        let path = format!("{}/lines/{line}", self.path);
        if dice.one_in(4) {
            let change = LinesChange::Set { line, units: 0 };
            return (change, Request::new(Method::DELETE, path));
        }
        let units = dice.between(1, 200);
        let request = Request::new(Method::PATCH, path).json(json!({ "quantity": units }));
        (LinesChange::Set { line, units }, request)
    }

    fn look(&self) -> Request {
        Request::new(Method::GET, self.path.clone())
    }

    fn shown(&self, cart: &Value) -> BTreeMap<usize, (String, u64)> {
        let mut lines = BTreeMap::new();
        for line in cart["lines"].as_array().expect("a cart has lines") {
            let is_it = |variant: &Variant| line["variant_id"] == variant.id.as_str();
            let variant = self.variants.iter().position(is_it).expect("it is one of ours");
            let id = line["id"].as_str().expect("a line has an id").to_owned();
            let units = line["quantity"].as_u64().expect("a quantity");
            let before = lines.insert(variant, (id, units));
            assert!(before.is_none(), "one line a variant: {cart}");
        }
        lines
    }

    fn is_refusal(&self, answer: &Answer) -> bool {
        code_of(answer) == "cart.line_not_found"
    }
}

/// One stock item.
#[derive(Clone, Debug)]
struct Shelf {
    path: String,
    /// Whether it is sold from: then staff only add to it, so that nothing is taken away that a checkout holds.
    is_sold_from: bool,
}

impl Shelf {
    fn of(variant: &Variant, is_sold_from: bool) -> Self {
        Self {
            path: format!("/admin/variants/{}/stock", variant.id),
            is_sold_from,
        }
    }
}

impl Place for Shelf {
    type Model = Levels;

    fn some_change(&self, dice: &mut Dice, _: Option<&ShownAt<Self>>) -> (LevelsChange, Request) {
        if !self.is_sold_from && dice.one_in(4) {
            let (on_hand, buffer) = (dice.below(50).cast_signed(), dice.below(10).cast_signed());
            let body = json!({ "tracked": true, "on_hand": on_hand, "buffer": buffer });
            let request = Request::new(Method::PUT, self.path.clone()).json(body);
            return (LevelsChange::Set { on_hand, buffer }, request);
        }
        let delta = match self.is_sold_from {
            true => 1,
            false => dice.between(1, 20).cast_signed() * if dice.one_in(2) { 1 } else { -1 },
        };
        let body = json!({ "delta": delta, "reason": "count" });
        let request = Request::post(format!("{}/adjustments", self.path), body);
        (LevelsChange::Adjust { delta }, request)
    }

    fn look(&self) -> Request {
        Request::new(Method::GET, self.path.clone())
    }

    fn shown(&self, stock: &Value) -> LevelsShown {
        let units = |field: &str| stock[field].as_i64().expect("a number of units");
        LevelsShown {
            on_hand: units("on_hand"),
            available: units("available"),
        }
    }

    fn is_refusal(&self, answer: &Answer) -> bool {
        [409, 422].contains(&answer.status)
    }
}
