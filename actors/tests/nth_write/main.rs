//! Every use case with each of its writes failed in turn: the caller hears an error that passes or the right answer,
//! and the same request, sent again, is done once.
//!
//! What "once" looks like is not written down: it is what the shop looks like after the same use case undisturbed.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod cases;
mod coverage;
mod half_done;
mod rules;
mod setup;
mod shop;
#[path = "../support/mod.rs"]
mod support;
mod values;

use cartwright_actors::promotion::CodeAttempt;
use cartwright_actors::{Refused, Request, new_seed};
use cartwright_domain::promotion;
use cartwright_storage::Mishap;
use cases::{Case, GONE, all};
use setup::Setup;
use shop::{By, Desk};
use std::time::Duration;
use support::house::{House, PATIENCE, Running, keyed};
use tokio::time::{Instant, sleep};

/// More writes than any use case makes: a test that gets there does not end.
const WRITES_MAX: u64 = 100;
/// For how long nothing is written when everything that follows has been done.
const QUIET: Duration = Duration::from_secs(5);
/// How often a client asks before the test says that it gets no answer.
const TRIES_MAX: usize = 1_000;
/// How long a client waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What happens to the write.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// It is refused, as when the disk says no.
    Refused,
    /// It is done and nobody hears of it, because the process dies.
    Untold,
}

/// What came of a use case: what the caller was told, and what the shop looks like.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    told: String,
    seen: Vec<String>,
}

impl Came {
    fn differs_from(&self, expected: &Self) -> String {
        let without = |all: &Self, others: &Self| -> Vec<String> {
            let lines = all.seen.iter().filter(|line| !others.seen.contains(line));
            lines.cloned().collect()
        };
        format!(
            "told {:?}, seen {:#?}; expected {:?}, {:#?}",
            self.told,
            without(self, expected),
            expected.told,
            without(expected, self)
        )
    }
}

#[tokio::test(start_paused = true)]
async fn any_write_that_is_refused_is_an_error_or_done_later_and_the_same_request_is_then_done_once() {
    each(Trouble::Refused).await;
}

#[tokio::test(start_paused = true)]
async fn any_write_whose_answer_is_lost_is_found_by_the_same_request_and_not_done_twice() {
    each(Trouble::Untold).await;
}

/// A code is good exactly if its use is counted, also where the promotion has ended before the same is asked again.
#[tokio::test(start_paused = true)]
async fn a_use_that_was_counted_is_told_whatever_has_become_of_its_promotion() {
    for nth in 1..WRITES_MAX {
        let house = House::build().await;
        let running = house.start(Duration::ZERO, |_| {}).await;
        let desk = Desk::new(&running, &house);
        let draft = promotion::Draft {
            usage_limit: Some(Some(5)),
            ..setup::tenth("TEN")
        };
        let made = desk
            .engine
            .create_promotion(&desk.request(By::Staff), draft)
            .await
            .unwrap();
        let id = made.value.promotion.id;
        quiet(&running).await;
        let before = running.faults.submitted();
        running.faults.fail_nth(nth);
        let attempt = CodeAttempt {
            code: "ten".to_owned(),
            redeem: true,
            ..CodeAttempt::default()
        };
        let request = keyed(desk.request(By::Staff), "the key");
        let judge = async |request: &Request| {
            let attempts = vec![attempt.clone(); 2];
            desk.engine.judge_codes(request, attempts).await
        };
        let first = judge(&request).await;
        quiet(&running).await;
        if running.faults.submitted() - before < nth {
            running.kill().await;
            assert_eq!(first.unwrap().value, [None, None]);
            assert!(4 <= nth, "both uses and the answer are written");
            return;
        }
        let over = promotion::Draft {
            enabled: Some(false),
            ..promotion::Draft::default()
        };
        let staff = desk.request(By::Staff);
        desk.engine.update_promotion(&staff, id, over).await.unwrap();
        let again = Request {
            seed: new_seed(),
            deadline: Instant::now() + PATIENCE,
            ..request
        };
        let verdicts = judge(&again).await.unwrap().value;
        let good = verdicts.iter().filter(|problem| problem.is_none()).count();
        let counted = desk.engine.promotion(id).await.unwrap().used;
        running.kill().await;
        assert_eq!(counted, Some(good as u64), "at write {nth}: {verdicts:?}");
    }
    panic!("there is no end");
}

