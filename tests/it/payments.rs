//! Payments that go wrong: no answer, a late one, a lost one, one that comes twice. The sandbox's own ledger is the
//! witness of what was charged.

use crate::support::{OpenShop, Purchase, Server, Variant, unique, until};
use cartwright_gateways::payment::sandbox::{Operation, Payment};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Returns what the sandbox holds of a checkout's payments.
fn payments(open: &OpenShop, checkout: &Value) -> Vec<Payment> {
    let mut payments = open.server.ledger().payments;
    payments.retain(|payment| payment.checkout == text(&checkout["id"]));
    payments
}

/// Returns how often the sandbox was asked to authorize a checkout.
fn authorizations(open: &OpenShop, checkout: &Value) -> usize {
    let entries = open.server.ledger().entries;
    let of_checkout = |entry: &&_| -> bool {
        let entry: &cartwright_gateways::payment::sandbox::Entry = entry;
        entry.operation == Operation::Authorize && entry.checkout == text(&checkout["id"])
    };
    entries.iter().filter(of_checkout).count()
}

/// A purchase that is answered 202 because nobody knows what became of its payment.
struct Unknown<'a> {
    open: &'a OpenShop,
    guest: crate::support::Client,
    cart: String,
    key: String,
    token: &'static str,
    checkout: Value,
}

