//! Who a shopper is: the customer whose record staff keep, and whoever reads a mailbox.

use crate::support::{Client, OpenShop, id_of, unique};
use serde_json::{Value, json};

/// Saves a promotion whose code one shopper may use once.
async fn once(open: &OpenShop) {
    let actions = json!([{ "type": "order", "percentage": "0.5" }]);
    let once = json!({ "name": "Once", "code": "ONCE", "usage_limit_per_customer": 1, "enabled": true, "actions": actions });
    open.shop.staff.post("/admin/promotions", once).ok(201).await;
}

/// Opens a cart that could be bought, of whoever reads a mailbox.
async fn cart_of(open: &OpenShop, email: &str) -> (Client, String) {
    let variant = open.shop.variant(1000, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{cart}");
    guest.patch(&path, json!({ "email": email })).ok(200).await;
    (guest, path)
}

/// Buys a cart with the code, and returns the order.
async fn buy_once((guest, path): &(Client, String)) -> Value {
    let codes = format!("{path}/codes");
    guest.post(&codes, json!({ "code": "ONCE" })).ok(200).await;
    let payment = json!({ "payment": { "token": "tok_approve" } });
    let completing = guest
        .post(&format!("{path}/complete"), payment)
        .key(&unique("key"));
    completing.ok(200).await["order"].clone()
}

async fn is_refused((guest, path): &(Client, String)) {
    let codes = guest.post(&format!("{path}/codes"), json!({ "code": "ONCE" }));
    codes.refused(422, "coupon.limit_reached").await;
}

#[tokio::test]
async fn whose_record_was_deleted_is_known_by_the_carts_address_again() {
    let open = OpenShop::fresh().await;
    once(&open).await;
    buy_once(&cart_of(&open, "ada@example.com").await).await;
    for (email, has_used) in [("ada@example.com", true), ("bob@example.com", false)] {
        let record = json!({ "email": email });
        let customer = open.shop.staff.post("/admin/customers", record).ok(201).await;
        let cart = cart_of(&open, email).await;
        let give = json!({ "customer_id": customer["id"] });
        open.shop.staff.patch(&cart.1, give).ok(200).await;
        // What the shopper is shown is theirs to complete.
        cart.0.get(&cart.1).ok(200).await;
        if has_used {
            is_refused(&cart).await;
        }
        let path = format!("/admin/customers/{}", id_of(&customer));
        open.shop.staff.delete(&path).ok(204).await;
        if has_used {
            is_refused(&cart).await;
        } else {
            buy_once(&cart).await;
            is_refused(&cart_of(&open, email).await).await;
        }
    }
}

#[tokio::test]
async fn a_mailbox_is_one_however_its_domain_is_written() {
    let open = OpenShop::fresh().await;
    once(&open).await;
    let order = buy_once(&cart_of(&open, "ada@m\u{fc}ller.example").await).await;
    is_refused(&cart_of(&open, "ADA@xn--mller-kva.example").await).await;
    let path = format!("/orders/{}?email=ada%40xn--mller-kva.example", order["number"]);
    open.shop.guest().await.stranger().get(&path).ok(200).await;

    let customers = "/admin/customers";
    let record = |email: &str| json!({ "email": email });
    open.shop
        .staff
        .post(customers, record("bob@m\u{fc}ller.example"))
        .ok(201)
        .await;
    let again = open
        .shop
        .staff
        .post(customers, record("bob@xn--mller-kva.example"));
    again.refused(409, "customer_email.taken").await;
}
