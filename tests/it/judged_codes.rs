//! Coupon codes judged without a cart: by hand, and a grocer's year of them.

use crate::imports::written;
use crate::support::{Server, Shop, pence};
use crate::trade::{client, shared};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Judges codes, and returns `ok` or the code of the refusal of each.
async fn judge(shop: &Shop, attempts: Value, key: &str) -> Vec<String> {
    let call = shop
        .staff
        .post("/admin/promotions/judge", json!({ "attempts": attempts }));
    let judged = call.key(key).ok(200).await;
    let verdicts = judged["verdicts"].as_array().cloned().unwrap_or_default();
    let named = verdicts.iter().map(|verdict| match verdict["ok"] == true {
        true => "ok",
        false => text(&verdict["error"]),
    });
    named.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_code_is_judged_by_whom_when_for_what_and_how_often_in_this_order() {
    let server = Server::fresh();
    let shop = server.shop();
    let (cup, pot) = (shop.variant(500, None).await, shop.variant(900, None).await);
    for (id, groups) in [("A-1", json!(["campaign-1"])), ("B-2", json!([]))] {
        let customer = json!({ "external_id": id, "groups": groups });
        shop.staff.post("/admin/customers", customer).ok(201).await;
    }
    let campaign = json!({
        "name": "Campaign 1",
        "code": "CUP-1",
        "enabled": true,
        "usage_limit_per_customer": 1,
        "conditions": {
            "customer_groups": ["campaign-1"],
            "starts_at": "2017-03-03",
            "ends_at": "2017-04-10",
            "items": { "variants": [cup.id] },
        },
        "actions": [{ "type": "lines", "fixed": pence(100) }],
    });
    shop.staff.post("/admin/promotions", campaign).ok(201).await;
    let open = json!({
        "name": "For all", "code": "ALL", "enabled": true, "usage_limit": 2, "usage_limit_per_customer": 1,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    let open = shop.staff.post("/admin/promotions", open).ok(201).await;

    let attempt = |code: &str, customer: &str, at: &str, sku: &str| json!({ "code": code, "external_id": customer, "at": at, "sku": sku, "redeem": true });
    let attempts = json!([
        attempt("no such", "B-2", "2017-01-01", &pot.sku),
        attempt("cup-1", "B-2", "2017-01-01", &pot.sku),
        attempt("cup-1", "nobody", "2017-03-03", &cup.sku),
        attempt("cup-1", "A-1", "2017-03-02", &pot.sku),
        attempt("cup-1", "A-1", "2017-04-10", &pot.sku),
        attempt("cup-1", "A-1", "2017-04-09", &pot.sku),
        attempt("cup-1", "A-1", "2017-04-09", "no such"),
        attempt("cup-1", "A-1", "2017-03-03", &cup.sku),
        attempt("cup-1", "A-1", "2017-04-09", &cup.sku),
        attempt("all", "nobody", "2017-01-01", &cup.sku),
    ]);
    let expected = [
        "coupon.unknown",
        "coupon.wrong_customer",
        "coupon.wrong_customer",
        "coupon.not_started",
        "coupon.expired",
        "coupon.not_applicable",
        "coupon.not_applicable",
        "ok",
        "coupon.limit_reached",
        "customer.not_found",
    ];
    assert_eq!(judge(&shop, attempts.clone(), "one").await, expected);
    // The same again is told the same and counts nothing; under another key it is used.
    assert_eq!(judge(&shop, attempts.clone(), "one").await, expected);
    assert_eq!(judge(&shop, attempts, "two").await[7], "coupon.limit_reached");

    let by = |email: &str, redeem: bool| json!({ "code": "all", "email": email, "redeem": redeem });
    let ada = "ada@example.com";
    let attempts = json!([
        by(ada, false),
        by(ada, true),
        by("ADA@example.com", false),
        by("ADA@example.com", true),
        by("bob@example.com", true),
        by("cyd@example.com", false),
        by("cyd@example.com", true),
    ]);
    let used_up = "coupon.limit_reached";
    let expected = ["ok", "ok", used_up, used_up, "ok", used_up, used_up];
    assert_eq!(judge(&shop, attempts, "three").await, expected);
    let path = format!("/admin/promotions/{}", text(&open["id"]));
    assert_eq!(shop.staff.get(&path).ok(200).await["used"], 2);
    let raised = json!({ "usage_limit": 3 });
    shop.staff.patch(&path, raised).ok(200).await;
    // What was refused has taken nothing: the last one is still free for who was refused.
    assert_eq!(
        judge(&shop, json!([by("cyd@example.com", true)]), "four").await,
        ["ok"]
    );
}

#[tokio::test]
async fn a_judgement_stands_under_its_key() {
    let server = Server::fresh();
    let shop = server.shop();
    let draft = json!({
        "name": "For all", "code": "ALL", "enabled": true, "usage_limit": 1,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    let made = shop.staff.post("/admin/promotions", draft).ok(201).await;
    let path = format!("/admin/promotions/{}", text(&made["id"]));
    let call = |attempts: Value, key: &str| {
        let body = json!({ "attempts": attempts });
        shop.staff.post("/admin/promotions/judge", body).key(key)
    };
    let use_it = json!([{ "code": "all", "redeem": true }, { "code": "no-such", "redeem": true }, { "code": "all", "redeem": true }]);
    let first = call(use_it.clone(), "till").send().await;
    assert!(!first.is_replayed());
    let first = first.expect(200);
    // There is room now, and such a code.
    shop.staff.patch(&path, json!({ "usage_limit": 9 })).ok(200).await;
    let made = json!({ "name": "New", "code": "NO-SUCH", "enabled": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    shop.staff.post("/admin/promotions", made).ok(201).await;
    for _ in 0..2 {
        let again = call(use_it.clone(), "till").send().await;
        assert!(again.is_replayed());
        assert_eq!(again.expect(200), first);
    }
    let other = call(json!([{ "code": "all", "redeem": true }]), "till");
    other.refused(422, "idempotency.key_reused").await;
    assert_eq!(shop.staff.get(&path).ok(200).await["used"], 1);
    let many: Vec<Value> = (0..500)
        .map(|n| json!({ "code": format!("{n}"), "redeem": true }))
        .collect();
    let first = call(json!(many), "many").ok(200).await;
    assert_eq!(call(json!(many), "many").ok(200).await, first);
}

#[tokio::test]
async fn uses_of_two_files_are_two_and_what_counts_nothing_is_judged_anew() {
    let server = Server::fresh();
    let shop = server.shop();
    let two = json!({
        "name": "Two", "code": "TWO", "enabled": true, "usage_limit": 2,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    let promotion = shop.staff.post("/admin/promotions", two).ok(201).await;
    let judge = async |file: &str, text: &str, status, lines: &[&str]| {
        let file = written(&server, file, text);
        client(&server, &["judge", &file]).await.check(status, lines);
    };
    let ok = format!("{:<24} {}", "  ok", 1);
    let before = format!("{:<24} {}", "given before", 1);
    let over = format!("{:<24} {}", "  coupon.limit_reached", 1);
    let of = |id: &str| format!("id,code,redeem\n{id},two,yes\n");
    judge("a.csv", &of("till-1"), 0, &[&ok]).await;
    judge("a.csv", &of("till-1"), 0, &[&ok, &before]).await;
    judge("b.csv", &of("till-2"), 0, &[&ok]).await;
    judge("c.csv", &of("till-3"), 0, &[&over]).await;
    // What staff mend between two runs is seen by the second.
    let asked = "code,expected\ntwo,ok\n";
    judge("d.csv", asked, 1, &[&over]).await;
    let path = format!("/admin/promotions/{}", text(&promotion["id"]));
    shop.staff.patch(&path, json!({ "usage_limit": 3 })).ok(200).await;
    judge("d.csv", asked, 0, &[&ok]).await;
}

#[tokio::test]
async fn a_household_stays_in_the_campaigns_of_another_folder_and_in_the_groups_of_staff() {
    let server = Server::fresh();
    let shop = server.shop();
    let import = async |name: &str, campaign: &str, households: &[&str]| {
        let folder = server.directory().folder().join(name);
        std::fs::create_dir(&folder).expect("the folder is writable");
        let households: String = households.iter().map(|id| format!("{campaign},{id}\n")).collect();
        for (file, text) in [
            (
                "campaigns",
                format!("campaign_id,start_date,end_date\n{campaign},2017-01-10,2017-02-20\n"),
            ),
            (
                "campaign_households",
                format!("campaign_id,household_id\n{households}"),
            ),
            (
                "coupons",
                format!("coupon_upc,product_id,campaign_id\n10,P-1,{campaign}\n"),
            ),
            ("products", "product_id,product_type\nP-1,BREAD\n".to_owned()),
        ] {
            written(&server, &format!("{name}/{file}.csv"), &text);
        }
        let folder = folder.display().to_string();
        let import = ["import", folder.as_str(), "--preset", "complete-journey"];
        client(&server, &import).await.check(0, &["households: "]);
    };
    import("january", "1", &["105", "7"]).await;
    let customers = shop.staff.get("/admin/customers").ok(200).await;
    let of_105 = |customers: &Value| {
        let all = customers["items"].as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|customer| customer["external_id"] == "105");
        found.expect("the household was imported")
    };
    let path = format!("/admin/customers/{}", text(&of_105(&customers)["id"]));
    let groups = json!({ "groups": ["campaign-1", "regulars"] });
    shop.staff.patch(&path, groups).ok(200).await;
    import("february", "2", &["105"]).await;
    let customer = shop.staff.get(&path).ok(200).await;
    assert_eq!(
        customer["groups"],
        json!(["campaign-1", "campaign-2", "regulars"]),
        "{customer}"
    );
}

#[tokio::test]
async fn a_promotion_of_as_many_products_as_it_may_name_is_saved() {
    let server = Server::fresh();
    let products: Vec<String> = (0..30_000).map(|n| format!("prod_{n:032x}")).collect();
    let promotion = json!({
        "name": "Many",
        "conditions": { "items": { "products": products } },
        "actions": [{ "type": "lines", "percentage": "0.1" }],
    });
    let made = server.staff().post("/admin/promotions", promotion).ok(201).await;
    let named = made["conditions"]["items"]["products"].as_array().map(Vec::len);
    assert_eq!(named, Some(30_000));
}

#[tokio::test]
async fn ten_thousand_attempts_of_a_grocers_year_get_the_verdicts_they_got() {
    let test = "ten_thousand_attempts_of_a_grocers_year_get_the_verdicts_they_got";
    let Some(attempts) = shared(test, "complete-journey/coupon-attempts-dev.csv.zst") else {
        return;
    };
    let server = Server::fresh();
    let journey = less_of_the_journey(&server, Path::new(&attempts));
    let import = ["import", journey.as_str(), "--preset", "complete-journey"];
    let loaded = [
        "products: created ",
        "households: created 1559, ",
        "coupons: created 1197, ",
    ];
    client(&server, &import).await.check(0, &loaded);
    // A second run is answered as the first one was, and counts nothing.
    for report in ["first.tsv", "second.tsv"] {
        let report = server.directory().folder().join(report);
        let name = report.display().to_string();
        let judge = [
            "judge",
            attempts.as_str(),
            "--preset",
            "complete-journey",
            "--report",
            name.as_str(),
        ];
        let counts = [
            ("attempts", 10_000),
            ("  already_used", 4_081),
            ("  expired", 479),
            ("  not_started", 548),
            ("  not_targeted", 514),
            ("  ok", 2_647),
            ("  unknown_coupon", 668),
            ("  wrong_product", 1_063),
            ("compared", 10_000),
            ("differing", 0),
        ];
        let lines = counts.map(|(what, count)| format!("{what:<24} {count}"));
        client(&server, &judge)
            .await
            .check(0, &lines.each_ref().map(String::as_str));
        let report = std::fs::read_to_string(report).expect("the report was written");
        assert_eq!(report.lines().count(), 10_000);
        assert_eq!(report.lines().next(), Some("1\tnot_started"));
    }
}

/// Writes the data set without the products that nobody tries a coupon for: a build for debugging takes minutes for
/// them. One that covers nothing else keeps the first that it covers.
fn less_of_the_journey(server: &Server, attempts: &Path) -> String {
    let (whole, less) = (
        attempts.parent().expect("it is in a folder"),
        server.directory().folder().join("journey"),
    );
    std::fs::create_dir(&less).expect("the folder is writable");
    for name in ["campaigns.csv", "campaign_households.csv.zst", "products.csv.zst"] {
        std::fs::copy(whole.join(name), less.join(name)).expect("the data set is there");
    }
    let asked: BTreeSet<String> = rows(attempts).iter().map(|row| row[4].to_owned()).collect();
    let mut seen = BTreeSet::new();
    let mut kept = csv::Writer::from_path(less.join("coupons.csv")).expect("the folder is writable");
    kept.write_record(["coupon_upc", "product_id", "campaign_id"])
        .expect("the file is writable");
    for row in rows(&whole.join("coupons.csv.zst")) {
        let is_new = seen.insert((row[0].to_owned(), row[2].to_owned()));
        if is_new || asked.contains(&row[1]) {
            kept.write_record(&row).expect("the file is writable");
        }
    }
    kept.flush().expect("the file is writable");
    less.display().to_string()
}

/// Reads a table of the data set.
fn rows(file: &Path) -> Vec<csv::StringRecord> {
    let file = File::open(file).expect("the file opens");
    let table = zstd::Decoder::new(file).expect("it is compressed");
    let mut table = csv::Reader::from_reader(table);
    table.records().map(|row| row.expect("a row reads")).collect()
}
