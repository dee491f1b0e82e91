//! Every saga stopped after each of its commits and begun again, and each of its commits failed in turn.
//!
//! The engine is the real one, on a store in memory and the sandbox with its ledger, in paused time. A scenario is
//! what a client does under keys of its own; it does the same again after every restart and must come to the same
//! end, with books that agree: the store's, the provider's and the mails sent.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod books;
mod buyer;
mod earlier;
mod returned;
mod scenarios;
mod shown;
#[path = "../support/mod.rs"]
mod support;

use buyer::{Buyer, ORDERED};
use cartwright_domain::settings;
use earlier::{Came, PUT_BESIDE, put_quotes_beside};
use house::{House, RESERVATION, Running, pence};
use scenarios::{ALL, CAPTURES_WAIT, Scenario};
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::house;
use tokio::time::{Instant, sleep};

/// How long the provider cannot be reached: past the deadline of a checkout.
const OUTAGE: Duration = Duration::from_secs(60);
/// More commits than any scenario makes: a test that gets there does not end.
const COMMITS_MAX: u64 = 200;
/// The commits that make a cart ready. They are the same in every scenario, and disturbed in the first only.
const CART_COMMITS: u64 = 6;
/// How often it is looked whether a process is dead or its sagas have ended.
const POLL: Duration = Duration::from_millis(20);
/// How long a process that can commit no more goes on with what it does outside the store.
const LAST_GASP: Duration = Duration::from_secs(2);
/// How long sagas may take to end, past every deadline in the settings.
const SAGAS_MAX: Duration = Duration::from_secs(15 * 60);

/// How a scenario is disturbed.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// Not at all.
    None,
    /// The process dies after so many commits, and the world goes on from what the last one let out.
    KilledAfter(u64),
    /// The process dies when so many commits are written, before anybody hears of the last.
    KilledBeforeAnswer(u64),
    /// The process dies after so many commits, and the next one cannot reach the provider for [`OUTAGE`].
    KilledBeforeOutage(u64),
    /// The process dies after so many commits, and what it wrote is as an earlier build would have written it.
    KilledEarlier(u64, Came),
    /// Every process dies after so many commits of its own, until there is nothing left to do.
    KilledAfterEvery(u64),
    /// The commit with this number is refused, as when the disk says no.
    Failed(u64),
}

/// Plays a scenario under a disturbance and checks what it came to. Returns whether the disturbance took place.
async fn play(scenario: &Scenario, disturbance: Disturbance) -> bool {
    let mut house = House::build().await;
    let mut took_place = false;
    for start in 0.. {
        assert!(
            start < COMMITS_MAX,
            "{} does not end under {disturbance:?}",
            scenario.name
        );
        let outage = match disturbance {
            Disturbance::KilledBeforeOutage(_) if start == 1 => OUTAGE,
            _ => Duration::ZERO,
        };
        let running = house.start(outage, |faults| match disturbance {
            Disturbance::KilledAfter(commits)
            | Disturbance::KilledBeforeOutage(commits)
            | Disturbance::KilledEarlier(commits, _)
                if start == 0 =>
            {
                faults.cut_off_after(commits);
            }
            Disturbance::KilledBeforeAnswer(commits) if start == 0 => {
                faults.cut_off_after(commits);
                faults.on_nth(commits, cartwright_storage::Mishap::LoseVerdict);
            }
            Disturbance::KilledAfterEvery(commits) => faults.cut_off_after(commits),
            Disturbance::Failed(nth) if start == 0 => faults.fail_nth(nth),
            _ => {}
        });
        let running = running.await;
        if let Disturbance::Failed(nth) = disturbance {
            live(&running, scenario, &mut house).await;
            took_place = nth <= running.faults.submitted();
        }
        let survived = live(&running, scenario, &mut house).await;
        if !survived {
            took_place = true;
            running.kill().await;
            if let Disturbance::KilledEarlier(_, came) = disturbance {
                put_quotes_beside(house.store(), came).await;
            }
            continue;
        }
        let answers = scenario.act(&Buyer::new(&running.engine, &house)).await;
        let told = format!("{} under {disturbance:?}", scenario.name);
        assert_eq!(answers, scenario.answers, "{told}");
        books::check(&running, &house, scenario, &told).await;
        running.kill().await;
        return took_place;
    }
    took_place
}

