//! What is true of every cart the engine prices, with price lists, promotions and tax on.

use crate::case::{Bill, Case};
use crate::money::floor;
use cartwright_domain::Country;
use cartwright_domain::cart::Quote;
use cartwright_domain::cart::totals::{Intent, IntentLine, Outside, Rules, Worksheet, quote};
use cartwright_domain::id::LineId;
use cartwright_domain::money::Money;
use cartwright_domain::promotion::Promotions;
use std::sync::Arc;
use uuid::Uuid;

/// Parts sum to their wholes, no line goes below its floor, and what is paid is the total.
pub(crate) fn check_sums(case: &Case, bill: &Bill) {
    let sum = |of: &dyn Fn(&crate::case::BillLine) -> i128| bill.lines.iter().map(of).sum::<i128>();
    assert_eq!(bill.subtotal, sum(&|line| line.amount), "the subtotal");
    assert_eq!(bill.discounts, sum(&|line| line.discount), "the discounts");
    for (at, (line, listed)) in bill.lines.iter().zip(&case.cart.lines).enumerate() {
        let shares: i128 = bill.given.iter().map(|given| given.lines[at]).sum();
        assert_eq!(line.discount, shares, "the shares of line {at}");
        let least = floor(case, listed).min(line.amount).max(0);
        assert!(
            least <= line.amount - line.discount,
            "line {at} is below its floor"
        );
    }
    let taxes = || {
        bill.lines
            .iter()
            .chain(&bill.shipping_line)
            .filter_map(|line| line.tax.as_ref())
    };
    for tax in taxes().filter(|tax| !tax.parts.is_empty()) {
        assert_eq!(tax.parts.iter().sum::<i128>(), tax.amount, "the parts of a tax");
    }
    let on_top: i128 = taxes().filter(|tax| !tax.included).map(|tax| tax.amount).sum();
    assert_eq!(bill.tax.unwrap_or_default(), on_top, "the taxes on top");
    let total = bill.subtotal - bill.discounts + bill.shipping + on_top;
    assert_eq!(bill.total, total, "the total");
    assert_eq!(
        bill.paid.iter().sum::<i128>() + bill.due,
        bill.total,
        "the payments"
    );
}

/// What is changed and changed back leaves no trace, and the order of lines changes no sum where it must not.
pub(crate) fn check_changes(intent: &Intent<'_>, rules: &Rules<'_>, sheet: &Worksheet) {
    let priced = |intent: &Intent<'_>, before: Worksheet| {
        quote(intent, rules, Some(before)).expect("the cart can be priced")
    };
    for country in [Country::GB, Country::of("DE").expect("a country")] {
        let elsewhere = Intent {
            destination: Some(country.into()),
            ..intent.clone()
        };
        let back = priced(intent, priced(&elsewhere, sheet.clone()));
        assert_eq!(back.quote, sheet.quote, "the goods went to {country} and back");
    }

    let kept = || (0..intent.lines.len()).map(IntentLine::Quoted);
    if let Some(IntentLine::Listed(first)) = intent.lines.first() {
        let mut another = first.clone();
        another.line = LineId(Uuid::nil());
        let more = kept().chain([IntentLine::Listed(another)]).collect();
        let more = Intent {
            lines: more,
            ..intent.clone()
        };
        let less = Intent {
            lines: kept().collect(),
            ..intent.clone()
        };
        let again = priced(&less, priced(&more, sheet.clone()));
        assert_eq!(again.quote, sheet.quote, "a line was added and removed");
    }

    let none = Promotions::new(std::iter::empty::<Arc<_>>());
    let without = Rules {
        promotions: &none,
        ..*rules
    };
    let by_table = Intent {
        outside: Outside::default(),
        ..intent.clone()
    };
    let mut turned = by_table.clone();
    turned.lines.reverse();
    let sums_of = |intent: &Intent<'_>, rules: &Rules<'_>| {
        let sheet = quote(intent, rules, None).expect("the cart can be priced");
        sums(&sheet.quote)
    };
    assert_eq!(
        sums_of(&turned, &without),
        sums_of(&by_table, &without),
        "the lines were turned round"
    );
    let subtotal = sums_of(&turned, rules)[0];
    assert_eq!(subtotal, Some(sheet.quote.subtotal), "with promotions, too");
}

fn sums(quote: &Quote) -> [Option<Money>; 7] {
    [
        Some(quote.subtotal),
        Some(quote.discounts),
        Some(quote.shipping),
        quote.tax,
        Some(quote.tax_included),
        quote.tax_estimate,
        Some(quote.total),
    ]
}
