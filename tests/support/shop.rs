//! A shop to buy in, set up and watched through the admin API.

use super::client::{Answer, Client};
use super::server::Server;
use cartwright_domain::address::Input;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

static COUNTER: AtomicU64 = AtomicU64::new(1);

/// Returns a text that no other test of this run uses: a SKU, an idempotency key.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Returns an amount of pence as it stands on the wire.
pub(crate) fn pence(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "GBP" })
}

/// Returns the amount of a value on the wire, which must be in pence.
#[track_caller]
pub(crate) fn amount_of(money: &Value) -> i64 {
    assert_eq!(money["currency"], "GBP", "{money} is not in pounds");
    money["amount"]
        .as_i64()
        .unwrap_or_else(|| panic!("{money} is no amount"))
}

/// Returns an address in a country.
pub(crate) fn address(country: &str) -> Value {
    let country = country.parse().expect("a country of the test");
    let address = Input::example("Ada Ordinary", "1 Mill Lane", "Leeds", country);
    json!({
        "name": address.name,
        "line1": address.line1,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
    })
}

/// Something that is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) id: String,
    pub(crate) product_id: String,
    pub(crate) sku: String,
}

/// A shop as staff sees it.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    /// Staff.
    pub(crate) staff: Client,
    /// The server, where it is shared: whoever has the shop has it open.
    kept_open: Option<Arc<Server>>,
}

/// A shop that is open for business: nothing is taxed, and the post brings everything everywhere for nothing.
#[derive(Clone, Debug)]
pub(crate) struct OpenShop {
    pub(crate) server: Arc<Server>,
    pub(crate) shop: Shop,
    /// The shipping method.
    pub(crate) method: String,
}

static SHARED: Mutex<Option<(Weak<Server>, String)>> = Mutex::const_new(None);

impl OpenShop {
    /// Opens a shop on a server of its own.
    pub(crate) async fn fresh() -> Self {
        Self::on(Server::fresh()).await
    }

    /// Opens a shop on a server that was started just now.
    pub(crate) async fn on(server: Server) -> Self {
        let shop = server.shop();
        let method = shop.everywhere().await;
        Self {
            server: Arc::new(server),
            shop,
            method,
        }
    }

    /// Returns a shop that other tests use too. Whoever takes it leaves settings, zones and shipping methods alone
    /// and sells only what it brought. Its server is killed when the last test lets it go.
    pub(crate) async fn shared() -> Self {
        let mut shared = SHARED.lock().await;
        let open = shared.as_ref().and_then(|(server, method)| {
            let server = server.upgrade()?;
            Some((server, method.clone()))
        });
        let (server, method) = match open {
            Some(open) => open,
            None => {
                let Self { server, method, .. } = Self::fresh().await;
                *shared = Some((Arc::downgrade(&server), method.clone()));
                (server, method)
            }
        };
        let shop = Shop {
            kept_open: Some(Arc::clone(&server)),
            ..server.shop()
        };
        Self { server, shop, method }
    }

    /// Returns the server, for a test that holds it alone.
    pub(crate) fn into_server(self) -> Server {
        Arc::into_inner(self.server).expect("nobody else holds the server")
    }
}

/// What is bought and how it is paid.
#[derive(Clone, Debug)]
pub(crate) struct Purchase<'a> {
    /// The idempotency key of the completion.
    pub(crate) key: &'a str,
    /// The sandbox's token, such as `tok_approve`.
    pub(crate) token: &'a str,
}

