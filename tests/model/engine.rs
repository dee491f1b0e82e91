//! The same cart priced by the engine, through what staff and shoppers send, and its answer in the model's types.

use crate::case::{
    Action, Bill, BillLine, Calculator, Case, Charge, Conditions, Given, Line, Measure, Method, Promotion,
    Reduction, Selection, Sets, Span, Tax, TaxedBy, Zone,
};
use crate::made::{checkout_id, customer_id, list_price, made, price_list, stored_value};
use crate::outside;
use crate::properties::{check_changes, check_sums};
use crate::ratio::Rounding;
use cartwright_domain::cart::totals::{
    Buyer, CalculatedTaxes, Intent, IntentLine, ListedLine, Outside, Rules, Worksheet, quote, taxable,
};
use cartwright_domain::cart::{LineTax, Quote, TaxSource};
use cartwright_domain::catalog::{Handle, PriceLists, first_fit};
use cartwright_domain::id::{LineId, ProductId, PromotionId, ShippingMethodId, TaxZoneId, VariantId};
use cartwright_domain::money::{self, Currency, Money, Price, Rate};
use cartwright_domain::promotion::{
    self, ActionDraft, Choice, Code, Combination, ConditionsDraft, CreatePromotion, Goods, Promotions,
    ReductionDraft, SelectionDraft, Spread,
};
use cartwright_domain::settings::{ForeignZone, Prices, Settings};
use cartwright_domain::shipping::{self, CreateMethod, ShippingMethod, Tariff};
use cartwright_domain::stored_value::{Coverage, cover};
use cartwright_domain::tax::{self, Category, CreateZone, RateDraft, TaxStatus, TaxZone, Zones};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Country, Existing, Period, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// The countries of the model's numbers.
const COUNTRIES: &[&str] = &["GB", "DE", "US", "JP"];

/// Prices a cart.
pub(crate) fn priced(case: &Case) -> Bill {
    let (store, cart) = (&case.store, &case.cart);
    let settings = Settings {
        prices: if store.inclusive {
            Prices::IncludeTax
        } else {
            Prices::ExcludeTax
        },
        foreign_zone: if store.strips {
            ForeignZone::StripHomeTax
        } else {
            ForeignZone::KeepGross
        },
        rounding: match store.rounding {
            Rounding::HalfUp => money::Rounding::HalfUp,
            Rounding::HalfEven => money::Rounding::HalfEven,
            Rounding::HalfDown => money::Rounding::HalfDown,
        },
        home_country: country(store.home),
        ..Settings::default()
    };
    let now = Timestamp::from_millis(cart.now);
    let zones = Zones::new(store.zones.iter().map(|zone| Arc::new(tax_zone(zone))), now);
    let methods = (0..).zip(&store.methods);
    let methods: Vec<_> = methods
        .map(|(at, method)| Arc::new(shipping_method(at, method)))
        .collect();
    let promotions = store.promotions.iter();
    let promotions = Promotions::new(promotions.map(|promotion| Arc::new(made_promotion(promotion))));
    let categories = cart.lines.iter();
    let categories: Vec<_> = categories.map(|line| tax_category(line.category)).collect();
    let groups: Vec<_> = cart.groups.iter().map(|number| group(*number)).collect();
    let lists = PriceLists::new(store.lists.iter().map(|list| Arc::new(price_list(list))), now);
    let unit_price = |line: &Line| {
        let rows: Vec<_> = line.list_prices.iter().map(list_price).collect();
        let by_list = first_fit(
            &lists.applicable(&rows, &groups),
            currency(cart.currency),
            line.quantity,
        );
        by_list.unwrap_or_else(|| price(&line.price, currency(cart.currency)))
    };
    let lines = (0..).zip(&cart.lines).zip(&categories);
    let status = TaxStatus {
        exempt: cart.exempt,
        vat_number: None,
    };
    let intent = Intent {
        currency: currency(cart.currency),
        lines: lines
            .map(|((at, line), category)| listed(at, line, unit_price(line), category))
            .collect(),
        destination: cart.destination.map(|number| country(number).into()),
        shipping: cart.method.map(method_id),
        now,
        codes: &cart.codes.iter().map(|text| code(text)).collect::<Vec<_>>(),
        used_up: &cart
            .used_up
            .iter()
            .map(|number| promotion_id(*number))
            .collect::<Vec<_>>(),
        single_codes: &[],
        outside: Outside::default(),
        buyer: Buyer {
            tax: Some(&status),
            groups: &groups,
            has_ordered: cart.has_ordered,
        },
    };
    let rules = Rules {
        settings: &settings,
        zones: &zones,
        methods: &methods,
        promotions: &promotions,
    };
    let sheet = quote(&intent, &rules, None).expect("the cart can be priced");
    let taxes = calculated(store.calculator.as_ref(), &sheet, &intent, &rules);
    // Tax by a calculator is put into the quote that it was asked about.
    let intent = Intent {
        outside: Outside {
            taxes: taxes.as_ref(),
            ..intent.outside
        },
        ..intent
    };
    let mut again = intent.clone();
    again.lines = (0..cart.lines.len()).map(IntentLine::Quoted).collect();
    let taxed = quote(&again, &rules, Some(sheet)).expect("the cart can be priced");
    let sheet = quote(&intent, &rules, None).expect("the cart can be priced");
    assert_eq!(taxed.quote, sheet.quote, "tax was calculated");
    // Every second line is taken over from the quote before, as when a shopper changes the others.
    let mut again = intent.clone();
    for (at, line) in again.lines.iter_mut().enumerate().step_by(2) {
        *line = IntentLine::Quoted(at);
    }
    let taken_over = quote(&again, &rules, Some(sheet.clone())).expect("the cart can be priced");
    assert_eq!(taken_over.quote, sheet.quote, "some lines were taken over");
    check_changes(&intent, &rules, &sheet);
    let values: Vec<_> = (0..)
        .zip(&cart.values)
        .map(|(at, value)| stored_value(at, value))
        .collect();
    let coverage = cover(
        sheet.quote.total,
        &values,
        cart.has_customer.then(|| customer_id(0)),
        cart.in_checkout.then(|| checkout_id(0)),
        now,
    );
    let bill = bill(&sheet.quote, &coverage);
    check_sums(case, &bill);
    bill
}

