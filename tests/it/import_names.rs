//! Rows find what they are about by the name it has now, and change only what they say.

use crate::imports::{import_row, send, variant_by, written};
use crate::support::{OpenShop, Shop, id_of, pence, unique};
use crate::trade::client;
use reqwest::Method;
use serde_json::{Value, json};

async fn names(shop: &Shop, path: &str) -> Vec<String> {
    let held = shop.list(path).await;
    let names = held.iter().map(|held| held["name"].as_str().unwrap_or_default());
    let mut names: Vec<_> = names.map(ToOwned::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_has_another_name_by_now_is_not_taken_for_the_old_one() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let cup = shop.variant(500, None).await;
    let ten = json!([{ "type": "order", "percentage": "0.1" }]);
    for (kind, row, renamed) in [
        (
            "promotions",
            json!({ "row": 1, "promotion": { "name": "Old", "actions": ten } }),
            json!({ "name": "New" }),
        ),
        (
            "price-lists",
            json!({ "row": 1, "price_list": { "name": "Old" }, "sku": cup.sku, "price": pence(400) }),
            json!({ "name": "New" }),
        ),
    ] {
        let (path, import) = (format!("/admin/{kind}"), format!("/admin/{kind}/import"));
        assert_eq!(send(shop, &import, json!([row])).await[0].1, "created");
        let made = shop.list(&path).await[0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        shop.staff.patch(&format!("{path}/{made}"), renamed).ok(200).await;
        assert_eq!(send(shop, &import, json!([row])).await[0].1, "created");
        assert_eq!(names(shop, &path).await, ["New", "Old"]);
        assert_eq!(send(shop, &import, json!([row])).await[0].1, "unchanged");
    }

    let row = json!([{ "row": 1, "place": "FR", "zone": "France", "name": "VAT", "rate": "0.2" }]);
    let import = "/admin/tax/import";
    assert_eq!(send(shop, import, row.clone()).await[0].1, "created");
    let zones = shop.list("/admin/tax/zones").await;
    let zone = zones
        .iter()
        .find(|zone| zone["name"] == "France")
        .expect("it is there");
    let path = format!("/admin/tax/zones/{}", zone["id"].as_str().unwrap_or_default());
    let moved = json!({ "name": "Belgium", "countries": ["BE"] });
    shop.staff.patch(&path, moved).ok(200).await;
    assert_eq!(send(shop, import, row.clone()).await[0].1, "created");
    assert_eq!(send(shop, import, row).await[0].1, "unchanged");
    let rates = shop.staff.get(&path).ok(200).await["rates"].clone();
    assert_eq!(rates.as_array().map(Vec::len), Some(1), "{rates}");
}

#[tokio::test]
async fn a_name_that_several_bear_is_refused_and_changes_none() {
    let open = OpenShop::fresh().await;
    let path = "/admin/promotions";
    for percentage in ["0.1", "0.2"] {
        let actions = json!([{ "type": "order", "percentage": percentage }]);
        let draft = json!({ "name": "Sale", "actions": actions });
        open.shop.staff.post(path, draft).ok(201).await;
    }
    let before = open.shop.list(path).await;
    let row = json!({ "row": 1, "promotion": { "name": "Sale", "enabled": true } });
    let ends = send(&open.shop, "/admin/promotions/import", json!([row])).await;
    assert_eq!(ends[0].1, "import.ambiguous_name");
    assert_eq!(open.shop.list(path).await, before);
}

#[tokio::test]
async fn a_row_without_a_title_leaves_the_title() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let title = async |sku: &str| {
        let variant = variant_by(shop, sku).await;
        let product = variant["product_id"].as_str().unwrap_or_default();
        let product = shop
            .staff
            .get(&format!("/admin/products/{product}"))
            .ok(200)
            .await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&variant["title"]), text(&product["title"]))
    };
    let both = |title: &str| (title.to_owned(), title.to_owned());
    let row = json!({ "sku": "LAMP", "title": "Desk lamp", "price": pence(100) });
    assert_eq!(import_row(shop, row).await, "created");
    for row in [
        json!({ "sku": "LAMP", "price": pence(90) }),
        json!({ "sku": "LAMP", "price": pence(80), "title": " " }),
    ] {
        assert_eq!(import_row(shop, row.clone()).await, "updated");
        assert_eq!(title("LAMP").await, both("Desk lamp"));
        assert_eq!(import_row(shop, row).await, "unchanged");
    }
    assert_eq!(import_row(shop, json!({ "sku": "BARE" })).await, "created");
    assert_eq!(title("BARE").await, both("BARE"));
    let row = json!({ "sku": "BARE", "title": "A box" });
    assert_eq!(import_row(shop, row).await, "updated");
    assert_eq!(title("BARE").await, both("A box"));
}

