//! Of what an import makes the earlier row is the older, which decides where nothing else does.

use crate::imports::send;
use crate::support::{OpenShop, Shop, id_of, pence};
use futures::future::join_all;
use serde_json::{Value, json};

async fn import(shop: &Shop, path: &str, rows: Vec<Value>) {
    let ends = send(shop, path, json!(rows)).await;
    assert!(ends.iter().all(|(_, end)| end == "created"), "{ends:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn promotions_and_price_lists_of_one_import_are_as_old_as_their_rows_are_early() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let cup = shop.variant(500, None).await;
    let ten = json!([{ "type": "order", "percentage": "0.1" }]);
    let names: Vec<String> = (0..40).map(|at| format!("Number {at}")).collect();
    let promotion = |(at, name): (usize, &String)| {
        let promotion = json!({ "name": name, "actions": ten });
        json!({ "row": at, "promotion": promotion })
    };
    let list_price = |(at, name): (usize, &String)| {
        let price = json!({ "amount": 400 - at, "currency": "GBP" });
        json!({ "row": at, "price_list": { "name": name }, "sku": cup.sku, "price": price })
    };
    let rows = || names.iter().enumerate();
    for (path, rows) in [
        ("/admin/promotions", rows().map(promotion).collect()),
        ("/admin/price-lists", rows().map(list_price).collect()),
    ] {
        import(shop, &format!("{path}/import"), rows).await;
        let mut made = shop.list(path).await;
        made.sort_by_key(|made| text(&made["created_at"]).to_owned());
        let sorted: Vec<&str> = made.iter().map(|made| text(&made["name"])).collect();
        assert_eq!(sorted, names);
        let apart = made
            .windows(2)
            .all(|two| two[0]["created_at"] != two[1]["created_at"]);
        assert!(apart, "no two are of one age: {made:?}");
    }
    // Of lists of equal priority the older counts.
    let cart = shop.cart(&shop.guest().await, &[(&cup, 1)]).await;
    assert_eq!(cart["totals"]["subtotal"], pence(400));
}

#[tokio::test]
async fn of_zones_of_one_import_that_name_the_same_place_the_earlier_row_taxes_it() {
    let open = OpenShop::fresh().await;
    let cup = open.shop.variant(500, None).await;
    let others = [
        "DE", "FR", "IT", "ES", "NL", "BE", "AT", "PL", "SE", "FI", "IE", "PT",
    ];
    let row = |other| json!({ "row": 1, "place": format!("GB;{other}"), "name": other, "rate": "0.2" });
    import(&open.shop, "/admin/tax/import", others.map(row).into()).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&cup, 1)]).await;
    let cart = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(cart["lines"][0]["tax"]["name"], others[0], "{cart}");
}

#[tokio::test]
async fn rows_about_one_customer_are_done_in_their_order_however_they_name_it() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let known =
        |at: usize| json!({ "external_id": format!("A-{at}"), "email": format!("ada{at}@example.com") });
    let customers: Vec<String> = join_all((0..20).map(|at| async move {
        let made = shop.staff.post("/admin/customers", known(at)).ok(201).await;
        id_of(&made)
    }))
    .await;

    let in_groups = |row: usize, mut customer: Value, group: &str| {
        customer["groups"] = json!([group]);
        json!({ "row": row, "customer": customer })
    };
    let of_one = |at: usize| {
        let (id, email) = (format!("A-{at}"), format!(" ADA{at}@Example.com"));
        [
            in_groups(3 * at, json!({ "external_id": id }), "one"),
            in_groups(3 * at + 1, json!({ "external_id": format!("{id} ") }), "two"),
            in_groups(3 * at + 2, json!({ "email": email }), "three"),
        ]
    };
    let rows: Vec<Value> = (0..customers.len()).flat_map(of_one).collect();
    send(shop, "/admin/customers/import", json!(rows)).await;
    for customer in &customers {
        let read = shop
            .staff
            .get(&format!("/admin/customers/{customer}"))
            .ok(200)
            .await;
        assert_eq!(read["groups"], json!(["three"]), "{read}");
    }

    let of_one = |at: usize| {
        let names = [
            format!("A-{at}"),
            format!("ada{at}@example.com"),
            format!(" A-{at}"),
        ];
        let row = |(row, name): (usize, String)| json!({ "row": 3 * at + row, "customer": name, "amount": pence(100 * (row as i64 + 1)), "reason": "moved" });
        names.into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<Value> = (0..customers.len()).flat_map(of_one).collect();
    let ends = send(shop, "/admin/store-credit/import", json!(rows)).await;
    for (row, (_, end)) in ends.iter().enumerate() {
        let first = row % 3 == 0;
        assert_eq!(
            end,
            if first {
                "created"
            } else {
                "store_credit.already_booked"
            },
            "row {row}"
        );
    }
}

#[tokio::test]
async fn rows_about_one_code_are_done_in_their_order_however_they_spell_it() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    for (name, percentage) in [("P", "0.1"), ("Q", "0.2")] {
        let actions = json!([{ "type": "order", "percentage": percentage }]);
        let draft = json!({ "name": name, "requires_code": true, "actions": actions });
        shop.staff.post("/admin/promotions", draft).ok(201).await;
    }
    let of_one = |at: usize| {
        [
            json!({ "row": 3 * at, "promotion": "P", "code": format!("ab-{at}") }),
            json!({ "row": 3 * at + 1, "promotion": "Q", "code": format!("AB-{at} ") }),
            json!({ "row": 3 * at + 2, "promotion": "P", "code": format!("ab-{at}"), "used": true }),
        ]
    };
    let rows: Vec<Value> = (0..20).flat_map(of_one).collect();
    let ends = send(shop, "/admin/promotions/codes/import", json!(rows)).await;
    for (row, (_, end)) in ends.iter().enumerate() {
        assert_eq!(
            end,
            ["created", "promotion.code_taken", "updated"][row % 3],
            "row {row}"
        );
    }
}
