//! Behaviour of promotions as entities.

use super::*;
use crate::catalog::Handle;
use crate::entity::Entity;
use crate::error::Refusal;
use crate::id::{ProductId, TaxZoneId};
use crate::money::Money;
use crate::promotion::{Choice, Reduction, ReductionDraft, Rest, SelectionDraft, Spread, Timer};
use crate::testing::Bench;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn percentage(text: &str) -> ReductionDraft {
    ReductionDraft {
        percentage: Some(text.to_owned()),
        fixed: None,
    }
}

fn fixed(amount: i64, currency: Currency) -> ReductionDraft {
    ReductionDraft {
        percentage: None,
        fixed: Some(Money::new(amount, currency)),
    }
}

fn draft(actions: Vec<ActionDraft>) -> Draft {
    Draft {
        name: Some("Summer".to_owned()),
        actions: Some(actions),
        ..Draft::default()
    }
}

fn made(draft: Draft) -> Result<Bench<Promotion>, Error> {
    let create = CreatePromotion {
        draft,
        existing: Existing::default(),
    };
    Bench::create(PromotionId(Uuid::from_u128(1)), NOW, create)
}

#[track_caller]
fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
    let Err(Error::Fields(errors)) = made(draft) else {
        panic!("expected bad fields {expected:?}")
    };
    let listed: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_fault_of_a_promotion_is_listed() {
    check_refused(
        Draft {
            code: Some(Some("no good".to_owned())),
            ..Draft::default()
        },
        &[
            ("/name", "text.empty"),
            ("/code", "promotion.invalid_code"),
            ("/actions", "promotion.no_action"),
        ],
    );
    let lines = ActionDraft::Lines {
        items: Some(SelectionDraft {
            products: vec!["7".to_owned()],
            categories: vec!["No Handle".to_owned()],
            ..SelectionDraft::default()
        }),
        reduction: ReductionDraft::default(),
        spread: Spread::Each,
    };
    check_refused(
        draft(vec![
            ActionDraft::Order(percentage("1.1")),
            lines,
            ActionDraft::Shipping(percentage("0")),
        ]),
        &[
            ("/actions/0/percentage", "promotion.invalid_percentage"),
            ("/actions/1/items/products/0", "promotion.invalid_id"),
            ("/actions/1/items/categories/0", "catalog.invalid_handle"),
            ("/actions/1", "promotion.one_reduction"),
            ("/actions/2/percentage", "promotion.invalid_percentage"),
        ],
    );
}

#[test]
fn what_could_never_apply_or_contradicts_itself_is_refused() {
    let tenth = || vec![ActionDraft::Order(percentage("0.1"))];
    let at = |millis| Some(Timestamp::from_millis(millis));
    let with = |conditions| Draft {
        conditions: Some(conditions),
        ..draft(tenth())
    };
    let check = |conditions, pointer, code| check_refused(with(conditions), &[(pointer, code)]);
    let none = ConditionsDraft::default;
    check(
        ConditionsDraft {
            starts_at: at(9_000),
            ends_at: at(9_000),
            ..none()
        },
        "/conditions/ends_at",
        "promotion.never_applies",
    );
    check(
        ConditionsDraft {
            groups: vec!["trade".to_owned(), "BAD GROUP".to_owned()],
            ..none()
        },
        "/conditions/customer_groups/1",
        "catalog.invalid_handle",
    );
    check(
        ConditionsDraft {
            items: Some(SelectionDraft::default()),
            ..none()
        },
        "/conditions/items",
        "promotion.never_applies",
    );
    check(
        ConditionsDraft {
            quantity_from: Some(2_000_000_000_001),
            ..none()
        },
        "/conditions/quantity_from",
        "promotion.never_applies",
    );
    check(
        ConditionsDraft {
            subtotal_from: Some(Money::new(-1, Currency::GBP)),
            ..none()
        },
        "/conditions/subtotal_from",
        "promotion.invalid_amount",
    );
    let euro = Currency::of("EUR").expect("in the table");
    check(
        ConditionsDraft {
            currency: Some(euro),
            subtotal_from: Some(Money::new(1, Currency::GBP)),
            ..none()
        },
        "/conditions/subtotal_from",
        "promotion.mixed_currencies",
    );
    check_refused(
        draft(vec![
            ActionDraft::Order(fixed(1, Currency::GBP)),
            ActionDraft::Shipping(fixed(1, euro)),
        ]),
        &[("/actions/1/fixed", "promotion.mixed_currencies")],
    );
    for amount in [0, -1, 1_000_000_000_001] {
        let action = ActionDraft::Order(fixed(amount, Currency::GBP));
        check_refused(
            draft(vec![action]),
            &[("/actions/0/fixed", "promotion.invalid_amount")],
        );
    }
    let sets = ActionDraft::Sets {
        buy: 0,
        buy_items: None,
        get: 1_000_001,
        get_items: None,
        percentage: None,
        choice: Choice::Cheapest,
        sets_max: Some(0),
    };
    check_refused(
        draft(vec![sets]),
        &[
            ("/actions/0/buy", "promotion.invalid_quantity"),
            ("/actions/0/get", "promotion.invalid_quantity"),
            ("/actions/0/sets_max", "promotion.invalid_quantity"),
        ],
    );
}

