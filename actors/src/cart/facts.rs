//! The facts a cart is judged and priced by: variants, stock, tax zones, shipping methods, settings.

use super::findings::{CountedFindings, Findings, Lost, Whose, refused};
use super::price_book::Indexed;
use super::renderings::Renderings;
use crate::answers::Answered;
use crate::engine::{Kinds, unreadable};
use crate::inventory::stock_of;
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::cart::totals::{self, Buyer, Intent, Outside, Rules, Trace, Worksheet};
use cartwright_domain::cart::{Cart, CodeRefused, FrozenLine, FrozenQuote, LineProblem, Quote, VariantFacts};
use cartwright_domain::catalog::{Handle, Product, Variant};
use cartwright_domain::customer::Customer;
use cartwright_domain::id::{CheckoutId, SETTINGS_ID, VariantId};
use cartwright_domain::promotion::{Code, SingleCode, Use};
use cartwright_domain::settings::Settings;
use cartwright_domain::shipping::{CarrierRates, Offer};
use cartwright_domain::stored_value::Coverage;
use cartwright_domain::{Problem, Refusal, Timestamp};
use cartwright_storage::Position;
use foldhash::{HashMap, HashMapExt};
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What catalog and stock say about variants.
type Facts = HashMap<VariantId, VariantFacts>;

/// A cart with everything it was judged and priced by.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The cart, in one committed state.
    pub cart: Arc<Published<Cart>>,
    /// What catalog and stock say about each of its variants; nothing where only the price was asked for, or it is
    /// frozen.
    pub facts: Facts,
    /// Whether anything is to be sent; not looked at where only the price was asked for. A variant that has gone may have
    /// been something to send.
    pub requires_shipping: bool,
    /// What it costs.
    pub quote: Arc<Quote>,
    /// What its checkout has frozen, where it costs that; its lines are in the order of the cart's.
    pub(super) frozen: Option<Arc<FrozenQuote>>,
    /// What would apply, were it not used up; not looked at where only the price was asked for.
    pub(crate) lost: Lost,
    /// The uses of limited promotions that an order of it needs; nothing where only the price was asked for.
    pub uses: Vec<Use>,
    /// What is wrong with its lines; nothing where only the price was asked for.
    pub problems: Vec<LineProblem>,
    /// What gift cards and store credit cover of it, and what is left.
    pub coverage: Coverage,
    /// Until when what a carrier and a tax calculator have answered about it holds; none where nobody was asked, or only
    /// the price was.
    pub holds_until: Option<Timestamp>,
    /// What the edge has made of cart and price, where only the price was asked for and it is all that counts.
    pub renderings: Option<Arc<Renderings>>,
}

impl Priced {
    /// Returns what its checkout has frozen of the cart's line at an index; none while it has not.
    pub fn frozen_line(&self, at: usize) -> Option<&FrozenLine> {
        self.frozen.as_ref()?.lines.get(at)
    }
}

/// What a cart costs, and why.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The cart, in one committed state.
    pub cart: Arc<Published<Cart>>,
    /// What it costs.
    pub quote: Arc<Quote>,
    /// Every promotion, and why it does or does not apply.
    pub trace: Trace,
}

/// How much had been committed of what a cart is judged and priced by. While it stays, so does everything that is read
/// after it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    cart: Position,
    settings: u64,
    book: u64,
    catalog: [u64; 2],
    stock: u64,
    customers: u64,
    findings: CountedFindings,
}

/// What was seen of a variant.
struct LookedAt {
    variant: Arc<Published<Variant>>,
    product: Option<Arc<Published<Product>>>,
    available: Option<i64>,
}

impl LookedAt {
    /// Adds what tells this look from any other: the commits that were seen, and the stock.
    fn stamp(looked: Option<&Self>, stamp: &mut Vec<u64>) {
        let variant = looked.map_or(0, |looked| looked.variant.position.0);
        let product = looked.and_then(|looked| looked.product.as_ref());
        let available = looked.and_then(|looked| looked.available);
        stamp.extend([
            variant,
            product.map_or(0, |product| product.position.0),
            u64::from(available.is_some()),
            available.unwrap_or_default().cast_unsigned(),
        ]);
    }

    /// Returns the last commits of variant and product.
    fn positions(&self) -> impl Iterator<Item = Position> {
        let product = self.product.as_ref().map(|product| product.position);
        std::iter::once(self.variant.position).chain(product)
    }

