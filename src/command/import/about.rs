//! What the rows of a file are about: of two about one thing each would undo the other, in every run.

use super::columns::{Shared, Values};
use std::collections::HashMap;

/// Something that one row may be about, spelled as one spells it who compares.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct About(String);

impl About {
    /// Something that has these parts.
    pub(super) fn once(parts: &[&str]) -> Self {
        Self(parts.join("\u{1f}"))
    }
}

/// What the rows up to now were about.
#[derive(Default)]
pub(super) struct Seen {
    /// Where the row about each thing stood.
    lines: HashMap<About, u64>,
}

impl Seen {
    /// Says why a row may not be about this when an earlier one was.
    ///
    /// # Errors
    /// Of two rows about one thing each would undo the other, in every run.
    pub(super) fn check(&self, about: &[About]) -> Result<(), String> {
        match about.iter().find_map(|about| self.lines.get(about)) {
            None => Ok(()),
            Some(line) => Err(format!(
                "it is about the same as line {line}; keep one of the two, or each run would change it twice"
            )),
        }
    }

    /// Remembers what the row in a line is about.
    pub(super) fn add(&mut self, line: u64, about: Vec<About>) {
        for about in about {
            self.lines.entry(about).or_insert(line);
        }
    }
}

/// What rows say of what several of them are about: the first says it for all, also where it is refused itself. Else what
/// it says for whom something is would be lost with it, and the next row would make that for everybody.
pub(super) struct Said {
    /// The columns in which rows of the file can say something of it.
    columns: Vec<&'static str>,
    first: HashMap<String, First>,
    /// The first row that could not be read: nobody knows of what it says something.
    unread: Option<u64>,
}

/// The first row about something.
struct First {
    line: u64,
    /// What it says, in the order of the columns.
    says: Vec<Option<String>>,
    /// A row before it that could not be read.
    unread: Option<u64>,
}

impl Said {
    /// Nothing so far, in a file whose rows can say something in these columns.
    pub(super) fn of(columns: Vec<&'static str>) -> Self {
        Self {
            columns,
            first: HashMap::new(),
            unread: None,
        }
    }

    /// Notes that a row cannot be read.
    pub(super) fn miss(&mut self, line: u64) {
        self.unread.get_or_insert(line);
    }