#[test]
fn what_is_wrong_with_an_action_is_told_where_it_was_sent() {
    let euro = Currency::of("EUR").expect("in the table");
    check_refused(
        draft(vec![
            ActionDraft::Order(percentage("1.1")),
            ActionDraft::Order(fixed(5, Currency::GBP)),
            ActionDraft::Order(fixed(5, euro)),
        ]),
        &[
            ("/actions/0/percentage", "promotion.invalid_percentage"),
            ("/actions/2/fixed", "promotion.mixed_currencies"),
        ],
    );
    // All of it, and then more: harmless.
    let everything = vec![
        ActionDraft::Order(percentage("1")),
        ActionDraft::Order(fixed(5, Currency::GBP)),
    ];
    assert!(made(draft(everything)).is_ok());
}

#[test]
fn nobody_has_several_first_orders() {
    let first = |limit| Draft {
        conditions: Some(ConditionsDraft {
            first_order: true,
            ..ConditionsDraft::default()
        }),
        usage_limit_per_customer: Some(limit),
        ..draft(vec![ActionDraft::Order(percentage("0.1"))])
    };
    check_refused(
        first(Some(2)),
        &[("/usage_limit_per_customer", "promotion.invalid_limit")],
    );
    assert!(made(first(Some(1))).is_ok() && made(first(None)).is_ok());
}

#[test]
fn an_update_changes_what_it_names() -> Result<(), Error> {
    let mut summer = made(Draft {
        code: Some(Some("summer".to_owned())),
        ..draft(vec![ActionDraft::Order(percentage("0.1"))])
    })?;
    assert_eq!(summer.entity.keys().unique.len(), 1);
    let change = UpdatePromotion {
        draft: Draft {
            code: Some(None),
            enabled: Some(true),
            ..Draft::default()
        },
    };
    for _ in 0..2 {
        summer.run(change.clone())?;
        let held = &summer.entity;
        assert_eq!((held.enabled, &held.code, summer.events.len()), (true, &None, 2));
        assert!(matches!(
            held.actions[..],
            [Action::Order(Reduction::Percentage(_))]
        ));
    }
    summer.run(DeletePromotion)?;
    assert!(summer.erased);
    Ok(())
}

