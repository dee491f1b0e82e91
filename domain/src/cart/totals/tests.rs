//! Lines that are taken over from the quote before, and taxes that were calculated outside.

use super::*;
use crate::cart::QuoteLine;
use crate::id::ProductId;
use crate::settings::Prices;
use uuid::Uuid;

fn intent<'a>(amounts: &[i64], tax_category: &'a Category) -> Intent<'a> {
    let line = |(n, amount): (u128, &i64)| {
        IntentLine::Listed(Box::new(ListedLine {
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
        }))
    };
    Intent {
        currency: Currency::GBP,
        lines: (0..).zip(amounts).map(line).collect(),
        destination: None,
        shipping: None,
        now: Timestamp::default(),
        codes: &[],
        used_up: &[],
        single_codes: &[],
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

/// Prices two lines of 1.00 and 2.50 that go to Britain, where nothing is taxed by the table, and again with taxes that
/// were answered, the value of the second line being off by some units by then.
fn calculated(prices: Prices, taxes: &[i64], off: i64) -> Result<Arc<Quote>, Error> {
    let category = Category::default();
    let settings = Settings {
        prices,
        ..Settings::default()
    };
    let rules = Rules {
        settings: &settings,
        zones: &Zones::default(),
        methods: &[],
        promotions: &Promotions::default(),
    };
    let to_britain = |amounts: &[i64]| Intent {
        destination: Some(settings.home_country.into()),
        ..intent(amounts, &category)
    };
    let asked = to_britain(&[100, 250]);
    let sheet = quote(&asked, &rules, None)?;
    let taxable = taxable(&sheet, &asked, &rules)?.expect("something is to be taxed");
    let answer = match taxes {
        [] => CalculatedTaxes::default(),
        taxes => {
            taxable.check(taxes)?;
            taxable.answered(taxes)
        }
    };
    let told = Intent {
        outside: Outside {
            taxes: Some(&answer),
            ..Outside::default()
        },
        ..to_britain(&[100, 250 + off])
    };
    let sheet = quote(&told, &rules, None)?;
    // Taken over without an answer, the lines are taxed by the table again.
    let untold = Intent {
        lines: vec![IntentLine::Quoted(0), IntentLine::Quoted(1)],
        ..to_britain(&[])
    };
    let after = quote(&untold, &rules, Some(sheet.clone()))?.quote;
    assert_eq!(after.tax_source, TaxSource::Table);
    assert!(after.lines.iter().all(|line| line.tax.is_none()));
    Ok(sheet.quote)
}

/// Compares the taxes of the lines, their sums on top and contained, the total and the source.
#[track_caller]
fn check_taxed(
    quote: &Quote,
    lines: [Option<i64>; 2],
    (tax, included, total): (i64, i64, i64),
    source: TaxSource,
) {
    let of_line = |line: &QuoteLine| line.tax.as_ref().map(|tax| tax.amount.amount);
    assert_eq!(quote.lines.iter().map(of_line).collect::<Vec<_>>(), lines);
    let sums = (quote.tax, quote.tax_included, quote.total);
    let pence = |amount| Money::new(amount, Currency::GBP);
    assert_eq!(sums, (Some(pence(tax)), pence(included), pence(total)));
    assert_eq!(quote.tax_source, source);
}

#[test]
fn a_calculated_tax_comes_on_top_or_is_contained() -> Result<(), Error> {
    let (lines, source) = ([Some(8), Some(20)], TaxSource::Calculator);
    let on_top = calculated(Prices::ExcludeTax, &[8, 20], 0)?;
    check_taxed(&on_top, lines, (28, 0, 378), source);
    let contained = calculated(Prices::IncludeTax, &[8, 20], 0)?;
    check_taxed(&contained, lines, (0, 28, 350), source);
    Ok(())
}

#[test]
fn the_table_stands_in_where_the_value_is_another_and_where_nobody_answers() -> Result<(), Error> {
    let moved = calculated(Prices::ExcludeTax, &[8, 20], 1)?;
    check_taxed(&moved, [Some(8), None], (8, 0, 359), TaxSource::Fallback);
    let silent = calculated(Prices::ExcludeTax, &[], 0)?;
    check_taxed(&silent, [None, None], (0, 0, 350), TaxSource::Fallback);
    Ok(())
}

#[test]
fn an_answer_that_cannot_be_true_is_told_apart() {
    for (prices, taxes, sentence) in [
        (Prices::ExcludeTax, &[8][..], "every item has one tax"),
        (Prices::ExcludeTax, &[8, -1], "no tax is negative"),
        (
            Prices::ExcludeTax,
            &[8, 2_501],
            "no tax is out of proportion to its value",
        ),
        (
            Prices::IncludeTax,
            &[101, 20],
            "no tax is out of proportion to its value",
        ),
    ] {
        let broken = calculated(prices, taxes, 0);
        assert_eq!(broken, Err(Broken(sentence.to_owned()).into()), "{taxes:?}");
    }
    assert!(calculated(Prices::ExcludeTax, &[1_000, 2_500], 0).is_ok());
    assert!(calculated(Prices::IncludeTax, &[100, 250], 0).is_ok());
}
