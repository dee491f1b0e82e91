//! Codes that are each good for one order, over HTTP: adding, drawing, listing, using up, racing.

use crate::support::{Answer, Client, OpenShop, Variant, amount_of, cartwright, pence, unique, until};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How often a race is run.
const ROUNDS: usize = 20;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A shop with a variant at 10.00 and a promotion of ten per cent that only such codes unlock.
struct Campaign {
    open: OpenShop,
    variant: Variant,
    path: String,
}

impl Campaign {
    async fn new() -> Self {
        let open = OpenShop::fresh().await;
        let promotion = json!({
            "name": "A tenth",
            "enabled": true,
            "requires_code": true,
            "actions": [{ "type": "order", "percentage": "0.1" }],
        });
        let made = open.shop.staff.post("/admin/promotions", promotion).ok(201).await;
        assert_eq!(made["requires_code"], true);
        let variant = open.shop.variant(1000, None).await;
        Self {
            variant,
            path: format!("/admin/promotions/{}", text(&made["id"])),
            open,
        }
    }

    fn staff(&self) -> &Client {
        &self.open.shop.staff
    }

    /// Adds codes, and returns what became of each.
    async fn add(&self, codes: &[&str]) -> Vec<String> {
        let path = format!("{}/codes", self.path);
        let added = self.staff().post(&path, json!({ "codes": codes })).ok(200).await;
        let results = added["results"].as_array().cloned().unwrap_or_default();
        let named = results.iter().map(|result| match result.get("error") {
            Some(error) => text(error).to_owned(),
            None => text(&result["outcome"]).to_owned(),
        });
        named.collect()
    }

    /// Opens a cart that can be completed, and enters codes.
    async fn cart(&self, guest: &Client, codes: &[&str]) -> String {
        let lines = &[(&self.variant, 1)];
        let cart = self.open.shop.ready_cart(guest, &self.open.method, lines).await;
        for code in codes {
            apply(guest, &cart, code).await.expect(200);
        }
        cart
    }

    /// Returns the codes that are listed as used.
    async fn used(&self) -> Vec<String> {
        let listed = self.open.shop.list(&format!("{}/codes", self.path)).await;
        let used = listed.iter().filter(|listed| listed["used"] == true);
        used.map(|listed| text(&listed["code"]).to_owned()).collect()
    }
}

async fn apply(guest: &Client, cart: &str, code: &str) -> Answer {
    let path = format!("/carts/{cart}/codes");
    guest.post(&path, json!({ "code": code })).send().await
}

async fn complete(guest: &Client, cart: &str, token: &str) -> Answer {
    let body = json!({ "payment": { "token": token } });
    let path = format!("/carts/{cart}/complete");
    guest.post(&path, body).key(&unique("key")).send().await
}

#[tokio::test]
async fn a_code_is_good_for_one_order_and_is_given_back_with_it() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    let own = json!({ "name": "Own", "code": "OWN", "requires_code": true, "actions": [{ "type": "order", "percentage": "0.5" }] });
    let other = staff.post("/admin/promotions", own).ok(201).await;
    let added = campaign.add(&["One", "two", "no good", "own"]).await;
    assert_eq!(
        added,
        [
            "created",
            "created",
            "promotion.invalid_code",
            "promotion.code_taken"
        ]
    );
    assert_eq!(campaign.add(&["TWO"]).await, ["unchanged"]);
    // A name is taken for every promotion.
    let path = format!("/admin/promotions/{}", text(&other["id"]));
    let taken = staff.patch(&path, json!({ "code": "one" }));
    taken.refused(409, "promotion_code.taken").await;
    let others = json!({ "codes": ["ONE"] });
    let refused = staff.post(&format!("{path}/codes"), others).ok(200).await;
    assert_eq!(refused["results"][0]["error"], "promotion.code_taken");

    // Without a code it applies to nobody; of two codes in a cart one is used.
    let guest = campaign.open.shop.guest().await;
    let cart = campaign.cart(&guest, &[]).await;
    let path = format!("/carts/{cart}");
    assert_eq!(guest.get(&path).ok(200).await["totals"]["discounts"], pence(0));
    let with_code = apply(&guest, &cart, "one").await.expect(200);
    assert_eq!(with_code["totals"]["discounts"], pence(100));
    assert_eq!(with_code["promotions"][0]["code"], "ONE");
    let second = apply(&guest, &cart, "TWO").await;
    second.expect_refused(422, "coupon.not_applicable");
    let placed = complete(&guest, &cart, "tok_approve").await.expect(200);
    assert_eq!(amount_of(&placed["order"]["total"]), 900);
    assert_eq!(campaign.used().await, ["ONE"]);

    // Used, it is refused, and leaves carts that hold it already.
    let late = campaign.open.shop.guest().await;
    let cart = campaign.cart(&late, &[]).await;
    let refused = apply(&late, &cart, "ONE").await;
    refused.expect_refused(422, "coupon.limit_reached");

    let order = text(&placed["order"]["id"]).to_owned();
    let cancel = staff.post(
        &format!("/admin/orders/{order}/cancel"),
        json!({ "reason": "a test" }),
    );
    cancel.key(&unique("cancel")).ok(200).await;
    until("the code is given back", async || {
        campaign.used().await.is_empty().then_some(())
    })
    .await;
    apply(&late, &cart, "ONE").await.expect(200);

    // Out of use, it is unknown, and the cart loses it.
    staff
        .delete(&format!("{}/codes/one", campaign.path))
        .ok(204)
        .await;
    let gone = staff.delete(&format!("{}/codes/one", campaign.path));
    gone.refused(404, "coupon_code.not_found").await;
    let lost = late.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(lost["totals"]["discounts"], pence(0));
    assert_eq!(lost["removed_codes"][0]["error"], "coupon.unknown");
}

