//! Sales of a few units that several want to have: paid for, declined, or begun and abandoned.
//!
//! Each is asked for again under its key until it comes to something, so that what it did to the stock item is known.

use super::{LOOK, follow};
use crate::dice::Dice;
use crate::history::{Answered, History, Levels, LevelsChange, LevelsShown};
use crate::support::{Answer, Client, PATIENCE, Shop, Variant, unique};
use crate::world::{Request, code_of};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How many sales each buyer has.
pub(super) const SALES: usize = 4;
/// Units of a sale at most.
const UNITS_MAX: u64 = 3;

/// How a sale ends, if there are units for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Paid,
    Declined,
    Abandoned,
}

/// A cart that is ready to be paid for.
#[derive(Debug)]
pub(super) struct Sale {
    number: usize,
    guest: Client,
    cart: String,
    units: i64,
    end: End,
}

impl Sale {
    pub(super) async fn prepare(
        number: usize,
        shop: &Shop,
        method: &str,
        sold: &Variant,
        dice: &mut Dice,
    ) -> Self {
        let guest = shop.guest().await;
        let units = dice.between(1, UNITS_MAX);
        Self {
            number,
            cart: shop.ready_cart(&guest, method, &[(sold, units)]).await,
            guest,
            units: units.cast_signed(),
            end: *dice.one_of(&[End::Paid, End::Paid, End::Declined, End::Abandoned]),
        }
    }

    fn hold(&self) -> Option<LevelsChange> {
        Some(LevelsChange::Hold {
            sale: self.number,
            units: self.units,
        })
    }

    fn let_go(&self) -> Option<LevelsChange> {
        Some(LevelsChange::LetGo { sale: self.number })
    }

    /// Pays. Where that is declined, the units are held for a moment all the same.
    async fn pay(&mut self, history: &History<Levels>, moves: &watch::Receiver<String>) {
        let is_declined = self.end == End::Declined;
        let (token, status) = if is_declined {
            ("tok_decline", 402)
        } else {
            ("tok_approve", 200)
        };
        let hold = history.ask(self.hold());
        let let_go = is_declined.then(|| history.ask(self.let_go()));
        let body = json!({ "payment": { "token": token } });
        let pay = Request::post(format!("/carts/{}/complete", self.cart), body);
        let answered = as_answered(&self.insist(pay, moves).await, status);
        if let Some(let_go) = let_go {
            history.answer(let_go, answered.clone());
        }
        history.answer(hold, answered);
    }

    /// Begins to check out, and thinks better of it.
    async fn abandon(&mut self, history: &History<Levels>, moves: &watch::Receiver<String>) {
        let hold = history.ask(self.hold());
        let start = Request::post(format!("/carts/{}/checkout", self.cart), json!({}));
        let started = self.insist(start, moves).await;
        history.answer(hold, as_answered(&started, 201));
        if let Some(checkout) = started.json["id"].as_str() {
            let let_go = history.ask(self.let_go());
            let abandon = Request::post(format!("/checkouts/{checkout}/abandon"), json!({}));
            let abandoned = self.insist(abandon, moves).await;
            history.answer(let_go, as_answered(&abandoned, 200));
        }
    }

    /// Sends a request under a key of its own until it comes to something.
    async fn insist(&mut self, request: Request, moves: &watch::Receiver<String>) -> Answer {
        let request = request.key(Some(unique("sale")));
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{request:?} comes to nothing");
            match request.send(&self.guest).await {
                None => follow(&mut self.guest, moves).await,
                Some(answer) if answer.status == 202 || code_of(&answer) == "idempotency.in_progress" => {
                    sleep(LOOK).await;
                }
                Some(answer) => return answer,
            }
        }
    }
}

/// Tells what an answer means that is to have this status, unless there are too few units.
fn as_answered(answer: &Answer, status: u16) -> Answered<LevelsShown> {
    match (answer.status, code_of(answer)) {
        (409, "inventory.insufficient" | "checkout.lines_unavailable") => Answered::Refused,
        (found, _) => {
            assert_eq!(found, status, "{}", answer.text);
            Answered::Done
        }
    }
}

/// Makes one sale after the other.
pub(super) async fn make(sales: Vec<Sale>, history: History<Levels>, moves: watch::Receiver<String>) {
    for mut sale in sales {
        match sale.end {
            End::Paid | End::Declined => sale.pay(&history, &moves).await,
            End::Abandoned => sale.abandon(&history, &moves).await,
        }
    }
}
