//! Random carts with random promotion sets, from a seed.

use crate::case::{
    Action, Calculator, Cart, Case, Charge, Conditions, DatedRate, Form, Line, ListPrice, Measure, Method,
    PriceList, Promotion, Reduction, Selection, Sets, Span, Store, Value, Zone,
};
use crate::dice::Dice;
use crate::money::exponent;
use crate::ratio::Rounding;

/// When every cart is priced.
const NOW: i64 = 1_000;
const CURRENCIES: &[&str] = &["JPY", "EUR", "GBP", "KWD"];
/// Countries, tax categories, products, shelves and customer groups are numbers below these.
const COUNTRIES: u64 = 4;
const CATEGORIES: u64 = 3;
const PRODUCTS: u64 = 6;
const SHELVES: u64 = 4;
const GROUPS: u64 = 3;
const LINES_MAX: u64 = 9;
const PROMOTIONS_MAX: u64 = 6;
const LISTS_MAX: u64 = 4;
const VALUES_MAX: u64 = 5;
const ACTIONS_MAX: usize = 4;
/// The largest quantities are round, so that fractions of units have small denominators.
const QUANTITIES: &[u32] = &[24, 30, 60, 100, 1_000, 250_000, 1_000_000];
/// Units of which a line's price stays low.
const MANY: u32 = 1_000;
const PERCENTAGES: &[&str] = &[
    "0.1",
    "0.05",
    "0.15",
    "0.2",
    "0.25",
    "0.333333",
    "0.5",
    "0.75",
    "1",
    "0.001",
    "0.999999999999",
    "0.000000000001",
];
const RATES: &[&str] = &[
    "0",
    "0.05",
    "0.055",
    "0.07",
    "0.0825",
    "0.09975",
    "0.175",
    "0.19",
    "0.2",
    "0.25",
    "1",
    "0.210526315789",
];

/// Returns the cart of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let currency = *dice.one_of(CURRENCIES);
    let mut store = store(&mut dice.fork(), currency);
    for number in 1..=dice.below(PROMOTIONS_MAX + 1) {
        let promotion = promotion(&mut dice.fork(), small(number), currency);
        store.promotions.push(promotion);
    }
    for number in 1..=dice.below(LISTS_MAX + 1) {
        let list = price_list(&mut dice.fork(), small(number));
        store.lists.push(list);
    }
    store.calculator = maybe(&mut dice, 3, calculator);
    let cart = cart(&mut dice, currency, &store);
    Case { store, cart }
}

fn price_list(dice: &mut Dice, number: u8) -> PriceList {
    let from = maybe(dice, 5, |dice| *dice.one_of(&[500, NOW, NOW + 1]));
    let until = maybe(dice, 5, |dice| *dice.one_of(&[NOW, NOW + 1, 2 * NOW]));
    PriceList {
        number,
        created_at: i64::from(small(dice.below(3))),
        priority: i32::from(small(dice.below(3))) - 1,
        groups: maybe(dice, 3, |dice| several(dice, 2, |dice| small(dice.below(GROUPS)))).unwrap_or_default(),
        from,
        until: until.filter(|until| from.is_none_or(|from| from < *until)),
        enabled: !dice.one_in(10),
    }
}

/// Returns a calculator that answers, mostly what can be true, or is silent.
fn calculator(dice: &mut Dice) -> Calculator {
    if dice.one_in(5) {
        return Calculator::Silent;
    }
    let share = |dice: &mut Dice| match dice.below(40) {
        0 => -1,
        1 => *dice.one_of(&[10_000, 10_001]),
        2 => *dice.one_of(&[1_000, 1_001]),
        _ => dice.below(300).into(),
    };
    Calculator::Thousandths((0..dice.between(1, 4)).map(|_| share(dice)).collect())
}

/// Returns a gift card or store credit, mostly one that can be spent.
fn value(dice: &mut Dice, of_cart: &'static str) -> Value {
    let balance = if dice.one_in(6) { 0 } else { amount(dice) };
    let mut held = |one_in| match dice.one_in(one_in) {
        true => i128::from(dice.below(u64::try_from(balance / 2).expect("a balance") + 1)),
        false => 0,
    };
    let (held_by_own, held_by_others) = (held(3), held(3));
    Value {
        form: match dice.below(3) {
            0 => Form::Credit {
                is_own: !dice.one_in(4),
            },
            _ => Form::Card(maybe(dice, 3, |dice| *dice.one_of(&[500, NOW, NOW + 1]))),
        },
        currency: mostly(dice, of_cart),
        balance,
        held_by_own,
        held_by_others,
        enabled: !dice.one_in(10),
    }
}

