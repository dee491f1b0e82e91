//! A disk that is slow, or stands still, under an engine that is asked for more than it can write: what has no room is
//! refused at once, what is acknowledged is there, and what waits stays within its bounds.

mod abandoned;
mod conditions;
mod covered;
mod overload;
mod tracked;

use crate::edge::serve;
use crate::support::{Answer, Client, id_of, pence};
use cartwright_actors::runtime::{EntityOptions, RuntimeOptions};
use cartwright_actors::{Engine, Parts};
use cartwright_domain::Timestamp;
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_gateways::tax;
use cartwright_http::layer;
use cartwright_storage::{Disk, DiskCall, Options, SledStore, WatchedDisk};
use futures::future::join_all;
use serde_json::json;
use std::ops::AddAssign;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep, timeout};

/// What a sync takes.
const SYNC: Duration = Duration::from_millis(50);
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// What a machine with other work may need to hand over an answer.
const GRACE: Duration = Duration::from_secs(20);
/// How long a condition may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The bounds, small enough to be met.
const WAITING_MAX: u64 = 8;
const ASKS_MAX: usize = 24;
const MAILBOX_MAX: usize = 2;
const PENDING_BYTES_MAX: u64 = 32 * 1024;
/// The most that a group may add to what is pending when there is room: a commit of each cart that may wait.
const GROUP_BYTES: u64 = 32 * 1024;
/// More than these tests write.
const PENDING_BYTES_PLENTY: u64 = 64 * 1024 * 1024;
const CARTS: usize = 40;
/// Shoppers of each cart, who ask at the same time.
const SHOPPERS: usize = 3;
const ADDS: usize = 12;
/// How often an engine is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How a disk syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Fast,
    Slow,
    Stopped,
}

/// The machine's disk, whose syncs take as long as a test wants.
#[derive(Clone)]
struct Paced(Arc<(Mutex<Pace>, Condvar)>);

impl Paced {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(Pace::Fast), Condvar::new())))
    }

    fn set(&self, pace: Pace) {
        let (held, changed) = &*self.0;
        *held.lock().unwrap_or_else(PoisonError::into_inner) = pace;
        changed.notify_all();
    }

    /// Returns the disk that syncs at this pace.
    fn disk(&self) -> Arc<dyn Disk> {
        let pace = self.clone();
        WatchedDisk::by(move |call, _| {
            match call {
                DiskCall::SyncData | DiskCall::SyncAll | DiskCall::SyncDirectory => pace.sync(),
                DiskCall::Rename => {}
            }
            Ok(())
        })
    }

    fn sync(&self) {
        let (held, changed) = &*self.0;
        let held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = changed
            .wait_while(held, |pace| *pace == Pace::Stopped)
            .unwrap_or_else(PoisonError::into_inner);
        let is_slow = *held == Pace::Slow;
        drop(held);
        if is_slow {
            std::thread::sleep(SYNC);
        }
    }
}

/// A shop on a paced disk, whose carts are open.
struct Shop {
    disk: Paced,
    engine: Engine,
    staff: Client,
    shoppers: Vec<Client>,
    /// Removed once the engine has ended.
    home: TempDir,
}

impl Drop for Shop {
    /// Ends the engine: sagas have commits left to write when their test is over, and a store whose journal is removed then
    /// ends the process.
    fn drop(&mut self) {
        self.disk.set(Pace::Fast);
        let ended = self.engine.shutdown(Instant::now() + PATIENCE);
        // Where the test has ended it already nothing comes of it.
        let _ = block_in_place(|| Handle::current().block_on(ended));
    }
}

async fn engine(home: &Path, disk: Arc<dyn Disk>, pending_bytes_max: u64, mailbox_max: usize) -> Engine {
    let options = Options {
        disk,
        segment_bytes: 1024 * 1024,
        waiting_max: WAITING_MAX,
        pending_bytes_max,
        runtime: Some(Handle::current()),
        // Only its bytes make the index be told.
        index_after: Duration::from_secs(3_600),
        ..Options::default()
    };
    let (store, _) = SledStore::open(home.join("data"), &options).expect("the store opens");
    let ledger = home.join("ledger.jsonl");
    let payments = Sandbox::open(&ledger, sandbox::Config::default()).expect("the ledger opens");
    let mailer = Folder::open(home.join("mail"), "shop@example.com").expect("the folder opens");
    let parts = Parts {
        store: Arc::new(store),
        carrier: Arc::new(Fake::new(Arc::new(Timestamp::default))),
        tax_calculator: Arc::new(tax::Fake),
        payments: Arc::new(payments),
        mailer: Arc::new(mailer),
        runtime: RuntimeOptions {
            asks_max: ASKS_MAX,
            ..RuntimeOptions::default()
        },
        entities: EntityOptions {
            mailbox_max,
            ..EntityOptions::default()
        },
    };
    Engine::start(parts).await.expect("the engine starts")
}

