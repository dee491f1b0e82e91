//! What a shopper can ask of a cart.

use super::line::{check_attributes, is_too_much};
use super::{
    Attributes, Cart, Error, Event, IdleLifetimes, Line, Lines, LockScope, PriceOverride, PricingDate, Seen,
    ShippingChoice, State, Timer, VariantFacts,
};
use crate::address::Address;
use crate::caller::Caller;
use crate::catalog::{PRICE_MILLIONTHS_MAX, price_max};
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::{CartId, CheckoutId, CustomerId, EntityId, LineId};
use crate::money::{Currency, LINE_AMOUNT_MAX, Money, Price};
use crate::settings::Limits;
use crate::text::Email;
use crate::time::Timestamp;
use std::sync::Arc;

/// Opens a cart for the caller's session.
#[derive(Clone, Copy, Debug)]
pub struct OpenCart {
    /// The currency of its prices, for as long as it lives.
    pub currency: Currency,
    /// How long it may lie.
    pub lifetimes: IdleLifetimes,
}

impl Create<Cart> for OpenCart {
    const NAME: &'static str = "cart.open";
    type Reply = ();

    fn create(self, id: CartId, cx: &mut Context<'_, Cart>) -> Result<(Cart, ()), Error> {
        // Carts are listed by their ids, and the newest of a list is to be the one that was opened last.
        let drawn_at = id.drawn_at().unwrap_or(cx.now());
        let cart = Cart {
            id,
            owner: cx.caller().session,
            state: State::Created,
            currency: self.currency,
            lines: Lines::default(),
            codes: Vec::new(),
            stored_values: Vec::new(),
            email: None,
            shipping_address: None,
            billing_address: None,
            shipping: None,
            pricing_date: None,
            customer: None,
            lifetimes: self.lifetimes,
            created_at: drawn_at.min(cx.now()),
            updated_at: cx.now(),
            seen: Seen::AsWritten,
            has_lost_cover: false,
        };
        cx.wake_at(Timer::Abandonment, cx.now().after(self.lifetimes.until_abandoned));
        cx.emit(Event::Opened {
            currency: self.currency,
        });
        Ok((cart, ()))
    }
}

/// Adds units of a variant: to the line that is the same, else as a new line at the end. Replies with that line.
#[derive(Clone, Debug)]
pub struct AddLine {
    /// What the catalog and the stock say.
    pub facts: VariantFacts,
    /// How many units, at least one.
    pub quantity: u32,
    /// What the shopper chose.
    pub options: Attributes,
    /// What the storefront notes.
    pub custom_fields: Attributes,
    /// A unit price in place of the variant's. It counts for staff only; from others it is ignored (section 4.6).
    pub unit_price: Option<Price>,
    /// How much the cart may hold.
    pub limits: Limits,
}

impl Command<Cart> for AddLine {
    const NAME: &'static str = "cart.add_line";
    type Reply = LineId;

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<LineId, Error> {
        cart.require_open()?;
        let unit_price = self.unit_price_by(cx.caller());
        let held = Held::of(cart, &self, unit_price);
        let (added, variant) = (self.quantity, self.facts.variant_id);
        let (quantity, price) = self.check(unit_price, cart.currency, &held)?;

        let id = match held.line {
            Some((index, _)) => {
                let line = Arc::make_mut(&mut cart.lines[index]);
                line.quantity = quantity;
                line.id
            }
            None => {
                let line = self.into_line(unit_price, price, cx);
                let id = line.id;
                cart.lines.push(Arc::new(line));
                id
            }
        };
        let event = Event::LineAdded {
            line: id,
            variant,
            added,
            quantity,
        };
        cart.changed(event, cx);
        Ok(id)
    }
}

/// What a cart holds of what is to be added.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Where the line is that is the same, and how many units it has.
    line: Option<(usize, u32)>,
    /// How many units of the variant there are, over all lines.
    units: u64,
    /// How many lines there are, of everything.
    lines: usize,
}

impl Held {
    fn of(cart: &Cart, add: &AddLine, unit_price: Option<Price>) -> Self {
        let variant = add.facts.variant_id;
        let (mut line, mut units) = (None, 0);
        for (index, held) in cart.lines.iter().enumerate() {
            if held.variant == variant {
                units += u64::from(held.quantity);
                let is_same = held.is_of(variant, unit_price, &add.options, &add.custom_fields);
                line = line.or(is_same.then_some((index, held.quantity)));
            }
        }
        Self {
            line,
            units,
            lines: cart.lines.len(),
        }
    }
}

impl AddLine {
    /// Refuses what a cart of this currency refuses even while it is empty, so that none is opened for it.
    ///
    /// # Errors
    /// As for the command.
    pub fn check_first(&self, caller: &Caller, currency: Currency) -> Result<(), Error> {
        self.check(self.unit_price_by(caller), currency, &Held::default())?;
        Ok(())
    }

    fn unit_price_by(&self, caller: &Caller) -> Option<Price> {
        self.unit_price.filter(|_| caller.is_staff())
    }

