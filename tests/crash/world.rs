//! The shop that is killed, and requests that can be sent again.

use crate::support::{Answer, Client, Shop, Variant};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Mutex;

/// Units on hand of most variants.
const PLENTY: u64 = 100_000;
/// Units on hand of a variant that runs out.
const SCARCE: u64 = 40;
/// Numbers of the variants that do not run out.
pub(crate) const PLENTIFUL: [usize; 4] = [0, 1, 2, 5];
/// The codes of the gift cards that everybody spends from,
pub(crate) const GIFT_CARD_CODES: [&str; 2] = ["FEWP-ENCE", "MANY-PENCE"];
/// and what is on each at the beginning: one that is empty soon, and one that lasts.
pub(crate) const GIFT_CARD_BALANCES: [i64; 2] = [20_000, 10_000_000];
/// How long a reservation lasts. Everything is short, so that sagas end soon.
const RESERVATION_SECONDS: u64 = 2;
/// How long a checkout may wait for its payment.
const CHECKOUT_SECONDS: u64 = 3;
/// How long the provider may take.
const PROVIDER_SECONDS: u64 = 1;

/// What is sold, and what everybody knows.
#[derive(Debug)]
pub(crate) struct World {
    /// The variants, the last of which is not counted.
    pub(crate) variants: Vec<Variant>,
    pub(crate) method: String,
    /// Orders that shoppers were told of and that staff may cancel.
    pub(crate) told_orders: Mutex<Vec<String>>,
}

impl World {
    pub(crate) async fn furnish(shop: &Shop) -> Self {
        shop.settings(json!({
            "reservation_seconds": RESERVATION_SECONDS,
            "checkout_seconds": CHECKOUT_SECONDS,
            "provider_seconds": PROVIDER_SECONDS,
        }))
        .await;
        shop.zone("Everywhere", &["*"], "0.2").await;
        let method = shop.shipping("Post", &["*"], 395).await;
        let mut variants = Vec::new();
        for (price, stock) in [
            (199, Some(PLENTY)),
            (250, Some(PLENTY)),
            (1_999, Some(PLENTY)),
            (5, Some(SCARCE)),
            (75, Some(SCARCE)),
            (0, None),
        ] {
            variants.push(shop.variant(price, stock).await);
        }
        for (code, amount) in GIFT_CARD_CODES.iter().zip(GIFT_CARD_BALANCES) {
            let card = json!({ "code": code, "amount": { "amount": amount, "currency": "GBP" } });
            shop.staff.post("/admin/gift-cards", card).ok(201).await;
        }
        Self {
            variants,
            method,
            told_orders: Mutex::default(),
        }
    }

    /// Returns units on hand of each variant at the beginning; none where they are not counted.
    pub(crate) fn opening(&self) -> Vec<Option<i64>> {
        let (plenty, scarce) = (PLENTY.cast_signed(), SCARCE.cast_signed());
        vec![
            Some(plenty),
            Some(plenty),
            Some(plenty),
            Some(scarce),
            Some(scarce),
            None,
        ]
    }

    /// Returns which variant an id is of.
    pub(crate) fn number_of(&self, id: &Value) -> usize {
        let found = self
            .variants
            .iter()
            .position(|variant| *id == variant.id.as_str());
        found.unwrap_or_else(|| panic!("{id} is no variant of ours"))
    }
}

/// A request that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) key: Option<String>,
}

impl Request {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            body: None,
            key: None,
        }
    }

    pub(crate) fn post(path: String, body: Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn key(mut self, key: Option<String>) -> Self {
        self.key = key;
        self
    }

    /// Sends it. Without an answer, or with one that says to try again, nobody knows whether it was done.
    pub(crate) async fn send(&self, client: &Client) -> Option<Answer> {
        let mut call = client.call(self.method.clone(), &self.path);
        if let Some(body) = &self.body {
            call = call.json(body);
        }
        if let Some(key) = &self.key {
            call = call.key(key);
        }
        let answer = match call.try_send().await {
            Ok(answer) => answer,
            Err(error) => {
                assert!(
                    !error.is_timeout(),
                    "{self:?} was not answered in time: {error:?}"
                );
                return None;
            }
        };
        assert_ne!(answer.status, 500, "{self:?}: {}", answer.text);
        match answer.status {
            429 | 503 | 504 => None,
            _ => Some(answer),
        }
    }
}

/// Returns the stable code of a refusal.
pub(crate) fn code_of(answer: &Answer) -> &str {
    answer.json["error"].as_str().unwrap_or_default()
}