impl<'a> Unknown<'a> {
    async fn buy(open: &'a OpenShop, variant: &Variant, token: &'static str) -> Self {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(variant, 2)]).await;
        let key = unique("key");
        let purchase = Purchase { key: &key, token };
        let answer = open.shop.complete(&guest, &cart, &purchase).await;
        assert_eq!(
            answer.header("retry-after"),
            Some("1"),
            "{token}: {}",
            answer.text
        );
        assert_eq!(answer.header("location"), answer.json["status_url"].as_str());
        let checkout = answer.expect(202);
        assert_eq!(checkout["state"], "payment_unknown", "{token}");
        Self {
            open,
            guest,
            cart,
            key,
            token,
            checkout,
        }
    }

    /// Completes again under the same key.
    async fn again(&self) -> crate::support::Answer {
        let purchase = Purchase {
            key: &self.key,
            token: self.token,
        };
        self.open.shop.complete(&self.guest, &self.cart, &purchase).await
    }

    async fn settled(&self) -> Value {
        let path = format!("/checkouts/{}", text(&self.checkout["id"]));
        until(
            &format!("the checkout with {} is settled", self.token),
            async || {
                let checkout = self.guest.get(&path).ok(200).await;
                (checkout["state"] != "payment_unknown" && checkout["state"] != "processing")
                    .then_some(checkout)
            },
        )
        .await
    }

    async fn cart_state(&self) -> String {
        let cart = self.guest.get(&format!("/carts/{}", self.cart)).ok(200).await;
        text(&cart["state"]).to_owned()
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_leaves_the_payment_unknown_until_it_is_given_up() {
    let open = OpenShop::fresh().await;
    open.shop
        .settings(json!({ "provider_seconds": 1, "checkout_seconds": 3 }))
        .await;
    let variant = open.shop.variant(500, Some(2)).await;
    let unknown = Unknown::buy(&open, &variant, "tok_hang").await;
    // The cart stays locked, the stock stays held, and the same key tells how it stands.
    assert_eq!(unknown.cart_state().await, "checkout");
    assert_eq!(open.shop.units(&variant).await, (2, 2, 0));
    let again = unknown.again().await;
    assert!(again.is_replayed(), "{}", again.text);
    assert_eq!(again.expect(202)["id"], unknown.checkout["id"]);
    let locked = unknown
        .guest
        .post("/carts/current/lines", json!({ "variant_id": variant.id }));
    locked.refused(409, "cart.locked").await;

    let checkout = unknown.settled().await;
    assert_eq!(
        (&checkout["state"], &checkout["order"]),
        (&json!("refused"), &Value::Null)
    );
    assert_eq!(checkout["problem"]["error"], "payment.given_up");
    assert_eq!(
        checkout["problem"]["message"],
        "the payment was not settled by the checkout's deadline; nothing was charged, complete again"
    );
    let again = unknown.again().await;
    assert!(again.is_replayed());
    again.expect_refused(402, "payment.given_up");
    assert_eq!(unknown.cart_state().await, "active");
    assert_eq!(open.shop.units(&variant).await, (2, 0, 0));
    assert_eq!(open.server.ledger().entries, []);
    // A new attempt with another card.
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    open.shop
        .complete(&unknown.guest, &unknown.cart, &purchase)
        .await
        .expect(200);
}

#[tokio::test]
async fn whoever_joins_an_unknown_payment_is_told_what_that_checkout_came_to() {
    let open = OpenShop::fresh().await;
    open.shop
        .settings(json!({ "provider_seconds": 1, "checkout_seconds": 10 }))
        .await;
    let variant = open.shop.variant(500, Some(2)).await;
    let unknown = Unknown::buy(&open, &variant, "tok_hang").await;
    let key = unique("key");
    let other = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let join = async || open.shop.complete(&unknown.guest, &unknown.cart, &other).await;
    let joined = join().await;
    assert!(!joined.is_replayed());
    assert_eq!(joined.expect(202)["id"], unknown.checkout["id"]);
    unknown.settled().await;
    let joined = join().await;
    assert!(joined.is_replayed());
    joined.expect_refused(402, "payment.given_up");
    assert_eq!(open.server.ledger().entries, []);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_and_charged_once() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(2)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_lost",
    };
    // The provider is asked what happened while the shopper waits.
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    assert_eq!(
        (&checkout["state"], &checkout["order"]["status"]),
        (&json!("completed"), &json!("confirmed"))
    );
    let again = open.shop.complete(&guest, &cart, &purchase).await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["order"]["id"], checkout["order"]["id"]);
    until("the payment is captured", async || {
        (payments(&open, &checkout)[0].captured.amount == 1000).then_some(())
    })
    .await;
    let payments = payments(&open, &checkout);
    assert_eq!((payments.len(), payments[0].authorized.amount), (1, 1000));
    assert_eq!(authorizations(&open, &checkout), 1);
    until("the stock is allocated", async || {
        (open.shop.units(&variant).await == (2, 0, 2)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_makes_one_order_and_after_the_deadline_it_is_voided() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "provider_seconds": 1 })).await;
    let variant = open.shop.variant(500, Some(10)).await;
    let patient = Unknown::buy(&open, &variant, "tok_late").await;
    open.shop.settings(json!({ "checkout_seconds": 2 })).await;
    let hasty = Unknown::buy(&open, &variant, "tok_late").await;

    let checkout = hasty.settled().await;
    assert_eq!(
        (&checkout["state"], &checkout["problem"]["error"]),
        (&json!("refused"), &json!("payment.given_up"))
    );
    let let_go = payments(&open, &checkout);
    assert_eq!(
        (let_go.len(), let_go[0].voided, let_go[0].captured.amount),
        (1, true, 0)
    );
    assert_eq!(hasty.cart_state().await, "active");

    let checkout = patient.settled().await;
    assert_eq!(checkout["state"], "completed");
    until("the payment is captured", async || {
        (payments(&open, &checkout)[0].captured.amount == 1000).then_some(())
    })
    .await;
    assert_eq!(
        (payments(&open, &checkout).len(), authorizations(&open, &checkout)),
        (1, 1)
    );
    assert_eq!(open.shop.orders().await.len(), 1);
    assert_eq!(open.shop.units(&variant).await, (10, 0, 2));
}

