//! The catalog: what staff makes, what shoppers see of it, and what can be had.

use crate::support::{Client, OpenShop, Server, pence, unique};
use serde_json::{Value, json};

fn id(entity: &Value) -> &str {
    entity["id"].as_str().unwrap_or_default()
}

async fn check_bad_sku(staff: &Client, sku: &str) {
    let body =
        json!({ "title": "x", "handle": unique("bad"), "status": "active", "variants": [{ "sku": sku }] });
    let problem = staff
        .post("/admin/products", body)
        .refused(422, "request.invalid_fields")
        .await;
    let error = &problem["errors"][0];
    assert_eq!(error["code"], "catalog.invalid_sku", "{sku:?}: {problem}");
    assert_eq!(error["pointer"], "/variants/0/sku", "{problem}");
}

#[tokio::test]
async fn variants_that_are_made_in_one_millisecond_stay_in_the_order_given() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let skus: Vec<String> = (0..100).map(|_| unique("SIZE")).collect();
    let variants: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
    let body =
        json!({ "title": "Shirt", "handle": unique("shirt"), "status": "active", "variants": variants });
    let made = shop.staff.post("/admin/products", body).ok(201).await;
    let shown = made["variants"].as_array().into_iter().flatten();
    let shown: Vec<&str> = shown.filter_map(|variant| variant["sku"].as_str()).collect();
    assert_eq!(shown, skus);
}

#[tokio::test]
async fn a_product_is_made_with_its_variants_and_shown_by_id_and_by_handle() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let (handle, sku) = (unique("blue-mug"), unique("MUG"));
    let body = json!({
        "title": "Blue mug",
        "handle": handle,
        "description": "Holds tea.",
        "images": [{ "url": "https://img.example.com/mug.jpg", "alt": "A mug" }],
        "status": "active",
        "variants": [{
            "sku": sku, "title": "Blue mug, large", "price": pence(1250), "tax_category": "standard",
            "weight_grams": 310, "options": { "size": "large" },
        }],
    });
    let made = shop.staff.post("/admin/products", body).send().await;
    let location = made.header("location").unwrap_or_default().to_owned();
    let product = made.expect(201);
    assert_eq!(location, format!("/api/v1/admin/products/{}", id(&product)));
    assert!(id(&product).starts_with("prod_") && id(&product).len() == "prod_".len() + 32);
    assert_eq!(
        product["images"],
        json!([{ "url": "https://img.example.com/mug.jpg", "alt": "A mug" }])
    );
    assert_eq!(
        (&product["title"], &product["status"]),
        (&json!("Blue mug"), &json!("active"))
    );

    let variant = &product["variants"][0];
    assert_eq!(variant["price"], pence(1250));
    assert_eq!(variant["options"], json!({ "size": "large" }));
    assert_eq!(
        (&variant["weight_grams"], &variant["tax_category"]),
        (&json!(310), &json!("standard"))
    );
    assert_eq!(
        (&variant["for_sale"], &variant["available"]),
        (&json!(true), &json!(null))
    );

    let guest = server.guest();
    let by_id = guest.get(&format!("/products/{}", id(&product))).send().await;
    assert_eq!(by_id.etag(), by_id.json["version"].as_u64());
    let by_id = by_id.expect(200);
    let by_handle = guest.get(&format!("/products/{handle}")).ok(200).await;
    // What is for staff alone, shoppers do not see.
    let mut public = product.clone();
    let variants = public["variants"].as_array_mut().into_iter().flatten();
    for fields in variants.filter_map(Value::as_object_mut) {
        for secret in ["minimum_prices", "list_prices"] {
            assert!(fields.remove(secret).is_some(), "staff see {secret}");
        }
    }
    assert_eq!((&by_id, &by_id), (&by_handle, &public));
    let shown = guest.get(&format!("/variants/{}", id(variant))).ok(200).await;
    assert_eq!(
        (&shown["product_id"], &shown["sku"]),
        (&product["id"], &json!(sku))
    );
}

