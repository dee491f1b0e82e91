//! What a shopper was last shown that their cart comes to, and what of it is left to be paid: nobody is charged more.
//!
//! What was answered counts, whether or not the answer arrived. Of one that did not it is not known what it showed, so that
//! anything may have been shown until the next one arrives.

use crate::dice::Dice;
use cartwright_actors::cart::CartView;
use cartwright_domain::Problem;
use cartwright_domain::money::Money;

/// What a cart comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    total: Money,
    due: Money,
}

/// What a shopper says, when they complete, that they expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) total: Option<Money>,
    pub(crate) due: Option<Money>,
}

/// What the shopper of one cart has seen of its sums.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What may have been shown last: several where several answers came at once.
    possible: Vec<Sums>,
    /// Something else may have been shown, by an answer that did not arrive.
    is_open: bool,
    /// A refusal that did not arrive may have told something else.
    may_be_told: bool,
    /// What got no answer may still be done, which shows what it leads to.
    is_under_way: bool,
}

impl Sums {
    /// Returns what whoever sees a cart is shown.
    pub(crate) fn of(view: &CartView) -> Self {
        Self {
            total: view.priced.quote.total,
            due: view.priced.coverage.due,
        }
    }

    /// Returns what a refusal tells.
    fn told(problem: &Problem) -> Option<Self> {
        let money = |name| {
            let found = problem.details.iter().find(|(of, _)| of == name);
            found.and_then(|(_, detail)| Money::of_detail(detail))
        };
        Some(Self {
            total: money("total")?,
            due: money("amount_due")?,
        })
    }
}

impl Seen {
    /// Answers to a change arrived, all that there were: what was asked before is done or never will be.
    pub(crate) fn changed(&mut self, shown: Vec<Sums>) {
        self.is_under_way = false;
        self.read(shown);
    }

    /// Answers to looks arrived.
    pub(crate) fn read(&mut self, shown: Vec<Sums>) {
        self.possible = shown;
        (self.is_open, self.may_be_told) = (self.is_under_way, false);
    }

    /// An answer that shows the cart did not arrive.
    pub(crate) fn missed(&mut self) {
        (self.is_open, self.is_under_way) = (true, true);
    }

    /// An answer that may have told what the cart comes to did not arrive.
    pub(crate) fn missed_refusal(&mut self) {
        self.may_be_told = true;
    }

    /// A completion was refused, which may tell what the cart comes to now. Whoever names nothing next may not have seen it:
    /// what was shown before counts, too.
    pub(crate) fn told_by(&mut self, problem: &Problem) {
        self.possible.extend(Sums::told(problem));
    }

    /// The process has ended: what has not arrived never will.
    pub(crate) fn nothing_is_under_way(&mut self) {
        self.is_under_way = false;
    }

    /// Returns both sums as they were told last.
    pub(crate) fn both(&self) -> Named {
        let last = self.possible.last();
        Named {
            total: last.map(|last| last.total),
            due: last.map(|last| last.due),
        }
    }

    /// Returns something to name, or nothing.
    pub(crate) fn name(&self, dice: &mut Dice) -> Named {
        let Named { total, due } = self.both();
        match dice.below(6) {
            0 => Named { total, due: None },
            1 => Named { total: None, due },
            2 => Named { total, due },
            _ => Named::default(),
        }
    }

    /// An order came of a completion that named these sums: its shopper knew its total, and that as much would be taken.
    pub(crate) fn require(&self, named: Named, total: i64, charged: i64) {
        match named.total {
            Some(named) => assert_eq!(total, named.amount, "the total of an order, and what was named"),
            None => assert!(
                self.is_open || self.possible.iter().any(|sums| sums.total.amount == total),
                "an order of {total} was never shown: {self:?}"
            ),
        }
        if let Some(due) = named.due {
            assert!(charged <= due.amount, "{charged} were charged, and {due} named");
            return;
        }
        // Who names a total takes as much to be paid otherwise as they were told last.
        if self.is_open || (self.may_be_told && named.total.is_some()) {
            return;
        }
        let agreed = |sums: &Sums| total - (sums.total.amount - sums.due.amount);
        assert!(
            self.possible.iter().any(|sums| charged <= agreed(sums)),
            "{charged} of {total} were charged, which was never shown: {self:?}"
        );
    }
}