#[tokio::test]
async fn a_cart_that_is_looked_at_again_and_again_loses_a_code_that_is_taken_out_of_use() {
    let campaign = Campaign::new().await;
    assert_eq!(campaign.add(&["ONE", "TWO"]).await, ["created", "created"]);
    let guest = campaign.open.shop.guest().await;
    let cart = campaign.cart(&guest, &["ONE"]).await;
    let read = || async { guest.get(&format!("/carts/{cart}")).ok(200).await };
    for _ in 0..3 {
        assert_eq!(read().await["totals"]["discounts"], pence(100));
    }
    let take_out = |code| {
        campaign
            .staff()
            .delete(&format!("{}/codes/{code}", campaign.path))
    };
    take_out("TWO").ok(204).await;
    assert_eq!(read().await["totals"]["discounts"], pence(100));
    take_out("ONE").ok(204).await;
    let lost = read().await;
    assert_eq!(lost["totals"]["discounts"], pence(0));
    assert_eq!(lost["removed_codes"][0]["error"], "coupon.unknown");
}

#[tokio::test]
async fn a_promotion_that_asks_for_no_code_gets_none_and_rests_those_it_has() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    for rest in [json!({}), json!({ "code": "OWN" })] {
        let mut draft = json!({ "name": "A half", "actions": [{ "type": "order", "percentage": "0.5" }] });
        for (name, value) in rest.as_object().into_iter().flatten() {
            draft[name] = value.clone();
        }
        let made = staff.post("/admin/promotions", draft).ok(201).await;
        let path = format!("/admin/promotions/{}/codes", text(&made["id"]));
        let given = staff.post(&path, json!({ "codes": ["ONE"] }));
        given.refused(409, "promotion.requires_no_code").await;
        let drawn = staff.post(&format!("{path}/generate"), json!({ "count": 1 }));
        drawn.refused(409, "promotion.requires_no_code").await;
        assert_eq!(campaign.open.shop.list(&path).await.len(), 0);
    }

    // Asked for no more, a code is unknown; asked for again, it is as good as it was.
    assert_eq!(campaign.add(&["ONE"]).await, ["created"]);
    let guest = campaign.open.shop.guest().await;
    let cart = campaign.cart(&guest, &["ONE"]).await;
    let asked = |asked: bool| staff.patch(&campaign.path, json!({ "requires_code": asked }));
    asked(false).ok(200).await;
    let open_to_all = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(open_to_all["totals"]["discounts"], pence(100));
    assert_eq!(open_to_all["removed_codes"][0]["error"], "coupon.unknown");
    // Nor does it stay where another promotion asks for such codes.
    let draft = json!({ "name": "A half", "enabled": true, "requires_code": true,
        "actions": [{ "type": "order", "percentage": "0.5" }] });
    asked(true).ok(200).await;
    apply(&guest, &cart, "ONE").await.expect(200);
    staff.post("/admin/promotions", draft).ok(201).await;
    asked(false).ok(200).await;
    let beside = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(beside["promotions"][0]["code"], Value::Null);
    assert_eq!(beside["removed_codes"][0]["error"], "coupon.unknown");
    asked(true).ok(200).await;
    let closed = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(closed["totals"]["discounts"], pence(0));
    let again = apply(&guest, &cart, "ONE").await.expect(200);
    assert_eq!(again["totals"]["discounts"], pence(100));
}

