//! Coupon codes judged without a cart: by hand, and a grocer's year of them.

use crate::support::{Server, Shop, pence, unique};
use crate::trade::shared;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

/// How many rows go into a call.
const ROWS: usize = 500;

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

/// Reads a table of the data set as rows of fields.
fn rows(name: &str) -> Vec<Vec<String>> {
    let file = File::open(name).expect("the file opens");
    let source: Box<dyn std::io::Read> = match name.ends_with(".zst") {
        true => Box::new(zstd::Decoder::new(file).expect("it is compressed")),
        false => Box::new(file),
    };
    let mut table = csv::Reader::from_reader(source);
    let rows = table.records().map(|row| row.expect("a row reads"));
    rows.map(|row| row.iter().map(str::to_owned).collect()).collect()
}

fn attempts_of(chunk: &[Vec<String>]) -> Value {
    let attempts = chunk.iter().map(|row| {
        json!({
            "at": row[0],
            "external_id": row[1],
            "code": format!("{}-{}", row[2], row[3]),
            "sku": row[4],
            "redeem": true,
        })
    });
    Value::Array(attempts.collect())
}

/// The verdicts of the data set, as they are called here.
fn named(verdict: &str) -> &str {
    match verdict {
        "unknown_coupon" => "coupon.unknown",
        "not_targeted" => "coupon.wrong_customer",
        "not_started" => "coupon.not_started",
        "expired" => "coupon.expired",
        "wrong_product" => "coupon.not_applicable",
        "already_used" => "coupon.limit_reached",
        ok => ok,
    }
}

#[tokio::test]
async fn ten_thousand_attempts_of_a_grocers_year_get_the_verdicts_they_got() {
    let test = "ten_thousand_attempts_of_a_grocers_year_get_the_verdicts_they_got";
    let table = |name: &str| shared(test, &format!("complete-journey/{name}")).map(|path| rows(&path));
    let Some(attempts) = table("coupon-attempts-dev.csv.zst") else {
        return;
    };
    let (Some(coupons), Some(campaigns), Some(households)) = (
        table("coupons.csv.zst"),
        table("campaigns.csv"),
        table("campaign_households.csv.zst"),
    ) else {
        return;
    };
    let server = Server::fresh();
    let shop = server.shop();

    // What nobody asks for need not be sold here.
    let asked: BTreeSet<&String> = attempts.iter().map(|row| &row[4]).collect();
    let asked: Vec<&String> = asked.into_iter().collect();
    for chunk in asked.chunks(ROWS) {
        let rows = chunk
            .iter()
            .enumerate()
            .map(|(at, sku)| json!({ "row": at, "sku": sku }));
        let body = json!({ "rows": rows.collect::<Vec<_>>() });
        shop.staff.post("/admin/catalog/import", body).ok(200).await;
    }
    let mut variants: BTreeMap<String, String> = BTreeMap::new();
    for product in shop.list("/admin/products").await {
        let variant = &product["variants"][0];
        variants.insert(text(&variant["sku"]).to_owned(), text(&variant["id"]).to_owned());
    }
    let mut groups: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for row in &households {
        groups
            .entry(&row[1])
            .or_default()
            .push(format!("campaign-{}", row[0]));
    }
    for (household, groups) in groups {
        let customer = json!({ "external_id": household, "groups": groups });
        shop.staff.post("/admin/customers", customer).ok(201).await;
    }
    let mut covered: BTreeMap<(&String, &String), BTreeSet<&String>> = BTreeMap::new();
    for row in &coupons {
        let of_coupon = covered.entry((&row[0], &row[2])).or_default();
        of_coupon.extend(variants.get(&row[1]));
    }
    // A coupon about nothing that is sold here is about something all the same.
    let elsewhere = format!("var_{:032x}", 1);
    for ((coupon, campaign), mut variants) in covered {
        let dates = campaigns
            .iter()
            .find(|row| row[0] == *campaign)
            .expect("its campaign is listed");
        let last: jiff::civil::Date = dates[3].parse().expect("a date");
        variants.insert(&elsewhere);
        let promotion = json!({
            "name": format!("Coupon {coupon} of campaign {campaign}"),
            "code": format!("{coupon}-{campaign}"),
            "enabled": true,
            "usage_limit_per_customer": 1,
            "conditions": {
                "customer_groups": [format!("campaign-{campaign}")],
                "starts_at": dates[2],
                "ends_at": last.tomorrow().expect("there is a day after").to_string(),
                "items": { "variants": variants },
            },
            "actions": [{ "type": "lines", "fixed": pence(100) }],
        });
        shop.staff.post("/admin/promotions", promotion).ok(201).await;
    }

    let mut wrong = Vec::new();
    for chunk in attempts.chunks(ROWS) {
        let verdicts = judge(&shop, attempts_of(chunk), &unique("judge")).await;
        for (row, verdict) in chunk.iter().zip(verdicts) {
            if verdict != named(&row[5]) {
                wrong.push(format!("{row:?}: {verdict}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}: {:#?}",
        wrong.len(),
        attempts.len(),
        &wrong[..wrong.len().min(9)]
    );
    assert_eq!(attempts.len(), 10_000);
}
