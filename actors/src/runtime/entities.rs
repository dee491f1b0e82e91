//! The entities of one kind: create, ask, read, list.

use crate::runtime::ask::{Answer, Ask, AskError};
use crate::runtime::core::Runtime;
use crate::runtime::published::{Page, Published};
use cartwright_domain::{Command, Create, Entity, Kind, Listing};
use cartwright_storage::{Fault, Receipt, Scan};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// The limits of one kind.
#[derive(Clone, Debug)]
pub struct EntityOptions {
    /// How long an entity stays in memory without being asked or read.
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
            idle: Duration::from_mins(5),
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
    /// Actors that went to sleep.
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
    _kind: PhantomData<fn() -> E>,
}

impl<E: Entity> Clone for Entities<E> {
    fn clone(&self) -> Self {
        Self { _kind: PhantomData }
    }
}

impl<E: Entity> Entities<E> {
    /// Registers a kind with the runtime. Once a kind, before [`Runtime::open`].
    pub fn new(runtime: &Runtime, options: EntityOptions) -> Self {
        let _ = (runtime, options);
        todo!()
    }

    /// Brings an entity into being.
    ///
    /// # Errors
    /// The command's refusal, `AlreadyExists`, and everything of the runtime's in [`AskError`].
    pub async fn create<C: Create<E>>(
        &self,
        id: E::Id,
        command: C,
        ask: Ask,
    ) -> Result<Answer<C::Reply, E>, AskError<E::Error>> {
        let _ = (id, command, ask);
        todo!()
    }

    /// Runs a command on an entity and answers when its effects are durable.
    ///
    /// # Errors
    /// The command's refusal, `NotFound`, and everything of the runtime's in [`AskError`].
    pub async fn ask<C: Command<E>>(
        &self,
        id: E::Id,
        command: C,
        ask: Ask,
    ) -> Result<Answer<C::Reply, E>, AskError<E::Error>> {
        let _ = (id, command, ask);
        todo!()
    }

    /// Answers a request that was done before from its receipt, with the entity's current state.
    ///
    /// # Errors
    /// The refusal of then, `InProgress`, or a fault.
    pub async fn replay<R: DeserializeOwned>(
        &self,
        receipt: &Receipt,
    ) -> Result<Answer<R, E>, AskError<E::Error>> {
        let _ = receipt;
        todo!()
    }

    /// Reads the last committed state. Never queues and wakes nobody.
    ///
    /// # Errors
    /// A fault of the store, if it must be asked.
    pub async fn read(&self, id: E::Id) -> Result<Option<Arc<Published<E>>>, Fault> {
        let _ = id;
        todo!()
    }

    /// Returns every entity's committed state, in order of id; empty unless [`EntityOptions::roster`] is set.
    pub fn roster(&self) -> Arc<Vec<Arc<Published<E>>>> {
        todo!()
    }

    /// Reads a page of a listing and each row's committed state. Rows of other kinds are passed over.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn list(&self, scan: Scan) -> Result<Page<E>, Fault> {
        let _ = scan;
        todo!()
    }

    /// Returns what the entities of this kind do.
    pub fn counters(&self) -> KindCounters {
        todo!()
    }
}
