//! What is wrong with a cart's lines, told on every read (section 4.2 of the semantics).

use super::line::is_too_much;
use super::{Line, Lines, VariantFacts};
use crate::id::{LineId, VariantId};
use crate::money::{LINE_AMOUNT_MAX, Money};
use std::sync::Arc;

/// A line that cannot be checked out as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    /// Which line.
    pub line: LineId,
    /// What it is called by people.
    pub sku: Arc<str>,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The variant is no longer in the catalog.
    Gone,
    /// The catalog does not offer it at present.
    Disabled,
    /// It has no price in the cart's currency.
    NoPrice,
    /// It comes to more than a line may, after its price has risen, and is counted as the most.
    TooMuch {
        /// The most.
        max: Money,
    },
    /// The whole cart holds more of it than can be had.
    Short {
        /// How many can be had.
        available: i64,
    },
}

impl ProblemKind {
    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Gone => "line.gone",
            Self::Disabled => "line.disabled",
            Self::NoPrice => "line.no_price",
            Self::TooMuch { .. } => "line.too_much",
            Self::Short { .. } => "line.short",
        }
    }

    /// Returns what a person must know.
    pub fn message(self) -> String {
        match self {
            Self::Gone => "is no longer in the catalog".to_owned(),
            Self::Disabled => "is not for sale at present".to_owned(),
            Self::NoPrice => "has no price".to_owned(),
            Self::TooMuch { max } => format!("comes to more than {max}, the most a line may come to"),
            Self::Short { available } => format!("only {available} are available"),
        }
    }
}

/// Returns what is wrong with lines, at most one problem each, in their order. Where a variant is short every line
/// that holds it is named.
pub fn line_problems<'a>(
    lines: &Lines,
    facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
) -> Vec<LineProblem> {
    let units = lines.units_by_variant();
    let mut problems = Vec::new();
    for line in lines {
        let units = units.get(&line.variant).copied().unwrap_or(0);
        if let Some(kind) = problem_of(line, units, facts(line.variant)) {
            problems.push(LineProblem {
                line: line.id,
                sku: Arc::clone(&line.sku),
                kind,
            });
        }
    }
    problems
}

fn problem_of(line: &Line, units: u64, facts: Option<&VariantFacts>) -> Option<ProblemKind> {
    let Some(facts) = facts else {
        return Some(ProblemKind::Gone);
    };
    if !facts.for_sale {
        return Some(ProblemKind::Disabled);
    }
    let currency = line.price_when_added.currency;
    let Some(price) = line.overridden().or(facts.price(currency, line.quantity)) else {
        return Some(ProblemKind::NoPrice);
    };
    if is_too_much(price, line.quantity) {
        let max = Money::new(LINE_AMOUNT_MAX, currency);
        return Some(ProblemKind::TooMuch { max });
    }
    if !facts.has(units) {
        let available = facts.available.unwrap_or(0).max(0);
        return Some(ProblemKind::Short { available });
    }
    None
}
