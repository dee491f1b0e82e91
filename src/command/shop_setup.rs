//! What replay and bench need of a store before they can buy in it: no tax, free shipping to everywhere, variants.

use crate::client::{Call, Connection, list_all, percent_encoded};
use crate::output;
use anyhow::bail;
use hyper::header::HeaderValue;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

/// The word for every country.
const EVERYWHERE: &str = "*";

/// The tax category of products that name none.
const TAX_CATEGORY: &str = "standard";

/// The setting under which tax comes on top of prices.
const NET_PRICES: &str = "exclude_tax";

/// The name of the tax zone that is made where there is none for everywhere.
const ZONE_NAME: &str = "Everywhere";

/// The name of the shipping method that is made where there is none that is free and for everywhere.
const METHOD_NAME: &str = "Free shipping";

#[derive(Debug, Deserialize)]
struct Zone {
    name: String,
    countries: Vec<String>,
    rates: Vec<Rate>,
}

#[derive(Debug, Deserialize)]
struct Rate {
    rate: Decimal,
}

#[derive(Debug, Deserialize)]
struct Money {
    amount: i64,
    currency: String,
}

#[derive(Debug, Deserialize)]
struct Method {
    id: String,
    countries: Vec<String>,
    #[serde(default)]
    except: Value,
    /// Of one that costs the same whatever is sent; of others there is none.
    price: Option<Money>,
    #[serde(default)]
    conditions: Value,
    enabled: bool,
}

impl Method {
    /// Tells whether every cart in a currency may choose it, to everywhere, and pays nothing.
    fn is_free(&self, currency: &str) -> bool {
        let price = self.price.as_ref();
        self.enabled
            && self.countries.iter().any(|country| country == EVERYWHERE)
            && is_unsaid(&self.except)
            && is_unsaid(&self.conditions)
            && price.is_some_and(|price| price.amount == 0 && price.currency == currency)
    }
}

/// Tells whether nothing stands in any part of an answer.
fn is_unsaid(part: &Value) -> bool {
    match part {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(parts) => parts.values().all(is_unsaid),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Makes sure that orders everywhere carry no tax. Doing it again changes nothing.
///
/// # Errors
/// The zone for everywhere takes tax, and what to do about it.
pub(crate) async fn ensure_no_tax(connection: &mut Connection, staff: &HeaderValue) -> anyhow::Result<()> {
    let zones: Vec<Zone> = list_all(connection, staff, "/admin/tax/zones").await?;
    let takes_tax = |zone: &Zone| zone.rates.iter().any(|rate| !rate.rate.is_zero());
    let mut is_covered = false;
    for zone in &zones {
        let everywhere = zone.countries.iter().any(|country| country == EVERYWHERE);
        is_covered |= everywhere;
        if everywhere && takes_tax(zone) {
            bail!(
                "the tax zone {:?} takes tax everywhere, and these orders are without: set its rates to 0 through \
                 /api/v1/admin/tax/zones, or use a store of its own for this",
                zone.name
            );
        }
        if takes_tax(zone) {
            output::note(format!(
                "note: the tax zone {:?} takes tax, so that orders to its places may not match",
                zone.name
            ));
        }
    }
    if !is_covered {
        let zone = json!({
            "name": ZONE_NAME,
            "countries": [EVERYWHERE],
            "rates": [{"category": TAX_CATEGORY, "name": "No tax", "rate": "0"}],
        });
        connection
            .call(Call::post("/admin/tax/zones").staff(staff).body(zone.to_string()))
            .await?;
    }
    Ok(())
}

/// Makes sure that the store's prices are without tax.
///
/// # Errors
/// They contain it, and what to do about it.
pub(crate) async fn require_net_prices(
    connection: &mut Connection,
    staff: &HeaderValue,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Settings {
        prices: String,
    }
    let settings = connection.call(Call::get("/admin/settings").staff(staff)).await?;
    if settings.json::<Settings>()?.prices != NET_PRICES {
        bail!(
            "the store's prices contain tax, and those of the file do not: set \"prices\" to {NET_PRICES:?} through \
             /api/v1/admin/settings, or use a store of its own for this"
        );
    }
    Ok(())
}

/// Makes sure that there is a shipping method that is free for every cart to everywhere and returns its id. Doing it
/// again changes nothing.
///
/// # Errors
/// The server refuses.
pub(crate) async fn ensure_free_shipping(
    connection: &mut Connection,
    staff: &HeaderValue,
    currency: &str,
) -> anyhow::Result<String> {
    let methods: Vec<Method> = list_all(connection, staff, "/admin/shipping/methods").await?;
    if let Some(method) = methods.into_iter().find(|method| method.is_free(currency)) {
        return Ok(method.id);
    }
    let method = json!({
        "name": METHOD_NAME,
        "countries": [EVERYWHERE],
        "price": {"amount": 0, "currency": currency},
        "free_from": null,
        "tax_category": TAX_CATEGORY,
        "enabled": true,
    });
    let answer = connection
        .call(
            Call::post("/admin/shipping/methods")
                .staff(staff)
                .body(method.to_string()),
        )
        .await?;
    Ok(answer.json::<Method>()?.id)
}

/// Returns the id of the variant with this SKU.
///
/// # Errors
/// The server refuses.
pub(crate) async fn find_variant(
    connection: &mut Connection,
    staff: &HeaderValue,
    sku: &str,
) -> anyhow::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Variant {
        id: String,
    }
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Variant>,
    }
    let path = format!("/admin/variants?sku={}", percent_encoded(sku));
    let page: Page = connection.call(Call::get(&path).staff(staff)).await?.json()?;
    Ok(page.items.into_iter().next().map(|variant| variant.id))
}
