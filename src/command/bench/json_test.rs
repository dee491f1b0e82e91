//! That the book tells what each field of the JSON means, and of none that is not there.

use super::figures::{Figures, Side};
use super::growth::report::{Growth, Largest, LongCarts, Operation, Size};
use super::limits::DiskFigures;
use super::report::{About, HalfLoad, InTurn, Report, Snapshots, Waits, Works};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The page of the book; each line is of one object: where it is, and its fields.
const DOCUMENTED: &str = include_str!("../../../docs/book/reference/bench-json.md");

/// A report with everything that can be in one.
fn whole() -> Value {
    let figures = Figures {
        work: "w2".to_owned(),
        rate: Some(1),
        bare: Some(Side::default()),
        disk: Some(DiskFigures::default()),
        share_of_bare_permille: Some(1),
        ..Figures::default()
    };
    let works = Works {
        figures: vec![figures],
        in_turn: vec![InTurn::default()],
        half_load: Some(HalfLoad::default()),
        waits: Some(Waits::default()),
        snapshots: Some(Snapshots::default()),
        kept_bytes: Some(1),
    };
    let growth = Growth {
        sizes: vec![Size::default()],
        long_carts: vec![LongCarts::default()],
        largest: Largest {
            operations: vec![Operation::default()],
            ..Largest::default()
        },
        ..Growth::default()
    };
    let report = Report {
        about: Some(About::default()),
        rounds: vec![works],
        growth: Some(growth),
    };
    serde_json::to_value(report.judged()).expect("a report is JSON")
}

/// Returns the fields of each object, by where it is; lists have one element here, or only alike ones.
fn objects(value: &Value, place: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let within = format!("{place}.{name}");
                objects(value, within.trim_start_matches('.'), found);
            }
            found.insert(place.to_owned(), fields.keys().cloned().collect());
        }
        Value::Array(elements) => {
            for element in elements {
                objects(element, &format!("{place}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns what stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn each_field_is_told_and_each_that_is_told_is_there() {
    let mut there = BTreeMap::new();
    objects(&whole(), "", &mut there);
    // Sides, disks and touches are told once each.
    let kinds: BTreeSet<BTreeSet<String>> = there.values().cloned().collect();
    let mut told = BTreeSet::new();
    for line in DOCUMENTED.lines().filter_map(|line| line.strip_prefix("- ")) {
        let (whose, fields) = line
            .split_once(": ")
            .expect("a line has an object and its fields");
        let place = quoted(whose).next().unwrap_or_default();
        // Names in parentheses explain a field.
        let outside = |part: &str| {
            part.split_once(')')
                .map_or_else(|| part.to_owned(), |(_, rest)| rest.to_owned())
        };
        let fields: String = fields
            .split('(')
            .enumerate()
            .map(|(number, part)| match number {
                0 => part.to_owned(),
                _ => outside(part),
            })
            .collect();
        let fields: BTreeSet<String> = quoted(&fields).collect();
        assert_eq!(there.get(&place), Some(&fields), "of {place:?}");
        told.insert(fields);
    }
    assert_eq!(told, kinds);
}
