//! Shares of discounts, and lines that are taken over.

use super::discounts::share_discount;
use super::lines::work;
use super::tax::{Mode, Taxing};
use super::*;
use crate::money::Rounding;
use uuid::Uuid;

const UNTAXED: Taxing<'_> = Taxing {
    mode: Mode::OnTop,
    zone: None,
    charged: None,
    taken_out: None,
    relief: None,
    rounding: Rounding::HalfUp,
    estimated: false,
};

fn share(discount: i64, intent: &Intent<'_>) -> Result<(i64, Vec<i64>), Error> {
    let (mut lines, mut taxes) = work(intent, &UNTAXED, None)?;
    let discount = Money::new(discount, Currency::GBP);
    let given = share_discount(discount, intent, &UNTAXED, (&mut lines, &mut taxes))?;
    Ok((
        given.amount,
        lines.iter().map(|line| line.discount.amount).collect(),
    ))
}

fn intent<'a>(amounts: &[i64], tax_category: &'a Category) -> Intent<'a> {
    let line = |(n, amount): (u128, &i64)| IntentLine::Listed {
        line: LineId(Uuid::from_u128(n)),
        quantity: 1,
        unit_price: Price::new(*amount * 10_000, Currency::GBP),
        tax_category,
    };
    Intent {
        currency: Currency::GBP,
        lines: (0..).zip(amounts).map(line).collect(),
        destination: None,
        buyer: None,
        shipping: None,
    }
}

fn check_shares(discount: i64, amounts: &[i64], shares: &[i64], given: i64) {
    let category = Category::default();
    let shared = share(discount, &intent(amounts, &category));
    assert_eq!(shared, Ok((given, shares.to_vec())));
}

fn check_taken_over(lines: &[Option<usize>], expected: Result<&[i64], &str>) {
    let category = Category::default();
    let (before, mut after) = (intent(&[0, 100, 200, 300], &category), intent(&[7; 6], &category));
    after.lines.truncate(lines.len());
    for (line, from) in after.lines.iter_mut().zip(lines) {
        if let Some(from) = from {
            *line = IntentLine::Quoted(*from);
        }
    }
    let rules = Rules {
        settings: &Settings::default(),
        zones: &Zones::default(),
        methods: &[],
    };
    let sheet = quote(&before, &rules, None).and_then(|before| quote(&after, &rules, Some(before)));
    let amounts = sheet.map(|sheet| sheet.quote.lines.iter().map(|line| line.amount.amount).collect());
    let expected = expected.map(<[i64]>::to_vec);
    assert_eq!(amounts, expected.map_err(|text| Broken(text.to_owned()).into()));
}

#[test]
fn lines_are_taken_over_in_their_order_and_never_twice() {
    check_taken_over(&[Some(0), Some(1), Some(2), Some(3)], Ok(&[0, 100, 200, 300]));
    check_taken_over(&[Some(1), Some(3)], Ok(&[100, 300]));
    check_taken_over(&[None, Some(1), Some(3), None], Ok(&[7, 100, 300, 7]));
    check_taken_over(&[Some(2), None, Some(3)], Ok(&[200, 7, 300]));
    check_taken_over(
        &[Some(0), Some(1), Some(2), Some(3), None],
        Ok(&[0, 100, 200, 300, 7]),
    );
    check_taken_over(&[None], Ok(&[7]));
    check_taken_over(&[], Ok(&[]));
    for lines in [
        [Some(1), Some(0)],
        [None, Some(0)],
        [Some(3), Some(3)],
        [Some(0), Some(4)],
    ] {
        check_taken_over(&lines, Err("lines that are taken over keep their order"));
    }
}

#[test]
fn a_discount_is_shared_by_line_amounts_and_what_was_given_is_told() {
    check_shares(1_000, &[1_000, 1_000, 1_000], &[334, 333, 333], 1_000);
    check_shares(100, &[0, 300, 100], &[0, 75, 25], 100);
    check_shares(100, &[0, 0], &[0, 0], 0);
    check_shares(0, &[5], &[0], 0);
}
