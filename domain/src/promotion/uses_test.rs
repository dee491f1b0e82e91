//! Behaviour of the counters of uses.

use super::*;
use crate::testing::Bench;
use crate::text::Email;
use crate::time::Timestamp;
use proptest::prelude::*;

const PROMOTION: PromotionId = PromotionId(Uuid::from_u128(1));

fn checkout(n: u128) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n))
}

fn reserve(n: u128, limit: u64) -> ReserveUse {
    ReserveUse {
        checkout: checkout(n),
        promotion: PROMOTION,
        limit,
    }
}

fn commit(n: u128) -> CommitUse {
    CommitUse {
        checkout: checkout(n),
        promotion: PROMOTION,
    }
}

fn release(n: u128) -> ReleaseUse {
    ReleaseUse {
        checkout: checkout(n),
        promotion: PROMOTION,
    }
}

const GIVE_BACK: GiveBackUse = GiveBackUse { promotion: PROMOTION };

fn opened(limit: u64) -> Bench<UseCounter> {
    let id = UseCounterId::of_all(PROMOTION);
    Bench::create(id, Timestamp::from_millis(0), reserve(0, limit)).expect("the first use is free")
}

#[track_caller]
fn check_counts(bench: &Bench<UseCounter>, used: u64, held: usize) {
    assert_eq!((bench.entity.used(), bench.entity.held().len()), (used, held));
}

#[test]
fn what_was_used_elsewhere_is_used_whoever_holds_it() -> Result<(), Error> {
    let note = NoteUsed { promotion: PROMOTION };
    let mut held = opened(1);
    assert!(held.run(note)?);
    check_counts(&held, 1, 1);
    assert!(!held.run(note)?);
    // Let go, it is no more to be had than before.
    held.run(release(0))?;
    check_counts(&held, 1, 0);
    assert!(held.run(reserve(1, 1)).is_err());
    let id = UseCounterId::of_all(PROMOTION);
    let unheld = Bench::create(id, Timestamp::from_millis(0), note)?;
    check_counts(&unheld, 1, 0);
    Ok(())
}

#[test]
fn a_limit_is_of_uses_held_and_used_together_and_what_is_let_go_can_be_taken_at_once() -> Result<(), Error> {
    let mut bench = opened(2);
    let full = Err(Error::LimitReached {
        promotion: PROMOTION,
        limit: 2,
    });
    bench.run(reserve(1, 2))?;
    check_counts(&bench, 0, 2);
    assert_eq!(bench.run(reserve(2, 2)), full);
    // Who holds one is not refused.
    bench.run(reserve(1, 2))?;

    bench.run(commit(0))?;
    check_counts(&bench, 1, 1);
    assert_eq!(bench.run(reserve(2, 2)), full);
    bench.run(release(1))?;
    bench.run(reserve(2, 2))?;
    check_counts(&bench, 1, 1);
    bench.run(commit(2))?;
    check_counts(&bench, 2, 0);
    bench.run(GIVE_BACK)?;
    check_counts(&bench, 1, 0);
    bench.run(reserve(3, 2))?;

    // A limit that staff have lowered takes nothing from anybody, and one that was raised holds at once.
    assert!(bench.run(reserve(4, 1)).is_err());
    bench.run(reserve(4, 3))?;
    check_counts(&bench, 1, 2);
    Ok(())
}

#[test]
fn what_is_not_held_is_neither_committed_nor_released_and_nothing_goes_below_zero() -> Result<(), Error> {
    let mut bench = opened(1);
    bench.run(commit(7))?;
    bench.run(release(7))?;
    bench.run(GIVE_BACK)?;
    check_counts(&bench, 0, 1);
    assert_eq!(bench.events.len(), 1);
    Ok(())
}

#[test]
fn a_use_without_a_checkout_counts_at_once_and_only_below_the_limit() -> Result<(), Error> {
    let spend = |limit| SpendUse {
        promotion: PROMOTION,
        limit,
    };
    let id = UseCounterId::of_all(PROMOTION);
    let mut bench = Bench::<UseCounter>::create(id, Timestamp::from_millis(0), spend(3))?;
    bench.run(reserve(1, 3))?;
    bench.run(spend(3))?;
    check_counts(&bench, 2, 1);
    assert!(
        bench.run(spend(3)).is_err(),
        "what a checkout holds is not to be had"
    );
    bench.run(spend(4))?;
    check_counts(&bench, 3, 1);
    Ok(())
}

#[test]
fn a_counter_that_would_begin_full_does_not_begin() {
    let id = UseCounterId::of_all(PROMOTION);
    assert!(Bench::<UseCounter>::create(id, Timestamp::from_millis(0), reserve(1, 0)).is_err());
}

#[test]
fn two_spellings_of_one_mailbox_are_counted_together_and_a_customer_apart() {
    let counter = |text: &str| {
        let email = Email::parse(text).expect("an address");
        UseCounterId::of_shopper(PROMOTION, &Shopper::Guest(&email))
    };
    assert_eq!(counter("ada@example.com"), counter("Ada@Example.COM"));
    assert_ne!(counter("ada@example.com"), counter("bob@example.com"));
    let customer = Shopper::Customer(crate::id::CustomerId(Uuid::from_u128(7)));
    let of_customer = UseCounterId::of_shopper(PROMOTION, &customer);
    assert_ne!(counter("ada@example.com"), of_customer);
    let other = PromotionId(Uuid::from_u128(2));
    assert_ne!(of_customer, UseCounterId::of_shopper(other, &customer));
    assert_ne!(of_customer, UseCounterId::of_all(PROMOTION));
    assert_ne!(of_customer, UseCounterId::of_first_order(&customer));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(u128),
    Commit(u128),
    Release(u128),
    GiveBack,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..9_u128).prop_map(Step::Reserve),
        2 => (0..9_u128).prop_map(Step::Commit),
        1 => (0..9_u128).prop_map(Step::Release),
        1 => Just(Step::GiveBack),
    ]
}

proptest! {
    #[test]
    fn never_more_than_the_limit_are_used_and_held_and_nobody_is_refused_below_it(
        limit in 1..5_u64,
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let mut bench = opened(limit);
        let (mut used, mut holders) = (0_u64, std::collections::BTreeSet::from([0_u128]));
        for step in steps {
            match step {
                Step::Reserve(n) => {
                    let has_room = used + (holders.len() as u64) < limit;
                    let expected = has_room || holders.contains(&n);
                    prop_assert_eq!(bench.run(reserve(n, limit)).is_ok(), expected);
                    if expected {
                        holders.insert(n);
                    }
                }
                Step::Commit(n) => {
                    bench.run(commit(n)).expect("it is never refused");
                    used += u64::from(holders.remove(&n));
                }
                Step::Release(n) => {
                    bench.run(release(n)).expect("it is never refused");
                    holders.remove(&n);
                }
                Step::GiveBack => {
                    bench.run(GIVE_BACK).expect("it is never refused");
                    used = used.saturating_sub(1);
                }
            }
            prop_assert_eq!(bench.entity.used(), used);
            prop_assert_eq!(bench.entity.held().len(), holders.len());
            prop_assert!(used + holders.len() as u64 <= limit);
        }
    }
}
