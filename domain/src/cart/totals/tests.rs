//! Lines that are taken over from the quote before.

use super::*;
use crate::id::ProductId;
use uuid::Uuid;

fn intent<'a>(amounts: &[i64], tax_category: &'a Category) -> Intent<'a> {
    let line = |(n, amount): (u128, &i64)| {
        IntentLine::Listed(ListedLine {
            line: LineId(Uuid::from_u128(n)),
            quantity: 1,
            unit_price: Price::new(*amount * 10_000, Currency::GBP),
            minimum_price: None,
            weight_grams: 0,
            digital: false,
            tax_category,
            goods: Goods {
                variant: VariantId(Uuid::from_u128(n)),
                product: ProductId(Uuid::from_u128(n)),
                categories: Arc::default(),
            },
        })
    };
    Intent {
        currency: Currency::GBP,
        lines: (0..).zip(amounts).map(line).collect(),
        destination: None,
        shipping: None,
        now: Timestamp::default(),
        codes: &[],
        used_up: &[],
        outside: Outside::default(),
        buyer: Buyer::default(),
    }
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
        promotions: &Promotions::default(),
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
