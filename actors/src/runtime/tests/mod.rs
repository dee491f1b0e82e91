//! The machine under a toy entity, in paused time, over a store that can be held, failed and cut off.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod commits;
mod crashes;
mod keys;
mod reads;
mod relays;
mod sagas;
mod steps;
mod store;
mod timers;
mod toy;
mod trip;

use crate::runtime::{Answer, Ask, AskError, Entities, EntityOptions, Runtime, RuntimeOptions};
use cartwright_domain::{Caller, Command, Listing, Problem, Seed};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::TestStore;
use tokio::time::Instant;
use toy::{Open, Toy, ToyError, ToyId, add};

/// How long a test's caller waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with toys.
struct Bench {
    store: TestStore,
    runtime: Runtime,
    toys: Entities<Toy>,
}

type Answered<R> = Result<Answer<R, Toy>, AskError<ToyError>>;

impl Bench {
    fn new() -> Self {
        Self::on(&TestStore::new(), EntityOptions::default())
    }

    fn on(store: &TestStore, options: EntityOptions) -> Self {
        Self::with(store, options, RuntimeOptions::default())
    }

    fn with(store: &TestStore, options: EntityOptions, runtime: RuntimeOptions) -> Self {
        let store = store.restarted();
        let runtime = Runtime::start(Arc::new(store.clone()), runtime).unwrap();
        // The store in memory keeps its fences over what stands for a restart.
        runtime
            .inner
            .incarnations
            .store(store.restarts() * 1_000_000, Ordering::Relaxed);
        let toys = Entities::new(&runtime, options);
        Self { store, runtime, toys }
    }

    /// Begins again on what is durable, as after a kill.
    async fn restart(self) -> Self {
        self.store.cut_off();
        self.runtime.shutdown(Instant::now()).await;
        Self::on(&self.store, EntityOptions::default())
    }

    async fn open(&self, n: u128) -> ToyId {
        let id = toy_id(n);
        self.toys.create(id, Open::default(), ask()).await.unwrap();
        id
    }

    async fn tell<C: Command<Toy>>(&self, id: ToyId, command: C) -> Answered<C::Reply> {
        self.toys.ask(id, command, ask()).await
    }

    async fn total(&self, id: ToyId) -> Option<i64> {
        self.toys.read(id).await.unwrap().map(|toy| toy.state.total)
    }

    async fn revision(&self, id: ToyId) -> u64 {
        self.toys.read(id).await.unwrap().map_or(0, |toy| toy.revision.0)
    }

    /// Waits until the entity's actor has gone to sleep.
    async fn sleep(&self) {
        while 0 < self.toys.counters().resident {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

fn toy_id(n: u128) -> ToyId {
    ToyId(uuid::Uuid::from_u128(n))
}

fn caller() -> Arc<Caller> {
    Arc::new(Caller::of_session(cartwright_domain::id::SessionId(
        uuid::Uuid::from_u128(77),
    )))
}

fn ask() -> Ask {
    Ask::external(caller(), Seed(uuid::Uuid::new_v4()), Instant::now() + PATIENCE)
}

/// Returns the code with which an ask was refused.
fn code<R: std::fmt::Debug>(answer: Answered<R>) -> String {
    Problem::from(answer.unwrap_err()).code
}

/// Lets everything that is ready run.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

fn roster_options() -> EntityOptions {
    EntityOptions {
        roster: Some(Listing::Toy),
        ..EntityOptions::default()
    }
}
