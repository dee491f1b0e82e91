//! The entity's actor: one mailbox on ractor around a head. Its handlers never wait: they are over when they return.
//!
//! It is the same for every kind. A purchase wakes entities of five, and would run through as many copies of ractor's
//! loop and of the scheduler's task, which the processor's caches have no room for.

use crate::runtime::head::Fate;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::any::Any;
use std::future::ready;

/// What an entity's mailbox takes.
pub(super) enum Message {
    /// A command, a timer or a verdict.
    Mail(Box<dyn Mail>),
    /// Go to rest, if nothing is at work.
    Passivate(Then),
}

/// What becomes of the state of an entity whose actor goes to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It stays in memory.
    Stays,
    /// It leaves memory, which holds as many as it may.
    Leaves,
}

/// Something for the head of an entity of some kind.
pub(super) trait Mail: Send {
    /// Has the head take it: the one of its own kind.
    fn hand_over(self: Box<Self>, to: &mut dyn Resident) -> Fate;
}

/// A head of some kind.
pub(super) trait Resident: Any + Send {
    /// Goes to rest, if nothing is at work.
    fn passivate(&mut self, then: Then) -> Fate;
}

/// What an activation begins with.
pub(super) trait Newborn: Send {
    /// Makes the head of the actor.
    fn settle_in(self: Box<Self>, myself: ActorRef<Message>) -> Box<dyn Resident>;
}

pub(super) struct EntityActor;

pub(super) struct Activation {
    head: Box<dyn Resident>,
    fate: Fate,
}

impl Actor for EntityActor {
    type Msg = Message;
    type State = Activation;
    type Arguments = Box<dyn Newborn>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        newborn: Box<dyn Newborn>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(Activation {
            head: newborn.settle_in(myself),
            fate: Fate::Lives,
        })
    }

    fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        let had_left = state.fate == Fate::Left;
        state.fate = match message {
            Message::Mail(mail) => mail.hand_over(state.head.as_mut()),
            Message::Passivate(then) => state.head.passivate(then),
        };
        if state.fate == Fate::Left && !had_left {
            // What is queued already is turned away; nothing more can come, because the slot is left.
            let _ = myself.drain();
        }
        ready(Ok(()))
    }
}
