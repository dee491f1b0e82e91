//! The commands of a checkout. Shoppers begin, complete and abandon; the rest is the saga's own progress.

use super::{Checkout, Completion, Ending, Error, Event, PAYMENT_TOKEN_CHARS_MAX, Reserved, Step};
use crate::cart::FrozenQuote;
use crate::id::{CartId, CheckoutId, OrderId, SessionId};
use crate::idempotency::AnswersTo;
use crate::{Command, Context, Create, Problem, Revision, Timestamp};
use std::sync::Arc;

/// Begins an attempt: start alone, or start and completion in one.
#[derive(Clone, Debug)]
pub struct BeginCheckout {
    /// The cart to turn into an order.
    pub cart: CartId,
    /// The session that asks.
    pub session: Option<SessionId>,
    /// The id the order will have.
    pub order: OrderId,
    /// The completion, when both are asked for at once.
    pub completion: Option<Completion>,
    /// The idempotency key the saga will answer.
    pub answers: Option<AnswersTo>,
    /// The revision of the cart that the caller requires.
    pub cart_revision: Option<Revision>,
}

impl Create<Checkout> for BeginCheckout {
    const NAME: &'static str = "checkout.begin";
    type Reply = ();

    fn create(self, _id: CheckoutId, cx: &mut Context<'_, Checkout>) -> Result<(Checkout, ()), Error> {
        if let Some(completion) = &self.completion {
            completion.check()?;
        }
        cx.emit(Event::Started { cart: self.cart });
        let checkout = Checkout {
            cart: self.cart,
            session: self.session,
            order: self.order,
            created_at: cx.now(),
            step: Step::ReserveStock,
            completion: self.completion,
            reserved_until: None,
            reserved: Arc::new(Vec::new()),
            total: None,
            quote: None,
            ending: None,
            answers: self.answers,
            cart_revision: self.cart_revision,
        };
        Ok((checkout, ()))
    }
}

impl Completion {
    fn check(&self) -> Result<(), Error> {
        let too_long = self
            .payment_token
            .as_ref()
            .is_some_and(|token| PAYMENT_TOKEN_CHARS_MAX < token.chars().count());
        if too_long {
            Err(Error::PaymentTokenTooLong {
                max: PAYMENT_TOKEN_CHARS_MAX,
            })
        } else {
            Ok(())
        }
    }
}

/// Notes that the cart is locked and stock reserved until then. The start is answered with it.
#[derive(Clone, Debug)]
pub struct AwaitCompletion {
    /// When the reservation ends.
    pub reserved_until: Timestamp,
    /// What is reserved.
    pub reserved: Arc<Vec<Reserved>>,
}

impl Command<Checkout> for AwaitCompletion {
    const NAME: &'static str = "checkout.await_completion";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        checkout.require(Step::ReserveStock)?;
        checkout.step = Step::AwaitCompletion;
        checkout.reserved_until = Some(self.reserved_until);
        checkout.reserved = self.reserved;
        checkout.answers = None;
        cx.emit(Event::Reserved {
            until: self.reserved_until,
        });
        Ok(())
    }
}

/// Joins a start to a checkout that was begun before: nothing changes, but the caller's key is kept here.
#[derive(Clone, Copy, Debug)]
pub struct JoinCheckout;

impl Command<Checkout> for JoinCheckout {
    const NAME: &'static str = "checkout.join";
    type Reply = ();

    fn apply(self, _: &mut Checkout, _: &mut Context<'_, Checkout>) -> Result<(), Error> {
        Ok(())
    }
}

/// Asks for completion of a checkout that was begun before.
///
/// Where somebody else was first, or the time was up, it changes nothing and is not refused: whatever the checkout
/// comes to is the answer to everybody who asked (section 5.4 of the semantics), also when they ask again, because the
/// caller's key is kept here.
#[derive(Clone, Debug)]
pub struct BeginCompletion {
    /// What the caller said.
    pub completion: Completion,
    /// The idempotency key the saga will answer.
    pub answers: Option<AnswersTo>,
    /// The revision of the cart that the caller requires.
    pub cart_revision: Option<Revision>,
}