#[tokio::test]
async fn lists_are_paged_by_cursor_without_gap_or_repeat() {
    let server = Server::fresh();
    let shop = server.shop();
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(shop.variant(100, None).await.product_id);
    }
    let guest = server.guest();
    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = guest.get(&format!("/products?limit=3{cursor}")).ok(200).await;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 3);
        found.extend(items.iter().map(|product| id(product).to_owned()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    found.sort();
    made.sort();
    assert_eq!((found, pages), (made, 3));

    guest
        .get("/products?limit=0")
        .refused(400, "page.limit_out_of_range")
        .await;
    guest
        .get("/products?limit=101")
        .refused(400, "page.limit_out_of_range")
        .await;
    let whole = guest.get("/products?limit=100").ok(200).await;
    assert_eq!(whole["items"].as_array().map(Vec::len), Some(7));
    assert_eq!(whole["next_cursor"], json!(null));
    guest
        .get("/products?cursor=nonsense")
        .refused(400, "page.invalid_cursor")
        .await;
    // Of the same products, but another list.
    let page = guest.get("/products?limit=3").ok(200).await;
    let cursor = page["next_cursor"].as_str().unwrap_or_default();
    let of_staff = format!("/admin/products?cursor={cursor}");
    let refused = shop.staff.get(&of_staff);
    refused.refused(400, "page.invalid_cursor").await;
}

#[tokio::test]
async fn shoppers_see_active_products_only() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = server.guest();
    let (product, shown) = (
        format!("/products/{}", variant.product_id),
        format!("/variants/{}", variant.id),
    );
    for status in ["draft", "archived"] {
        let change = json!({ "status": status });
        shop.staff
            .patch(&format!("/admin{product}"), change)
            .ok(200)
            .await;
        guest.get(&product).refused(404, "product.not_found").await;
        guest.get(&shown).refused(404, "variant.not_found").await;
        let found = guest.get(&format!("/variants?sku={}", variant.sku)).ok(200).await;
        assert_eq!(found["items"], json!([]));
        assert_eq!(
            shop.staff.get(&format!("/admin{product}")).ok(200).await["status"],
            status
        );
        let buyer = shop.guest().await;
        let add = buyer.post("/carts/current/lines", json!({ "variant_id": variant.id }));
        let problem = add.refused(409, "cart.not_for_sale").await;
        assert_eq!(problem["details"]["sku"], variant.sku);
    }
    shop.staff
        .patch(&format!("/admin{product}"), json!({ "status": "active" }))
        .ok(200)
        .await;
    guest.get(&product).ok(200).await;
}

#[tokio::test]
async fn a_handle_belongs_to_one_product() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let handle = unique("one");
    let body = json!({ "title": "One", "handle": handle, "status": "active" });
    let first = shop.staff.post("/admin/products", body.clone()).ok(201).await;
    let problem = shop
        .staff
        .post("/admin/products", body)
        .refused(409, "product_handle.taken")
        .await;
    assert_eq!(problem["details"]["holder"], first["id"]);

    let other = json!({ "title": "Two", "handle": unique("two"), "status": "active" });
    let other = shop.staff.post("/admin/products", other).ok(201).await;
    let path = format!("/admin/products/{}", id(&other));
    let rename = json!({ "handle": handle });
    shop.staff
        .patch(&path, rename.clone())
        .refused(409, "product_handle.taken")
        .await;
    // Once the first has another name the handle is free.
    let away = json!({ "handle": unique("away") });
    shop.staff
        .patch(&format!("/admin/products/{}", id(&first)), away)
        .ok(200)
        .await;
    assert_eq!(shop.staff.patch(&path, rename).ok(200).await["handle"], handle);
}