#[tokio::test]
async fn a_row_of_a_catalog_leaves_what_it_does_not_name() {
    let OpenShop { server, shop, .. } = OpenShop::fresh().await;
    let import = async |rows: &str, summary: &str| {
        let text =
            format!("sku,title,price,tax_category,weight_grams,image_url,status,categories,stock\n{rows}\n");
        let file = written(&server, "catalog.csv", &text);
        client(&server, &["import", &file]).await.check(0, &[summary]);
        let variant = variant_by(&shop, "CUP").await;
        let (id, product) = (
            id_of(&variant),
            variant["product_id"].as_str().unwrap_or_default(),
        );
        let product = shop
            .staff
            .get(&format!("/admin/products/{product}"))
            .ok(200)
            .await;
        let stock = shop
            .staff
            .get(&format!("/admin/variants/{id}/stock"))
            .ok(200)
            .await;
        [variant, product, stock]
    };
    let row = "CUP,Blue cup,4.50,reduced,300,https://shop.example/cup.jpg,draft,cups; sale,12";
    let made = import(row, "created 1").await;
    let unchanged = "created 0, updated 0, unchanged 1, refused 0";
    assert_eq!(import("CUP,,,,,,,,", unchanged).await, made);
    let changed = import("CUP,,4.75,,,,,,", "created 0, updated 1").await;
    assert_eq!(changed[0]["price"], pence(475));
    for kept in ["title", "tax_category", "weight_grams"] {
        assert_eq!(changed[0][kept], made[0][kept], "{kept}");
    }
    for kept in ["title", "status", "images", "categories"] {
        assert_eq!(changed[1][kept], made[1][kept], "{kept}");
    }
    assert_eq!(changed[2], made[2]);
    // A picture that the product has is named, and neither its text nor the others are.
    let pictures = json!([
        { "url": "https://shop.example/cup.jpg", "alt": "A blue cup" },
        { "url": "https://shop.example/back.jpg", "alt": "" },
    ]);
    let path = format!("/admin/products/{}", id_of(&changed[1]));
    let staff = &shop.staff;
    staff.patch(&path, json!({ "images": pictures })).ok(200).await;
    let pictured = import("CUP,,,,,https://shop.example/cup.jpg,,,", unchanged).await;
    assert_eq!(pictured[1]["images"], pictures);
    let replaced = import("CUP,,,,,https://shop.example/new.jpg,,,", "created 0, updated 1").await;
    let new = json!([{ "url": "https://shop.example/new.jpg", "alt": "" }]);
    assert_eq!(replaced[1]["images"], new);
}

