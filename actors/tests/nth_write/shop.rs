//! The shop as its users see it, without what differs from run to run: ids, times, secrets.

use crate::support::house::{Goods, House, PATIENCE, Running, staff};
use cartwright_actors::cart::{CartRef, DetailsDraft, View};
use cartwright_actors::catalog::{ProductView, Visibility};
use cartwright_actors::page::PAGE_LIMIT_MAX;
use cartwright_actors::{Engine, PageRequest, Request, new_seed};
use cartwright_domain::cart::Patch;
use cartwright_domain::catalog::{UpdateProduct, UpdateVariant};
use cartwright_domain::id::{ProductId, VariantId};
use cartwright_domain::inventory::StockLevels;
use cartwright_domain::{Caller, customer, settings, shipping, tax};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a mail may take.
const MAIL_MAX: Duration = Duration::from_secs(60);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Shopper,
    Staff,
}

/// An engine, and what its shop sells.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) goods: Goods,
}

pub(crate) fn everything() -> PageRequest {
    PageRequest {
        limit: PAGE_LIMIT_MAX,
        cursor: None,
    }
}

impl Desk {
    pub(crate) fn new(running: &Running, house: &House) -> Self {
        Self {
            engine: running.engine.clone(),
            goods: house.goods,
        }
    }

    pub(crate) fn request(&self, by: By) -> Request {
        match by {
            By::Shopper => Request {
                caller: Arc::new(Caller::of_session(self.goods.sessions[0])),
                ..Request::internal("test", new_seed(), PATIENCE)
            },
            By::Staff => staff(),
        }
    }

    /// Returns what there is to see, in a fixed order.
    pub(crate) async fn seen(&self, house: &House) -> Vec<String> {
        let mut seen = Vec::new();
        let skus = self.seen_catalog(&mut seen).await;
        for zone in self.engine.tax_zones(everything()).await.unwrap().items {
            let (name, territory, rates) = (zone.state.name(), zone.state.territory(), zone.state.rates());
            let revision = zone.revision;
            seen.push(format!("zone {name} {territory:?} {rates:?} {revision:?}"));
        }
        for customer in self.engine.customers(everything()).await.unwrap().items {
            let (state, revision) = (&customer.state, customer.revision);
            let (name, groups, tax) = (&state.external_id, &state.groups, &state.tax);
            seen.push(format!("customer {name:?} {groups:?} {tax:?} {revision:?}"));
            for credit in self
                .engine
                .store_credit(customer.id, everything())
                .await
                .unwrap()
                .items
            {
                let (balance, held) = (credit.state.balance(), credit.state.held());
                seen.push(format!("store credit of {name:?} {balance:?} {held:?}"));
            }
        }
        for method in self.engine.shipping_methods(everything()).await.unwrap().items {
            let (name, price, revision) = (method.state.name(), method.state.tariffs(), method.revision);
            seen.push(format!("method {name} {price:?} {revision:?}"));
        }
        for list in self.engine.price_lists(everything()).await.unwrap().items {
            let (name, priority) = (&list.state.name, list.state.priority);
            seen.push(format!("price list {name} {priority} {:?}", list.revision));
        }
        for view in self.engine.promotions(everything()).await.unwrap().items {
            let (promotion, used) = (&view.promotion, view.used);
            let name = &promotion.state.name;
            seen.push(format!("promotion {name} {:?} used {used:?}", promotion.revision));
            let codes = self
                .engine
                .coupon_codes(promotion.id, everything())
                .await
                .unwrap();
            let given = codes
                .items
                .iter()
                .filter(|code| code.code.state.code.as_str().starts_with("TEN-"));
            let given: Vec<_> = given.map(|code| &code.code.state.code).collect();
            // Of a draw that failed codes may be left that nobody was told of.
            seen.push(format!("codes of {name} {given:?}"));
        }
        let settings = self.engine.settings().await.unwrap();
        seen.push(format!("settings {:?} {:?}", settings.state, settings.revision));
        self.seen_carts(&skus, &mut seen).await;
        self.seen_orders(house, &mut seen).await;
        seen.sort();
        seen
    }

    async fn seen_catalog(&self, seen: &mut Vec<String>) -> BTreeMap<VariantId, String> {
        let mut skus = BTreeMap::new();
        for view in self.products().await {
            let product = &view.product.state;
            let (title, handle, revision) = (&product.title, product.handle.as_str(), view.product.revision);
            seen.push(format!(
                "product {title} {handle} {:?} {revision:?}",
                product.status
            ));
            for held in &view.variants {
                let (variant, revision) = (&held.variant.state, held.variant.revision);
                skus.insert(variant.id, variant.sku.to_string());
                seen.push(format!(
                    "variant {} {} of {handle} {:?} {revision:?}",
                    variant.sku, variant.title, variant.prices
                ));
                if let Some(stock) = self.engine.stock(variant.id).await.unwrap() {
                    let item = &stock.state;
                    seen.push(format!(
                        "stock of {}: tracked {}, {} on hand, {} reserved, {} allocated, {} buffer",
                        variant.sku,
                        item.is_tracked(),
                        item.on_hand(),
                        item.reserved(),
                        item.allocated(),
                        item.buffer()
                    ));
                }
            }
        }
        skus
    }

