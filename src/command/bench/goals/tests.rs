use super::*;
use crate::command::bench::figures::{Figures, Side};

#[test]
fn a_bound_itself_is_met_and_one_beyond_is_not() {
    let met = |judged: Judged| (judged.is_met(), judged.is_stretch_met());
    let least = |measured| at_least("more", Unit::Count, 10, 20, measured);
    assert_eq!(met(least(Some(9))), (Some(false), Some(false)));
    assert_eq!(met(least(Some(10))), (Some(true), Some(false)));
    assert_eq!(met(least(Some(20))), (Some(true), Some(true)));
    assert_eq!(met(least(None)), (None, None));
    let most = |measured| at_most("less", Unit::Count, 20, Some(10), Some(measured));
    assert_eq!(met(most(21)), (Some(false), Some(false)));
    assert_eq!(met(most(20)), (Some(true), Some(false)));
    assert_eq!(met(most(10)), (Some(true), Some(true)));
}

#[test]
fn a_goal_stands_in_the_middle_of_its_rounds_and_of_two_where_it_is_worse() {
    let middle = |rounds: &[Judged]| {
        let middle = in_the_middle(rounds.to_vec())?;
        Some((middle.measured?, middle.range))
    };
    let more = |measured| at_least("more", Unit::Count, 10, 20, Some(measured));
    let less = |measured| at_most("less", Unit::Count, 10, None, Some(measured));
    assert_eq!(middle(&[more(9), more(30), more(12)]), Some((12, Some((9, 30)))));
    assert_eq!(middle(&[more(9), more(30)]), Some((9, Some((9, 30)))));
    assert_eq!(middle(&[less(9), less(30)]), Some((30, Some((9, 30)))));
    assert_eq!(middle(&[less(9)]), Some((9, None)));
    assert_eq!(middle(&[floor("more", Unit::Count, 10, None)]), None);
    // A bound of its own in each round.
    let slow_machine = Judged {
        must: Some(100),
        ..less(50)
    };
    assert_eq!(
        middle(&[less(9), slow_machine, less(8)]),
        Some((8, Some((8, 50))))
    );
}

#[test]
fn a_work_held_against_another_is_judged_by_what_both_made_in_turn() {
    let in_turn = |work: Work| InTurn {
        work: work.name(),
        over: Work::W2.name(),
        turns: 2,
        operations_per_second: 1_300,
        over_operations_per_second: 1_000,
        ..InTurn::default()
    };
    let figures = |work: Work, operations_per_second| Figures {
        work: work.name(),
        server: Side {
            operations_per_second,
            ..Side::default()
        },
        ..Figures::default()
    };
    let works = Works {
        figures: vec![figures(Work::W2, 1_000), figures(Work::W5, 900)],
        in_turn: vec![in_turn(Work::W5)],
        ..Works::default()
    };
    let measured = |works: &Works, goal| {
        let judged = of_works(works);
        judged.iter().find(|judged| judged.goal == goal)?.measured
    };
    assert_eq!(measured(&works, "W5 over W2"), Some(1_300));
    assert_eq!(measured(&works, "W9 over W2"), None);
    // Of carts that slept, and of others.
    for (wakes_permille, expected) in [(1_000, Some(1_300)), (949, None)] {
        let w9 = Figures {
            wakes_permille,
            ..figures(Work::W9, 1_000)
        };
        let works = Works {
            figures: vec![w9],
            in_turn: vec![in_turn(Work::W9)],
            ..Works::default()
        };
        assert_eq!(measured(&works, "W9 over W2"), expected);
    }
}

/// Returns what a round says of a goal.
#[track_caller]
fn of_round(works: &Works, goal: &str) -> Judged {
    let mut judged = of_works(works);
    judged.retain(|judged| judged.goal.starts_with(goal));
    judged.pop().expect("there is such a goal")
}

#[test]
fn of_a_work_of_which_operations_failed_no_goal_is_told() {
    let w2 = |errors| Figures {
        work: Work::W2.name(),
        errors,
        share_of_bare_permille: Some(500),
        ..Figures::default()
    };
    for (errors, met) in [(0, Some(true)), (1, None)] {
        let works = Works {
            figures: vec![w2(errors)],
            ..Works::default()
        };
        assert_eq!(of_round(&works, "W2, share").is_met(), met, "{errors} failed");
    }
}

#[test]
fn works_in_turn_are_judged_by_what_woke_and_was_mailed_then() {
    let check = |work: Work, goal, counted: fn(u64) -> InTurn, alone: u64| {
        for (in_turn, met) in [(950, Some(true)), (949, None)] {
            let both = InTurn {
                work: work.name(),
                operations_per_second: 1_300,
                over_operations_per_second: 1_000,
                ..counted(in_turn)
            };
            let of_alone = |work: Work| Figures {
                work: work.name(),
                wakes_permille: alone,
                mails_permille: alone,
                ..Figures::default()
            };
            let works = Works {
                figures: [Work::W4, Work::W8, Work::W9].map(of_alone).into(),
                in_turn: vec![both],
                ..Works::default()
            };
            assert_eq!(
                of_round(&works, goal).is_met(),
                met,
                "{goal}: {in_turn}, {alone} alone"
            );
        }
    };
    let wakes = |wakes| InTurn {
        wakes_permille: Some(wakes),
        ..InTurn::default()
    };
    let mails = |mails| InTurn {
        mails_permille: Some(mails),
        over_mails_permille: Some(1_000),
        ..InTurn::default()
    };
    let over_mails = |mails| InTurn {
        mails_permille: Some(1_000),
        over_mails_permille: Some(mails),
        ..InTurn::default()
    };
    for alone in [0, 1_000] {
        check(Work::W9, "W9 over W2", wakes, alone);
        check(Work::W8, "W8 over W4", mails, alone);
        check(Work::W8, "W8 over W4", over_mails, alone);
    }
}

#[test]
fn a_goal_says_so_where_it_was_not_measured_in_all_rounds() {
    let rounds = |measured: &[Option<u64>]| {
        let rounds = measured
            .iter()
            .map(|measured| floor("more", Unit::Count, 10, *measured));
        in_the_middle(rounds.collect())?.missing()
    };
    assert_eq!(
        rounds(&[Some(1), None, Some(3)]).as_deref(),
        Some("2 of 3 rounds")
    );
    assert_eq!(rounds(&[Some(1), Some(2), Some(3)]), None);
    let report = Report {
        rounds: vec![Works::default(), Works::default()],
        ..Report::default()
    };
    let made = judge(&report)[0].rounds;
    assert_eq!(made, Some(Rounds { measured: 0, made: 2 }));
}

#[test]
fn a_bound_that_is_of_what_was_not_measured_is_none() {
    let judged = judge(&Report::default());
    let unbounded = judged.iter().filter(|judged| judged.must.is_none());
    let goals: Vec<&str> = unbounded.map(|judged| judged.goal).collect();
    assert_eq!(goals.len(), 2, "{goals:?}");
    assert!(goals[0].starts_with("p99 of W2 at half load"), "{goals:?}");
    assert!(goals[1].starts_with("carts in memory under a crawl"), "{goals:?}");
    assert!(!table(&judged).contains("at most 0.000 ms"));
}

#[test]
fn what_was_not_measured_is_neither_met_nor_missed() {
    let judged = judge(&Report::default());
    assert_eq!(judged.len(), 19);
    assert!(judged.iter().all(|judged| judged.is_met().is_none()));
}