    /// Refuses what the cart cannot take. Returns how many units the line then has, and what each of so many costs now, or
    /// what staff have set in its place.
    fn check(
        &self,
        unit_price: Option<Price>,
        currency: Currency,
        held: &Held,
    ) -> Result<(u32, Price), Error> {
        let limits = self.limits;
        let mut errors = FieldErrors::default();
        check_attributes(&self.options, "/options", &mut errors);
        check_attributes(&self.custom_fields, "/custom_fields", &mut errors);
        errors.into_result()?;
        if self.quantity == 0 {
            return Err(Error::QuantityZero);
        }
        if let Some(price) = unit_price {
            check_override(price, currency)?;
        }
        let quantity = held.line.map_or(0, |(_, quantity)| quantity);
        let quantity = quantity
            .checked_add(self.quantity)
            .filter(|quantity| *quantity <= limits.line_units_max);
        let quantity = quantity.ok_or(Error::QuantityTooLarge {
            max: limits.line_units_max,
        })?;
        let price = require_for_sale(&self.facts, unit_price, (currency, quantity))?;
        let is_full = limits.cart_lines_max <= u32::try_from(held.lines).unwrap_or(u32::MAX);
        if held.line.is_none() && is_full {
            return Err(Error::TooManyLines {
                max: limits.cart_lines_max,
            });
        }
        require_stock(&self.facts, held.units + u64::from(self.quantity))?;
        Ok((quantity, price))
    }

    fn into_line(self, unit_price: Option<Price>, price: Price, cx: &mut Context<'_, Cart>) -> Line {
        let price_override = unit_price.map(|unit_price| {
            Box::new(PriceOverride {
                unit_price,
                by: cx.caller().name(),
                at: cx.now(),
            })
        });
        Line {
            id: cx.new_id(),
            variant: self.facts.variant_id,
            product: self.facts.product_id,
            sku: self.facts.sku,
            title: self.facts.title,
            tax_category: self.facts.tax_category,
            options: self.options,
            custom_fields: self.custom_fields,
            quantity: self.quantity,
            price_when_added: price,
            price_override,
        }
    }
}

/// Sets a line's quantity; 0 removes the line. Fewer units than before are never refused. More at a price that staff have
/// set is for staff to give.
#[derive(Clone, Debug)]
pub struct SetQuantity {
    /// Which line.
    pub line: LineId,
    /// How many units it is to hold.
    pub quantity: u32,
    /// What the catalog and the stock say about its variant; `None` when it is gone.
    pub facts: Option<VariantFacts>,
    /// How much the cart may hold.
    pub limits: Limits,
}

impl Command<Cart> for SetQuantity {
    const NAME: &'static str = "cart.set_quantity";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        let index = index_of(cart, self.line)?;
        let line = Arc::clone(&cart.lines[index]);
        if self.quantity == 0 {
            remove(cart, index, cx);
            return Ok(());
        }
        if self.quantity == line.quantity {
            return Ok(());
        }
        if line.quantity < self.quantity {
            if line.overridden().is_some() && !cx.caller().is_staff() {
                return Err(Error::PriceOverridden {
                    sku: Arc::clone(&line.sku),
                    quantity: line.quantity,
                });
            }
            self.check_more(cart, &line)?;
        }
        Arc::make_mut(&mut cart.lines[index]).quantity = self.quantity;
        let event = Event::QuantitySet {
            line: line.id,
            variant: line.variant,
            from: line.quantity,
            quantity: self.quantity,
        };
        cart.changed(event, cx);
        Ok(())
    }
}

impl SetQuantity {
    fn check_more(&self, cart: &Cart, line: &Line) -> Result<(), Error> {
        if self.limits.line_units_max < self.quantity {
            return Err(Error::QuantityTooLarge {
                max: self.limits.line_units_max,
            });
        }
        let Some(facts) = &self.facts else {
            return Err(Error::NotForSale {
                variant: line.variant,
                sku: Arc::clone(&line.sku),
            });
        };
        require_for_sale(facts, line.overridden(), (cart.currency, self.quantity))?;
        let others = cart.units_of(line.variant) - u64::from(line.quantity);
        require_stock(facts, others + u64::from(self.quantity))
    }
}

/// Takes a line out.
#[derive(Clone, Copy, Debug)]
pub struct RemoveLine {
    /// Which line.
    pub line: LineId,
}

impl Command<Cart> for RemoveLine {
    const NAME: &'static str = "cart.remove_line";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        let index = index_of(cart, self.line)?;
        remove(cart, index, cx);
        Ok(())
    }
}

/// Takes every line out. Clearing an empty cart changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct ClearLines;

impl Command<Cart> for ClearLines {
    const NAME: &'static str = "cart.clear_lines";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        if cart.lines.is_empty() {
            return Ok(());
        }
        let lines = u64::try_from(cart.lines.len()).unwrap_or(u64::MAX);
        cart.lines.clear();
        cart.changed(Event::Cleared { lines }, cx);
        Ok(())
    }
}

