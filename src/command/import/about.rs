//! What the rows of a file are about: of two about one thing each would undo the other, in every run.

use super::columns::spelled;
use std::collections::HashMap;

/// Something that a row is about.
pub(super) struct About {
    /// What it is, spelled as one spells it who compares.
    what: String,
    /// What the row says of it, where several rows may say the same.
    says: Option<Says>,
}

/// What a row says of something.
struct Says {
    /// Spelled as one spells it who compares.
    spelled: String,
    /// As it is written, with its column.
    written: String,
}

impl About {
    /// Something that one row may be about.
    pub(super) fn once(parts: &[&str]) -> Self {
        Self {
            what: together(parts),
            says: None,
        }
    }

    /// Something of which each row must say the same.
    pub(super) fn agreed(of: &str, column: &str, value: &str) -> Self {
        Self {
            what: together(&[of, column]),
            says: Some(Says {
                spelled: spelled(value),
                written: format!("{column} is {value:?}"),
            }),
        }
    }

    /// Says why a row cannot be about this when an earlier one was.
    fn contradicts(&self, (line, said): &(u64, Option<String>)) -> Option<String> {
        match (&self.says, said) {
            (Some(says), Some(said)) if says.spelled == *said => None,
            (Some(Says { written, .. }), Some(_)) => Some(format!(
                "{written} where line {line} says something else of the same; say it once, or each run would change it \
                 twice"
            )),
            _ => Some(format!(
                "it is about the same as line {line}; keep one of the two, or each run would change it twice"
            )),
        }
    }
}

/// What the rows up to now were about.
#[derive(Default)]
pub(super) struct Seen {
    /// Where the first row about each thing stood, and what it said of it.
    first: HashMap<String, (u64, Option<String>)>,
}

impl Seen {
    /// Says why a row may not be about this when earlier ones were.
    ///
    /// # Errors
    /// Of two rows about one thing each would undo the other, in every run.
    pub(super) fn check(&self, about: &[About]) -> Result<(), String> {
        let contradicts = |about: &About| about.contradicts(self.first.get(&about.what)?);
        about.iter().find_map(contradicts).map_or(Ok(()), Err)
    }

    /// Remembers what the row in a line is about.
    pub(super) fn add(&mut self, line: u64, about: Vec<About>) {
        for About { what, says } in about {
            let says = says.map(|says| says.spelled);
            self.first.entry(what).or_insert((line, says));
        }
    }
}

fn together(parts: &[&str]) -> String {
    parts.join("\u{1f}")
}

#[cfg(test)]
mod tests {
    use super::super::columns::Columns;
    use super::super::{customers, gift_cards, price_lists, promotions, rates};
    use super::*;

    /// Reads a file of two rows; returns why the second is refused.
    fn second(columns: &Columns, heading: &str, rows: [&str; 2]) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, [heading, rows[0], rows[1]].join("\n")).expect("a file");
        let mut table = columns.open(&path).expect("a table");
        let mut next = || {
            let row = table.next_row().expect("a row").expect("another row");
            let good = columns.good(&row);
            good.unwrap_or_else(|refused| panic!("{}", refused.reason)).about
        };
        let (first, second) = (next(), next());
        let mut seen = Seen::default();
        seen.add(2, first);
        seen.check(&second).err()
    }

    #[test]
    fn of_two_rows_about_the_same_the_second_is_refused() {
        let check = |columns: &Columns, heading, rows, is_refused| {
            let reason = second(columns, heading, rows);
            let named = |reason: &String| {
                let starts = [
                    "it is about the same as line 2; keep one",
                    "groups is \"vip\" where line 2 says",
                ];
                starts.iter().any(|start| reason.starts_with(start))
            };
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
        let lists = |rows, is_refused| {
            let heading = "list,sku,price,currency,groups";
            check(&price_lists::COLUMNS, heading, rows, is_refused);
        };
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,vip"], true);
        lists(["A,CUP,1,GBP,trade", "B,POT,2,GBP,vip"], false);
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,trade"], false);
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,"], false);
        lists(["A,CUP,1,GBP,a;b", "A,POT,2,GBP,b;a;b"], false);
        lists(["A,CUP,1,GBP,trade; vip", "A,POT,2,GBP,vip;trade"], false);
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
