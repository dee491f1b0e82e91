//! The central shapes: an entity, the commands that change it, and what a command may use.

use crate::caller::Caller;
use crate::error::{Broken, Refusal};
use crate::event::EventBody;
use crate::id::{EntityId, EntityKey, Partition, Seed};
use crate::kind::{Kind, ListingKey, Sequence, UniqueKey};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::OnceLock;

/// How many changing commands an entity has seen. Its `ETag`. Zero means that it does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl Revision {
    /// Returns the revision after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A thing with one mailbox: a plain struct, changed only by commands.
///
/// Comparing must be cheap: long collections hold `Arc` items, whose equality starts with the pointer. A command
/// whose working copy equals the head, without events or timers, makes no commit.
pub trait Entity: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stable tag.
    const KIND: Kind;
    /// The schema of the stored form; see [`Entity::decode_past`].
    const SCHEMA: u16;
    /// The sequence from which every new entity of this kind draws a number, see [`Entity::assign_number`].
    const SEQUENCE: Option<Sequence> = None;
    /// Its id.
    type Id: EntityId;
    /// The facts it emits.
    type Event: EventBody;
    /// The names of its durable timers.
    type Timer: TimerName;
    /// How it refuses.
    type Error: Refusal;

    /// Reads the stored form of an earlier schema: `body.read::<Past>()?` reads it as the past type.
    ///
    /// # Errors
    /// A sentence when the schema is not known or the body does not fit.
    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        let _ = body;
        Err(format!("{} has no schema {schema}", Self::KIND))
    }

    /// Writes the stored form: what serde would write, field by field in their order. For a state with parts that
    /// most changes leave alone, which then are written once.
    ///
    /// # Errors
    /// Those of the writer.
    fn write<B: BodyWriter>(&self, body: &mut B) -> Result<(), B::Error> {
        body.write(self)
    }

    /// Checks what must be true of every committed state. Runs before each write and after each read.
    ///
    /// # Errors
    /// [`Broken`] with the sentence that is not true.
    fn invariants(&self) -> Result<(), Broken>;

    /// Returns the unique and listing keys, from state alone; unless it says otherwise, it has none.
    fn keys(&self) -> Keys {
        Keys::default()
    }

    /// Tells whether nothing is expected to happen to it for a long while: its actor then goes to rest as soon as it
    /// has nothing to do, and not only once it was idle for some time. Whoever asks it all the same wakes it, which
    /// costs more than an ask, so that a state that is passed through within moments must say no.
    fn may_rest(&self) -> bool {
        false
    }

    /// Handles a durable timer. The firing has already been removed; re-arm with [`Context::wake_at`].
    ///
    /// # Errors
    /// A refusal, which removes the timer all the same.
    fn wake(&mut self, timer: Self::Timer, cx: &mut Context<'_, Self>) -> Result<(), Self::Error>;

    /// Takes the number drawn from [`Entity::SEQUENCE`] by the commit that creates the entity.
    ///
    /// The committer calls this when it has accepted the commit, so that numbers are without gap.
    fn assign_number(&mut self, number: u64) {
        let _ = number;
    }

    /// Returns the address of the entity with this id.
    fn key(id: Self::Id) -> EntityKey {
        EntityKey {
            kind: Self::KIND,
            id: id.uuid(),
        }
    }
}

/// The body of a stored value whose schema is past, for [`Entity::decode_past`].
///
/// Storage implements it, so that no past type needs to know the codec's format.
pub trait PastBody {
    /// Reads the body as a past type.
    ///
    /// # Errors
    /// A sentence when the bytes are not those of a `T`, or more than one.
    fn read<T: DeserializeOwned>(&self) -> Result<T, String>;
}

/// Where a stored form goes, for [`Entity::write`].
///
/// Storage implements it, so that no entity needs to know the codec's format.
pub trait BodyWriter {
    /// Why something cannot be written.
    type Error;

    /// Writes a value behind what was written before.
    ///
    /// # Errors
    /// When it has a shape that cannot be written, or there is no room.
    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Self::Error>;

    /// Writes values one behind the other, and keeps what it has written: as long as it is kept, it is written instead.
    /// What is kept must be that of these values.
    ///
    /// # Errors
    /// As for [`BodyWriter::write`].
    fn write_once<T: Serialize>(
        &mut self,
        kept: &OnceLock<Box<[u8]>>,
        values: &[T],
    ) -> Result<(), Self::Error>;
}