/// Asks a calculator what the engine would ask it; none where there is nobody or nothing to ask.
fn calculated(
    calculator: Option<&Calculator>,
    sheet: &Worksheet,
    intent: &Intent<'_>,
    rules: &Rules<'_>,
) -> Option<CalculatedTaxes> {
    let taxable = taxable(sheet, intent, rules).expect("its values can be counted")?;
    let values = taxable.items.iter();
    let values: Vec<i128> = values.map(|item| amount(item.value)).collect();
    let answer = outside::answer(calculator?, &values);
    let taxes = answer.map(|taxes| taxes.into_iter().map(minor).collect::<Vec<_>>());
    let checked = taxes.filter(|taxes| taxable.check(taxes).is_ok());
    Some(checked.map_or_else(CalculatedTaxes::default, |taxes| taxable.answered(&taxes)))
}

pub(crate) fn country(number: u8) -> Country {
    Country::of(COUNTRIES[usize::from(number)]).expect("a country of the list")
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::of(code).expect("a currency of the model")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code of the case")
}

pub(crate) fn group(number: u8) -> Handle {
    Handle::parse(&format!("group-{number}")).expect("a handle")
}

fn shelf(number: u8) -> Handle {
    Handle::parse(&format!("shelf-{number}")).expect("a handle")
}

fn tax_category(number: u8) -> Category {
    Category::parse(&format!("category-{number}")).expect("a category")
}

fn zone_id(number: u8) -> TaxZoneId {
    TaxZoneId(Uuid::from_u64_pair(1, number.into()))
}

fn method_id(number: usize) -> ShippingMethodId {
    ShippingMethodId(Uuid::from_u128(number as u128))
}

fn product_id(number: u8) -> ProductId {
    ProductId(Uuid::from_u64_pair(2, number.into()))
}

fn variant_id(number: u8) -> VariantId {
    VariantId(Uuid::from_u64_pair(3, number.into()))
}

fn promotion_id(number: u8) -> PromotionId {
    PromotionId(Uuid::from_u64_pair(4, number.into()))
}

fn line_id(at: u64) -> LineId {
    LineId(Uuid::from_u64_pair(5, at))
}

pub(crate) fn money(amount: i128, code: &str) -> Money {
    Money::new(minor(amount), currency(code))
}

pub(crate) fn price(text: &str, currency: Currency) -> Price {
    Price::parse(text, currency).expect("a price of the case has at most six decimals")
}

fn listed<'a>(at: u64, line: &Line, unit_price: Price, category: &'a Category) -> IntentLine<'a> {
    IntentLine::Listed(Box::new(ListedLine {
        line: line_id(at),
        quantity: line.quantity,
        unit_price,
        minimum_price: line
            .minimum
            .as_deref()
            .map(|minimum| price(minimum, unit_price.currency)),
        weight_grams: line.grams,
        digital: line.digital,
        tax_category: category,
        goods: Goods {
            variant: variant_id(line.variant),
            product: product_id(line.product),
            categories: line.shelves.iter().map(|number| shelf(*number)).collect(),
        },
    }))
}

