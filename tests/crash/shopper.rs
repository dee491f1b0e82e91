//! A shopper who writes down what they sent and what they were told, and who alone changes their carts.
//!
//! A request whose answer was not seen may have been done or not: one with a key is sent again and must come to one
//! of the two, one without is looked up.

mod first;

use crate::dice::Dice;
use crate::support::{Answer, Client, PATIENCE, Server, address, until};
use crate::world::{GIFT_CARD_CODES, Request, World, code_of};
use first::FirstAdd;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A line that no cart has.
const NO_LINE: &str = "line_00000000000000000000000000000000";
/// How long a shopper waits before they send again what was not answered.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Payment tokens, each as often as it shall come.
const TOKENS: [&str; 12] = [
    "tok_approve",
    "tok_approve",
    "tok_approve",
    "tok_approve",
    "tok_approve",
    "tok_decline",
    "tok_decline",
    "tok_lost",
    "tok_lost",
    "tok_twice",
    "tok_hang",
    "tok_late",
];

/// A shopper and all they know.
#[derive(Debug)]
pub(crate) struct Shopper {
    pub(crate) client: Client,
    world: Arc<World>,
    dice: Dice,
    number: usize,
    keys: u64,
    /// Every cart they ever opened, the current one last.
    pub(crate) carts: Vec<Cart>,
    /// Every completion they asked for.
    pub(crate) attempts: Vec<Attempt>,
    /// Every checkout they were told of.
    pub(crate) checkouts: Vec<String>,
    /// What was sent and not answered.
    doubt: Option<Doubt>,
    /// The last change that was made under a key, as long as nothing else was changed.
    repeatable: Option<Request>,
    /// What was found right when the books were closed last.
    pub(crate) closed: Closed,
}

/// How much of what a shopper knows was found right; the next closing goes on from there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Closed {
    pub(crate) carts: usize,
    pub(crate) attempts: usize,
    pub(crate) checkouts: usize,
}

/// A cart as its only writer knows it.
#[derive(Clone, Debug)]
pub(crate) struct Cart {
    pub(crate) id: String,
    /// The highest version that was acknowledged.
    pub(crate) version: u64,
    /// Units by variant.
    pub(crate) lines: BTreeMap<usize, u64>,
    line_ids: BTreeMap<usize, String>,
    has_details: bool,
    /// Nobody changes it any more.
    is_left: bool,
}

/// A completion that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Of which cart.
    pub(crate) cart: usize,
    request: Request,
    /// What it came to, once that was told.
    pub(crate) told: Option<Told>,
}

/// What a completion came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ordered { id: String, number: u64, total: i64 },
    Refused { code: String },
}

#[derive(Clone, Debug)]
enum Change {
    Add {
        variant: usize,
        quantity: u64,
    },
    Set {
        variant: usize,
        quantity: u64,
    },
    Clear,
    Details,
    /// To be paid with a gift card that everybody spends from.
    Pay,
}

#[derive(Clone, Debug)]
enum Doubt {
    Open(Request),
    /// What is to open a cart, some of it perhaps answered.
    First(Vec<FirstAdd>),
    Change(Request, Change),
    Attempt(usize),
    /// Something that leaves the cart's lines as they are: the start of a checkout, or its end.
    Other(Request),
}

impl Cart {
    fn new(id: String, lines: BTreeMap<usize, u64>) -> Self {
        Self {
            id,
            version: 0,
            lines,
            line_ids: BTreeMap::new(),
            has_details: false,
            is_left: false,
        }
    }
}

impl Change {
    fn made_on(&self, lines: &BTreeMap<usize, u64>) -> BTreeMap<usize, u64> {
        let mut lines = lines.clone();
        match *self {
            Self::Add { variant, quantity } => *lines.entry(variant).or_default() += quantity,
            Self::Set { variant, quantity: 0 } => drop(lines.remove(&variant)),
            Self::Set { variant, quantity } => drop(lines.insert(variant, quantity)),
            Self::Clear => lines.clear(),
            Self::Details | Self::Pay => {}
        }
        lines
    }
}

impl Shopper {
    pub(crate) async fn new(server: &Server, world: &Arc<World>, number: usize, dice: Dice) -> Self {
        let client = server.guest();
        client.post("/session", json!({})).ok(201).await;
        Self {
            client,
            world: Arc::clone(world),
            dice,
            number,
            keys: 0,
            carts: Vec::new(),
            attempts: Vec::new(),
            checkouts: Vec::new(),
            doubt: None,
            repeatable: None,
            closed: Closed::default(),
        }
    }

    /// Finds the server at its new address.
    pub(crate) fn meet(&mut self, server: &Server) {
        self.client = self.client.at(server.url());
    }

