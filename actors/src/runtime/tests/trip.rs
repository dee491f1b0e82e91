//! A toy saga: it takes from one toy, pays outside, and gives to another; paying is the pivot.

use super::toy::{Add, GiveBack, Take, Toy, ToyId};
use crate::runtime::{
    Action, Ask, AskError, Entities, FinalAnswer, Next, Performed, Published, Saga, SagaStep, StepKey,
};
use cartwright_domain::entity::{Context, NoTimer};
use cartwright_domain::{
    Broken, Command, Create, Entity, EntityId, EventBody, Keys, Kind, Listing, ListingKey, Problem, Seed,
    Timestamp, typed_id,
};
use cartwright_storage::ReceiptKey;
use cartwright_storage::codec::SNAPSHOT_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a trip takes from one toy and gives to another.
pub(super) const UNITS: i64 = 5;

typed_id!(
    /// A trip's id.
    TripId, "trip"
);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trip {
    pub(super) from: ToyId,
    pub(super) to: ToyId,
    pub(super) goes: bool,
    pub(super) done: Vec<String>,
    /// The steps still to be undone, in order of their running.
    pub(super) undoing: Option<Vec<String>>,
    pub(super) ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Take,
    Pay,
    Give,
}

impl Step {
    /// Every step, in order.
    const ALL: &'static [Self] = &[Self::Take, Self::Pay, Self::Give];
}

impl SagaStep for Step {
    fn name(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Pay => "pay",
            Self::Give => "give",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum NoEvent {}

impl EventBody for NoEvent {
    const SCHEMA: u16 = 1;
    fn name(&self) -> &'static str {
        match *self {}
    }
}

impl Entity for Trip {
    const KIND: Kind = Kind::ToySaga;
    const SCHEMA: u16 = 1;
    type Id = TripId;
    type Event = NoEvent;
    type Timer = NoTimer;
    type Error = super::toy::ToyError;

