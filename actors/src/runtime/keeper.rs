//! The supervisor of the sagas of one kind: every open saga has a runner, and a runner that crashes is started again.

use crate::runtime::published::Published;
use crate::runtime::runner::{Charge, Runner, RunnerMessage};
use crate::runtime::saga::{Next, Saga, SagaShared};
use crate::runtime::supervision::{Strikes, start};
use foldhash::HashMap;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

pub(super) enum KeeperMessage<S: Saga> {
    /// A saga was committed; none after it was erased.
    Published {
        id: S::Id,
        published: Option<Arc<Published<S>>>,
        /// Was it the saga's first commit?
        is_first: bool,
    },
    /// A saga is open and must go on from its committed state.
    Resume(S::Id),
}

pub(super) struct Keeper<S>(PhantomData<fn() -> S>);

impl<S> Keeper<S> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(super) struct Kept<S: Saga> {
    shared: Arc<SagaShared<S>>,
    runners: HashMap<S::Id, ActorRef<RunnerMessage<S>>>,
    sagas: HashMap<ActorId, S::Id>,
    strikes: Strikes<S::Id>,
}

impl<S: Saga> Kept<S> {
    /// Hands news to the saga's runner. A saga without one has ended, or is resumed after a crash: its runner may have
    /// gone on to the end long before the news of what it did is read here, and to start another one from that would
    /// take steps again whose receipts are gone.
    fn pass_on(&self, id: S::Id, news: Arc<Published<S>>) {
        if let Some(runner) = self.runners.get(&id) {
            // One that ends or crashes meanwhile needs no news.
            let _ = runner.send_message(RunnerMessage::Look(Some(news)));
        }
    }

    /// Starts the saga's runner, unless there is one.
    fn drive(&mut self, myself: &ActorRef<KeeperMessage<S>>, id: S::Id, first: Option<Arc<Published<S>>>) {
        if self.runners.contains_key(&id) {
            return;
        }
        let charge = Charge {
            id,
            shared: Arc::clone(&self.shared),
        };
        if let Ok(runner) = start(Runner::<S>::new(), charge, myself.get_cell()) {
            self.sagas.insert(runner.get_id(), id);
            let _ = runner.send_message(RunnerMessage::Look(first));
            self.runners.insert(id, runner);
        }
    }

    /// Forgets a runner; returns its saga.
    fn forget(&mut self, actor: ActorId) -> Option<S::Id> {
        let id = self.sagas.remove(&actor)?;
        self.runners.remove(&id);
        self.shared.births().end(S::key(id));
        Some(id)
    }
}

impl<S: Saga> Actor for Keeper<S> {
    type Msg = KeeperMessage<S>;
    type State = Kept<S>;
    type Arguments = Arc<SagaShared<S>>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        shared: Arc<SagaShared<S>>,
    ) -> Result<Self::State, ActorProcessingErr> {
        let options = &shared.entities.shared.runtime.options;
        let strikes = Strikes::new(options.policy(), options.randomness.clone());
        Ok(Kept {
            shared,
            runners: HashMap::default(),
            sagas: HashMap::default(),
            strikes,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            KeeperMessage::Resume(id) => state.drive(&myself, id, None),
            KeeperMessage::Published {
                id,
                published: Some(published),
                is_first: false,
            } => state.pass_on(id, published),
            KeeperMessage::Published {
                id,
                published: Some(published),
                is_first: true,
            } => match published.state.next(state.shared.now()) {
                Next::Ended => state.shared.births().end(S::key(id)),
                Next::Act(_) | Next::Wait(_) => state.drive(&myself, id, Some(published)),
            },
            KeeperMessage::Published {
                id, published: None, ..
            } => {
                if let Some(runner) = state.runners.get(&id) {
                    runner.stop(None);
                }
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(actor, reason) => {
                let Some(id) = state.forget(actor.get_id()) else {
                    return Ok(());
                };
                state.shared.restarts.fetch_add(1, Ordering::Relaxed);
                // A saga is never set aside: money or goods may hang on it.
                let longest = state.shared.entities.shared.runtime.options.backoff_max;
                let wait = state.strikes.strike(id, Instant::now()).unwrap_or(longest);
                tracing::error!(saga = %S::key(id), %reason, ?wait, "a saga's runner crashed and is started again");
                myself.send_after(wait, move || KeeperMessage::Resume(id));
            }
            SupervisionEvent::ActorTerminated(actor, _, _) => {
                if let Some(id) = state.forget(actor.get_id()) {
                    state.shared.standing.remove(&id);
                }
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}
