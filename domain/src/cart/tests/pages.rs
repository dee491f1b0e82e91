//! A cart's lines in pages: as a plain list would hold them, and nothing is said of a page that has changed.

use super::*;
use crate::cart::{Line, Lines};
use crate::entity::BodyWriter;
use proptest::prelude::*;
use serde::Serialize;
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug)]
enum Action {
    Push,
    Remove(prop::sample::Index),
    Set(prop::sample::Index, u32),
    Clear,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        60 => Just(Action::Push),
        20 => any::<prop::sample::Index>().prop_map(Action::Remove),
        20 => (any::<prop::sample::Index>(), 1..9_u32).prop_map(|(index, quantity)| Action::Set(index, quantity)),
        1 => Just(Action::Clear),
    ]
}

fn line(n: u128) -> Arc<Line> {
    let cart = filled(1, &[(&variant(n), 1)]);
    let mut line = Line::clone(&cart.entity.lines()[0]);
    line.id = LineId(Uuid::from_u128(n));
    Arc::new(line)
}

/// Writes JSON, a value a line.
#[derive(Default)]
struct Text(String);

impl BodyWriter for Text {
    type Error = serde_json::Error;

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), serde_json::Error> {
        self.0 += &serde_json::to_string(value)?;
        self.0 += "\n";
        Ok(())
    }

    fn write_once<T: Serialize>(
        &mut self,
        kept: &OnceLock<Box<[u8]>>,
        values: &[T],
    ) -> Result<(), serde_json::Error> {
        let kept = kept.get_or_init(|| {
            let mut text = Self::default();
            values
                .iter()
                .for_each(|value| text.write(value).expect("it is JSON"));
            text.0.into_bytes().into()
        });
        self.0 += std::str::from_utf8(kept).expect("it was text");
        Ok(())
    }
}

fn written(lines: &Lines) -> String {
    let mut text = Text::default();
    lines.write(&mut text).expect("lines are JSON");
    text.0
}

fn written_one_by_one(lines: &[Arc<Line>]) -> String {
    let mut text = Text::default();
    text.write(&lines.len()).expect("a number is JSON");
    lines
        .iter()
        .for_each(|line| text.write(line).expect("a line is JSON"));
    text.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn lines_in_pages_are_as_a_list_holds_them(actions in prop::collection::vec(action(), 1..120)) {
        let (mut pages, mut list) = (Lines::default(), Vec::new());
        let mut before: Option<(Lines, Vec<Arc<Line>>)> = None;
        for (n, action) in (1..).zip(actions) {
            match action {
                Action::Push => {
                    pages.push(line(n));
                    list.push(line(n));
                }
                Action::Remove(index) if !list.is_empty() => {
                    let index = index.index(list.len());
                    prop_assert_eq!(pages.remove(index), list.remove(index));
                }
                Action::Set(index, quantity) if !list.is_empty() => {
                    let index = index.index(list.len());
                    Arc::make_mut(&mut pages[index]).quantity = quantity;
                    Arc::make_mut(&mut list[index]).quantity = quantity;
                }
                Action::Clear => {
                    pages.clear();
                    list.clear();
                }
                Action::Remove(_) | Action::Set(..) => {}
            }
            prop_assert_eq!(pages.len(), list.len());
            prop_assert_eq!(pages.is_empty(), list.is_empty());
            prop_assert_eq!(pages.iter().len(), list.len());
            prop_assert_eq!(pages.to_vec(), list.clone());
            prop_assert_eq!(pages.get(list.len()), None);
            prop_assert_eq!(pages.get(list.len() / 2), list.get(list.len() / 2));
            prop_assert_eq!(&pages, &Lines::from(list.clone()), "whatever pages they are on");
            prop_assert_eq!(written(&pages), written_one_by_one(&list));
            if let Some((pages, list)) = before {
                prop_assert_eq!(pages.to_vec(), list.clone(), "a copy stays as it was");
                prop_assert_eq!(written(&pages), written_one_by_one(&list));
            }
            // Pages that nobody else holds are changed in their place.
            before = (n % 3 != 0).then(|| (pages.clone(), list.clone()));
        }
    }
}

#[test]
fn a_page_that_was_found_sound_is_checked_again_when_it_changes() {
    let mut lines: Lines = (1..=100).map(line).collect::<Vec<_>>().into();
    let euro = Currency::of("EUR").expect("in the table");
    assert_eq!(lines.check(Currency::GBP), Ok(()));
    assert!(lines.check(euro).is_err(), "the lines are priced in pounds");
    assert_eq!(lines.check(Currency::GBP), Ok(()));
    Arc::make_mut(&mut lines[50]).quantity = 0;
    assert!(lines.check(Currency::GBP).is_err());
}

#[test]
fn a_copy_shares_the_pages_that_did_not_change() {
    let lines: Lines = (1..=100).map(line).collect::<Vec<_>>().into();
    let mut copy = lines.clone();
    Arc::make_mut(&mut copy[50]).quantity = 7;
    let shared = lines
        .iter()
        .zip(&copy)
        .filter(|(left, right)| Arc::ptr_eq(left, right));
    assert_eq!(shared.count(), 99);
    assert_ne!(lines, copy);
}