#[tokio::test]
async fn a_row_of_promotions_leaves_the_conditions_that_it_does_not_name() {
    let OpenShop { server, shop, .. } = OpenShop::fresh().await;
    let cup = shop.variant(500, None).await;
    let zone = shop.list("/admin/tax/zones").await[0]["id"].clone();
    let promotion = json!({
        "name": "Trade", "code": "TRADE", "priority": 3, "exclusive": true, "enabled": true,
        "usage_limit_per_customer": 1,
        "conditions": {
            "subtotal_from": pence(1_000), "quantity_from": 2, "currency": "GBP", "first_order": true,
            "items": { "products": [cup.product_id], "categories": ["cups"] },
            "customer_groups": ["trade"], "zones": [zone],
            "starts_at": "2020-06-01", "ends_at": "2099-09-01",
        },
        "actions": [{ "type": "lines", "percentage": "0.25", "spread": "each" }],
    });
    let made = shop.staff.post("/admin/promotions", promotion).ok(201).await;
    let heading = "name,code,percentage,currency,categories,customer_groups,subtotal_from,quantity_from,starts_at,ends_at";
    let row = |values: &str| format!("{heading}\nTrade,trade,{values}\n");
    let import = async |values: &str, summary: &str| {
        let file = written(&server, "promotions.csv", &row(values));
        let run = client(&server, &["import", &file, "--promotions"]).await;
        run.check(0, &[summary]);
        shop.list("/admin/promotions").await[0].clone()
    };
    let unchanged = "created 0, updated 0, unchanged 1, refused 0";
    assert_eq!(import(",,,,,,,", unchanged).await, made);

    let (values, updated) = (
        ",,plates,,,3,,2098-01-01",
        "created 0, updated 1, unchanged 0, refused 0",
    );
    let mut expected = made;
    expected["conditions"]["items"]["categories"] = json!(["plates"]);
    expected["conditions"]["quantity_from"] = json!(3);
    expected["conditions"]["ends_at"] = json!("2098-01-01T00:00:00.000Z");
    expected["version"] = json!(2);
    assert_eq!(import(values, updated).await, expected);
    assert_eq!(import(values, unchanged).await, expected);
}

#[tokio::test]
async fn rows_of_one_products_variants_do_not_rename_it_in_turn() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let draft = json!({
        "title": "Cup", "status": "active",
        "variants": [{ "sku": "CUP-R", "title": "Red" }, { "sku": "CUP-B", "title": "Blue" }],
    });
    let made = shop.staff.post("/admin/products", draft).ok(201).await;
    let rows = json!([
        { "row": 1, "sku": "CUP-R", "title": "Red cup" },
        { "row": 2, "sku": "CUP-B", "title": "Blue cup" },
    ]);
    let import = "/admin/catalog/import";
    for outcome in ["updated", "unchanged"] {
        let results = send(shop, import, rows.clone()).await;
        assert!(results.iter().all(|(_, end)| end == outcome), "{results:?}");
    }
    let path = format!("/admin/products/{}", made["id"].as_str().unwrap_or_default());
    assert_eq!(shop.staff.get(&path).ok(200).await["title"], "Cup");
    assert_eq!(variant_by(shop, "CUP-B").await["title"], "Blue cup");
}

#[tokio::test]
async fn the_code_of_a_gift_card_is_not_repeated_where_its_row_is_refused() {
    let open = OpenShop::fresh().await;
    let card = json!({ "code": 4_929_000_011_112_222_u64, "amount": pence(100) });
    let rows = json!({ "rows": [{ "row": 1, "gift_card": card }] });
    let import = open.shop.staff.post("/admin/gift-cards/import", rows);
    let told = import.ok(200).await;
    assert_eq!(told["results"][0]["message"], "gift_card.code: must be a text");
    assert!(!told.to_string().contains("4929"), "{told}");
}

