//! A shop of a few lines that speaks the part of the contract the clients use, and misbehaves when asked to.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The token the shop takes.
pub(crate) const TOKEN: &str = "staff-token";

/// How the shop misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Not at all.
    #[default]
    Good,
    /// Every order costs a penny more than its lines.
    Dear,
    /// Every second call is answered with 503 first.
    Busy,
    /// A payment is settled only when somebody asks for it.
    Slow,
}

/// Something that is sold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) title: String,
    pub(crate) price: Option<Value>,
    /// Units on hand, where stock is tracked.
    pub(crate) stock: Option<i64>,
    /// Units promised to orders.
    pub(crate) allocated: i64,
}

/// What the shop knows. Ids are the SKU for variants and counted numbers for the rest.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) mood: Mood,
    pub(crate) variants: BTreeMap<String, Variant>,
    pub(crate) zones: Vec<Value>,
    pub(crate) methods: Vec<Value>,
    pub(crate) orders: Vec<Order>,
    pub(crate) adjustments: Vec<Value>,
    /// The bodies of all calls to import.
    pub(crate) imports: usize,
    carts: Vec<Order>,
    calls: usize,
}

/// A cart, and later an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) email: String,
    pub(crate) country: String,
    /// SKU, quantity, and the custom field `row`.
    pub(crate) lines: Vec<(String, i64, String)>,
    pub(crate) total: i64,
}

/// A shop that is open.
#[derive(Clone)]
pub(crate) struct FakeShop {
    address: SocketAddr,
    shop: Arc<Mutex<Shop>>,
}

