//! Which price list counts.

use super::*;
use crate::error::Refusal;
use crate::testing::Bench;
use uuid::Uuid;

fn id(number: u128) -> PriceListId {
    PriceListId(Uuid::from_u128(number))
}

fn handle(name: &str) -> Handle {
    Handle::parse(name).expect("a handle of the test")
}

fn create(number: u128, draft: PriceListDraft) -> Result<Bench<PriceList>, Error> {
    let at = Timestamp::from_millis(i64::try_from(number).unwrap_or(0));
    let draft = PriceListDraft {
        name: draft.name.or(Some("List".to_owned())),
        ..draft
    };
    Bench::create(
        id(number),
        at,
        CreatePriceList {
            draft,
            existing: Existing::default(),
        },
    )
}

fn list(number: u128, draft: PriceListDraft) -> Arc<PriceList> {
    Arc::new(create(number, draft).expect("a list of the test").entity)
}

fn for_groups(groups: &[&str]) -> PriceListDraft {
    PriceListDraft {
        groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
        ..PriceListDraft::default()
    }
}

fn row(list: u128, from_quantity: u32, pence: i64) -> ListPrice {
    ListPrice {
        list: id(list),
        from_quantity,
        price: Price::new(pence * 10_000, Currency::GBP),
    }
}

/// Checks what a unit costs at time 50 for somebody in some groups who buys so many; 0 is the usual price.
fn check(lists: &[Arc<PriceList>], rows: &[ListPrice], (groups, quantity): (&[&str], u32), expected: i64) {
    let lists = PriceLists::new(lists.iter().cloned(), Timestamp::from_millis(50));
    let groups: Vec<Handle> = groups.iter().map(|group| handle(group)).collect();
    let price = first_fit(&lists.applicable(rows, &groups), Currency::GBP, quantity);
    let pence = price.map_or(0, |price| price.millionths / 10_000);
    assert_eq!(pence, expected, "{groups:?} buying {quantity}");
}

#[test]
fn the_largest_quantity_that_is_reached_counts() {
    let lists = [list(1, PriceListDraft::default())];
    let rows = [row(1, 5, 90), row(1, 10, 80), row(1, 100, 95)];
    for (quantity, expected) in [(4, 0), (5, 90), (9, 90), (10, 80), (99, 80), (100, 95)] {
        check(&lists, &rows, (&[], quantity), expected);
    }
}

#[test]
fn a_list_for_groups_is_for_them_alone_and_counts_before_one_for_everybody() {
    let lists = [
        list(1, PriceListDraft::default()),
        list(2, for_groups(&["trade", "staff"])),
    ];
    let rows = [row(1, 1, 70), row(2, 1, 80), row(2, 10, 60)];
    check(&lists, &rows, (&[], 10), 70);
    check(&lists, &rows, (&["friends"], 10), 70);
    check(&lists, &rows, (&["friends", "trade"], 9), 80);
    check(&lists, &rows, (&["staff"], 10), 60);
    // Where the list for groups has no price for so few, the other counts.
    check(&lists, &[row(1, 1, 70), row(2, 10, 60)], (&["staff"], 9), 70);
}

#[test]
fn a_higher_priority_counts_before_groups_and_the_older_of_equals() {
    let prior = PriceListDraft {
        priority: Some(1),
        ..PriceListDraft::default()
    };
    let lists = [list(1, for_groups(&["trade"])), list(2, prior)];
    check(&lists, &[row(1, 1, 70), row(2, 1, 80)], (&["trade"], 1), 80);
    let equals = [
        list(2, PriceListDraft::default()),
        list(1, PriceListDraft::default()),
    ];
    check(&equals, &[row(1, 1, 70), row(2, 1, 60)], (&[], 1), 70);
}

#[test]
fn a_list_counts_while_it_holds_and_is_switched_on() {
    let at = |millis| Some(Some(Timestamp::from_millis(millis)));
    let off = PriceListDraft {
        enabled: Some(false),
        ..PriceListDraft::default()
    };
    check(&[list(1, off)], &[row(1, 1, 70)], (&[], 1), 0);
    for (from, until, expected) in [(50, 51, 70), (10, 50, 0), (51, 60, 0)] {
        let draft = PriceListDraft {
            valid_from: at(from),
            valid_until: at(until),
            ..PriceListDraft::default()
        };
        let lists = [list(1, draft)];
        check(&lists, &[row(1, 1, 70)], (&[], 1), expected);
        let held = PriceLists::new(lists, Timestamp::from_millis(50)).holds();
        assert!(held.contains(Timestamp::from_millis(50)) && held != Period::default());
    }
    // A list that is gone, or of which the variant has no price in this currency, counts for nothing.
    check(&[], &[row(1, 1, 70)], (&[], 1), 0);
    let euro = Currency::of("EUR").expect("in the table");
    let other = ListPrice {
        price: Price::new(1, euro),
        ..row(1, 1, 0)
    };
    check(&[list(1, PriceListDraft::default())], &[other], (&[], 1), 0);
}

#[test]
fn every_bad_field_of_a_list_is_listed_and_there_are_at_most_1000() -> Result<(), Error> {
    let at = |millis| Some(Some(Timestamp::from_millis(millis)));
    let bad = PriceListDraft {
        name: Some(" ".to_owned()),
        valid_from: at(5),
        valid_until: at(5),
        ..for_groups(&["ok", "Not A Handle"])
    };
    let Err(Error::Fields(errors)) = create(1, bad) else {
        panic!("expected bad fields")
    };
    let listed: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    let expected = [
        ("/name", "text.empty"),
        ("/groups/1", "catalog.invalid_handle"),
        ("/valid_until", "catalog.empty_period"),
    ];
    assert_eq!(listed, expected);
    let command = CreatePriceList {
        draft: PriceListDraft::default(),
        existing: Existing {
            count: PRICE_LISTS_MAX,
            newest: None,
        },
    };
    let refused = Bench::<PriceList>::create(id(1), Timestamp::from_millis(0), command);
    assert_eq!(
        refused.map_err(|error| error.code()).err(),
        Some("catalog.too_many_price_lists")
    );

    let mut bench = create(1, PriceListDraft::default())?;
    let draft = PriceListDraft {
        priority: Some(3),
        ..PriceListDraft::default()
    };
    for _ in 0..2 {
        bench.run(UpdatePriceList { draft: draft.clone() })?;
        assert_eq!((bench.entity.priority, bench.events.len()), (3, 2));
    }
    bench.run(DeletePriceList)?;
    assert!(bench.erased);
    Ok(())
}
