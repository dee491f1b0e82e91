//! The payment: three amounts, and what became of it.

use super::Error;
use crate::error::{Broken, ensure};
use crate::id::StoredValueId;
use crate::money::Money;
use crate::stored_value::{GIFT_CARD, STORE_CREDIT};
use serde::{Deserialize, Serialize};

/// One payment of an order, at one provider or out of a gift card or store credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    provider: String,
    reference: String,
    authorized: Money,
    captured: Money,
    refunded: Money,
    phase: Phase,
}

/// What the amounts do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Money can be taken and given back.
    Open,
    /// The provider refused the last capture, or did not answer; it is tried again.
    CaptureFailed,
    /// The authorization was let go.
    Voided,
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    /// The money is set aside, none of it is taken.
    Authorized,
    /// The provider refused to hand over the money, or did not answer; it is asked again.
    CaptureFailed,
    /// Money is taken.
    Captured,
    /// Some of what was taken is given back.
    PartiallyRefunded,
    /// All of what was taken is given back.
    Refunded,
    /// The money is let go; none was taken.
    Voided,
}

impl PaymentState {
    /// Every state, the one that needs a person first: an order with several payments shows the first of these.
    pub const BY_URGENCY: &'static [Self] = &[
        Self::CaptureFailed,
        Self::Authorized,
        Self::PartiallyRefunded,
        Self::Captured,
        Self::Refunded,
        Self::Voided,
    ];

    /// Returns the stable name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::CaptureFailed => "capture_failed",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}

impl Payment {
    /// Makes a payment of which a provider has set an amount aside.
    ///
    /// # Errors
    /// [`Error::NotPositive`]: a total of 0 needs no payment.
    pub fn authorized(
        provider: impl Into<String>,
        reference: impl Into<String>,
        amount: Money,
    ) -> Result<Self, Error> {
        require_positive(amount)?;
        Ok(Self {
            provider: provider.into(),
            reference: reference.into(),
            authorized: amount,
            captured: Money::zero(amount.currency),
            refunded: Money::zero(amount.currency),
            phase: Phase::Open,
        })
    }

    /// Returns the stable name of the provider.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the provider's name for the payment.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Returns the gift card or store credit it is out of; nothing for one at a payment provider.
    pub fn stored_value(&self) -> Option<StoredValueId> {
        match self.provider.as_str() {
            GIFT_CARD | STORE_CREDIT => self.reference.parse().ok(),
            _ => None,
        }
    }

    /// Returns how much was set aside.
    pub fn authorized_amount(&self) -> Money {
        self.authorized
    }

    /// Returns how much was taken.
    pub fn captured(&self) -> Money {
        self.captured
    }

    /// Returns how much was given back.
    pub fn refunded(&self) -> Money {
        self.refunded
    }

    /// Returns how it stands.
    pub fn state(&self) -> PaymentState {
        match self.phase {
            Phase::Voided => PaymentState::Voided,
            Phase::CaptureFailed => PaymentState::CaptureFailed,
            Phase::Open if self.captured.is_zero() => PaymentState::Authorized,
            Phase::Open if self.refunded.is_zero() => PaymentState::Captured,
            Phase::Open if self.refunded == self.captured => PaymentState::Refunded,
            Phase::Open => PaymentState::PartiallyRefunded,
        }
    }

    /// Returns how much may still be taken.
    pub fn capturable(&self) -> Money {
        match self.phase {
            Phase::Open | Phase::CaptureFailed => self.left(self.authorized, self.captured),
            Phase::Voided => Money::zero(self.authorized.currency),
        }
    }

    /// Returns how much may still be given back: captured less refunded.
    pub fn refundable(&self) -> Money {
        self.left(self.captured, self.refunded)
    }

    /// Notes that money was taken.
    ///
    /// # Errors
    /// [`Error::NotPositive`], [`Error::ExceedsAuthorization`] or [`Error::Voided`]; nothing has changed then.
    pub fn capture(&mut self, amount: Money) -> Result<(), Error> {
        self.require_same(amount)?;
        if self.phase == Phase::Voided {
            return Err(Error::Voided);
        }
        let left = self.capturable();
        if left.amount < amount.amount {
            return Err(Error::ExceedsAuthorization {
                requested: amount,
                left,
            });
        }
        self.captured = self.captured.plus(amount)?;
        self.phase = Phase::Open;
        Ok(())
    }

    /// Notes that the provider refused to hand over the money.
    ///
    /// # Errors
    /// [`Error::Voided`], or [`Error::Captured`] when everything has been taken already.
    pub fn fail_capture(&mut self) -> Result<(), Error> {
        if self.phase == Phase::Voided {
            return Err(Error::Voided);
        }
        if self.capturable().is_zero() {
            return Err(Error::Captured {
                captured: self.captured,
            });
        }
        self.phase = Phase::CaptureFailed;
        Ok(())
    }

    /// Notes that the authorization was let go. Voiding what is voided changes nothing.
    ///
    /// # Errors
    /// [`Error::Captured`] when money has been taken: that is refunded.
    pub fn void(&mut self) -> Result<(), Error> {
        if !self.captured.is_zero() {
            return Err(Error::Captured {
                captured: self.captured,
            });
        }
        self.phase = Phase::Voided;
        Ok(())
    }

    /// Notes that money was given back.
    ///
    /// # Errors
    /// [`Error::NotPositive`], [`Error::NotCaptured`] or [`Error::ExceedsCaptured`]; nothing has changed then.
    pub fn refund(&mut self, amount: Money) -> Result<(), Error> {
        self.require_same(amount)?;
        if self.captured.is_zero() {
            return Err(Error::NotCaptured);
        }
        let left = self.refundable();
        if left.amount < amount.amount {
            return Err(Error::ExceedsCaptured {
                requested: amount,
                left,
            });
        }
        self.refunded = self.refunded.plus(amount)?;
        Ok(())
    }

    /// Checks what is true of every payment.
    ///
    /// # Errors
    /// [`Broken`] with the sentence that is not true.
    pub fn invariants(&self) -> Result<(), Broken> {
        let (authorized, captured, refunded) = (self.authorized, self.captured, self.refunded);
        let one_currency =
            captured.currency == authorized.currency && refunded.currency == authorized.currency;
        ensure(one_currency, "a payment has one currency")?;
        ensure(
            captured.amount <= authorized.amount,
            "captures never exceed the authorization",
        )?;
        ensure(
            refunded.amount <= captured.amount,
            "refunds never exceed captures",
        )?;
        ensure(
            0 < authorized.amount && 0 <= refunded.amount,
            "no amount of a payment is negative",
        )?;
        ensure(
            self.phase != Phase::Voided || captured.is_zero(),
            "nothing was taken of what is voided",
        )
    }

    fn require_same(&self, amount: Money) -> Result<(), Error> {
        amount.require(self.authorized.currency)?;
        require_positive(amount)
    }

    /// Returns `whole - part` of two amounts of this payment, which never exceed one another.
    fn left(&self, whole: Money, part: Money) -> Money {
        Money::new(whole.amount.saturating_sub(part.amount), self.authorized.currency)
    }
}

fn require_positive(amount: Money) -> Result<(), Error> {
    if amount.amount <= 0 {
        Err(Error::NotPositive { amount })
    } else {
        Ok(())
    }
}