impl FakeShop {
    /// Opens a shop on a free port; it closes with the test.
    pub(crate) fn open(mood: Mood) -> Self {
        let shop = Arc::new(Mutex::new(Shop {
            mood,
            ..Shop::default()
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener
            .set_nonblocking(true)
            .expect("a socket can be nonblocking");
        let address = listener.local_addr().expect("a bound socket has an address");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shop));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the socket is usable");
                axum::serve(listener, router).await
            })
        });
        Self { address, shop }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at, or changes, what the shop knows.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Shop) -> T) -> T {
        look(&mut self.shop.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(
    State(shop): State<Arc<Mutex<Shop>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut shop = shop.lock().unwrap_or_else(PoisonError::into_inner);
    shop.calls += 1;
    if shop.mood == Mood::Busy && shop.calls % 2 == 1 {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "try again");
    }
    let path = uri.path().strip_prefix("/api/v1/").unwrap_or_default();
    let is_staff = headers
        .get("authorization")
        .is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    if path.starts_with("admin/") && !is_staff {
        return problem(
            StatusCode::UNAUTHORIZED,
            "auth.token_invalid",
            "the token is not one of this store's",
        );
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    shop.answer(&method, &segments, uri.query().unwrap_or_default(), &body)
}

fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    (
        status,
        Json(json!({"status": status.as_u16(), "error": code, "message": message})),
    )
        .into_response()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Shop {
    fn answer(&mut self, method: &Method, segments: &[&str], query: &str, body: &Value) -> Response {
        let post = method == Method::POST;
        match segments {
            ["admin", "actors"] => {
                let process = json!({"id": 1, "user_ms": self.calls, "system_ms": 0, "resident_bytes": 1 << 20, "write_bytes": 0});
                Json(json!({"kinds": [], "process": process, "store": {"groups": self.calls}}))
                    .into_response()
            }
            ["admin", "settings"] => Json(json!({"currency": "GBP"})).into_response(),
            ["admin", "tax", "zones"] => Self::list(&mut self.zones, post, body, "txz"),
            ["admin", "shipping", "methods"] => Self::list(&mut self.methods, post, body, "shm"),
            ["admin", "catalog", "import"] => self.import(body),
            ["admin", "variants"] => {
                let sku = query.strip_prefix("sku=").unwrap_or_default().replace("%20", " ");
                let items: Vec<Value> = self
                    .variants
                    .contains_key(&sku)
                    .then(|| json!({"id": sku.replace(' ', "+")}))
                    .into_iter()
                    .collect();
                Json(json!({"items": items, "next_cursor": null})).into_response()
            }
            ["admin", "variants", id, "stock", rest @ ..] => {
                self.stock(&id.replace('+', " "), method, !rest.is_empty(), body)
            }
            ["session"] => (
                [("set-cookie", "cartwright_session=s; HttpOnly")],
                Json(json!({"id": "s"})),
            )
                .into_response(),
            ["carts"] => {
                self.carts.push(Order::default());
                (
                    StatusCode::CREATED,
                    Json(json!({"id": (self.carts.len() - 1).to_string()})),
                )
                    .into_response()
            }
            ["carts", id, rest @ ..] => self.cart(id.parse().unwrap_or_default(), rest, body),
            ["checkouts", id] => self.settled(id.parse().unwrap_or_default()),
            _ => problem(StatusCode::NOT_FOUND, "", ""),
        }
    }

    fn list(items: &mut Vec<Value>, post: bool, body: &Value, prefix: &str) -> Response {
        if !post {
            return Json(json!({"items": items, "next_cursor": null})).into_response();
        }
        let mut item = body.clone();
        item["id"] = json!(format!("{prefix}_{}", items.len()));
        items.push(item.clone());
        (StatusCode::CREATED, Json(item)).into_response()
    }

    fn import(&mut self, body: &Value) -> Response {
        self.imports += 1;
        let mut results = Vec::new();
        for row in body["rows"].as_array().into_iter().flatten() {
            let sku = text(&row["sku"]);
            if sku == "REFUSED" {
                let message = "the SKU is not to our taste";
                results.push(json!({"row": row["row"], "sku": sku, "outcome": "refused", "error": "sku.bad", "message": message}));
                continue;
            }
            let title = row["title"].as_str().unwrap_or(&sku).to_owned();
            let price = Some(row["price"].clone()).filter(|price| !price.is_null());
            let before = self.variants.get(&sku);
            let stock = row["stock"].as_i64().or(before.and_then(|variant| variant.stock));
            let allocated = before.map_or(0, |variant| variant.allocated);
            let variant = Variant {
                title,
                price,
                stock,
                allocated,
            };
            let outcome = match before {
                None => "created",
                Some(before) if *before == variant => "unchanged",
                Some(_) => "updated",
            };
            results.push(json!({"row": row["row"], "sku": sku, "outcome": outcome}));
            self.variants.insert(sku, variant);
        }
        Json(json!({"results": results})).into_response()
    }

    fn stock(&mut self, sku: &str, method: &Method, adjusting: bool, body: &Value) -> Response {
        let Some(variant) = self.variants.get_mut(sku) else {
            return problem(StatusCode::NOT_FOUND, "variant.unknown", sku);
        };
        if adjusting {
            self.adjustments.push(body.clone());
            let after = variant.stock.unwrap_or_default() + body["delta"].as_i64().unwrap_or_default();
            if after < variant.allocated {
                return problem(StatusCode::CONFLICT, "stock.held", "orders hold what is left");
            }
            variant.stock = Some(after);
        } else if method == Method::PUT {
            variant.stock = body["on_hand"].as_i64();
        }
        let available = variant.stock.map(|units| units - variant.allocated);
        Json(json!({
            "tracked": variant.stock.is_some(), "on_hand": variant.stock.unwrap_or_default(), "reserved": 0,
            "allocated": variant.allocated, "buffer": 0, "available": available,
        }))
        .into_response()
    }

    fn cart(&mut self, id: usize, rest: &[&str], body: &Value) -> Response {
        let Some(cart) = self.carts.get_mut(id) else {
            return problem(StatusCode::NOT_FOUND, "cart.unknown", "");
        };
        match rest {
            ["lines"] => {
                let sku = text(&body["variant_id"]).replace('+', " ");
                let quantity = body["quantity"].as_i64().unwrap_or_default();
                let held: i64 = cart
                    .lines
                    .iter()
                    .filter(|line| line.0 == sku)
                    .map(|line| line.1)
                    .sum();
                let variant = self.variants.entry(sku.clone()).or_default();
                if variant
                    .stock
                    .is_some_and(|stock| stock - variant.allocated < held + quantity)
                {
                    return problem(StatusCode::CONFLICT, "stock.short", "only a few left");
                }
                let price = &body["unit_price"];
                let tenths = match (price["amount"].as_i64(), price["unit_price"].as_str()) {
                    (Some(pennies), _) => pennies * 10,
                    (None, Some(text)) => text
                        .strip_prefix("0.00")
                        .map_or(0, |tenth| tenth.parse().unwrap_or_default()),
                    (None, None) => 0,
                };
                cart.total += (tenths * quantity + 5) / 10;
                cart.lines
                    .push((sku, quantity, text(&body["custom_fields"]["row"])));
            }
            ["complete"] => return self.complete(id),
            _ => {
                cart.email = text(&body["email"]);
                cart.country = text(&body["shipping_address"]["country"]);
            }
        }
        Json(json!({"id": id.to_string(), "version": 1})).into_response()
    }

    fn complete(&mut self, id: usize) -> Response {
        let mut order = self.carts[id].clone();
        for (sku, quantity, _) in &order.lines {
            self.variants.entry(sku.clone()).or_default().allocated += quantity;
        }
        order.total += i64::from(self.mood == Mood::Dear);
        self.orders.push(order);
        if self.mood == Mood::Slow {
            let checkout =
                json!({"id": (self.orders.len() - 1).to_string(), "state": "payment_unknown", "order": null});
            return (StatusCode::ACCEPTED, Json(checkout)).into_response();
        }
        self.settled(self.orders.len() - 1)
    }

    fn settled(&self, order: usize) -> Response {
        let total = json!({"amount": self.orders[order].total, "currency": "GBP"});
        let order =
            json!({"id": "ord_1", "number": order + 1, "token": "t", "total": total, "status": "confirmed"});
        Json(json!({"id": "0", "state": "completed", "order": order})).into_response()
    }
}