/// What becomes of one detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays: the request does not name it.
    #[default]
    Keep,
    /// It goes: the request says null.
    Clear,
    /// It is this from now on.
    Set(T),
}

impl<T> Patch<T> {
    fn apply_to(self, held: Option<T>) -> Option<T> {
        match self {
            Self::Keep => held,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Changes who buys, where it goes and how, all at once.
///
/// While a checkout holds the cart only a change made through that checkout is let in, and through a checkout none but
/// while it holds the cart.
#[derive(Clone, Debug, Default)]
pub struct UpdateDetails {
    /// The shopper's e-mail address.
    pub email: Patch<Email>,
    /// Where the goods go.
    pub shipping_address: Patch<Address>,
    /// Where the bill goes.
    pub billing_address: Patch<Address>,
    /// How the goods go. Whether the method serves the address shows in the quote.
    pub shipping: Patch<ShippingChoice>,
    /// The time at which the cart is priced. It counts for staff only; from others it is ignored (section 4.6).
    pub priced_at: Patch<Timestamp>,
    /// For which customer the cart is. It counts for staff only.
    pub customer: Patch<CustomerId>,
    /// The checkout through which the change is made.
    pub through: Option<CheckoutId>,
}

impl Command<Cart> for UpdateDetails {
    const NAME: &'static str = "cart.update_details";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        match (cart.state, self.through) {
            (
                State::Checkout {
                    checkout,
                    scope: LockScope::Lines,
                },
                Some(through),
            ) if checkout == through => {}
            (_, Some(checkout)) => {
                cart.require_open()?;
                return Err(Error::NotHeld { checkout });
            }
            (_, None) => cart.require_open()?,
        }
        let before = cart.clone();
        cart.email = self.email.apply_to(cart.email.take());
        patch_address(&mut cart.shipping_address, self.shipping_address);
        patch_address(&mut cart.billing_address, self.billing_address);
        cart.shipping = self.shipping.apply_to(cart.shipping.take());
        if cx.caller().is_staff() {
            let by = || cx.caller().name();
            let held = cart.pricing_date.take();
            cart.pricing_date = match self.priced_at {
                Patch::Set(at) if held.as_ref().is_none_or(|held| held.at != at) => {
                    Some(Arc::new(PricingDate { at, by: by() }))
                }
                Patch::Keep | Patch::Set(_) => held,
                Patch::Clear => None,
            };
            cart.customer = self.customer.apply_to(cart.customer.take());
        }
        if *cart != before {
            cart.changed(Event::DetailsUpdated, cx);
        }
        Ok(())
    }
}

fn patch_address(held: &mut Option<Arc<Address>>, patch: Patch<Address>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *held = None,
        Patch::Set(address) => *held = Some(Arc::new(address)),
    }
}

fn index_of(cart: &Cart, line: LineId) -> Result<usize, Error> {
    let index = cart.lines.iter().position(|held| held.id == line);
    index.ok_or(Error::LineNotFound { line })
}

fn remove(cart: &mut Cart, index: usize, cx: &mut Context<'_, Cart>) {
    let line = cart.lines.remove(index);
    let event = Event::LineRemoved {
        line: line.id,
        variant: line.variant,
        quantity: line.quantity,
    };
    cart.changed(event, cx);
}

fn check_override(price: Price, currency: Currency) -> Result<(), Error> {
    if price.currency != currency {
        return Err(Error::OtherCurrency {
            cart: currency,
            price: price.currency,
        });
    }
    if price.is_negative() {
        return Err(Error::NegativePrice);
    }
    if PRICE_MILLIONTHS_MAX < price.millionths {
        let max = price_max(currency);
        return Err(Error::PriceTooHigh { max });
    }
    Ok(())
}

/// Returns what each of so many units costs, or refuses a variant that is not offered, or has no price in the cart's
/// currency where none was set in its place, or of which so many come to too much.
fn require_for_sale(
    facts: &VariantFacts,
    overridden: Option<Price>,
    (currency, quantity): (Currency, u32),
) -> Result<Price, Error> {
    let price = overridden.or(facts.price(currency, quantity));
    let Some(price) = price.filter(|_| facts.for_sale) else {
        let (variant, sku) = (facts.variant_id, Arc::clone(&facts.sku));
        return Err(match facts.for_sale && facts.has_price() {
            true => Error::NoPrice {
                variant,
                sku,
                currency,
            },
            false => Error::NotForSale { variant, sku },
        });
    };
    if is_too_much(price, quantity) {
        let max = Money::new(LINE_AMOUNT_MAX, currency);
        return Err(Error::TooMuch { max });
    }
    Ok(price)
}

/// Refuses more units than can be had, telling how many can.
fn require_stock(facts: &VariantFacts, units: u64) -> Result<(), Error> {
    if facts.has(units) {
        return Ok(());
    }
    Err(Error::InsufficientStock {
        variant: facts.variant_id,
        sku: Arc::clone(&facts.sku),
        available: facts.available.unwrap_or(0).max(0),
    })
}