    fn facts(&self, book: &Indexed, groups: &[Handle]) -> VariantFacts {
        let variant = &self.variant;
        let product = self.product.as_ref();
        let is_published = product.is_some_and(|product| product.state.is_published());
        let title = product
            .filter(|_| variant.state.is_named_by_its_product())
            .map_or(variant.state.title.as_str(), |product| {
                product.state.title.as_str()
            });
        VariantFacts {
            variant_id: variant.id,
            product_id: variant.state.product,
            sku: variant.state.sku.shared(),
            title: Arc::from(title),
            prices: variant.state.prices.clone(),
            list_prices: book.lists.applicable(&variant.state.list_prices, groups),
            minimum_prices: variant.state.minimum_prices.clone(),
            weight_grams: variant.state.weight_grams,
            digital: variant.state.digital,
            tax_category: variant.state.tax_category.clone(),
            categories: product
                .map(|product| Arc::clone(&product.state.categories))
                .unwrap_or_default(),
            for_sale: is_published && variant.state.is_active(),
            available: self.available,
        }
    }
}

/// Everything that a cart is judged and priced by, as it was seen together.
pub(crate) struct Gathered {
    pub(crate) cart: Arc<Published<Cart>>,
    settings: Arc<Published<Settings>>,
    book: Arc<Indexed>,
    customer: Option<Arc<Published<Customer>>>,
    now: Timestamp,
    seen: HashMap<VariantId, Option<LookedAt>>,
    /// What a carrier asks, where the shipping goes by that.
    rates: Option<Answered<Arc<CarrierRates>>>,
    /// The codes of the cart that are good for one order.
    single_codes: Vec<SingleCode>,
    /// Two that are equal come to the same price and the same problems.
    pub(crate) stamp: Vec<u64>,
}

impl Gathered {
    pub(super) fn facts(&self) -> Facts {
        let groups = groups_of(self.customer.as_ref());
        let seen = self.seen.iter();
        let facts = seen.filter_map(|(variant, looked)| {
            let facts = looked.as_ref()?.facts(&self.book, groups);
            Some((*variant, facts))
        });
        facts.collect()
    }

