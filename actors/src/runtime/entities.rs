//! The entities of one kind: create, ask, read, list.

use crate::runtime::ask::{Answer, Ask, AskError};
use crate::runtime::core::{KindHandle, Runtime};
use crate::runtime::envelope::{
    CommandJob, CreateJob, Job, Letter, RETRY_AFTER, Reply, Sent, Told, decode_outcome,
};
use crate::runtime::exchange::Exchanged;
use crate::runtime::kind::KindShared;
use crate::runtime::published::{Page, Published};
use cartwright_domain::{Command, Create, Entity, EntityId, Existing, Kind, Listing, Timestamp};
use cartwright_storage::{Fault, Listed, Position, Receipt, ReceiptKey, Scan};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a step's receipt is looked up again before the asker is told to retry.
const LOOK_UPS_MAX: usize = 8;

/// The limits of one kind.
#[derive(Clone, Debug)]
pub struct EntityOptions {
    /// How long an entity stays in memory without being asked or read; its actor goes to rest after a quarter of it.
    pub idle: Duration,
    /// How many stay in memory; over it the longest idle go.
    pub resident_max: usize,
    /// How many commands may wait for one entity; more external ones are shed.
    pub mailbox_max: usize,
    /// For kinds of which every quote needs all: the listing that has every entity.
    pub roster: Option<Listing>,
}

impl Default for EntityOptions {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(5 * 60),
            resident_max: 50_000,
            mailbox_max: 1_024,
            roster: None,
        }
    }
}

/// What the entities of one kind do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindCounters {
    /// Which kind.
    pub kind: Kind,
    /// Entities with an actor.
    pub resident: usize,
    /// Sleeping entities whose state is in memory.
    pub resting: usize,
    /// Actors started.
    pub activations: u64,
    /// Actors that went to rest.
    pub passivations: u64,
    /// Actors that crashed.
    pub restarts: u64,
    /// Entities set aside.
    pub quarantined: usize,
    /// Commits accepted.
    pub commits: u64,
    /// Changing commands in them.
    pub changes: u64,
    /// Refusals of every sort.
    pub refused: u64,
    /// Commands waiting in mailboxes.
    pub mailbox_depth: usize,
}

/// The entities of one kind. Cheap to clone.
pub struct Entities<E: Entity> {
    pub(super) shared: Arc<KindShared<E>>,
}

impl<E: Entity> Clone for Entities<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E: Entity> Entities<E> {
    /// Registers a kind with the runtime. Once a kind, before [`Runtime::open`], inside the tokio runtime.
    pub fn new(runtime: &Runtime, options: EntityOptions) -> Self {
        let shared = KindShared::<E>::new(Arc::clone(&runtime.inner), options);
        shared.start_sweeping();
        runtime.inner.register_kind(Arc::clone(&shared) as Arc<_>);
        Self { shared }
    }

    /// Brings an entity into being.
    ///
    /// # Errors
    /// The command's refusal, `AlreadyExists`, and everything of the runtime's in [`AskError`].
    pub fn create<C: Create<E>>(
        &self,
        id: E::Id,
        command: C,
        ask: Ask,
    ) -> impl Future<Output = Result<Answer<C::Reply, E>, AskError<E::Error>>> {
        self.send(Letter::new(E::key(id), CreateJob(command), ask))
    }

    /// Runs a command on an entity and answers when its effects are durable.
    ///
    /// # Errors
    /// The command's refusal, `NotFound`, and everything of the runtime's in [`AskError`].
    pub fn ask<C: Command<E>>(
        &self,
        id: E::Id,
        command: C,
        ask: Ask,
    ) -> impl Future<Output = Result<Answer<C::Reply, E>, AskError<E::Error>>> {
        self.send(Letter::new(E::key(id), CommandJob(command), ask))
    }