fn small(number: u64) -> u8 {
    u8::try_from(number).expect("a small number")
}

fn maybe<T>(dice: &mut Dice, one_in: u64, draw: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.one_in(one_in).then(|| draw(dice))
}

fn several<T>(dice: &mut Dice, most: u64, mut draw: impl FnMut(&mut Dice) -> T) -> Vec<T> {
    let count = dice.below(most + 1);
    (0..count).map(|_| draw(dice)).collect()
}

/// Returns a number of minor units, small ones as often as large ones.
fn amount(dice: &mut Dice) -> i128 {
    let most = *dice.one_of(&[10, 500, 5_000, 100_000]);
    dice.between(1, most).into()
}

/// Returns the currency of the cart, or now and then any.
fn mostly(dice: &mut Dice, of_cart: &'static str) -> &'static str {
    let any = *dice.one_of(CURRENCIES);
    if dice.one_in(10) { any } else { of_cart }
}

/// Writes a whole number of the last of so many decimals.
fn decimal(number: u64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let width = usize::try_from(places).expect("few places");
    match places {
        0 => number.to_string(),
        _ => format!("{}.{:0width$}", number / scale, number % scale),
    }
}

fn percentage(dice: &mut Dice) -> String {
    if dice.one_in(3) {
        return decimal(dice.between(1, 1_000), 3);
    }
    dice.one_of(PERCENTAGES).to_string()
}

fn store(dice: &mut Dice, currency: &'static str) -> Store {
    let rounding = *dice.one_of(&[Rounding::HalfUp, Rounding::HalfEven, Rounding::HalfDown]);
    let mut zones = Vec::new();
    for country in 0..COUNTRIES {
        if !dice.one_in(6) {
            zones.push(zone(dice, small(country)));
        }
    }
    Store {
        rounding,
        inclusive: dice.one_in(2),
        strips: dice.one_in(2),
        home: small(dice.below(COUNTRIES)),
        zones,
        methods: several(dice, 2, |dice| method(dice, currency)),
        promotions: Vec::new(),
        lists: Vec::new(),
        calculator: None,
    }
}

fn zone(dice: &mut Dice, country: u8) -> Zone {
    let mut rates = Vec::new();
    for category in 0..CATEGORIES {
        let together = match dice.below(8) {
            0 => continue,
            1 => dice.between(2, 3),
            _ => 1,
        };
        rates.push((
            small(category),
            (0..together).map(|_| dated_rates(dice)).collect(),
        ));
    }
    Zone { country, rates }
}

/// Returns the rates of one tax: mostly one for ever, else several that follow one another, with gaps or without.
fn dated_rates(dice: &mut Dice) -> Vec<DatedRate> {
    let rate = |dice: &mut Dice| (*dice.one_of(RATES)).to_owned();
    if !dice.one_in(4) {
        return vec![DatedRate {
            from: None,
            until: None,
            rate: rate(dice),
        }];
    }
    let turns = [None, Some(500), Some(NOW), Some(NOW + 1)];
    let mut begins: Vec<Option<i64>> = turns.into_iter().filter(|_| dice.one_in(2)).collect();
    if begins.is_empty() {
        begins.push(Some(NOW));
    }
    let next = begins.iter().skip(1).copied().chain([None]).collect::<Vec<_>>();
    let mut rates = Vec::new();
    for (from, next) in begins.into_iter().zip(next) {
        let ends = [400, NOW, NOW + 1, 2 * NOW];
        let mut ends = ends.into_iter().filter(|end| from.is_none_or(|from| from < *end));
        let end = if dice.one_in(3) { ends.next() } else { None };
        rates.push(DatedRate {
            from,
            until: end.map(|end| next.map_or(end, |next| end.min(next))),
            rate: rate(dice),
        });
    }
    rates
}

fn method(dice: &mut Dice, currency: &'static str) -> Method {
    let price = |dice: &mut Dice| if dice.one_in(8) { 0 } else { amount(dice) };
    let charge = match dice.below(4) {
        0 => Charge::Table(
            *dice.one_of(&[Measure::Weight, Measure::Worth, Measure::Quantity]),
            steps(dice),
        ),
        1 => {
            let least = maybe(dice, 2, amount);
            let most = maybe(dice, 2, amount);
            let most = most.map(|most| most.max(least.unwrap_or(0)));
            Charge::Percentage(percentage(dice), least, most)
        }
        _ => Charge::Flat(price(dice)),
    };
    let shelf = |dice: &mut Dice| vec![small(dice.below(SHELVES))];
    Method {
        currency: if dice.one_in(12) {
            dice.one_of::<&'static str>(CURRENCIES)
        } else {
            currency
        },
        charge,
        handling: maybe(dice, 3, price).unwrap_or(0),
        free_from: maybe(dice, 3, amount),
        worth: span(dice),
        weight: span(dice),
        quantity: span(dice),
        only_shelves: maybe(dice, 12, shelf).unwrap_or_default(),
        not_shelves: maybe(dice, 12, shelf).unwrap_or_default(),
        category: small(dice.below(CATEGORIES)),
        countries: maybe(dice, 6, |dice| vec![small(dice.below(COUNTRIES))]).unwrap_or_default(),
        except: maybe(dice, 8, |dice| vec![small(dice.below(COUNTRIES))]).unwrap_or_default(),
    }
}

/// Returns the steps of a table, rising, often from 0 on.
fn steps(dice: &mut Dice) -> Vec<(i128, i128)> {
    let mut from = if dice.one_in(4) { amount(dice) } else { 0 };
    let mut steps = Vec::new();
    for _ in 0..dice.between(1, 4) {
        steps.push((from, amount(dice)));
        from += amount(dice);
    }
    steps
}

/// Returns a condition, mostly one that always holds.
fn span(dice: &mut Dice) -> Span {
    let from = maybe(dice, 8, amount);
    let to = maybe(dice, 8, |dice| amount(dice) + 1_000);
    (from, to.map(|to| to.max(from.unwrap_or(0))))
}

fn cart(dice: &mut Dice, currency: &'static str, store: &Store) -> Cart {
    let mut codes: Vec<String> = Vec::new();
    for code in store
        .promotions
        .iter()
        .filter_map(|promotion| promotion.code.as_ref())
    {
        if !dice.one_in(3) {
            codes.push(code.clone());
        }
    }
    codes.extend(maybe(dice, 10, |_| "NONESUCH".to_owned()));
    let methods: Vec<usize> = (0..store.methods.len()).collect();
    Cart {
        currency,
        lines: several(dice, LINES_MAX, |dice| line(dice, currency, &store.lists)),
        destination: (!dice.one_in(5)).then(|| small(dice.below(COUNTRIES))),
        method: (!methods.is_empty() && !dice.one_in(6)).then(|| *dice.one_of(&methods)),
        now: NOW,
        codes,
        groups: (0..small(GROUPS)).filter(|_| dice.one_in(3)).collect(),
        has_ordered: *dice.one_of(&[None, Some(false), Some(true)]),
        exempt: dice.one_in(12),
        used_up: store
            .promotions
            .iter()
            .filter_map(|promotion| dice.one_in(8).then_some(promotion.number))
            .collect(),
        has_customer: !dice.one_in(4),
        in_checkout: dice.one_in(2),
        values: several(dice, VALUES_MAX, |dice| value(dice, currency)),
    }
}

fn line(dice: &mut Dice, currency: &'static str, lists: &[PriceList]) -> Line {
    let quantity = match dice.below(6) {
        0 => *dice.one_of(QUANTITIES),
        1 => u32::from(small(dice.between(1, 12))),
        _ => u32::from(small(dice.between(1, 4))),
    };
    let (price, minimum) = prices(dice, currency, quantity);
    let mut list_prices = Vec::new();
    for list in lists {
        let rows = maybe(dice, 2, |dice| prices_by(dice, list.number, currency, quantity));
        list_prices.extend(rows.into_iter().flatten());
    }
    let product = dice.below(PRODUCTS);
    let mut shelves = vec![small(product % (SHELVES - 1))];
    if product.is_multiple_of(2) {
        shelves.push(small(SHELVES - 1));
    }
    Line {
        quantity,
        price,
        list_prices,
        minimum,
        category: small(dice.below(CATEGORIES)),
        variant: small(2 * product + dice.below(2)),
        product: small(product),
        shelves,
        grams: u32::from(small(dice.below(200))) * 10,
        digital: dice.one_in(8),
    }
}

/// Returns what a unit costs by a list, from one or several quantities on, in one or several currencies.
fn prices_by(dice: &mut Dice, list: u8, of_cart: &'static str, quantity: u32) -> Vec<ListPrice> {
    let mut rows: Vec<ListPrice> = Vec::new();
    for _ in 0..dice.between(1, 3) {
        let currency = mostly(dice, of_cart);
        let row = ListPrice {
            list,
            currency,
            from_quantity: *dice.one_of(&[1, 2, quantity, quantity + 1]),
            price: prices(dice, currency, quantity).0,
        };
        let is_same =
            |other: &ListPrice| (other.currency, other.from_quantity) == (row.currency, row.from_quantity);
        if !rows.iter().any(is_same) {
            rows.push(row);
        }
    }
    rows
}

/// Returns a unit price and the least it may come to: below the price, the same, or above it.
fn prices(dice: &mut Dice, currency: &str, quantity: u32) -> (String, Option<String>) {
    let digits = exponent(currency);
    let (number, places) = match dice.below(10) {
        0 => (0, 0),
        1 => (dice.between(1, 9_999), 6),
        2 => (dice.between(1, 9_999_999), 6),
        3 => (dice.between(1, 9_999), digits + 1),
        4 if quantity < MANY => (dice.between(1, 9_999_999), digits),
        5 => (dice.between(1, 9), 0),
        _ => (dice.between(1, 9_999), digits),
    };
    let minimum = maybe(dice, 4, |dice| match dice.below(5) {
        0 => (number, places),
        1 => (number + dice.between(1, 100), places),
        2 => (dice.below(10_000_000), 6),
        _ => (dice.below(number + 1), places),
    });
    let minimum = minimum.map(|(number, places)| decimal(number, places));
    (decimal(number, places), minimum)
}

fn selection(dice: &mut Dice) -> Selection {
    let mut items = Selection {
        products: several(dice, 2, |dice| small(dice.below(PRODUCTS))),
        variants: several(dice, 1, |dice| small(dice.below(2 * PRODUCTS))),
        shelves: several(dice, 1, |dice| small(dice.below(SHELVES))),
    };
    if items == Selection::default() {
        items.shelves.push(small(dice.below(SHELVES)));
    }
    items
}

fn promotion(dice: &mut Dice, number: u8, of_cart: &'static str) -> Promotion {
    let currency = mostly(dice, of_cart);
    let mut actions = vec![action(dice)];
    while actions.len() < ACTIONS_MAX && dice.one_in(4) {
        actions.push(action(dice));
    }
    Promotion {
        number,
        created_at: i64::from(small(dice.below(4))),
        code: maybe(dice, 3, |_| format!("CODE-{number}")),
        priority: i32::from(small(dice.below(5))) - 2,
        exclusive: dice.one_in(12),
        enabled: !dice.one_in(20),
        currency,
        conditions: conditions(dice, currency),
        actions,
    }
}

fn conditions(dice: &mut Dice, currency: &'static str) -> Conditions {
    let starts_at = maybe(dice, 8, |dice| *dice.one_of(&[500, NOW, NOW + 1]));
    let ends_at = maybe(dice, 8, |dice| *dice.one_of(&[NOW, NOW + 1, 2 * NOW]));
    Conditions {
        subtotal_from: maybe(dice, 4, |dice| if dice.one_in(8) { 0 } else { amount(dice) }),
        quantity_from: maybe(dice, 6, |dice| dice.below(12)),
        items: maybe(dice, 4, selection),
        groups: maybe(dice, 10, |dice| {
            several(dice, 2, |dice| small(dice.below(GROUPS)))
        })
        .unwrap_or_default(),
        first_order: dice.one_in(12),
        starts_at,
        ends_at: ends_at.filter(|ends| starts_at.is_none_or(|starts| starts < *ends)),
        currency: maybe(dice, 10, |_| currency),
        zones: maybe(dice, 10, |dice| {
            let mut zones = vec![small(dice.below(COUNTRIES))];
            zones.extend(maybe(dice, 2, |dice| small(dice.below(COUNTRIES))));
            zones
        })
        .unwrap_or_default(),
    }
}

fn reduction(dice: &mut Dice) -> Reduction {
    if dice.one_in(2) {
        Reduction::Percentage(percentage(dice))
    } else {
        Reduction::Fixed(amount(dice))
    }
}

fn action(dice: &mut Dice) -> Action {
    match dice.below(7) {
        0 | 1 => Action::Order(reduction(dice)),
        2 | 3 => Action::Lines {
            items: maybe(dice, 2, selection),
            reduction: reduction(dice),
            each: dice.one_in(2),
        },
        4 => Action::Shipping(reduction(dice)),
        _ => Action::Sets(sets(dice)),
    }
}

fn sets(dice: &mut Dice) -> Sets {
    let units = |dice: &mut Dice| u32::from(small(dice.between(1, 3)));
    Sets {
        buy: units(dice),
        buy_items: maybe(dice, 2, selection),
        get: units(dice),
        get_items: maybe(dice, 2, selection),
        percentage: if dice.one_in(2) {
            "1".to_owned()
        } else {
            percentage(dice)
        },
        dearest: dice.one_in(2),
        sets_max: maybe(dice, 3, units),
    }
}
