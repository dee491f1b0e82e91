//! The entity's actor: one mailbox on ractor around a [`Head`]. Its handlers never wait: they are over when they return.

use crate::runtime::envelope::Work;
use crate::runtime::flight::Told;
use crate::runtime::head::{Birth, Fate, Head};
use cartwright_domain::Entity;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::future::ready;
use std::marker::PhantomData;

/// What an entity's mailbox takes.
pub(super) enum Message<E: Entity> {
    /// A command or a timer.
    Work(Work<E>),
    /// The store's verdict on the commit in flight.
    Decided(Box<Told<E>>),
    /// Go to rest, if nothing is at work.
    Passivate,
}

pub(super) struct EntityActor<E>(PhantomData<fn() -> E>);

impl<E> EntityActor<E> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(super) struct Activation<E: Entity> {
    head: Head<E>,
    fate: Fate,
}

impl<E: Entity> Actor for EntityActor<E> {
    type Msg = Message<E>;
    type State = Activation<E>;
    type Arguments = Birth<E>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        birth: Birth<E>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(Activation {
            head: Head::new(birth, myself),
            fate: Fate::Lives,
        })
    }

    fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        if state.fate == Fate::Left {
            if let Message::Work(work) = message {
                state.head.turn_away(work);
            }
            return ready(Ok(()));
        }
        state.fate = match message {
            Message::Work(work) => state.head.take(work),
            Message::Decided(told) => state.head.decided(*told),
            Message::Passivate => state.head.passivate(),
        };
        if state.fate == Fate::Left {
            // What is queued already is turned away; nothing more can come, because the slot is left.
            let _ = myself.drain();
        }
        ready(Ok(()))
    }
}