#[tokio::test]
async fn rows_about_the_same_are_done_in_their_order_however_they_name_it() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let customer = |fields: Value| json!({ "row": 1, "customer": fields });
    let rows = json!([
        customer(json!({ "external_id": "D1", "email": "d@x.example", "groups": ["one"] })),
        customer(json!({ "external_id": "D1", "groups": ["two"] })),
        customer(json!({ "email": "D@X.example", "groups": ["three"] })),
    ]);
    let ends = send(shop, "/admin/customers/import", rows).await;
    let ends: Vec<_> = ends.iter().map(|(_, end)| end.as_str()).collect();
    assert_eq!(ends, ["created", "updated", "updated"]);
    let held = shop.list("/admin/customers").await;
    assert_eq!(held[0]["groups"], json!(["three"]));

    let promotion = |name: &str, code: &str| {
        let actions = json!([{ "type": "order", "percentage": "0.1" }]);
        json!({ "row": 1, "promotion": { "name": name, "code": code, "actions": actions } })
    };
    let rows = json!([
        promotion("First", "xyz"),
        promotion("Other", "ABC"),
        promotion("Last", "XYZ")
    ]);
    let ends = send(shop, "/admin/promotions/import", rows).await;
    assert_eq!((&*ends[0].1, &*ends[2].1), ("created", "updated"));
    assert_eq!(names(shop, "/admin/promotions").await, ["Last", "Other"]);

    let rate = |place: &str, rate: &str| json!({ "row": 1, "place": place, "name": "VAT", "rate": rate });
    let rows = json!([rate("FR;BE", "0.2"), rate("BE; FR", "0.21")]);
    let ends = send(shop, "/admin/tax/import", rows).await;
    assert_eq!((&*ends[0].1, &*ends[1].1), ("created", "updated"));
}

#[tokio::test]
async fn the_last_row_that_says_something_of_a_price_list_is_the_one_that_counts() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let mut rows = Vec::new();
    for (row, priority) in (0..40).enumerate() {
        let sku = shop.variant(500, None).await.sku;
        let list = json!({ "name": "Trade", "priority": priority });
        rows.push(json!({ "row": row, "price_list": list, "sku": sku, "price": pence(400) }));
    }
    for _ in 0..3 {
        send(shop, "/admin/price-lists/import", json!(rows)).await;
        let list = &shop.list("/admin/price-lists").await[0];
        assert_eq!(list["priority"], 39);
    }
}

#[tokio::test]
async fn what_is_imported_after_its_deletion_is_new() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let (cup, pot) = (shop.variant(1_000, None).await, shop.variant(500, None).await);
    let row = |sku: &str, price: i64| json!({ "row": 1, "price_list": { "name": "Summer", "enabled": true }, "sku": sku, "price": pence(price) });
    let lists = "/admin/price-lists";
    let import = format!("{lists}/import");
    send(shop, &import, json!([row(&cup.sku, 800), row(&pot.sku, 300)])).await;
    let made = id_of(&shop.list(lists).await[0]);
    shop.staff.delete(&format!("{lists}/{made}")).ok(204).await;
    send(shop, &import, json!([row(&cup.sku, 900)])).await;
    let cart = shop.cart(&shop.guest().await, &[(&cup, 1), (&pot, 1)]).await;
    assert_eq!(cart["totals"]["subtotal"], pence(900 + 500));

    let once = json!({ "name": "Once", "enabled": true, "code": "ONCE", "requires_code": true, "usage_limit": 1,
        "actions": [{ "type": "order", "percentage": "0.1" }] });
    let rows = json!([{ "row": 1, "promotion": once }]);
    let use_it = async || {
        let guest = shop.guest().await;
        let cart = shop.ready_cart(&guest, &open.method, &[(&pot, 1)]).await;
        let codes = format!("/carts/{cart}/codes");
        guest.post(&codes, json!({ "code": "ONCE" })).ok(200).await;
        let body = json!({ "payment": { "token": "tok_approve" } });
        guest
            .post(&format!("/carts/{cart}/complete"), body)
            .key("k")
            .ok(200)
            .await
    };
    for _ in 0..2 {
        let ends = send(shop, "/admin/promotions/import", rows.clone()).await;
        assert_eq!(ends[0].1, "created");
        assert_eq!(shop.list("/admin/promotions").await[0]["used"], 0);
        use_it().await;
        let made = id_of(&shop.list("/admin/promotions").await[0]);
        shop.staff
            .delete(&format!("/admin/promotions/{made}"))
            .ok(204)
            .await;
    }
}