#[tokio::test]
async fn an_approval_is_voided_that_comes_to_light_after_the_deadline_passed_without_the_engine() {
    let open = OpenShop::fresh().await;
    let settings = json!({ "provider_seconds": 1, "checkout_seconds": 3 });
    open.shop.settings(settings).await;
    let variant = open.shop.variant(500, Some(10)).await;
    let (guest, key, cart) = {
        let unknown = Unknown::buy(&open, &variant, "tok_late").await;
        (unknown.guest, unknown.key, unknown.cart)
    };
    let shop = open.shop.clone();
    let directory = open.into_server().kill();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let server = Server::start(&directory);
    let shop = shop.at(&server);
    let guest = guest.at(server.url());
    until("the checkout is given up", async || {
        let held = guest.get(&format!("/carts/{cart}")).ok(200).await;
        (held["state"] == "active").then_some(())
    })
    .await;
    let purchase = Purchase {
        key: &key,
        token: "tok_late",
    };
    let again = shop.complete(&guest, &cart, &purchase).await;
    again.expect_refused(402, "payment.given_up");
    assert!(server.ledger().payments.iter().all(|payment| payment.voided));
    assert_eq!(shop.orders().await.len(), 0);
    assert_eq!(shop.units(&variant).await, (10, 0, 0));
}

#[tokio::test]
async fn an_answer_that_comes_twice_makes_one_order_and_one_charge() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(2)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_twice",
    };
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    until("the payment is captured", async || {
        (payments(&open, &checkout)[0].captured.amount == 1000).then_some(())
    })
    .await;
    assert_eq!(
        (payments(&open, &checkout).len(), authorizations(&open, &checkout)),
        (1, 1)
    );
    let order = open.shop.order(text(&checkout["order"]["id"])).await;
    assert_eq!(order["payments"].as_array().map(Vec::len), Some(1));
    assert_eq!(order["payment_state"], "captured");
}

#[tokio::test]
async fn the_configuration_decides_for_every_payment() {
    let directory = crate::support::Directory::new();
    let variables = [("CARTWRIGHT_SANDBOX_BEHAVIOR", "decline")];
    let server = Server::start_with(&directory, &[], &variables);
    let open = OpenShop::on(server).await;
    let variant = open.shop.variant(500, Some(2)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let refused = open.shop.complete(&guest, &cart, &purchase).await;
    refused.expect_refused(402, "payment.declined");
}

#[tokio::test]
async fn a_token_that_is_none_of_the_providers_is_declined() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(2)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "4111 1111 1111 1111",
    };
    let refused = open.shop.complete(&guest, &cart, &purchase).await;
    let problem = refused.expect_refused(402, "payment.declined");
    assert_eq!(problem["details"]["provider_code"], "unknown_token");
}

#[tokio::test]
async fn the_deadline_of_a_checkout_ends_a_call_that_is_under_way() {
    let open = OpenShop::fresh().await;
    let settings = json!({ "provider_seconds": 25, "checkout_seconds": 1 });
    open.shop.settings(settings).await;
    let variant = open.shop.variant(500, Some(2)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let purchase = Purchase {
        key: &unique("key"),
        token: "tok_hang",
    };
    let asked = Instant::now();
    let refused = open.shop.complete(&guest, &cart, &purchase).await;
    refused.expect_refused(402, "payment.given_up");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(open.shop.units(&variant).await, (2, 0, 0));
}

#[tokio::test]
async fn the_key_of_a_payment_that_is_being_let_go_of_tells_how_it_stands() {
    let open = OpenShop::fresh().await;
    let settings = json!({ "provider_seconds": 1, "checkout_seconds": 3 });
    open.shop.settings(settings).await;
    let variant = open.shop.variant(500, Some(2)).await;
    let unknown = Unknown::buy(&open, &variant, "tok_late").await;
    let mut states = Vec::new();
    let refused = until("the payment is given up", async || {
        let again = unknown.again().await;
        assert!(again.is_replayed(), "{}", again.text);
        if again.status == 402 {
            return Some(again);
        }
        let told = again.expect(202);
        states.push(text(&told["state"]).to_owned());
        None
    });
    refused.await.expect_refused(402, "payment.given_up");
    states.dedup();
    assert_eq!(states, ["payment_unknown", "processing"]);
}
