//! Usage limits of promotions, over HTTP: how many orders carry one, whoever races for it.

use crate::support::{Answer, Client, OpenShop, Variant, amount_of, pence, unique, until};
use futures::future::join_all;
use serde_json::{Value, json};

/// How often a race is run.
pub(crate) const ROUNDS: usize = 20;
/// How many race, and how many may win.
const CARTS: usize = 100;
const LIMIT: u64 = 10;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Saves a promotion of ten per cent.
pub(crate) async fn promote(open: &OpenShop, rest: Value) -> Value {
    let mut promotion = json!({
        "name": "A tenth",
        "enabled": true,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    for (name, value) in rest.as_object().into_iter().flatten() {
        promotion[name] = value.clone();
    }
    open.shop.staff.post("/admin/promotions", promotion).ok(201).await
}

async fn used(open: &OpenShop, promotion: &Value) -> Value {
    let path = format!("/admin/promotions/{}", text(&promotion["id"]));
    open.shop.staff.get(&path).ok(200).await["used"].clone()
}

pub(crate) async fn apply(guest: &Client, cart: &str, code: &str) -> Answer {
    let path = format!("/carts/{cart}/codes");
    guest.post(&path, json!({ "code": code })).send().await
}

pub(crate) async fn set_email(guest: &Client, cart: &str, email: &str) -> Value {
    let path = format!("/carts/{cart}");
    guest.patch(&path, json!({ "email": email })).ok(200).await
}

pub(crate) async fn complete(guest: &Client, cart: &str, token: &str) -> Answer {
    let body = json!({ "payment": { "token": token } });
    let path = format!("/carts/{cart}/complete");
    guest.post(&path, body).key(&unique("key")).send().await
}

/// Buys one with a code, and returns the order.
async fn buy(open: &OpenShop, variant: &Variant, code: &str, email: &str) -> Value {
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(variant, 1)]).await;
    set_email(&guest, &cart, email).await;
    apply(&guest, &cart, code).await.expect(200);
    complete(&guest, &cart, "tok_approve").await.expect(200)["order"].clone()
}

/// Racers with a ready cart each, round after round.
struct Race {
    open: OpenShop,
    variant: Variant,
    guests: Vec<Client>,
}

impl Race {
    async fn new() -> Self {
        let open = OpenShop::fresh().await;
        let variant = open.shop.variant(1000, None).await;
        let guests = join_all((0..CARTS).map(|_| open.shop.guest())).await;
        Self {
            open,
            variant,
            guests,
        }
    }

    /// Opens a cart with the code for everybody.
    async fn line_up(&self, code: &str) -> Vec<(&Client, String)> {
        let open = &self.open;
        let carts = self.guests.iter().map(|guest| async move {
            let lines = &[(&self.variant, 1)];
            let cart = open.shop.ready_cart(guest, &open.method, lines).await;
            let cart_with_code = apply(guest, &cart, code).await.expect(200);
            assert_eq!(cart_with_code["totals"]["total"], pence(900));
            (guest, cart)
        });
        join_all(carts).await
    }

    /// Checks what everybody was told, and returns how many orders carry the discount.
    fn discounted(answers: &[Answer]) -> u64 {
        let mut discounted = 0;
        for answer in answers {
            if answer.status == 200 {
                assert_eq!(amount_of(&answer.json["order"]["total"]), 900);
                discounted += 1;
                continue;
            }
            let refusal = (answer.status, text(&answer.json["error"]));
            let expected = [(409, "coupon.limit_reached"), (402, "payment.declined")];
            assert!(expected.contains(&refusal), "{}", answer.text);
        }
        discounted
    }