    /// Shops until told to stop.
    pub(crate) async fn shop_until(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::Relaxed) {
            if self.doubt.is_some() {
                sleep(AGAIN_AFTER).await;
                self.ask_again().await;
            } else {
                self.step().await;
            }
        }
        self
    }

    /// Finds out what became of what was not answered, and looks whether the current cart is as it was left.
    pub(crate) async fn clear_up(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.doubt.is_some() {
            assert!(Instant::now() < deadline, "no answer to {:?}", self.doubt);
            self.ask_again().await;
            sleep(AGAIN_AFTER).await;
        }
        if !self.carts.is_empty() {
            let current = self.carts.len() - 1;
            self.look_at(current).await;
        }
    }

    /// Reads a cart, which must be as its writer knows it. Returns what was answered.
    pub(crate) async fn look_at(&mut self, cart: usize) -> Value {
        let path = format!("/carts/{}", self.carts[cart].id);
        let shown = self.client.get(&path).ok(200).await;
        self.take_cart(cart, &shown);
        shown
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("shopper-{}-{}", self.number, self.keys)
    }

    /// Returns the current cart, if it can still be changed.
    fn current(&self) -> Option<usize> {
        let last = self.carts.len().checked_sub(1)?;
        (!self.carts[last].is_left).then_some(last)
    }

    async fn step(&mut self) {
        let Some(cart) = self.current() else {
            self.open().await;
            return;
        };
        match self.dice.below(20) {
            0 => self.repeat().await,
            1 => drop(self.look_at_if_there(cart).await),
            2..=4 => self.check_out(cart).await,
            _ => {
                let change = self.some_change(cart);
                self.change(cart, change).await;
            }
        }
    }

    async fn look_at_if_there(&mut self, cart: usize) -> Option<()> {
        let request = Request::new(Method::GET, format!("/carts/{}", self.carts[cart].id));
        let answer = request.send(&self.client).await?;
        self.take_cart(cart, &answer.expect(200));
        Some(())
    }

    fn some_change(&mut self, cart: usize) -> Change {
        let held: Vec<usize> = self.carts[cart].lines.keys().copied().collect();
        if held.is_empty() || self.dice.one_in(2) {
            let variant = usize::try_from(self.dice.below(6)).expect("a small number");
            return Change::Add {
                variant,
                quantity: self.dice.between(1, 3),
            };
        }
        let variant = *self.dice.one_of(&held);
        match self.dice.below(12) {
            0 => Change::Clear,
            1..=3 => Change::Details,
            4..=6 => Change::Pay,
            _ => Change::Set {
                variant,
                quantity: self.dice.below(5),
            },
        }
    }

    async fn open(&mut self) {
        if self.is_without_cart() && self.dice.one_in(2) {
            self.add_first().await;
            return;
        }
        let key = self.dice.one_in(2).then(|| self.key());
        self.send_open(Request::post("/carts".to_owned(), json!({})).key(key))
            .await;
    }

    async fn send_open(&mut self, request: Request) {
        let Some(answer) = request.send(&self.client).await else {
            // Without a key there may be a cart that nobody knows: another one is opened.
            self.doubt = request.key.is_some().then_some(Doubt::Open(request));
            return;
        };
        self.doubt = None;
        let opened = answer.expect(201);
        self.carts.push(Cart::new(text(&opened["id"]), BTreeMap::new()));
        self.repeatable = None;
        self.take_cart(self.carts.len() - 1, &opened);
    }

    async fn change(&mut self, cart: usize, change: Change) {
        let path = format!("/carts/{}", self.carts[cart].id);
        let line = |variant: &usize| format!("{path}/lines/{}", self.carts[cart].line_ids[variant]);
        let request = match &change {
            Change::Add { variant, quantity } => {
                let variant = &self.world.variants[*variant];
                let mut body = json!({ "quantity": quantity });
                match self.dice.one_in(2) {
                    true => body["variant_id"] = json!(variant.id),
                    false => body["sku"] = json!(variant.sku),
                }
                let key = self.dice.one_in(2).then(|| self.key());
                Request::post(format!("{path}/lines"), body).key(key)
            }
            Change::Set { variant, quantity: 0 } => Request::new(Method::DELETE, line(variant)),
            Change::Set { variant, quantity } => {
                Request::new(Method::PATCH, line(variant)).json(json!({ "quantity": quantity }))
            }
            Change::Clear => Request::new(Method::DELETE, format!("{path}/lines")),
            Change::Pay => {
                let code = self.dice.one_of(&GIFT_CARD_CODES);
                let key = self.dice.one_in(2).then(|| self.key());
                Request::post(format!("{path}/gift-cards"), json!({ "code": code })).key(key)
            }
            Change::Details => Request::new(Method::PATCH, path).json(json!({
                "email": format!("shopper-{}@example.com", self.number),
                "shipping_address": address("GB"),
                "shipping_method_id": self.world.method,
            })),
        };
        self.send_change(cart, request, change).await;
    }

    async fn send_change(&mut self, cart: usize, request: Request, change: Change) {
        self.repeatable = None;
        let Some(answer) = request.send(&self.client).await else {
            self.doubt = Some(Doubt::Change(request, change));
            return;
        };
        self.doubt = None;
        match answer.status {
            200 => {
                self.acknowledge(cart, &change);
                let is_replayed = answer.is_replayed();
                self.take_cart(cart, &answer.expect(200));
                // A stored answer shows the cart as it is by now, and it has not been changed since.
                self.repeatable = (request.key.is_some() || is_replayed).then_some(request);
            }
            409 | 422 => {}
            _ => panic!("{request:?} was answered {}: {}", answer.status, answer.text),
        }
    }

    fn acknowledge(&mut self, cart: usize, change: &Change) {
        let cart = &mut self.carts[cart];
        cart.lines = change.made_on(&cart.lines);
        cart.has_details |= matches!(change, Change::Details);
    }

    /// Takes in what a cart is said to be.
    fn take_cart(&mut self, cart: usize, shown: &Value) {
        let lines = self.lines_of(shown);
        let cart = &mut self.carts[cart];
        let units: BTreeMap<usize, u64> = lines
            .iter()
            .map(|(variant, (_, units))| (*variant, *units))
            .collect();
        assert_eq!(units, cart.lines, "acknowledged lines against those of {shown}");
        let version = shown["version"].as_u64().expect("a version");
        assert!(
            cart.version <= version,
            "version {} was acknowledged: {shown}",
            cart.version
        );
        cart.version = version;
        cart.line_ids = lines
            .into_iter()
            .map(|(variant, (id, _))| (variant, id))
            .collect();
    }

    fn lines_of(&self, shown: &Value) -> BTreeMap<usize, (String, u64)> {
        let mut lines = BTreeMap::new();
        for line in shown["lines"].as_array().expect("a cart has lines") {
            let units = line["quantity"].as_u64().expect("a quantity");
            let before = lines.insert(
                self.world.number_of(&line["variant_id"]),
                (text(&line["id"]), units),
            );
            assert!(before.is_none(), "one line a variant: {shown}");
        }
        lines
    }

    /// Sends again what was acknowledged under a key: it is not done again.
    async fn repeat(&mut self) {
        let (Some(request), Some(cart)) = (self.repeatable.clone(), self.current()) else {
            return;
        };
        let Some(answer) = request.send(&self.client).await else {
            return;
        };
        assert!(answer.is_replayed(), "{request:?}: {}", answer.text);
        self.take_cart(cart, &answer.expect(200));
    }

    async fn check_out(&mut self, cart: usize) {
        if self.carts[cart].lines.is_empty() {
            return;
        }
        if !self.carts[cart].has_details {
            self.change(cart, Change::Details).await;
            return;
        }
        if self.dice.one_in(2) {
            self.complete(cart, format!("/carts/{}/complete", self.carts[cart].id))
                .await;
            return;
        }
        let key = Some(self.key());
        let start = Request::post(format!("/carts/{}/checkout", self.carts[cart].id), json!({})).key(key);
        let Some(answer) = self.send_other(start).await else {
            return;
        };
        if answer.status != 201 {
            return;
        }
        let id = text(&answer.json["id"]);
        match self.dice.below(5) {
            // It expires.
            0 => {}
            1 => {
                let key = Some(self.key());
                let abandon = Request::post(format!("/checkouts/{id}/abandon"), json!({})).key(key);
                self.send_other(abandon).await;
            }
            2 => {
                self.complete(cart, format!("/carts/{}/complete", self.carts[cart].id))
                    .await;
            }
            _ => self.complete(cart, format!("/checkouts/{id}/complete")).await,
        }
    }

    async fn send_other(&mut self, request: Request) -> Option<Answer> {
        let Some(answer) = request.send(&self.client).await else {
            self.doubt = Some(Doubt::Other(request));
            return None;
        };
        self.doubt = None;
        match answer.status {
            200 | 201 => self.checkouts.push(text(&answer.json["id"])),
            409 | 422 => {}
            _ => panic!("{request:?} was answered {}: {}", answer.status, answer.text),
        }
        Some(answer)
    }

    async fn complete(&mut self, cart: usize, path: String) {
        let body = json!({ "payment": { "token": self.dice.one_of(&TOKENS) } });
        let request = Request::post(path, body).key(Some(self.key()));
        self.attempts.push(Attempt {
            cart,
            request,
            told: None,
        });
        self.send_attempt(self.attempts.len() - 1).await;
    }

    /// Asks for a completion, for the first time or again. What it comes to is told once and for all.
    async fn send_attempt(&mut self, number: usize) {
        let Attempt { cart, request, told } = self.attempts[number].clone();
        let Some(answer) = request.send(&self.client).await else {
            self.doubt = Some(Doubt::Attempt(number));
            return;
        };
        self.doubt = None;
        let order = &answer.json["order"];
        let now = match answer.status {
            200 if order.is_object() => Some(Told::Ordered {
                id: text(&order["id"]),
                number: order["number"].as_u64().expect("a number"),
                total: order["total"]["amount"].as_i64().expect("a total"),
            }),
            202 => None,
            409 if code_of(&answer) == "idempotency.in_progress" => None,
            402 | 409 | 422 => Some(Told::Refused {
                code: code_of(&answer).to_owned(),
            }),
            _ => panic!("{request:?} was answered {}: {}", answer.status, answer.text),
        };
        if told.is_some() {
            assert_eq!(now, told, "{request:?} was told otherwise before");
        }
        if let (None, Some(Told::Ordered { id, .. })) = (&told, &now) {
            let mut orders = self.world.told_orders.lock().expect("nobody panics with it");
            orders.push(id.clone());
        }
        // A refused cart can be changed again; with any other, another is opened.
        if !matches!(now, Some(Told::Refused { .. })) {
            self.carts[cart].is_left = true;
        }
        self.attempts[number].told = now.or(told);
    }

    /// Sends again, or looks up, what was not answered.
    async fn ask_again(&mut self) {
        match self.doubt.clone() {
            None => {}
            Some(Doubt::Open(request)) => self.send_open(request).await,
            Some(Doubt::First(adds)) => self.send_first(adds).await,
            Some(Doubt::Attempt(number)) => self.send_attempt(number).await,
            Some(Doubt::Other(request)) => drop(self.send_other(request).await),
            Some(Doubt::Change(request, change)) => {
                let cart = self.carts.len() - 1;
                if request.key.is_some() {
                    self.send_change(cart, request, change).await;
                } else {
                    self.look_up(cart, &change).await;
                }
            }
        }
    }

    /// Looks whether a change was made that was not answered. It was made as a whole or not at all.
    async fn look_up(&mut self, cart: usize, change: &Change) {
        // What was told to have run out of time may be on its way to the disk. This waits its turn behind it.
        let path = format!("/carts/{}", self.carts[cart].id);
        let turn = Request::new(Method::DELETE, format!("{path}/lines/{NO_LINE}"));
        if turn.send(&self.client).await.is_none() {
            return;
        }
        let Some(answer) = Request::new(Method::GET, path).send(&self.client).await else {
            return;
        };
        let shown = answer.expect(200);
        let lines = self
            .lines_of(&shown)
            .into_iter()
            .map(|(variant, (_, units))| (variant, units));
        let known = &self.carts[cart];
        let is_made = match change {
            Change::Details => shown["email"].is_string(),
            // Once more is once.
            Change::Pay => true,
            Change::Add { .. } | Change::Set { .. } | Change::Clear => {
                lines.collect::<BTreeMap<usize, u64>>() == change.made_on(&known.lines)
            }
        };
        self.doubt = None;
        if is_made {
            self.acknowledge(cart, change);
        }
        self.take_cart(cart, &shown);
    }

    /// Asks until every completion has come to something, and once more, which changes nothing.
    pub(crate) async fn settle_attempts(&mut self, from: usize) {
        for number in from..self.attempts.len() {
            let deadline = Instant::now() + PATIENCE;
            while self.attempts[number].told.is_none() {
                assert!(
                    Instant::now() < deadline,
                    "{:?} comes to nothing",
                    self.attempts[number]
                );
                self.send_attempt(number).await;
                sleep(AGAIN_AFTER).await;
            }
            self.send_attempt(number).await;
            assert!(self.doubt.is_none(), "a live server answers");
        }
    }

    /// Reads a checkout, which must have ended.
    pub(crate) async fn look_at_ended(&self, checkout: &str) {
        let path = format!("/checkouts/{checkout}");
        until("a checkout ends", async || {
            let shown = self.client.get(&path).ok(200).await;
            let state = shown["state"].as_str().expect("a state");
            ["completed", "refused", "expired", "abandoned"]
                .contains(&state)
                .then_some(())
        })
        .await;
    }
}

/// Returns a text on the wire.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}
