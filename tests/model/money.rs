//! Section 1 of the semantics, a function a sentence: line amounts, splits, taxes, shipping, the total.

use crate::case::{Bill, BillLine, Case, DatedRate, Given, Line, Tax, TaxedBy, Zone};
use crate::outside::{calculated, cover};
use crate::prices::unit_price;
use crate::promotions::{self, Applied};
use crate::ratio::Ratio;
use crate::shipping::price;

/// Prices a cart.
pub(crate) fn priced(case: &Case) -> Bill {
    let lines = || case.cart.lines.iter();
    let listed = lines().map(|line| line_amount(case, line, unit_price(case, line)));
    let mut bill_lines: Vec<BillLine> = listed
        .map(|(amount, stripped)| untaxed(amount, stripped))
        .collect();
    let amounts: Vec<i128> = bill_lines.iter().map(|line| line.amount).collect();
    let floors: Vec<i128> = lines().map(|line| floor(case, line)).collect();
    let mut applied = promotions::applied(case, &amounts, &floors);

    for (at, line) in bill_lines.iter_mut().enumerate() {
        line.discount = applied.given.iter().map(|given| given.lines[at]).sum();
    }
    let subtotal: i128 = amounts.iter().sum();
    let discounts: i128 = bill_lines.iter().map(|line| line.discount).sum();
    let worth = bill_lines.iter().map(|line| worth(case, line)).sum();
    let mut shipping_line = shipping(case, worth, &mut applied);

    let values = bill_lines.iter().chain(&shipping_line);
    let values: Vec<i128> = values.map(|line| line.amount - line.discount).collect();
    let (calculated, taxed_by) = calculated(case, &values);
    // "Tax is computed once per line, on line value minus its discount shares, at the line's own rate" (1.6). "Shipping
    // is a line of its own, with its own tax category" (1.8).
    let shipped_as = case.cart.method.map(|at| case.store.methods[at].category);
    let categories = lines().map(|line| line.category).chain(shipped_as);
    let taxed = bill_lines.iter_mut().chain(&mut shipping_line);
    for (at, (line, category)) in taxed.zip(categories).enumerate() {
        let value = line.amount - line.discount;
        line.tax = match &calculated {
            Some(taxes) => Some(calculated_tax(case, value, taxes[at])),
            None => tax(case, category, value),
        };
    }
    let codes = applied.codes(case);
    let bill = total(
        case,
        bill_lines,
        shipping_line,
        (subtotal, discounts),
        applied,
        codes,
    );
    let (paid, due) = cover(case, bill.total);
    Bill {
        taxed_by,
        paid,
        due,
        ..bill
    }
}

/// "`total = subtotal - discounts + shipping + exclusive tax`. `discounts` holds line shares only; `shipping` is after
/// shipping promotions" (1.9). "The order's tax is the sum of the rounded line taxes" (1.6).
fn total(
    case: &Case,
    mut lines: Vec<BillLine>,
    mut shipping_line: Option<BillLine>,
    (subtotal, discounts): (i128, i128),
    mut applied: Applied,
    codes: Vec<(String, bool)>,
) -> Bill {
    let shipping = shipping_line
        .as_ref()
        .map_or(0, |line| line.amount - line.discount);
    let sum = |included: bool| -> i128 {
        let taxes = lines
            .iter()
            .chain(&shipping_line)
            .filter_map(|line| line.tax.as_ref());
        taxes
            .filter(|tax| tax.included == included)
            .map(|tax| tax.amount)
            .sum()
    };
    let (on_top, included) = (sum(false), sum(true));
    let is_estimate = case.cart.destination.is_none();
    if is_estimate {
        // "Until an address is known no exclusive tax is in the total: `tax` is absent, and `tax_estimate` stands
        // beside the total and is in no sum. Contained tax of inclusive prices is shown" (1.10).
        for line in lines.iter_mut().chain(&mut shipping_line) {
            line.tax.take_if(|tax| !tax.included);
        }
    }
    applied.given.retain(Given::is_something);
    Bill {
        subtotal,
        discounts,
        shipping,
        tax: (!is_estimate).then_some(on_top),
        tax_included: included,
        // "A cart without lines has no shipping, discount or tax" (1.9), and no estimate of one either.
        tax_estimate: (is_estimate && !lines.is_empty()).then_some(on_top + included),
        total: subtotal - discounts + shipping + if is_estimate { 0 } else { on_top },
        lines,
        shipping_line,
        given: applied.given,
        codes,
        taxed_by: TaxedBy::Table,
        paid: Vec::new(),
        due: 0,
    }
}