#[tokio::test]
async fn a_price_that_is_refused_changes_no_list() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let cup = shop.variant(1_000, None).await;
    let import = "/admin/price-lists/import";
    let row = |list: Value, from: u32| json!([{ "row": 1, "price_list": list, "sku": cup.sku, "from_quantity": from, "price": pence(800) }]);
    send(shop, import, row(json!({ "name": "Sale", "enabled": true }), 1)).await;
    let ends = send(shop, import, row(json!({ "name": "Sale", "enabled": false }), 0)).await;
    assert_eq!(ends[0].1, "request.invalid_fields");
    let ends = send(shop, import, row(json!({ "name": "Other" }), 0)).await;
    assert_eq!(ends[0].1, "request.invalid_fields");
    let lists = shop.list("/admin/price-lists").await;
    assert_eq!((lists.len(), &lists[0]["enabled"]), (1, &json!(true)));
}

#[tokio::test]
async fn prices_by_deleted_lists_leave_with_the_next_one_that_is_put() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let cup = shop.variant(1_000, None).await;
    let variant = format!("/admin/variants/{}", cup.id);
    let held = async || shop.staff.get(&variant).ok(200).await["list_prices"].clone();
    let row = |name: &str| json!([{ "row": 1, "price_list": { "name": name }, "sku": cup.sku, "price": pence(800) }]);
    for name in ["Summer", "Autumn"] {
        send(shop, "/admin/price-lists/import", row(name)).await;
    }
    let lists = shop.list("/admin/price-lists").await;
    let summer = lists
        .iter()
        .find(|list| list["name"] == "Summer")
        .expect("it is there");
    let path = format!("/admin/price-lists/{}", id_of(summer));
    shop.staff.delete(&path).ok(204).await;
    assert_eq!(held().await.as_array().map(Vec::len), Some(2));
    send(shop, "/admin/price-lists/import", row("Winter")).await;
    let left = held().await;
    assert_eq!(left.as_array().map(Vec::len), Some(2), "{left}");
    assert!(!left.to_string().contains(&id_of(summer)), "{left}");
}

#[tokio::test]
async fn a_variant_that_only_a_list_for_everybody_has_a_price_for_is_for_sale() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let sku = unique("SKU");
    let product = json!({ "title": "Unpriced", "status": "active", "variants": [{ "sku": sku }] });
    let made = shop.staff.post("/admin/products", product).ok(201).await;
    let path = format!("/variants/{}", id_of(&made["variants"][0]));
    let guest = shop.guest().await;
    let add = async || {
        let line = json!({ "sku": sku, "quantity": 1 });
        guest.post("/carts/current/lines", line).send().await.status
    };
    let check = async |list: Value, from: u32, is_for_sale: bool| {
        let row =
            json!({ "row": 1, "price_list": list, "sku": sku, "from_quantity": from, "price": pence(100) });
        send(shop, "/admin/price-lists/import", json!([row])).await;
        let variant = guest.get(&path).ok(200).await;
        assert_eq!(variant["for_sale"], is_for_sale, "{list}");
        assert_eq!(add().await == 200, is_for_sale, "{list}");
    };
    check(
        json!({ "name": "Trade", "groups": ["trade"], "enabled": true }),
        1,
        false,
    )
    .await;
    check(json!({ "name": "Many", "enabled": true }), 10, false).await;
    check(json!({ "name": "Off", "enabled": false }), 1, false).await;
    check(json!({ "name": "Everybody", "enabled": true }), 1, true).await;
}

