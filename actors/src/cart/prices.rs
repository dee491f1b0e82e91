//! What carts came to when they were last priced, so that a change of one line looks up and prices one line.
//!
//! A line that did not change keeps its price while nothing changes that lines are priced by: the rules, where the
//! goods go, and the catalog as a whole, whose commits are counted.

use super::facts::groups_of;
use super::findings::{CountedFindings, Findings, Whose, refused};
use super::renderings::Renderings;
use crate::engine::{Kinds, unreadable};
use crate::kept::kept;
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::address::Address;
use cartwright_domain::cart::totals::{self, Buyer, Intent, IntentLine, Offered, Outside, Rules, Worksheet};
use cartwright_domain::cart::{Cart, Line, Quote, lines};
use cartwright_domain::catalog::{Handle, Variant};
use cartwright_domain::id::{CartId, ProductId, SETTINGS_ID};
use cartwright_domain::time::Timestamp;
use cartwright_storage::Position;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// How many carts are kept at most.
const CARTS_MAX: usize = 4_000;
/// How many lines all carts that are kept may have: about a third of a kilobyte each.
const LINES_MAX: u64 = 160_000;

/// What every line of a cart is priced by, apart from its variant's own price and category.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Basis {
    /// How many commits of variants, and of products where promotions look at them, there had been.
    catalog: [u64; 2],
    settings: Position,
    book: u64,
    destination: Option<Arc<Address>>,
    customer: Option<Position>,
}

/// A cart as it was priced last.
struct Kept {
    basis: Basis,
    cart: Arc<Published<Cart>>,
    /// How much there had been of what promotions ask for.
    findings: CountedFindings,
    /// Until when what was answered outside holds, where anybody was asked.
    holds_until: Option<Timestamp>,
    worksheet: Worksheet,
    renderings: Arc<Renderings>,
}

#[derive(Clone)]
struct Lines;

impl Weighter<CartId, Arc<Kept>> for Lines {
    fn weight(&self, _: &CartId, kept: &Arc<Kept>) -> u64 {
        1 + kept.worksheet.quote.lines.len() as u64
    }
}

/// See the module. Bounded; the least recently used go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeptPrices {
    cache: Arc<Cache<CartId, Arc<Kept>, Lines>>,
}

impl KeptPrices {
    pub(crate) fn new() -> Self {
        Self {
            cache: Arc::new(kept(CARTS_MAX, LINES_MAX, Lines)),
        }
    }

    /// Gives up a cart that nobody changes any more, or that has left memory.
    pub(crate) fn forget(&self, cart: CartId) {
        self.cache.remove(&cart);
    }
}

/// What a line is priced by that is not priced as before.
struct Source {
    /// None when it is gone.
    variant: Option<Arc<Published<Variant>>>,
    /// Of its product, where promotions look at them.
    categories: Arc<[Handle]>,
}

