//! Price lists, prices to compare with, and minimum prices.

use crate::support::{OpenShop, id_of, pence, unique};
use serde_json::{Value, json};

#[tokio::test]
async fn a_price_list_counts_by_quantity_time_and_priority() {
    let OpenShop { server, shop, .. } = OpenShop::fresh().await;
    let make = async |body: Value| id_of(&shop.staff.post("/admin/price-lists", body).ok(201).await);
    let bulk = make(json!({ "name": "Bulk" })).await;
    let over = make(json!({ "name": "Last year", "priority": 5, "valid_until": "2020-01-01" })).await;
    let trade = make(json!({ "name": "Trade", "groups": ["trade"], "priority": 9 })).await;
    let variant = shop.variant(1_000, None).await;
    let path = format!("/admin/variants/{}", variant.id);
    let row = |list: &str, from: u32, price: i64| json!({ "price_list_id": list, "from_quantity": from, "price": pence(price) });
    let rows = [
        row(&bulk, 10, 800),
        row(&bulk, 100, 700),
        row(&over, 1, 1),
        row(&trade, 1, 2),
    ];
    let change = json!({
        "list_prices": rows,
        "compare_at_prices": [pence(1_200)],
        "minimum_prices": [pence(500)],
    });
    let changed = shop.staff.patch(&path, change).ok(200).await;
    assert_eq!(changed["list_prices"].as_array().map(Vec::len), Some(4));
    // Shoppers see what to compare with, and neither lists nor minimum.
    let guest = shop.guest().await;
    let seen = guest.get(&format!("/variants/{}", variant.id)).ok(200).await;
    assert_eq!(seen["compare_at_prices"], json!([pence(1_200)]));
    assert_eq!(
        (&seen["list_prices"], &seen["minimum_prices"]),
        (&Value::Null, &Value::Null)
    );

    let cart = shop.cart(&guest, &[(&variant, 9)]).await;
    assert_eq!(cart["lines"][0]["unit_price"], pence(1_000));
    let line = format!("/carts/{}/lines/{}", id_of(&cart), id_of(&cart["lines"][0]));
    for (quantity, price) in [(10, 800), (99, 800), (100, 700), (3, 1_000), (10, 800)] {
        let change = json!({ "quantity": quantity });
        let minimal = guest
            .patch(&line, change)
            .header("Prefer", "return=minimal")
            .ok(200)
            .await;
        assert_eq!(
            minimal["totals"]["total"],
            pence(quantity * price),
            "{quantity} units"
        );
        let cart = guest.get("/carts/current").ok(200).await;
        let shown = &cart["lines"][0];
        assert_eq!(shown["unit_price"], pence(price), "{quantity} units");
        assert_eq!(shown["unit_price_when_added"], pence(1_000));
    }
    // A customer of the group has the price of its list, also for what is added from then on.
    let customer = json!({ "email": "trade@example.com", "groups": ["trade"] });
    let customer = id_of(&shop.staff.post("/admin/customers", customer).ok(201).await);
    let keeper = guest.clone().with_token(server.token());
    let set = async |customer: Value| {
        let change = json!({ "customer_id": customer });
        keeper.patch("/carts/current", change).ok(200).await
    };
    let cart = set(json!(customer)).await;
    assert_eq!(cart["lines"][0]["unit_price"], pence(2));
    let other = json!({ "variant_id": variant.id, "options": { "wrap": "gift" } });
    let cart = guest.post("/carts/current/lines", other).ok(200).await;
    assert_eq!(cart["lines"][1]["unit_price_when_added"], pence(2));
    guest
        .delete(&format!("/carts/current/lines/{}", id_of(&cart["lines"][1])))
        .ok(200)
        .await;
    let cart = set(Value::Null).await;
    assert_eq!(cart["lines"][0]["unit_price"], pence(800));

    let list = format!("/admin/price-lists/{bulk}");
    let off = shop.staff.patch(&list, json!({ "enabled": false })).ok(200).await;
    assert_eq!(off["enabled"], json!(false));
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        cart["totals"]["total"],
        pence(10_000),
        "the usual price counts again"
    );
    // Every fault is named.
    let problem = shop
        .staff
        .patch(&path, json!({ "list_prices": [row(&bulk, 0, -1)] }))
        .refused(422, "request.invalid_fields")
        .await;
    let codes: Vec<&Value> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| &error["code"])
        .collect();
    assert_eq!(
        codes,
        [
            &json!("catalog.price_out_of_range"),
            &json!("catalog.quantity_zero")
        ]
    );
    shop.staff.delete(&list).ok(204).await;
    shop.staff.get(&list).refused(404, "price_list.not_found").await;
}

#[tokio::test]
async fn a_price_by_a_list_that_is_not_there_is_refused_by_name() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let list = json!({ "name": unique("List") });
    let list = id_of(&shop.staff.post("/admin/price-lists", list).ok(201).await);
    let variant = shop.variant(1_000, None).await;
    let path = format!("/admin/variants/{}", variant.id);
    let nowhere = "plist_0192f3a4b5c67d8e9fa0b1c2d3e4f506";
    let row = |list: &str| json!({ "price_list_id": list, "from_quantity": 1, "price": pence(800) });
    let product = json!({
        "title": "Cup",
        "status": "active",
        "variants": [{ "sku": unique("SKU"), "price": pence(1), "list_prices": [row(nowhere)] }],
    });
    for (call, pointer) in [
        (
            shop.staff
                .patch(&path, json!({ "list_prices": [row(&list), row(nowhere)] })),
            "/list_prices/1/price_list_id",
        ),
        (
            shop.staff.post("/admin/products", product.clone()),
            "/variants/0/list_prices/0/price_list_id",
        ),
    ] {
        let problem = call.refused(422, "request.invalid_fields").await;
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(pointer), &json!("price_list.not_found"))
        );
    }
    // A product, each of its variants and the lists of those are judged together.
    let mut faulty = product;
    (faulty["title"], faulty["variants"][0]["sku"]) = (json!(" "), json!(""));
    let refused = shop.staff.post("/admin/products", faulty);
    let refused = refused.refused(422, "request.invalid_fields").await;
    let errors = refused["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].clone()).collect();
    let expected = json!([
        "/title",
        "/variants/0/sku",
        "/variants/0/list_prices/0/price_list_id"
    ]);
    assert_eq!(json!(pointers), expected);
    // What a variant has by a list that is deleted may be sent again.
    let known = || json!({ "list_prices": [row(&list)] });
    shop.staff.patch(&path, known()).ok(200).await;
    let list = format!("/admin/price-lists/{list}");
    shop.staff.delete(&list).ok(204).await;
    shop.staff.patch(&path, known()).ok(200).await;
}