    /// Returns how many payments stand at the provider.
    fn charged(&self) -> usize {
        let ledger = self.open.server.ledger();
        ledger.payments.iter().filter(|payment| !payment.voided).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_carts_with_a_code_of_limit_ten_make_exactly_ten_orders() {
    let race = Race::new().await;
    for round in 1..=ROUNDS {
        let code = unique("TEN");
        let made = promote(&race.open, json!({ "code": code, "usage_limit": LIMIT })).await;
        let carts = race.line_up(&code).await;
        let buys = carts
            .iter()
            .map(|(guest, cart)| complete(guest, cart, "tok_approve"));
        let answers = join_all(buys).await;
        assert_eq!(Race::discounted(&answers), LIMIT);
        assert_eq!(used(&race.open, &made).await, LIMIT);
        let sent = race.open.server.ledger().payments.len();
        assert_eq!(
            (sent, race.charged()),
            (round * 10, round * 10),
            "nobody refused is charged"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declined_payments_give_their_use_back_and_ten_still_get_it() {
    let race = Race::new().await;
    for round in 1..=ROUNDS {
        let code = unique("TEN");
        let made = promote(&race.open, json!({ "code": code, "usage_limit": LIMIT })).await;
        let mut left = race.line_up(&code).await;
        let mut discounted = 0;
        // Whoever was not refused for good tries again: every other one with a card that is declined, at first.
        for attempt in 0..CARTS {
            let buys = left.iter().enumerate().map(|(at, (guest, cart))| {
                let is_declined = attempt == 0 && at % 2 == 0;
                complete(
                    guest,
                    cart,
                    if is_declined { "tok_decline" } else { "tok_approve" },
                )
            });
            let answers = join_all(buys).await;
            discounted += Race::discounted(&answers);
            assert!(discounted <= LIMIT, "{discounted}");
            let is_left = |answer: &Answer| answer.status != 200;
            let next = left
                .into_iter()
                .zip(&answers)
                .filter(|(_, answer)| is_left(answer));
            left = next.map(|(racer, _)| racer).collect();
            if discounted == LIMIT {
                break;
            }
        }
        assert_eq!(discounted, LIMIT);
        assert_eq!(used(&race.open, &made).await, LIMIT);
        assert_eq!(race.charged(), round * 10, "nobody refused is charged");
        // What is left of the code in the other carts goes when they are read.
        let (guest, cart) = &left[0];
        let read = guest.get(&format!("/carts/{cart}")).ok(200).await;
        assert_eq!(read["removed_codes"][0]["error"], "coupon.limit_reached");
        assert_eq!(
            (&read["codes"], &read["totals"]["total"]),
            (&json!([]), &pence(1000))
        );
    }
}

#[tokio::test]
async fn a_limit_of_an_automatic_promotion_is_kept_and_a_canceled_order_gives_its_use_back() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let made = promote(&open, json!({ "usage_limit": 1 })).await;
    assert_eq!((&made["usage_limit"], &made["used"]), (&json!(1), &json!(0)));
    let guest = open.shop.guest().await;
    let first = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    assert_eq!(first["order"]["total"], pence(900));
    assert_eq!(used(&open, &made).await, 1);
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{cart}");
    assert_eq!(guest.get(&path).ok(200).await["totals"]["total"], pence(1000));
    let why = guest.get(&format!("{path}/explain")).ok(200).await;
    assert_eq!(why["promotions"][0]["reason"], "limit_reached");

    let cancel = |order: &Value| format!("/admin/orders/{}/cancel", text(&order["id"]));
    let reason = json!({ "reason": "the shopper called" });
    open.shop
        .staff
        .post(&cancel(&first["order"]), reason.clone())
        .key("a")
        .ok(200)
        .await;
    until("the use is back", async || {
        (used(&open, &made).await == 0).then_some(())
    })
    .await;
    assert_eq!(guest.get(&path).ok(200).await["totals"]["total"], pence(900));

    open.shop.settings(json!({ "keep_used_on_cancel": true })).await;
    let second = complete(&guest, &cart, "tok_approve").await.expect(200);
    assert_eq!(second["order"]["total"], pence(900));
    open.shop
        .staff
        .post(&cancel(&second["order"]), reason)
        .key("b")
        .ok(200)
        .await;
    let next = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let read = guest.get(&format!("/carts/{next}")).ok(200).await;
    assert_eq!(
        (&read["totals"]["total"], &used(&open, &made).await),
        (&pence(1000), &json!(1))
    );

    // Without the limit everybody has it again.
    let path = format!("/admin/promotions/{}", text(&made["id"]));
    let freed = open
        .shop
        .staff
        .patch(&path, json!({ "usage_limit": null }))
        .ok(200)
        .await;
    assert_eq!(
        (&freed["usage_limit"], &freed["used"]),
        (&Value::Null, &Value::Null)
    );
    let read = guest.get(&format!("/carts/{next}")).ok(200).await;
    assert_eq!(read["totals"]["total"], pence(900));
}

#[tokio::test]
async fn a_last_use_that_somebody_is_about_to_have_keeps_nobody_from_buying() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "provider_seconds": 1 })).await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "usage_limit": 1 })).await;
    let (first, second) = (open.shop.guest().await, open.shop.guest().await);
    let cart = open.shop.ready_cart(&first, &open.method, &[(&variant, 1)]).await;
    let other = open
        .shop
        .ready_cart(&second, &open.method, &[(&variant, 1)])
        .await;
    let total = async |guest: &Client, cart: &str| {
        let cart = guest.get(&format!("/carts/{cart}")).ok(200).await;
        cart["totals"]["total"].clone()
    };
    assert_eq!(total(&second, &other).await, pence(900));
    complete(&first, &cart, "tok_hang").await.expect(202);
    // Shown the lower total, and then the other.
    let late = complete(&second, &other, "tok_approve").await;
    let late = late.expect_refused(409, "checkout.total_changed");
    assert_eq!(late["details"]["total"], pence(1000));
    assert_eq!(total(&second, &other).await, pence(1000));
    let bought = complete(&second, &other, "tok_approve").await.expect(200);
    assert_eq!(bought["order"]["total"], pence(1000));
    // Whoever is about to have it keeps it.
    assert_eq!(total(&first, &cart).await, pence(900));
}