    fn invariants(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn keys(&self) -> Keys {
        let open = (!self.ended).then(|| ListingKey::new(Listing::OpenSagas, "trip"));
        Keys {
            unique: Vec::new(),
            listing: open.into_iter().collect(),
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Self::Error> {
        match timer {}
    }
}

pub(super) struct Begin {
    pub(super) from: ToyId,
    pub(super) to: ToyId,
    pub(super) goes: bool,
}

impl Create<Trip> for Begin {
    const NAME: &'static str = "trip.begin";
    type Reply = ();
    fn create(self, _: TripId, _: &mut Context<'_, Trip>) -> Result<(Trip, ()), super::toy::ToyError> {
        let Self { from, to, goes } = self;
        Ok((
            Trip {
                from,
                to,
                goes,
                done: Vec::new(),
                undoing: None,
                ended: false,
            },
            (),
        ))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Note {
    Go,
    Done(Step),
    Refused(Step),
    Undone(Step),
    /// What is larger than any state may be.
    Bloated,
}

impl Command<Trip> for Note {
    const NAME: &'static str = "trip.note";
    type Reply = ();
    fn apply(self, trip: &mut Trip, _: &mut Context<'_, Trip>) -> Result<(), super::toy::ToyError> {
        match self {
            Self::Go => trip.goes = true,
            Self::Done(step) => {
                trip.done.push(step.name().to_owned());
                trip.ended = step == Step::Give;
            }
            Self::Refused(step) => {
                let mut started = trip.done.clone();
                started.push(step.name().to_owned());
                trip.undoing = Some(started);
            }
            Self::Bloated => trip.done.push("x".repeat(SNAPSHOT_BYTES_MAX)),
            Self::Undone(step) => {
                if let Some(undoing) = &mut trip.undoing {
                    undoing.retain(|name| name != step.name());
                    trip.ended = undoing.is_empty();
                }
            }
        }
        Ok(())
    }
}

/// The world of trips.
pub(super) struct World {
    pub(super) toys: Entities<Toy>,
    /// What was paid, by trip: the witness outside.
    pub(super) paid: Arc<Mutex<BTreeMap<TripId, u32>>>,
    pub(super) declines: AtomicBool,
    /// Is what comes of taking larger than may be kept?
    pub(super) bloats: bool,
    /// What a trip's end answers.
    pub(super) answers: Mutex<Option<FinalAnswer>>,
    /// How often a step panics or is to be done again before it works.
    pub(super) panics: Mutex<u32>,
    pub(super) agains: Mutex<u32>,
}

fn spend(budget: &Mutex<u32>) -> bool {
    let mut left = budget.lock().unwrap();
    let spends = 0 < *left;
    *left = left.saturating_sub(1);
    spends
}

fn outcome<R>(
    asked: Result<R, AskError<super::toy::ToyError>>,
    done: Note,
    refused: Note,
) -> Result<Note, String> {
    match asked {
        Ok(_) => Ok(done),
        Err(error) if error.is_transient() => Err(Problem::from(error).code),
        Err(_) => Ok(refused),
    }
}

impl Saga for Trip {
    type Env = World;
    type Step = Step;
    type Record = Note;

    fn next(&self, _: Timestamp) -> Next<Step> {
        if self.ended {
            return Next::Ended;
        }
        if !self.goes {
            return Next::Wait(None);
        }
        let step = match &self.undoing {
            Some(undoing) => undoing
                .last()
                .and_then(|name| Step::ALL.iter().find(|step| step.name() == name))
                .map(|step| Action::Undo(*step)),
            None => {
                let next = Step::ALL
                    .iter()
                    .find(|step| !self.done.iter().any(|name| name == step.name()));
                next.map(|step| Action::Run(*step))
            }
        };
        step.map_or(Next::Ended, Next::Act)
    }

    fn refused(&self, _: Problem) -> Option<Note> {
        self.done.is_empty().then_some(Note::Refused(Step::Take))
    }

    fn is_past_pivot(&self) -> bool {
        self.done.iter().any(|name| name == Step::Pay.name())
    }

    async fn perform(world: Arc<World>, trip: Arc<Published<Self>>, action: Action<Step>) -> Performed<Note> {
        if spend(&world.agains) {
            return Performed::again("the test said so");
        }
        let (state, saga) = (&trip.state, Trip::key(trip.id));
        let key = |step, forbids| {
            let key = StepKey { saga, step, forbids };
            Ask::step("trip", Seed(uuid::Uuid::from_u128(3)), key)
        };
        let units = UNITS;
        let note = match action {
            Action::Run(Step::Take) => {
                let take = Take { saga: saga.id, units };
                let asked = world.toys.ask(state.from, take, key("take", None)).await;
                let done = if world.bloats {
                    Note::Bloated
                } else {
                    Note::Done(Step::Take)
                };
                outcome(asked, done, Note::Refused(Step::Take))
            }
            Action::Undo(Step::Take) => {
                let give = GiveBack { saga: saga.id, units };
                let asked = world
                    .toys
                    .ask(state.from, give, key("give_back", Some("take")))
                    .await;
                outcome(asked, Note::Undone(Step::Take), Note::Undone(Step::Take))
            }
            Action::Run(Step::Pay) if world.declines.load(Ordering::SeqCst) => Ok(Note::Refused(Step::Pay)),
            Action::Run(Step::Pay) => {
                // A provider keeps one charge a key.
                world.paid.lock().unwrap().entry(trip.id).or_insert(1);
                Ok(Note::Done(Step::Pay))
            }
            Action::Undo(Step::Pay) => {
                world.paid.lock().unwrap().remove(&trip.id);
                Ok(Note::Undone(Step::Pay))
            }
            Action::Run(Step::Give) => {
                let asked = world
                    .toys
                    .ask(state.to, Add { by: units }, key("give", None))
                    .await;
                outcome(asked, Note::Done(Step::Give), Note::Refused(Step::Give))
            }
            Action::Undo(Step::Give) => Ok(Note::Undone(Step::Give)),
        };
        assert!(!spend(&world.panics), "the world ended");
        match note {
            Err(reason) => Performed::again(reason),
            Ok(command @ (Note::Done(Step::Give) | Note::Undone(Step::Take))) => {
                let receipt = |step: &'static str, toy: ToyId| ReceiptKey::Step {
                    saga,
                    step: step.into(),
                    participant: Toy::key(toy),
                };
                let deletes = vec![
                    receipt("take", state.from),
                    receipt("give_back", state.from),
                    receipt("give", state.to),
                ];
                Performed::Record {
                    command,
                    deletes,
                    answers: world.answers.lock().unwrap().clone(),
                    rests_on: Vec::new(),
                    is_past_pivot: false,
                }
            }
            Ok(command) => Performed::record(command),
        }
    }
}

/// Returns the id of the `n`th trip.
pub(super) fn trip_id(n: u128) -> TripId {
    TripId::from_uuid(uuid::Uuid::from_u128(n))
}
