//! What checkouts, merges and returning shoppers do to a cart.

use super::{Cart, Error, Event, LockScope, Seen, State, Sums};
use crate::entity::{Command, Context};
use crate::id::{CartId, CheckoutId, OrderId};

/// Gives the cart to a checkout: nobody else changes its lines until it ends, and once the checkout holds everything
/// nobody changes its details either. Once more by the same checkout never takes less than it holds.
#[derive(Clone, Copy, Debug)]
pub struct LockForCheckout {
    /// Which checkout.
    pub checkout: CheckoutId,
    /// How much it takes.
    pub scope: LockScope,
    /// What the shopper was last shown that the cart comes to. Kept while it stays as it is: completion may be asked for
    /// when nobody remembers.
    pub shown: Option<Sums>,
}

impl Command<Cart> for LockForCheckout {
    const NAME: &'static str = "cart.lock_for_checkout";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        let Self {
            checkout,
            scope,
            shown,
        } = self;
        match cart.state {
            State::Checkout {
                checkout: holder,
                scope: held,
            } if holder == checkout && scope <= held => return Ok(()),
            State::Checkout { checkout: holder, .. } if holder == checkout => {}
            State::Created
            | State::Active
            | State::Checkout { .. }
            | State::Completed { .. }
            | State::Abandoned
            | State::Recovered
            | State::Merged { .. } => cart.require_open()?,
        }
        if cart.lines.is_empty() {
            return Err(Error::Empty);
        }
        cart.changed_to(
            State::Checkout { checkout, scope },
            Event::Locked { checkout, scope },
            cx,
        );
        if let Some(sums) = shown {
            cart.seen = Seen::Sums(sums);
            // Who was shown that nothing else pays a part of it knows that it is gone.
            cart.has_lost_cover &= sums.total != sums.due;
        }
        Ok(())
    }
}

/// Gives the cart back as active after a checkout that failed, expired or was abandoned. A cart that this checkout
/// does not hold stays as it is, so that letting go twice is harmless.
#[derive(Clone, Copy, Debug)]
pub struct Unlock {
    /// Which checkout.
    pub checkout: CheckoutId,
}

impl Command<Cart> for Unlock {
    const NAME: &'static str = "cart.unlock";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        let checkout = self.checkout;
        if cart.state.holder() == Some(checkout) {
            cart.changed_to(State::Active, Event::Unlocked { checkout }, cx);
        }
        Ok(())
    }
}

/// Makes the cart refuse every change from now on, pointing to its order. Once more with the same order changes
/// nothing.
#[derive(Clone, Copy, Debug)]
pub struct Complete {
    /// Which checkout.
    pub checkout: CheckoutId,
    /// Which order.
    pub order: OrderId,
}

impl Command<Cart> for Complete {
    const NAME: &'static str = "cart.complete";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        let (checkout, order) = (self.checkout, self.order);
        let completed = State::Completed { checkout, order };
        if cart.state == completed {
            return Ok(());
        }
        if cart.state.holder() != Some(checkout) {
            cart.require_open()?;
            return Err(Error::NotHeld { checkout });
        }
        cart.changed_to(completed, Event::Completed { checkout, order }, cx);
        Ok(())
    }
}

/// Notes that somebody came back to an abandoned cart and that its lines were looked at again. A cart that is not
/// abandoned stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct Recover {
    /// How many lines have a problem: with none the cart is active at once.
    pub problems: usize,
}

impl Command<Cart> for Recover {
    const NAME: &'static str = "cart.recover";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        if cart.state == State::Abandoned {
            let state = if self.problems == 0 {
                State::Active
            } else {
                State::Recovered
            };
            cart.return_to(state, cx);
        }
        Ok(())
    }
}

/// Notes that the cart's lines went into another cart, to which it points from now on. Once more into the same
/// cart changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct MergeInto {
    /// The cart that took the lines.
    pub survivor: CartId,
}

impl Command<Cart> for MergeInto {
    const NAME: &'static str = "cart.merge_into";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        let survivor = self.survivor;
        if cart.state == (State::Merged { survivor }) || cart.id == survivor {
            return Ok(());
        }
        cart.require_open()?;
        cart.changed_to(State::Merged { survivor }, Event::Merged { survivor }, cx);
        Ok(())
    }
}
