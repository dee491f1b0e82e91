//! The cancellation of a whole order: a saga that gives back money and stock (section 6.4 of the semantics).
//!
//! Its pivot is its first step. Once the order is canceled the saga only goes forward.

use super::REASON_LENGTH_MAX;
use crate::entity::{NoTimer, PastBody};
use crate::error::{Broken, Class, Detail, FieldErrors, Problem, Refusal, ensure};
use crate::event::EventBody;
use crate::id::{CancellationId, OrderId};
use crate::idempotency::AnswersTo;
use crate::kind::{Listing, ListingKey, Unique, UniqueKey};
use crate::{Command, Context, Create, Entity, Keys, Kind, Revision, Timestamp, text};
use serde::{Deserialize, Serialize};

/// One cancellation of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// The order.
    pub order: OrderId,
    /// Who asked.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// How far it has come.
    pub step: Step,
    /// Why the order could not be canceled, if so.
    pub refusal: Option<Problem>,
    /// The idempotency key whose receipt the saga still owes an answer.
    pub answers: Option<AnswersTo>,
    /// The revision of the order that is to be canceled and no other, where the caller named one.
    pub order_revision: Option<Revision>,
}

/// A cancellation of schema 1: of the order as it is, whatever its revision.
#[derive(Deserialize)]
struct Cancellation1 {
    order: OrderId,
    by: String,
    reason: String,
    created_at: Timestamp,
    step: Step,
    refusal: Option<Problem>,
    answers: Option<AnswersTo>,
}

impl From<Cancellation1> for Cancellation {
    fn from(past: Cancellation1) -> Self {
        Self {
            order: past.order,
            by: past.by,
            reason: past.reason,
            created_at: past.created_at,
            step: past.step,
            refusal: past.refusal,
            answers: past.answers,
            order_revision: None,
        }
    }
}

/// How far a cancellation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Step {
    /// Moves the order to canceled, or learns that it may not be.
    CancelOrder,
    /// Voids or refunds each payment and gives the stock back.
    GiveBack,
    /// Nothing is left to do.
    Ended,
}

impl Step {
    /// Every step, in order.
    pub const ALL: &'static [Self] = &[Self::CancelOrder, Self::GiveBack, Self::Ended];

    /// Returns the stable name, in storage and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CancelOrder => "cancel_order",
            Self::GiveBack => "give_back",
            Self::Ended => "ended",
        }
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.name().to_owned()
    }
}

impl TryFrom<String> for Step {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|step| step.name() == name)
            .ok_or(format!("no step of a cancellation is called {name}"))
    }
}

/// What happened to a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was asked for.
    Begun {
        /// The order.
        order: OrderId,
    },
    /// The order is canceled; money and stock go back.
    OrderCanceled,
    /// It is over: done, or refused.
    Ended {
        /// Why it was refused, if so.
        refusal: Option<Problem>,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "cancellation.begun",
            Self::OrderCanceled => "cancellation.order_canceled",
            Self::Ended { .. } => "cancellation.ended",
        }
    }
}

/// A refusal of a cancellation's command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields are out of their bounds.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// It has ended.
    #[error("the cancellation has ended")]
    Ended,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(fields) => fields.class(),
            Self::Ended => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(fields) => fields.code(),
            Self::Ended => "cancellation.ended",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(fields) => fields.details(),
            Self::Ended => Vec::new(),
        }
    }
}

impl Cancellation {
    /// Tells whether nothing is left to do.
    pub fn is_ended(&self) -> bool {
        self.step == Step::Ended
    }
}

