//! The real binary, killed with SIGKILL under load, again and again: what it acknowledged is there, and the books
//! agree, with the sandbox's own ledger and the mails as witnesses.
//!
//! `CARTWRIGHT_CRASH_CYCLES` says how many kills (10 unless told), `CARTWRIGHT_CRASH_SEED` repeats a run's choices; the
//! moments at which threads meet are not repeated. Sagas are left open over most kills, so that the next process has
//! to go on with them; the books are closed after every fifth kill, and at the end from the first cart and key on.
//!
//! Most processes feed and checkpoint their index without a pause, so that most kills fall among that; after every
//! second kill the next process is killed while it starts, sometimes several times in a row; and once in ten cycles
//! a process is stopped for so long that everything under way runs out, and then has to stand by all it said.
//!
//! Beside it, in `linear.rs`: what concurrent callers are answered around a kill is possible in one order.

mod books;
mod dice;
mod history;
mod linear;
mod process;
mod shopper;
mod staff;
#[path = "../support/mod.rs"]
mod support;
mod world;

use dice::{Dice, of_environment};
use process::{Setup, Tally};
use serde_json::json;
use shopper::{Closed, Shopper};
use staff::Staff;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Directory, Purchase, Server, until};
use tokio::time::sleep;
use world::World;

/// How many kills, unless the environment says otherwise.
const CYCLES_DEFAULT: u64 = 10;
/// Shoppers who are at it at the same time.
const SHOPPERS: usize = 8;
/// After so many kills the books are closed and checked.
const CYCLES_A_CLOSING: u64 = 5;
/// A process lives so long under load, in milliseconds, at most and at least.
const LIFE_MS: (u64, u64) = (100, 1_500);
/// Once in so many cycles, half-way, the process is stopped for long.
const CYCLES_A_STOP: u64 = 10;
/// One process of so many hardly ever feeds its index.
const CYCLES_A_LAZY_ONE: u64 = 5;
/// How long the load goes on after a long stop.
const LIFE_AFTER_STOP: Duration = Duration::from_millis(500);
/// How many processes at most are killed in a row while they start.
const STARTS_KILLED_MAX: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_by_a_kill() {
    let cycles = of_environment("CARTWRIGHT_CRASH_CYCLES").unwrap_or(CYCLES_DEFAULT);
    let seed = seed();
    note(&format!("crash: {cycles} cycles, CARTWRIGHT_CRASH_SEED={seed}"));
    let mut dice = Dice::new(seed);

    let mut tally = Tally::default();
    let mut server = setup_of(1, &mut dice).start(&Directory::new());
    let world = Arc::new(World::furnish(&server.shop()).await);
    let mut staff = Staff::new(&server, &world, dice.fork());
    let mut shoppers = Vec::new();
    for number in 0..SHOPPERS {
        shoppers.push(Shopper::new(&server, &world, number, dice.fork()).await);
    }

    for cycle in 1..=cycles {
        let stop = Arc::new(AtomicBool::new(false));
        let shopping: Vec<_> = shoppers
            .into_iter()
            .map(|shopper| tokio::spawn(shopper.shop_until(Arc::clone(&stop))))
            .collect();
        let managing = tokio::spawn(staff.manage_until(Arc::clone(&stop)));

        let (shortest, longest) = LIFE_MS;
        sleep(Duration::from_millis(dice.between(shortest, longest))).await;
        let left = if is_stopped_in(cycle) {
            process::stop_for_long(&server, &mut tally).await;
            sleep(LIFE_AFTER_STOP).await;
            Left::Server(server)
        } else {
            if dice.one_in(3) {
                process::hold_up(&server, &mut dice).await;
            }
            Left::Directory(process::kill(server, &mut tally))
        };
        stop.store(true, Ordering::Relaxed);
        shoppers = Vec::with_capacity(SHOPPERS);
        for task in shopping {
            shoppers.push(task.await.expect("a shopper does not panic"));
        }
        staff = managing.await.expect("staff does not panic");

        let directory = match left {
            Left::Directory(directory) => directory,
            Left::Server(server) => {
                staff.clear_up().await;
                for shopper in &mut shoppers {
                    shopper.clear_up().await;
                }
                books::check_open(&server, &world, &staff).await;
                process::kill(server, &mut tally)
            }
        };
        if dice.one_in(2) {
            for _ in 0..dice.between(1, STARTS_KILLED_MAX) {
                let setup = Setup::eager(&mut dice);
                setup.kill_while_starting(&directory, &mut dice, &mut tally).await;
            }
        }
        server = setup_of(cycle + 1, &mut dice).start(&directory);
        staff.meet(&server);
        staff.clear_up().await;
        for shopper in &mut shoppers {
            shopper.meet(&server);
            shopper.clear_up().await;
        }
        books::check_open(&server, &world, &staff).await;
        let is_last = cycle == cycles;
        if is_last {
            for shopper in &mut shoppers {
                shopper.closed = Closed::default();
            }
        }
        if cycle % CYCLES_A_CLOSING == 0 || is_last {
            let orders = books::close(&server, &world, &staff, &mut shoppers).await;
            note(&format!(
                "crash: {orders} orders, the books agree after {tally:?}"
            ));
        }
    }
    let is_short = cycles < CYCLES_A_LAZY_ONE;
    assert!(is_short || 0 < tally.among_checkpoints, "{tally:?}");
}

