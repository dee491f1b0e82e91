//! What promotions take off: tables worked by hand.

use super::*;
use crate::cart::totals::{
    Buyer, Error, Intent, IntentLine, ListedLine, Outside, Rules, Worksheet, explain, quote,
};
use crate::cart::{Quote, Unmet};
use crate::catalog::Handle;
use crate::country::Country;
use crate::id::{PromotionId, ShippingMethodId};
use crate::money::{Money, Rate};
use crate::promotion::{
    Action, Choice, Code, Combination, Conditions, Goods, Promotion, Promotions, Reduction, Selection, Sets,
    Spread,
};
use crate::settings::Settings;
use crate::shipping::{self, ShippingMethod};
use crate::tax::Zones;
use crate::territory::TerritoryDraft;
use std::collections::BTreeSet;

pub(super) const POST: ShippingMethodId = ShippingMethodId(Uuid::from_u128(31));

/// A line: product, unit price in pence, quantity, least unit price in pence.
pub(super) type Row = (u128, i64, u32, i64);

/// What is priced, and by what.
pub(super) struct Case {
    pub(super) rows: Vec<Row>,
    pub(super) codes: Vec<Code>,
    pub(super) groups: Vec<Handle>,
    pub(super) has_ordered: Option<bool>,
    pub(super) used_up: Vec<PromotionId>,
    pub(super) now: Timestamp,
    pub(super) promotions: Vec<Promotion>,
    pub(super) shipping: Option<ShippingMethodId>,
    /// Whether there is nothing to send.
    pub(super) digital: bool,
    pub(super) zones: Zones,
    pub(super) settings: Settings,
}

pub(super) fn case(rows: &[Row], promotions: &[Promotion]) -> Case {
    Case {
        rows: rows.to_vec(),
        codes: Vec::new(),
        groups: Vec::new(),
        has_ordered: None,
        used_up: Vec::new(),
        now: Timestamp::from_millis(1_000),
        promotions: promotions.to_vec(),
        shipping: None,
        digital: false,
        zones: Zones::new(
            [totals::zone(1, &["GB"], &[("standard", "0.2")])],
            Timestamp::default(),
        ),
        settings: Settings::default(),
    }
}

/// A promotion of that number that does one thing to any cart.
pub(super) fn promotion(n: u128, action: Action) -> Promotion {
    Promotion {
        id: PromotionId(Uuid::from_u128(n)),
        name: format!("Promotion {n}").into(),
        code: None,
        requires_code: false,
        priority: 0,
        combination: Combination::Stackable,
        conditions: Conditions::default(),
        actions: vec![action],
        usage_limit: None,
        usage_limit_per_customer: None,
        enabled: true,
        created_at: Timestamp::from_millis(i64::try_from(n).expect("a small number")),
    }
}

pub(super) fn percent(rate: &str) -> Reduction {
    Reduction::Percentage(rate.parse().expect("a rate"))
}