#[tokio::test]
async fn a_list_is_for_whom_its_first_row_says_also_where_that_is_refused() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let cup = shop.variant(500, None).await;
    let row = |list: Value, sku: &str, price: &str| json!({ "row": 1, "price_list": list, "sku": sku, "price": { "unit_price": price, "currency": "GBP" } });
    let rows = json!([
        row(
            json!({ "name": "Trade", "groups": ["trade"] }),
            "NOBODY'S",
            "4.00"
        ),
        row(json!({ "name": "Trade" }), &cup.sku, "4.00"),
        row(
            json!({ "name": "Late", "valid_from": "2099-01-01", "enabled": false }),
            &cup.sku,
            "four"
        ),
        row(json!({ "name": " Late ", "enabled": null }), &cup.sku, "3.00"),
        row(
            json!({ "name": "Unfit", "groups": ["No handle"] }),
            &cup.sku,
            "2.00"
        ),
        row(json!({ "name": "Unfit" }), &cup.sku, "2.00"),
    ]);
    let taken = ["variant.not_found", "created", "import.unreadable_row", "created"];
    let unfit = ["request.invalid_fields"; 2];
    let expected: Vec<String> = taken.into_iter().chain(unfit).map(str::to_owned).collect();
    let told = send(shop, "/admin/price-lists/import", rows).await;
    let told: Vec<String> = told.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(told, expected);
    let mut lists = shop.list("/admin/price-lists").await;
    lists.sort_by_key(|list| list["name"].to_string());
    let lists: Vec<_> = lists
        .iter()
        .map(|list| json!([list["name"], list["groups"], list["valid_from"], list["enabled"]]))
        .collect();
    assert_eq!(
        lists,
        [
            json!(["Late", [], "2099-01-01T00:00:00.000Z", false]),
            json!(["Trade", ["trade"], null, true])
        ]
    );
}

#[tokio::test]
async fn a_row_changes_nothing_that_other_variants_of_its_product_have_too() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let skus = [unique("SH-S"), unique("SH-M")];
    let variants: Vec<Value> = skus
        .iter()
        .map(|sku| json!({ "sku": sku, "price": pence(1_000) }))
        .collect();
    let product =
        json!({ "title": "Shirt", "status": "active", "categories": ["shirts"], "variants": variants });
    let product = shop.staff.post("/admin/products", product).ok(201).await;
    let outcomes = async |rows: Value| {
        let told = send(&shop, "/admin/catalog/import", rows).await;
        told.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>()
    };
    let row = |at: usize, said: Value| {
        let mut row = json!({ "row": at, "sku": skus[at] });
        row.as_object_mut()
            .expect("an object")
            .extend(said.as_object().expect("an object").clone());
        row
    };
    let refused = json!([
        row(0, json!({ "status": "archived" })),
        row(1, json!({ "categories": ["sale"], "stock": 3 })),
    ]);
    for _ in 0..2 {
        assert_eq!(outcomes(refused.clone()).await, ["import.shared_product"; 2]);
    }
    let same = json!([
        row(
            0,
            json!({ "title": "S", "status": "active", "price": pence(900) })
        ),
        row(1, json!({ "title": "M", "categories": ["shirts"], "stock": 3 })),
    ]);
    assert_eq!(outcomes(same.clone()).await, ["updated"; 2]);
    assert_eq!(outcomes(same).await, ["unchanged"; 2]);
    let id = product["id"].as_str().expect("an id");
    let after = shop.staff.get(&format!("/admin/products/{id}")).ok(200).await;
    for field in ["title", "status", "categories", "images"] {
        assert_eq!(after[field], product[field], "{field}");
    }
}

#[tokio::test]
async fn of_a_list_of_which_a_row_says_two_things_no_later_row_is_taken() {
    let open = OpenShop::fresh().await;
    let cup = open.shop.variant(500, None).await;
    let row = |list: &str| {
        let price = r#"{ "unit_price": "4.00", "currency": "GBP" }"#;
        format!(
            r#"{{ "row": 1, "price_list": {list}, "sku": "{}", "price": {price} }}"#,
            cup.sku
        )
    };
    let rows = [
        row(r#"{ "name": "Trade", "groups": ["trade"], "groups": null }"#),
        row(r#"{ "name": "Trade" }"#),
        row(r#"{ "name": "Other", "groups": ["other"] }"#),
    ];
    let body = format!(r#"{{ "rows": [{}] }}"#, rows.join(","));
    let call = open.shop.staff.call(Method::POST, "/admin/price-lists/import");
    let imported = call.text(body).ok(200).await;
    let told = |at: usize| imported["results"][at]["message"].clone();
    let twice = json!("price_list.groups must be given once");
    assert_eq!((told(0), told(1), told(2)), (twice.clone(), twice, Value::Null));
    assert_eq!(open.shop.list("/admin/price-lists").await.len(), 1);
}