#[tokio::test]
async fn a_sku_belongs_to_one_variant_and_counts_its_capitals() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let sku = unique("85123A");
    let upper = shop.variant_named(&sku, 255, None).await;
    let lower = shop.variant_named(&sku.to_lowercase(), 295, None).await;
    assert_ne!(upper.id, lower.id);

    let guest = server.guest();
    for variant in [&upper, &lower] {
        let found = guest.get(&format!("/variants?sku={}", variant.sku)).ok(200).await;
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(found["items"][0]["id"], variant.id);
    }
    let again = json!({ "sku": sku, "price": pence(1) });
    let path = format!("/admin/products/{}/variants", lower.product_id);
    let problem = shop.staff.post(&path, again).refused(409, "sku.taken").await;
    assert_eq!(problem["details"]["holder"], upper.id);
}

#[tokio::test]
async fn a_sku_has_1_to_64_printable_characters() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    check_bad_sku(&shop.staff, "").await;
    check_bad_sku(&shop.staff, " leading").await;
    check_bad_sku(&shop.staff, "trailing ").await;
    check_bad_sku(&shop.staff, "tab\there").await;
    check_bad_sku(&shop.staff, &"x".repeat(65)).await;
    let longest = format!("{:x<64}", unique("L"));
    assert_eq!(longest.len(), 64);
    shop.variant_named(&longest, 1, None).await;
    let spaced = unique("BANK CHARGES");
    let variant = shop.variant_named(&spaced, 1, None).await;
    let found = shop
        .staff
        .get(&format!("/admin/variants?sku={}", spaced.replace(' ', "%20")));
    assert_eq!(found.ok(200).await["items"][0]["id"], variant.id);
}

