//! What has become of an entity: each change of it as it was recorded, by whom and when, the newest first.
//!
//! A snapshot says how an entity is; the journal has what happened, and each commit in it where the one before stands.

use crate::engine::{Engine, unreadable};
use crate::page::{Cursor, InvalidCursor, PAGE_LIMIT_MAX, Page, PageRequest};
use crate::request::Refused;
use cartwright_domain::cart::{Cart, FrozenQuote};
use cartwright_domain::catalog::{PriceList, Product, Variant};
use cartwright_domain::checkout::Checkout;
use cartwright_domain::customer::Customer;
use cartwright_domain::identity::Session;
use cartwright_domain::inventory::StockItem;
use cartwright_domain::order::Order;
use cartwright_domain::order::cancellation::Cancellation;
use cartwright_domain::promotion::{CouponCode, Promotion, UseCounter};
use cartwright_domain::settings::Settings;
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::stored_value::StoredValue;
use cartwright_domain::tax::TaxZone;
use cartwright_domain::{Class, Entity, EntityKey, Kind, Problem, Revision, Timestamp};
use cartwright_storage::{Fault, Past, Position, Recorded, codec};
use serde_json::Value;

/// One change of an entity, as it became durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entity's revision after it.
    pub revision: Revision,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened, in order. A change may be several commands that came at once, or none that tells a fact.
    pub events: Vec<Happened>,
}

/// A fact of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Its stable name: `cart.line_added`.
    pub name: String,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, as [`cartwright_domain::Caller::name`] says.
    pub by: String,
    /// What it says: an object with ids as on the wire and times in milliseconds since 1970.
    pub data: Value,
}

impl Engine {
    /// Reads what has become of an entity, the newest change first. What neither tells a fact nor raises the revision is passed
    /// over: a refusal that is kept under its key, a timer that is set anew. So a page may be short, and another one follow.
    ///
    /// # Errors
    /// `history.not_found` where nothing has this key now; a cursor that is none of this list; a fault of the store.
    pub async fn history(&self, entity: EntityKey, page: PageRequest) -> Result<Page<Change>, Refused> {
        let store = self.inner().runtime.store();
        let is_next = page.cursor.is_some();
        let from = match page.cursor {
            Some(cursor) => cursor.position_in_history(entity).map_err(Problem::from)?,
            None => {
                let loaded = store.load(entity).await.map_err(unreadable)?;
                let newest = loaded.ok_or_else(no_history)?.position;
                // What is synced can be loaded a moment before that is told.
                if *store.synced().borrow() < newest {
                    store.barrier().await;
                }
                newest
            }
        };
        let limit = page.limit.clamp(1, PAGE_LIMIT_MAX);
        // One more, which tells whether the last of the page has raised the revision.
        let mut commits = store.history(entity, from, limit + 1).await.map_err(unreadable)?;
        if is_next && commits.is_empty() {
            // Nobody was given this one.
            return Err(Problem::from(InvalidCursor).into());
        }
        let shown = commits.len().min(limit);
        if let Some(oldest) = commits.last()
            && commits.len() == shown
            && oldest.events.is_empty()
            && oldest.previous != Position::default()
        {
            // The one before lies far away, or cannot be read.
            match store.history(entity, oldest.previous, 1).await {
                Ok(older) => commits.extend(older),
                Err(Fault::Damaged { .. }) => {}
                Err(fault) => return Err(unreadable(fault)),
            }
        }
        let is_change = |at: usize, past: &Past| {
            let older = commits.get(at + 1);
            !past.events.is_empty() || older.is_none_or(|older| older.revision != past.revision)
        };
        let page = commits.iter().take(shown);
        let next = page.clone().next_back().map(|oldest| oldest.previous);
        let changed = page.enumerate().filter(|(at, past)| is_change(*at, past));
        let changes = changed.map(|(_, past)| change(entity.kind, past));
        Ok(Page {
            items: changes.collect::<Result<_, _>>().map_err(unreadable)?,
            next: next.and_then(|position| Cursor::of_history(entity, position)),
        })
    }
}

/// Returns the refusal of an id that nothing has.
pub fn no_history() -> Refused {
    let message = "nothing has this id; what was deleted has no history either";
    Problem::new(Class::NotFound, "history.not_found", message).into()
}

fn change(kind: Kind, past: &Past) -> Result<Change, Fault> {
    let happened = |recorded: &Recorded| {
        Ok(Happened {
            name: recorded.name.to_string(),
            at: recorded.at,
            by: recorded.by.clone(),
            data: data(kind, recorded)?,
        })
    };
    Ok(Change {
        revision: past.revision,
        at: past.at,
        events: past.events.iter().map(happened).collect::<Result<_, Fault>>()?,
    })
}

/// Returns what a fact says, besides its name.
fn data(kind: Kind, recorded: &Recorded) -> Result<Value, Fault> {
    match kind {
        Kind::Settings => of::<Settings>(recorded),
        Kind::Session => of::<Session>(recorded),
        Kind::Product => of::<Product>(recorded),
        Kind::Variant => of::<Variant>(recorded),
        Kind::StockItem => of::<StockItem>(recorded),
        Kind::TaxZone => of::<TaxZone>(recorded),
        Kind::ShippingMethod => of::<ShippingMethod>(recorded),
        Kind::Cart => of::<Cart>(recorded),
        Kind::Checkout => of::<Checkout>(recorded),
        Kind::FrozenQuote => of::<FrozenQuote>(recorded),
        Kind::Order => of::<Order>(recorded),
        Kind::Cancellation => of::<Cancellation>(recorded),
        Kind::Customer => of::<Customer>(recorded),
        Kind::Promotion => of::<Promotion>(recorded),
        Kind::PriceList => of::<PriceList>(recorded),
        Kind::CouponCode => of::<CouponCode>(recorded),
        Kind::UseCounter => of::<UseCounter>(recorded),
        Kind::StoredValue => of::<StoredValue>(recorded),
        Kind::Toy | Kind::ToySaga => Ok(Value::Object(serde_json::Map::new())),
    }
}

fn of<E: Entity>(recorded: &Recorded) -> Result<Value, Fault> {
    let event: E::Event = codec::decode_event(&recorded.payload)?;
    let unshown = |error: serde_json::Error| Fault::Io(format!("{} cannot be shown: {error}", recorded.name));
    Ok(match serde_json::to_value(event).map_err(unshown)? {
        // A variant with fields stands under its name, one without is its name.
        Value::Object(variant) if variant.len() == 1 => {
            variant.into_iter().next().map_or(Value::Null, |(_, data)| data)
        }
        _ => Value::Object(serde_json::Map::new()),
    })
}