    fn whose(&self) -> Whose<'_> {
        Whose {
            cart: &self.cart.state,
            customer: self.customer.as_ref().map(|customer| &*customer.state),
        }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            settings: &self.settings.state,
            zones: &self.book.zones,
            methods: &self.book.methods,
            promotions: &self.book.promotions,
        }
    }

    /// Tells whether what the cart is priced by was the same when the cart was last changed, as far as commits and time
    /// tell: rules that were deleted leave no trace, and what was answered outside is not kept. Nor is it looked here at what
    /// a quote turns out to rest on, but for the promotions of it that are for first orders: an order that stood then and was
    /// canceled since has left no trace either.
    pub(crate) async fn was_the_same(&self, quote: &Quote, kinds: &Kinds) -> Result<bool, Refused> {
        let as_of = self.cart.position;
        let promotions = &self.book.promotions;
        let mut applied = quote.promotions.iter();
        if applied.any(|applied| promotions.is_for_first_orders(applied.promotion)) {
            return Ok(false);
        }
        if promotions.has_first_orders() && Some(as_of) < kinds.last_order_of(self.whose()).await? {
            return Ok(false);
        }
        let looked = self.seen.values().flatten();
        let mut seen = looked.flat_map(LookedAt::positions);
        let customer = self.customer.as_ref().map(|customer| customer.position);
        let priced_at = self.cart.state.pricing_date().map(|date| date.at);
        let at = priced_at.unwrap_or_else(|| self.cart.state.updated_at());
        Ok(seen.all(|position| position <= as_of)
            && self.settings.position <= as_of
            && customer.is_some() == self.cart.state.customer().is_some()
            && customer <= Some(as_of)
            && self.book.was_the_same(as_of, at))
    }

    pub(super) fn intent<'a>(&'a self, facts: &'a Facts) -> Intent<'a> {
        let buyer = self
            .customer
            .as_ref()
            .map(|customer| Buyer::from(&*customer.state))
            .unwrap_or_default();
        Findings::nothing_yet(Intent {
            outside: Outside {
                rates: self.rates.as_ref().and_then(|rates| rates.answer.as_deref()),
                taxes: None,
            },
            single_codes: &self.single_codes,
            ..Intent::of_cart(&self.cart.state, self.now, buyer, |variant| facts.get(&variant))
        })
    }

    /// Prices an intent by what turns out about its shopper, and returns that with it. Tax is by the table.
    async fn quote(&self, kinds: &Kinds, intent: &Intent<'_>) -> Result<(Worksheet, Findings), Refused> {
        let mut findings = Findings::default();
        let worksheet = self.quote_by(kinds, intent, &self.rules(), &mut findings).await?;
        Ok((worksheet, findings))
    }

    /// Prices an intent as [`Self::quote`] does, by rules that need not be the store's.
    pub(super) async fn quote_by(
        &self,
        kinds: &Kinds,
        intent: &Intent<'_>,
        rules: &Rules<'_>,
        findings: &mut Findings,
    ) -> Result<Worksheet, Refused> {
        let mut worksheet = totals::quote(intent, rules, None).map_err(refused)?;
        while kinds
            .find_out(
                (intent, &worksheet.quote),
                rules.promotions,
                self.whose(),
                findings,
            )
            .await?
        {
            worksheet = totals::quote(&findings.tell(intent), rules, None).map_err(refused)?;
        }
        Ok(worksheet)
    }

    /// Prices an intent as [`Self::quote`] does, and then by what the tax calculator says, where the store has one.
    async fn quote_taxed(
        &self,
        kinds: &Kinds,
        intent: &Intent<'_>,
    ) -> Result<(Worksheet, Findings), Refused> {
        let (mut worksheet, mut findings) = self.quote(kinds, intent).await?;
        let rules = self.rules();
        if findings.hear(kinds.calculated_taxes(&worksheet, intent, &rules).await?) {
            worksheet = totals::quote(&findings.tell(intent), &rules, None).map_err(refused)?;
        }
        Ok((worksheet, findings))
    }

    /// Says why the last of some coupon codes would not apply, were the cart to hold these; nothing where it would.
    pub(crate) async fn judge_last(
        &self,
        kinds: &Kinds,
        codes: &[Code],
    ) -> Result<Option<CodeRefused>, Refused> {
        let facts = self.facts();
        let single_codes = kinds.single_codes(codes, &self.book.promotions).await?;
        let intent = Intent {
            codes,
            single_codes: &single_codes,
            ..self.intent(&facts)
        };
        let (worksheet, _) = self.quote(kinds, &intent).await?;
        let judged = worksheet.quote.codes.last();
        Ok(judged.and_then(|judged| {
            let promotion = self.book.promotions.unlocked_by(&judged.code, &single_codes);
            Some(CodeRefused::new(
                &judged.code,
                judged.unmet?,
                promotion.map(Arc::as_ref),
            ))
        }))
    }

    /// Prices the cart and tells of every promotion why it does or does not apply.
    pub(crate) async fn explain(self, kinds: &Kinds) -> Result<Explained, Refused> {
        let facts = self.facts();
        let intent = self.intent(&facts);
        let (_, findings) = self.quote_taxed(kinds, &intent).await?;
        let explained = totals::explain(&findings.tell(&intent), &self.rules());
        let (worksheet, trace) = explained.map_err(refused)?;
        Ok(Explained {
            cart: self.cart,
            quote: worksheet.quote,
            trace,
        })
    }

    /// Returns the shipping methods that the cart may choose, with what each would cost it.
    pub(crate) async fn shipping_offers(&self, kinds: &Kinds) -> Result<Vec<Offer>, Refused> {
        let facts = self.facts();
        let intent = self.intent(&facts);
        let (_, findings) = self.quote(kinds, &intent).await?;
        let cart = &self.cart.state;
        let weight_grams = || totals::weight_grams(&intent.lines, None);
        let rates = kinds
            .carrier_rates(cart, self.book.methods.iter(), weight_grams)
            .await?;
        let mut intent = findings.tell(&intent);
        intent.outside.rates = rates.as_ref().and_then(|rates| rates.answer.as_deref());
        totals::offers(&intent, &self.rules()).map_err(refused)
    }

    /// Prices the cart, judges its lines, and tells what gift cards and store credit cover.
    pub(crate) async fn price(self, kinds: &Kinds) -> Result<Priced, Refused> {
        let facts = self.facts();
        let (worksheet, findings) = self.quote_taxed(kinds, &self.intent(&facts)).await?;
        self.judge_lines(kinds, worksheet, &findings, facts).await
    }

    /// Prices the cart as [`Self::price`] does, and tells of every promotion why it does or does not apply.
    pub(crate) async fn price_with_reasons(self, kinds: &Kinds) -> Result<(Priced, Trace), Refused> {
        let facts = self.facts();
        let intent = self.intent(&facts);
        let (mut worksheet, findings) = self.quote_taxed(kinds, &intent).await?;
        let mut trace = Trace::default();
        if !self.book.promotions.is_empty() {
            let explained = totals::explain(&findings.tell(&intent), &self.rules());
            (worksheet, trace) = explained.map_err(refused)?;
        }
        let priced = self.judge_lines(kinds, worksheet, &findings, facts).await?;
        Ok((priced, trace))
    }

    async fn judge_lines(
        self,
        kinds: &Kinds,
        worksheet: Worksheet,
        findings: &Findings,
        facts: Facts,
    ) -> Result<Priced, Refused> {
        let rates = self.rates.as_ref().map(|rates| rates.until);
        let holds_until = rates.into_iter().chain(findings.taxes_hold_until).min();
        let uses = self.whose().uses(&worksheet.quote, &self.book);
        let cart = self.cart;
        let problems = cart.state.problems(|variant| facts.get(&variant));
        let digital = |variant| facts.get(variant).is_some_and(|facts| facts.digital);
        let requires_shipping = cart.state.lines().iter().any(|line| !digital(&line.variant));
        let coverage = kinds.coverage(&cart, worksheet.quote.total).await?;
        Ok(Priced {
            cart,
            facts,
            requires_shipping,
            coverage,
            quote: worksheet.quote,
            frozen: None,
            lost: findings.lost.clone(),
            uses,
            problems,
            holds_until,
            renderings: None,
        })
    }
}

