//! Rounding: one division, three modes.

use serde::{Deserialize, Serialize};

/// What becomes of a quotient that is not whole. A store setting (section 1.3 of the semantics).
///
/// Only ties differ: everything else goes to the nearest whole number. All modes treat negatives as the mirror
/// image of positives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::enum_variant_names,
    reason = "the names of the modes in every book on accounting"
)]
pub enum Rounding {
    /// Ties go away from zero: 2.5 is 3, -2.5 is -3.
    #[default]
    HalfUp,
    /// Ties go to the even neighbor: 2.5 is 2, 3.5 is 4.
    HalfEven,
    /// Ties go towards zero: 2.5 is 2, -2.5 is -2.
    HalfDown,
}

impl Rounding {
    /// Every mode.
    pub const ALL: &'static [Self] = &[Self::HalfUp, Self::HalfEven, Self::HalfDown];

    /// Returns the name on the wire and in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::HalfEven => "half_even",
            Self::HalfDown => "half_down",
        }
    }

    /// Returns `numerator / denominator` as a whole number. The denominator is positive.
    pub const fn divide(self, numerator: i128, denominator: i128) -> i128 {
        let whole = numerator / denominator;
        let rest = (numerator % denominator).unsigned_abs();
        // The rest is smaller than the denominator, so that this difference is what is missing to the next whole.
        let missing = denominator.unsigned_abs() - rest;
        let away = match self {
            Self::HalfUp => missing <= rest,
            Self::HalfEven => missing < rest || (missing == rest && whole % 2 != 0),
            Self::HalfDown => missing < rest,
        };
        match (away, numerator < 0) {
            (false, _) => whole,
            (true, false) => whole + 1,
            (true, true) => whole - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Divides by ten, so that the numerators read as tenths.
    fn check(tenths: i128, up: i128, even: i128, down: i128) {
        let rounded = |rounding: Rounding| rounding.divide(tenths, 10);
        assert_eq!(
            (
                rounded(Rounding::HalfUp),
                rounded(Rounding::HalfEven),
                rounded(Rounding::HalfDown)
            ),
            (up, even, down),
            "{tenths} tenths"
        );
    }

    #[test]
    fn ties_go_where_the_mode_says_and_everything_else_to_the_nearest() {
        check(24, 2, 2, 2);
        check(25, 3, 2, 2);
        check(26, 3, 3, 3);
        check(35, 4, 4, 3);
        check(5, 1, 0, 0);
        check(0, 0, 0, 0);
        check(-24, -2, -2, -2);
        check(-25, -3, -2, -2);
        check(-26, -3, -3, -3);
        check(-35, -4, -4, -3);
    }

    #[test]
    fn an_odd_denominator_has_no_ties() {
        for rounding in Rounding::ALL {
            assert_eq!(rounding.divide(1, 3), 0);
            assert_eq!(rounding.divide(2, 3), 1);
            assert_eq!(rounding.divide(-2, 3), -1);
        }
    }
}
