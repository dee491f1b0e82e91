//! What several callers were answered about one thing, and whether it can have happened in one order.
//!
//! A history is linearizable when every call can be given one moment between its sending and its answer such that all
//! answers follow from a model that does one thing at a time. A call whose answer was lost may have been done or not.
//! The search is the one of Wing and Gong with Lowe's memory of where it has been; without that memory, and
//! stateright's tester has none, a few lost calls make it endless. The models are a cart's lines and a stock item's
//! levels.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Something that is changed and looked at, one after the other.
pub(crate) trait Model: Clone + Debug + Default + Eq + Hash + Send + 'static {
    type Change: Clone + Debug + Send;
    type Shown: Clone + Debug + PartialEq + Send;

    /// Does a change, unless it is to be refused. Returns whether it was done.
    fn change(&mut self, change: &Self::Change) -> bool;

    /// Tells whether it can be shown like this.
    fn looks_like(&mut self, shown: &Self::Shown) -> bool;
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) enum Answered<S> {
    /// It was done, or only looked at, and is shown as it was then or a little later: changes that share a commit
    /// are answered with what they came to together.
    Shown(S),
    /// It was done, and nothing is shown.
    Done,
    Refused,
}

/// What callers sent and were answered, in the order of the clock.
#[derive(Debug)]
pub(crate) struct History<M: Model>(Arc<Mutex<Vec<Entry<M>>>>);

#[derive(Clone, Debug)]
enum Entry<M: Model> {
    /// A call; without a change, a look.
    Asked { change: Option<M::Change> },
    /// The answer to the call that was noted as this entry.
    Answered {
        asked: usize,
        answer: Answered<M::Shown>,
    },
}

impl<M: Model> Clone for History<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Model> Default for History<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Model> History<M> {
    /// Notes that a call is about to be sent.
    pub(crate) fn ask(&self, change: Option<M::Change>) -> usize {
        self.note(Entry::Asked { change })
    }

    pub(crate) fn answer(&self, asked: usize, answer: Answered<M::Shown>) {
        self.note(Entry::Answered { asked, answer });
    }

    fn note(&self, entry: Entry<M>) -> usize {
        let mut entries = self.0.lock().expect("nobody panics with it");
        entries.push(entry);
        entries.len() - 1
    }

    /// Returns how many calls were answered, and how many changes were not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let entries = self.0.lock().expect("nobody panics with it");
        let is_answer = |entry: &&Entry<M>| matches!(entry, Entry::Answered { .. });
        let answered = entries.iter().filter(is_answer).count();
        let is_change = |entry: &&Entry<M>| matches!(entry, Entry::Asked { change: Some(_), .. });
        let is_done = |entry: &&Entry<M>| match entry {
            Entry::Answered { asked, .. } => is_change(&&entries[*asked]),
            Entry::Asked { .. } => false,
        };
        let lost = entries.iter().filter(is_change).count() - entries.iter().filter(is_done).count();
        (answered, lost)
    }

    /// Tells whether all of it can have happened in one order.
    pub(crate) fn is_linearizable(&self) -> bool {
        let entries = self.0.lock().expect("nobody panics with it");
        let steps = steps_of(&entries);
        let answered: u128 = steps
            .iter()
            .map(|step| if step.end < NEVER { step.bit } else { 0 })
            .sum();
        let first = (0_u128, M::default());
        let mut been = HashSet::from([first.clone()]);
        let mut to_go_on_from = vec![first];
        while let Some((done, model)) = to_go_on_from.pop() {
            if done & answered == answered {
                return true;
            }
            let left = || steps.iter().filter(|step| done & step.bit == 0);
            // What was sent after something was answered comes after it.
            let latest = left().map(|step| step.end).min().unwrap_or(NEVER);
            for step in left().filter(|step| step.begin < latest) {
                let mut model = model.clone();
                if step.is_possible(done, &mut model) {
                    let next = (done | step.bit, model);
                    if been.insert(next.clone()) {
                        to_go_on_from.push(next);
                    }
                }
            }
        }
        false
    }
}