async fn each(trouble: Trouble) {
    let mut wrong = Vec::new();
    for case in all() {
        let expected = play(case, None).await.unwrap().unwrap();
        for nth in 1.. {
            let told = format!("{}: {trouble:?} at write {nth}", case.use_case);
            assert!(nth < WRITES_MAX, "{told}: there is no end");
            match play(case, Some((trouble, nth))).await {
                Ok(None) => {
                    assert!(1 < nth, "{told}: it writes nothing");
                    break;
                }
                Ok(Some(came)) if came == expected => {}
                Ok(Some(came)) => wrong.push(format!("{told}: {}", came.differs_from(&expected))),
                Err(what) => wrong.push(format!("{told}: {what}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plays a use case, with trouble at one of its writes. Returns what came of it, or nothing when it makes fewer writes.
async fn play(case: &Case, trouble: Option<(Trouble, u64)>) -> Result<Option<Came>, String> {
    let house = House::build().await;
    let mut running = house.start(Duration::ZERO, |_| {}).await;
    let mut desk = Desk::new(&running, &house);
    let setup = (case.prepare)(&desk).await;
    quiet(&running).await;

    let before = running.faults.submitted();
    match trouble {
        Some((Trouble::Refused, nth)) => running.faults.fail_nth(nth),
        Some((Trouble::Untold, nth)) => {
            running.faults.on_nth(nth, Mishap::LoseVerdict);
            running.faults.cut_off_after(nth);
        }
        None => {}
    }
    let request = desk.request(case.by);
    let request = if case.keyed {
        keyed(request, "the key")
    } else {
        request
    };
    let mut told = Vec::new();
    match (case.act)(&desk, &setup, &request).await {
        Ok(first) => told.push(first),
        Err(refused) if trouble.is_some() && !refused.problem.class.is_final() => {}
        Err(refused) => return Err(format!("refused for good: {refused:?}")),
    }
    quiet(&running).await;
    let writes = running.faults.submitted() - before;
    if trouble.is_some_and(|(_, nth)| writes < nth) {
        running.kill().await;
        return Ok(None);
    }
    if running.faults.is_cut_off() {
        running.kill().await;
        running = house.start(Duration::ZERO, |_| {}).await;
        desk = Desk::new(&running, &house);
    }
    if trouble.is_some() || case.keyed {
        for _ in 0..2 {
            match finally(case, &desk, &setup, &request).await {
                Ok(again) => told.push(again),
                // Done already, and nothing to be told of any more.
                Err(refused) if Some(refused.problem.code.as_str()) == case.gone => {
                    told.push(GONE.to_owned());
                }
                Err(refused) => return Err(format!("a repeat is refused: {refused:?}")),
            }
        }
    }
    if told.iter().any(|again| *again != told[0]) {
        return Err(format!("not told the same again: {told:?}"));
    }
    quiet(&running).await;
    let seen = desk.seen(&house).await;
    desk.change_everything(case.use_case).await;
    running.kill().await;
    let told = told.swap_remove(0);
    Ok(Some(Came { told, seen }))
}

/// Asks until the answer is final.
async fn finally(case: &Case, desk: &Desk, setup: &Setup, request: &Request) -> Result<String, Refused> {
    for _ in 0..TRIES_MAX {
        let attempt = Request {
            seed: new_seed(),
            deadline: Instant::now() + PATIENCE,
            goes_on: false,
            ..request.clone()
        };
        match (case.act)(desk, setup, &attempt).await {
            Err(refused)
                if !refused.problem.class.is_final() || refused.problem.code == "idempotency.in_progress" =>
            {
                sleep(AGAIN_AFTER).await;
            }
            answer => return answer,
        }
    }
    panic!("{} gets no answer", case.use_case);
}

/// Waits until nothing more is written.
async fn quiet(running: &Running) {
    let mut written = None;
    while written != Some(running.faults.submitted()) {
        written = Some(running.faults.submitted());
        // In pieces, so that the threads of provider and mailer get their turn.
        for _ in 0..10 {
            sleep(QUIET / 10).await;
        }
    }
}
