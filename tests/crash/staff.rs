//! A member of staff, who alone moves stock by hand, and changes prices and cancels orders besides.

use crate::dice::Dice;
use crate::support::{Client, PATIENCE, Server, pence};
use crate::world::{Request, World, code_of};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long staff waits between two things, so that most that happens is the shoppers' doing.
const PAUSE: Duration = Duration::from_millis(10);

/// A member of staff and what they know.
#[derive(Debug)]
pub(crate) struct Staff {
    pub(crate) client: Client,
    world: Arc<World>,
    dice: Dice,
    keys: u64,
    /// Units on hand of each variant that is counted.
    pub(crate) on_hand: Vec<Option<i64>>,
    /// Orders whose cancellation was acknowledged.
    pub(crate) canceled: BTreeSet<String>,
    doubt: Option<Doing>,
}

/// Something to do, and the request for it.
#[derive(Clone, Debug)]
struct Doing {
    request: Request,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Adjust { variant: usize, delta: i64 },
    Price,
    Cancel { order: String },
}

impl Staff {
    pub(crate) fn new(server: &Server, world: &Arc<World>, dice: Dice) -> Self {
        Self {
            client: server.staff(),
            world: Arc::clone(world),
            dice,
            keys: 0,
            on_hand: world.opening(),
            canceled: BTreeSet::new(),
            doubt: None,
        }
    }

    /// Finds the server at its new address.
    pub(crate) fn meet(&mut self, server: &Server) {
        self.client = self.client.at(server.url());
    }

    /// Works until told to stop.
    pub(crate) async fn manage_until(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::Relaxed) {
            let doing = match self.doubt.clone() {
                Some(again) => Some(again),
                None => self.something(),
            };
            if let Some(doing) = doing {
                self.send(doing).await;
            }
            sleep(PAUSE).await;
        }
        self
    }

    /// Finds out what became of what was not answered.
    pub(crate) async fn clear_up(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(doing) = self.doubt.clone() {
            assert!(Instant::now() < deadline, "no answer to {doing:?}");
            self.send(doing).await;
            sleep(PAUSE).await;
        }
    }

    fn something(&mut self) -> Option<Doing> {
        self.keys += 1;
        let key = Some(format!("staff-{}", self.keys));
        let counted: Vec<usize> = (0..self.on_hand.len())
            .filter(|number| self.on_hand[*number].is_some())
            .collect();
        let variant = *self.dice.one_of(&counted);
        let path = format!("/admin/variants/{}", self.world.variants[variant].id);
        match self.dice.below(10) {
            0..=5 => {
                let delta = self.dice.below(40).cast_signed() - 18;
                let body = json!({ "delta": delta, "reason": "count" });
                Some(Doing {
                    request: Request::post(format!("{path}/stock/adjustments"), body).key(key),
                    what: What::Adjust { variant, delta },
                })
            }
            6..=7 => {
                let price = self.dice.between(1, 3_000).cast_signed();
                Some(Doing {
                    request: Request::new(Method::PUT, format!("{path}/price")).json(pence(price)),
                    what: What::Price,
                })
            }
            _ => {
                let orders = self
                    .world
                    .told_orders
                    .lock()
                    .expect("nobody panics with it")
                    .clone();
                if orders.is_empty() || self.dice.one_in(2) {
                    return None;
                }
                let order = self.dice.one_of(&orders).clone();
                let body = json!({ "reason": "the shopper called" });
                Some(Doing {
                    request: Request::post(format!("/admin/orders/{order}/cancel"), body).key(key),
                    what: What::Cancel { order },
                })
            }
        }
    }

    async fn send(&mut self, doing: Doing) {
        let Some(answer) = doing.request.send(&self.client).await else {
            self.doubt = Some(doing);
            return;
        };
        if code_of(&answer) == "idempotency.in_progress" {
            self.doubt = Some(doing);
            return;
        }
        self.doubt = None;
        match (answer.status, doing.what) {
            (200, What::Adjust { variant, delta }) => {
                let units = self.on_hand[variant].as_mut().expect("the variant is counted");
                *units += delta;
                // Only staff moves it, and after every adjustment it is told how much there is.
                assert_eq!(
                    answer.json["on_hand"], *units,
                    "{:?}: {}",
                    doing.request, answer.text
                );
            }
            (200, What::Cancel { order }) => {
                self.canceled.insert(order);
            }
            (200, What::Price) | (409 | 422, _) => {}
            (status, _) => panic!("{:?} was answered {status}: {}", doing.request, answer.text),
        }
    }
}
