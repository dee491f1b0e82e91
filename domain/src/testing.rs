//! What the areas' tests share: running commands as the runtime would, and checking what must always hold.
#![expect(clippy::unwrap_used, reason = "a broken invariant fails the test")]

use crate::caller::Caller;
use crate::entity::{Command, Context, Create, Effects, Entity};
use crate::id::{EntityId, Seed};
use crate::time::Timestamp;
use uuid::Uuid;

/// An entity, a clock and a caller. Invariants are checked after each command, and a refusal changes nothing.
#[derive(Debug)]
pub(crate) struct Bench<E: Entity> {
    /// The state.
    pub(crate) entity: E,
    /// The clock, moved by the test.
    pub(crate) now: Timestamp,
    /// Who asks.
    pub(crate) caller: Caller,
    /// Every event so far.
    pub(crate) events: Vec<E::Event>,
    /// The durable timers that are set.
    pub(crate) timers: Vec<(E::Timer, Timestamp)>,
    /// Whether the entity has been erased.
    pub(crate) erased: bool,
    requests: u128,
}

impl<E: Entity + std::fmt::Debug> Bench<E>
where
    E::Error: PartialEq,
{
    /// Makes the entity at the given time.
    pub(crate) fn create<C: Create<E>>(id: E::Id, now: Timestamp, command: C) -> Result<Self, E::Error> {
        let mut effects = Effects::default();
        let caller = Caller::engine("test");
        let mut cx = Context::new(
            now,
            &caller,
            Seed(Uuid::from_u128(1)),
            Some(id.partition()),
            &mut effects,
        );
        let (entity, _) = command.create(id, &mut cx)?;
        entity.invariants().unwrap();
        let mut bench = Self {
            entity,
            now,
            caller,
            events: Vec::new(),
            timers: Vec::new(),
            erased: false,
            requests: 1,
        };
        bench.keep(effects);
        Ok(bench)
    }

    /// Runs a command on a working copy, as the runtime does.
    pub(crate) fn run<C: Command<E>>(&mut self, command: C) -> Result<C::Reply, E::Error> {
        self.step(|copy, cx| command.apply(copy, cx))
    }

    /// Fires the timer if it is due, as the runtime does: the row goes, whatever `wake` says.
    pub(crate) fn fire(&mut self, timer: E::Timer) -> Result<(), E::Error> {
        let Some(index) = self
            .timers
            .iter()
            .position(|(set, due)| *set == timer && *due <= self.now)
        else {
            return Ok(());
        };
        self.timers.remove(index);
        self.step(|copy, cx| copy.wake(timer, cx))
    }

    fn step<R>(
        &mut self,
        work: impl FnOnce(&mut E, &mut Context<'_, E>) -> Result<R, E::Error>,
    ) -> Result<R, E::Error> {
        self.requests += 1;
        let mut effects = Effects::default();
        let mut copy = self.entity.clone();
        let caller = self.caller.clone();
        let mut cx = Context::new(
            self.now,
            &caller,
            Seed(Uuid::from_u128(self.requests)),
            None,
            &mut effects,
        );
        let outcome = work(&mut copy, &mut cx);
        if outcome.is_err() {
            assert!(copy == self.entity, "a refusal changes nothing: {copy:?}");
        }
        let reply = outcome?;
        copy.invariants().unwrap();
        self.entity = copy;
        self.keep(effects);
        Ok(reply)
    }

    fn keep(&mut self, effects: Effects<E>) {
        self.erased |= effects.erased;
        self.events.extend(effects.events);
        for (timer, due) in effects.timers {
            self.timers.retain(|(set, _)| *set != timer);
            if let Some(due) = due {
                self.timers.push((timer, due));
            }
        }
    }
}