#[tokio::test]
async fn codes_go_with_their_promotion_and_their_names_are_free_for_others() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    assert_eq!(campaign.add(&["ONE", "TWO"]).await, ["created", "created"]);
    let more = staff.post(
        &format!("{}/codes/generate", campaign.path),
        json!({ "count": 600 }),
    );
    more.ok(201).await;
    let guest = campaign.open.shop.guest().await;
    let cart = campaign.cart(&guest, &["ONE"]).await;
    let draft = json!({ "name": "A half", "enabled": true, "requires_code": true,
        "actions": [{ "type": "order", "percentage": "0.5" }] });
    let other = staff.post("/admin/promotions", draft).ok(201).await;
    let other = format!("/admin/promotions/{}", text(&other["id"]));

    staff.delete(&campaign.path).ok(204).await;
    let lost = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(lost["removed_codes"][0]["error"], "coupon.unknown");
    until("the names are free", async || {
        let codes = json!({ "codes": ["ONE"] });
        let added = staff.post(&format!("{other}/codes"), codes).ok(200).await;
        (added["results"][0]["outcome"] == "created").then_some(())
    })
    .await;
    until("a promotion may have one for itself", async || {
        let taken = staff.patch(&other, json!({ "code": "TWO" })).send().await;
        (taken.status == 200).then_some(())
    })
    .await;
    let given = apply(&guest, &cart, "ONE").await.expect(200);
    assert_eq!(given["totals"]["discounts"], pence(500));
}

#[tokio::test]
async fn a_promotion_with_a_code_of_its_own_is_explained_by_the_one_that_was_entered() {
    let campaign = Campaign::new().await;
    let own = json!({ "code": "OWN", "conditions": { "quantity_from": 2 } });
    campaign.staff().patch(&campaign.path, own).ok(200).await;
    assert_eq!(campaign.add(&["ONE"]).await, ["created"]);
    let guest = campaign.open.shop.guest().await;
    let shop = &campaign.open.shop;
    let cart = shop
        .ready_cart(&guest, &campaign.open.method, &[(&campaign.variant, 2)])
        .await;
    let path = format!("/carts/{cart}/explain");
    let why = guest.get(&path).ok(200).await;
    assert_eq!(why["promotions"], json!([]), "nobody learns of it without a code");
    let given = apply(&guest, &cart, "one").await.expect(200);
    let why = guest.get(&path).ok(200).await;
    assert_eq!(why["promotions"][0]["code"], "ONE");
    assert_eq!(
        why["promotions"][0]["steps"][0]["given"],
        given["totals"]["discounts"]
    );
}

#[tokio::test]
async fn of_those_who_complete_with_one_code_at_once_one_gets_it() {
    let campaign = Campaign::new().await;
    let guests = join_all((0..8).map(|_| campaign.open.shop.guest())).await;
    for round in 0..ROUNDS {
        let code = format!("ROUND-{round}");
        assert_eq!(campaign.add(&[&code]).await, ["created"]);
        let codes = [code.as_str()];
        let carts = join_all(guests.iter().map(|guest| campaign.cart(guest, &codes))).await;
        // Every second payment is declined at first, which gives the code back.
        let tokens = ["tok_decline", "tok_approve"].iter().cycle();
        let racers = guests.iter().zip(&carts).zip(tokens);
        let answers = join_all(racers.map(|((guest, cart), token)| complete(guest, cart, token))).await;
        let discounted =
            |answer: &&Answer| answer.status == 200 && amount_of(&answer.json["order"]["total"]) == 900;
        let mut winners = answers.iter().filter(discounted).count();
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let refusal = (answer.status, text(&answer.json["error"]));
            let expected = [(409, "coupon.limit_reached"), (402, "payment.declined")];
            assert!(expected.contains(&refusal), "{}", answer.text);
        }
        if winners == 0 {
            // Whoever held it was declined while the others were refused: the next attempt takes it.
            let again = complete(&guests[0], &carts[0], "tok_approve").await;
            winners += usize::from(discounted(&&again));
        }
        assert_eq!(winners, 1, "round {round}");
    }
    assert_eq!(campaign.used().await.len(), ROUNDS);
}