/// The keys of an entity in its current state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Values that no other entity may hold.
    pub unique: Vec<UniqueKey>,
    /// Rows of listings.
    pub listing: Vec<ListingKey>,
}

/// A change to one entity: data, refusals first, change, fact.
pub trait Command<E: Entity>: Send + 'static {
    /// The stable name, `area.verb_noun`.
    const NAME: &'static str;
    /// What the caller learns besides the new state. Small: at most 4 KiB encoded.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Changes the working copy, or refuses and changes nothing.
    ///
    /// # Errors
    /// The area's refusal.
    fn apply(self, entity: &mut E, cx: &mut Context<'_, E>) -> Result<Self::Reply, E::Error>;
}

/// A command that brings an entity into being.
pub trait Create<E: Entity>: Send + 'static {
    /// The stable name, `area.verb_noun`.
    const NAME: &'static str;
    /// What the caller learns besides the new state. Small: at most 4 KiB encoded.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Makes the entity with this id, or refuses.
    ///
    /// # Errors
    /// The area's refusal.
    fn create(self, id: E::Id, cx: &mut Context<'_, E>) -> Result<(E, Self::Reply), E::Error>;
}

/// The names of an entity's durable timers. One row is kept per name.
pub trait TimerName: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// Every timer.
    const ALL: &'static [Self];
    /// The stable name.
    fn name(self) -> &'static str;
    /// Returns the timer of that name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|timer| timer.name() == name)
    }
}

/// For entities without timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTimer {}

impl TimerName for NoTimer {
    const ALL: &'static [Self] = &[];
    fn name(self) -> &'static str {
        match self {}
    }
}

/// What a command brought about besides the changed state, collected until the commit.
#[derive(Debug)]
pub struct Effects<E: Entity> {
    /// Facts, in order.
    pub events: Vec<E::Event>,
    /// Timers set (with when) and canceled (without), in order.
    pub timers: Vec<(E::Timer, Option<Timestamp>)>,
    /// Whether the entity goes with this commit, its keys and timers with it. The state is then not written.
    pub erased: bool,
    ids_drawn: u32,
}

impl<E: Entity> Default for Effects<E> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            timers: Vec::new(),
            erased: false,
            ids_drawn: 0,
        }
    }
}

/// What a command may use: the time, who asks, fresh ids, and where its effects go.
#[derive(Debug)]
pub struct Context<'a, E: Entity> {
    now: Timestamp,
    caller: &'a Caller,
    seed: Seed,
    partition: Option<Partition>,
    effects: &'a mut Effects<E>,
}

impl<'a, E: Entity> Context<'a, E> {
    /// Makes the context of one command. `partition` is that of the entity, so that ids drawn share it.
    pub fn new(
        now: Timestamp,
        caller: &'a Caller,
        seed: Seed,
        partition: Option<Partition>,
        effects: &'a mut Effects<E>,
    ) -> Self {
        Self {
            now,
            caller,
            seed,
            partition,
            effects,
        }
    }

    /// Returns the time, the same through one command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns who asks.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// Returns a fresh id in the entity's own partition.
    pub fn new_id<I: EntityId>(&mut self) -> I {
        let n = self.effects.ids_drawn;
        self.effects.ids_drawn += 1;
        I::from_uuid(self.seed.id(n, self.now, self.partition))
    }

    /// Returns the seed of one part of what the command does, for what is drawn later.
    pub fn seed_of(&self, part: &str) -> Seed {
        self.seed.derive(part.as_bytes())
    }

    /// Returns a secret of 128 bits as 32 hexadecimal digits; the same purpose gives the same secret.
    pub fn secret(&self, purpose: &str) -> String {
        self.seed.secret(purpose)
    }

    /// Records a fact.
    pub fn emit(&mut self, event: E::Event) {
        self.effects.events.push(event);
    }

    /// Sets a durable timer, in place of an earlier one of the same name.
    pub fn wake_at(&mut self, timer: E::Timer, at: Timestamp) {
        self.effects.timers.push((timer, Some(at)));
    }

    /// Removes a durable timer; without one nothing happens.
    pub fn cancel(&mut self, timer: E::Timer) {
        self.effects.timers.push((timer, None));
    }

    /// Erases the entity: snapshot, keys and timers go with this commit, and it is unknown afterwards.
    pub fn erase(&mut self) {
        self.effects.erased = true;
    }
}