#[tokio::test]
async fn over_a_restart_whoever_was_shown_what_is_used_up_by_now_is_asked() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "usage_limit": 1 })).await;
    let (first, second) = (open.shop.guest().await, open.shop.guest().await);
    let cart = open.shop.ready_cart(&first, &open.method, &[(&variant, 1)]).await;
    let bought = open.shop.buy(&second, &open.method, &[(&variant, 1)]).await;
    assert_eq!(bought["order"]["total"], pence(900));
    let late = open
        .shop
        .ready_cart(&second, &open.method, &[(&variant, 1)])
        .await;
    let server = open.into_server().kill_and_restart();
    let (first, second) = (first.at(server.url()), second.at(server.url()));
    let asked = complete(&first, &cart, "tok_approve").await;
    let asked = asked.expect_refused(409, "checkout.total_changed");
    assert_eq!(asked["details"]["total"], pence(1000));
    // Who was shown the higher total already is not.
    let bought = complete(&second, &late, "tok_approve").await.expect(200);
    assert_eq!(bought["order"]["total"], pence(1000));
}

#[tokio::test]
async fn over_a_restart_whoever_was_shown_what_can_be_used_again_by_now_is_asked() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "usage_limit": 1 })).await;
    let (first, second) = (open.shop.guest().await, open.shop.guest().await);
    let bought = open.shop.buy(&first, &open.method, &[(&variant, 1)]).await;
    assert_eq!(bought["order"]["total"], pence(900));
    let cart = open
        .shop
        .ready_cart(&second, &open.method, &[(&variant, 1)])
        .await;
    let told = second.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(told["totals"]["total"], pence(1000));
    let cancel = format!("/admin/orders/{}/cancel", text(&bought["order"]["id"]));
    let reason = json!({ "reason": "a mistake" });
    open.shop.staff.post(&cancel, reason).key("a").ok(200).await;
    let server = open.into_server().kill_and_restart();
    let asked = complete(&second.at(server.url()), &cart, "tok_approve").await;
    let asked = asked.expect_refused(409, "checkout.total_changed");
    assert_eq!(asked["details"]["total"], pence(900));
}

#[tokio::test]
async fn a_guest_who_has_used_a_code_up_loses_it_under_any_spelling_of_the_address() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "code": "ONCE", "usage_limit_per_customer": 1 })).await;
    let order = buy(&open, &variant, "once", "ada@example.com").await;
    assert_eq!(order["total"], pence(900));
    // Others may use it.
    buy(&open, &variant, "once", "bob@example.com").await;

    let guest = open.shop.guest().await;
    let cart = text(&open.shop.cart(&guest, &[(&variant, 1)]).await["id"]).to_owned();
    let with_code = apply(&guest, &cart, "once").await.expect(200);
    assert_eq!(with_code["totals"]["total"], pence(900));
    let told = set_email(&guest, &cart, "ADA@Example.com").await;
    let removed = &told["removed_codes"][0];
    assert_eq!(removed["error"], "coupon.limit_reached");
    let message = text(&removed["message"]);
    assert!(
        !message.contains("account") && !message.contains("customer"),
        "{message}"
    );
    assert_eq!(
        (&told["codes"], &told["totals"]["total"]),
        (&json!([]), &pence(1000))
    );
    apply(&guest, &cart, "once")
        .await
        .expect_refused(422, "coupon.limit_reached");
    set_email(&guest, &cart, "cyd@example.com").await;
    apply(&guest, &cart, "once").await.expect(200);
}

