//! Twice what an engine can do, in calls that come whether or not earlier ones are answered: each is done or refused
//! in time, nothing piles up, and once they stop the engine is as fast as before.

#![expect(clippy::print_stdout, reason = "the figures of a long run are for people")]

use super::{
    ASKS_MAX, CARTS, Most, PATIENCE, PENDING_BYTES_MAX, Pace, REQUEST_TIMEOUT, SYNC, Shop, Told, add,
};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

/// How many seconds the load lasts, unless the environment says otherwise.
const SECONDS: u64 = 4;
const SECONDS_VARIABLE: &str = "CARTWRIGHT_OVERLOAD_SECONDS";
/// How much more is asked for than was done when it was measured.
const TIMES: u32 = 2;
/// For how long what the engine can do is measured.
const MEASURED: Duration = Duration::from_secs(2);
/// How long after the load the engine is as fast as before.
const RECOVERY: Duration = Duration::from_secs(1);
/// How often a time is taken; the shortest counts, so that other work on the machine does not.
const TRIES: usize = 5;
/// Calls at once that an engine with nothing else to do has room for.
const BURST: usize = 4;
/// How many times as long a call may take as before the load, besides another sync.
const SLOWER_MAX: u32 = 2;

/// How fast an engine is that has nothing else to do, and one that is kept busy.
#[derive(Debug)]
struct Speed {
    single: Duration,
    burst: Duration,
    /// What is done in a second.
    capacity: u32,
}

impl Speed {
    async fn of(shop: &Shop, when: &str) -> Self {
        let single = shortest(shop, 1, &format!("{when} alone")).await;
        let burst = shortest(shop, BURST, &format!("{when} at once")).await;
        let capacity = capacity(shop, when).await;
        Self {
            single,
            burst,
            capacity,
        }
    }

    fn check_as_fast_as(&self, before: &Self) {
        let most = |before: Duration| before * SLOWER_MAX + SYNC;
        assert!(self.single <= most(before.single), "{self:?}, before {before:?}");
        assert!(self.burst <= most(before.burst), "{self:?}, before {before:?}");
        assert!(
            before.capacity <= self.capacity * SLOWER_MAX,
            "{self:?}, before {before:?}"
        );
    }
}

/// Returns the shortest time in which so many calls at once are done, each for another cart.
async fn shortest(shop: &Shop, calls: usize, when: &str) -> Duration {
    let mut shortest = Duration::MAX;
    for nth in 0..TRIES {
        let began = Instant::now();
        let mut asked = JoinSet::new();
        for shopper in shop.shoppers.iter().take(calls) {
            let shopper = shopper.clone();
            let key = format!("{when} {nth}");
            asked.spawn(async move { add(&shopper, &key).await.expect(200) });
        }
        asked.join_all().await;
        shortest = shortest.min(began.elapsed());
    }
    shortest
}

/// Returns how much is done in a second when as many ask as may, and ask again as soon as they are answered.
async fn capacity(shop: &Shop, when: &str) -> u32 {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for shopper in shop.shoppers.iter().take(ASKS_MAX) {
        let (shopper, when) = (shopper.clone(), when.to_owned());
        asking.spawn(async move {
            let mut told = Told::default();
            for nth in 0.. {
                if MEASURED <= began.elapsed() {
                    break;
                }
                let answer = add(&shopper, &format!("{when} busy {nth}")).await;
                told.note(&answer);
                if answer.status != 200 {
                    sleep(SYNC / 5).await;
                }
            }
            told.done
        });
    }
    let done: u64 = asking.join_all().await.into_iter().sum();
    let rate = done * 1_000 / u64::try_from(began.elapsed().as_millis()).expect("seconds");
    u32::try_from(rate).expect("a rate of tests").max(1)
}

/// What came of the calls for each cart, the longest that one took, and when no more were made.
struct Load {
    told: [Told; CARTS],
    slowest: Duration,
    ended: Instant,
}

/// Calls so often for so long, whatever is answered, and waits for the answers.
async fn offer(shop: &Shop, per_second: u32, time: Duration) -> Load {
    let (mut told, mut slowest) = ([Told::default(); CARTS], Duration::ZERO);
    let mut note = |(cart, of_one, took): (usize, Told, Duration)| {
        told[cart] += of_one;
        slowest = slowest.max(took);
    };
    let mut asked = JoinSet::new();
    // Calls that are late are made up for at once.
    let mut due = interval(Duration::from_secs(1) / per_second);
    let began = Instant::now();
    for nth in 0_usize.. {
        due.tick().await;
        if time <= began.elapsed() {
            break;
        }
        let cart = nth % CARTS;
        let shopper = shop.shoppers[cart].clone();
        asked.spawn(async move {
            let began = Instant::now();
            let mut told = Told::default();
            told.note(&add(&shopper, &format!("offered {nth}")).await);
            (cart, told, began.elapsed())
        });
        while let Some(answered) = asked.try_join_next() {
            note(answered.expect("a call is answered"));
        }
    }
    let ended = Instant::now();
    let answers = timeout(PATIENCE, asked.join_all()).await;
    for answered in answers.expect("everything is answered") {
        note(answered);
    }
    Load { told, slowest, ended }
}

/// Returns how long the load lasts.
fn time() -> Duration {
    let seconds =
        std::env::var(SECONDS_VARIABLE).map(|seconds| seconds.parse().expect("a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(SECONDS))
}

/// Returns the kilobytes of memory that the process has, where the system tells.
fn resident_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn offered_twice_what_it_can_do_the_engine_does_or_refuses_it_in_time_and_is_as_fast_a_second_later() {
    let shop = Shop::open(PENDING_BYTES_MAX).await;
    shop.disk.set(Pace::Slow);
    let before = Speed::of(&shop, "before").await;
    let resident_before = resident_kb();
    let offered = before.capacity * TIMES;
    let (most, load) = Most::during(&shop.engine, offer(&shop, offered, time())).await;
    let resident_after = resident_kb();
    sleep_until(load.ended + RECOVERY).await;
    let counters = shop.engine.counters();
    assert_eq!((counters.runtime.asks, counters.store.waiting), (0, 0));
    let after = Speed::of(&shop, "after").await;

    let mut sum = Told::default();
    load.told.iter().for_each(|told| sum += *told);
    println!(
        "{offered}/s for {:?}: {sum:?}, the slowest {:?}, {most:?}",
        time(),
        load.slowest
    );
    println!(
        "before {before:?}, after {after:?}, resident {resident_before:?} kB, then {resident_after:?} kB"
    );
    most.check();
    assert_eq!(sum.unclear, 0, "nobody waited for longer than a request may take");
    assert!(load.slowest < REQUEST_TIMEOUT, "{:?}", load.slowest);
    assert!(0 < sum.refused, "it was never too much: {sum:?}");
    let least = u64::from(before.capacity) * time().as_secs() / u64::from(SLOWER_MAX);
    assert!(least <= sum.done, "{sum:?}, but {before:?}");
    after.check_as_fast_as(&before);
    for (units, told) in shop.reopened().await.into_iter().zip(load.told) {
        assert!(told.done < units, "{units} units, {told:?}");
    }
}