#[tokio::test]
async fn adding_codes_heeds_the_version_and_the_key() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    let version = staff.get(&campaign.path).ok(200).await["version"].clone();
    let version = version.as_u64().expect("a version");
    let path = format!("{}/codes", campaign.path);
    let add = |codes: &[&str]| staff.post(&path, json!({ "codes": codes }));
    let stale = add(&["ONE"]).if_match(version + 1);
    stale.refused(412, "version.stale").await;
    let generate = format!("{path}/generate");
    let draw = staff.post(&generate, json!({ "count": 1 }));
    draw.if_match(version + 1).refused(412, "version.stale").await;
    let key = unique("key");
    let first = add(&["ONE"]).if_match(version).key(&key).send().await;
    let again = add(&["ONE"]).if_match(version).key(&key).send().await;
    assert_eq!((first.is_replayed(), again.is_replayed()), (false, true));
    assert_eq!((first.status, again.status), (200, 200));
    let other = add(&["TWO"]).key(&key);
    other.refused(422, "idempotency.key_reused").await;
    let listed = campaign.open.shop.list(&path).await;
    let listed: Vec<&str> = listed.iter().map(|listed| text(&listed["code"])).collect();
    assert_eq!(listed, ["ONE"]);
}

#[tokio::test]
async fn a_code_that_was_used_elsewhere_is_used_also_where_a_checkout_held_it_and_failed() {
    let campaign = Campaign::new().await;
    let (shop, staff) = (&campaign.open.shop, campaign.staff());
    shop.settings(json!({ "provider_seconds": 1, "checkout_seconds": 3 }))
        .await;
    assert_eq!(campaign.add(&["one"]).await, ["created"]);
    let guest = shop.guest().await;
    let cart = campaign.cart(&guest, &["one"]).await;
    let pending = complete(&guest, &cart, "tok_hang").await;
    assert_eq!(pending.status, 202, "{}", pending.text);
    let promotion = campaign.path.rsplit('/').next();
    let row = json!({ "row": 1, "promotion": promotion, "code": "one", "used": true });
    for outcome in ["updated", "unchanged"] {
        let imported = staff.post("/admin/promotions/codes/import", json!({ "rows": [row] }));
        assert_eq!(imported.ok(200).await["results"][0]["outcome"], outcome);
    }
    until("the checkout is given up", async || {
        let held = guest.get(&format!("/carts/{cart}")).ok(200).await;
        (held["state"] != "checkout").then_some(())
    })
    .await;
    assert_eq!(campaign.used().await, ["ONE"]);
    let other = shop.guest().await;
    let cart = campaign.cart(&other, &[]).await;
    let refused = apply(&other, &cart, "one").await;
    refused.expect_refused(422, "coupon.limit_reached");
}

#[tokio::test]
async fn a_repeat_does_not_bring_back_a_code_that_was_taken_out_of_use() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    let codes = format!("{}/codes", campaign.path);
    let given = json!({ "codes": ["one", "no good", "two", "two"] });
    let calls = [
        (codes.clone(), given, 200),
        (format!("{codes}/generate"), json!({ "count": 3 }), 201),
    ];
    let keys = calls.each_ref().map(|_| unique("key"));
    let mut answers = Vec::new();
    for ((path, body, status), key) in calls.iter().zip(&keys) {
        let answer = staff.post(path, body.clone()).key(key).ok(*status).await;
        answers.push(answer);
    }
    let listed = campaign.open.shop.list(&codes).await;
    assert_eq!(listed.len(), 5);
    for code in &listed[1..] {
        staff
            .delete(&format!("{codes}/{}", text(&code["code"])))
            .ok(204)
            .await;
    }
    for (((path, body, status), key), answer) in calls.iter().zip(&keys).zip(&answers) {
        let again = staff.post(path, body.clone()).key(key).send().await;
        assert!(again.is_replayed());
        assert_eq!(again.expect(*status), *answer);
    }
    assert_eq!(campaign.open.shop.list(&codes).await, listed[..1]);
}

