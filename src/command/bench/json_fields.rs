//! What the fields of the JSON mean, for the page.

/// Each line is of one object: where it is, and its fields.
pub(super) const JSON: &str = "\
## Its JSON

`--json` writes one object; that of `--work` is one of `rounds[].figures[]`.
All numbers are integers, rounded down, in the unit that a name ends in: `_ms`, `_us` and `_ns` are times, `_bytes` bytes, `_permille` and `_thousandths` thousandths of the number itself.
What was not measured, or not by an earlier version, is absent or `null`.

- `about`, the machine and the run: `version`, `build`, `program` (a hash of the binary), `date`, `processor`, `cores`, `memory_bytes`, `kernel`, `filesystem`, `seconds_ms` (the time of each work), `run_ms` (of everything, pauses included), `asked`.
- `about.asked`, the command line: `connections`, `rounds`, `carts`, `no_limits`, `data_dir` (whether one was named).
- `rounds[]`, the works, as often as they were measured: `figures`, `in_turn`, `half_load`, `waits`, `snapshots`, `kept_bytes` (what of the round stays on the disk until all are over).
- `rounds[].figures[]`, a work: `work`, `connections`, `rate` (of `--rate`), `carts` (of all connections), `took_ms` (the measured time), `errors` (operations that failed), `server`, `fsyncs_per_second` (of the journal), `write_bytes_per_operation` (by the kernel, zeros and index included), `journal_bytes_per_operation`, `resident_bytes` (at its end), `wakes_permille` (of W9: carts woken for 1,000 operations), `mails_permille`, `request_bytes` and `response_bytes` (bodies of the last operation; of a purchase all it sent, and none), `bare`, `disk`, `share_of_bare_permille`, `cpu_over_bare_permille`.
- `rounds[].figures[].server`, and every other `server`, `bare` and `small`, one side: `operations` (that ended in the time and went well), `operations_per_second`, `p50_us`, `p99_us` and `max_us` (of those that began in it, too), `cpu_ns_per_operation`, `client_cpu_ns_per_operation`.
- `rounds[].figures[].disk`, the disk's groups: `group_bytes`, `fdatasyncs_per_second`, `p50_us`, `p99_us`.
- `rounds[].in_turn[]`, two works: `work`, `over` (what it is held against), `turns` (of each), `operations_per_second`, `over_operations_per_second`, `wakes_permille` (of `work`, where it is W9), `mails_permille` and `over_mails_permille` (of purchases), `commits_permille` and `over_commits_permille` (commits of 1,000 operations).
- `rounds[].half_load`, W2 evenly paced: `per_second`, `server`, `bare`, `disk`.
- `rounds[].waits`, a purchase made alone: `purchases` (how many), `until_answered_thousandths`, `in_all_thousandths` (groups synced for one).
- `rounds[].snapshots`, bytes of W2 over many carts: `carts`, `snapshot_bytes`, `written_bytes` (without zeros), `journal_bytes`, `zeroed_bytes`, `written_over_snapshots_permille`.
- `growth`, the growing store: `carts`, `sizes`, `residents`, `recovery`, `cold`, `long_carts`, `largest`, `idle`, `import`, `store_bytes` (its room on the disk in the end).
- `growth.sizes[]`, W2 beside a small store: `carts`, `server`, `small`.
- `growth.residents`, carts in memory while the store is filled: `ceiling`, `most`, `most_live` (with an actor), `opened_in_two_seconds` (the busiest two since the ceiling was reached).
- `growth.recovery`, the start after a kill: `carts`, `ready_us`.
- `growth.cold`, first touches: `read`, `add`.
- `growth.cold.read`, and `add`: `count`, `p50_us`, `p99_us`, `max_us`.
- `growth.long_carts[]`, W2 on two lengths of carts: `short`, `long`.
- `growth.long_carts[].short`, and `long`: `lines`, `server`.
- `growth.largest`, the largest cart: `lines`, `operations`.
- `growth.largest.operations[]`, each done once: `name`, `took_us`, `error`.
- `growth.idle`, memory of idle carts: `carts`, `resident` (of them), `grown_bytes`, `bytes_per_cart`, `state_bytes_per_cart`.
- `growth.import`, a catalog: `variants`, `took_ms`.
- `goals[]`, all goals: `goal`, `unit`, `want`, `must`, `stretch`, `measured`, `range` (least and most of the rounds), `rounds`, `met` and `stretch_met`.
- `goals[].rounds`, in how many rounds it was measured: `measured`, `made`.
- The object itself: `about`, `rounds`, `growth`, `goals`, `warnings` (why the figures say less than they seem to).
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::bench::figures::{Figures, Side};
    use crate::command::bench::growth::report::{Growth, Largest, LongCarts, Operation, Size};
    use crate::command::bench::limits::DiskFigures;
    use crate::command::bench::report::{About, HalfLoad, InTurn, Report, Snapshots, Waits, Works};
    use serde_json::Value;
    use std::collections::{BTreeMap, BTreeSet};

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
        for line in JSON.lines().filter_map(|line| line.strip_prefix("- ")) {
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
}
