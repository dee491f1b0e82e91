//! Exact numbers: a whole number over a whole number, and the one way to a whole number (1.3).

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

/// A fraction in lowest terms. What does not fit 128 bits stops the test: it never wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    above: i128,
    /// Never zero or less.
    below: i128,
}

/// Where ties go (1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the settings are called so")]
pub(crate) enum Rounding {
    HalfUp,
    HalfEven,
    HalfDown,
}

fn exact(number: Option<i128>) -> i128 {
    number.expect("the number fits 128 bits")
}

fn common(left: i128, right: i128) -> i128 {
    if right == 0 {
        left.abs()
    } else {
        common(right, left % right)
    }
}

impl Ratio {
    pub(crate) const ZERO: Self = Self { above: 0, below: 1 };
    pub(crate) const ONE: Self = Self { above: 1, below: 1 };

    pub(crate) fn new(above: i128, below: i128) -> Self {
        assert_ne!(below, 0, "nothing is divided by zero");
        let divisor = common(above, below) * below.signum();
        Self {
            above: above / divisor,
            below: below / divisor,
        }
    }

    pub(crate) fn whole(number: i128) -> Self {
        Self::new(number, 1)
    }

    /// Reads a decimal: `0.175`.
    pub(crate) fn decimal(text: &str) -> Self {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{part}").parse().expect("a decimal has digits");
        let places = u32::try_from(part.len()).expect("a decimal is short");
        Self::new(digits, 10_i128.pow(places))
    }

    /// Returns the largest whole number that is not above it.
    pub(crate) fn floor(self) -> i128 {
        self.above.div_euclid(self.below)
    }

    /// "Rounding is half away from zero, also for negatives. The mode is a store setting: `half_even`, `half_down` =
    /// towards zero on ties" (1.3).
    pub(crate) fn rounded(self, mode: Rounding) -> i128 {
        let below = self.floor();
        let above = below + 1;
        let (towards_zero, away) = if self < Self::ZERO {
            (above, below)
        } else {
            (below, above)
        };
        let even = if below % 2 == 0 { below } else { above };
        let rest = self - Self::whole(below);
        match (rest.cmp(&Self::new(1, 2)), mode) {
            (Ordering::Less, _) => below,
            (Ordering::Greater, _) => above,
            (Ordering::Equal, Rounding::HalfUp) => away,
            (Ordering::Equal, Rounding::HalfEven) => even,
            (Ordering::Equal, Rounding::HalfDown) => towards_zero,
        }
    }
}

impl Add for Ratio {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let divisor = common(self.below, other.below);
        let (mine, its) = (other.below / divisor, self.below / divisor);
        let above = self
            .above
            .checked_mul(mine)
            .zip(other.above.checked_mul(its))
            .and_then(|(left, right)| left.checked_add(right));
        Self::new(exact(above), exact(self.below.checked_mul(mine)))
    }
}

impl Sub for Ratio {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        let negative = Self {
            above: -other.above,
            below: other.below,
        };
        self + negative
    }
}

impl Mul for Ratio {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let left = Self::new(self.above, other.below);
        let right = Self::new(other.above, self.below);
        Self::new(
            exact(left.above.checked_mul(right.above)),
            exact(left.below.checked_mul(right.below)),
        )
    }
}

impl Div for Ratio {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.mul(Self::new(other.below, other.above))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self - *other).above.cmp(&0)
    }
}

impl std::iter::Sum for Ratio {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

#[test]
fn ties_go_where_the_mode_says_and_negatives_mirror_positives() {
    let check = |text: &str, expected: [i128; 3]| {
        let modes = [Rounding::HalfUp, Rounding::HalfEven, Rounding::HalfDown];
        let exact = Ratio::decimal(text);
        assert_eq!(modes.map(|mode| exact.rounded(mode)), expected, "{text}");
        let mirrored = Ratio::ZERO - exact;
        let negated = expected.map(|number| -number);
        assert_eq!(modes.map(|mode| mirrored.rounded(mode)), negated, "-{text}");
    };
    check("2.4", [2, 2, 2]);
    check("2.5", [3, 2, 2]);
    check("3.5", [4, 4, 3]);
    check("2.500001", [3, 3, 3]);
    check("2", [2, 2, 2]);
    check("0.5", [1, 0, 0]);
}

#[test]
fn fractions_are_exact() {
    let third = Ratio::new(1, 3);
    assert_eq!(third + third + third, Ratio::ONE);
    assert_eq!(Ratio::new(2, -4), Ratio::ZERO - Ratio::decimal("0.5"));
    assert_eq!((third * Ratio::whole(6)) / Ratio::new(1, 2), Ratio::whole(4));
    assert!(third < Ratio::decimal("0.333334") && Ratio::decimal("0.333333") < third);
    assert_eq!((Ratio::new(-1, 3).floor(), Ratio::whole(4).floor()), (-1, 4));
}