    async fn seen_carts(&self, skus: &BTreeMap<VariantId, String>, seen: &mut Vec<String>) {
        let session = self.engine.session(&self.request(By::Shopper)).await.ok();
        let current = session.and_then(|session| session.state.cart());
        for view in self.engine.carts(&staff(), everything()).await.unwrap().items {
            let cart = &view.priced.cart.state;
            let is_current = current == Some(cart.id());
            if cart.lines().is_empty() && !is_current {
                // Somebody asked for a cart and never got to know it: it goes by itself.
                continue;
            }
            let lines = cart
                .lines()
                .iter()
                .map(|line| (&skus[&line.variant], line.quantity));
            let lines: BTreeMap<&String, u32> = lines.collect();
            let (total, due) = (view.priced.quote.total, view.priced.coverage.due);
            seen.push(format!(
                "cart {}, current {is_current}, of {:?} to {:?} by {:?}: {lines:?} with {:?}, {} cards or credits, \
                 a customer {}: {total:?}, {due:?} due",
                cart.state().name(),
                cart.email(),
                cart.shipping_address(),
                cart.shipping().map(|shipping| &shipping.name),
                cart.codes(),
                cart.stored_values().len(),
                cart.customer().is_some()
            ));
        }
    }

    async fn seen_orders(&self, house: &House, seen: &mut Vec<String>) {
        let orders = self.engine.orders(everything()).await.unwrap().items;
        for order in &orders {
            let order = &order.state;
            let quote = &order.quote().quote;
            let paid = order.payments().iter();
            let paid: Vec<_> = paid
                .map(|payment| (payment.captured(), payment.refunded(), payment.state()))
                .collect();
            let (number, status, total) = (order.number(), order.status().name(), quote.total);
            seen.push(format!(
                "order {number:?} {status} {} units {total:?} {paid:?}",
                quote.units()
            ));
        }
        for card in self.engine.gift_cards(everything()).await.unwrap().items {
            let card = &card.state;
            seen.push(format!("gift card {:?} {:?}", card.balance(), card.held()));
        }
        for payment in house.ledger().payments {
            if payment.voided && payment.captured.is_zero() {
                continue;
            }
            let (captured, refunded) = (payment.captured, payment.refunded);
            seen.push(format!(
                "charge {:?} {captured:?} {refunded:?}",
                payment.authorized
            ));
        }
        let deadline = Instant::now() + MAIL_MAX;
        while house.mails().len() < orders.len() && Instant::now() < deadline {
            sleep(Duration::from_millis(100)).await;
        }
        seen.push(format!("{} mails", house.mails().len()));
    }

    pub(crate) async fn products(&self) -> Vec<ProductView> {
        let page = self.engine.products(Visibility::All, everything()).await;
        page.unwrap().items
    }

    pub(crate) async fn cup(&self) -> ProductId {
        self.engine.product_by_handle("cup").await.unwrap().unwrap()
    }

    /// Changes every entity that can be reached, none of which may be stuck.
    pub(crate) async fn change_everything(&self, told: &str) {
        let engine = &self.engine;
        let name = || Some("Renamed".to_owned());
        for view in self.products().await {
            let command = UpdateProduct {
                title: name(),
                ..UpdateProduct::default()
            };
            let changed = engine.update_product(&staff(), view.product.id, command).await;
            assert_eq!(changed.expect(told).value.product.state.title, "Renamed");
            for held in view.variants {
                let command = UpdateVariant {
                    title: name(),
                    ..UpdateVariant::default()
                };
                let changed = engine.update_variant(&staff(), held.variant.id, command).await;
                assert_eq!(changed.expect(told).value.variant.state.title, "Renamed");
                let levels = StockLevels {
                    tracked: Some(true),
                    on_hand: Some(70),
                    ..StockLevels::default()
                };
                let counted = engine.set_stock(&staff(), held.variant.id, levels).await;
                assert_eq!(counted.expect(told).value.state.on_hand(), 70);
            }
        }
        for zone in engine.tax_zones(everything()).await.expect(told).items {
            let draft = tax::Draft {
                name: name(),
                ..tax::Draft::default()
            };
            engine
                .update_tax_zone(&staff(), zone.id, draft)
                .await
                .expect(told);
        }
        for customer in engine.customers(everything()).await.expect(told).items {
            let draft = customer::Draft {
                groups: Some(vec!["later".to_owned()]),
                ..customer::Draft::default()
            };
            engine
                .update_customer(&staff(), customer.id, draft)
                .await
                .expect(told);
        }
        for method in engine.shipping_methods(everything()).await.expect(told).items {
            let draft = shipping::Draft {
                name: name(),
                ..shipping::Draft::default()
            };
            let changed = engine.update_shipping_method(&staff(), method.id, draft).await;
            changed.expect(told);
        }
        let draft = settings::Draft {
            low_stock_level: Some(3),
            ..settings::Draft::default()
        };
        engine.update_settings(&staff(), draft).await.expect(told);
        for view in engine.carts(&staff(), everything()).await.expect(told).items {
            let draft = DetailsDraft {
                email: Patch::Set("eve@example.com".to_owned()),
                ..DetailsDraft::default()
            };
            let cart = CartRef::Id(view.priced.cart.id);
            match engine.update_details(&staff(), cart, draft, View::Full).await {
                Ok(_) => {}
                // Locked or completed: an answer of the cart itself.
                Err(refused) => assert!(refused.problem.code.starts_with("cart."), "{told}: {refused:?}"),
            }
        }
        let shopper = self.request(By::Shopper);
        if engine.session(&shopper).await.is_ok() {
            engine.open_cart(&shopper, None).await.expect(told);
        }
    }
}
