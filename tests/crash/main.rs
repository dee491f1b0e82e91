//! The real binary, killed with SIGKILL under load, again and again: what it acknowledged is there, and the books
//! agree, with the sandbox's own ledger and the mails as witnesses.
//!
//! `CARTWRIGHT_CRASH_CYCLES` says how many kills (10 unless told), `CARTWRIGHT_CRASH_SEED` repeats a run's choices; the
//! moments at which threads meet are not repeated. Sagas are left open over most kills, so that the next process has
//! to go on with them; the books are closed after every fifth kill and at the end.

mod books;
mod dice;
mod shopper;
mod staff;
#[path = "../support/mod.rs"]
mod support;
mod world;

use dice::Dice;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use shopper::Shopper;
use staff::Staff;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Directory, Server, cartwright};
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
/// A process that is killed while it starts lives so long at most, in milliseconds.
const START_MS_MAX: u64 = 400;
/// How long a stopped process is stopped at most, in milliseconds.
const STOP_MS_MAX: u64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_by_a_kill() {
    let cycles = of_environment("CARTWRIGHT_CRASH_CYCLES").unwrap_or(CYCLES_DEFAULT);
    let seed = of_environment("CARTWRIGHT_CRASH_SEED").unwrap_or_else(dice::seed_of_clock);
    note(&format!("crash: {cycles} cycles, CARTWRIGHT_CRASH_SEED={seed}"));
    let mut dice = Dice::new(seed);

    let mut server = Server::fresh();
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
        if dice.one_in(3) {
            hold_up(&server, &mut dice).await;
        }
        let directory = server.kill();
        stop.store(true, Ordering::Relaxed);
        shoppers = Vec::with_capacity(SHOPPERS);
        for task in shopping {
            shoppers.push(task.await.expect("a shopper does not panic"));
        }
        staff = managing.await.expect("staff does not panic");

        for _ in 0..dice.below(3) {
            kill_while_starting(&directory, dice.below(START_MS_MAX)).await;
        }
        server = Server::start(&directory);
        staff.meet(&server);
        staff.clear_up().await;
        for shopper in &mut shoppers {
            shopper.meet(&server);
            shopper.clear_up().await;
        }
        books::check_open(&server, &world, &staff).await;
        if cycle % CYCLES_A_CLOSING == 0 || cycle == cycles {
            let orders = books::close(&server, &world, &staff, &mut shoppers).await;
            note(&format!("crash: {cycle} kills, {orders} orders, the books agree"));
        }
    }
}

#[tokio::test]
async fn killed_during_its_first_starts_it_starts_all_the_same() {
    let seed = of_environment("CARTWRIGHT_CRASH_SEED").unwrap_or_else(dice::seed_of_clock);
    let mut dice = Dice::new(seed);
    let directory = Directory::new();
    for _ in 0..6 {
        kill_while_starting(&directory, dice.below(START_MS_MAX)).await;
    }
    let server = Server::start(&directory);
    let shop = server.shop();
    let method = shop.everywhere().await;
    let cup = shop.variant(250, Some(5)).await;
    let checkout = shop.buy(&shop.guest().await, &method, &[(&cup, 2)]).await;
    assert_eq!(checkout["order"]["number"], json!(1), "seed {seed}");
}

/// Starts a server and kills it a moment later, whatever it has come to.
async fn kill_while_starting(directory: &Directory, after_ms: u64) {
    let mut command: Command = cartwright();
    command.arg("serve").arg("--data").arg(directory.data());
    command.args(["--listen", "127.0.0.1:0"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child: Child = command.spawn().expect("the binary runs");
    sleep(Duration::from_millis(after_ms)).await;
    child.kill().expect("the server can be killed");
    child.wait().expect("the server can be waited for");
}

/// Stops the process in the middle of whatever it does, and lets it go on.
async fn hold_up(server: &Server, dice: &mut Dice) {
    let id = i32::try_from(server.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    kill_process(id, Signal::STOP).expect("the server can be stopped");
    sleep(Duration::from_millis(dice.below(STOP_MS_MAX))).await;
    if dice.one_in(2) {
        kill_process(id, Signal::CONT).expect("the server can go on");
        sleep(Duration::from_millis(dice.below(STOP_MS_MAX))).await;
    }
}

fn of_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is {text}, which is no number")))
}

#[expect(clippy::print_stderr, reason = "the seed of a failing run must be seen")]
fn note(text: &str) {
    eprintln!("{text}");
}
