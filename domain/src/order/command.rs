//! What can be asked of an order.

use super::{Error, Event, Order, PromisedStock, REASON_LENGTH_MAX, Status, StatusChange};
use crate::cart::FrozenQuote;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::{OrderId, SessionId};
use crate::money::Money;
use crate::payment::{self, Payment, PaymentState};
use crate::text;
use std::sync::Arc;

/// What the order's token is drawn for.
const TOKEN_PURPOSE: &str = "order/token";

/// Places an order: the pivot of a checkout. The commit draws its number.
///
/// With an authorized payment, or nothing to pay, it is confirmed at once; else it is pending.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// What was agreed on.
    pub quote: Arc<FrozenQuote>,
    /// The session that ordered.
    pub session: Option<SessionId>,
    /// What was authorized, in all the quote's total. None when that is 0, or is paid another way.
    pub payments: Vec<Payment>,
    /// What is held for the checkout and will be allocated.
    pub stock: Vec<PromisedStock>,
}

impl Create<Order> for PlaceOrder {
    const NAME: &'static str = "order.place";
    type Reply = ();

    fn create(self, id: OrderId, cx: &mut Context<'_, Order>) -> Result<(Order, ()), Error> {
        let Self {
            quote,
            session,
            payments,
            stock,
        } = self;
        let total = quote.quote.total;
        let authorized = payments.iter().map(Payment::authorized_amount);
        let authorized = Money::sum(total.currency, authorized).map_err(payment::Error::from)?;
        if !payments.is_empty() && authorized != total {
            return Err(Error::TotalNotAuthorized { authorized, total });
        }
        cx.emit(Event::OrderPlaced {
            checkout: quote.checkout,
            cart: quote.cart,
            total,
        });
        let by = cx.caller().name();
        let placed = StatusChange {
            at: cx.now(),
            by: by.clone(),
            from: None,
            to: Status::Pending,
            reason: "placed".to_owned(),
        };
        let mut order = Order {
            id,
            number: None,
            status: Status::Pending,
            session,
            token: cx.secret(TOKEN_PURPOSE),
            placed_at: cx.now(),
            payments,
            history: vec![placed],
            stock: Arc::new(stock),
            quote,
        };
        let confirmed = if total.is_zero() {
            Some("nothing to pay")
        } else if order.payments.is_empty() {
            None
        } else {
            Some("payment authorized")
        };
        if let Some(reason) = confirmed {
            order.move_to(Status::Confirmed, by, reason.to_owned(), cx)?;
            cx.emit(Event::OrderConfirmed);
        }
        Ok((order, ()))
    }
}

/// Calls an order off. Its payments and stock are given back by whoever called it off.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// Who wants it, as [`crate::Caller::name`] has it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Command<Order> for Cancel {
    const NAME: &'static str = "order.cancel";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        let Some(reason) = errors.take("/reason", text::line(&self.reason, REASON_LENGTH_MAX)) else {
            return Err(errors.into());
        };
        order.move_to(Status::Canceled, self.by, reason.clone(), cx)?;
        cx.emit(Event::OrderCanceled { reason });
        Ok(())
    }
}

/// Notes that a provider has taken money; on a canceled order too, which then has to be refunded.
#[derive(Clone, Debug)]
pub struct RecordCapture {
    /// The provider's name for the payment.
    pub reference: String,
    /// How much.
    pub amount: Money,
}

impl Command<Order> for RecordCapture {
    const NAME: &'static str = "order.record_capture";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let Self { reference, amount } = self;
        order.payment_mut(&reference)?.capture(amount)?;
        cx.emit(Event::PaymentCaptured { reference, amount });
        Ok(())
    }
}

/// Notes that gift cards and store credit have paid their parts.
#[derive(Clone, Debug)]
pub struct RecordUses {
    /// Each payment with its amount.
    pub uses: Vec<RecordCapture>,
}

impl Command<Order> for RecordUses {
    const NAME: &'static str = "order.record_uses";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let mut paid = order.clone();
        for RecordCapture { reference, amount } in &self.uses {
            paid.payment_mut(reference)?.capture(*amount)?;
        }
        *order = paid;
        for RecordCapture { reference, amount } in self.uses {
            cx.emit(Event::PaymentCaptured { reference, amount });
        }
        Ok(())
    }
}

/// Notes that a provider refused to hand over the money, or has not answered yet. Told once until a capture works.
#[derive(Clone, Debug)]
pub struct RecordCaptureFailure {
    /// The provider's name for the payment.
    pub reference: String,
    /// Why, in the provider's words; cut to its limit.
    pub reason: String,
}

impl Command<Order> for RecordCaptureFailure {
    const NAME: &'static str = "order.record_capture_failure";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let payment = order.payment_mut(&self.reference)?;
        let before = payment.state();
        payment.fail_capture()?;
        if payment.state() != before {
            let reason = self.reason.chars().take(REASON_LENGTH_MAX).collect();
            cx.emit(Event::PaymentCaptureFailed {
                reference: self.reference,
                reason,
            });
        }
        Ok(())
    }
}

/// Notes that a provider has let go of an authorization.
#[derive(Clone, Debug)]
pub struct RecordVoid {
    /// The provider's name for the payment.
    pub reference: String,
}

impl Command<Order> for RecordVoid {
    const NAME: &'static str = "order.record_void";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let Self { reference } = self;
        let payment = order.payment_mut(&reference)?;
        let before = payment.state();
        payment.void()?;
        if payment.state() != before {
            cx.emit(Event::PaymentVoided { reference });
        }
        Ok(())
    }
}

/// Notes that a provider does not let go of an authorization, however often it is asked. It stays as it is, until it ends at
/// the provider; nothing is noted of what was captured meanwhile.
#[derive(Clone, Debug)]
pub struct RecordVoidFailure {
    /// The provider's name for the payment.
    pub reference: String,
}

impl Command<Order> for RecordVoidFailure {
    const NAME: &'static str = "order.record_void_failure";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let Self { reference } = self;
        let payment = order.payment_mut(&reference)?;
        if matches!(
            payment.state(),
            PaymentState::Authorized | PaymentState::CaptureFailed
        ) {
            cx.emit(Event::PaymentVoidFailed { reference });
        }
        Ok(())
    }
}

/// Notes that a provider has given money back.
#[derive(Clone, Debug)]
pub struct RecordRefund {
    /// The provider's name for the payment.
    pub reference: String,
    /// How much.
    pub amount: Money,
}

impl Command<Order> for RecordRefund {
    const NAME: &'static str = "order.record_refund";
    type Reply = ();

    fn apply(self, order: &mut Order, cx: &mut Context<'_, Order>) -> Result<(), Error> {
        let Self { reference, amount } = self;
        order.payment_mut(&reference)?.refund(amount)?;
        cx.emit(Event::PaymentRefunded { reference, amount });
        Ok(())
    }
}

impl Order {
    fn move_to(
        &mut self,
        to: Status,
        by: String,
        reason: String,
        cx: &Context<'_, Self>,
    ) -> Result<(), Error> {
        self.status.require_next(to)?;
        self.history.push(StatusChange {
            at: cx.now(),
            by,
            from: Some(self.status),
            to,
            reason,
        });
        self.status = to;
        Ok(())
    }

    fn payment_mut(&mut self, reference: &str) -> Result<&mut Payment, Error> {
        let payment = self
            .payments
            .iter_mut()
            .find(|payment| payment.reference() == reference);
        payment.ok_or_else(|| Error::UnknownPayment {
            reference: reference.to_owned(),
        })
    }
}