impl Command<Checkout> for BeginCompletion {
    const NAME: &'static str = "checkout.begin_completion";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        self.completion.check()?;
        match checkout.step {
            Step::AwaitCompletion => {}
            Step::ReserveStock if checkout.completion.is_none() => return Err(Error::InProgress),
            Step::ReserveStock
            | Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::SettlePayment
            | Step::CapturePayment
            | Step::WalkBack
            | Step::Ended => return Ok(()),
        }
        checkout.step = Step::FreezeQuote;
        checkout.completion = Some(self.completion);
        checkout.answers = self.answers;
        checkout.cart_revision = self.cart_revision;
        cx.emit(Event::CompletionBegun);
        Ok(())
    }
}

/// Notes, before the provider is asked, what for. From here on the outcome may be unknown.
#[derive(Clone, Debug)]
pub struct BeginAuthorization {
    /// What is to be paid, and for what.
    pub quote: Arc<FrozenQuote>,
    /// What is reserved and pinned.
    pub reserved: Arc<Vec<Reserved>>,
}

impl Command<Checkout> for BeginAuthorization {
    const NAME: &'static str = "checkout.begin_authorization";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        if checkout.step != Step::ReserveStock {
            checkout.require(Step::FreezeQuote)?;
        }
        checkout.step = Step::AuthorizePayment;
        let total = self.quote.quote.total;
        checkout.total = Some(total);
        checkout.quote = Some(self.quote);
        checkout.reserved = self.reserved;
        checkout.reserved_until = None;
        cx.emit(Event::AuthorizationBegun { total });
        Ok(())
    }
}

/// Notes that the provider has not answered in time.
#[derive(Clone, Copy, Debug)]
pub struct NotePaymentUnknown;

impl Command<Checkout> for NotePaymentUnknown {
    const NAME: &'static str = "checkout.note_payment_unknown";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        if checkout.step == Step::SettlePayment {
            return Ok(());
        }
        checkout.require(Step::AuthorizePayment)?;
        checkout.step = Step::SettlePayment;
        cx.emit(Event::PaymentUnknown);
        Ok(())
    }
}

/// Notes that order and cart are done, but a capture is still owed. The caller is answered with it.
#[derive(Clone, Copy, Debug)]
pub struct NotePlaced;

impl Command<Checkout> for NotePlaced {
    const NAME: &'static str = "checkout.note_placed";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        if checkout.step != Step::SettlePayment {
            checkout.require(Step::AuthorizePayment)?;
        }
        checkout.step = Step::CapturePayment;
        checkout.answers = None;
        cx.emit(Event::OrderPlaced {
            order: checkout.order,
        });
        Ok(())
    }
}

/// Turns back: the attempt has failed, and everything started will be undone.
#[derive(Clone, Debug)]
pub struct WalkBack {
    /// What it will come to; never [`Ending::Completed`].
    pub ending: Ending,
    /// What may be reserved where that has failed halfway; nothing where what is noted is all.
    pub reserved: Arc<Vec<Reserved>>,
}

impl Command<Checkout> for WalkBack {
    const NAME: &'static str = "checkout.walk_back";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        match checkout.step {
            Step::ReserveStock
            | Step::AwaitCompletion
            | Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::SettlePayment => {}
            Step::WalkBack => return Ok(()),
            at @ Step::CapturePayment => {
                return Err(Error::WrongStep {
                    at,
                    expected: Step::SettlePayment,
                });
            }
            Step::Ended => return Err(Error::Ended),
        }
        if !self.reserved.is_empty() {
            checkout.reserved = self.reserved;
        }
        checkout.step = Step::WalkBack;
        checkout.ending = Some(self.ending.clone());
        cx.emit(Event::WalkBackBegun { ending: self.ending });
        Ok(())
    }
}

/// Gives up a checkout that waits for its completion.
#[derive(Clone, Copy, Debug)]
pub struct AbandonCheckout;

