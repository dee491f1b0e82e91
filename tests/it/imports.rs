//! Bulk ways in and out: over HTTP and from files.

use crate::support::{OpenShop, Server, Shop, pence, unique};
use crate::trade::client;
use reqwest::Method;
use serde_json::{Value, json};

/// Writes a file beside a server's data and returns its path.
pub(crate) fn written(server: &Server, name: &str, text: &str) -> String {
    let file = server.directory().folder().join(name);
    std::fs::write(&file, text).expect("the folder is writable");
    file.display().to_string()
}

/// Imports rows and returns what became of each: its subject, and its outcome or the code that refused it.
pub(crate) async fn send(shop: &Shop, path: &str, rows: Value) -> Vec<(String, String)> {
    let answer = shop.staff.post(path, json!({ "rows": rows })).ok(200).await;
    let results = answer["results"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let end = |result: &Value| match result["error"].as_str() {
        Some(error) => error.to_owned(),
        None => text(&result["outcome"]),
    };
    results
        .iter()
        .map(|result| (text(&result["subject"]), end(result)))
        .collect()
}

/// Returns what became of rows, in the form of [`send`].
fn ends(results: &[(&str, &str)]) -> Vec<(String, String)> {
    results
        .iter()
        .map(|(subject, end)| ((*subject).to_owned(), (*end).to_owned()))
        .collect()
}

#[tokio::test]
async fn promotions_are_imported_row_by_row_and_a_second_time_for_nothing() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let path = "/admin/promotions/import";
    let ten = |percentage: &str| json!([{ "type": "order", "percentage": percentage }]);
    let rows = json!([
        { "row": 1, "promotion": { "name": "Ten", "code": "ten", "actions": ten("0.1"), "enabled": true } },
        { "row": 2, "promotion": { "name": "Broken", "actions": ten("ten") } },
        { "row": 3, "promotion": { "name": "Odd", "priority": "high" } },
        { "row": 4, "promotion": { "name": "For all", "actions": ten("0.05") } },
    ]);
    let first = send(&shop, path, rows.clone()).await;
    let refused = [
        ("Broken", "request.invalid_fields"),
        ("Odd", "import.unreadable_row"),
    ];
    let expected = |outcome| ends(&[("ten", outcome), refused[0], refused[1], ("For all", outcome)]);
    assert_eq!(first, expected("created"));
    assert_eq!(send(&shop, path, rows).await, expected("unchanged"));
    let change = json!([{ "row": 1, "promotion": { "name": "Ten", "code": "TEN", "actions": ten("0.2") } }]);
    assert_eq!(send(&shop, path, change).await, ends(&[("TEN", "updated")]));
    let kept = shop.list("/admin/promotions").await;
    let kept: Vec<_> = kept
        .iter()
        .map(|held| (&held["name"], &held["enabled"]))
        .collect();
    assert_eq!(
        kept,
        [(&json!("For all"), &json!(false)), (&json!("Ten"), &json!(true))]
    );
    let many: Vec<Value> = (0..501)
        .map(|row| json!({ "row": row, "promotion": {} }))
        .collect();
    let too_many = shop.staff.post(path, json!({ "rows": many }));
    too_many.refused(413, "promotion.too_many_rows").await;
    // Those that cannot be read are rows as well.
    let too_many = shop.staff.post(path, json!({ "rows": vec![0; 501] }));
    too_many.refused(413, "promotion.too_many_rows").await;
}