    /// Gives a row what the first one about the same says.
    ///
    /// # Errors
    /// It says something else, or the first one may be one that cannot be read.
    pub(super) fn fill(&mut self, line: u64, shared: &Shared, values: &mut Values) -> Result<(), String> {
        let Some(of) = values.get(shared.by) else {
            self.miss(line);
            return Ok(());
        };
        let says = || {
            shared
                .columns
                .iter()
                .map(|(column, _)| values.get(column).map(str::to_owned))
        };
        let first = self.first.entry(of.to_owned()).or_insert_with(|| First {
            line,
            says: says().collect(),
            unread: self.unread,
        });
        if let Some(unread) = first.unread {
            let said = shared.columns.iter().zip(&first.says);
            let mut unsaid =
                said.filter(|((column, _), says)| says.is_none() && self.columns.contains(column));
            if let Some(((column, _), _)) = unsaid.next() {
                return Err(format!(
                    "of its {} line {} says no {column}, and line {unread}, which cannot be read, may; mend that line first",
                    shared.by, first.line
                ));
            }
        }
        for ((column, spelled), says) in shared.columns.iter().zip(&first.says) {
            match (values.get(column), says) {
                (None, says) => values.put(column, says.clone()),
                (Some(value), Some(says)) if spelled(value) == spelled(says) => {}
                (Some(value), says) => {
                    let said = says.as_ref().map_or("nothing of it", |_| "something else");
                    return Err(format!(
                        "{column} is {value:?} where line {}, the first about the same, says {said}; say it in that row, \
                         and nothing or the same in others",
                        first.line
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::super::{customers, gift_cards, price_lists, promotions, rates, store_credit};
    use super::*;
    use serde_json::{Value, json};

    /// Reads a file of two rows; returns why the second is refused.
    fn second(columns: &Columns, heading: &str, rows: [&str; 2]) -> Option<String> {
        let [first, second] = judged(columns, heading, rows);
        first.unwrap_or_else(|reason| panic!("{reason}"));
        second.err()
    }

    /// Reads a file of some rows; returns what is sent for each, or why it is refused.
    fn judged<const N: usize>(
        columns: &Columns,
        heading: &str,
        rows: [&str; N],
    ) -> [Result<Value, String>; N] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, [heading, &rows.join("\n")].join("\n")).expect("a file");
        let mut table = columns.open(&path, &[]).expect("a table");
        let (mut said, mut seen) = (Said::of(columns.of_shared(&table)), Seen::default());
        rows.map(|_| {
            let row = table.next_row().expect("a row").expect("another row");
            let good = columns.good(&row, &mut said).map_err(|refused| refused.reason)?;
            seen.check(&good.about)?;
            seen.add(row.line, good.about);
            Ok(good.sent)
        })
    }

    #[test]
    fn what_the_first_row_says_of_a_list_holds_for_all_also_where_it_is_refused() {
        let heading = "list,sku,price,currency,groups,enabled";
        let rows = [
            "Trade,CUP,4.oo,GBP,trade,no",
            "Trade,CUP,4.00,GBP,,",
            "Trade,POT,4.00,GBP,trade,",
            "Trade,JUG,4.00,GBP,vip,",
            "Bulk,CUP,4.00,GBP,,",
            "Bulk,POT,4.00,GBP,trade,",
        ];
        let said = judged(&price_lists::COLUMNS, heading, rows)
            .map(|sent| sent.map(|sent| sent["price_list"].clone()));
        let trade = || Ok(json!({ "name": "Trade", "groups": ["trade"], "enabled": false }));
        assert!(
            said[0]
                .as_ref()
                .is_err_and(|reason| reason.starts_with("price: "))
        );
        assert_eq!([&said[1], &said[2]], [&trade(), &trade()]);
        let other = "groups is \"vip\" where line 2, the first about the same, says something else";
        assert!(
            said[3].as_ref().is_err_and(|reason| reason.starts_with(other)),
            "{said:?}"
        );
        assert_eq!(said[4], Ok(json!({ "name": "Bulk" })));
        let nothing = "groups is \"trade\" where line 6, the first about the same, says nothing of it";
        assert!(
            said[5].as_ref().is_err_and(|reason| reason.starts_with(nothing)),
            "{said:?}"
        );
    }

    #[test]
    fn groups_are_the_same_where_their_names_are() {
        let heading = "list,sku,price,currency,groups,priority";
        let rows = [
            "Trade,CUP,4.00,GBP,1; vip,5",
            "Trade,POT,4.00,GBP,vip;1,5.0",
            "Trade,JUG,4.00,GBP,01;vip,5",
        ];
        let [first, same, other] = judged(&price_lists::COLUMNS, heading, rows);
        assert!(first.is_ok() && same.is_ok(), "{first:?}, {same:?}");
        assert!(other.is_err_and(|reason| reason.starts_with("groups is \"01;vip\" where line 2")));
    }

    #[test]
    fn a_list_is_not_begun_behind_a_row_that_may_say_for_whom_it_is() {
        let behind = |heading: &str, rows: [&str; 3]| {
            let judged = judged(&price_lists::COLUMNS, heading, rows);
            let known =
                |reason: &String| reason.contains("line 2, which cannot be read, may; mend that line first");
            judged.map(|sent| sent.map_or_else(|reason| Some(known(&reason)), |_| None))
        };
        let with = "list,sku,price,currency,groups";
        let (refused, taken) = (Some(true), None);
        let rows = [
            "Trade,CUP,4,00,GBP,trade",
            "Trade,CUP,4.00,GBP,",
            "Bulk,CUP,4.00,GBP,vip",
        ];
        assert_eq!(behind(with, rows), [Some(false), refused, taken]);
        let more = [
            "Trade,CUP,4,00,GBP,trade,5",
            "Trade,CUP,4.00,GBP,,5",
            "Bulk,CUP,4.00,GBP,vip,5",
        ];
        assert_eq!(
            behind(&format!("{with},priority"), more),
            [Some(false), refused, taken]
        );
        let nameless = [",CUP,4.00,GBP,trade", rows[1], rows[2]];
        assert_eq!(behind(with, nameless), [Some(false), refused, taken]);
        let without = ["Trade,CUP,4,00,GBP", "Trade,CUP,4.00,GBP", "Bulk,CUP,4.00,GBP"];
        assert_eq!(
            behind("list,sku,price,currency", without),
            [Some(false), taken, taken]
        );
    }

    #[test]
    fn of_two_rows_about_the_same_the_second_is_refused() {
        let check = |columns: &Columns, heading, rows, is_refused| {
            let reason = second(columns, heading, rows);
            let named = |reason: &String| reason.starts_with("it is about the same as line 2; keep one");
            assert_eq!(
                reason.as_ref().is_some_and(named),
                is_refused,
                "{rows:?}: {reason:?}"
            );
        };
        let rates = |rows, is_refused| {
            check(
                &rates::COLUMNS,
                "place,name,rate,category,valid_from",
                rows,
                is_refused,
            );
        };
        rates(["FR,VAT,0.2,,", "fr ,VAT2,0.1,,"], true);
        rates(["FR; BE,VAT,0.2,,", "BE;fr,VAT2,0.1,standard,"], true);
        rates(
            ["FR,VAT,0.2,,2020-01-01", "FR,VAT,0.1,,2020-01-01T01:00:00+01:00"],
            true,
        );
        rates(["FR,VAT,0.2,,", "FR,VAT,0.1,books,"], false);
        rates(["FR,VAT,0.2,,", "FR,VAT,0.1,,2020-01-01"], false);
        let prices = |rows, is_refused| {
            let heading = "list,sku,price,currency,from_quantity";
            check(&price_lists::COLUMNS, heading, rows, is_refused);
        };
        prices(["A,CUP,1,GBP,", "A,CUP,2,GBP,1"], true);
        prices(["A,CUP,1,GBP,", "A,CUP,2,GBP,10"], false);
        prices(["A,CUP,1,GBP,", "A,CUP,2,EUR,"], false);
        prices(["A,CUP,1,GBP,010", "A,CUP,2,GBP,+10"], true);
        prices(["A,CUP,1,GBP,10.0", "A,CUP,2,GBP,10"], true);
        let promotions = |rows, is_refused| {
            check(&promotions::COLUMNS, "name,code,percentage", rows, is_refused);
        };
        promotions(["P,dup,0.1", "Q,DUP,0.2"], true);
        promotions(["P,ONE,0.1", "P,TWO,0.1"], false);
        promotions(["P,,0.1", "P,,0.2"], true);
        let customers = |rows, is_refused| {
            check(&customers::COLUMNS, "external_id,email", rows, is_refused);
        };
        customers(["A-1,a@example.com", "A-1,b@example.com"], true);
        customers([",a@example.com", ",b@example.com"], false);
        customers([",ada@example.com", ",Ada@Example.com"], true);
        customers(["A-1,ada@example.com", ",ada@example.com"], true);
        let credit = |rows, is_refused| {
            let heading = "customer,amount,currency,reason";
            check(&store_credit::COLUMNS, heading, rows, is_refused);
        };
        credit(["A-1,3.50,GBP,moved", "A-1,3.50,GBP,moved"], true);
        credit(["ada@x.org,3.50,GBP,moved", "Ada@X.org,4.50,GBP,moved"], true);
        credit(["A-1,3.50,GBP,moved", "A-1,3.50,EUR,moved"], false);
        credit(["A-1,3.50,GBP,moved", "a-1,3.50,GBP,moved"], false);
        let heading = "code,balance,currency";
        // The first counts, in every run.
        check(
            &gift_cards::COLUMNS,
            heading,
            ["7K3M-QW9X-2HTP-ZC4D,1,GBP"; 2],
            false,
        );
    }
}
