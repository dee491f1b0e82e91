//! Carts on the wire, as they are answered.

use super::payment::CartPayment;
use crate::answer::{self, Answer, Versioned, versioned};
use crate::dto::{Address, Money, Price, Span, Tax, Time, unless_zero};
use crate::extract::Prefer;
use cartwright_actors::cart::{CartView, ReadCart};
use cartwright_actors::request::Done;
use cartwright_domain::cart::{self, FrozenLine, Line, ProblemKind, Quote, QuoteLine, QuotedCode, Unmet};
use cartwright_domain::id::LineId;
use cartwright_domain::money;
use cartwright_domain::shipping::Offer;
use cartwright_domain::tax;
use cartwright_domain::{Detail, Problem};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// What a shopper intends to buy, and what it costs: by what holds now, until its checkout freezes the quote to pay it.
/// From then on, and once it is completed, it costs what that quote says, as its order does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Cart {
    /// Its id.
    #[schema(example = "cart_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// `created`, `active`, `checkout`, `completed`, `abandoned`, `recovered` or `merged`.
    #[schema(example = "active")]
    state: &'static str,
    /// How often it was changed.
    version: u64,
    /// The currency of its prices.
    #[schema(example = "GBP")]
    currency: String,
    /// The shopper's e-mail address.
    email: Option<String>,
    /// Where the goods go.
    shipping_address: Option<Address>,
    /// Where the bill goes; the shipping address when absent.
    billing_address: Option<Address>,
    /// The chosen shipping method.
    shipping_method_id: Option<String>,
    /// The customer it is for, where staff have said so.
    customer_id: Option<String>,
    /// When it is priced, where staff have set that; otherwise now, or when its quote was frozen.
    priced_at: Option<Time>,
    /// Is anything to be sent? Not where every line is digital.
    requires_shipping: bool,
    /// Its lines, in the order in which they were added.
    lines: Vec<CartLine>,
    /// Its coupon codes, with what became of them.
    codes: Vec<CartCode>,
    /// Codes of this request that were refused, each with its reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_codes: Vec<CodeProblem>,
    /// Codes that were taken out just now because they can no longer be used, each with its reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed_codes: Vec<CodeProblem>,
    /// The promotions that apply, in the order in which they did, with what each really gave.
    promotions: Vec<AppliedPromotion>,
    /// What it costs.
    totals: Totals,
    /// The gift cards and the store credit it is to be paid with, in the order in which they pay.
    payments: Vec<CartPayment>,
    /// What of the total they leave for the payment provider.
    amount_due: Money,
    /// The checkout that holds it or made an order of it.
    checkout_id: Option<String>,
    /// The order it became.
    order_id: Option<String>,
    /// When it was opened.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

/// What a change of a cart led to, for callers that prefer `return=minimal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CartChanged {
    /// The cart's id.
    id: String,
    /// The cart's state.
    #[schema(example = "active")]
    state: &'static str,
    /// How often it was changed.
    version: u64,
    /// The line that was changed, as it is now; `null` when it is gone or none was changed.
    line: Option<CartLine>,
    /// Its coupon codes, with what became of them; absent without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<CartCode>,
    /// Codes of this request that were refused, each with its reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_codes: Vec<CodeProblem>,
    /// Codes that were taken out just now because they can no longer be used, each with its reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed_codes: Vec<CodeProblem>,
    /// What the cart costs now.
    totals: Totals,
    /// The gift cards and the store credit it is to be paid with; absent without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    payments: Vec<CartPayment>,
    /// What of the total they leave for the payment provider.
    amount_due: Money,
}

/// The cart after a change, or with `Prefer: return=minimal` what the change led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum CartAnswer {
    /// Everything.
    Full(Box<Cart>),
    /// What has changed.
    Minimal(Box<CartChanged>),
}

/// A coupon code in a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CartCode {
    /// The code.
    #[schema(example = "SUMMER-25")]
    code: String,
    /// Does it apply at present, or did it in the frozen quote?
    applies: bool,
    /// Why not: `no_such_code`, `code_not_entered`, `not_started`, `ended`, `other_currency`, `other_zone`, `other_customer`,
    /// `not_first_order`, `nothing_matches`, `below_subtotal`, `below_quantity`, `suppressed` by one that goes with no other,
    /// or `limit_reached`.
    #[schema(example = "below_subtotal")]
    reason: Option<&'static str>,
}

/// Why a coupon code is not in the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CodeProblem {
    /// The code, in capital letters.
    code: String,
    /// The stable code of the reason.
    #[schema(example = "coupon.expired")]
    error: String,
    /// What a person must know.
    message: String,
}

