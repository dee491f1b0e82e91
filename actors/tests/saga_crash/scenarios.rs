//! What the clients do. Each does the same again after a restart, under the same keys, and is told the same.

use crate::buyer::{Buyer, ORDERED};
use crate::house::pence;
use cartwright_domain::id::CartId;
use cartwright_domain::order::Status;
use cartwright_domain::settings;
use futures::future::LocalBoxFuture;
use std::time::Duration;
use tokio::time::sleep;

/// Past the lifetime of a reservation in the house's settings.
const PAST_RESERVATION: Duration = Duration::from_secs(61);

/// What clients do, and what it must come to.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    act: for<'a> fn(&'a Buyer<'a>) -> LocalBoxFuture<'a, Vec<String>>,
    /// What they are told.
    pub(crate) answers: &'static [&'static str],
    /// The orders there are in the end.
    pub(crate) orders: &'static [Status],
}

impl Scenario {
    pub(crate) async fn act(&self, buyer: &Buyer<'_>) -> Vec<String> {
        (self.act)(buyer).await
    }
}

/// Staff let captures wait while the checkout of the first order captures its payment, or tries to once more.
pub(crate) const CAPTURES_WAIT: Scenario = Scenario {
    name: "captures are to wait from when there is an order",
    act: |buyer| Box::pin(wait_meanwhile(buyer)),
    answers: &[ORDERED],
    orders: &[Status::Confirmed],
};