/// Lets the client act and the sagas end. Returns whether the process lived to see it.
async fn live(running: &Running, scenario: &Scenario, house: &mut House) -> bool {
    let buyer = Buyer::new(&running.engine, house);
    let dead = async {
        while !running.faults.is_cut_off() {
            sleep(POLL).await;
        }
        sleep(LAST_GASP).await;
    };
    let whole = async {
        scenario.act(&buyer).await;
        let deadline = Instant::now() + SAGAS_MAX;
        while 0 < running.open_sagas().await {
            assert!(
                Instant::now() < deadline,
                "{}: its sagas do not end",
                scenario.name
            );
            sleep(POLL).await;
        }
    };
    tokio::select! {
        () = dead => false,
        () = whole => !running.faults.is_cut_off(),
    }
}

#[tokio::test(start_paused = true)]
async fn undisturbed_every_scenario_comes_to_its_end() {
    for scenario in ALL {
        play(scenario, Disturbance::None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_commit_a_saga_ends_as_if_never_killed() {
    each(Disturbance::KilledAfter, 0).await;
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_commit_is_answered_a_saga_ends_as_if_never_killed() {
    each(Disturbance::KilledBeforeAnswer, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_away_after_the_restart_undoes_no_order() {
    for scenario in [&ALL[0], &CAPTURES_WAIT] {
        let mut commits = CART_COMMITS;
        while play(scenario, Disturbance::KilledBeforeOutage(commits)).await {
            commits += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_again_and_again_a_saga_still_gets_on() {
    // With one commit each, no process gets past a cart's first: the session that names it may come first for ever.
    for scenario in ALL {
        for commits in 2..=4 {
            assert!(play(scenario, Disturbance::KilledAfterEvery(commits)).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkout_whose_quote_an_earlier_build_wrote_ends_as_any_other() {
    for came in [Came::ToTheQuote, Came::ToThePayment] {
        let before = PUT_BESIDE.load(Ordering::Relaxed);
        each(|commits| Disturbance::KilledEarlier(commits, came), 0).await;
        assert!(before < PUT_BESIDE.load(Ordering::Relaxed), "{came:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_commit_that_fails_is_an_error_or_done_later_and_the_same_key_then_succeeds() {
    each(Disturbance::Failed, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_is_tried_again_raises_an_alarm_once_its_order_is_placed() {
    let mut alarms = Vec::new();
    for nth in CART_COMMITS.. {
        let (mut house, running) = failing_at(nth).await;
        live(&running, &ALL[0], &mut house).await;
        let counters = running.engine.counters().checkouts;
        let was_disturbed = nth <= running.faults.submitted();
        running.kill().await;
        if !was_disturbed {
            break;
        }
        if 0 < counters.retries {
            alarms.push(counters.alarms);
        }
    }
    // Before the order, of which the last is the try to place it; behind it, of stock, cart, capture and the end.
    let before = alarms.partition_point(|alarms| *alarms == 0);
    let (before, behind) = alarms.split_at(before);
    assert!(
        3 <= before.len() && 4 <= behind.len(),
        "{before:?}, then {behind:?}"
    );
    assert!(
        behind.iter().all(|alarms| 0 < *alarms),
        "{before:?}, then {behind:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_joined_an_attempt_of_which_nothing_came_is_tried_again() {
    let house = House::build().await;
    let running = house.start(OUTAGE, |_| {}).await;
    let buyer = Buyer::new(&running.engine, &house);
    let cart = buyer.cart(0, "cart", &[(buyer.goods.untracked, 1)]).await;
    let answers = tokio::join!(
        buyer.complete(0, "first", cart, "tok_approve", None),
        buyer.complete(0, "second", cart, "tok_approve", None),
    );
    assert_eq!(answers, (ORDERED.to_owned(), ORDERED.to_owned()));
    assert_eq!(house.ledger().payments.len(), 1);
    running.kill().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_while_the_provider_is_known_to_take_nothing() {
    let house = House::build().await;
    let running = house.start_without_provider(2 * OUTAGE).await;
    let buyer = Buyer::new(&running.engine, &house);
    let [cup, _] = buyer.goods.tracked;
    let cart = buyer.cart(0, "cart", &[(cup, 1)]).await;
    let refused = buyer.try_to_complete(0, "first", cart).await;
    assert_eq!(refused, "payment.unavailable");
    assert_eq!(running.open_sagas().await, 0);
    // What needs no provider goes on; and so does the rest, once it is back.
    buyer.gift_card(0, cart, pence(100_000)).await;
    assert_eq!(buyer.try_to_complete(0, "card", cart).await, ORDERED);
    let other = buyer.cart(1, "other", &[(cup, 1)]).await;
    assert_eq!(
        buyer.try_to_complete(1, "second", other).await,
        "payment.unavailable"
    );
    sleep(2 * OUTAGE).await;
    assert_eq!(buyer.try_to_complete(1, "second", other).await, ORDERED);
    running.kill().await;
}

/// Starts an engine whose commit with this number is refused.
async fn failing_at(nth: u64) -> (House, Running) {
    let house = House::build().await;
    let running = house.start(Duration::ZERO, |faults| faults.fail_nth(nth)).await;
    (house, running)
}

#[tokio::test(start_paused = true)]
async fn a_reservation_whose_note_came_late_is_not_said_to_last_longer() {
    for commits in 1..=5 {
        let (house, running) = failing_at(CART_COMMITS + commits).await;
        let buyer = Buyer::new(&running.engine, &house);
        let [cup, pot] = buyer.goods.tracked;
        let cart = buyer.cart(0, "cart", &[(cup, 1), (pot, 1)]).await;
        let id = buyer.start(0, "start", cart).await.unwrap();
        let lasts = buyer.reserved_for(0, id).await;
        assert_eq!(lasts, Some(RESERVATION), "{commits}");
        running.kill().await;
    }
}

/// Where a step is done again after reservations were set to last longer, those of its first time do not.
#[tokio::test(start_paused = true)]
async fn a_checkout_lasts_no_longer_than_what_an_earlier_try_has_reserved() {
    for commits in 1..=5 {
        let (house, running) = failing_at(CART_COMMITS + commits).await;
        let buyer = Buyer::new(&running.engine, &house);
        let [cup, pot] = buyer.goods.tracked;
        let cart = buyer.cart(0, "cart", &[(cup, 1), (pot, 1)]).await;
        let longer = settings::Draft {
            reservation_seconds: Some(10 * RESERVATION.as_secs()),
            ..settings::Draft::default()
        };
        let (started, ()) = tokio::join!(buyer.start(0, "start", cart), async {
            sleep(POLL).await;
            buyer.settings("longer", longer).await;
        });
        let id = started.unwrap();
        let lasts = buyer.reserved_for(0, id).await.unwrap();
        sleep(lasts - Duration::from_secs(5)).await;
        let ended = buyer.complete_checkout(0, "complete", id).await;
        assert_eq!(ended, ORDERED, "{commits}: {lasts:?}");
        running.kill().await;
    }
}

/// Where a step is done again after its stock was let go, its first answer is not taken for what is held.
#[tokio::test(start_paused = true)]
async fn a_unit_that_an_earlier_try_had_reserved_and_lost_is_promised_or_not_sold() {
    for commits in 1..=5 {
        // Both are counted first.
        let (house, running) = failing_at(CART_COMMITS + 2 + commits).await;
        let buyer = Buyer::new(&running.engine, &house);
        let [cup, pot] = buyer.goods.tracked;
        let cart = buyer.cart(0, "cart", &[(cup, 1), (pot, 1)]).await;
        for (key, variant) in [("cup", cup), ("pot", pot)] {
            buyer.count(key, variant, Some(1)).await;
        }
        let (started, ()) = tokio::join!(buyer.start(0, "start", cart), async {
            sleep(POLL).await;
            for (key, variant) in [("no cup", cup), ("no pot", pot)] {
                buyer.count(key, variant, None).await;
            }
        });
        for (key, variant) in [("a cup", cup), ("a pot", pot)] {
            buyer.count(key, variant, Some(1)).await;
        }
        let ended = match started {
            Ok(id) => buyer.complete_checkout(0, "complete", id).await,
            Err(code) => code,
        };
        sleep(OUTAGE).await;
        let sold = u64::from(ended == ORDERED);
        for variant in [cup, pot] {
            let shown = running.engine.stock(variant).await.unwrap().unwrap();
            let item = &shown.state;
            let units = (item.on_hand(), item.reserved(), item.allocated());
            assert_eq!(units, (1, 0, sold), "{commits}: {ended}");
        }
        running.kill().await;
    }
}

/// Disturbs every scenario at each of its commits, until the disturbance comes too late.
async fn each(disturb: impl Fn(u64) -> Disturbance, first: u64) {
    for scenario in ALL {
        let mut commits = match scenario.name == ALL[0].name {
            true => first,
            false => CART_COMMITS,
        };
        while play(scenario, disturb(commits)).await {
            commits += 1;
        }
    }
}