impl Shop {
    /// Returns the shop behind a server.
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            staff: server.staff(),
            kept_open: None,
        }
    }

    /// Returns the shop of its staff.
    pub(crate) fn by(staff: &Client) -> Self {
        Self {
            staff: staff.clone(),
            kept_open: None,
        }
    }

    /// Returns the shop behind a server, for staff who came before its restart.
    pub(crate) fn of(staff: &Client, server: &Server) -> Self {
        Self {
            staff: staff.at(server.url()),
            kept_open: None,
        }
    }

    /// Returns the shop after a restart, at its new address.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self::of(&self.staff, server)
    }

    /// Returns a caller who has opened a session.
    pub(crate) async fn guest(&self) -> Client {
        let guest = self.staff.stranger();
        guest.post("/session", json!({})).ok(201).await;
        guest
    }

    /// Creates a tax zone with one standard rate, such as "0.2", and returns its id.
    pub(crate) async fn zone(&self, name: &str, countries: &[&str], rate: &str) -> String {
        let body = json!({
            "name": name,
            "countries": countries,
            "rates": [{ "category": "standard", "name": "VAT", "rate": rate }],
        });
        id_of(&self.staff.post("/admin/tax/zones", body).ok(201).await)
    }

    /// Creates a shipping method at a flat rate, and returns its id.
    pub(crate) async fn shipping(&self, name: &str, countries: &[&str], price: i64) -> String {
        let body = json!({
            "name": name,
            "countries": countries,
            "price": pence(price),
            "tax_category": "standard",
            "enabled": true,
        });
        id_of(&self.staff.post("/admin/shipping/methods", body).ok(201).await)
    }

    /// Makes the whole world a place where nothing is taxed and shipping is free, and returns the shipping method.
    pub(crate) async fn everywhere(&self) -> String {
        self.zone("Everywhere", &["*"], "0").await;
        self.shipping("Post", &["*"], 0).await
    }

    /// Creates an active product with one variant at a price in pence. Without a stock it is untracked.
    pub(crate) async fn variant(&self, price: i64, stock: Option<u64>) -> Variant {
        self.variant_named(&unique("SKU"), price, stock).await
    }

    /// As [`Shop::variant`], with a SKU of one's own.
    pub(crate) async fn variant_named(&self, sku: &str, price: i64, stock: Option<u64>) -> Variant {
        let body = json!({
            "title": format!("Product {sku}"),
            "handle": unique("product"),
            "status": "active",
            "variants": [{ "sku": sku, "price": pence(price) }],
        });
        let product = self.staff.post("/admin/products", body).ok(201).await;
        let variant = Variant {
            id: id_of(&product["variants"][0]),
            product_id: id_of(&product),
            sku: sku.to_owned(),
        };
        if let Some(on_hand) = stock {
            self.set_stock(&variant, on_hand).await;
        }
        variant
    }

    /// Sets the units on hand of a variant, which is tracked from then on.
    pub(crate) async fn set_stock(&self, variant: &Variant, on_hand: u64) {
        let path = format!("/admin/variants/{}/stock", variant.id);
        let body = json!({ "tracked": true, "on_hand": on_hand });
        self.staff.put(&path, body).ok(200).await;
    }

    /// Sets the price of a variant in pence.
    pub(crate) async fn set_price(&self, variant: &Variant, price: i64) {
        let path = format!("/admin/variants/{}/price", variant.id);
        self.staff.put(&path, pence(price)).ok(200).await;
    }

    /// Returns the stock item of a variant.
    pub(crate) async fn stock(&self, variant: &Variant) -> Value {
        let path = format!("/admin/variants/{}/stock", variant.id);
        self.staff.get(&path).ok(200).await
    }

    /// Returns units on hand, reserved and allocated of a variant.
    pub(crate) async fn units(&self, variant: &Variant) -> (i64, i64, i64) {
        let stock = self.stock(variant).await;
        let units = |field: &str| {
            stock[field]
                .as_i64()
                .unwrap_or_else(|| panic!("no {field} in {stock}"))
        };
        (units("on_hand"), units("reserved"), units("allocated"))
    }

    /// Changes the store's settings.
    pub(crate) async fn settings(&self, change: Value) -> Value {
        self.staff.patch("/admin/settings", change).ok(200).await
    }

    /// Opens a cart of these variants and quantities, and returns it.
    pub(crate) async fn cart(&self, guest: &Client, lines: &[(&Variant, u64)]) -> Value {
        let mut cart = guest.post("/carts", json!({})).ok(201).await;
        for (variant, quantity) in lines {
            let path = format!("/carts/{}/lines", id_of(&cart));
            let body = json!({ "variant_id": variant.id, "quantity": quantity });
            cart = guest.post(&path, body).ok(200).await;
        }
        cart
    }

    /// Gives a cart all that a checkout needs: e-mail, an address in a country, shipping. Returns the cart.
    pub(crate) async fn address(&self, guest: &Client, cart: &str, method: &str, country: &str) -> Value {
        let body = json!({
            "email": "ada@example.com",
            "shipping_address": address(country),
            "shipping_method_id": method,
        });
        guest.patch(&format!("/carts/{cart}"), body).ok(200).await
    }

    /// Opens a cart that can be completed, and returns its id.
    pub(crate) async fn ready_cart(&self, guest: &Client, method: &str, lines: &[(&Variant, u64)]) -> String {
        let cart = id_of(&self.cart(guest, lines).await);
        self.address(guest, &cart, method, "GB").await;
        cart
    }

    /// Completes a cart, whatever becomes of it.
    pub(crate) async fn complete(&self, guest: &Client, cart: &str, purchase: &Purchase<'_>) -> Answer {
        let body = json!({ "payment": { "token": purchase.token } });
        let path = format!("/carts/{cart}/complete");
        guest.post(&path, body).key(purchase.key).send().await
    }

    /// Buys with an approved payment and a key of its own, and returns the checkout, with its order.
    pub(crate) async fn buy(&self, guest: &Client, method: &str, lines: &[(&Variant, u64)]) -> Value {
        let cart = self.ready_cart(guest, method, lines).await;
        let key = unique("key");
        let purchase = Purchase {
            key: &key,
            token: "tok_approve",
        };
        let checkout = self.complete(guest, &cart, &purchase).await.expect(200);
        assert_eq!(checkout["state"], "completed", "{checkout}");
        checkout
    }

    /// Returns an order as staff sees it.
    pub(crate) async fn order(&self, order: &str) -> Value {
        self.staff.get(&format!("/admin/orders/{order}")).ok(200).await
    }

    /// Returns every order, oldest number first.
    pub(crate) async fn orders(&self) -> Vec<Value> {
        let mut orders = self.list("/admin/orders").await;
        orders.sort_by_key(|order| order["number"].as_u64());
        orders
    }

    /// Returns all items of a list of staff's, page by page.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.staff.get(&format!("{path}?limit=100{cursor}")).ok(200).await;
            let found = page["items"].as_array().expect("a list has items");
            items.extend(found.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// Returns the id of an entity.
#[track_caller]
pub(crate) fn id_of(entity: &Value) -> String {
    entity["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{entity} has no id"))
        .to_owned()
}