impl Command<Checkout> for AbandonCheckout {
    const NAME: &'static str = "checkout.abandon";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        match (checkout.step, &checkout.ending) {
            // Abandoning what was abandoned changes nothing.
            (Step::WalkBack | Step::Ended, Some(Ending::Abandoned)) => Ok(()),
            _ => give_back(Ending::Abandoned, checkout, cx),
        }
    }
}

/// Refuses a checkout that waits for its completion, for what stands against that before it is begun. Where it waits no
/// longer it changes nothing, as [`BeginCompletion`].
#[derive(Clone, Debug)]
pub struct RefuseCheckout {
    /// Why.
    pub problem: Problem,
    /// The idempotency key the saga will answer.
    pub answers: Option<AnswersTo>,
}

impl Command<Checkout> for RefuseCheckout {
    const NAME: &'static str = "checkout.refuse";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        if checkout.step == Step::AwaitCompletion {
            give_back(Ending::Refused(self.problem), checkout, cx)?;
            checkout.answers = self.answers;
        }
        Ok(())
    }
}

/// Turns a checkout back that waits for its completion.
fn give_back(ending: Ending, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
    match checkout.step {
        Step::AwaitCompletion => WalkBack {
            ending,
            reserved: Arc::default(),
        }
        .apply(checkout, cx),
        Step::Ended => Err(Error::Ended),
        Step::ReserveStock
        | Step::FreezeQuote
        | Step::AuthorizePayment
        | Step::SettlePayment
        | Step::CapturePayment
        | Step::WalkBack => Err(Error::InProgress),
    }
}

/// Ends the attempt: completed when the order stands, else as it was walked back.
#[derive(Clone, Copy, Debug)]
pub struct EndCheckout;

impl Command<Checkout> for EndCheckout {
    const NAME: &'static str = "checkout.end";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        let ending = match checkout.step {
            Step::AuthorizePayment | Step::SettlePayment | Step::CapturePayment => Ending::Completed,
            Step::WalkBack => checkout.ending.clone().unwrap_or(Ending::Abandoned),
            Step::Ended => return Ok(()),
            Step::ReserveStock | Step::AwaitCompletion | Step::FreezeQuote => {
                return Err(Error::WrongStep {
                    at: checkout.step,
                    expected: Step::WalkBack,
                });
            }
        };
        if ending == Ending::Completed && checkout.step != Step::CapturePayment {
            cx.emit(Event::OrderPlaced {
                order: checkout.order,
            });
        }
        checkout.step = Step::Ended;
        checkout.answers = None;
        if ending == Ending::Completed {
            // The order has it.
            checkout.quote = None;
        }
        checkout.ending = Some(ending.clone());
        cx.emit(Event::Ended { ending });
        Ok(())
    }
}

/// The saga's own progress, as one command: what a step came to.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Cart locked and stock reserved; the shopper may complete.
    Reserved(AwaitCompletion),
    /// The quote is frozen; the provider comes next.
    Frozen(BeginAuthorization),
    /// The provider has not answered.
    PaymentUnknown(NotePaymentUnknown),
    /// Order and cart are done, the capture is owed.
    Placed(NotePlaced),
    /// The attempt failed.
    Failed(WalkBack),
    /// Everything is done or undone.
    Over(EndCheckout),
}

impl Command<Checkout> for Progress {
    const NAME: &'static str = "checkout.progress";
    type Reply = ();

    fn apply(self, checkout: &mut Checkout, cx: &mut Context<'_, Checkout>) -> Result<(), Error> {
        match self {
            Self::Reserved(note) => note.apply(checkout, cx),
            Self::Frozen(note) => note.apply(checkout, cx),
            Self::PaymentUnknown(note) => note.apply(checkout, cx),
            Self::Placed(note) => note.apply(checkout, cx),
            Self::Failed(note) => note.apply(checkout, cx),
            Self::Over(note) => note.apply(checkout, cx),
        }
    }
}

impl Checkout {
    fn require(&self, expected: Step) -> Result<(), Error> {
        if self.step == expected {
            Ok(())
        } else {
            Err(Error::WrongStep {
                at: self.step,
                expected,
            })
        }
    }
}