fn options() -> layer::Options {
    layer::Options {
        request_timeout: REQUEST_TIMEOUT,
        ..layer::Options::default()
    }
}

impl Shop {
    async fn open(pending_bytes_max: u64) -> Self {
        Self::open_with(pending_bytes_max, MAILBOX_MAX).await
    }

    async fn open_with(pending_bytes_max: u64, mailbox_max: usize) -> Self {
        let (home, disk) = (tempfile::tempdir().expect("a directory"), Paced::new());
        let engine = engine(home.path(), disk.disk(), pending_bytes_max, mailbox_max).await;
        let (url, token) = serve(engine.clone(), home.path(), &options()).await;
        let guest = Client::new(&url);
        let product = json!({
            "title": "Cup", "status": "active", "variants": [{"sku": "CUP", "price": pence(255)}],
        });
        let staff = guest.clone().with_token(&token);
        let made = patiently(|| staff.post("/admin/products", product.clone()).send());
        made.await.expect(201);
        let mut shoppers = Vec::new();
        for _ in 0..CARTS {
            let shopper = guest.stranger();
            patiently(|| shopper.post("/session", json!({})).send())
                .await
                .expect(201);
            patiently(|| add(&shopper, "first")).await.expect(200);
            shoppers.push(shopper);
        }
        Self {
            home,
            disk,
            engine,
            staff,
            shoppers,
        }
    }

    /// Waits until the store wants no more.
    async fn until_busy(&self) {
        let busy = async {
            while self.engine.admit().is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, busy)
            .await
            .expect("the store says that it is full");
    }

    /// Ends the engine, and starts another on the same files and a disk that does not wait.
    async fn restarted(self) -> Self {
        self.engine
            .shutdown(Instant::now() + PATIENCE)
            .await
            .expect("the store closes");
        // The server of the old engine still holds its directory.
        let (home, disk) = (tempfile::tempdir().expect("a directory"), Paced::new());
        copy(self.home.path(), home.path());
        let engine = engine(home.path(), disk.disk(), PENDING_BYTES_PLENTY, MAILBOX_MAX).await;
        let (url, token) = serve(engine.clone(), home.path(), &options()).await;
        let shoppers = self.shoppers.iter().map(|shopper| shopper.at(&url)).collect();
        Self {
            home,
            disk,
            engine,
            staff: self.staff.at(&url).with_token(&token),
            shoppers,
        }
    }

