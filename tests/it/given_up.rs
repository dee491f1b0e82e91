//! What is done to its end though whoever asked for it has gone.

use crate::support::{OpenShop, Server, id_of, pence, unique, until};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

/// How many variants a product has, so that its maker can go in the middle.
const VARIANTS: usize = 400;
/// How many codes somebody adds at once, and in how many calls.
const CODES: usize = 400;
const CALLS: usize = 8;
/// How many rows are imported at once.
const ROWS: usize = 400;

#[tokio::test]
async fn a_product_whose_maker_goes_away_gets_all_its_variants() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let mut begun = 0;
    for wait in [1, 4, 8, 16, 32] {
        let title = unique("product");
        let variant = |at| json!({ "sku": format!("{title}-{at}"), "price": pence(100) });
        let variants: Vec<Value> = (0..VARIANTS).map(variant).collect();
        let product = json!({ "title": title, "status": "active", "variants": variants });
        let making = shop.staff.post("/admin/products", product).send();
        let made = tokio::time::timeout(Duration::from_millis(wait), making).await;
        if made.is_ok() {
            // So quick a disk lets no maker go in the middle.
            continue;
        }
        let has = async |at: usize| {
            let one_more = json!({ "sku": format!("{title}-{at}") });
            let add = shop.guest().await;
            let added = add.post("/carts/current/lines", one_more).send().await;
            added.status == 200
        };
        // Nothing of it was made where the request had not come yet.
        let first = tokio::time::timeout(Duration::from_secs(1), async {
            while !has(0).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if first.await.is_ok() {
            begun += 1;
            let last = VARIANTS - 1;
            until("the last variant is made", async || has(last).await.then_some(())).await;
        }
    }
    assert!(0 < begun, "its maker went before any of it was begun");
}

#[tokio::test]
async fn the_names_of_codes_that_were_made_as_their_promotion_was_deleted_are_free() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let promote = async || {
        let actions = json!([{ "type": "order", "percentage": "0.1" }]);
        let draft = json!({ "name": unique("promotion"), "requires_code": true, "actions": actions });
        id_of(&shop.staff.post("/admin/promotions", draft).ok(201).await)
    };
    let (deleted, other) = (promote().await, promote().await);
    let codes = |call: usize| {
        let codes: Vec<String> = (0..CODES).map(|at| format!("C{call}-{at}")).collect();
        json!({ "codes": codes })
    };
    let add = async |promotion: &str, call: usize| {
        let path = format!("/admin/promotions/{promotion}/codes");
        shop.staff.post(&path, codes(call)).send().await
    };
    let adding = join_all((0..CALLS).map(|call| add(&deleted, call)));
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let path = format!("/admin/promotions/{deleted}");
        shop.staff.delete(&path).ok(204).await;
    };
    // Whoever adds them goes as the promotion does.
    tokio::select! {
        _ = adding => {}
        () = deletion => {}
    }
    for call in 0..CALLS {
        let added = add(&other, call).await.expect(200);
        let results = added["results"].as_array().expect("a list");
        let taken = results.iter().find(|result| result["outcome"] != "created");
        assert_eq!(taken, None, "call {call}");
    }
}

// The caller hangs up in another thread while this one waits for the server to end.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_caller_has_gone_is_whole_after_a_stop() {
    let open = OpenShop::fresh().await;
    let ten = json!([{ "type": "order", "percentage": "0.1" }]);
    let row = |at: usize| json!({ "row": at, "promotion": { "name": format!("P{at}"), "actions": ten } });
    let rows: Vec<Value> = (0..ROWS).map(row).collect();
    let is_begun = async {
        // Without a pause: a fast disk takes all of it soon.
        while open.shop.staff.get("/admin/promotions?limit=1").ok(200).await["items"] == json!([]) {}
    };
    let import = open
        .shop
        .staff
        .post("/admin/promotions/import", json!({ "rows": rows }));
    tokio::select! {
        _ = import.send() => panic!("its caller goes before it is done"),
        () = is_begun => {}
    }
    let mut server = open.into_server();
    assert_eq!(server.stop().code(), Some(0));
    let server = Server::start(server.directory());
    assert_eq!(server.shop().list("/admin/promotions").await.len(), ROWS);
}
