//! Carts of many lines or large ones: what is refused is refused for good, and the cart stays usable.

use crate::support::{Client, OpenShop, Variant, amount_of, pence, unique};
use serde_json::{Value, json};

/// More lines than a refusal that is kept can name.
const MANY: i64 = 60;
/// The longest value of a custom field, and how many fields a line may have.
const FIELD_CHARS: usize = 255;
const FIELDS: usize = 20;
/// More lines than can be, with the largest custom fields.
const LARGE_LINES_MAX: usize = 400;

/// Opens a cart with as many lines of one unit each.
async fn cart_of(open: &OpenShop, guest: &Client, variant: &Variant, lines: i64) -> String {
    let cart = open.shop.ready_cart(guest, &open.method, &[(variant, 1)]).await;
    for line in 1..lines {
        let body = json!({ "variant_id": variant.id, "custom_fields": { "line": line.to_string() } });
        guest.post(&format!("/carts/{cart}/lines"), body).ok(200).await;
    }
    cart
}

fn named(problem: &Value, list: &str) -> (i64, i64) {
    let details = &problem["details"];
    let named = details[list].as_array().map_or(0, Vec::len);
    (
        i64::try_from(named).expect("few"),
        details["left_out"].as_i64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_refusal_that_names_too_much_is_cut_and_the_cart_can_be_completed() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(MANY.unsigned_abs())).await;
    let guest = open.shop.guest().await;
    let cart = cart_of(&open, &guest, &variant, MANY).await;
    open.shop.set_price(&variant, 600).await;

    let path = format!("/carts/{cart}/complete");
    let key = unique("key");
    let body = json!({ "payment": { "token": "tok_approve" }, "expected_total": pence(MANY * 500) });
    let refused = guest.post(&path, body.clone()).key(&key);
    let problem = refused.refused(409, "checkout.total_changed").await;
    let (changes, left_out) = named(&problem, "changed");
    assert!(0 < changes && 0 < left_out, "{problem}");
    let again = guest.post(&path, body).key(&key).send().await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect_refused(409, "checkout.total_changed");
    assert_eq!(again["details"], problem["details"]);
    assert_eq!(open.shop.units(&variant).await, (MANY, 0, 0));

    let body = json!({ "payment": { "token": "tok_approve" }, "expected_total": pence(MANY * 600) });
    let done = guest.post(&path, body).key(&unique("key")).ok(200).await;
    assert_eq!(amount_of(&done["order"]["total"]), MANY * 600);
}

#[tokio::test]
async fn a_large_refusal_is_kept_under_its_key() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(MANY.unsigned_abs())).await;
    let guest = open.shop.guest().await;
    let cart = cart_of(&open, &guest, &variant, MANY).await;
    let product = format!("/admin/products/{}", variant.product_id);
    let status = async |status: &str| {
        let changed = open.shop.staff.patch(&product, json!({ "status": status }));
        changed.ok(200).await
    };
    status("archived").await;
    let path = format!("/carts/{cart}/complete");
    let (key, body) = (unique("key"), json!({ "payment": { "token": "tok_approve" } }));
    let refused = guest.post(&path, body.clone()).key(&key);
    let problem = refused.refused(409, "checkout.lines_unavailable").await;
    let (lines, left_out) = named(&problem, "lines");
    assert!(0 < lines && lines + left_out == MANY, "{problem}");

    status("active").await;
    let again = guest.post(&path, body).key(&key).send().await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect_refused(409, "checkout.lines_unavailable");
    assert_eq!(again["details"], problem["details"]);
}

/// Opens a cart with as many large lines as it takes; returns their ids, too.
async fn large_cart(open: &OpenShop, guest: &Client, variant: &Variant) -> (String, Vec<Value>) {
    let cart = open.shop.ready_cart(guest, &open.method, &[(variant, 1)]).await;
    let mut lines = Vec::new();
    for line in 0..LARGE_LINES_MAX {
        let field = |field: usize| (format!("field{field}"), json!(format!("{line:0>FIELD_CHARS$}")));
        let fields: serde_json::Map<String, Value> = (0..FIELDS).map(field).collect();
        let body = json!({ "variant_id": variant.id, "custom_fields": fields });
        let added = guest.post(&format!("/carts/{cart}/lines"), body);
        let added = added.minimal().send().await;
        if added.status == 413 {
            break;
        }
        lines.push(added.expect(200)["line"]["id"].clone());
    }
    (cart, lines)
}

#[tokio::test]
async fn a_cart_that_is_too_large_for_an_order_is_refused_and_given_back() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(1_000)).await;
    let guest = open.shop.guest().await;
    let (cart, lines) = large_cart(&open, &guest, &variant).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let path = format!("/carts/{cart}/complete");
    let refused = guest.post(&path, pay.clone()).key(&unique("key"));
    let problem = refused.refused(409, "checkout.cart_too_large").await;
    let details = &problem["details"];
    assert!(
        details["bytes_max"].as_u64() < details["bytes"].as_u64(),
        "{problem}"
    );
    assert_eq!(open.shop.units(&variant).await, (1_000, 0, 0));
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(shown["state"], "active", "and not held by the checkout for ever");

    let last = lines.last().and_then(Value::as_str).expect("an id");
    let line = format!("/carts/{cart}/lines/{last}");
    guest.delete(&line).ok(200).await;
    guest.delete(&format!("/carts/{cart}/lines")).ok(200).await;
    let body = json!({ "variant_id": variant.id });
    guest.post(&format!("/carts/{cart}/lines"), body).ok(200).await;
    guest.post(&path, pay).key(&unique("key")).ok(200).await;
}

#[tokio::test]
async fn no_cart_is_too_large_for_an_order_because_it_would_be_explained() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(500, None).await;
    let guest = open.shop.guest().await;
    let (cart, mut lines) = large_cart(&open, &guest, &variant).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let path = format!("/carts/{cart}/complete");
    let refused = guest.post(&path, pay.clone()).key(&unique("key"));
    let problem = refused.refused(409, "checkout.cart_too_large").await;
    let size = |name: &str| problem["details"][name].as_u64().expect("a number");
    // Few lines less than what is too much: room for what the promotion gives, and not for why each action applied to each.
    let (bytes, bytes_max) = (size("bytes"), size("bytes_max"));
    let of_a_line = bytes / u64::try_from(lines.len()).expect("some");
    let actions = vec![json!({ "type": "lines", "percentage": "0.01" }); 10];
    let promotion = json!({ "name": "Ten times one", "enabled": true, "actions": actions });
    open.shop.staff.post("/admin/promotions", promotion).ok(201).await;
    for _ in 0..(bytes - bytes_max) / of_a_line + 3 {
        let line = lines.pop().expect("a line");
        let line = line.as_str().expect("an id");
        guest.delete(&format!("/carts/{cart}/lines/{line}")).ok(200).await;
    }
    let done = guest.post(&path, pay).key(&unique("key")).ok(200).await;
    let order = done["order"]["id"].as_str().expect("an id");
    let why = guest.get(&format!("/orders/{order}/explain")).ok(200).await;
    assert_eq!(why["promotions"][0]["name"], "Ten times one", "{why}");
}