    /// Starts another engine on the same files, and returns the units in each cart.
    async fn reopened(self) -> Vec<u64> {
        let again = self.restarted().await;
        let mut units = Vec::new();
        for shopper in &again.shoppers {
            units.push(units_of(shopper).await);
        }
        units
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            std::fs::create_dir(&target).expect("a directory");
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Asks until there is room: to open all carts takes more than a small store has for what is not in the index yet.
async fn patiently<F: Future<Output = Answer>>(ask: impl Fn() -> F) -> Answer {
    let answered = async {
        loop {
            let answer = ask().await;
            if answer.status != 503 {
                return answer;
            }
            sleep(SYNC).await;
        }
    };
    timeout(PATIENCE, answered)
        .await
        .expect("there is room in the end")
}

/// Adds a unit to the shopper's cart.
async fn add(shopper: &Client, key: &str) -> Answer {
    let line = json!({"sku": "CUP", "quantity": 1});
    let asked = Instant::now();
    let call = shopper.post("/carts/current/lines", line).key(key);
    let answer = call.send().await;
    let took = asked.elapsed();
    assert!(took < REQUEST_TIMEOUT + GRACE, "an answer took {took:?}");
    answer
}

async fn units_of(shopper: &Client) -> u64 {
    let cart = shopper.get("/carts/current").ok(200).await;
    let lines = cart["lines"].as_array().expect("a cart has lines").iter();
    lines
        .map(|line| line["quantity"].as_u64().unwrap_or_default())
        .sum()
}

/// Checks a refusal for want of room, which says when to come again.
fn check_refused(answer: &Answer, status: u16, code: &str) {
    let again = answer
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok());
    assert!(again.is_some_and(|seconds: u64| 0 < seconds), "{answer:?}");
    answer.clone().expect_refused(status, code);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_stands_still_what_has_no_room_is_refused_and_what_has_waits() {
    let shop = Shop::open(PENDING_BYTES_PLENTY).await;
    shop.disk.set(Pace::Stopped);
    let waiting = usize::try_from(WAITING_MAX).expect("a few");
    let (inside, outside) = shop.shoppers.split_at(waiting);
    let asked = inside
        .iter()
        .cloned()
        .map(|shopper| tokio::spawn(async move { add(&shopper, "second").await }));
    let asked: Vec<_> = asked.collect();
    shop.until_busy().await;
    for shopper in outside {
        check_refused(&add(shopper, "second").await, 503, "engine.overloaded");
        assert_eq!(units_of(shopper).await, 1, "what is there can be read");
    }
    assert_eq!(shop.engine.counters().store.waiting, WAITING_MAX);
    assert!(
        asked.iter().all(|asked| !asked.is_finished()),
        "nobody is told before the sync"
    );
    shop.disk.set(Pace::Fast);
    for answer in asked {
        answer.await.expect("an answer").expect(200);
    }
    for shopper in outside {
        add(shopper, "second").await.expect(200);
    }
    assert_eq!(shop.reopened().await, vec![2; CARTS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_waits_for_the_disk_takes_no_more_than_its_mailbox_holds() {
    let shop = Shop::open(PENDING_BYTES_PLENTY).await;
    shop.disk.set(Pace::Stopped);
    let shopper = &shop.shoppers[0];
    let asked = (0..MAILBOX_MAX * 4).map(|nth| {
        let shopper = shopper.clone();
        tokio::spawn(async move { add(&shopper, &format!("at once {nth}")).await })
    });
    let asked: Vec<_> = asked.collect();
    let refused = async {
        while asked.iter().filter(|asked| !asked.is_finished()).count() > MAILBOX_MAX + 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("all others are refused");
    shop.disk.set(Pace::Fast);
    let mut done = 0;
    for answer in asked {
        let answer = answer.await.expect("an answer");
        match answer.status {
            200 => done += 1,
            _ => check_refused(&answer, 429, "engine.entity_busy"),
        }
    }
    assert!(0 < done && done <= MAILBOX_MAX as u64 + 1, "{done} are done");
    assert_eq!(units_of(shopper).await, 1 + done);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_wait_for_one_commit_are_told_its_state_and_their_own_line() {
    let shop = Shop::open_with(PENDING_BYTES_PLENTY, ASKS_MAX).await;
    let shopper = &shop.shoppers[0];
    let asks = async |wanted: usize| {
        let at_work = async {
            while shop.engine.counters().runtime.asks < wanted {
                sleep(LOOK).await;
            }
            // The last one counts as at work a moment before it waits.
            sleep(SYNC).await;
        };
        timeout(PATIENCE, at_work).await.expect("all are at work");
    };
    let asked = |engraved: &'static str| {
        let line = json!({"sku": "CUP", "quantity": 1, "custom_fields": { "engraved": engraved }});
        let call = shopper.clone();
        tokio::spawn(async move { call.post("/carts/current/lines", line).minimal().send().await })
    };
    shop.disk.set(Pace::Stopped);
    let first = asked("first");
    asks(1).await;
    let others: Vec<_> = ["a", "b", "a", "a", "b", "a", "b", "b"]
        .map(|engraved| (engraved, asked(engraved)))
        .into();
    asks(1 + others.len()).await;
    shop.disk.set(Pace::Fast);
    let version = first.await.expect("an answer").expect(200)["version"].clone();
    let whole = |answer: &serde_json::Value| (answer["version"].as_u64(), answer["totals"]["units"].clone());
    let mut told = Vec::new();
    for (engraved, answer) in others {
        let answer = answer.await.expect("an answer").expect(200);
        assert_eq!(answer["line"]["custom_fields"]["engraved"], engraved);
        assert_eq!(answer["line"]["quantity"], 4);
        told.push(whole(&answer));
    }
    let cart = shopper.get("/carts/current").ok(200).await;
    assert_eq!(told, vec![whole(&cart); told.len()], "they shared a commit");
    assert_eq!(
        cart["version"].as_u64(),
        version.as_u64().map(|version| version + 8)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_the_disk_is_answered_at_its_deadline_and_done_once() {
    let shop = Shop::open(PENDING_BYTES_PLENTY).await;
    let shopper = &shop.shoppers[0];
    shop.disk.set(Pace::Stopped);
    let waits = add(shopper, "second").await;
    assert_eq!(waits.status, 504, "{waits:?}");
    shop.disk.set(Pace::Fast);
    add(shopper, "second").await.expect(200);
    assert_eq!(units_of(shopper).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_delete_is_deleted_though_they_hang_up_while_the_disk_stands_still() {
    let shop = Shop::open(PENDING_BYTES_PLENTY).await;
    let ten = json!({ "name": "Ten", "actions": [{ "type": "order", "percentage": "0.1" }] });
    let made = shop.staff.post("/admin/promotions", ten).ok(201).await;
    let promotion = format!("/admin/promotions/{}", id_of(&made));
    shop.disk.set(Pace::Stopped);
    let deletion = shop.staff.delete(&promotion);
    assert!(
        timeout(2 * SYNC, deletion.send()).await.is_err(),
        "the disk stands still"
    );
    sleep(2 * SYNC).await;
    shop.disk.set(Pace::Fast);
    let gone = async {
        while shop.staff.get(&promotion).send().await.status != 404 {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_make_of_several_commits_is_whole_though_their_time_is_over_in_the_middle() {
    let shop = Shop::open(PENDING_BYTES_PLENTY).await;
    shop.disk.set(Pace::Stopped);
    let variant = |at| json!({ "sku": format!("PART-{at}"), "price": pence(100) });
    let variants: Vec<_> = (0..4).map(variant).collect();
    let product = json!({ "title": "Of parts", "status": "active", "variants": variants });
    let late = shop.staff.post("/admin/products", product).send().await;
    assert_eq!(late.status, 504);
    shop.disk.set(Pace::Slow);
    let whole = async {
        loop {
            let products = shop.staff.get("/admin/products").ok(200).await;
            let items = products["items"].as_array().cloned().unwrap_or_default();
            let made = items.into_iter().find(|product| product["title"] == "Of parts");
            if made.is_some_and(|made| made["variants"].as_array().is_some_and(|all| all.len() == 4)) {
                return;
            }
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, whole).await.expect("it gets all its parts");
}

/// What was seen to wait at most.
#[derive(Debug, Default)]
struct Most {
    asks: usize,
    waiting: u64,
    pending_bytes: u64,
    is_busy: bool,
}

impl Most {
    /// Watches an engine until the work on it is over.
    async fn during<T>(engine: &Engine, work: impl Future<Output = T>) -> (Self, T) {
        let (mut most, mut work) = (Self::default(), pin!(work));
        loop {
            most.look(engine);
            if let Ok(done) = timeout(LOOK, &mut work).await {
                return (most, done);
            }
        }
    }

    fn look(&mut self, engine: &Engine) {
        let counters = engine.counters();
        self.asks = self.asks.max(counters.runtime.asks);
        self.waiting = self.waiting.max(counters.store.waiting);
        self.pending_bytes = self.pending_bytes.max(counters.store.pending_bytes);
        self.is_busy |= engine.admit().is_err();
    }

    /// Checks that nothing was over its bound.
    fn check(&self) {
        // Whoever is being refused counts for an instant.
        let asks_max = ASKS_MAX + std::thread::available_parallelism().map_or(1, usize::from);
        assert!(self.asks <= asks_max, "{self:?}");
        assert!(self.waiting <= WAITING_MAX + ASKS_MAX as u64, "{self:?}");
        assert!(self.pending_bytes <= PENDING_BYTES_MAX + GROUP_BYTES, "{self:?}");
    }
}

/// What came of the requests for one cart.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    done: u64,
    refused: u64,
    /// Nobody knows whether it was done.
    unclear: u64,
}

impl Told {
    fn note(&mut self, answer: &Answer) {
        match answer.status {
            200 => self.done += 1,
            503 => {
                check_refused(answer, 503, "engine.overloaded");
                self.refused += 1;
            }
            429 => {
                check_refused(answer, 429, "engine.entity_busy");
                self.refused += 1;
            }
            504 => self.unclear += 1,
            status => panic!("{status}: {answer:?}"),
        }
    }
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.refused += other.refused;
        self.unclear += other.unclear;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_for_more_than_a_slow_disk_takes_the_engine_stays_within_its_bounds_and_loses_nothing() {
    let shop = Shop::open(PENDING_BYTES_MAX).await;
    shop.disk.set(Pace::Slow);
    let asked = shop.shoppers.iter().enumerate().flat_map(|(cart, shopper)| {
        (0..SHOPPERS).map(move |nth| {
            let shopper = shopper.clone();
            tokio::spawn(async move { (cart, ask_often(&shopper, nth).await) })
        })
    });
    let asked: Vec<_> = asked.collect();
    let (most, of_each) = Most::during(&shop.engine, join_all(asked)).await;
    let mut told = [Told::default(); CARTS];
    for asked in of_each {
        let (cart, of_one) = asked.expect("a shopper is answered");
        told[cart] += of_one;
    }
    most.check();
    assert!(most.is_busy, "the store was never full: {most:?}");
    assert!(told.iter().any(|told| 0 < told.done), "{told:?}");
    assert!(told.iter().any(|told| 0 < told.refused), "{told:?}");
    for (units, told) in shop.reopened().await.into_iter().zip(told) {
        let least = 1 + told.done;
        assert!(
            least <= units && units <= least + told.unclear,
            "{units} units, {told:?}"
        );
    }
}

/// Asks again and again, and sooner than one is told to.
async fn ask_often(shopper: &Client, nth: usize) -> Told {
    let mut told = Told::default();
    for add_nth in 0..ADDS {
        let answer = add(shopper, &format!("{nth}-{add_nth}")).await;
        told.note(&answer);
        if answer.status != 200 {
            sleep(SYNC).await;
        }
    }
    told
}