#[test]
fn conditions_that_a_change_does_not_name_go_or_stay_as_it_says() -> Result<(), Error> {
    let handles = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let product = ProductId(Uuid::from_u128(7)).to_string();
    let all = ConditionsDraft {
        subtotal_from: Some(Money::new(500, Currency::GBP)),
        quantity_from: Some(2),
        items: Some(SelectionDraft {
            products: vec![product],
            categories: handles(&["cups"]),
            ..SelectionDraft::default()
        }),
        groups: handles(&["trade"]),
        first_order: true,
        starts_at: Some(NOW),
        ends_at: Some(Timestamp::from_millis(NOW.millis() + 1)),
        currency: Some(Currency::GBP),
        zones: vec![TaxZoneId(Uuid::from_u128(8)).to_string()],
        rest: Rest::Goes,
    };
    let made_with = |conditions| {
        made(Draft {
            conditions: Some(conditions),
            ..draft(vec![ActionDraft::Order(percentage("0.1"))])
        })
    };
    let before = made_with(all.clone())?.entity.conditions;
    let changed = |conditions| -> Result<Conditions, Error> {
        let mut promotion = made_with(all.clone())?;
        let draft = Draft {
            conditions: Some(conditions),
            ..Draft::default()
        };
        promotion.run(UpdatePromotion { draft })?;
        Ok(promotion.entity.conditions)
    };
    assert_eq!(changed(ConditionsDraft::default())?, Conditions::default());
    let rest = Rest::Stays;
    let nothing = ConditionsDraft {
        rest,
        ..ConditionsDraft::default()
    };
    assert_eq!(changed(nothing.clone())?, before);
    let some = ConditionsDraft {
        quantity_from: Some(3),
        items: Some(SelectionDraft {
            categories: handles(&["plates"]),
            ..SelectionDraft::default()
        }),
        ..nothing.clone()
    };
    let mut expected = before.clone();
    expected.quantity_from = Some(3);
    if let Some(items) = &mut expected.items {
        items.categories = [Handle::parse("plates").expect("a handle")].into();
    }
    assert_eq!(changed(some)?, expected);
    // What stays counts for what could never apply.
    let turned = ConditionsDraft {
        starts_at: before.ends_at,
        ..nothing
    };
    assert!(changed(turned).is_err());
    Ok(())
}

#[test]
fn a_store_has_at_most_10000_promotions() {
    let create = |count| {
        let existing = Existing { count, newest: None };
        let draft = draft(vec![ActionDraft::Order(percentage("0.1"))]);
        let id = PromotionId(Uuid::from_u128(1));
        let made = Bench::<Promotion>::create(id, NOW, CreatePromotion { draft, existing });
        made.map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(create(9_999), Ok(()));
    assert_eq!(create(10_000), Err("promotion.too_many_promotions"));
}

#[test]
fn a_promotion_that_is_switched_on_tells_when_it_starts_and_ends() -> Result<(), Error> {
    let at = |after: i64| Timestamp::from_millis(NOW.millis() + after);
    let dated = |starts_at: Timestamp, ends_at: Timestamp| ConditionsDraft {
        starts_at: Some(starts_at),
        ends_at: Some(ends_at),
        ..ConditionsDraft::default()
    };
    let mut promotion = made(Draft {
        conditions: Some(dated(at(1), at(9))),
        enabled: Some(true),
        ..draft(vec![ActionDraft::Order(percentage("0.1"))])
    })?;
    assert_eq!(promotion.timers, [(Timer::Start, at(1)), (Timer::End, at(9))]);
    promotion.now = at(1);
    promotion.fire(Timer::Start)?;
    assert!(matches!(promotion.events.last(), Some(Event::Started { .. })));

    // Whoever moves the end moves its timer; a start that is over is not told again.
    let update = |draft| UpdatePromotion { draft };
    promotion.run(update(Draft {
        conditions: Some(dated(at(0), at(5))),
        ..Draft::default()
    }))?;
    assert_eq!(promotion.timers, [(Timer::End, at(5))]);
    promotion.run(update(Draft {
        enabled: Some(false),
        ..Draft::default()
    }))?;
    let told = promotion.events.len();
    promotion.now = at(5);
    promotion.fire(Timer::End)?;
    assert_eq!(promotion.events.len(), told, "what is switched off does not end");
    Ok(())
}
