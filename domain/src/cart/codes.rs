//! Coupon codes in a cart: applying, removing, and why one is refused (section 2.6 of the semantics).

use super::{Cart, Error, Event, Unmet};
use crate::entity::{Command, Context};
use crate::error::{Class, Detail, Problem, Refusal};
use crate::money::Money;
use crate::promotion::{Code, Promotion};

/// How many codes a cart may hold.
pub const CODES_MAX: usize = 10;

/// Adds codes that were judged to apply. One that is there already changes nothing.
#[derive(Clone, Debug)]
pub struct ApplyCodes {
    /// The codes.
    pub codes: Vec<Code>,
    /// Why others of the same request were refused. They are answered again with the request's receipt.
    pub refused: Vec<Problem>,
}

impl Command<Cart> for ApplyCodes {
    const NAME: &'static str = "cart.apply_codes";
    type Reply = Vec<Problem>;

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<Vec<Problem>, Error> {
        cart.require_open()?;
        let mut added: Vec<Code> = Vec::new();
        for code in self.codes {
            if !cart.codes.contains(&code) && !added.contains(&code) {
                added.push(code);
            }
        }
        if CODES_MAX < cart.codes.len() + added.len() {
            return Err(Error::TooManyCodes { max: CODES_MAX });
        }
        if !added.is_empty() {
            cart.codes.extend_from_slice(&added);
            cart.changed(Event::CodesApplied { codes: added }, cx);
        }
        Ok(self.refused)
    }
}

/// Takes codes out. Taking out what is not there changes nothing.
#[derive(Clone, Debug)]
pub struct RemoveCodes {
    /// The codes.
    pub codes: Vec<Code>,
}

impl Command<Cart> for RemoveCodes {
    const NAME: &'static str = "cart.remove_codes";
    type Reply = ();

    fn apply(self, cart: &mut Cart, cx: &mut Context<'_, Cart>) -> Result<(), Error> {
        cart.require_open()?;
        let mut codes = self.codes;
        codes.retain(|code| cart.codes.contains(code));
        if !codes.is_empty() {
            cart.codes.retain(|code| !codes.contains(code));
            cart.changed(Event::CodesRemoved { codes }, cx);
        }
        Ok(())
    }
}

/// Why a code is refused, or does not apply at present.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// There is no such code, or its promotion is switched off.
    #[error("there is no coupon code {code}")]
    Unknown {
        /// As it was entered.
        code: String,
    },
    /// Its promotion has ended.
    #[error("the coupon code {code} has expired")]
    Expired {
        /// The code.
        code: Code,
    },
    /// Its promotion has not started.
    #[error("the coupon code {code} is not valid yet")]
    NotStarted {
        /// The code.
        code: Code,
    },
    /// The cart is worth too little of what it is about.
    #[error("the cart does not reach the minimum of the coupon code {code}: {minimum}")]
    BelowSubtotal {
        /// The code.
        code: Code,
        /// What it must be worth.
        minimum: Money,
    },
    /// The cart holds too little of what it is about.
    #[error("the cart does not reach the minimum of the coupon code {code}: {minimum} units")]
    BelowQuantity {
        /// The code.
        code: Code,
        /// How many units it must hold.
        minimum: u64,
    },
    /// It is for other customers.
    #[error("the coupon code {code} is not for this customer")]
    WrongCustomer {
        /// The code.
        code: Code,
    },
    /// It was used as often as it can be. By whom is not told: a guest must not learn who is known here.
    #[error("the coupon code {code} has been used as often as it can be")]
    LimitReached {
        /// The code.
        code: Code,
    },
    /// There is nothing in the cart that it is about, or another promotion goes with no other.
    #[error("the coupon code {code} does not apply to this cart")]
    NotApplicable {
        /// The code.
        code: Code,
        /// Why.
        unmet: Unmet,
    },
}

impl CodeRefused {
    /// Says why a code's promotion does not apply.
    pub fn new(code: &Code, unmet: Unmet, promotion: Option<&Promotion>) -> Self {
        let code = code.clone();
        let conditions = promotion.map(|promotion| &promotion.conditions);
        match unmet {
            Unmet::NoSuchCode => Self::Unknown {
                code: code.to_string(),
            },
            Unmet::Ended => Self::Expired { code },
            Unmet::NotStarted => Self::NotStarted { code },
            Unmet::BelowSubtotal => match conditions.and_then(|conditions| conditions.subtotal_from) {
                Some(minimum) => Self::BelowSubtotal { code, minimum },
                None => Self::NotApplicable { code, unmet },
            },
            Unmet::BelowQuantity => match conditions.and_then(|conditions| conditions.quantity_from) {
                Some(minimum) => Self::BelowQuantity { code, minimum },
                None => Self::NotApplicable { code, unmet },
            },
            Unmet::OtherCustomer | Unmet::NotFirstOrder => Self::WrongCustomer { code },
            Unmet::LimitReached => Self::LimitReached { code },
            Unmet::OtherCurrency
            | Unmet::OtherZone
            | Unmet::NothingMatches
            | Unmet::Suppressed
            | Unmet::CodeNotEntered => Self::NotApplicable { code, unmet },
        }
    }

    /// Tells whether the code leaves the cart: waiting for it to apply again would be in vain.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Unknown { .. }
            | Self::Expired { .. }
            | Self::WrongCustomer { .. }
            | Self::LimitReached { .. } => true,
            Self::NotStarted { .. }
            | Self::BelowSubtotal { .. }
            | Self::BelowQuantity { .. }
            | Self::NotApplicable { .. } => false,
        }
    }
}

impl Refusal for CodeRefused {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "coupon.unknown",
            Self::Expired { .. } => "coupon.expired",
            Self::NotStarted { .. } => "coupon.not_started",
            Self::BelowSubtotal { .. } | Self::BelowQuantity { .. } => "coupon.below_minimum",
            Self::WrongCustomer { .. } => "coupon.wrong_customer",
            Self::LimitReached { .. } => "coupon.limit_reached",
            Self::NotApplicable { .. } => "coupon.not_applicable",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let name = |code: &Code| vec![("code".to_owned(), Detail::from(code.as_str()))];
        let with = |code: &Code, more: &str, detail: Detail| {
            let mut details = name(code);
            details.push((more.to_owned(), detail));
            details
        };
        match self {
            Self::Unknown { code } => vec![("code".to_owned(), code.as_str().into())],
            Self::Expired { code }
            | Self::NotStarted { code }
            | Self::WrongCustomer { code }
            | Self::LimitReached { code } => name(code),
            Self::BelowSubtotal { code, minimum } => with(code, "minimum", (*minimum).into()),
            Self::BelowQuantity { code, minimum } => with(code, "minimum_quantity", (*minimum).into()),
            Self::NotApplicable { code, unmet } => with(code, "reason", unmet.name().into()),
        }
    }
}