fn tax_zone(zone: &Zone) -> TaxZone {
    let mut rates = Vec::new();
    for (category, together) in &zone.rates {
        // Parts are shown in the order of their taxes' codes, which is that of the case.
        for (at, dated) in together.iter().enumerate() {
            rates.extend(dated.iter().map(|dated| RateDraft {
                category: tax_category(*category).to_string(),
                tax: Some(format!("tax-{at}")),
                name: format!("Tax {at}"),
                rate: dated.rate.clone(),
                validity: Period {
                    from: dated.from.map(Timestamp::from_millis),
                    until: dated.until.map(Timestamp::from_millis),
                },
            }));
        }
    }
    let draft = tax::Draft {
        name: Some(format!("Zone {}", zone.country)),
        territory: TerritoryDraft::of(&[COUNTRIES[usize::from(zone.country)]]),
        rates: Some(rates),
    };
    made(
        zone_id(zone.country),
        0,
        CreateZone {
            draft,
            existing: Existing::default(),
        },
    )
}

fn shipping_method(at: usize, method: &Method) -> ShippingMethod {
    let codes = method.countries.iter();
    let mut countries: Vec<&str> = codes.map(|number| COUNTRIES[usize::from(*number)]).collect();
    if countries.is_empty() {
        countries.push("*");
    }
    let except: Vec<&str> = method
        .except
        .iter()
        .map(|number| COUNTRIES[usize::from(*number)])
        .collect();
    let shelves = |numbers: &[u8]| numbers.iter().map(|number| shelf(*number).to_string()).collect();
    let tariff = Tariff {
        currency: currency(method.currency),
        charge: charge(&method.charge),
        handling_fee: minor(method.handling),
        free_from: method.free_from.map(minor),
        worth: span(method.worth),
    };
    let draft = shipping::Draft {
        name: Some(format!("Method {at}")),
        territory: TerritoryDraft::of(&countries),
        except: Some(TerritoryDraft::of(&except)),
        tariffs: Some(vec![tariff]),
        conditions: Some(shipping::ConditionsDraft {
            weight_grams: span(method.weight),
            quantity: span(method.quantity),
            only_categories: shelves(&method.only_shelves),
            not_categories: shelves(&method.not_shelves),
        }),
        tax_category: Some(tax_category(method.category).to_string()),
        enabled: Some(true),
        ..shipping::Draft::default()
    };
    made(method_id(at), 0, CreateMethod { draft, existing: 0 })
}

fn minor(amount: i128) -> i64 {
    i64::try_from(amount).expect("an amount of the case is no larger than money")
}

fn measure(number: i128) -> u64 {
    u64::try_from(number).expect("no measure of the case is below zero")
}

fn span((from, to): Span) -> shipping::Span {
    shipping::Span {
        from: from.map(measure),
        to: to.map(measure),
    }
}

fn charge(charge: &Charge) -> shipping::Charge {
    match charge {
        Charge::Flat(price) => shipping::Charge::Flat(minor(*price)),
        Charge::Table(by, steps) => {
            let steps = steps.iter().map(|(from, price)| shipping::Step {
                from: measure(*from),
                price: minor(*price),
            });
            shipping::Charge::Table {
                by: match by {
                    Measure::Weight => shipping::Measure::Weight,
                    Measure::Worth => shipping::Measure::Worth,
                    Measure::Quantity => shipping::Measure::Quantity,
                },
                steps: steps.collect(),
            }
        }
        Charge::Percentage(rate, at_least, at_most) => shipping::Charge::Percentage {
            rate: rate.parse::<Rate>().expect("a rate of the case"),
            at_least: at_least.map(minor),
            at_most: at_most.map(minor),
        },
    }
}

fn made_promotion(promotion: &Promotion) -> promotion::Promotion {
    let actions = promotion.actions.iter();
    let draft = promotion::Draft {
        name: Some(format!("Promotion {}", promotion.number)),
        code: Some(promotion.code.clone()),
        priority: Some(promotion.priority),
        combination: Some(if promotion.exclusive {
            Combination::Exclusive
        } else {
            Combination::Stackable
        }),
        conditions: Some(conditions(&promotion.conditions, promotion.currency)),
        actions: Some(actions.map(|taken| action(taken, promotion.currency)).collect()),
        enabled: Some(promotion.enabled),
        ..promotion::Draft::default()
    };
    let create = CreatePromotion {
        draft,
        existing: Existing::default(),
    };
    made(promotion_id(promotion.number), promotion.created_at, create)
}