/// A promotion that applies, with what it really gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AppliedPromotion {
    /// Its id.
    #[schema(example = "promo_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// Its name.
    name: String,
    /// The code that unlocked it.
    code: Option<String>,
    /// What it took off the lines.
    discount: Money,
    /// What it took off shipping.
    shipping_discount: Money,
}

/// Some units of one variant, bought alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CartLine {
    /// Its id, kept in the order.
    #[schema(example = "line_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// What is bought.
    variant_id: String,
    /// The product it belongs to.
    product_id: String,
    /// Its SKU when the line was added, or in the frozen quote.
    sku: String,
    /// Its title when the line was added, or in the frozen quote.
    title: String,
    /// What the shopper chose.
    options: BTreeMap<String, String>,
    /// What the storefront noted.
    custom_fields: BTreeMap<String, String>,
    /// How many units.
    quantity: u32,
    /// What a unit costs now, or in the frozen quote.
    unit_price: Price,
    /// What a unit cost when the line was added.
    unit_price_when_added: Price,
    /// What a unit costs less what it cost then.
    unit_price_difference: Price,
    /// Did staff set the unit price?
    overridden: bool,
    /// Unit price times quantity, rounded once, less `tax_stripped`; where that is more than a line may come to, `problems`
    /// say so and this is the most.
    total: Money,
    /// The tax that its price includes and this buyer is not charged; absent where that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_stripped: Option<Money>,
    /// The line's share of the discounts.
    discount: Money,
    /// The tax on total less discount; `null` where it is not taxed, or while no destination is known.
    tax: Option<Tax>,
    /// Why the line cannot be checked out as it is. Empty in minimal answers, and once the quote is frozen.
    problems: Vec<CartLineProblem>,
}

/// Why a line cannot be checked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CartLineProblem {
    /// The stable code.
    #[schema(example = "line.short")]
    code: &'static str,
    /// What a person must know.
    message: String,
    /// Units that can be had, where the line asks for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
}

/// What a cart or an order costs. `total = subtotal - discounts + shipping + tax`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Totals {
    /// The sum of the line amounts.
    subtotal: Money,
    /// The sum of the lines' discounts.
    discounts: Money,
    /// What shipping costs, after its discount.
    shipping: Money,
    /// Where the price of shipping comes from: the method's own `tariff`, a `carrier`, or a `fallback` while that does
    /// not answer. Absent without shipping.
    shipping_source: Option<&'static str>,
    /// `true` where the chosen shipping method is gone, or does not bring this cart there: nothing of it is in the total, and
    /// another must be chosen. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_unavailable: Option<bool>,
    /// What promotions took off shipping. In no sum.
    shipping_discount: Money,
    /// The tax on top of prices; `null` until a destination is known.
    tax: Option<Money>,
    /// The tax contained in prices. In no sum.
    tax_included: Money,
    /// The tax by the home zone, while no destination is known. In no sum.
    tax_estimate: Option<TaxEstimate>,
    /// Why there is no tax, where the buyer is charged none.
    tax_relief: Option<TaxRelief>,
    /// Who says what tax there is: the store's `table`, its `calculator`, or the table as a `fallback` while that does not
    /// answer.
    tax_source: &'static str,
    /// What is to be paid.
    total: Money,
    /// How many lines.
    lines: usize,
    /// How many units, of everything.
    units: u64,
}

/// A tax that may still change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TaxEstimate {
    /// Minor units.
    amount: i64,
    /// The code of ISO 4217.
    #[schema(example = "GBP")]
    currency: String,
    /// Always true.
    estimated: bool,
}

/// Why a buyer is charged no tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TaxRelief {
    /// `exempt`, or `reverse_charge`: a business of another member of the European Union accounts for it.
    #[schema(example = "reverse_charge")]
    reason: &'static str,
    /// The VAT number of a reverse charge.
    #[schema(example = "FR40303265045")]
    vat_number: Option<String>,
}

/// A shipping method the cart may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ShippingOption {
    /// Its id.
    #[schema(example = "shm_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// Its name for people.
    name: String,
    /// What it costs this cart, as `totals.shipping` says once it is chosen: after promotions, and without the tax that is
    /// taken out of the price.
    price: Money,
    /// Where the price comes from: the method's own `tariff`, a `carrier`, or a `fallback` while that does not answer.
    source: &'static str,
    /// Does it cost nothing?
    free: bool,
    /// Within how many days goods arrive.
    delivery_days: Option<Span>,
    /// The category it is taxed in.
    #[schema(example = "standard")]
    tax_category: String,
}

versioned!(Cart, CartChanged);