impl Entity for Cancellation {
    const KIND: Kind = Kind::Cancellation;
    const SCHEMA: u16 = 2;
    type Id = CancellationId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<Cancellation1>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        ensure(
            self.refusal.is_none() || self.step == Step::Ended,
            "a refused cancellation has ended",
        )
    }

    fn keys(&self) -> Keys {
        match self.step {
            Step::CancelOrder | Step::GiveBack => Keys {
                unique: vec![UniqueKey::new(Unique::OpenCancellation, self.order.0.as_bytes())],
                listing: vec![ListingKey::new(Listing::OpenSagas, [Kind::Cancellation.tag()])],
            },
            Step::Ended => Keys::default(),
        }
    }

    fn may_rest(&self) -> bool {
        self.is_ended()
    }

    fn wake(&mut self, timer: NoTimer, _cx: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

/// Asks for the cancellation of an order.
#[derive(Clone, Debug)]
pub struct BeginCancellation {
    /// The order.
    pub order: OrderId,
    /// Why.
    pub reason: String,
    /// The idempotency key the saga will answer.
    pub answers: Option<AnswersTo>,
    /// The revision that the order is to have when it is canceled, if only then.
    pub order_revision: Option<Revision>,
}

impl Create<Cancellation> for BeginCancellation {
    const NAME: &'static str = "cancellation.begin";
    type Reply = ();

    fn create(
        self,
        _id: CancellationId,
        cx: &mut Context<'_, Cancellation>,
    ) -> Result<(Cancellation, ()), Error> {
        let mut errors = FieldErrors::default();
        let Some(reason) = errors.take("/reason", text::line(&self.reason, REASON_LENGTH_MAX)) else {
            return Err(errors.into());
        };
        cx.emit(Event::Begun { order: self.order });
        let cancellation = Cancellation {
            order: self.order,
            by: cx.caller().name(),
            reason,
            created_at: cx.now(),
            step: Step::CancelOrder,
            refusal: None,
            answers: self.answers,
            order_revision: self.order_revision,
        };
        Ok((cancellation, ()))
    }
}

/// Joins somebody who asks for the same: nothing changes, but the caller's key is kept here.
#[derive(Clone, Copy, Debug)]
pub struct JoinCancellation;

impl Command<Cancellation> for JoinCancellation {
    const NAME: &'static str = "cancellation.join";
    type Reply = ();

    fn apply(self, _: &mut Cancellation, _: &mut Context<'_, Cancellation>) -> Result<(), Error> {
        Ok(())
    }
}

/// Notes that the order is canceled: from here on only forward.
#[derive(Clone, Copy, Debug)]
pub struct NoteOrderCanceled;

impl Command<Cancellation> for NoteOrderCanceled {
    const NAME: &'static str = "cancellation.note_order_canceled";
    type Reply = ();

    fn apply(self, cancellation: &mut Cancellation, cx: &mut Context<'_, Cancellation>) -> Result<(), Error> {
        match cancellation.step {
            Step::CancelOrder => {
                cancellation.step = Step::GiveBack;
                cx.emit(Event::OrderCanceled);
                Ok(())
            }
            Step::GiveBack => Ok(()),
            Step::Ended => Err(Error::Ended),
        }
    }
}

/// Ends the cancellation: done, or refused by the order.
#[derive(Clone, Debug)]
pub struct EndCancellation {
    /// Why the order refused, if it did.
    pub refusal: Option<Problem>,
}

impl Command<Cancellation> for EndCancellation {
    const NAME: &'static str = "cancellation.end";
    type Reply = ();

    fn apply(self, cancellation: &mut Cancellation, cx: &mut Context<'_, Cancellation>) -> Result<(), Error> {
        if cancellation.step == Step::Ended {
            return Ok(());
        }
        cancellation.step = Step::Ended;
        cancellation.answers = None;
        cancellation.refusal = self.refusal.clone();
        cx.emit(Event::Ended {
            refusal: self.refusal,
        });
        Ok(())
    }
}

/// The saga's own progress, as one command: what a step came to.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The order is canceled.
    Canceled(NoteOrderCanceled),
    /// Everything is done, or the order refused.
    Over(EndCancellation),
}

impl Command<Cancellation> for Progress {
    const NAME: &'static str = "cancellation.progress";
    type Reply = ();

    fn apply(self, cancellation: &mut Cancellation, cx: &mut Context<'_, Cancellation>) -> Result<(), Error> {
        match self {
            Self::Canceled(note) => note.apply(cancellation, cx),
            Self::Over(note) => note.apply(cancellation, cx),
        }
    }
}