/// Returns what the goods of a cart weigh that are to be sent; none where nothing is. A variant is digital or not, and
/// one unit of it weighs something; one that has gone weighs nothing and may have been something to send.
fn weight_grams(cart: &Cart, of: impl Fn(VariantId) -> Option<(bool, u32)>) -> Option<u64> {
    let weights = cart.lines().iter().filter_map(|line| match of(line.variant) {
        Some((true, _)) => None,
        Some((false, grams)) => Some(u64::from(line.quantity) * u64::from(grams)),
        None => Some(0),
    });
    weights.reduce(u64::saturating_add)
}

/// Returns the groups of a cart's customer.
pub(super) fn groups_of(customer: Option<&Arc<Published<Customer>>>) -> &[Handle] {
    customer.map_or(&[], |customer| &customer.state.groups)
}

impl Kinds {
    pub(crate) async fn current_settings(&self) -> Result<Arc<Settings>, Refused> {
        let read = self.settings.read(SETTINGS_ID).await.map_err(unreadable)?;
        read.map(|settings| Arc::clone(&settings.state))
            .ok_or_else(crate::once::gone::<Settings>)
    }

    /// Returns what catalog and stock say about a variant that is to go into a cart, or into one that is not open yet;
    /// none when it is gone.
    pub(crate) async fn facts_of(
        &self,
        variant: VariantId,
        cart: Option<&Cart>,
    ) -> Result<Option<VariantFacts>, Refused> {
        let looked = self.look_at(variant, None).await?;
        let (book, customer) = match cart {
            Some(cart) => (self.price_book.of_cart(cart, self), self.customer_of(cart).await?),
            None => (self.price_book.now(self), None),
        };
        Ok(looked.map(|looked| looked.facts(&book, groups_of(customer.as_ref()))))
    }

    /// Counts what has been committed, before anything is read that a cart is judged and priced by.
    pub(crate) fn counted(&self, cart: &Published<Cart>) -> Counted {
        let book = self.price_book.of_cart(&cart.state, self);
        Counted {
            cart: cart.position,
            settings: self.settings.commits(),
            book: book.number,
            catalog: [self.products.commits(), self.variants.commits()],
            stock: self.stock_items.commits(),
            customers: self.customers.commits(),
            findings: self.counted_findings(&book, &cart.state),
        }
    }

    /// Returns the customer that a cart is for; none when the record is gone.
    pub(crate) async fn customer_of(&self, cart: &Cart) -> Result<Option<Arc<Published<Customer>>>, Refused> {
        match cart.customer() {
            Some(customer) => self.customers.read(customer).await.map_err(unreadable),
            None => Ok(None),
        }
    }