fn untaxed(amount: i128, stripped: i128) -> BillLine {
    BillLine {
        amount,
        stripped,
        discount: 0,
        tax: None,
    }
}

/// "Money is an integer count of the currency's minor unit (ISO 4217 exponent: JPY 0, EUR 2, KWD 3)" (1.1).
pub(crate) fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "EUR" | "GBP" => 2,
        "KWD" => 3,
        other => panic!("the model does not know {other}"),
    }
}

/// Returns a unit price in minor units: "a unit price may have up to six decimals" (1.1).
fn in_minor_units(case: &Case, price: &str) -> Ratio {
    Ratio::decimal(price) * Ratio::whole(10_i128.pow(exponent(case.cart.currency)))
}

/// "A line amount is unit price x quantity, rounded once" (1.4); what is listed with the tax of home is stripped of it
/// where the store does so (1.7).
fn line_amount(case: &Case, line: &Line, unit_price: &str) -> (i128, i128) {
    let exact = in_minor_units(case, unit_price) * Ratio::whole(line.quantity.into());
    strip(case, line.category, exact.rounded(case.store.rounding))
}

/// "Its variant's minimum price times its quantity" (2.3). Whether that is rounded, and what becomes of it where the
/// home tax is stripped, the semantics do not say; the engine takes it for what the line would come to at that price.
pub(crate) fn floor(case: &Case, line: &Line) -> i128 {
    let minimum = line.minimum.as_deref().unwrap_or("0");
    line_amount(case, line, minimum).0
}

/// "An amount split over lines is split in proportion to line value: floor each share, give the left-over units one by
/// one to the largest fractional parts, ties to the earlier line. Zero-value lines get nothing. If every weight is zero
/// a charge is split evenly" (1.5). "And a discount is zero" (1.5) is said by [`split_discount`].
pub(crate) fn split(amount: i128, weights: &[Ratio]) -> Vec<i128> {
    let sum: Ratio = weights.iter().copied().sum();
    if sum == Ratio::ZERO {
        let even = vec![Ratio::ONE; weights.len()];
        return if weights.is_empty() {
            Vec::new()
        } else {
            split(amount, &even)
        };
    }
    let share = |weight: &Ratio| Ratio::whole(amount) * (*weight / sum);
    let exact: Vec<Ratio> = weights.iter().map(share).collect();
    let mut shares: Vec<i128> = exact.iter().map(|share| share.floor()).collect();
    let mut by_fraction: Vec<usize> = (0..weights.len()).collect();
    // A stable sort: of equal fractional parts the earlier line stays the earlier.
    by_fraction.sort_by_key(|at| std::cmp::Reverse(exact[*at] - Ratio::whole(shares[*at])));
    let left_over = amount - shares.iter().sum::<i128>();
    for at in by_fraction
        .into_iter()
        .take(usize::try_from(left_over).expect("floors leave something over or nothing"))
    {
        shares[at] += 1;
    }
    shares
}

/// "If every weight is zero a discount is zero" (1.5).
pub(crate) fn split_discount(amount: i128, weights: &[Ratio]) -> Vec<i128> {
    if weights.iter().all(|weight| *weight == Ratio::ZERO) {
        return vec![0; weights.len()];
    }
    split(amount, weights)
}

fn zone_of(case: &Case, country: u8) -> Option<&Zone> {
    case.store.zones.iter().find(|zone| zone.country == country)
}

/// The zone whose rates hold: "the store's default zone" until an address is known (1.10).
pub(crate) fn zone(case: &Case) -> Option<&Zone> {
    zone_of(case, case.cart.destination.unwrap_or(case.store.home))
}

fn is_foreign(case: &Case) -> bool {
    zone(case) != zone_of(case, case.store.home)
}

/// Returns the rates of a category that hold in a zone. What has none is not taxed.
fn rates(case: &Case, zone: Option<&Zone>, category: u8) -> Option<Vec<Ratio>> {
    let found = zone?.rates.iter().find(|(of, _)| *of == category)?;
    let taxes = found.1.iter().filter_map(|rates| in_force(rates, case.cart.now));
    let rates: Vec<Ratio> = taxes.map(|rate| Ratio::decimal(&rate.rate)).collect();
    (!rates.is_empty()).then_some(rates)
}