#[tokio::test]
async fn an_export_whose_reader_goes_away_ends_in_order() {
    let campaign = Campaign::new().await;
    let path = format!("{}/codes/generate", campaign.path);
    let draw = json!({ "count": 1000 });
    campaign.staff().post(&path, draw).ok(201).await;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let server = &campaign.open.server;
    let mut command = cartwright();
    command
        .args(["export", "--codes"])
        .args(["--url", server.url(), "--token", server.token()])
        .stdout(writer);
    let run = tokio::task::spawn_blocking(move || command.output()).await;
    let run = run.expect("it does not panic").expect("the binary runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!((run.status.code(), &*said), (Some(0), ""));
}

#[tokio::test]
async fn drawn_codes_are_unique_and_listed_page_by_page() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    let path = format!("{}/codes/generate", campaign.path);
    let draw = json!({ "count": 1000, "prefix": "spring-", "length": 8 });
    let mut drawn = BTreeSet::new();
    for _ in 0..2 {
        let answer = staff.post(&path, draw.clone()).ok(201).await;
        let codes = answer["codes"].as_array().cloned().unwrap_or_default();
        assert_eq!(codes.len(), 1000);
        drawn.extend(codes.iter().map(|code| text(code).to_owned()));
    }
    assert_eq!(drawn.len(), 2000);
    // Under one key it is one draw.
    let key = unique("key");
    let first = staff.post(&path, draw.clone()).key(&key).send().await;
    let again = staff.post(&path, draw.clone()).key(&key).send().await;
    assert_eq!((first.is_replayed(), again.is_replayed()), (false, true));
    assert_eq!((first.status, &first.json), (again.status, &again.json));
    let codes = first.json["codes"].as_array().cloned().unwrap_or_default();
    drawn.extend(codes.iter().map(|code| text(code).to_owned()));
    assert_eq!(drawn.len(), 3000);
    let other = staff.post(&path, json!({ "count": 2 })).key(&key);
    other.refused(422, "idempotency.key_reused").await;
    let listed = campaign.open.shop.list(&format!("{}/codes", campaign.path)).await;
    let listed: Vec<String> = listed
        .iter()
        .map(|listed| text(&listed["code"]).to_owned())
        .collect();
    assert_eq!(listed, drawn.iter().cloned().collect::<Vec<_>>());
    let guest = campaign.open.shop.guest().await;
    let code = drawn.first().cloned().unwrap_or_default();
    let cart = campaign.cart(&guest, &[&code.to_lowercase()]).await;
    let priced = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(priced["totals"]["discounts"], pence(100));

    let bad = json!({ "count": 100_001, "prefix": "no good", "length": 7 });
    let refused = staff
        .post(&path, bad)
        .refused(422, "request.invalid_fields")
        .await;
    assert_eq!(refused["errors"].as_array().map(Vec::len), Some(3));
    guest.post(&path, draw).refused(401, "auth.token_required").await;
}

#[tokio::test]
async fn a_code_that_is_another_promotions_is_not_used_by_a_row_that_is_refused() {
    let old = Campaign::new().await;
    old.add(&["SHARED"]).await;
    let staff = old.staff();
    let draft = json!({ "name": unique("New"), "requires_code": true,
        "actions": [{ "type": "order", "percentage": "0.1" }] });
    let taker = text(&staff.post("/admin/promotions", draft).ok(201).await["id"]).to_owned();
    let import = async |is_used: bool| {
        let row = json!({ "row": 1, "promotion": taker, "code": "SHARED", "used": is_used });
        let rows = json!({ "rows": [row] });
        staff.post("/admin/promotions/codes/import", rows).ok(200).await["results"][0].clone()
    };
    assert_eq!(import(true).await["error"], "promotion.code_taken");
    let path = format!("{}/codes/SHARED", old.path);
    staff.delete(&path).ok(204).await;
    assert_eq!(import(false).await["outcome"], "created");
    let listed = staff
        .get(&format!("/admin/promotions/{taker}/codes"))
        .ok(200)
        .await;
    assert_eq!(listed["items"][0]["used"], false, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_another_promotion_takes_over_is_not_deleted_with_the_first() {
    let campaign = Campaign::new().await;
    let staff = campaign.staff();
    let codes: Vec<String> = (0..2_000).map(|number| format!("CODE-{number:04}")).collect();
    for codes in codes.chunks(500) {
        let add = json!({ "codes": codes });
        staff.post(&format!("{}/codes", campaign.path), add).ok(200).await;
    }
    let draft = json!({ "name": "A half", "enabled": true, "requires_code": true,
        "actions": [{ "type": "order", "percentage": "0.5" }] });
    let other = staff.post("/admin/promotions", draft).ok(201).await;
    let other = format!("/admin/promotions/{}/codes", text(&other["id"]));
    staff.delete(&campaign.path).ok(204).await;
    // While they are deleted in the order of their names.
    for codes in codes.chunks(50) {
        let added = staff.post(&other, json!({ "codes": codes })).ok(200).await;
        let mut results = added["results"].as_array().into_iter().flatten();
        assert!(results.all(|result| result["outcome"] == "created"), "{added}");
    }
    until("the first one's are gone", async || {
        let actors = staff.get("/admin/actors").ok(200).await;
        let mut subscribers = actors["subscribers"].as_array().into_iter().flatten();
        let left = subscribers.find(|subscriber| subscriber["name"] == "left-codes");
        left.filter(|left| left["delivered"] == 1).map(drop)
    })
    .await;
    assert_eq!(campaign.open.shop.list(&other).await.len(), codes.len());
}