/// The end of what was not answered.
const NEVER: usize = usize::MAX;

/// Something that happened at one moment between a beginning and an end. A change and the look at what it came to
/// are two, at the same time, the look after the change.
#[derive(Debug)]
struct Step<'a, M: Model> {
    /// The bit that stands for it among the steps that are done.
    bit: u128,
    begin: usize,
    end: usize,
    what: What<'a, M>,
}

#[derive(Debug)]
enum What<'a, M: Model> {
    /// Whether it was done is known if it was answered.
    Change(&'a M::Change, Option<bool>),
    Look {
        shown: &'a M::Shown,
        after: u128,
    },
}

impl<M: Model> Step<'_, M> {
    /// Makes the step, and tells whether its answer fits.
    fn is_possible(&self, done: u128, model: &mut M) -> bool {
        match self.what {
            What::Change(change, told) => {
                let is_done = model.change(change);
                told.is_none_or(|told| told == is_done)
            }
            What::Look { shown, after } => done & after == after && model.looks_like(shown),
        }
    }
}

fn steps_of<M: Model>(entries: &[Entry<M>]) -> Vec<Step<'_, M>> {
    let mut answers = BTreeMap::new();
    for (end, entry) in entries.iter().enumerate() {
        if let Entry::Answered { asked, answer } = entry {
            answers.insert(*asked, (end, answer));
        }
    }
    let mut steps = Vec::new();
    let mut bits = (0..u128::BITS).map(|shift| 1_u128 << shift);
    let mut bit = || bits.next().expect("a history is short");
    for (begin, entry) in entries.iter().enumerate() {
        let Entry::Asked { change } = entry else { continue };
        let (end, answer) = match answers.get(&begin) {
            Some((end, answer)) => (*end, Some(*answer)),
            None => (NEVER, None),
        };
        let mut after = 0;
        if let Some(change) = change {
            after = bit();
            let is_done = answer.map(|answer| !matches!(answer, Answered::Refused));
            steps.push(Step {
                bit: after,
                begin,
                end,
                what: What::Change(change, is_done),
            });
        }
        // What shows nothing says nothing more.
        if let Some(Answered::Shown(shown)) = answer {
            steps.push(Step {
                bit: bit(),
                begin,
                end,
                what: What::Look { shown, after },
            });
        }
    }
    steps
}

/// The lines of a cart, by number of the variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lines(BTreeMap<usize, Line>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    /// Not known before it was first shown.
    id: Option<String>,
    units: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum LinesChange {
    Add {
        variant: usize,
        units: u64,
    },
    /// To nothing: the line goes.
    Set {
        line: String,
        units: u64,
    },
}

impl Model for Lines {
    type Change = LinesChange;
    /// Id and units of the line of each variant.
    type Shown = BTreeMap<usize, (String, u64)>;

    fn change(&mut self, change: &LinesChange) -> bool {
        match change {
            LinesChange::Add { variant, units } => {
                let line = self.0.entry(*variant).or_insert(Line { id: None, units: 0 });
                line.units += units;
                true
            }
            LinesChange::Set { line, units } => {
                let is_it = |known: &&mut Line| known.id.as_ref() == Some(line);
                let Some(found) = self.0.values_mut().find(is_it) else {
                    return false;
                };
                found.units = *units;
                self.0.retain(|_, line| 0 < line.units);
                true
            }
        }
    }

    fn looks_like(&mut self, shown: &Self::Shown) -> bool {
        if !self.0.keys().eq(shown.keys()) {
            return false;
        }
        for (line, (id, units)) in self.0.values_mut().zip(shown.values()) {
            if line.units != *units || line.id.get_or_insert_with(|| id.clone()) != id {
                return false;
            }
        }
        true
    }
}

/// What staff decide about a stock item, and what checkouts and orders have of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Levels {
    on_hand: i64,
    buffer: i64,
    /// Units of each sale.
    held: BTreeMap<usize, i64>,
}