/// What a cycle leaves of its process.
enum Left {
    /// It goes on, after a long stop.
    Server(Server),
    /// It was killed.
    Directory(Directory),
}

fn is_stopped_in(cycle: u64) -> bool {
    cycle % CYCLES_A_STOP == CYCLES_A_STOP / 2
}

fn setup_of(cycle: u64, dice: &mut Dice) -> Setup {
    if is_stopped_in(cycle) {
        return Setup::eager(dice).hasty();
    }
    if cycle % CYCLES_A_LAZY_ONE == CYCLES_A_LAZY_ONE - 1 {
        return Setup::lazy();
    }
    Setup::eager(dice)
}

#[tokio::test]
async fn a_stop_for_long_lets_go_of_no_stock_that_is_being_paid() {
    let seed = seed();
    note(&format!("crash: a long stop, CARTWRIGHT_CRASH_SEED={seed}"));
    let mut tally = Tally::default();
    let setup = Setup::eager(&mut Dice::new(seed)).hasty();
    let server = setup.start(&Directory::new());
    let shop = server.shop();
    shop.settings(json!({ "reservation_seconds": 2, "checkout_seconds": 60, "provider_seconds": 1 }))
        .await;
    let method = shop.everywhere().await;
    let last = shop.variant(250, Some(1)).await;
    let (first, second) = (shop.guest().await, shop.guest().await);
    let cart = shop.ready_cart(&first, &method, &[(&last, 1)]).await;
    let other = shop.ready_cart(&second, &method, &[(&last, 1)]).await;
    let late = Purchase {
        key: "late",
        token: "tok_late",
    };
    let hasty = Purchase {
        key: "hasty",
        token: "tok_approve",
    };

    let paying = {
        let (shop, first, cart, late) = (shop.clone(), first.clone(), cart.clone(), late.clone());
        tokio::spawn(async move { shop.complete(&first, &cart, &late).await })
    };
    until("the provider is asked", async || {
        (!server.ledger().entries.is_empty()).then_some(())
    })
    .await;
    process::stop_for_long(&server, &mut tally).await;

    let beaten = shop.complete(&second, &other, &hasty).await;
    assert_eq!(
        (beaten.status, beaten.json["order"].is_null()),
        (409, true),
        "{}",
        beaten.text
    );
    let paid = paying.await.expect("the purchase is answered");
    assert!([200, 202, 503, 504].contains(&paid.status), "{}", paid.text);
    let order = until("the purchase comes to an order", async || {
        let answer = shop.complete(&first, &cart, &late).await;
        (answer.status == 200).then(|| answer.json["order"].clone())
    })
    .await;
    assert_eq!(order["number"], json!(1));
    assert_eq!(shop.units(&last).await, (1, 0, 1));
    let ledger = server.ledger();
    let [charge] = ledger.payments.as_slice() else {
        panic!("one charge: {ledger:?}");
    };
    assert!(!charge.voided && charge.captured.amount == 250, "{charge:?}");
}

#[tokio::test]
async fn killed_during_its_first_starts_it_starts_all_the_same() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let directory = Directory::new();
    let mut tally = Tally::default();
    for _ in 0..6 {
        let setup = Setup::eager(&mut dice);
        setup.kill_while_starting(&directory, &mut dice, &mut tally).await;
    }
    let server = Server::start(&directory);
    let shop = server.shop();
    let method = shop.everywhere().await;
    let cup = shop.variant(250, Some(5)).await;
    let checkout = shop.buy(&shop.guest().await, &method, &[(&cup, 2)]).await;
    assert_eq!(checkout["order"]["number"], json!(1), "seed {seed}");
}

/// The seed by which a run repeats the choices of another.
fn seed() -> u64 {
    of_environment("CARTWRIGHT_CRASH_SEED").unwrap_or_else(dice::seed_of_clock)
}

#[expect(clippy::print_stderr, reason = "the seed of a failing run must be seen")]
fn note(text: &str) {
    eprintln!("{text}");
}
