//! A toy entity with everything an entity can have.

use cartwright_domain::entity::Context;
use cartwright_domain::error::ensure;
use cartwright_domain::{
    Broken, Class, Command, Create, Entity, EventBody, Keys, Kind, Listing, ListingKey, Refusal, Sequence,
    TimerName, Timestamp, Unique, UniqueKey, typed_id,
};
use serde::{Deserialize, Serialize};

/// The total with which a toy is done and may rest.
pub(super) const DONE: i64 = 1_000;

typed_id!(
    /// A toy's id.
    ToyId, "toy"
);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Toy {
    pub(super) total: i64,
    pub(super) number: u64,
    pub(super) claimed: Option<String>,
    pub(super) rings: u32,
    /// What sagas have taken.
    pub(super) taken: Vec<uuid::Uuid>,
    pub(super) padding: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ToyEvent {
    Added(i64),
    Told(Vec<u8>),
}

impl EventBody for ToyEvent {
    const SCHEMA: u16 = 1;
    fn name(&self) -> &'static str {
        "toy.added"
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bell {
    /// Rings.
    Ring,
    /// Refuses to ring.
    Mute,
    /// Panics.
    Burst,
    /// Erases the toy.
    Last,
}

impl TimerName for Bell {
    const ALL: &'static [Self] = &[Self::Ring, Self::Mute, Self::Burst, Self::Last];
    fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Mute => "mute",
            Self::Burst => "burst",
            Self::Last => "last",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ToyError {
    #[error("the toy holds {total}")]
    Short { total: i64 },
    #[error("the toy is mute")]
    Mute,
}

impl Refusal for ToyError {
    fn class(&self) -> Class {
        Class::Conflict
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Short { .. } => "toy.short",
            Self::Mute => "toy.mute",
        }
    }
}

impl Entity for Toy {
    const KIND: Kind = Kind::Toy;
    const SCHEMA: u16 = 1;
    const SEQUENCE: Option<Sequence> = Some(Sequence::Toy);
    type Id = ToyId;
    type Event = ToyEvent;
    type Timer = Bell;
    type Error = ToyError;

    fn invariants(&self) -> Result<(), Broken> {
        ensure(self.total != 666, "total is not 666")
    }

    fn keys(&self) -> Keys {
        Keys {
            unique: self
                .claimed
                .iter()
                .map(|name| UniqueKey::new(Unique::Toy, name))
                .collect(),
            listing: vec![ListingKey::new(Listing::Toy, self.number.to_be_bytes())],
        }
    }

    fn may_rest(&self) -> bool {
        self.total == DONE
    }

    fn wake(&mut self, timer: Bell, cx: &mut Context<'_, Self>) -> Result<(), ToyError> {
        match timer {
            Bell::Ring => self.rings += 1,
            Bell::Mute => {
                self.rings += 100;
                return Err(ToyError::Mute);
            }
            Bell::Burst => panic!("the bell burst"),
            Bell::Last => cx.erase(),
        }
        Ok(())
    }

    fn assign_number(&mut self, number: u64) {
        self.number = number;
    }
}

macro_rules! command {
    ($name:ident { $($field:ident: $type:ty),* } -> $reply:ty, $text:literal, |$self:ident, $toy:ident, $cx:ident| $body:expr) => {
        #[derive(Clone, Debug)]
        pub(super) struct $name { $(pub(super) $field: $type),* }

        impl Command<Toy> for $name {
            const NAME: &'static str = $text;
            type Reply = $reply;
            #[allow(unused_variables, clippy::allow_attributes, reason = "not every command uses all")]
            fn apply($self, $toy: &mut Toy, $cx: &mut Context<'_, Toy>) -> Result<$reply, ToyError> { $body }
        }
    };
}

/// Makes a toy, with a name that no other may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    pub(super) claims: Option<String>,
}

impl Create<Toy> for Open {
    const NAME: &'static str = "toy.open";
    type Reply = ();
    fn create(self, _: ToyId, _: &mut Context<'_, Toy>) -> Result<(Toy, ()), ToyError> {
        if self.claims.as_deref() == Some("refused") {
            return Err(ToyError::Mute);
        }
        Ok((
            Toy {
                claimed: self.claims,
                ..Toy::default()
            },
            (),
        ))
    }
}

command!(Add { by: i64 } -> i64, "toy.add", |self, toy, cx| {
    toy.total += self.by;
    if toy.total < 0 {
        return Err(ToyError::Short { total: toy.total - self.by });
    }
    cx.emit(ToyEvent::Added(self.by));
    Ok(toy.total)
});
command!(Tell { bytes: usize } -> (), "toy.tell", |self, toy, cx| {
    cx.emit(ToyEvent::Told(vec![7; self.bytes]));
    Ok(())
});
command!(Look {} -> i64, "toy.look", |self, toy, cx| Ok(toy.total));
command!(Burst {} -> (), "toy.burst", |self, toy, cx| panic!("the toy burst"));
command!(Claim { name: Option<String> } -> (), "toy.claim", |self, toy, cx| {
    toy.claimed = self.name;
    Ok(())
});
command!(Set { bell: Bell, at: Option<Timestamp> } -> (), "toy.set", |self, toy, cx| {
    match self.at {
        Some(at) => cx.wake_at(self.bell, at),
        None => cx.cancel(self.bell),
    }
    Ok(())
});
command!(Erase {} -> (), "toy.erase", |self, toy, cx| {
    cx.erase();
    Ok(())
});
command!(Pad { bytes: usize } -> (), "toy.pad", |self, toy, cx| {
    toy.padding = vec![7; self.bytes];
    Ok(())
});

command!(Take { saga: uuid::Uuid, units: i64 } -> (), "toy.take", |self, toy, cx| {
    if toy.total < self.units {
        return Err(ToyError::Short { total: toy.total });
    }
    toy.total -= self.units;
    toy.taken.push(self.saga);
    Ok(())
});
command!(GiveBack { saga: uuid::Uuid, units: i64 } -> (), "toy.give_back", |self, toy, cx| {
    if let Some(at) = toy.taken.iter().position(|saga| *saga == self.saga) {
        toy.taken.remove(at);
        toy.total += self.units;
    }
    Ok(())
});

/// Returns an [`Add`].
pub(super) fn add(by: i64) -> Add {
    Add { by }
}
