//! Races over HTTP: many callers at once want the same thing.

use crate::support::{Answer, Client, OpenShop, Variant, amount_of, pence, unique, until};
use cartwright_domain::shipping::METHODS_MAX;
use cartwright_gateways::payment::sandbox::Operation;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::HashMap;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

async fn complete(guest: Client, cart: String, key: String) -> Answer {
    let body = json!({ "payment": { "token": "tok_approve" } });
    guest
        .post(&format!("/carts/{cart}/complete"), body)
        .key(&key)
        .send()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_simultaneous_adds_of_one_are_two_hundred() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(3, Some(1_000)).await;
    let guest = shop.guest().await;
    let before = guest.post("/carts", json!({})).ok(201).await;
    let adds = (0..200).map(|_| {
        guest
            .post("/carts/current/lines", json!({ "variant_id": variant.id }))
            .send()
    });
    let mut versions: Vec<u64> = join_all(adds)
        .await
        .into_iter()
        .filter_map(|answer| answer.expect(200)["version"].as_u64())
        .collect();
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        (
            cart["lines"].as_array().map(Vec::len),
            &cart["lines"][0]["quantity"]
        ),
        (Some(1), &json!(200))
    );
    assert_eq!(amount_of(&cart["totals"]["total"]), 600);
    // Every add raised the version by one, even those that shared a commit.
    let first = before["version"].as_u64().unwrap_or_default();
    assert_eq!(cart["version"].as_u64(), Some(first + 200));
    versions.sort_unstable();
    assert!(
        versions
            .iter()
            .all(|version| (first + 1..=first + 200).contains(version)),
        "{versions:?}"
    );
    assert_eq!(versions.last(), Some(&(first + 200)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_whose_adds_share_a_commit_are_told_its_state_and_their_own_line() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let mut variants = Vec::new();
    for price in [3, 5, 7] {
        variants.push(shop.variant(price, Some(1_000)).await);
    }
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let adds = (0..240).map(|number| {
        let (guest, variant) = (guest.clone(), variants[number % variants.len()].id.clone());
        async move {
            let add = guest.post("/carts/current/lines", json!({ "variant_id": variant }));
            let answer = add.minimal().send().await;
            let (applied, etag) = (answer.header("preference-applied"), answer.header("etag"));
            assert_eq!(applied, Some("return=minimal"));
            assert_eq!(etag, Some(format!("\"{}\"", answer.json["version"]).as_str()));
            assert_eq!(answer.json["line"]["variant_id"], variant);
            answer.expect(200)
        }
    });
    // How many share a commit is up to the disk.
    let mut told: HashMap<u64, Vec<Value>> = HashMap::new();
    for answer in join_all(adds).await {
        let version = answer["version"].as_u64().unwrap_or_default();
        told.entry(version).or_default().push(answer);
    }
    for of in told.values() {
        let first = &of[0];
        for answer in of {
            for same in ["id", "state", "totals", "amount_due", "codes", "payments"] {
                assert_eq!(answer[same], first[same], "{same}");
            }
            let mut alike = of
                .iter()
                .filter(|other| other["line"]["id"] == answer["line"]["id"]);
            assert!(alike.all(|other| other == answer), "{answer}");
        }
    }
    let cart = guest.get("/carts/current").ok(200).await;
    let last = told
        .keys()
        .max()
        .and_then(|version| told.get(version))
        .expect("all were told");
    for answer in last {
        assert_eq!(answer["totals"], cart["totals"]);
        let lines = cart["lines"].as_array().into_iter().flatten();
        let mut same = lines.filter(|line| line["id"] == answer["line"]["id"]);
        assert_eq!(same.next().map(|line| &line["quantity"]), Some(&json!(80)));
        assert_eq!(answer["line"]["quantity"], json!(80));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_adds_never_take_more_than_there_is() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(3, Some(37)).await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let adds = (0..100).map(|_| {
        guest
            .post("/carts/current/lines", json!({ "variant_id": variant.id }))
            .send()
    });
    let answers = join_all(adds).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    let short = answers
        .iter()
        .filter(|answer| answer.json["error"] == "cart.insufficient_stock")
        .count();
    assert_eq!((accepted, short), (37, 63));
    assert_eq!(guest.get("/carts/current").ok(200).await["totals"]["units"], 37);
}

/// Completes one cart fifty times at once; one order, one authorization, one mail.
async fn check_fifty_completions(key_of: impl Fn(usize) -> String) -> Vec<Answer> {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let complete_all = || {
        let keys = (0..50).map(&key_of);
        join_all(keys.map(|key| complete(guest.clone(), cart.clone(), key)))
    };
    let answers = complete_all().await;

    let orders = open.shop.orders().await;
    assert_eq!((orders.len(), &orders[0]["number"]), (1, &json!(1)));
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.json["order"]["id"], orders[0]["id"]);
    }
    // Each of them is kept under its key.
    for again in complete_all().await {
        assert!(again.is_replayed(), "{}", again.text);
        assert_eq!(again.expect(200)["order"]["id"], orders[0]["id"]);
    }
    until("the checkout is over", async || {
        (open.shop.units(&variant).await == (10, 0, 2)).then_some(())
    })
    .await;
    until("the payment is captured", async || {
        (open.server.ledger().payments[0].captured.amount == 1000).then_some(())
    })
    .await;
    let ledger = open.server.ledger();
    let authorized = ledger
        .entries
        .iter()
        .filter(|entry| entry.operation == Operation::Authorize)
        .count();
    assert_eq!((authorized, ledger.payments.len()), (1, 1));

    // A second order's mail shows that no second one of the first is still to come.
    open.shop
        .buy(&open.shop.guest().await, &open.method, &[(&variant, 1)])
        .await;
    let directory = open.server.directory();
    until("both mails are written", async || {
        directory
            .mails()
            .iter()
            .any(|mail| mail.contains("Subject: Your order 2\r\n"))
            .then_some(())
    })
    .await;
    assert_eq!(directory.mails().len(), 2);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_completions_with_one_key_make_one_order() {
    let key = unique("one");
    let answers = check_fifty_completions(|_| key.clone()).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let running = answers
        .iter()
        .filter(|answer| answer.json["error"] == "idempotency.in_progress")
        .count();
    let others: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status != 200 && answer.json["error"] != "idempotency.in_progress")
        .collect();
    assert!(
        0 < done && done + running == 50,
        "{done} done, {running} running, and {others:?}"
    );
    let first = answers
        .iter()
        .filter(|answer| answer.status == 200 && !answer.is_replayed())
        .count();
    assert!(first <= 1, "{first} were the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_completions_with_fifty_keys_make_one_order() {
    let answers = check_fifty_completions(|index| format!("key-{index}")).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["state"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_of_fifty_units_make_exactly_fifty_orders() {
    let open = OpenShop::fresh().await;
    let (rare, other) = (
        open.shop.variant(500, Some(50)).await,
        open.shop.variant(300, Some(50)).await,
    );
    // Every cart wants the rare one; two thirds want the other too, half of them listed the other way round.
    let lines: [Vec<(&Variant, u64)>; 3] = [
        vec![(&rare, 1)],
        vec![(&rare, 1), (&other, 1)],
        vec![(&other, 1), (&rare, 1)],
    ];
    let fills = (0..200).map(|index: usize| {
        let (open, lines) = (&open, &lines[index % 3]);
        async move {
            let guest = open.shop.guest().await;
            let cart = open.shop.ready_cart(&guest, &open.method, lines).await;
            (guest, cart)
        }
    });
    let buyers = join_all(fills).await;
    let purchases = buyers
        .into_iter()
        .map(|(guest, cart)| complete(guest, cart, unique("key")));
    let answers = join_all(purchases).await;

    let mut ordered = 0;
    let mut with_other = 0;
    for answer in &answers {
        if answer.status == 200 {
            ordered += 1;
            with_other += i64::from(amount_of(&answer.json["order"]["total"]) == 800);
            continue;
        }
        let code = text(&answer.json["error"]);
        let fits = ["inventory.insufficient", "checkout.lines_unavailable"].contains(&code);
        assert!(answer.status == 409 && fits, "{}", answer.text);
    }
    assert_eq!(ordered, 50);
    until("every checkout is over", async || {
        let (first, second) = (open.shop.units(&rare).await, open.shop.units(&other).await);
        (first == (50, 0, 50) && second == (50, 0, with_other)).then_some(())
    })
    .await;
    let numbers: Vec<u64> = open
        .shop
        .orders()
        .await
        .iter()
        .filter_map(|order| order["number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());

    // Whoever was refused was not charged.
    let ledger = open.server.ledger();
    let completed: Vec<&str> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| text(&answer.json["id"]))
        .collect();
    let charged = ledger.payments.iter().filter(|payment| !payment.voided);
    assert_eq!(charged.clone().count(), 50);
    assert!(
        charged
            .into_iter()
            .all(|payment| completed.contains(&payment.checkout.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_that_want_a_handle_gets_it() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let handle = unique("wanted");
    let body = json!({ "title": "Wanted", "handle": handle, "status": "active" });
    let makes = (0..20).map(|_| shop.staff.post("/admin/products", body.clone()).send());
    let answers = join_all(makes).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let problem = answer.clone().expect_refused(409, "product_handle.taken");
        assert_eq!(problem["details"]["holder"], made[0].json["id"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_with_one_key_are_one_and_all_hear_of_it() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(3, None).await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let (add, make) = (unique("add"), unique("make"));
    let body = json!({ "variant_id": variant.id });
    let adds = (0..30).map(|_| guest.post("/carts/current/lines", body.clone()).key(&add).send());
    for answer in join_all(adds).await {
        assert_eq!(answer.expect(200)["totals"]["units"], 1);
    }
    let body = json!({ "title": "Once", "handle": unique("once"), "status": "active" });
    let makes = (0..30).map(|_| shop.staff.post("/admin/products", body.clone()).key(&make).send());
    let answers = join_all(makes).await;
    let fresh = answers.iter().filter(|answer| !answer.is_replayed()).count();
    let ids: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.expect(201)["id"].clone())
        .collect();
    assert_eq!(fresh, 1);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_starts_are_one_checkout() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 3)]).await;
    let path = format!("/carts/{cart}/checkout");
    let starts = (0..30).map(|_| guest.post(&path, json!({})).send());
    let ids: Vec<Value> = join_all(starts)
        .await
        .into_iter()
        .map(|answer| answer.expect(201)["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(open.shop.units(&variant).await, (10, 3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cart_that_changes_meanwhile_is_not_paid_for() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(500, Some(1_000)).await;
    for _ in 0..30 {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
        let path = format!("/carts/{cart}");
        let seen = guest.get(&path).send().await.etag().expect("a version");
        let add = guest
            .post(&format!("{path}/lines"), json!({ "variant_id": variant.id }))
            .send();
        let complete = guest
            .post(
                &format!("{path}/complete"),
                json!({ "payment": { "token": "tok_approve" } }),
            )
            .key(&unique("key"))
            .if_match(seen)
            .send();
        let (added, completed) = tokio::join!(add, complete);
        let outcome = (added.status, completed.status);
        assert!(
            matches!(outcome, (200, 412) | (409, 200)),
            "{outcome:?}: {} {}",
            added.json,
            completed.json
        );
        if completed.status == 412 {
            completed.expect_refused(412, "version.stale");
            assert_eq!(guest.get(&path).ok(200).await["totals"]["units"], 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_is_either_completed_or_abandoned() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(100)).await;
    let mut sold = 0;
    for _ in 0..10 {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
        let checkout = guest
            .post(&format!("/carts/{cart}/checkout"), json!({}))
            .ok(201)
            .await;
        let abandon = format!("/checkouts/{}/abandon", text(&checkout["id"]));
        let (completed, abandoned) = tokio::join!(
            complete(guest.clone(), cart.clone(), unique("key")),
            guest.post(&abandon, json!({})).send(),
        );
        match (completed.status, abandoned.status) {
            (200, 409) => sold += 1,
            // Whoever abandons first leaves a free cart, which a completion that comes later may still buy.
            (200, 200) => {
                assert_ne!(completed.json["id"], checkout["id"], "{}", completed.text);
                sold += 1;
            }
            (409, 200) => assert_eq!(completed.json["error"], "checkout.abandoned"),
            other => panic!("{other:?}: {} {}", completed.text, abandoned.text),
        }
    }
    until("every checkout is over", async || {
        (open.shop.units(&variant).await == (100, 0, sold)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_make_products_with_one_sku_at_once_one_does_and_no_other_is_half_made() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    for _ in 0..4 {
        let (sku, title) = (unique("SKU"), unique("Title"));
        let variant = |sku: &str| json!({ "sku": sku, "price": { "amount": 100, "currency": "GBP" } });
        let makers = (0..8).map(|maker| {
            let variants = [
                variant(&format!("{sku}-{maker}")),
                variant(&sku),
                variant(&format!("{sku}-{maker}-B")),
            ];
            let product = json!({ "title": title, "status": "active", "variants": variants });
            let call = shop.staff.post("/admin/products", product);
            async move { (maker, call.send().await) }
        });
        let mut made = None;
        for (maker, answer) in join_all(makers).await {
            match answer.status {
                201 => {
                    let product = answer.expect(201);
                    assert_eq!(product["variants"].as_array().map(Vec::len), Some(3));
                    assert_eq!(made.replace(maker), None);
                }
                _ => {
                    answer.expect_refused(409, "sku.taken");
                }
            }
        }
        let made = made.expect("one of them makes it");
        let named = shop.list("/admin/products").await;
        let named = named.iter().filter(|product| product["title"] == title.as_str());
        assert_eq!(named.count(), 1);
        // What the others would have had is free.
        let other = (made + 1) % 8;
        let product =
            json!({ "title": title, "status": "draft", "variants": [variant(&format!("{sku}-{other}"))] });
        shop.staff.post("/admin/products", product).ok(201).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_sku_comes_into_the_catalog_at_once_it_does_so_once_and_leaves_no_product_empty() {
    let open = OpenShop::fresh().await;
    let (shop, staff) = (&open.shop, &open.shop.staff);
    let host = shop.variant(100, None).await.product_id;
    let mut skus = Vec::new();
    for _ in 0..12 {
        let sku = unique("SKU");
        let price = json!({ "amount": 100, "currency": "GBP" });
        let draft = json!({ "sku": sku, "price": price });
        let product = json!({ "title": "Made", "status": "active", "variants": [draft] });
        let rows = json!({ "rows": [{ "row": 1, "sku": sku, "title": "Imported", "price": price }] });
        let calls = [
            staff.post("/admin/products", product),
            staff.post("/admin/catalog/import", rows),
            staff.post(&format!("/admin/products/{host}/variants"), draft),
        ];
        for answer in join_all(calls.map(|call| call.send())).await {
            assert!([200, 201, 409].contains(&answer.status), "{}", answer.text);
        }
        skus.push(sku);
    }
    let mut found = Vec::new();
    for product in shop.list("/admin/products").await {
        let variants = product["variants"].as_array().expect("a list");
        assert!(!variants.is_empty(), "{product} has no variant");
        found.extend(variants.iter().map(|variant| text(&variant["sku"]).to_owned()));
    }
    for sku in skus {
        assert_eq!(found.iter().filter(|found| **found == sku).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_that_is_imported_twice_at_once_is_imported_once() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let row = |row: usize| json!({ "row": row, "sku": unique("SKU"), "title": "Cup", "price": { "amount": 100, "currency": "GBP" }, "stock": 5 });
    let rows = json!({ "rows": (0..30).map(row).collect::<Vec<_>>() });
    let imports = (0..3).map(|_| shop.staff.post("/admin/catalog/import", rows.clone()).ok(200));
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    for imported in join_all(imports).await {
        for result in imported["results"].as_array().expect("a list") {
            *outcomes.entry(text(&result["outcome"]).to_owned()).or_default() += 1;
        }
    }
    let expected = [("created".to_owned(), 30), ("unchanged".to_owned(), 60)];
    assert_eq!(outcomes, HashMap::from(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_at_once_do_not_go_over_what_there_may_be() {
    let open = OpenShop::fresh().await;
    let method = |nth: usize| {
        let body = json!({
            "name": format!("Method {nth}"),
            "countries": ["GB"],
            "price": { "amount": 100, "currency": "GBP" },
        });
        open.shop.staff.post("/admin/shipping/methods", body).send()
    };
    let mut made = Vec::new();
    for nth in (0..METHODS_MAX).step_by(40) {
        made.extend(join_all((nth..nth + 40).map(method)).await);
    }
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|answer| answer.status == 201);
    // One is there from the first.
    assert_eq!((made.len(), refused.len()), (METHODS_MAX - 1, 1));
    for answer in refused {
        answer.expect_refused(409, "shipping.too_many_methods");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_completions_of_a_started_checkout_one_whose_total_is_unknown_joins_or_ends_it() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(500, Some(100)).await;
    let mut started = Vec::new();
    for _ in 0..24 {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
        guest
            .post(&format!("/carts/{cart}/checkout"), json!({}))
            .ok(201)
            .await;
        started.push((guest, cart));
    }
    // Whoever does not say what they expect to pay was shown another total, and nobody knows that any more.
    let sale =
        json!({ "name": "Sale", "enabled": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    open.shop.staff.post("/admin/promotions", sale).ok(201).await;
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let shop = shop.at(&server);
    let (mut orders, mut given_back) = (0, 0);
    for (guest, cart) in started {
        let guest = guest.at(server.url());
        let complete = |key: &'static str, expected: Option<i64>| {
            let mut body = json!({ "payment": { "token": "tok_approve" } });
            if let Some(expected) = expected {
                body["expected_total"] = pence(expected);
            }
            let path = format!("/carts/{cart}/complete");
            let guest = guest.clone();
            async move { guest.post(&path, body).key(key).send().await }
        };
        let (knows, does_not) = tokio::join!(complete("knows", Some(900)), complete("does not", None));
        match knows.status {
            200 => {
                match does_not.status {
                    200 => assert_eq!(does_not.json["order"]["id"], knows.json["order"]["id"]),
                    // It came first and was told, and the other began a checkout of its own.
                    _ => drop(does_not.expect_refused(409, "checkout.total_changed")),
                }
                orders += 1;
            }
            _ => {
                knows.expect_refused(409, "checkout.total_changed");
                does_not.expect_refused(409, "checkout.total_changed");
                assert_eq!(
                    guest.get(&format!("/carts/{cart}")).ok(200).await["state"],
                    "active"
                );
                given_back += 1;
            }
        }
    }
    assert_eq!(orders + given_back, 24);
    assert_eq!(shop.units(&variant).await, (100, 0, 2 * orders));
}
