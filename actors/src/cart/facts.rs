//! The facts a cart is judged and priced by: variants, stock, tax zones, shipping methods, settings.

use crate::engine::{Kinds, unreadable};
use crate::inventory::stock_of;
use crate::request::Refused;
use crate::runtime::Published;
use arc_swap::ArcSwap;
use cartwright_domain::Refusal;
use cartwright_domain::cart::totals::{self, Intent, Rules};
use cartwright_domain::cart::{Cart, LineProblem, Quote, VariantFacts};
use cartwright_domain::id::{CheckoutId, SETTINGS_ID, VariantId};
use cartwright_domain::settings::Settings;
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::tax::{TaxZone, Zones};
use std::collections::HashMap;
use std::sync::Arc;

/// Tax zones and shipping methods, indexed once and kept until one of them changes.
#[derive(Clone)]
pub(crate) struct PriceBook {
    shared: Arc<ArcSwap<Indexed>>,
}

struct Indexed {
    of_zones: Arc<Vec<Arc<Published<TaxZone>>>>,
    of_methods: Arc<Vec<Arc<Published<ShippingMethod>>>>,
    zones: Zones,
    methods: Vec<Arc<ShippingMethod>>,
}

impl PriceBook {
    pub(crate) fn new() -> Self {
        let empty = Indexed {
            of_zones: Arc::default(),
            of_methods: Arc::default(),
            zones: Zones::default(),
            methods: Vec::new(),
        };
        Self {
            shared: Arc::new(ArcSwap::from_pointee(empty)),
        }
    }

    /// Returns the index of what the rosters hold now.
    fn of(&self, kinds: &Kinds) -> Arc<Indexed> {
        let (of_zones, of_methods) = (kinds.tax_zones.roster(), kinds.shipping_methods.roster());
        let held = self.shared.load_full();
        if Arc::ptr_eq(&held.of_zones, &of_zones) && Arc::ptr_eq(&held.of_methods, &of_methods) {
            return held;
        }
        let indexed = Arc::new(Indexed {
            zones: Zones::new(of_zones.iter().map(|zone| Arc::clone(&zone.state))),
            methods: of_methods
                .iter()
                .map(|method| Arc::clone(&method.state))
                .collect(),
            of_zones,
            of_methods,
        });
        self.shared.store(Arc::clone(&indexed));
        indexed
    }
}

/// A cart with everything it was judged and priced by.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The cart, in one committed state.
    pub cart: Arc<Published<Cart>>,
    /// What catalog and stock say about each of its variants.
    pub facts: HashMap<VariantId, VariantFacts>,
    /// What it costs.
    pub quote: Quote,
    /// What is wrong with its lines.
    pub problems: Vec<LineProblem>,
}

/// How much is gathered about a cart's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What they cost.
    Prices,
    /// Also whether they can be had.
    Everything,
}

impl Kinds {
    pub(crate) async fn current_settings(&self) -> Result<Arc<Settings>, Refused> {
        let read = self.settings.read(SETTINGS_ID).await.map_err(unreadable)?;
        read.map(|settings| Arc::clone(&settings.state))
            .ok_or_else(crate::once::gone::<Settings>)
    }

    /// Returns what catalog and stock say about a variant, to anybody or to the checkout that may hold some of it;
    /// none when it is gone.
    pub(crate) async fn facts_of(
        &self,
        variant: VariantId,
        depth: Depth,
        holder: Option<CheckoutId>,
    ) -> Result<Option<VariantFacts>, Refused> {
        let Some(variant) = self.variants.read(variant).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let (mut for_sale, mut available) = (true, None);
        let mut title = Arc::from(variant.state.title.as_str());
        if depth == Depth::Everything {
            let product = self
                .products
                .read(variant.state.product)
                .await
                .map_err(unreadable)?;
            for_sale = product
                .as_ref()
                .is_some_and(|product| product.state.is_published())
                && variant.state.is_active();
            if let Some(product) = product.filter(|_| variant.state.title == variant.state.sku.as_str()) {
                title = Arc::from(product.state.title.as_str());
            }
            let item = self
                .stock_items
                .read(stock_of(variant.id))
                .await
                .map_err(unreadable)?;
            available = item.and_then(|item| match holder {
                Some(checkout) => item.state.available_to(checkout),
                None => item.state.available(),
            });
        }
        Ok(Some(VariantFacts {
            variant_id: variant.id,
            product_id: variant.state.product,
            sku: variant.state.sku.shared(),
            title,
            price: variant.state.price,
            tax_category: variant.state.tax_category.clone(),
            for_sale,
            available,
        }))
    }

    /// Prices a cart as it stands, by what holds now.
    pub(crate) async fn priced(&self, cart: Arc<Published<Cart>>, depth: Depth) -> Result<Priced, Refused> {
        let mut facts = HashMap::with_capacity(cart.state.lines().len());
        // What the cart's own checkout has reserved is not short for it.
        let holder = cart.state.state().holder();
        for line in cart.state.lines() {
            if !facts.contains_key(&line.variant)
                && let Some(found) = self.facts_of(line.variant, depth, holder).await?
            {
                facts.insert(line.variant, found);
            }
        }
        let settings = self.current_settings().await?;
        let book = self.price_book.of(self);
        let rules = Rules {
            settings: &settings,
            zones: &book.zones,
            methods: &book.methods,
        };
        let intent = Intent::of_cart(&cart.state, |variant| facts.get(&variant));
        let quote = totals::quote(&intent, &rules).map_err(|error| Refused::from(error.problem()))?;
        let problems = match depth {
            Depth::Prices => Vec::new(),
            Depth::Everything => cart.state.problems(|variant| facts.get(&variant)),
        };
        Ok(Priced {
            cart,
            facts,
            quote,
            problems,
        })
    }

    /// Returns the shipping methods, for offers.
    pub(crate) fn methods(&self) -> Vec<Arc<ShippingMethod>> {
        self.price_book.of(self).methods.clone()
    }
}