fn conditions(conditions: &Conditions, code: &str) -> ConditionsDraft {
    let groups = conditions.groups.iter();
    let zones = conditions.zones.iter();
    ConditionsDraft {
        subtotal_from: conditions.subtotal_from.map(|from| money(from, code)),
        quantity_from: conditions.quantity_from,
        items: conditions.items.as_ref().map(selection),
        groups: groups.map(|number| group(*number).to_string()).collect(),
        first_order: conditions.first_order,
        starts_at: conditions.starts_at.map(Timestamp::from_millis),
        ends_at: conditions.ends_at.map(Timestamp::from_millis),
        currency: conditions.currency.map(currency),
        zones: zones.map(|number| zone_id(*number).to_string()).collect(),
        ..ConditionsDraft::default()
    }
}

fn selection(items: &Selection) -> SelectionDraft {
    let (products, variants, shelves) = (items.products.iter(), items.variants.iter(), items.shelves.iter());
    SelectionDraft {
        products: products.map(|number| product_id(*number).to_string()).collect(),
        variants: variants.map(|number| variant_id(*number).to_string()).collect(),
        categories: shelves.map(|number| shelf(*number).to_string()).collect(),
    }
}

fn reduction(reduction: &Reduction, code: &str) -> ReductionDraft {
    match reduction {
        Reduction::Percentage(rate) => ReductionDraft {
            percentage: Some(rate.clone()),
            fixed: None,
        },
        Reduction::Fixed(amount) => ReductionDraft {
            percentage: None,
            fixed: Some(money(*amount, code)),
        },
    }
}

fn action(action: &Action, code: &str) -> ActionDraft {
    match action {
        Action::Order(by) => ActionDraft::Order(reduction(by, code)),
        Action::Shipping(by) => ActionDraft::Shipping(reduction(by, code)),
        Action::Lines {
            items,
            reduction: by,
            each,
        } => ActionDraft::Lines {
            items: items.as_ref().map(selection),
            reduction: reduction(by, code),
            spread: if *each { Spread::Each } else { Spread::Across },
        },
        Action::Sets(sets) => sets_draft(sets),
    }
}

fn sets_draft(sets: &Sets) -> ActionDraft {
    ActionDraft::Sets {
        buy: sets.buy,
        buy_items: sets.buy_items.as_ref().map(selection),
        get: sets.get,
        get_items: sets.get_items.as_ref().map(selection),
        percentage: Some(sets.percentage.clone()),
        choice: if sets.dearest {
            Choice::Dearest
        } else {
            Choice::Cheapest
        },
        sets_max: sets.sets_max,
    }
}

fn amount(money: Money) -> i128 {
    money.amount.into()
}

fn tax_of(tax: &LineTax) -> Tax {
    Tax {
        net: amount(tax.net),
        amount: amount(tax.amount),
        included: tax.included,
        parts: tax.parts.iter().map(|part| amount(part.amount)).collect(),
    }
}

fn bill(quote: &Quote, coverage: &Coverage) -> Bill {
    let lines = quote.lines.iter().map(|line| BillLine {
        amount: amount(line.amount),
        stripped: amount(line.tax_stripped),
        discount: amount(line.discount),
        tax: line.tax.as_ref().map(tax_of),
    });
    let shipping_line = quote.shipping_line.as_ref().map(|line| BillLine {
        amount: amount(line.amount),
        stripped: amount(line.tax_stripped),
        discount: amount(line.discount),
        tax: line.tax.as_ref().map(tax_of),
    });
    let codes = quote.codes.iter();
    Bill {
        lines: lines.collect(),
        shipping_line,
        subtotal: amount(quote.subtotal),
        discounts: amount(quote.discounts),
        shipping: amount(quote.shipping),
        tax: quote.tax.map(amount),
        tax_included: amount(quote.tax_included),
        tax_estimate: quote.tax_estimate.map(amount),
        total: amount(quote.total),
        given: given(quote),
        taxed_by: match quote.tax_source {
            TaxSource::Table => TaxedBy::Table,
            TaxSource::Calculator => TaxedBy::Calculator,
            TaxSource::Fallback => TaxedBy::Fallback,
        },
        paid: coverage
            .parts
            .iter()
            .map(|part| amount(part.tender.amount))
            .collect(),
        due: amount(coverage.due),
        codes: codes
            .map(|code| (code.code.to_string(), code.unmet.is_none()))
            .collect(),
    }
}

/// Returns what each promotion took off which line; those that apply and take nothing off are left away.
fn given(quote: &Quote) -> Vec<Given> {
    let mut given = Vec::new();
    for applied in &quote.promotions {
        let off = |line: LineId| -> i128 {
            let shares = applied.shares.iter().filter(|share| share.line == line);
            shares.map(|share| amount(share.amount)).sum()
        };
        let number = applied.promotion.0.as_u64_pair().1;
        given.push(Given {
            promotion: u8::try_from(number).expect("the number of a promotion of the case"),
            lines: quote.lines.iter().map(|line| off(line.line)).collect(),
            shipping: amount(applied.shipping_discount),
        });
    }
    given.retain(Given::is_something);
    given
}