pub(super) fn pence(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

pub(super) fn off(amount: i64) -> Reduction {
    Reduction::Fixed(pence(amount))
}

pub(super) fn products(numbers: &[u128]) -> Selection {
    Selection {
        products: numbers.iter().map(|n| ProductId(Uuid::from_u128(*n))).collect(),
        ..Selection::default()
    }
}

pub(super) fn lines(numbers: &[u128], reduction: Reduction, spread: Spread) -> Action {
    Action::Lines {
        items: Some(products(numbers)),
        reduction,
        spread,
    }
}

pub(super) fn sets(buy: u32, get: u32) -> Sets {
    Sets {
        buy,
        buy_items: None,
        get,
        get_items: None,
        percentage: "1".parse::<Rate>().expect("a rate"),
        choice: Choice::Cheapest,
        sets_max: None,
    }
}

pub(super) fn code_of(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

pub(super) fn group(text: &str) -> Handle {
    Handle::parse(text).expect("a handle")
}

fn post() -> Arc<ShippingMethod> {
    let draft = shipping::Draft {
        name: Some("Post".to_owned()),
        territory: TerritoryDraft::of(&["*"]),
        price: Some(pence(395)),
        ..shipping::Draft::default()
    };
    let create = shipping::CreateMethod { draft, existing: 0 };
    let bench = Bench::create(POST, Timestamp::from_millis(0), create);
    Arc::new(bench.expect("a method of the test").entity)
}

impl Case {
    pub(super) fn line<'a>(&self, at: usize, category: &'a Category) -> IntentLine<'a> {
        let (product, price, quantity, minimum) = self.rows[at];
        let price_of = |pence: i64| Price::new(pence * 10_000, Currency::GBP);
        IntentLine::Listed(Box::new(ListedLine {
            line: LineId(Uuid::from_u128(at as u128)),
            quantity,
            unit_price: price_of(price),
            minimum_price: (minimum != 0).then(|| price_of(minimum)),
            weight_grams: 0,
            digital: self.digital,
            tax_category: category,
            goods: Goods {
                variant: VariantId(Uuid::from_u128(1_000 + product)),
                product: ProductId(Uuid::from_u128(product)),
                categories: [group(if product.is_multiple_of(2) { "even" } else { "odd" })].into(),
            },
        }))
    }

    /// Prices it with the lines given, and holds the quick way to what the thorough one comes to.
    pub(super) fn price(
        &self,
        lines: Vec<IntentLine<'_>>,
        before: Option<Worksheet>,
    ) -> Result<Worksheet, Error> {
        let methods = [post()];
        let promotions = Promotions::new(self.promotions.iter().cloned().map(Arc::new));
        let rules = Rules {
            settings: &self.settings,
            zones: &self.zones,
            methods: &methods,
            promotions: &promotions,
        };
        let category = Category::default();
        let all = (0..self.rows.len()).map(|at| self.line(at, &category)).collect();
        let intent = |lines| Intent {
            currency: Currency::GBP,
            lines,
            destination: Some(Country::GB.into()),
            shipping: self.shipping,
            now: self.now,
            codes: &self.codes,
            used_up: &self.used_up,
            single_codes: &[],
            outside: Outside::default(),
            buyer: Buyer {
                tax: None,
                groups: &self.groups,
                has_ordered: self.has_ordered,
            },
        };
        let quick = quote(&intent(lines), &rules, before);
        let thorough = explain(&intent(all), &rules);
        match (&quick, thorough) {
            (Ok(quick), Ok((sheet, trace))) => {
                assert_eq!(
                    quick.quote, sheet.quote,
                    "an index finds what a look at all finds"
                );
                let given = trace
                    .looked
                    .iter()
                    .flat_map(|looked| &looked.steps)
                    .map(|step| step.given);
                let given = Money::sum(Currency::GBP, given)?;
                let shipping = quick.quote.shipping_line.as_ref();
                let off_shipping = shipping.map_or(pence(0), |line| line.discount);
                assert_eq!(
                    given,
                    quick.quote.discounts.plus(off_shipping)?,
                    "the trace sums to the total"
                );
            }
            (Err(quick), Err(thorough)) => assert_eq!(*quick, thorough),
            (quick, thorough) => panic!("{quick:?} is not {thorough:?}"),
        }
        quick
    }

    pub(super) fn quote(&self) -> Result<Quote, Error> {
        let category = Category::default();
        let lines = (0..self.rows.len()).map(|at| self.line(at, &category)).collect();
        let sheet = self.price(lines, None)?;
        let kept = (0..self.rows.len()).map(IntentLine::Quoted).collect();
        let again = self.price(kept, Some(sheet.clone()))?;
        assert_eq!(again.quote, sheet.quote, "kept lines come to the same");
        Ok(Arc::unwrap_or_clone(sheet.quote))
    }

    #[track_caller]
    pub(super) fn check(&self, shares: &[i64]) -> Quote {
        let quote = self.quote().expect("the case can be priced");
        let given: Vec<i64> = quote.lines.iter().map(|line| line.discount.amount).collect();
        assert_eq!(given, shares);
        quote
    }

    /// Why the only code does not apply.
    #[track_caller]
    pub(super) fn check_code(&self, unmet: Option<Unmet>) {
        let quote = self.quote().expect("the case can be priced");
        let found: Vec<_> = quote.codes.iter().map(|code| code.unmet).collect();
        assert_eq!(found, [unmet]);
        assert_eq!(quote.discounts.is_zero(), unmet.is_some());
    }
}

#[test]
fn a_percentage_off_the_order_is_rounded_once_and_split() {
    // 10% of 3 x 0.99 = 2.97 is 0.297, so 0.30; 0.30 / 3 each. Of single lines it would be 0.099, so 0.10 as well.
    case(
        &[(1, 99, 1, 0); 3],
        &[promotion(1, Action::Order(percent("0.1")))],
    )
    .check(&[10, 10, 10]);
    // 15% of 0.99 x 3 is 0.4455, so 0.45; and 33% of 1.00 + 0.01 is 0.3333, so 0.33, all of it on the first.
    case(
        &[(1, 99, 1, 0); 3],
        &[promotion(1, Action::Order(percent("0.15")))],
    )
    .check(&[15, 15, 15]);
    case(
        &[(1, 100, 1, 0), (2, 1, 1, 0)],
        &[promotion(1, Action::Order(percent("0.33")))],
    )
    .check(&[33, 0]);
}