/// "A rate of the same category and tax follows the one before", so that the last that has begun counts; it "no longer
/// holds" from its end on.
fn in_force(rates: &[DatedRate], now: i64) -> Option<&DatedRate> {
    let begun = rates
        .iter()
        .filter(|rate| rate.from.is_none_or(|from| from <= now));
    let last = begun.max_by_key(|rate| rate.from)?;
    last.until.is_none_or(|until| now < until).then_some(last)
}

/// "Tax-inclusive price: net = gross / (1 + rate), rounded" (1.7).
fn net_of(case: &Case, gross: i128, rate: Ratio) -> i128 {
    (Ratio::whole(gross) / (Ratio::ONE + rate)).rounded(case.store.rounding)
}

/// Returns an amount without the tax that is taken out of its price, and that tax: "a store setting says whether a
/// foreign zone keeps the gross or strips the home tax" (1.7).
///
/// Of a buyer who is exempt the semantics say nothing. The engine documents: all contained tax is taken out, the home
/// zone's where that is stripped, else the destination's.
fn strip(case: &Case, category: u8, gross: i128) -> (i128, i128) {
    let strips_home = is_foreign(case) && case.store.strips;
    let contained = if strips_home {
        zone_of(case, case.store.home)
    } else {
        zone(case)
    };
    if !case.store.inclusive || !(strips_home || case.cart.exempt) {
        return (gross, 0);
    }
    let rate = rates(case, contained, category).map_or(Ratio::ZERO, |rates| rates.into_iter().sum());
    let net = net_of(case, gross, rate);
    (net, gross - net)
}

/// Tells whether what is charged contains its tax: listed prices do, unless a foreign zone strips the home tax (1.7).
pub(crate) fn is_contained(case: &Case) -> bool {
    case.store.inclusive && !(is_foreign(case) && case.store.strips)
}

/// "Its tax comes on top or is contained as the store's prices say; the line's `tax` has no parts."
fn calculated_tax(case: &Case, value: i128, amount: i128) -> Tax {
    let included = is_contained(case);
    Tax {
        net: if included { value - amount } else { value },
        amount,
        included,
        parts: Vec::new(),
    }
}

/// "Net = gross / (1 + rate), rounded; tax = gross - net; the gross never changes because of arithmetic" (1.7); else
/// the tax is on top, the value times the rate, rounded (1.3, 1.6).
fn tax(case: &Case, category: u8, value: i128) -> Option<Tax> {
    if case.cart.exempt {
        return None;
    }
    let rates = rates(case, zone(case), category)?;
    let rate: Ratio = rates.iter().copied().sum();
    let included = is_contained(case);
    let (net, amount) = if included {
        let net = net_of(case, value, rate);
        (net, value - net)
    } else {
        (value, (Ratio::whole(value) * rate).rounded(case.store.rounding))
    };
    Some(Tax {
        net,
        amount,
        included,
        parts: if rates.len() == 1 {
            Vec::new()
        } else {
            split(amount, &rates)
        },
    })
}

/// "Shipping is a line of its own; an order discount does not touch it unless the promotion says so" (1.8). "A cart
/// without lines has no shipping" (1.9), and neither has one of digital goods alone (5.1).
/// "What goods are worth is the subtotal less discounts. Where tax is taken out of the prices that contain it [...] they are
/// worth what they were with it."
fn worth(case: &Case, line: &BillLine) -> i128 {
    let value = line.amount - line.discount;
    match line.amount {
        0 => value,
        amount => Ratio::new(value * (amount + line.stripped), amount).rounded(case.store.rounding),
    }
}

fn shipping(case: &Case, goods: i128, applied: &mut Applied) -> Option<BillLine> {
    let method = &case.store.methods[case.cart.method?];
    if case.cart.lines.iter().all(|line| line.digital) {
        return None;
    }
    let (amount, stripped) = strip(case, method.category, price(case, method, goods)?);
    let mut line = untaxed(amount, stripped);
    line.discount = applied.take_off_shipping(case, amount);
    Some(line)
}
