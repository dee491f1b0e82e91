//! The store's settings: one entity, read by every other area as a fact.

mod command;
mod past;

pub use command::{CreateSettings, Draft, KeepRefusal, KeepReply, UpdateSettings};

use crate::country::Country;
use crate::entity::{Context, Entity, NoTimer, PastBody};
use crate::error::{Broken, Class, Detail, FieldErrors, Problem, Refusal, ensure};
use crate::event::EventBody;
use crate::id::SettingsId;
use crate::kind::Kind;
use crate::money::{Currency, Rounding};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest lifetime that can be set.
pub const LIFETIME_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The most lines a cart may be allowed to hold: more would not fit into a snapshot.
pub const CART_LINES_LIMIT_MAX: u32 = 2_000;
/// The most units a line may be allowed to hold.
pub const LINE_UNITS_LIMIT_MAX: u32 = 1_000_000_000;
/// The highest low-stock level.
pub const LOW_STOCK_LEVEL_MAX: u64 = 1_000_000_000;

/// How the store does business. Of this there is one, with the id [`crate::id::SETTINGS_ID`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The currency of carts that name none.
    pub currency: Currency,
    /// The other currencies that carts may have, sorted by code.
    pub currencies: Vec<Currency>,
    /// Whether listed prices contain tax.
    pub prices: Prices,
    /// Where ties go (section 1.3).
    pub rounding: Rounding,
    /// The country whose tax zone is home: its tax is in inclusive prices and in estimates.
    pub home_country: Country,
    /// What becomes of inclusive prices abroad (section 1.7).
    pub foreign_zone: ForeignZone,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How much there may be.
    pub limits: Limits,
    /// When payments are captured.
    pub capture: Capture,
    /// Which quantity wins where two carts hold the same line (section 4.5).
    pub merge: MergeRule,
    /// At or below how many units on hand a stock item is low, unless it says otherwise (section 3.6).
    pub low_stock_level: u64,
    /// Whether a canceled order's uses of limited promotions stay used (section 2.7).
    pub keep_used_on_cancel: bool,
    /// The tax calculator that is asked; none for the store's rate table.
    pub tax_calculator: Option<String>,
}

/// How long things live. Every lifetime lies between a second and [`LIFETIME_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// A session, sliding.
    pub session: Duration,
    /// A cart without activity, until it is abandoned.
    pub cart: Duration,
    /// An abandoned cart, until it is deleted.
    pub abandoned_cart: Duration,
    /// A stock reservation, until its checkout expires.
    pub reservation: Duration,
    /// A checkout that has begun to pay, until its payment is voided.
    pub checkout: Duration,
    /// A call to the payment provider, until its outcome counts as unknown.
    pub provider: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            session: 30 * DAY,
            cart: 30 * DAY,
            abandoned_cart: 30 * DAY,
            reservation: 10 * MINUTE,
            checkout: 60 * MINUTE,
            provider: 5 * SECOND,
        }
    }
}

/// How much a cart may hold (section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Lines a cart may hold.
    pub cart_lines_max: u32,
    /// Units a line may hold.
    pub line_units_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cart_lines_max: 2_000,
            line_units_max: 1_000_000,
        }
    }
}

/// Declares a setting of a few words, with their spelling on the wire.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every choice.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

choice! {
    /// Whether listed prices contain tax.
    Prices {
        /// They contain the home zone's tax.
        IncludeTax = "include_tax",
        /// Tax comes on top.
        ExcludeTax = "exclude_tax",
    }
}

choice! {
    /// What becomes of inclusive prices when goods go to another zone.
    ForeignZone {
        /// The shopper pays the same; the tax in it is the other zone's.
        KeepGross = "keep_gross",
        /// The home tax is taken out; the other zone's tax comes on top.
        StripHomeTax = "strip_home_tax",
    }
}

choice! {
    /// When an authorized payment is captured.
    Capture {
        /// As soon as the order is placed.
        Now = "now",
        /// When goods leave.
        WhenShipped = "when_shipped",
    }
}

choice! {
    /// Which quantity a merged line has where both carts hold it.
    MergeRule {
        /// The larger of both.
        Larger = "larger",
        /// Both together.
        Sum = "sum",
        /// The guest cart's.
        Guest = "guest",
        /// The customer cart's.
        Customer = "customer",
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            currency: Currency::GBP,
            currencies: Vec::new(),
            prices: Prices::IncludeTax,
            rounding: Rounding::HalfUp,
            home_country: Country::GB,
            foreign_zone: ForeignZone::KeepGross,
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            capture: Capture::Now,
            merge: MergeRule::Larger,
            low_stock_level: 10,
            keep_used_on_cancel: false,
            tax_calculator: None,
        }
    }
}

impl Settings {
    /// Tells whether carts may have a currency.
    pub fn offers(&self, currency: Currency) -> bool {
        currency == self.currency || self.currencies.binary_search(&currency).is_ok()
    }

    /// Returns the currency of a new cart: the one that was asked for, or the store's own.
    ///
    /// # Errors
    /// [`CurrencyNotOffered`]: the store does not sell in it.
    pub fn currency_of_cart(&self, asked: Option<Currency>) -> Result<Currency, CurrencyNotOffered> {
        let asked = asked.unwrap_or(self.currency);
        if self.offers(asked) {
            return Ok(asked);
        }
        let mut offered = vec![self.currency];
        offered.extend(&self.currencies);
        Err(CurrencyNotOffered {
            currency: asked,
            offered,
        })
    }
}

/// A currency was asked for that the store does not sell in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not sell in {currency}; details.offered names the currencies that it sells in")]
pub struct CurrencyNotOffered {
    /// Which one was asked for.
    pub currency: Currency,
    /// Which ones there are, the store's own first.
    pub offered: Vec<Currency>,
}

impl Refusal for CurrencyNotOffered {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        "currency.not_offered"
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let offered = self.offered.iter().map(|currency| currency.code().into());
        vec![
            ("currency".to_owned(), self.currency.code().into()),
            ("offered".to_owned(), Detail::List(offered.collect())),
        ]
    }
}

/// What happened to the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The store was set up.
    Created(Settings),
    /// They were changed, to this.
    Updated(Settings),
}

impl EventBody for Event {
    const SCHEMA: u16 = 2;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        past::event(schema, body)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "settings.created",
            Self::Updated(_) => "settings.updated",
        }
    }
}

/// How the settings refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// A refusal from elsewhere, kept here under a staff member's idempotency key.
    #[error(transparent)]
    Kept(Problem),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(errors) => errors.class(),
            Self::Kept(problem) => problem.class,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(errors) => errors.code(),
            Self::Kept(_) => "settings.kept_refusal",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::Kept(problem) => problem.details.clone(),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Fields(errors) => errors.problem(),
            Self::Kept(problem) => problem.clone(),
        }
    }
}

impl Entity for Settings {
    const KIND: Kind = Kind::Settings;
    const SCHEMA: u16 = 2;
    type Id = SettingsId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        past::settings(schema, body)
    }

    fn invariants(&self) -> Result<(), Broken> {
        let sentence = "every setting lies within its bounds";
        ensure(Draft::default().applied_to(self.clone()).is_ok(), sentence)
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