#[test]
fn tax_is_on_what_the_discount_leaves() {
    // 10.00 off 20.00 + 10.00: 6.67 and 3.33. The 20% in 13.33: 13.33 / 1.2 = 11.1083, so 2.22; in
    // 6.67: 5.5583, so 1.11.
    let quote = case(
        &[(1, 2000, 1, 0), (2, 1000, 1, 0)],
        &[promotion(1, Action::Order(off(1000)))],
    )
    .check(&[667, 333]);
    let taxes: Vec<_> = quote
        .lines
        .iter()
        .filter_map(|line| line.tax.as_ref())
        .map(|tax| tax.amount.amount)
        .collect();
    assert_eq!((taxes, quote.total.amount), (vec![222, 111], 2000));
}

#[test]
fn no_line_goes_below_zero_or_its_least_price() {
    // 50.00 off 3.00 + 2.00: all of it, and no more.
    let quote = case(
        &[(1, 300, 1, 0), (2, 200, 1, 0)],
        &[promotion(1, Action::Order(off(5000)))],
    )
    .check(&[300, 200]);
    assert_eq!(quote.promotions[0].discount, pence(500));
    // 9.00 off 10.00 (room 1.00), 10.00 and 10.00: 3.00 each; the first is set to 1.00 and 8.00 split again.
    case(
        &[(1, 1000, 1, 900), (2, 1000, 1, 0), (3, 1000, 1, 0)],
        &[promotion(1, Action::Order(off(900)))],
    )
    .check(&[100, 400, 400]);
    // 18.00 off 10.00 (room 1.00), 10.00 (room 7.00) and 20.00: 4.50, 4.50, 9.00; then 17.00 over 10.00 and 20.00:
    // 5.67 and 11.33. With room 5.00 the second is set to it, and 12.00 is left for the third.
    let rows = |least| [(1, 1000, 1, 900), (2, 1000, 1, least), (3, 2000, 1, 0)];
    case(&rows(300), &[promotion(1, Action::Order(off(1800)))]).check(&[100, 567, 1133]);
    case(&rows(500), &[promotion(1, Action::Order(off(1800)))]).check(&[100, 500, 1200]);
    // Two units of 5.00, at least 4.00 each: room 2.00. A line already below its least price gives nothing.
    case(
        &[(1, 500, 2, 400)],
        &[promotion(1, Action::Order(percent("0.5")))],
    )
    .check(&[200]);
    case(
        &[(1, 300, 2, 400)],
        &[promotion(1, Action::Order(percent("0.5")))],
    )
    .check(&[0]);
}

#[test]
fn line_actions_are_across_their_sum_or_of_each() {
    let rows = [(1, 99, 1, 0), (2, 99, 2, 0), (3, 99, 1, 0)];
    // Across products 1 and 2: 5% of 0.99 + 1.98 = 2.97 is 0.1485, so 0.15; 0.05 and 0.10.
    let across = lines(&[1, 2], percent("0.05"), Spread::Across);
    case(&rows, &[promotion(1, across)]).check(&[5, 10, 0]);
    // Each: 0.0495, so 0.05, and 0.099, so 0.10.
    let each = lines(&[1, 2], percent("0.05"), Spread::Each);
    case(&rows, &[promotion(1, each)]).check(&[5, 10, 0]);
    // 0.5% across: 0.01485, so 0.01, to the larger fraction: 0.33 and 0.67. Each: 0.00495 and 0.0099: 0 and 0.01.
    let across = lines(&[1, 2], percent("0.005"), Spread::Across);
    case(&rows, &[promotion(1, across)]).check(&[0, 1, 0]);
    // Fixed across: 0.30 once, by 1 : 2. Fixed each: 0.30 a unit.
    case(&rows, &[promotion(1, lines(&[1, 2], off(30), Spread::Across))]).check(&[10, 20, 0]);
    case(&rows, &[promotion(1, lines(&[1, 2], off(30), Spread::Each))]).check(&[30, 60, 0]);
    // Each line's own room holds: nothing of what one cannot take goes to another.
    case(&rows, &[promotion(1, lines(&[1, 2], off(150), Spread::Each))]).check(&[99, 198, 0]);
}

#[test]
fn goods_are_named_by_product_variant_or_category() {
    let rows = [(1, 100, 1, 0), (2, 100, 1, 0), (3, 100, 1, 0)];
    let named = |items: Selection| {
        let half = Action::Lines {
            items: None,
            reduction: percent("0.5"),
            spread: Spread::Across,
        };
        let conditions = Conditions {
            items: Some(items),
            ..Conditions::default()
        };
        case(
            &rows,
            &[Promotion {
                conditions,
                ..promotion(1, half)
            }],
        )
    };
    named(products(&[2, 9])).check(&[0, 50, 0]);
    let variants = BTreeSet::from([VariantId(Uuid::from_u128(1_003))]);
    named(Selection {
        variants,
        ..Selection::default()
    })
    .check(&[0, 0, 50]);
    let categories = BTreeSet::from([group("odd")]);
    named(Selection {
        categories,
        ..products(&[2])
    })
    .check(&[50, 50, 50]);
    named(products(&[9])).check(&[0, 0, 0]);
}