impl Versioned for CartAnswer {
    fn version(&self) -> u64 {
        match self {
            Self::Full(cart) => cart.version(),
            Self::Minimal(changed) => changed.version(),
        }
    }
}

/// Answers with a cart as it was read, rendered for the first who reads it.
pub(super) fn shown(read: &ReadCart) -> Answer<Cart> {
    let rendered = match read.rendered.get() {
        Some(rendered) => Some(rendered.clone()),
        None => answer::render(&Cart::from(&read.view))
            .map(|rendered| read.rendered.get_or_init(|| rendered).clone()),
    };
    Answer::rendered(rendered, read.view.priced.cart.revision)
}

/// Answers with a cart after a change, as much of it as the caller prefers.
pub(super) fn changed(done: Done<CartView>, prefer: Prefer) -> Answer<CartAnswer> {
    match (prefer, done.value.renderings()) {
        (Prefer::Full, _) => Answer::done(done.map(|view| CartAnswer::Full(Box::new(Cart::from(&view))))),
        (Prefer::Minimal, None) => {
            Answer::done(done.map(|view| CartAnswer::Minimal(Box::new(CartChanged::from(&view))))).minimal()
        }
        (Prefer::Minimal, Some(renderings)) => {
            let view = &done.value;
            let rendered = renderings.of(view.line, || answer::render(&CartChanged::from(view)));
            Answer::rendered(rendered, view.priced.cart.revision)
                .replayed(done.replayed)
                .minimal()
        }
    }
}

impl From<&CartView> for Cart {
    fn from(view: &CartView) -> Self {
        let (shown, quote) = (&view.priced.cart, &*view.priced.quote);
        let cart = &shown.state;
        let mut problems: HashMap<LineId, ProblemKind> = HashMap::new();
        for problem in &view.priced.problems {
            problems.insert(problem.line, problem.kind);
        }
        let lines = cart.lines().iter().zip(&quote.lines).enumerate();
        let lines = lines.map(|(at, (line, quoted))| {
            let problem = problems.get(&line.id).copied();
            CartLine::of(line, quoted, view.priced.frozen_line(at), problem)
        });
        Self {
            id: cart.id().to_string(),
            state: cart.state().name(),
            version: shown.revision.0,
            currency: cart.currency().to_string(),
            email: cart.email().map(ToString::to_string),
            shipping_address: cart.shipping_address().map(|address| Address::from(&**address)),
            billing_address: cart.billing_address().map(|address| Address::from(&**address)),
            shipping_method_id: cart.shipping().map(|choice| choice.method.to_string()),
            customer_id: cart.customer().map(|customer| customer.to_string()),
            priced_at: cart.pricing_date().map(|date| date.at.into()),
            requires_shipping: view.priced.requires_shipping,
            lines: lines.collect(),
            codes: quote.codes.iter().map(CartCode::from).collect(),
            refused_codes: view.news.refused.iter().map(CodeProblem::from).collect(),
            removed_codes: view.news.removed.iter().map(CodeProblem::from).collect(),
            promotions: quote.promotions.iter().map(AppliedPromotion::from).collect(),
            totals: Totals::from(quote),
            payments: CartPayment::list(&view.priced.coverage),
            amount_due: view.priced.coverage.due.into(),
            checkout_id: cart.checkout().map(|checkout| checkout.to_string()),
            order_id: cart.order().map(|order| order.to_string()),
            created_at: cart.created_at().into(),
            updated_at: cart.updated_at().into(),
        }
    }
}

impl From<&CartView> for CartChanged {
    fn from(view: &CartView) -> Self {
        let (shown, quote) = (&view.priced.cart, &*view.priced.quote);
        let at = view
            .line
            .and_then(|id| quote.lines.iter().position(|line| line.line == id));
        Self {
            id: shown.state.id().to_string(),
            state: shown.state.state().name(),
            version: shown.revision.0,
            line: at.map(|at| {
                let frozen = view.priced.frozen_line(at);
                CartLine::of(&shown.state.lines()[at], &quote.lines[at], frozen, None)
            }),
            codes: quote.codes.iter().map(CartCode::from).collect(),
            refused_codes: view.news.refused.iter().map(CodeProblem::from).collect(),
            removed_codes: view.news.removed.iter().map(CodeProblem::from).collect(),
            totals: Totals::from(quote),
            payments: CartPayment::list(&view.priced.coverage),
            amount_due: view.priced.coverage.due.into(),
        }
    }
}

impl From<&QuotedCode> for CartCode {
    fn from(judged: &QuotedCode) -> Self {
        Self {
            code: judged.code.to_string(),
            applies: judged.unmet.is_none(),
            reason: judged.unmet.map(Unmet::name),
        }
    }
}