    /// Runs a command that brings its entity into being where there is none.
    ///
    /// # Errors
    /// The command's refusal, and everything of the runtime's in [`AskError`].
    pub async fn ask_or_create<R: Send, C>(
        &self,
        id: E::Id,
        command: C,
        ask: impl Fn() -> Ask + Send,
    ) -> Result<Answer<R, E>, AskError<E::Error>>
    where
        C: Command<E, Reply = R> + Create<E, Reply = R> + Clone,
    {
        match self.ask(id, command.clone(), ask()).await {
            Err(AskError::NotFound { .. }) => {}
            asked => return asked,
        }
        match self.create(id, command.clone(), ask()).await {
            // Somebody else was first.
            Err(AskError::AlreadyExists { .. }) => self.ask(id, command, ask()).await,
            created => created,
        }
    }

    /// Answers a request that was done before from its receipt, with the entity's current state.
    ///
    /// # Errors
    /// The refusal of then, `InProgress`, or a fault.
    pub async fn replay<R: DeserializeOwned>(
        &self,
        receipt: &Receipt,
    ) -> Result<Answer<R, E>, AskError<E::Error>> {
        let step = match &receipt.key {
            ReceiptKey::Step { step, .. } => step.as_ref(),
            ReceiptKey::Caller { .. } => "",
        };
        let reply = decode_outcome(&receipt.outcome, receipt.entity, step)?;
        let state = if receipt.entity.kind == E::KIND {
            self.read_behind(receipt).await.map_err(AskError::Fault)?
        } else {
            None
        };
        Ok(Answer {
            reply,
            state,
            replayed: true,
            decision: None,
        })
    }

    /// Reads the last committed state. Never queues and wakes nobody.
    ///
    /// # Errors
    /// A fault of the store, if it must be asked.
    pub async fn read(&self, id: E::Id) -> Result<Option<Arc<Published<E>>>, Fault> {
        self.shared.read(id).await
    }

    /// Reads the committed state of the entity that left a receipt, at least as new as the receipt.
    ///
    /// A receipt is found as soon as its commit is synced, which is before the commit's state is published.
    ///
    /// # Errors
    /// A fault of the store, if it must be asked.
    pub async fn read_behind(&self, receipt: &Receipt) -> Result<Option<Arc<Published<E>>>, Fault> {
        let id = E::Id::from_uuid(receipt.entity.id);
        let read = self.read(id).await?;
        if read
            .as_ref()
            .is_some_and(|published| receipt.revision <= published.revision)
        {
            return Ok(read);
        }
        self.shared.runtime.store.barrier().await;
        self.read(id).await
    }

    /// Returns every entity's committed state, in order of id; empty unless [`EntityOptions::roster`] is set.
    pub fn roster(&self) -> Arc<Vec<Arc<Published<E>>>> {
        self.shared
            .roster
            .as_ref()
            .map(|roster| roster.get())
            .unwrap_or_default()
    }

    /// Counts the entities of the roster, each of which tells when it was made.
    pub fn existing(&self, made_at: impl Fn(&E) -> Timestamp) -> Existing {
        let roster = self.roster();
        Existing::made_at(roster.iter().map(|entity| made_at(&entity.state)))
    }

    /// Awaits what may take an entity out of the roster, one at a time, and keeps, also for later starts, which commit did
    /// so last.
    ///
    /// # Errors
    /// The store cannot be written, before or afterwards.
    pub async fn removing<T>(
        &self,
        removal: impl Future<Output = Result<T, AskError<E::Error>>>,
    ) -> Result<Result<T, AskError<E::Error>>, Fault> {
        self.shared.removing(removal).await
    }

    /// Returns the last commit that took an entity out of the roster, of those that this process has seen or that were kept.
    pub fn roster_removed(&self) -> Position {
        let roster = self.shared.roster.as_ref();
        roster.map(|roster| roster.removed()).unwrap_or_default()
    }

    /// Returns how often the roster was changed. While it stays, so does every roster that is read after it.
    pub fn roster_changes(&self) -> u64 {
        self.shared.roster.as_ref().map_or(0, |roster| roster.changes())
    }

