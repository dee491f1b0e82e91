//! How stored value refuses.

use super::{Form, GIFT_CARD_CODE_LENGTH_MAX, GIFT_CARD_CODE_LENGTH_MIN, StoredValue};
use crate::error::{Class, Detail, FieldErrors, Problem, Refusal};
use crate::id::StoredValueId;
use crate::money::{self, Currency, Money};

/// Why nothing can be spent of a gift card or of store credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Staff have disabled it.
    Disabled,
    /// It has expired.
    Expired,
    /// It is of another currency than the cart.
    OtherCurrency,
    /// The cart is not for the customer whose it is.
    OtherCustomer,
    /// Nothing is on it that is not held by other checkouts.
    Empty,
}

impl Unusable {
    /// Returns the stable name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::OtherCurrency => "other_currency",
            Self::OtherCustomer => "other_customer",
            Self::Empty => "empty",
        }
    }

    /// Says so of one that somebody wanted to spend.
    pub fn problem(self, value: &StoredValue) -> Problem {
        let name = value.name();
        let message = match self {
            Self::Disabled => format!("{name} is disabled"),
            Self::Expired => format!("{name} has expired"),
            Self::OtherCurrency => format!("{name} is in {}, the cart is not", value.currency()),
            Self::OtherCustomer => format!("{name} is another customer's than the cart"),
            Self::Empty => format!("nothing is left on {name}"),
        };
        Problem::new(Class::Invalid, self.code(value), message)
            .with("id", value.id.to_string())
            .with("reason", self.name())
    }

    fn code(self, value: &StoredValue) -> &'static str {
        match (&value.form, self) {
            (Form::StoreCredit { .. }, _) => "store_credit.unusable",
            // A gift card is nobody's in particular.
            (Form::GiftCard(_), Self::Disabled | Self::OtherCustomer) => "gift_card.disabled",
            (Form::GiftCard(_), Self::Expired) => "gift_card.expired",
            (Form::GiftCard(_), Self::OtherCurrency) => "gift_card.other_currency",
            (Form::GiftCard(_), Self::Empty) => "gift_card.empty",
        }
    }
}

/// Less is left than was to be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{left} are left on {name}, {requested} were to be paid with it; show what it covers now and complete again"
)]
pub struct Insufficient {
    code: &'static str,
    name: String,
    id: StoredValueId,
    requested: Money,
    left: Money,
}

impl Insufficient {
    /// Says what is left of one of which more was to be held.
    pub(super) fn new(value: &StoredValue, requested: Money, left: Money) -> Self {
        Self {
            code: match &value.form {
                Form::GiftCard(_) => "gift_card.insufficient_balance",
                Form::StoreCredit { .. } => "store_credit.insufficient_balance",
            },
            name: value.name(),
            id: value.id,
            requested,
            left,
        }
    }
}

/// A refusal of stored value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// A gift card's code is not of the expected form.
    #[error(
        "a gift card's code is {} to {} letters and digits",
        GIFT_CARD_CODE_LENGTH_MIN,
        GIFT_CARD_CODE_LENGTH_MAX
    )]
    InvalidCode,
    /// Less is left than was to be held.
    #[error(transparent)]
    Insufficient(#[from] Insufficient),
    /// As many checkouts hold something as may.
    #[error("{max} checkouts hold something of it, the most that may; try again in a moment")]
    TooManyHolds {
        /// The most.
        max: usize,
    },
    /// The balance would be less than what is held of it, or than nothing.
    #[error("{}", below_held(*balance, *held))]
    BelowHeld {
        /// The balance.
        balance: Money,
        /// What is held of it.
        held: Money,
    },
    /// Something else was booked on store credit before it was brought in.
    #[error("the customer's store credit in {currency} has other bookings already; adjust it instead")]
    AlreadyBooked {
        /// In which currency.
        currency: Currency,
    },
    /// Amounts that do not go together.
    #[error(transparent)]
    Money(#[from] money::Error),
}

/// Says why a balance cannot become less, by what checkouts hold of it.
fn below_held(balance: Money, held: Money) -> String {
    match held.is_zero() {
        true => format!("the balance is {balance}, and no more than that can be taken off"),
        false => {
            format!("{held} of {balance} are held by checkouts, so that it cannot become less than that")
        }
    }
}

impl StoredValue {
    /// Returns what it is called in a sentence.
    fn name(&self) -> String {
        match &self.form {
            Form::GiftCard(card) => format!("the gift card {}", card.code),
            Form::StoreCredit { .. } => "the store credit".to_owned(),
        }
    }
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(_) | Self::InvalidCode => Class::Invalid,
            Self::Insufficient(_) | Self::BelowHeld { .. } | Self::AlreadyBooked { .. } => Class::Conflict,
            Self::TooManyHolds { .. } => Class::TooMany,
            Self::Money(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => FieldErrors::CODE,
            Self::InvalidCode => "gift_card.invalid_code",
            Self::Insufficient(insufficient) => insufficient.code,
            Self::TooManyHolds { .. } => "stored_value.too_many_holds",
            Self::BelowHeld { .. } => "stored_value.below_held",
            Self::AlreadyBooked { .. } => "store_credit.already_booked",
            Self::Money(error) => error.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::Insufficient(insufficient) => vec![
                ("id".to_owned(), insufficient.id.to_string().into()),
                ("requested".to_owned(), insufficient.requested.into()),
                ("left".to_owned(), insufficient.left.into()),
            ],
            Self::TooManyHolds { max } => vec![("holds_max".to_owned(), (*max).into())],
            Self::BelowHeld { balance, held } => vec![
                ("balance".to_owned(), (*balance).into()),
                ("held".to_owned(), (*held).into()),
            ],
            Self::Money(error) => error.details(),
            Self::InvalidCode | Self::AlreadyBooked { .. } => Vec::new(),
        }
    }
}