    async fn look_at(
        &self,
        variant: VariantId,
        holder: Option<CheckoutId>,
    ) -> Result<Option<LookedAt>, Refused> {
        let Some(variant) = self.variants.read(variant).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let product = self.products.read(variant.state.product).await;
        let product = product.map_err(unreadable)?;
        let item = self.stock_items.read(stock_of(variant.id)).await;
        let available = item.map_err(unreadable)?.and_then(|item| match holder {
            Some(checkout) => item.state.available_to(checkout),
            None => item.state.available(),
        });
        Ok(Some(LookedAt {
            variant,
            product,
            available,
        }))
    }

    /// Looks at everything that a cart is judged and priced by.
    pub(crate) async fn gather(&self, cart: Arc<Published<Cart>>) -> Result<Gathered, Refused> {
        let mut seen = HashMap::with_capacity(cart.state.lines().len());
        let settings = self.settings.read(SETTINGS_ID).await.map_err(unreadable)?;
        let settings = settings.ok_or_else(crate::once::gone::<Settings>)?;
        // One time for lists, taxes and promotions, whatever is waited for.
        let now = self.price_book.time_of(&cart.state);
        let book = self.price_book.at(now, self);
        let customer = self.customer_of(&cart.state).await?;
        let mut stamp = vec![cart.position.0, settings.position.0, book.number];
        stamp.push(customer.as_ref().map_or(0, |customer| customer.position.0));
        stamp.extend(self.counted_findings(&book, &cart.state));
        // What the cart's own checkout has reserved is not short for it.
        let holder = cart.state.state().holder();
        for line in cart.state.lines() {
            if let Entry::Vacant(unseen) = seen.entry(line.variant) {
                let looked = self.look_at(line.variant, holder).await?;
                LookedAt::stamp(looked.as_ref(), &mut stamp);
                unseen.insert(looked);
            }
        }
        let weight_grams = || {
            weight_grams(&cart.state, |variant| {
                let looked = seen.get(&variant)?.as_ref()?;
                Some((looked.variant.state.digital, looked.variant.state.weight_grams))
            })
        };
        let chosen = book.chosen_method(&cart.state);
        let rates = self.carrier_rates(&cart.state, chosen, weight_grams).await?;
        if let Some(rates) = &rates {
            stamp.push(rates.until.millis().cast_unsigned());
        }
        let single_codes = self.single_codes(cart.state.codes(), &book.promotions).await?;
        Ok(Gathered {
            rates,
            single_codes,
            cart,
            settings,
            book,
            customer,
            now,
            seen,
            stamp,
        })
    }

    /// Returns the codes of a cart that was priced that can no longer be used, with what to tell the shopper.
    pub(crate) fn unusable_codes(&self, priced: &Priced) -> Vec<(Code, Problem)> {
        let mut unusable = Vec::new();
        if priced.quote.codes.is_empty() {
            return unusable;
        }
        let book = self.price_book.of_cart(&priced.cart.state, self);
        for judged in &priced.quote.codes {
            let Some(unmet) = judged.unmet else { continue };
            let promotion = book.promotions.of_code(&judged.code).map(Arc::as_ref);
            let why = CodeRefused::new(&judged.code, unmet, promotion);
            if why.is_final() {
                unusable.push((judged.code.clone(), why.problem()));
            }
        }
        unusable
    }

    /// Prices a cart as it stands and judges its lines, by what holds now.
    pub(crate) async fn priced(&self, cart: Arc<Published<Cart>>) -> Result<Priced, Refused> {
        self.gather(cart).await?.price(self).await
    }

    /// Prices and judges a cart as [`Self::priced`] does, and tells of every promotion why it does or does not apply.
    pub(crate) async fn priced_with_reasons(
        &self,
        cart: Arc<Published<Cart>>,
    ) -> Result<(Priced, Trace), Refused> {
        self.gather(cart).await?.price_with_reasons(self).await
    }

    /// Prices a cart as it stands, and looks at nothing else.
    pub(super) async fn priced_only(&self, cart: Arc<Published<Cart>>) -> Result<Priced, Refused> {
        let (quote, renderings) = self.quote(&cart).await?;
        // What gift cards cover changes with time alone.
        let is_paid_with_more = !cart.state.stored_values().is_empty();
        Ok(Priced {
            coverage: self.coverage(&cart, quote.total).await?,
            quote,
            frozen: None,
            lost: Lost::default(),
            cart,
            facts: HashMap::default(),
            requires_shipping: false,
            uses: Vec::new(),
            problems: Vec::new(),
            holds_until: None,
            renderings: (!is_paid_with_more).then_some(renderings),
        })
    }
}
