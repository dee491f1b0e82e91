//! A quote whose parts do not make its sums is found.

use super::totals::{POST, on_top};
use crate::cart::Quote;
use crate::cart::totals::Error;

#[test]
fn parts_that_do_not_make_the_sums_are_found() -> Result<(), Error> {
    let good = on_top().quote(
        &[("10.00", 2, "standard"), ("3.00", 1, "books")],
        Some("GB"),
        Some(POST),
    )?;
    let check = |spoil: fn(&mut Quote), sentence: &str| {
        let mut spoiled = good.clone();
        spoil(&mut spoiled);
        assert_eq!(spoiled.check().expect_err("the sums are wrong").0, sentence);
    };
    check(
        |quote| quote.total.amount += 1,
        "the total is the sum of its parts",
    );
    check(
        |quote| quote.subtotal.amount -= 1,
        "the subtotal is the sum of the line amounts",
    );
    check(
        |quote| quote.discounts.amount += 1,
        "the discount shares sum to the discount",
    );
    check(
        |quote| quote.shipping.amount += 1,
        "the shipping is that of the shipping line",
    );
    check(
        |quote| quote.tax = None,
        "the tax is the sum of the rounded line taxes",
    );
    check(
        |quote| quote.tax_included.amount += 1,
        "the contained tax is the sum of the lines'",
    );
    check(
        |quote| quote.estimated = true,
        "tax on top is absent exactly while it is an estimate",
    );
    check(
        |quote| quote.lines[0].tax = None,
        "the tax is the sum of the rounded line taxes",
    );
    check(
        |quote| {
            if let Some(tax) = &mut quote.lines[0].tax {
                tax.net.amount -= 1;
            }
        },
        "each line's net and tax make up its value",
    );
    check(
        |quote| quote.lines[0].discount.amount = 2_001,
        "no line is worth less than nothing, and no discount is negative",
    );
    Ok(())
}