#[derive(Clone, Debug)]
pub(crate) enum LevelsChange {
    /// Refused below nothing. What it takes away must not be held.
    Adjust { delta: i64 },
    /// While nothing is held.
    Set { on_hand: i64, buffer: i64 },
    /// A sale reserves units, and keeps them as those of its order. Refused where fewer are available.
    Hold { sale: usize, units: i64 },
    /// A sale comes to nothing.
    LetGo { sale: usize },
}

/// What is shown of a stock item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LevelsShown {
    pub(crate) on_hand: i64,
    pub(crate) available: i64,
}

impl Model for Levels {
    type Change = LevelsChange;
    type Shown = LevelsShown;

    fn change(&mut self, change: &LevelsChange) -> bool {
        match *change {
            LevelsChange::Adjust { delta } if self.on_hand + delta < 0 => return false,
            LevelsChange::Adjust { delta } => self.on_hand += delta,
            LevelsChange::Set { on_hand, buffer } => (self.on_hand, self.buffer) = (on_hand, buffer),
            LevelsChange::Hold { units, .. } if self.available() < units => return false,
            LevelsChange::Hold { sale, units } => drop(self.held.insert(sale, units)),
            LevelsChange::LetGo { sale } => return self.held.remove(&sale).is_some(),
        }
        true
    }

    fn looks_like(&mut self, shown: &LevelsShown) -> bool {
        let LevelsShown { on_hand, available } = *shown;
        (on_hand, available) == (self.on_hand, self.available())
    }
}

impl Levels {
    fn available(&self) -> i64 {
        self.on_hand - self.buffer - self.held.values().sum::<i64>()
    }
}

mod tests {
    use super::*;

    fn levels(on_hand: i64) -> Answered<LevelsShown> {
        Answered::Shown(LevelsShown {
            on_hand,
            available: on_hand,
        })
    }

    fn adjust(delta: i64) -> Option<LevelsChange> {
        Some(LevelsChange::Adjust { delta })
    }

    fn lines(lines: &[(usize, &str, u64)]) -> Answered<BTreeMap<usize, (String, u64)>> {
        let line = |(variant, id, units): &(usize, &str, u64)| (*variant, ((*id).to_owned(), *units));
        Answered::Shown(lines.iter().map(line).collect())
    }

    #[test]
    fn a_history_in_order_is_linearizable() {
        let history = History::<Levels>::default();
        history.answer(history.ask(adjust(3)), levels(3));
        history.answer(history.ask(adjust(-4)), Answered::Refused);
        history.answer(history.ask(None), levels(3));
        assert!(history.is_linearizable());
        assert_eq!(history.counts(), (3, 0));
    }

    #[test]
    fn a_lost_update_is_found() {
        let history = History::<Levels>::default();
        let (first, second) = (history.ask(adjust(3)), history.ask(adjust(4)));
        history.answer(first, levels(3));
        history.answer(second, levels(4));
        assert!(!history.is_linearizable());
    }

    #[test]
    fn a_lost_update_of_a_cart_is_found() {
        for after in [5, 2] {
            let history = History::<Lines>::default();
            let add = |units| Some(LinesChange::Add { variant: 0, units });
            history.answer(history.ask(add(3)), lines(&[(0, "a", 3)]));
            history.answer(history.ask(add(2)), lines(&[(0, "a", 5)]));
            history.answer(history.ask(None), lines(&[(0, "a", after)]));
            assert_eq!(history.is_linearizable(), after == 5);
        }
    }

    #[test]
    fn a_refusal_without_a_reason_is_found() {
        let history = History::<Levels>::default();
        history.answer(history.ask(adjust(3)), levels(3));
        history.answer(history.ask(adjust(-3)), Answered::Refused);
        assert!(!history.is_linearizable());
    }

    #[test]
    fn an_older_state_that_comes_back_is_found() {
        let history = History::<Levels>::default();
        history.answer(history.ask(adjust(3)), levels(3));
        history.answer(history.ask(adjust(2)), levels(5));
        history.answer(history.ask(None), levels(3));
        assert!(!history.is_linearizable());
    }

