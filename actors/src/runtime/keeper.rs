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
    Published(S::Id, Option<Arc<Published<S>>>),
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
    /// Hands news to the saga's runner, starting one if there is none.
    fn drive(&mut self, myself: &ActorRef<KeeperMessage<S>>, id: S::Id, news: Option<Arc<Published<S>>>) {
        let mut message = RunnerMessage::Look(news);
        if let Some(runner) = self.runners.get(&id) {
            match runner.send_message(message) {
                Ok(()) => return,
                Err(ractor::MessagingErr::SendErr(back)) => message = back,
                Err(_) => return,
            }
        }
        let charge = Charge {
            id,
            shared: Arc::clone(&self.shared),
        };
        if let Ok(runner) = start(Runner::<S>::new(), charge, myself.get_cell()) {
            self.sagas.insert(runner.get_id(), id);
            let _ = runner.send_message(message);
            self.runners.insert(id, runner);
        }
    }

    /// Forgets a runner; returns its saga if no other runner has taken its place.
    fn forget(&mut self, actor: ActorId) -> Option<S::Id> {
        let id = self.sagas.remove(&actor)?;
        if self
            .runners
            .get(&id)
            .is_none_or(|runner| runner.get_id() != actor)
        {
            return None;
        }
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
            KeeperMessage::Published(id, Some(published)) => {
                let has_ended = matches!(published.state.next(state.shared.now()), Next::Ended);
                if !has_ended || state.runners.contains_key(&id) {
                    state.drive(&myself, id, Some(published));
                } else {
                    state.shared.births().end(S::key(id));
                }
            }
            KeeperMessage::Published(id, None) => {
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