#[tokio::test]
async fn whoever_completes_with_a_code_that_was_used_up_meanwhile_is_told_so_and_may_go_on_without() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "code": "ONCE", "usage_limit": 1 })).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    apply(&guest, &cart, "once").await.expect(200);
    buy(&open, &variant, "once", "bob@example.com").await;
    let refused = complete(&guest, &cart, "tok_approve").await;
    let problem = refused.expect_refused(409, "coupon.limit_reached");
    assert_eq!(problem["details"]["code"], "ONCE");
    assert_eq!(problem["details"]["total"], pence(1000));
    let told = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(told["totals"]["total"], pence(1000));
    let placed = complete(&guest, &cart, "tok_approve").await.expect(200);
    assert_eq!(placed["order"]["total"], pence(1000));
}

#[tokio::test]
async fn limits_that_could_never_be_kept_are_refused() {
    let open = OpenShop::shared().await;
    let promotion = json!({
        "name": "None",
        "actions": [{ "type": "order", "percentage": "0.1" }],
        "usage_limit": 0,
        "usage_limit_per_customer": 1_000_000_001_u64,
    });
    let refused = open.shop.staff.post("/admin/promotions", promotion);
    let problem = refused.refused(422, "request.invalid_fields").await;
    let listed: Vec<(&Value, &Value)> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| (&error["pointer"], &error["code"]))
        .collect();
    let invalid = json!("promotion.invalid_limit");
    let expected = [
        (&json!("/usage_limit"), &invalid),
        (&json!("/usage_limit_per_customer"), &invalid),
    ];
    assert_eq!(listed, expected);
}

/// Opens a cart that can be completed, with an e-mail address and codes.
pub(crate) async fn cart_of(
    open: &OpenShop,
    variant: &Variant,
    email: &str,
    codes: &[&str],
) -> (Client, String) {
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(variant, 1)]).await;
    set_email(&guest, &cart, email).await;
    for code in codes {
        apply(&guest, &cart, code).await.expect(200);
    }
    (guest, cart)
}

#[tokio::test]
async fn what_a_guest_has_used_is_used_by_the_customer_of_that_address_and_the_other_way_round() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "code": "ONCE", "usage_limit_per_customer": 1 })).await;
    promote(&open, json!({ "code": "ALSO", "usage_limit_per_customer": 1 })).await;
    let record = json!({ "external_id": "A-1", "email": "ada@example.com" });
    let customer = open.shop.staff.post("/admin/customers", record).ok(201).await;
    let give = async |cart: &str| {
        let path = format!("/carts/{cart}");
        let give = json!({ "customer_id": customer["id"] });
        open.shop.staff.patch(&path, give).ok(200).await
    };

    buy(&open, &variant, "once", "Ada@Example.com").await;
    let (guest, cart) = cart_of(&open, &variant, "ada@work.example.com", &["once", "also"]).await;
    let given = give(&cart).await;
    assert_eq!(given["removed_codes"][0]["error"], "coupon.limit_reached");
    assert_eq!(given["removed_codes"].as_array().map(Vec::len), Some(1));
    guest.get(&format!("/carts/{cart}")).ok(200).await;
    complete(&guest, &cart, "tok_approve").await.expect(200);

    let (guest, cart) = cart_of(&open, &variant, "bob@example.com", &["also"]).await;
    let told = set_email(&guest, &cart, "ada@example.com").await;
    assert_eq!(told["removed_codes"][0]["error"], "coupon.limit_reached");
    // Where the customer's goods go is nobody's account.
    let (_, cart) = cart_of(&open, &variant, "ada@work.example.com", &["also"]).await;
    let given = give(&cart).await;
    assert_eq!(given["removed_codes"][0]["error"], "coupon.limit_reached");
}