#[tokio::test]
async fn a_row_that_gives_a_field_twice_is_refused_and_no_other() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let sku = unique("SKU");
    let price = |amount: &str| format!(r#"{{ "amount": {amount}, "currency": "GBP" }}"#);
    let row = |number: usize, price: &str| {
        format!(r#"{{ "row": {number}, "sku": "{sku}-{number}", "title": "Cup", {price} }}"#)
    };
    let (one, two) = (price("1000"), price("1"));
    let rows = [
        row(1, &format!(r#""price": {one}, "price": {two}"#)),
        row(2, &format!(r#""price": {}"#, price(r#"1000, "amount": 1"#))),
        row(3, &format!(r#""price": {one}"#)),
    ];
    let body = format!(r#"{{ "rows": [{}] }}"#, rows.join(","));
    let call = shop.staff.call(Method::POST, "/admin/catalog/import");
    let imported = call.text(body).ok(200).await;
    let told = |at: usize| {
        let result = &imported["results"][at];
        (result["outcome"].clone(), result["message"].clone())
    };
    assert_eq!(told(0), (json!("refused"), json!("price must be given once")));
    assert_eq!(
        told(1),
        (json!("refused"), json!("price.amount must be given once"))
    );
    assert_eq!(told(2), (json!("created"), Value::Null));
}

#[tokio::test]
async fn prices_by_lists_are_imported_row_by_row_and_a_second_time_for_nothing() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let path = "/admin/price-lists/import";
    let (cup, plate) = (shop.variant(500, None).await, shop.variant(900, None).await);
    let row = |row: u8, list: &str, sku: &str, from: u32, price: &str| {
        json!({
            "row": row, "price_list": { "name": list, "groups": ["trade"] }, "sku": sku, "from_quantity": from,
            "price": { "unit_price": price, "currency": "GBP" },
        })
    };
    let rows = json!([
        row(1, "Trade", &cup.sku, 1, "4.00"),
        row(2, "Trade", &cup.sku, 10, "3.50"),
        row(3, "Trade", &plate.sku, 1, "8.00"),
        row(4, "Trade", "NOBODY'S", 1, "1.00"),
        row(5, "Trade", &plate.sku, 0, "1.00"),
        row(6, "Trade", &plate.sku, 2, "one"),
    ]);
    let expected = |outcome| {
        ends(&[
            (&cup.sku, outcome),
            (&cup.sku, outcome),
            (&plate.sku, outcome),
            ("NOBODY'S", "variant.not_found"),
            (&plate.sku, "request.invalid_fields"),
            (&plate.sku, "import.unreadable_row"),
        ])
    };
    assert_eq!(send(&shop, path, rows.clone()).await, expected("created"));
    assert_eq!(send(&shop, path, rows).await, expected("unchanged"));
    let lists = shop.list("/admin/price-lists").await;
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert_eq!(
        (&lists[0]["name"], &lists[0]["groups"]),
        (&json!("Trade"), &json!(["trade"]))
    );
    let change = json!([row(1, "Trade", &cup.sku, 1, "4.25")]);
    assert_eq!(send(&shop, path, change).await, ends(&[(&cup.sku, "updated")]));
    let variant = shop
        .staff
        .get(&format!("/admin/variants/{}", cup.id))
        .ok(200)
        .await;
    let prices = variant["list_prices"].as_array().expect("a list");
    let prices: Vec<_> = prices
        .iter()
        .map(|row| (&row["from_quantity"], &row["price"]))
        .collect();
    assert_eq!(prices, [(&json!(1), &pence(425)), (&json!(10), &pence(350))]);
}

#[tokio::test]
async fn files_of_promotions_and_price_lists_are_loaded() {
    let OpenShop { server, shop, .. } = OpenShop::fresh().await;
    let sku = unique("SKU");
    shop.variant_named(&sku, 500, None).await;
    let write = |name: &str, text: &str| written(&server, name, text);
    let promotions = write(
        "promotions.csv",
        "name,code,off,percentage,amount,currency,subtotal_from,enabled\n\
         Ten per cent,TEN,,0.1,,,,yes\n\
         Five off,FIVE,order,,5.00,GBP,50.00,yes\n\
         Free post,,shipping,1,,,,yes\n\
         Odd,ODD,order,,5,,,yes\n",
    );
    let prices = write(
        "prices.csv",
        &format!("list,sku,price,currency,from_quantity\nTrade,{sku},3.5,GBP,10\n"),
    );
    for (file, flag, first, second, code) in [
        (
            &promotions,
            "--promotions",
            "created 3, updated 0, unchanged 0, refused 1",
            "created 0, updated 0, unchanged 3, refused 1",
            1,
        ),
        (
            &prices,
            "--price-lists",
            "created 1, updated 0, unchanged 0, refused 0",
            "created 0, updated 0, unchanged 1, refused 0",
            0,
        ),
    ] {
        for summary in [first, second] {
            client(&server, &["import", file, flag])
                .await
                .check(code, &[summary]);
        }
    }
    let held = shop.list("/admin/promotions").await;
    let five = held
        .iter()
        .find(|promotion| promotion["code"] == "FIVE")
        .expect("it is there");
    assert_eq!(five["actions"][0]["fixed"], pence(500));
    assert_eq!(five["conditions"]["subtotal_from"], pence(5_000));
}

/// What the promotions of the codes are in both stores.
const LETTERS: &str = "name,code,requires_code,percentage,enabled\n\
                       Spring letter,,yes,0.1,yes\n\
                       Autumn letter,AUTUMN,yes,0.2,yes\n";

/// Exports codes and returns those of each promotion, with whether they were used.
async fn exported(server: &Server, name: &str, arguments: &[&str]) -> Vec<String> {
    let file = server.directory().folder().join(name).display().to_string();
    let export = [&["export", "--codes", &file], arguments].concat();
    client(server, &export).await.check(0, &[]);
    let text = std::fs::read_to_string(file).expect("the export was written");
    let (heading, rows) = text.split_once('\n').expect("it has a heading");
    assert_eq!(heading, "code,promotion,used,created");
    let without_time = |row: &str| row.rsplit_once(',').map(|(row, _)| row.to_owned());
    rows.lines().filter_map(without_time).collect()
}

#[tokio::test]
async fn codes_go_out_of_one_store_and_into_another_and_are_the_same() {
    let stores = [Server::fresh(), Server::fresh()];
    for server in &stores {
        let letters = written(server, "promotions.csv", LETTERS);
        client(server, &["import", &letters, "--promotions"])
            .await
            .check(0, &["created 2"]);
    }
    let [from, to] = &stores;
    // More than a batch and many pages.
    let mut rows = String::from("promotion,code,used\n");
    for number in 0..700 {
        rows.push_str(&format!(
            "Spring letter,spring-{number:04},\nautumn,AUTUMN-{number:04},no\n"
        ));
    }
    rows.push_str("Spring letter,SPRING-USED,yes\n");
    let bad = "Winter letter,WINTER-1,\nSpring letter,no good,\nSpring letter,AUTUMN-0000,\n,LOST,\nautumn,ODD,once\n";
    let codes = written(from, "codes.csv", &format!("{rows}{bad}"));
    let import = ["import", codes.as_str(), "--codes"];
    let dry = client(from, &[&import[..], &["--dry-run"]].concat()).await;
    dry.check(1, &["1404 rows could be sent, 2 are refused; nothing was sent"]);
    for summary in [
        "created 1401, updated 0, unchanged 0, refused 5",
        "created 0, updated 0, unchanged 1401, refused 5",
    ] {
        let run = client(from, &import).await;
        run.check(1, &[summary]);
        let mut refused = run.lines_of("refused\t");
        refused.sort_unstable();
        let expected = [
            "refused\tline 1403\tWINTER-1\tpromotion.not_found: no promotion has the id, the code or the name \
             \"Winter letter\"; import it first",
            "refused\tline 1404\tno good\tpromotion.invalid_code: a coupon code is 1 to 64 letters, digits, - and _",
            "refused\tline 1405\tAUTUMN-0000\tpromotion.code_taken: another promotion has the coupon code AUTUMN-0000",
            "refused\tline 1406\t\tit has no promotion",
            "refused\tline 1407\t\tused: \"once\" is neither yes nor no",
        ];
        assert_eq!(refused, expected);
    }

    // One that was used at a till goes out and in as used, too.
    let attempts = json!([{ "code": "AUTUMN-0007", "redeem": true }, { "code": "SPRING-USED" }]);
    let till = from.staff();
    let judged = till.post("/admin/promotions/judge", json!({ "attempts": attempts }));
    let judged = judged.key("till").ok(200).await;
    assert_eq!(judged["verdicts"][0]["ok"], true);
    assert_eq!(judged["verdicts"][1]["error"], "coupon.limit_reached");

    let out = exported(from, "out.csv", &[]).await;
    assert_eq!(out.len(), 1401);
    let used: Vec<&String> = out.iter().filter(|row| row.ends_with(",yes")).collect();
    assert_eq!(used, ["AUTUMN-0007,AUTUMN,yes", "SPRING-USED,Spring letter,yes"]);
    let file = from.directory().folder().join("out.csv").display().to_string();
    for summary in ["created 1401", "created 0, updated 0, unchanged 1401, refused 0"] {
        client(to, &["import", &file, "--codes"])
            .await
            .check(0, &[summary]);
    }
    assert_eq!(exported(to, "again.csv", &[]).await, out);
    let autumn = exported(to, "autumn.csv", &["--promotion", "autumn"]).await;
    assert_eq!(autumn.len(), 700);
    // What was used since the export leaves the other store in its next run.
    let moved = written(to, "moved.csv", "code,promotion,used\nAUTUMN-0001,AUTUMN,yes\n");
    client(to, &["import", &moved, "--codes"])
        .await
        .check(0, &["created 0, updated 1"]);
}

/// Returns the variant of a SKU.
pub(crate) async fn variant_by(shop: &Shop, sku: &str) -> Value {
    let found = shop
        .staff
        .get(&format!("/admin/variants?sku={sku}"))
        .ok(200)
        .await;
    found["items"][0].clone()
}

/// Imports one row of the catalog and returns its outcome, or the code that refused it.
pub(crate) async fn import_row(shop: &Shop, mut row: Value) -> String {
    row["row"] = json!(1);
    let results = send(shop, "/admin/catalog/import", json!([row])).await;
    results[0].1.clone()
}

#[tokio::test]
async fn a_catalog_row_that_is_refused_changes_nothing() {
    let OpenShop {
        server: _server,
        shop,
        method,
    } = OpenShop::fresh().await;
    let path = "/admin/products";
    let made = shop.list(path).await.len();
    for row in [
        json!({ "sku": "NEW", "price": pence(9), "stock": 10_000_000_000_000_u64 }),
        json!({ "sku": "NEW", "price": pence(9), "stock": 5, "categories": ["Bad Handle!"] }),
        json!({ "sku": "NEW", "price": pence(9), "stock": 5, "tax_category": "" }),
    ] {
        assert_eq!(import_row(&shop, row).await, "request.invalid_fields");
        assert_eq!(variant_by(&shop, "NEW").await, Value::Null);
        assert_eq!(shop.list(path).await.len(), made);
    }

    let known = shop.variant(500, Some(5)).await;
    shop.buy(&shop.guest().await, &method, &[(&known, 4)]).await;
    let state = async || {
        let product = shop
            .staff
            .get(&format!("/admin/variants/{}", known.id))
            .ok(200)
            .await;
        let product = product["product_id"].as_str().unwrap_or_default().to_owned();
        let product = shop
            .staff
            .get(&format!("/admin/products/{product}"))
            .ok(200)
            .await;
        (product, shop.stock(&known).await)
    };
    let before = state().await;
    for (row, code) in [
        (json!({ "stock": 3 }), "inventory.below_committed"),
        (
            json!({ "stock": 9, "categories": ["Bad Handle!"] }),
            "request.invalid_fields",
        ),
        (
            json!({ "stock": 9, "image_url": "nowhere" }),
            "request.invalid_fields",
        ),
        (
            json!({ "stock": 9, "price": pence(-1) }),
            "request.invalid_fields",
        ),
    ] {
        let mut whole = json!({ "sku": known.sku, "title": "Other", "price": pence(900) });
        for (name, value) in row.as_object().expect("a row") {
            whole[name] = value.clone();
        }
        assert_eq!(import_row(&shop, whole).await, code);
        assert_eq!(state().await, before);
    }
}

#[tokio::test]
async fn a_sku_whose_variant_has_another_now_is_imported_as_a_new_one() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let mut ids = Vec::new();
    for renamed in ["Y", "Z"] {
        let row = json!({ "sku": "X", "title": "Lamp", "price": pence(100), "stock": 3 });
        assert_eq!(import_row(&shop, row.clone()).await, "created");
        assert_eq!(import_row(&shop, row).await, "unchanged");
        let variant = variant_by(&shop, "X").await;
        let path = format!("/admin/variants/{}", variant["id"].as_str().unwrap_or_default());
        shop.staff.patch(&path, json!({ "sku": renamed })).ok(200).await;
        ids.push((variant["id"].clone(), variant["product_id"].clone()));
    }
    let row = json!({ "sku": "X", "title": "Lamp", "price": pence(100), "stock": 3 });
    assert_eq!(import_row(&shop, row).await, "created");
    for (sku, (variant, product)) in ["Y", "Z"].iter().zip(&ids) {
        let held = variant_by(&shop, sku).await;
        assert_eq!((&held["id"], &held["product_id"]), (variant, product));
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_row_of_any_import_that_cannot_be_read_refuses_no_other() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let cup = shop.variant(500, None).await;
    let ada = json!({ "external_id": "A-1" });
    shop.staff.post("/admin/customers", ada).ok(201).await;
    let letter = json!({ "name": "Letter", "requires_code": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    shop.staff.post("/admin/promotions", letter).ok(201).await;
    let sku = cup.sku.as_str();
    // For each import a good row, fields that make it a bad one, and the field of which its refusal tells.
    for (path, good, bad, field) in [
        (
            "catalog",
            json!({ "sku": "IMP-1" }),
            json!({ "stock": -1 }),
            "stock: ",
        ),
        (
            "catalog",
            json!({ "sku": "IMP-2" }),
            json!({ "price": { "amount": 1.5, "currency": "GBP" } }),
            "price.amount: ",
        ),
        ("catalog", json!({ "sku": "IMP-3" }), json!({ "sku": 3 }), "sku: "),
        (
            "catalog",
            json!({ "sku": "IMP-4" }),
            json!({ "row": "two" }),
            "row: ",
        ),
        (
            "price-lists",
            json!({ "price_list": { "name": "Trade" }, "sku": sku, "price": pence(400) }),
            json!({ "from_quantity": "ten" }),
            "from_quantity: ",
        ),
        (
            "tax",
            json!({ "place": "FR", "name": "VAT", "rate": "0.2" }),
            json!({ "rate": 0.1 }),
            "rate: ",
        ),
        (
            "store-credit",
            json!({ "customer": "A-1", "amount": pence(100), "reason": "moved" }),
            json!({ "amount": { "amount": 100, "currency": "ZZZ" } }),
            "amount.currency: ",
        ),
        (
            "gift-cards",
            json!({ "gift_card": { "code": "OLDC00000001", "amount": pence(100) } }),
            json!({ "customer": 1 }),
            "customer: ",
        ),
        (
            "promotions/codes",
            json!({ "promotion": "Letter", "code": "SPRING-1" }),
            json!({ "used": "yes" }),
            "used: ",
        ),
        (
            "promotions",
            json!({ "promotion": { "name": "Ten", "actions": [{ "type": "order", "percentage": "0.1" }] } }),
            json!({ "promotion": { "name": "Ten", "priority": "high" } }),
            "promotion.priority: ",
        ),
        (
            "customers",
            json!({ "customer": { "external_id": "B-2" } }),
            json!({ "customer": { "external_id": "B-2", "groups": "vip" } }),
            "customer.groups: ",
        ),
    ] {
        let (mut first, mut second) = (good.clone(), good);
        first["row"] = json!(1);
        second["row"] = json!(2);
        for (name, value) in bad.as_object().expect("fields") {
            second[name] = value.clone();
        }
        let number = second["row"].as_u64().unwrap_or_default();
        let call = shop.staff.post(
            &format!("/admin/{path}/import"),
            json!({ "rows": [second, 7, first] }),
        );
        let told = call.ok(200).await;
        let results = told["results"].as_array().expect("a list");
        assert_eq!(results.len(), 3, "{told}");
        for (result, row) in results.iter().zip([number, 0]) {
            assert_eq!(
                (&result["row"], &result["outcome"]),
                (&json!(row), &json!("refused")),
                "{told}"
            );
            assert_eq!(result["error"], "import.unreadable_row", "{told}");
        }
        let message = results[0]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(field), "{path}: {message:?}");
        assert_eq!(
            (&results[2]["row"], &results[2]["outcome"]),
            (&json!(1), &json!("created")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_row_that_is_too_large_to_be_sent_is_refused_by_its_line_and_stops_no_other() {
    let OpenShop { server, shop, .. } = OpenShop::fresh().await;
    let (large, huge) = ("x".repeat(1_500_000), "y".repeat(3_000_000));
    // Together they are more than the server takes at once.
    let larges = |rest: &str| -> String { (0..7).map(|number| format!("{number}{rest}\n")).collect() };
    let catalog = written(
        &server,
        "catalog.csv",
        &format!(
            "sku,title\nCUP,Cup\nHUGE,\"{huge}\n\"\n{}{huge},Cup\nPOT,Pot\n",
            larges(&format!(",{large}"))
        ),
    );
    let promotions = written(
        &server,
        "promotions.csv",
        &format!(
            "name,percentage\nTen,0.1\n{huge},0.1\n{}Five,0.05\n",
            larges(&format!("{large},0.1"))
        ),
    );
    let too_large = "is a quotation mark closed too late?";
    for (file, flags, refused, list) in [
        (&catalog, &[][..], 2, "/admin/products"),
        (&promotions, &["--promotions"], 1, "/admin/promotions"),
    ] {
        let arguments = [&["import", file.as_str()], flags].concat();
        let dry = client(&server, &[&arguments[..], &["--dry-run"]].concat()).await;
        dry.check(
            1,
            &[&format!(
                "9 rows could be sent, {refused} are refused; nothing was sent"
            )],
        );
        let run = client(&server, &arguments).await;
        let refused = refused + 7;
        run.check(
            1,
            &[&format!("created 2, updated 0, unchanged 0, refused {refused}")],
        );
        for run in [dry, run] {
            let refused = run.lines_of("refused\tline 3\t");
            assert!(
                refused.len() == 1 && refused[0].ends_with(too_large),
                "{refused:?}"
            );
        }
        assert_eq!(shop.list(list).await.len(), 2);
    }
}

#[tokio::test]
async fn every_import_takes_two_mebibytes_of_rows() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let long = "x".repeat(2 << 20);
    for path in [
        "catalog",
        "customers",
        "gift-cards",
        "price-lists",
        "promotions",
        "promotions/codes",
        "store-credit",
        "tax",
    ] {
        let rows = json!({ "rows": [{ "row": 1, "note": long }] });
        let told = shop
            .staff
            .post(&format!("/admin/{path}/import"), rows)
            .ok(200)
            .await;
        assert_eq!(told["results"][0]["error"], "import.unreadable_row", "{path}");
    }
}
