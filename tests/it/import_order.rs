//! Of what an import makes the earlier row is the older, which decides where nothing else does.

use crate::imports::send;
use crate::support::{OpenShop, Shop, pence};
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