#[test]
fn later_promotions_see_what_earlier_ones_left() {
    let tenth = |n, priority| Promotion {
        priority,
        ..promotion(n, Action::Order(percent("0.1")))
    };
    // 10% of 100.00, then 10% of 90.00.
    case(&[(1, 10_000, 1, 0)], &[tenth(1, 0), tenth(2, 0)]).check(&[1900]);
    // 20.00 first leaves 80.00, of which 10% is 8.00; 10% first leaves 90.00, less 20.00.
    let fixed = |priority| Promotion {
        priority,
        ..promotion(3, Action::Order(off(2000)))
    };
    case(&[(1, 10_000, 1, 0)], &[tenth(1, 0), fixed(1)]).check(&[2800]);
    case(&[(1, 10_000, 1, 0)], &[tenth(1, 0), fixed(-1)]).check(&[3000]);
    // Equal priority: the older first, whatever its place.
    case(&[(1, 10_000, 1, 0)], &[fixed(0), tenth(1, 0)]).check(&[3000]);
    // A threshold of 95.00 holds for the first and no longer after it.
    let from = |n| Promotion {
        conditions: Conditions {
            subtotal_from: Some(pence(9_500)),
            ..Conditions::default()
        },
        ..tenth(n, 0)
    };
    case(&[(1, 10_000, 1, 0)], &[from(1), from(2)]).check(&[1000]);
}

#[test]
fn an_exclusive_promotion_that_qualifies_is_the_only_one() {
    let exclusive = |n, priority, by| Promotion {
        priority,
        combination: Combination::Exclusive,
        ..promotion(n, by)
    };
    let tenth = promotion(1, Action::Order(percent("0.1")));
    let free = promotion(2, Action::Shipping(percent("1")));
    let fifth = exclusive(3, -5, Action::Order(percent("0.2")));
    let third = exclusive(4, -6, Action::Order(percent("0.3")));
    let absent = exclusive(5, 9, lines(&[7], percent("1"), Spread::Across));
    let mut suppressing = case(
        &[(1, 1000, 1, 0)],
        &[tenth.clone(), free.clone(), fifth, third, absent.clone()],
    );
    suppressing.shipping = Some(POST);
    let quote = suppressing.check(&[200]);
    assert_eq!((quote.shipping, quote.promotions.len()), (pence(395), 1));
    // One that finds nothing to act on does not qualify.
    let mut open = case(&[(1, 1000, 1, 0)], &[tenth, free, absent]);
    open.shipping = Some(POST);
    let quote = open.check(&[100]);
    assert_eq!((quote.shipping, quote.promotions.len()), (pence(0), 2));
}

#[test]
fn thresholds_count_the_goods_that_are_named() {
    let rows = [(1, 500, 2, 0), (2, 5000, 1, 0)];
    let check = |subtotal_from: Option<i64>, quantity_from, shares: &[i64]| {
        let conditions = Conditions {
            subtotal_from: subtotal_from.map(pence),
            quantity_from,
            items: Some(products(&[1])),
            ..Conditions::default()
        };
        let half = Action::Lines {
            items: None,
            reduction: percent("0.5"),
            spread: Spread::Across,
        };
        case(
            &rows,
            &[Promotion {
                conditions,
                ..promotion(1, half)
            }],
        )
        .check(shares);
    };
    check(Some(1000), None, &[500, 0]);
    check(Some(1001), None, &[0, 0]);
    check(None, Some(2), &[500, 0]);
    check(None, Some(3), &[0, 0]);
}

#[test]
fn what_is_asked_of_a_line_is_at_most_what_a_line_may_come_to() {
    let each = Action::Lines {
        items: None,
        reduction: off(i64::MAX),
        spread: Spread::Each,
    };
    case(&[(1, 1000, 2, 0)], &[promotion(1, each)]).check(&[2000]);
}

#[test]
fn an_empty_cart_gets_nothing() {
    let quote = case(&[], &[promotion(1, Action::Order(off(100)))]).check(&[]);
    assert_eq!((quote.total, quote.promotions.len()), (pence(0), 0));
}

#[test]
fn a_promotion_for_several_groups_applies_once_to_whoever_is_in_all() {
    let mut tenth = promotion(1, Action::Order(percent("0.1")));
    tenth.conditions.groups = ["trade", "vip"].map(group).into();
    let mut both = case(&[(1, 1_000, 1, 0)], &[tenth]);
    both.groups = ["trade", "vip"].map(group).into();
    let quote = both.check(&[100]);
    assert_eq!(quote.promotions.len(), 1);
}