impl Kinds {
    /// Prices a cart as it stands, by what holds now. Whether its lines can be had is not looked at.
    ///
    /// Returns what it costs, with what the edge has made of that.
    pub(crate) async fn quote(
        &self,
        cart: &Arc<Published<Cart>>,
    ) -> Result<(Arc<Quote>, Arc<Renderings>), Refused> {
        // Counted before anything is read, so that what is read can only be newer than the count says.
        let (variants, products) = (self.variants.commits(), self.products.commits());
        let settings = self.settings.read(SETTINGS_ID).await.map_err(unreadable)?;
        let settings = settings.ok_or_else(crate::once::gone::<cartwright_domain::settings::Settings>)?;
        // One time for lists, taxes and promotions, whatever is waited for.
        let now = self.price_book.time_of(&cart.state);
        let book = self.price_book.at(now, self);
        let customer = self.customer_of(&cart.state).await?;
        let counted = self.counted_findings(&book, &cart.state);
        let uses_categories = book.use_categories();
        let basis = Basis {
            catalog: [variants, if uses_categories { products } else { 0 }],
            settings: settings.position,
            book: book.number,
            destination: cart.state.shipping_address().cloned(),
            customer: customer.as_ref().map(|customer| customer.position),
        };
        let last = self.kept_prices.cache.get(&cart.id);
        let is_newest = last
            .as_ref()
            .is_none_or(|last| last.cart.revision <= cart.revision);
        let kept = last.filter(|last| last.basis == basis);
        if let Some(kept) = &kept
            && Arc::ptr_eq(&kept.cart.state, &cart.state)
            && kept.findings == counted
            && kept
                .holds_until
                .is_none_or(|until| self.price_book.clock_now() < until)
        {
            return Ok((Arc::clone(&kept.worksheet.quote), Arc::clone(&kept.renderings)));
        }
        // Where each line was when the cart was priced last, and of those that were not there, in their order, what they
        // are priced by. Apart, because of a long cart nearly all were.
        let mut places = Vec::with_capacity(cart.state.lines().len());
        let mut sources = Vec::new();
        let mut before = kept.as_ref().map(|kept| Before {
            left: kept.cart.state.lines().iter(),
            passed: 0,
        });
        for (at, line) in cart.state.lines().iter().enumerate() {
            let found = before.as_mut().and_then(|before| before.find(at, line));
            places.push(found);
            if found.is_none() {
                let categories = match uses_categories {
                    true => self.categories_of(line.product).await?,
                    false => Arc::default(),
                };
                let variant = self.variants.read(line.variant).await.map_err(unreadable)?;
                sources.push(Source { variant, categories });
            }
        }
        let (currency, groups) = (cart.state.currency(), groups_of(customer.as_ref()));
        let mut sources = sources.iter();
        let lines = cart.state.lines().iter().zip(places);
        let lines = lines.map(|(line, found)| match found {
            Some(from) => IntentLine::Quoted(from),
            None => {
                let source = sources.next();
                let offered = source.and_then(|source| {
                    source.variant.as_ref().map(|variant| Offered {
                        price: book.lists.price(&variant.state, groups, currency, line.quantity),
                        minimum_price: variant.state.minimum_prices.of(currency),
                        weight_grams: variant.state.weight_grams,
                        digital: variant.state.digital,
                        tax_category: &variant.state.tax_category,
                        categories: &source.categories,
                    })
                });
                IntentLine::of_line(line, offered)
            }
        });
        let buyer = customer
            .as_ref()
            .map(|customer| Buyer::from(&*customer.state))
            .unwrap_or_default();
        let lines: Vec<_> = lines.collect();
        let weight_grams = || totals::weight_grams(&lines, kept.as_ref().map(|kept| &kept.worksheet));
        let chosen = book.chosen_method(&cart.state);
        let rates = self.carrier_rates(&cart.state, chosen, weight_grams).await?;
        let single_codes = self.single_codes(cart.state.codes(), &book.promotions).await?;
        let intent = Findings::nothing_yet(Intent {
            single_codes: &single_codes,
            outside: Outside {
                rates: rates.as_ref().and_then(|rates| rates.answer.as_deref()),
                taxes: None,
            },
            ..Intent::of_lines(&cart.state, now, buyer, lines)
        });
        let rules = Rules {
            settings: &settings.state,
            zones: &book.zones,
            methods: &book.methods,
            promotions: &book.promotions,
        };
        if is_newest {
            // It gives way to the one that is made of it, in its place where nobody else holds it.
            self.kept_prices.cache.remove(&cart.id);
        }
        let before = kept.map(|kept| match Arc::try_unwrap(kept) {
            Ok(kept) => kept.worksheet,
            Err(shared) => shared.worksheet.clone(),
        });
        let whose = Whose {
            cart: &cart.state,
            customer: customer.as_ref().map(|customer| &*customer.state),
        };
        let mut findings = Findings::default();
        let mut worksheet = totals::quote(&intent, &rules, before).map_err(refused)?;
        while self
            .find_out(
                (&intent, &worksheet.quote),
                &book.promotions,
                whose,
                &mut findings,
            )
            .await?
        {
            let intent = Intent {
                lines: (0..intent.lines.len()).map(IntentLine::Quoted).collect(),
                ..findings.tell(&intent)
            };
            worksheet = totals::quote(&intent, &rules, Some(worksheet)).map_err(refused)?;
        }
        if findings.hear(self.calculated_taxes(&worksheet, &intent, &rules).await?) {
            let intent = Intent {
                lines: (0..intent.lines.len()).map(IntentLine::Quoted).collect(),
                ..findings.tell(&intent)
            };
            worksheet = totals::quote(&intent, &rules, Some(worksheet)).map_err(refused)?;
        }
        let quote = Arc::clone(&worksheet.quote);
        let renderings = Arc::default();
        if is_newest {
            let rates = rates.map(|rates| rates.until);
            let kept = Kept {
                basis,
                cart: Arc::clone(cart),
                findings: counted,
                holds_until: rates.into_iter().chain(findings.taxes_hold_until).min(),
                worksheet,
                renderings: Arc::clone(&renderings),
            };
            self.kept_prices.cache.insert(cart.id, Arc::new(kept));
        }
        Ok((quote, renderings))
    }

    async fn categories_of(&self, product: ProductId) -> Result<Arc<[Handle]>, Refused> {
        let product = self.products.read(product).await.map_err(unreadable)?;
        Ok(product
            .map(|product| Arc::clone(&product.state.categories))
            .unwrap_or_default())
    }
}

/// The lines of a cart as it was priced last, gone through once: lines keep their order.
struct Before<'a> {
    left: lines::Iter<'a>,
    passed: usize,
}

impl Before<'_> {
    /// Returns where the line that is now at an index was, if it is still the same in every respect and has not moved
    /// back, and passes over those before it.
    fn find(&mut self, at: usize, line: &Arc<Line>) -> Option<usize> {
        let mut left = self.left.clone();
        let mut held = left.next()?;
        let mut found = self.passed;
        if !Arc::ptr_eq(held, line) {
            while held.id != line.id {
                held = left.next()?;
                found += 1;
            }
        }
        self.left = left;
        self.passed = found + 1;
        (at <= found && held == line).then_some(found)
    }
}