#[tokio::test]
async fn a_variant_without_a_price_is_not_for_sale() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(500, Some(7)).await;
    let path = format!("/admin/variants/{}/price", variant.id);
    shop.staff.put(&path, Value::Null).ok(200).await;
    let shown = server
        .guest()
        .get(&format!("/variants/{}", variant.id))
        .ok(200)
        .await;
    assert_eq!(
        (&shown["price"], &shown["for_sale"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(shown["available"], 7);
    let guest = shop.guest().await;
    let add = guest.post("/carts/current/lines", json!({ "sku": variant.sku }));
    add.refused(409, "cart.not_for_sale").await;
    // A free thing has a price: 0.
    shop.set_price(&variant, 0).await;
    let add = guest.post("/carts/current/lines", json!({ "sku": variant.sku }));
    assert_eq!(add.ok(200).await["totals"]["total"], pence(0));
}

#[tokio::test]
async fn a_shop_sells_in_several_currencies() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let of = |currency: &str, amount: i64| json!({ "amount": amount, "currency": currency });
    let guest = shop.guest().await;
    let open = async |currency: &str| guest.post("/carts", json!({ "currency": currency }));
    let refused = open("EUR").await.refused(422, "currency.not_offered").await;
    assert_eq!(refused["details"]["offered"], json!(["GBP"]));
    let settings = shop
        .settings(json!({ "currencies": ["JPY", "EUR", "GBP"] }))
        .await;
    assert_eq!(
        (&settings["currency"], &settings["currencies"]),
        (&json!("GBP"), &json!(["EUR", "JPY"]))
    );

    let sku = unique("SKU");
    let prices = [of("GBP", 200), of("EUR", 250)];
    let body = json!({
        "title": "Cup",
        "status": "active",
        "variants": [{ "sku": sku, "prices": prices }],
    });
    let product = shop.staff.post("/admin/products", body).ok(201).await;
    let variant = product["variants"][0].clone();
    assert_eq!(variant["price"], of("GBP", 200));
    assert_eq!(variant["prices"], json!([of("EUR", 250), of("GBP", 200)]));

    open("EUR").await.ok(201).await;
    let add = async || guest.post("/carts/current/lines", json!({ "sku": sku, "quantity": 2 }));
    let cart = add().await.ok(200).await;
    assert_eq!(cart["currency"], "EUR");
    assert_eq!(cart["totals"]["total"], of("EUR", 500));
    // Another price in euros; the one in pounds stays.
    let path = format!("/admin/variants/{}", id(&variant));
    let change = json!({ "price": of("EUR", 300) });
    let changed = shop.staff.patch(&path, change).ok(200).await;
    assert_eq!(changed["prices"], json!([of("EUR", 300), of("GBP", 200)]));
    // As it was shown it can be sent back.
    let shown = json!({ "price": changed["price"], "prices": changed["prices"] });
    let again = shop.staff.patch(&path, shown).ok(200).await;
    assert_eq!(again["version"], changed["version"]);
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(cart["lines"][0]["unit_price"], of("EUR", 300));
    assert_eq!(cart["lines"][0]["unit_price_when_added"], of("EUR", 250));

    open("JPY").await.ok(201).await;
    let refused = add().await.refused(409, "cart.no_price").await;
    assert_eq!(refused["details"]["currency"], "JPY");
    assert_eq!(refused["details"]["sku"], json!(sku));
    let row = json!({ "row": 1, "sku": sku, "title": "Cup", "price": of("JPY", 400) });
    let import = async || {
        let body = json!({ "rows": [row] });
        let done = shop.staff.post("/admin/catalog/import", body).ok(200).await;
        done["results"][0]["outcome"].clone()
    };
    assert_eq!(
        (import().await, import().await),
        (json!("updated"), json!("unchanged"))
    );
    assert_eq!(add().await.ok(200).await["totals"]["total"], of("JPY", 800));

    let twice = json!({ "prices": [of("JPY", 1), of("GBP", 2), of("JPY", 3)] });
    let problem = shop
        .staff
        .patch(&path, twice)
        .refused(422, "request.invalid_fields")
        .await;
    let error = &problem["errors"][0];
    assert_eq!(
        (&error["pointer"], &error["code"]),
        (&json!("/prices/2"), &json!("catalog.duplicate_price"))
    );
    let none = shop.staff.patch(&path, json!({ "price": null })).ok(200).await;
    assert_eq!((&none["prices"], &none["for_sale"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn a_unit_price_may_have_six_decimals() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(1, None).await;
    let path = format!("/admin/variants/{}/price", variant.id);
    let fine = json!({ "unit_price": "0.001", "currency": "GBP" });
    assert_eq!(shop.staff.put(&path, fine.clone()).ok(200).await["price"], fine);
    let guest = shop.guest().await;
    for (quantity, total) in [(4, 0), (5, 1), (14, 1), (15, 2)] {
        let cart = shop.cart(&guest, &[(&variant, quantity)]).await;
        assert_eq!(cart["lines"][0]["unit_price"], fine);
        assert_eq!(cart["lines"][0]["total"], pence(total), "{quantity} units");
    }
    let whole = json!({ "unit_price": "2.5500", "currency": "GBP" });
    assert_eq!(shop.staff.put(&path, whole).ok(200).await["price"], pence(255));
    for bad in [
        json!({ "unit_price": "0.0000001", "currency": "GBP" }),
        json!({ "unit_price": 0.5, "currency": "GBP" }),
        json!({ "amount": 1.5, "currency": "GBP" }),
        json!({ "amount": 1, "currency": "DEM" }),
        json!({ "amount": 1 }),
    ] {
        shop.staff
            .put(&path, bad)
            .refused(400, "request.invalid_fields")
            .await;
    }
}

#[tokio::test]
async fn stock_is_what_is_on_hand_less_what_is_held() {
    let OpenShop { server, shop, method } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let (guest, path) = (server.guest(), format!("/variants/{}", variant.id));
    let stock_path = format!("/admin{path}/stock");
    let available = async || guest.get(&path).ok(200).await["available"].clone();
    let untracked = shop.stock(&variant).await;
    assert_eq!(
        (&untracked["tracked"], &untracked["available"]),
        (&json!(false), &Value::Null)
    );

    shop.set_stock(&variant, 10).await;
    assert_eq!(available().await, 10);
    let kept_back = json!({ "tracked": true, "on_hand": 10, "buffer": 3 });
    let stock = shop.staff.put(&stock_path, kept_back).ok(200).await;
    assert_eq!(
        (&stock["available"], &stock["buffer"], &stock["location"]),
        (&json!(7), &json!(3), &json!("default"))
    );
    // Shoppers hear of nothing less than nothing.
    let too_few = json!({ "tracked": true, "on_hand": 3, "buffer": 10 });
    let stock = shop.staff.put(&stock_path, too_few).ok(200).await;
    assert_eq!((&stock["available"], available().await), (&json!(-7), json!(0)));
    let backorder = json!({ "tracked": true, "on_hand": 10, "buffer": -2 });
    shop.staff.put(&stock_path, backorder).ok(200).await;
    assert_eq!(available().await, 12);

    shop.buy(&shop.guest().await, &method, &[(&variant, 4)]).await;
    assert_eq!(available().await, 8);
    assert_eq!(shop.units(&variant).await, (10, 0, 4));

    let adjust = format!("{stock_path}/adjustments");
    let came = json!({ "delta": 5, "reason": "delivery", "reference": "PO-1" });
    assert_eq!(shop.staff.post(&adjust, came).ok(200).await["on_hand"], 15);
    let problem = shop
        .staff
        .post(&adjust, json!({ "delta": -16, "reason": "lost" }))
        .refused(409, "inventory.below_zero")
        .await;
    assert_eq!(problem["details"], json!({ "on_hand": 15, "delta": -16 }));
    // Four are promised to an order, and two may be missing: fewer than two is refused.
    let problem = shop
        .staff
        .put(&stock_path, json!({ "tracked": true, "on_hand": 1 }))
        .refused(409, "inventory.below_committed")
        .await;
    assert_eq!(problem["details"]["allocated"], 4);
    shop.staff
        .put(&stock_path, json!({ "tracked": true, "on_hand": 2 }))
        .ok(200)
        .await;
    assert_eq!(available().await, 0);
}

#[tokio::test]
async fn writes_honor_if_match() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(5)).await;
    for (path, change) in [
        (
            format!("/admin/products/{}", variant.product_id),
            json!({ "title": unique("Title") }),
        ),
        (
            format!("/admin/variants/{}", variant.id),
            json!({ "title": unique("Title") }),
        ),
    ] {
        let version = shop.staff.get(&path).ok(200).await["version"]
            .as_u64()
            .unwrap_or_default();
        let changed = shop.staff.patch(&path, change).if_match(version).send().await;
        assert_eq!(changed.etag(), Some(version + 1));
        changed.expect(200);
        let stale = shop
            .staff
            .patch(&path, json!({ "title": "late" }))
            .if_match(version);
        let problem = stale.refused(412, "version.stale").await;
        assert_eq!(problem["details"]["version"], version + 1);
    }
}

#[tokio::test]
async fn an_import_makes_updates_and_leaves_alone() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (priced, bare, stocked) = (unique("IMP"), unique("IMP"), unique("IMP"));
    let import = async |rows: Value| {
        let report = shop
            .staff
            .post("/admin/catalog/import", json!({ "rows": rows }))
            .ok(200)
            .await;
        report["results"].as_array().cloned().unwrap_or_default()
    };
    let rows = json!([
        { "row": 1, "sku": priced, "title": "Lantern", "price": pence(295), "weight_grams": 120 },
        { "row": 2, "sku": bare },
        { "row": 3, "sku": stocked, "price": { "unit_price": "0.039", "currency": "GBP" }, "stock": 12 },
    ]);
    let outcomes = |results: &[Value]| -> Vec<String> {
        let outcome = |result: &Value| result["outcome"].as_str().unwrap_or_default().to_owned();
        results.iter().map(outcome).collect()
    };
    let first = import(rows.clone()).await;
    assert_eq!(outcomes(&first), ["created", "created", "created"]);
    assert_eq!((&first[1]["row"], &first[1]["sku"]), (&json!(2), &json!(bare)));

    let variant = async |sku: &str| {
        shop.staff
            .get(&format!("/admin/variants?sku={sku}"))
            .ok(200)
            .await["items"][0]
            .clone()
    };
    let made = variant(&bare).await;
    assert_eq!((&made["title"], &made["price"]), (&json!(bare), &Value::Null));
    assert_eq!(
        (&made["for_sale"], &made["available"]),
        (&json!(false), &Value::Null)
    );
    let made = variant(&stocked).await;
    assert_eq!(made["price"], json!({ "unit_price": "0.039", "currency": "GBP" }));
    assert_eq!(
        (&made["for_sale"], &made["available"]),
        (&json!(true), &json!(12))
    );

    let version = variant(&priced).await["version"].clone();
    assert_eq!(
        outcomes(&import(rows).await),
        ["unchanged", "unchanged", "unchanged"]
    );
    assert_eq!(variant(&priced).await["version"], version);

    let dearer =
        json!([{ "row": 1, "sku": priced, "title": "Lantern", "price": pence(300), "weight_grams": 120 }]);
    assert_eq!(outcomes(&import(dearer).await), ["updated"]);
    assert_eq!(variant(&priced).await["price"], pence(300));
}

#[tokio::test]
async fn an_import_refuses_rows_one_by_one() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let good = unique("IMP");
    let rows = json!([
        { "row": 7, "sku": "", "title": "No code" },
        { "row": 8, "sku": "x".repeat(65) },
        { "row": 9, "sku": unique("IMP"), "price": pence(-1) },
        { "row": 10, "sku": good, "price": pence(1) },
    ]);
    let report = shop
        .staff
        .post("/admin/catalog/import", json!({ "rows": rows }))
        .ok(200)
        .await;
    let results = report["results"].as_array().cloned().unwrap_or_default();
    for (result, row) in results.iter().zip([7, 8, 9]) {
        assert_eq!(
            (&result["row"], &result["outcome"]),
            (&json!(row), &json!("refused")),
            "{result}"
        );
        let said = |field: &str| result[field].as_str().is_some_and(|text| !text.is_empty());
        assert!(said("error") && said("message"), "{result}");
    }
    assert_eq!(
        (&results[3]["row"], &results[3]["outcome"]),
        (&json!(10), &json!("created"))
    );

    let many: Vec<Value> = (0..501)
        .map(|row| json!({ "row": row, "sku": unique("MANY") }))
        .collect();
    let call = shop.staff.post("/admin/catalog/import", json!({ "rows": many }));
    call.refused(413, "catalog.too_many_rows").await;
    let none = json!({ "rows": [] });
    assert_eq!(
        shop.staff.post("/admin/catalog/import", none).ok(200).await["results"],
        json!([])
    );
}

#[tokio::test]
async fn a_product_whose_variants_share_a_sku_is_not_made() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (handle, sku) = (unique("twins"), unique("TWIN"));
    let body = |second: &str| {
        json!({
            "title": "Twins", "handle": handle, "status": "active",
            "variants": [{ "sku": sku, "price": pence(100) }, { "sku": second, "price": pence(100) }],
        })
    };
    let call = shop.staff.post("/admin/products", body(&sku));
    let problem = call.refused(422, "request.invalid_fields").await;
    let error = &problem["errors"][0];
    assert_eq!(
        (&error["pointer"], &error["code"]),
        (&json!("/variants/1/sku"), &json!("catalog.duplicate_sku"))
    );
    let found = shop
        .staff
        .get(&format!("/admin/variants?sku={sku}"))
        .ok(200)
        .await;
    assert_eq!(found["items"], json!([]));
    // With the handle and the SKU that the refused one would have taken.
    let made = shop.staff.post("/admin/products", body(&unique("TWIN")));
    let made = made.ok(201).await;
    let variants = made["variants"].as_array().expect("a list");
    // They come in the order of their ids, which are drawn.
    assert!(variants.iter().any(|variant| variant["sku"] == sku), "{made}");
}
