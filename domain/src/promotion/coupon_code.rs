//! Codes that are each good for one order: made or imported by the thousand, kept beside their promotion.

use super::{CODE_LENGTH_MAX, Code, Error, Promotion};
use crate::entity::{Command, Context, Create, Entity, Keys, NoTimer};
use crate::error::{Broken, FieldErrors};
use crate::event::EventBody;
use crate::id::{CouponCodeId, PromotionId, Seed, UseCounterId};
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::text::drawn_code;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where ids of codes come from.
const COUPON_CODES: Uuid = Uuid::from_u128(0x51c7_03be_8d42_4f6a_9e1d_70b2_c4a8_5f39);

/// How many codes can be drawn at a time.
pub const CODES_DRAWN_MAX: u32 = 100_000;
/// The fewest drawn letters that make a code which nobody guesses.
const DRAWN_LENGTH_MIN: usize = 8;
/// The most letters that are drawn for a code.
const DRAWN_LENGTH_MAX: usize = 24;
/// How many letters are drawn unless somebody says otherwise.
const DRAWN_LENGTH_DEFAULT: usize = 10;
/// What codes are drawn for.
const CODE_PURPOSE: &str = "coupon_code";

/// How codes are to be drawn, as staff sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrawDraft {
    /// How many.
    pub count: u32,
    /// What each begins with; nothing unless given.
    pub prefix: Option<String>,
    /// How many drawn letters follow.
    pub length: Option<usize>,
}

/// How codes are drawn: the same seed draws the same codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// How many.
    pub count: u32,
    prefix: String,
    length: usize,
    seed: Seed,
}

impl DrawDraft {
    /// Reads how codes are to be drawn from a seed.
    ///
    /// # Errors
    /// Every bad field.
    fn check(self, seed: Seed) -> Result<Draw, FieldErrors> {
        let mut errors = FieldErrors::default();
        if !(1..=CODES_DRAWN_MAX).contains(&self.count) {
            let message = format!("must be from 1 to {CODES_DRAWN_MAX}; call again for more");
            errors.add("/count", "promotion.invalid_quantity", message);
        }
        let length = self.length.unwrap_or(DRAWN_LENGTH_DEFAULT);
        if !(DRAWN_LENGTH_MIN..=DRAWN_LENGTH_MAX).contains(&length) {
            let message = format!("must be from {DRAWN_LENGTH_MIN} to {DRAWN_LENGTH_MAX}");
            errors.add("/length", "promotion.invalid_quantity", message);
        }
        let prefix = self.prefix.filter(|prefix| !prefix.trim().is_empty());
        let prefix = match prefix.map(|prefix| errors.take("/prefix", Code::parse(&prefix))) {
            None => String::new(),
            Some(prefix) => prefix
                .map(|prefix| prefix.as_str().to_owned())
                .unwrap_or_default(),
        };
        if CODE_LENGTH_MAX < prefix.len() + DRAWN_LENGTH_MAX {
            let message = format!("must be at most {} letters", CODE_LENGTH_MAX - DRAWN_LENGTH_MAX);
            errors.add("/prefix", "text.too_long", message);
        }
        errors.into_result()?;
        Ok(Draw {
            count: self.count,
            prefix,
            length,
            seed,
        })
    }
}

/// Begins a draw of codes. What is drawn is settled with it: its answer, kept under the request's key, leads to the same
/// codes again.
#[derive(Clone, Debug)]
pub struct DrawCodes {
    /// What was sent.
    pub draft: DrawDraft,
}

impl Command<Promotion> for DrawCodes {
    const NAME: &'static str = "promotion.draw_codes";
    type Reply = Draw;

    fn apply(self, promotion: &mut Promotion, cx: &mut Context<'_, Promotion>) -> Result<Draw, Error> {
        promotion.require_codes()?;
        Ok(self.draft.check(cx.seed_of(CODE_PURPOSE))?)
    }
}

/// Begins an addition of codes that somebody gave: the promotion takes such, and the request's key stands for them. Its
/// answer tells the codes that it has made from those that were there.
#[derive(Clone, Copy, Debug)]
pub struct AddCodes;

impl Command<Promotion> for AddCodes {
    const NAME: &'static str = "promotion.add_codes";
    type Reply = Addition;

    fn apply(self, promotion: &mut Promotion, cx: &mut Context<'_, Promotion>) -> Result<Addition, Error> {
        promotion.require_codes()?;
        Ok(Addition(cx.seed_of(CODE_PURPOSE).derive(b"addition").0))
    }
}

/// An addition of codes that somebody gave: what tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition(pub Uuid);

impl Draw {
    /// Returns what tells this draw from others.
    pub fn id(&self) -> Uuid {
        self.seed.derive(b"draw").0
    }

    /// Returns the codes that were drawn, given the numbers whose codes are somebody else's.
    pub fn codes(&self, passed_over: &[u32]) -> Vec<Code> {
        let drawn = (0..).filter(|number| !passed_over.contains(number));
        drawn
            .take(self.count as usize)
            .map(|number| self.code(number))
            .collect()
    }

    /// Returns the code of a number.
    pub fn code(&self, number: u32) -> Code {
        let secret = self.seed.derive(&number.to_be_bytes()).secret(CODE_PURPOSE);
        let text = format!("{}{}", self.prefix, drawn_code(&secret, self.length));
        Code::parse(&text).expect("prefix and drawn letters are a code")
    }
}

/// A code that unlocks a promotion for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CouponCode {
    /// The code.
    pub code: Code,
    /// What it unlocks.
    pub promotion: PromotionId,
    /// The draw or the addition that it came from; none where it was imported.
    pub made_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a cart is told of a code that is good for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleCode {
    /// The code.
    pub code: Code,
    /// What it unlocks.
    pub promotion: PromotionId,
    /// Whether it is known that an order has used it already.
    pub used: bool,
}

