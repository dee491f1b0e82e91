//! Addresses are checked by how their country writes them.

use crate::support::OpenShop;
use serde_json::{Value, json};

fn san_francisco(region: &str, postal_code: &str) -> Value {
    json!({
        "line1": "1 Market Street", "city": "San Francisco", "region": region, "postal_code": postal_code,
        "country": "US",
    })
}

#[tokio::test]
async fn what_an_address_lacks_is_said_at_once_with_an_example() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let body = json!({
        "shipping_address": san_francisco("Kalifornien", "9410"),
        "billing_address": { "line1": "1 High Street", "city": "Leeds", "country": "GB" },
    });
    let problem = guest
        .patch("/carts/current", body)
        .refused(422, "request.invalid_fields")
        .await;
    let expected = json!([
        {
            "pointer": "/shipping_address/region",
            "code": "address.unknown_region",
            "message": "not one of the 62 states, provinces or counties of US: expected one such as AL",
        },
        {
            "pointer": "/shipping_address/postal_code",
            "code": "address.invalid_postal_code",
            "message": "not a postal code of US: expected one such as 94103",
        },
        {
            "pointer": "/billing_address/postal_code",
            "code": "address.missing",
            "message": "must be given in GB: expected one such as SW1A 1AA",
        },
    ]);
    assert_eq!(problem["errors"], expected);
}

#[tokio::test]
async fn an_address_is_answered_as_its_country_writes_it() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let warsaw =
        json!({ "line1": "ul. Prosta 1", "city": "Warszawa", "postal_code": " 00001", "country": "PL" });
    let body = json!({ "shipping_address": san_francisco("california", "94103"), "billing_address": warsaw });
    let cart = guest.patch("/carts/current", body).ok(200).await;
    let (to, payer) = (&cart["shipping_address"], &cart["billing_address"]);
    assert_eq!(
        (&to["region"], &to["postal_code"]),
        (&json!("CA"), &json!("94103"))
    );
    assert_eq!(
        (&payer["city"], &payer["postal_code"]),
        (&json!("Warszawa"), &json!("00-001"))
    );
}