    #[test]
    fn changes_that_share_a_commit_may_be_shown_what_they_came_to_together() {
        let history = History::<Levels>::default();
        let (first, second) = (history.ask(adjust(3)), history.ask(adjust(4)));
        history.answer(first, levels(7));
        history.answer(second, levels(7));
        assert!(history.is_linearizable());
    }

    #[test]
    fn a_change_that_is_not_shown_to_whoever_made_it_is_found() {
        let history = History::<Levels>::default();
        history.answer(history.ask(adjust(3)), levels(0));
        assert!(!history.is_linearizable());
    }

    #[test]
    fn a_change_without_an_answer_may_have_been_made_or_not_but_not_both() {
        for (looks, expected) in [([3, 3], true), ([5, 5], true), ([3, 5], true), ([5, 3], false)] {
            let history = History::<Levels>::default();
            history.answer(history.ask(adjust(3)), levels(3));
            history.ask(adjust(2));
            for look in looks {
                history.answer(history.ask(None), levels(look));
            }
            assert_eq!(history.is_linearizable(), expected, "{looks:?}");
            assert_eq!(history.counts(), (3, 1));
        }
    }

    /// Returns a history of two units that several want to have.
    fn of_two_units() -> History<Levels> {
        let history = History::default();
        history.answer(history.ask(adjust(2)), levels(2));
        history
    }

    fn hold(sale: usize, units: i64) -> Option<LevelsChange> {
        Some(LevelsChange::Hold { sale, units })
    }

    #[test]
    fn a_unit_that_is_sold_twice_is_found() {
        for (second, expected) in [(Answered::Done, false), (Answered::Refused, true)] {
            let history = of_two_units();
            let (one, other) = (history.ask(hold(1, 1)), history.ask(hold(2, 2)));
            history.answer(one, Answered::Done);
            history.answer(other, second);
            assert_eq!(history.is_linearizable(), expected, "{history:?}");
        }
    }

    #[test]
    fn a_sale_that_comes_to_nothing_holds_its_units_for_as_long_as_it_takes_and_no_longer() {
        for (is_meanwhile, answer, expected) in [
            (true, Answered::Refused, true),
            (true, Answered::Done, true),
            (false, Answered::Done, true),
            (false, Answered::Refused, false),
        ] {
            let history = of_two_units();
            let held = history.ask(hold(1, 2));
            let let_go = history.ask(Some(LevelsChange::LetGo { sale: 1 }));
            let meanwhile = is_meanwhile.then(|| history.ask(hold(2, 1)));
            history.answer(held, Answered::Done);
            history.answer(let_go, Answered::Done);
            let other = meanwhile.unwrap_or_else(|| history.ask(hold(2, 1)));
            history.answer(other, answer);
            assert_eq!(history.is_linearizable(), expected, "{history:?}");
        }
    }

    #[test]
    fn units_that_are_sold_and_still_shown_as_available_are_found() {
        for (available, expected) in [(1, true), (2, false)] {
            let history = of_two_units();
            history.answer(history.ask(hold(1, 1)), Answered::Done);
            let shown = LevelsShown {
                on_hand: 2,
                available,
            };
            history.answer(history.ask(None), Answered::Shown(shown));
            assert_eq!(history.is_linearizable(), expected);
        }
    }

    #[test]
    fn a_line_that_went_and_came_again_is_another() {
        for (line, is_refused, expected) in [("a", true, true), ("b", false, true), ("a", false, false)] {
            let history = History::<Lines>::default();
            let add = || Some(LinesChange::Add { variant: 0, units: 1 });
            let set = |line: &str, units| {
                let line = line.to_owned();
                Some(LinesChange::Set { line, units })
            };
            history.answer(history.ask(add()), lines(&[(0, "a", 1)]));
            history.answer(history.ask(set("a", 0)), lines(&[]));
            history.answer(history.ask(add()), lines(&[(0, "b", 1)]));
            let answer = match is_refused {
                true => Answered::Refused,
                false => lines(&[(0, "b", 7)]),
            };
            history.answer(history.ask(set(line, 7)), answer);
            assert_eq!(history.is_linearizable(), expected, "{line}");
        }
    }
}