    /// Reads a page of a listing and each row's committed state. Rows of other kinds are passed over, and so is what has left
    /// the listing between its row and its state: whoever may see the list need not be one who may see that.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn list(&self, scan: Scan) -> Result<Page<E>, Fault> {
        let limit = scan.limit;
        let (of, prefix) = (scan.of, scan.prefix.clone());
        let rows = self.shared.runtime.store.scan(scan).await?;
        let ids = rows
            .iter()
            .filter(|row| row.entity.kind == E::KIND)
            .map(|row| E::Id::from_uuid(row.entity.id));
        let mut items = try_join_all(ids.clone().map(|id| self.read(id))).await?;
        let is_in = |item: &Option<Arc<Published<E>>>| {
            item.as_ref()
                .is_some_and(|item| is_listed(&*item.state, of, &prefix))
        };
        if !items.iter().all(is_in) {
            // A row is found as soon as its commit is synced, which is before the commit's state is published.
            self.shared.runtime.store.barrier().await;
            for (item, id) in items.iter_mut().zip(ids) {
                if !is_in(item) {
                    *item = self.read(id).await?;
                }
            }
            items.retain(is_in);
        }
        let next = if rows.len() < limit {
            None
        } else {
            rows.into_iter().next_back()
        };
        Ok(Page {
            items: items.into_iter().flatten().collect(),
            next,
        })
    }

    /// Calls `told` with every entity that has rested for so long that it leaves memory, for those who keep what was made
    /// of its state. It must not wait. The first call counts.
    pub(crate) fn when_forgotten(&self, told: impl Fn(E::Id) + Send + Sync + 'static) {
        self.shared.when_forgotten(Box::new(told));
    }

    /// Returns how many commits were published. While it stays, so does every committed state that is read after it.
    pub fn commits(&self) -> u64 {
        self.shared.counts.commits.load(Ordering::Acquire)
    }

    /// Returns what the entities of this kind do.
    pub fn counters(&self) -> KindCounters {
        self.shared.counters()
    }

    /// Sends a letter, and waits for its answer. What it holds stays in its box all the way: a future that held it would be
    /// copied whole each time that it is handed on, with all that is in it twice.
    async fn send<J: Job<E>>(
        &self,
        (mut letter, mut answer): Sent<E, J>,
    ) -> Result<Answer<J::Reply, E>, AskError<E::Error>> {
        let key = letter.key;
        for nth in 0..LOOK_UPS_MAX {
            let fingerprint = letter.ask.fingerprint();
            let exchange = self.shared.ways.exchange;
            let exchanged = exchange(&self.shared, letter, answer, J::CREATES, nth == 0);
            let returned = match exchanged.await {
                Ok(Exchanged::Returned(returned)) => returned,
                Ok(Exchanged::Earlier(receipt)) => return self.replay(&receipt).await,
                Err(failure) => return Err(failure.into_error(key)),
            };
            let back = match returned.downcast::<Reply<E, J>>() {
                Err(back) => back,
                Ok(reply) => match reply.told() {
                    Told::Answer(answer) => return answer,
                    Told::Winner(receipt) if receipt.fingerprint == fingerprint => {
                        return self.replay(&receipt).await;
                    }
                    Told::Winner(_) => return Err(AskError::KeyReused),
                },
            };
            let back = back.downcast::<(J, Ask)>();
            let (job, ask) = *back.expect("what comes back is the reply to a letter, or what was in it");
            (letter, answer) = Letter::new(key, job, ask);
        }
        Err(AskError::Retry {
            retry_after: RETRY_AFTER,
        })
    }
}

/// Tells whether an entity has a row in a list, of those that begin so.
pub(super) fn is_listed<E: Entity>(entity: &E, of: Listed, prefix: &[u8]) -> bool {
    match of {
        Listed::Kind(_) => true,
        Listed::Listing(listing) => {
            let mut rows = entity.keys().listing.into_iter();
            rows.any(|row| row.listing == listing && row.sort.starts_with(prefix))
        }
        Listed::Unique(space) => {
            let mut keys = entity.keys().unique.into_iter();
            keys.any(|key| key.space == space && key.value.starts_with(prefix))
        }
    }
}
