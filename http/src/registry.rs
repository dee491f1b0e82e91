//! What is alive in the engine, for staff. What counts up counts since the start of the process.

use crate::answer::{Answer, Answered};
use crate::extract::StaffOnly;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::engine::Counters;
use cartwright_actors::runtime::{KindCounters, SagaCounters, StepAge, SubscriberCounters};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(admin_show_actors))
}

/// Shows what is alive and at work: entities by kind, sagas, subscribers, the store.
#[utoipa::path(
    get, path = "/api/v1/admin/actors", tag = "admin: registry",
    responses((status = OK, description = "The counters, since the start.", body = Registry)),
)]
async fn admin_show_actors(
    State(engine): State<Engine>,
    State(usage): State<ReadUsage>,
    _: StaffOnly,
) -> Answered<Registry> {
    Ok(Answer::plain(Registry::of(engine.counters(), usage())))
}

/// What the process uses, as the operating system counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProcessUsage {
    /// The process' number.
    pub id: u32,
    /// Processor time spent in its own code, in milliseconds.
    pub user_ms: u64,
    /// Processor time spent for it in the system, in milliseconds.
    pub system_ms: u64,
    /// Memory it holds.
    pub resident_bytes: u64,
    /// Bytes it had written to disk.
    pub write_bytes: u64,
}

/// Reads what the process uses. The composition root knows how.
pub type ReadUsage = Arc<dyn Fn() -> ProcessUsage + Send + Sync>;

/// What is alive and at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Registry {
    /// One for each kind of entity.
    kinds: Vec<KindCount>,
    /// The checkouts at work.
    checkouts: SagaCount,
    /// The cancellations at work.
    cancellations: SagaCount,
    /// Who follows the committed facts.
    subscribers: Vec<SubscriberCount>,
    /// The runtime as a whole.
    runtime: RuntimeCount,
    /// The store.
    store: StoreCount,
    /// The process.
    process: ProcessUsage,
}

/// The entities of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct KindCount {
    /// Which kind.
    #[schema(example = "cart")]
    kind: &'static str,
    /// Entities with an actor.
    resident: usize,
    /// Sleeping entities whose state is in memory.
    resting: usize,
    /// Actors started.
    activations: u64,
    /// Actors that went to sleep.
    passivations: u64,
    /// Actors that crashed.
    restarts: u64,
    /// Entities set aside because they keep failing.
    quarantined: usize,
    /// Commits accepted.
    commits: u64,
    /// Changing commands in them.
    changes: u64,
    /// Refusals of every sort.
    refused: u64,
    /// Commands waiting in mailboxes.
    mailbox_depth: usize,
}

/// The sagas of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SagaCount {
    /// Sagas at work.
    open: usize,
    /// Sagas that ended.
    ended: u64,
    /// Steps that had to be done again.
    retries: u64,
    /// Those of them of which there was no way back, as behind the placing of an order, and sagas that could not be read; the
    /// log has an alarm for each.
    alarms: u64,
    /// Runners that crashed.
    restarts: u64,
    /// Where the open ones stand.
    steps: Vec<SagaStep>,
}

/// How many sagas stand at a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SagaStep {
    /// The step's name.
    #[schema(example = "authorize_payment")]
    step: &'static str,
    /// How many.
    sagas: usize,
    /// How long the oldest has stood there, in milliseconds.
    oldest_ms: u64,
}

/// A subscriber of committed facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct SubscriberCount {
    /// Its name.
    name: &'static str,
    /// Up to where it has handled facts, in the order of commits.
    position: u64,
    /// Facts handled.
    delivered: u64,
    /// Failures.
    failed: u64,
    /// Facts given up.
    dead: usize,
}

/// The runtime as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct RuntimeCount {
    /// Callers' commands at work.
    asks: usize,
    /// Commands refused because too much was waiting.
    shed: u64,
    /// Timers that fired.
    timers_fired: u64,
    /// Due timers that wait for an entity which crashed or is set aside.
    timers_parked: usize,
    /// Tasks at work.
    tasks: usize,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct StoreCount {
    /// The last durable commit's place in the order of commits.
    synced: u64,
    /// The last place the index holds.
    applied: u64,
    /// Groups of commits synced.
    groups: u64,
    /// Bytes of those groups in the journal.
    journal_bytes: u64,
    /// Zeros written ahead of those groups.
    zeroed_bytes: u64,
    /// Commits accepted.
    commits: u64,
    /// Bytes of the snapshots they put.
    snapshot_bytes: u64,
    /// Bytes of newest states that the index does not hold yet.
    pending_bytes: u64,
    /// Commits submitted and not yet decided.
    waiting: u64,
}

impl Registry {
    fn of(counters: Counters, process: ProcessUsage) -> Self {
        let (runtime, store) = (counters.runtime, counters.store);
        Self {
            kinds: counters.kinds.iter().map(KindCount::from).collect(),
            checkouts: SagaCount::from(&counters.checkouts),
            cancellations: SagaCount::from(&counters.cancellations),
            subscribers: counters.subscribers.iter().map(SubscriberCount::from).collect(),
            runtime: RuntimeCount {
                asks: runtime.asks,
                shed: runtime.shed,
                timers_fired: runtime.timers_fired,
                timers_parked: runtime.timers_parked,
                tasks: runtime.tasks,
            },
            store: StoreCount {
                synced: store.synced.0,
                applied: store.applied.0,
                groups: store.groups,
                journal_bytes: store.journal_bytes,
                zeroed_bytes: store.zeroed_bytes,
                commits: store.commits,
                snapshot_bytes: store.snapshot_bytes,
                pending_bytes: store.pending_bytes,
                waiting: store.waiting,
            },
            process,
        }
    }
}

impl From<&KindCounters> for KindCount {
    fn from(counters: &KindCounters) -> Self {
        Self {
            kind: counters.kind.name(),
            resident: counters.resident,
            resting: counters.resting,
            activations: counters.activations,
            passivations: counters.passivations,
            restarts: counters.restarts,
            quarantined: counters.quarantined,
            commits: counters.commits,
            changes: counters.changes,
            refused: counters.refused,
            mailbox_depth: counters.mailbox_depth,
        }
    }
}

impl From<&SagaCounters> for SagaCount {
    fn from(counters: &SagaCounters) -> Self {
        Self {
            open: counters.open,
            ended: counters.ended,
            retries: counters.retries,
            alarms: counters.alarms,
            restarts: counters.restarts,
            steps: counters.steps.iter().map(SagaStep::from).collect(),
        }
    }
}

impl From<&StepAge> for SagaStep {
    fn from(age: &StepAge) -> Self {
        Self {
            step: age.step,
            sagas: age.sagas,
            oldest_ms: u64::try_from(age.oldest.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl From<&SubscriberCounters> for SubscriberCount {
    fn from(counters: &SubscriberCounters) -> Self {
        Self {
            name: counters.name,
            position: counters.position.0,
            delivered: counters.delivered,
            failed: counters.failed,
            dead: counters.dead.len(),
        }
    }
}