impl CouponCodeId {
    /// Returns the id of a code, so that it is found by itself.
    pub fn of(code: &Code) -> Self {
        Self(Uuid::new_v5(&COUPON_CODES, code.as_str().as_bytes()))
    }
}

impl UseCounterId {
    /// Returns the id of the counter that says whether a code that is good for one order was used.
    pub fn of_code(promotion: PromotionId, code: &Code) -> Self {
        let name = format!("code/{code}");
        Self(Uuid::new_v5(&promotion.0, name.as_bytes()))
    }
}

impl CouponCode {
    /// Returns what precedes the codes of a promotion in [`Listing::CouponCodes`].
    pub fn listed_of(promotion: PromotionId) -> Vec<u8> {
        promotion.0.as_bytes().to_vec()
    }

    /// Says what it unlocks. Whether it was used is counted elsewhere.
    pub fn as_single_code(&self) -> SingleCode {
        SingleCode {
            code: self.code.clone(),
            promotion: self.promotion,
            used: false,
        }
    }
}

/// Makes a code.
#[derive(Clone, Debug)]
pub struct CreateCouponCode {
    /// The code.
    pub code: Code,
    /// What it unlocks.
    pub promotion: PromotionId,
    /// The draw or the addition that it comes from.
    pub made_by: Option<Uuid>,
}

impl Create<CouponCode> for CreateCouponCode {
    const NAME: &'static str = "coupon_code.create";
    type Reply = ();

    fn create(self, _: CouponCodeId, cx: &mut Context<'_, CouponCode>) -> Result<(CouponCode, ()), Error> {
        let made = CouponCode {
            code: self.code,
            promotion: self.promotion,
            made_by: self.made_by,
            created_at: cx.now(),
        };
        cx.emit(CouponCodeEvent::Created {
            promotion: made.promotion,
            code: made.code.clone(),
        });
        Ok((made, ()))
    }
}

/// Takes a code of a promotion out of use, and tells whether it was that promotion's: it may be another one's by now, which
/// keeps it. Carts that hold it lose it; placed orders keep what it gave.
#[derive(Clone, Copy, Debug)]
pub struct DeleteCouponCode {
    /// What it unlocks.
    pub promotion: PromotionId,
}

impl Command<CouponCode> for DeleteCouponCode {
    const NAME: &'static str = "coupon_code.delete";
    type Reply = bool;

    fn apply(self, code: &mut CouponCode, cx: &mut Context<'_, CouponCode>) -> Result<bool, Error> {
        if code.promotion != self.promotion {
            return Ok(false);
        }
        cx.emit(CouponCodeEvent::Deleted {
            promotion: code.promotion,
            code: code.code.clone(),
        });
        cx.erase();
        Ok(true)
    }
}

/// What happened to a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CouponCodeEvent {
    /// It was made.
    Created {
        /// What it unlocks.
        promotion: PromotionId,
        /// The code.
        code: Code,
    },
    /// It was taken out of use.
    Deleted {
        /// What it unlocked.
        promotion: PromotionId,
        /// The code.
        code: Code,
    },
}

impl EventBody for CouponCodeEvent {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "coupon_code.created",
            Self::Deleted { .. } => "coupon_code.deleted",
        }
    }
}

impl Entity for CouponCode {
    const KIND: Kind = Kind::CouponCode;
    const SCHEMA: u16 = 1;
    type Id = CouponCodeId;
    type Event = CouponCodeEvent;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        Ok(())
    }

    /// Shares the names of promotions' own codes.
    fn keys(&self) -> Keys {
        let mut sort = Self::listed_of(self.promotion);
        sort.extend_from_slice(self.code.as_str().as_bytes());
        Keys {
            unique: vec![UniqueKey::new(Unique::PromotionCode, self.code.as_str())],
            listing: vec![ListingKey::new(Listing::CouponCodes, sort)],
        }
    }

    fn may_rest(&self) -> bool {
        true
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn draw(count: u32, prefix: &str, length: Option<usize>) -> Result<Draw, FieldErrors> {
        let prefix = Some(prefix.to_owned());
        let draft = DrawDraft {
            count,
            prefix,
            length,
        };
        draft.check(Seed(Uuid::from_u128(7)))
    }

    #[test]
    fn drawn_codes_differ_and_the_same_seed_draws_the_same() {
        let draw = draw(CODES_DRAWN_MAX, "spring-", None).expect("it is sound");
        let codes: BTreeSet<Code> = (0..CODES_DRAWN_MAX).map(|number| draw.code(number)).collect();
        assert_eq!(codes.len(), 100_000);
        let like = |code: &Code| code.as_str().len() == 17 && code.as_str().starts_with("SPRING-");
        assert!(codes.iter().all(like));
        assert_eq!(draw.code(3), draw.code(3));
    }

    #[test]
    fn what_cannot_be_drawn_is_listed() {
        let bad = draw(0, "no good", Some(7)).map_err(|errors| {
            let errors = errors.as_slice().iter();
            errors.map(|error| error.pointer.clone()).collect::<Vec<_>>()
        });
        assert_eq!(
            bad,
            Err(vec![
                "/count".to_owned(),
                "/length".to_owned(),
                "/prefix".to_owned()
            ])
        );
        assert!(draw(CODES_DRAWN_MAX + 1, "", None).is_err());
        assert!(draw(1, &"A".repeat(41), None).is_err());
        assert!(draw(1, &"A".repeat(40), Some(24)).is_ok());
    }
}