impl From<&Problem> for CodeProblem {
    fn from(problem: &Problem) -> Self {
        let code = problem.details.iter().find(|(name, _)| name == "code");
        Self {
            code: match code {
                Some((_, Detail::Text(code))) => code.clone(),
                Some(_) | None => String::new(),
            },
            error: problem.code.clone(),
            message: problem.message.clone(),
        }
    }
}

impl From<&cart::AppliedPromotion> for AppliedPromotion {
    fn from(applied: &cart::AppliedPromotion) -> Self {
        Self {
            id: applied.promotion.to_string(),
            name: applied.name.to_string(),
            code: applied.code.as_ref().map(ToString::to_string),
            discount: applied.discount.into(),
            shipping_discount: applied.shipping_discount.into(),
        }
    }
}

impl CartLine {
    fn of(
        line: &Line,
        quoted: &QuoteLine,
        frozen: Option<&FrozenLine>,
        problem: Option<ProblemKind>,
    ) -> Self {
        let (sku, title) = frozen.map_or((&line.sku, &line.title), |frozen| (&frozen.sku, &frozen.title));
        let (now, then) = (quoted.unit_price, line.price_when_added);
        // Both are in the cart's currency and not below zero, so that their difference exists.
        let difference = now.minus(then).unwrap_or(money::Price::new(0, now.currency));
        Self {
            id: line.id.to_string(),
            variant_id: line.variant.to_string(),
            product_id: line.product.to_string(),
            sku: sku.to_string(),
            title: title.to_string(),
            options: line.options.clone(),
            custom_fields: line.custom_fields.clone(),
            quantity: line.quantity,
            unit_price: now.into(),
            unit_price_when_added: then.into(),
            unit_price_difference: difference.into(),
            overridden: line.overridden().is_some(),
            total: quoted.amount.into(),
            tax_stripped: unless_zero(quoted.tax_stripped),
            discount: quoted.discount.into(),
            tax: quoted.tax.as_ref().map(Tax::from),
            problems: problem.map(CartLineProblem::from).into_iter().collect(),
        }
    }
}

impl From<ProblemKind> for CartLineProblem {
    fn from(kind: ProblemKind) -> Self {
        let available = match kind {
            ProblemKind::Short { available } => Some(available),
            ProblemKind::Gone
            | ProblemKind::Disabled
            | ProblemKind::NoPrice
            | ProblemKind::TooMuch { .. } => None,
        };
        Self {
            code: kind.code(),
            message: kind.message(),
            available,
        }
    }
}

impl From<&Quote> for Totals {
    fn from(quote: &Quote) -> Self {
        Self {
            subtotal: quote.subtotal.into(),
            discounts: quote.discounts.into(),
            shipping: quote.shipping.into(),
            shipping_source: quote.shipping_line.as_ref().map(|line| line.source.name()),
            shipping_unavailable: quote.shipping_unavailable.map(|_| true),
            shipping_discount: match &quote.shipping_line {
                Some(line) => line.discount.into(),
                None => money::Money::zero(quote.currency).into(),
            },
            tax: quote.tax.map(Into::into),
            tax_included: quote.tax_included.into(),
            tax_estimate: quote.tax_estimate.map(TaxEstimate::from),
            tax_relief: quote.tax_relief.as_ref().map(TaxRelief::from),
            tax_source: quote.tax_source.name(),
            total: quote.total.into(),
            lines: quote.lines.len(),
            units: quote.units(),
        }
    }
}

impl From<money::Money> for TaxEstimate {
    fn from(money::Money { amount, currency }: money::Money) -> Self {
        Self {
            amount,
            currency: currency.to_string(),
            estimated: true,
        }
    }
}

impl From<&tax::TaxRelief> for TaxRelief {
    fn from(relief: &tax::TaxRelief) -> Self {
        let vat_number = match relief {
            tax::TaxRelief::Exempt => None,
            tax::TaxRelief::ReverseCharge { vat_number } => Some(vat_number.to_string()),
        };
        Self {
            reason: relief.name(),
            vat_number,
        }
    }
}

impl From<&Offer> for ShippingOption {
    fn from(
        Offer {
            method,
            price,
            source,
        }: &Offer,
    ) -> Self {
        Self {
            id: method.id().to_string(),
            name: method.name().to_owned(),
            price: (*price).into(),
            source: source.name(),
            free: price.is_zero(),
            delivery_days: method.delivery_days().map(Span::from),
            tax_category: method.tax_category().to_string(),
        }
    }
}
