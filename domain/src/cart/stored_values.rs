//! Gift cards and store credit that a cart is to be paid with. What they cover is judged at every read.

use super::{Cart, Error, Event, Seen};
use crate::entity::{Command, Context};
use crate::id::StoredValueId;

/// With how many gift cards and store credits a cart may be paid.
pub const STORED_VALUES_MAX: usize = 5;

/// Adds a gift card or store credit that was judged to be usable. One that is there already changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct ApplyStoredValue {
    /// Which.
    pub value: StoredValueId,
}

impl Command<Cart> for ApplyStoredValue {
    const NAME: &'static str = "cart.apply_stored_value";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        let value = self.value;
        if cart.stored_values.contains(&value) {
            return Ok(());
        }
        if STORED_VALUES_MAX <= cart.stored_values.len() {
            return Err(Error::TooManyStoredValues {
                max: STORED_VALUES_MAX,
            });
        }
        cart.stored_values.push(value);
        cart.changed(Event::StoredValueApplied { value }, cx);
        Ok(())
    }
}

/// Takes a gift card or store credit out. Taking out what is not there changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct RemoveStoredValue {
    /// Which.
    pub value: StoredValueId,
}

impl Command<Cart> for RemoveStoredValue {
    const NAME: &'static str = "cart.remove_stored_value";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        let value = self.value;
        let held = cart.stored_values.len();
        cart.stored_values.retain(|applied| *applied != value);
        if cart.stored_values.len() != held {
            cart.changed(Event::StoredValueRemoved { value }, cx);
            cart.has_lost_cover |= cart.seen != Seen::AsWritten;
        }
        Ok(())
    }
}