/// Every scenario.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "approve",
        act: |buyer| Box::pin(pay(buyer, &["tok_approve"])),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "decline, then approve",
        act: |buyer| Box::pin(pay(buyer, &["tok_decline", "tok_approve"])),
        answers: &["payment.declined", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the answer is lost",
        act: |buyer| Box::pin(pay(buyer, &["tok_lost"])),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the answer is late: unknown, then approved",
        act: |buyer| Box::pin(pay(buyer, &["tok_late"])),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the provider never answers",
        act: |buyer| Box::pin(pay(buyer, &["tok_hang", "tok_approve"])),
        answers: &["payment.given_up", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "told twice",
        act: |buyer| Box::pin(pay(buyer, &["tok_twice"])),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "start, then complete",
        act: |buyer| Box::pin(start_then_complete(buyer)),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "start, then complete under three keys at once",
        act: |buyer| Box::pin(start_then_complete_thrice(buyer)),
        answers: &[ORDERED, ORDERED, ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "nothing to pay",
        act: |buyer| Box::pin(free(buyer)),
        answers: &[ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the total has changed",
        act: |buyer| Box::pin(total_changed(buyer)),
        answers: &["checkout.total_changed", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "stock for one of two",
        act: |buyer| Box::pin(stock_for_one(buyer)),
        answers: &["refused", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the reservation expires",
        act: |buyer| Box::pin(expire(buyer)),
        answers: &["checkout.reservation_expired", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "abandon",
        act: |buyer| Box::pin(abandon(buyer)),
        answers: &["checkout.abandoned"],
        orders: &[],
    },
    Scenario {
        name: "cancel before the capture",
        act: |buyer| Box::pin(cancel(buyer, "when_shipped")),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
    Scenario {
        name: "cancel after the capture",
        act: |buyer| Box::pin(cancel(buyer, "now")),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
    CAPTURES_WAIT,
    Scenario {
        name: "a promotion that can be used once: decline, then approve",
        act: |buyer| Box::pin(limited(buyer)),
        answers: &["payment.declined", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "the last use of a code, wanted by two",
        act: |buyer| Box::pin(last_use(buyer)),
        answers: &["refused", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "cancel an order that has used a promotion",
        act: |buyer| Box::pin(cancel_limited(buyer)),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
    Scenario {
        name: "cancel while the checkout is at work",
        act: |buyer| Box::pin(cancel_meanwhile(buyer)),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
    Scenario {
        name: "partly with a gift card, declined, then approved",
        act: |buyer| Box::pin(pay_with_card(buyer, 1_000, &["tok_decline", "tok_approve"])),
        answers: &["payment.declined", ORDERED],
        orders: &[Status::Confirmed],
    },
    Scenario {
        name: "wholly with a gift card, then cancel",
        act: |buyer| Box::pin(cancel_with_card(buyer, 100_000)),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
    Scenario {
        name: "partly with a gift card, then cancel",
        act: |buyer| Box::pin(cancel_with_card(buyer, 1_000)),
        answers: &[ORDERED, "canceled"],
        orders: &[Status::Canceled],
    },
];

/// Returns the cart of the first shopper: two counted variants and one that is not.
async fn cart(buyer: &Buyer<'_>) -> CartId {
    let [cup, pot] = buyer.goods.tracked;
    buyer
        .cart(0, "cart", &[(cup, 2), (pot, 1), (buyer.goods.untracked, 3)])
        .await
}

async fn pay(buyer: &Buyer<'_>, tokens: &[&str]) -> Vec<String> {
    let cart = cart(buyer).await;
    let mut answers = Vec::new();
    for token in tokens {
        answers.push(buyer.complete(0, token, cart, token, None).await);
    }
    answers
}

async fn pay_with_card(buyer: &Buyer<'_>, amount: i64, tokens: &[&str]) -> Vec<String> {
    let cart = cart(buyer).await;
    buyer.gift_card(0, cart, pence(amount)).await;
    let mut answers = Vec::new();
    for token in tokens {
        answers.push(buyer.complete(0, token, cart, token, None).await);
    }
    answers
}

async fn cancel_with_card(buyer: &Buyer<'_>, amount: i64) -> Vec<String> {
    let mut answers = pay_with_card(buyer, amount, &["tok_approve"]).await;
    answers.push(buyer.cancel("cancel", buyer.first_order().await).await);
    answers
}

async fn start_then_complete(buyer: &Buyer<'_>) -> Vec<String> {
    // More than half of what is there: what the checkout holds itself must not be in its way.
    let [cup, pot] = buyer.goods.tracked;
    let cart = buyer.cart(0, "cart", &[(cup, 6), (pot, 10)]).await;
    match buyer.start(0, "start", cart).await {
        Ok(id) => vec![buyer.complete_checkout(0, "complete", id).await],
        Err(code) => vec![code],
    }
}

/// Whoever is not first is told what the first was told, and told the same again.
async fn start_then_complete_thrice(buyer: &Buyer<'_>) -> Vec<String> {
    let cart = cart(buyer).await;
    let id = match buyer.start(0, "start", cart).await {
        Ok(id) => id,
        Err(code) => return vec![code],
    };
    let (first, second, third) = tokio::join!(
        buyer.complete_checkout(0, "first", id),
        buyer.complete_checkout(0, "second", id),
        buyer.complete(0, "third", cart, "tok_approve", None),
    );
    vec![first, second, third]
}

async fn free(buyer: &Buyer<'_>) -> Vec<String> {
    let wrap = buyer.goods.untracked;
    buyer.price("gratis", wrap, pence(0)).await;
    let cart = buyer
        .cart_sent_by(buyer.goods.free_method, 0, "cart", &[(wrap, 1)])
        .await;
    vec![
        buyer
            .complete(0, "complete", cart, "tok_decline", Some(pence(0)))
            .await,
    ]
}

async fn total_changed(buyer: &Buyer<'_>) -> Vec<String> {
    let [cup, pot] = buyer.goods.tracked;
    let cart = buyer.cart(0, "cart", &[(cup, 2), (pot, 1)]).await;
    let before = pence(2 * 255 + 1_999 + 395);
    let after = pence(2 * 300 + 1_999 + 395);
    buyer.price("dearer", cup, pence(300)).await;
    vec![
        buyer.complete(0, "old", cart, "tok_approve", Some(before)).await,
        buyer.complete(0, "new", cart, "tok_approve", Some(after)).await,
    ]
}

/// Completes a cart with a promotion that one order may carry.
async fn limited(buyer: &Buyer<'_>) -> Vec<String> {
    let cart = cart(buyer).await;
    buyer.promote("promote", None, 1).await;
    let total = Some(pence((2 * 255 + 1_999 + 3 * 100) * 9 / 10 + 395));
    let mut answers = Vec::new();
    for token in ["tok_decline", "tok_approve"] {
        answers.push(buyer.complete(0, token, cart, token, total).await);
    }
    answers
}

async fn cancel_limited(buyer: &Buyer<'_>) -> Vec<String> {
    let mut answers = limited(buyer).await.split_off(1);
    answers.push(buyer.cancel("cancel", buyer.first_order().await).await);
    answers
}

/// Two carts hold a code that one order may carry, and both expect what it takes off.
async fn last_use(buyer: &Buyer<'_>) -> Vec<String> {
    let wrap = buyer.goods.untracked;
    let first = buyer.cart(0, "first", &[(wrap, 10)]).await;
    let second = buyer.cart(1, "second", &[(wrap, 10)]).await;
    buyer.promote("promote", Some("ONCE"), 1).await;
    buyer.apply(0, "apply-first", first, "once").await;
    buyer.apply(1, "apply-second", second, "once").await;
    let carts = [first, second];
    let total = Some(pence(900 + 395));
    let (first, second) = tokio::join!(
        buyer.complete(0, "complete", first, "tok_approve", total),
        buyer.complete(1, "complete", second, "tok_approve", total),
    );
    // Whoever was late loses the code on looking: it then does not happen when all this is done again.
    buyer.look(0, carts[0]).await;
    buyer.look(1, carts[1]).await;
    let mut answers: Vec<String> = [first, second]
        .map(|answer| match answer.as_str() {
            // A code that is used up leaves the cart when it is read, and the total changes.
            "coupon.limit_reached" | "checkout.total_changed" => "refused".to_owned(),
            _ => answer,
        })
        .into();
    answers.sort_by_key(|answer| answer == ORDERED);
    answers
}

/// Two carts list two variants in opposite order, and there is enough for one of them.
async fn stock_for_one(buyer: &Buyer<'_>) -> Vec<String> {
    let [cup, pot] = buyer.goods.tracked;
    let first = buyer.cart(0, "first", &[(cup, 6), (pot, 6)]).await;
    let second = buyer.cart(1, "second", &[(pot, 6), (cup, 6)]).await;
    let (first, second) = tokio::join!(
        buyer.complete(0, "complete", first, "tok_approve", None),
        buyer.complete(1, "complete", second, "tok_approve", None),
    );
    let mut answers: Vec<String> = [first, second]
        .map(|answer| match answer.as_str() {
            // Seen by whoever is late before anything is reserved, or by the saga.
            "checkout.lines_unavailable" | "inventory.insufficient" => "refused".to_owned(),
            _ => answer,
        })
        .into();
    answers.sort_by_key(|answer| answer == ORDERED);
    answers
}

async fn expire(buyer: &Buyer<'_>) -> Vec<String> {
    let cart = cart(buyer).await;
    let expired = match buyer.start(0, "start", cart).await {
        Ok(id) => {
            sleep(PAST_RESERVATION).await;
            buyer.complete_checkout(0, "complete", id).await
        }
        Err(code) => code,
    };
    vec![
        expired,
        buyer.complete(0, "again", cart, "tok_approve", None).await,
    ]
}

async fn abandon(buyer: &Buyer<'_>) -> Vec<String> {
    let cart = cart(buyer).await;
    match buyer.start(0, "start", cart).await {
        Ok(id) => vec![buyer.abandon(0, "abandon", id).await],
        Err(code) => vec![code],
    }
}

async fn cancel(buyer: &Buyer<'_>, capture: &str) -> Vec<String> {
    set_capture(buyer, capture).await;
    let mut answers = pay(buyer, &["tok_approve"]).await;
    answers.push(buyer.cancel("cancel", buyer.first_order().await).await);
    answers
}

async fn wait_meanwhile(buyer: &Buyer<'_>) -> Vec<String> {
    let (answers, ()) = tokio::join!(pay(buyer, &["tok_approve"]), async {
        buyer.first_order().await;
        set_capture(buyer, "when_shipped").await;
    });
    answers
}

async fn set_capture(buyer: &Buyer<'_>, capture: &str) {
    let capture = settings::Draft {
        capture: Some(capture.to_owned()),
        ..settings::Draft::default()
    };
    buyer.settings("capture", capture).await;
}

/// Staff cancels the order as soon as there is one, while its checkout still allocates and captures.
async fn cancel_meanwhile(buyer: &Buyer<'_>) -> Vec<String> {
    let (mut answers, canceled) = tokio::join!(pay(buyer, &["tok_approve"]), async {
        buyer.cancel("cancel", buyer.first_order().await).await
    });
    answers.push(canceled);
    answers
}
