//! What a stock item takes at most.

use super::{adjust, check_refused, checkout, reserve, set, tracked};
use crate::error::FieldErrors;
use crate::id::CheckoutId;
use crate::inventory::{AdjustStock, Error, Held, RESERVATIONS_MAX, Release, StockLevels, UNITS_MAX};
use crate::time::Timestamp;
use uuid::Uuid;

fn pointers(errors: &FieldErrors) -> Vec<&str> {
    let errors = errors.as_slice().iter();
    errors.map(|error| error.pointer.as_str()).collect()
}

#[test]
fn levels_out_of_range_are_all_listed() {
    let levels = StockLevels {
        tracked: None,
        on_hand: Some(UNITS_MAX + 1),
        buffer: Some(i64::MIN),
        low_stock_level: Some(UNITS_MAX),
    };
    let Err(Error::Fields(errors)) = tracked(1).run(set(levels)) else {
        panic!("a refusal was expected")
    };
    assert_eq!(pointers(&errors), ["/on_hand", "/buffer"]);
    let empty = AdjustStock {
        delta: 0,
        reason: " ".to_owned(),
        reference: Some("x".repeat(201)),
    };
    let Err(Error::Fields(errors)) = tracked(1).run(empty) else {
        panic!("a refusal was expected")
    };
    let codes: Vec<&str> = errors
        .as_slice()
        .iter()
        .map(|error| error.code.as_str())
        .collect();
    assert_eq!(codes, ["zero", "text.empty", "text.too_long"]);
}

#[test]
fn on_hand_grows_up_to_its_limit() {
    let most = i64::try_from(UNITS_MAX).expect("a limit within range");
    let mut bench = tracked(1);
    assert_eq!(bench.run(adjust(most - 1)), Ok(()));
    assert_eq!(bench.entity.on_hand(), UNITS_MAX);
    for delta in [1, i64::MIN] {
        let Err(Error::Fields(errors)) = bench.run(adjust(delta)) else {
            panic!("a refusal of {delta} was expected")
        };
        assert_eq!(pointers(&errors), ["/delta"]);
    }
    assert_eq!(bench.run(adjust(-most)), Ok(()));
}

#[test]
fn an_item_holds_so_many_reservations_and_not_one_more() {
    let mut bench = tracked(UNITS_MAX);
    // All but one of them, at once: a command each would copy them each time.
    let expiry = Timestamp::from_millis(i64::MAX);
    bench.entity.wakes_at = Some(expiry);
    for n in 1..RESERVATIONS_MAX {
        let held_by = CheckoutId(Uuid::from_u128((u128::MAX >> 1) + u128::try_from(n).unwrap_or(0)));
        bench.entity.hold(held_by, 1, expiry);
    }
    assert_eq!(bench.run(reserve(1, 1)), Ok(Held { quantity: 1 }));
    check_refused(
        bench.run(reserve(2, 1)),
        "inventory.too_many_reservations",
        &[("max", 10_000)],
    );
    assert_eq!(
        bench.run(reserve(1, 2)),
        Ok(Held { quantity: 2 }),
        "one that is there may change"
    );
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(bench.run(reserve(2, 1)), Ok(Held { quantity: 1 }));
}
