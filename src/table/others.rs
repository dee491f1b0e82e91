//! What becomes of the columns that a table has and nobody wants.

/// How long the beginning of a column's name must be to be taken for that column.
const SHORTENED_MIN: usize = 3;
/// How long a name must be for another one to be taken for it, misspelled.
const MISSPELLED_MIN: usize = 5;
/// From how long a name on two of its letters may be others, too many, missing or exchanged; of a shorter one one may.
const TWO_MISTAKES_MIN: usize = 8;

/// Tells whether a column's name is nearly another's.
pub(crate) type Alike = fn(&str, &str) -> bool;

/// What becomes of the columns that nobody wants.
#[derive(Clone, Debug)]
pub(crate) struct Others {
    pub(super) alike: Alike,
    are_refused: bool,
    /// Where the caller can say which are to be ignored: those that they have said.
    ignored: Option<Vec<String>>,
}

impl Others {
    /// They are passed over, but for one that is `alike` to a wanted one that is not there: what it says would be lost.
    pub(crate) fn passed_over(alike: Alike) -> Self {
        Self {
            alike,
            are_refused: false,
            ignored: None,
        }
    }

    /// They are refused.
    pub(crate) fn refused() -> Self {
        Self {
            are_refused: true,
            ..Self::passed_over(nearly_or_shortened)
        }
    }

    /// Those that were named with `--ignore` are passed over, whatever becomes of the rest.
    pub(crate) fn but(mut self, ignored: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let ignored = ignored.into_iter().map(|column| column.as_ref().to_owned());
        self.ignored.get_or_insert_default().extend(ignored);
        self
    }

    /// Tells whether a column was named with `--ignore`: it counts as one that is not there.
    pub(super) fn ignores(&self, column: &str) -> bool {
        let ignored = self.ignored.as_deref().unwrap_or_default();
        ignored.iter().any(|ignored| ignored == column)
    }

    /// Says what is wrong with the columns that a table has beside those of these names.
    pub(super) fn fault<'a>(
        &self,
        columns: impl Iterator<Item = &'a str> + Clone,
        names: &[&str],
    ) -> Option<String> {
        let or_ignored = |columns: &str| match &self.ignored {
            Some(_) => format!(", or pass over what it says with --ignore {columns:?}"),
            None => String::new(),
        };
        let is_other = |column: &&str| !names.contains(column) && !column.trim().is_empty();
        let others = columns
            .clone()
            .filter(is_other)
            .filter(|column| !self.ignores(column));
        let missing = |name: &&&str| !columns.clone().any(|column| column == **name);
        let misspelled = others.clone().find_map(|column| {
            let meant = names
                .iter()
                .filter(missing)
                .filter(|name| (self.alike)(column, name));
            let meant: Vec<String> = meant.map(|name| format!("{name:?}")).collect();
            (!meant.is_empty()).then(|| {
                format!(
                    "it has a column {column:?}, which is not one of those that are read; call it {} if that is meant, or remove it{}",
                    meant.join(" or "),
                    or_ignored(column)
                )
            })
        });
        if misspelled.is_some() || !self.are_refused {
            return misspelled;
        }
        let others: Vec<&str> = others.collect();
        (!others.is_empty()).then(|| {
            let quoted: Vec<String> = others.iter().map(|column| format!("{column:?}")).collect();
            let (are, each) = match others.len() {
                1 => ("is", "it"),
                _ => ("are", "each"),
            };
            format!(
                "it has {}, which {are} not among the columns {}; call {each} one of these or remove it{}",
                quoted.join(" and "),
                names.join(", "),
                or_ignored(&others.join(","))
            )
        })
    }
}

/// Tells whether a column is called as another but for the case of its letters, or a mistake.
pub(crate) fn nearly(column: &str, name: &str) -> bool {
    let column = column.trim().to_lowercase();
    let mistakes = if name.len() < TWO_MISTAKES_MIN { 1 } else { 2 };
    let is_plural =
        |one: &str, many: &str| one.strip_suffix('y') == many.strip_suffix("ies") && one.ends_with('y');
    let is_same = column == name || is_plural(&column, name) || is_plural(name, &column);
    is_same || MISSPELLED_MIN <= name.len() && strsim::damerau_levenshtein(&column, name) <= mistakes
}

/// Tells whether a column is nearly called as another, or as its beginning.
pub(crate) fn nearly_or_shortened(column: &str, name: &str) -> bool {
    let beginning = column.trim().to_lowercase();
    SHORTENED_MIN <= beginning.len() && name.starts_with(&beginning) || nearly(column, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_column_is_none_that_is_passed_over() {
        let names = [
            "name",
            "code",
            "customer_groups",
            "usage_limit",
            "ends_at",
            "valid_from",
        ];
        let check = |column: &str, name: Option<&str>| {
            let others = Others::passed_over(nearly_or_shortened);
            let reason = others.fault(["name", column].into_iter(), &names);
            let told = name.map(|name| {
                format!(
                    "it has a column {column:?}, which is not one of those that are read; call it {name:?}"
                )
            });
            assert_eq!(reason.is_some(), told.is_some(), "{column}");
            assert!(
                reason.unwrap_or_default().starts_with(&told.unwrap_or_default()),
                "{column}"
            );
        };
        check("customer_group", Some("customer_groups"));
        check("usage_limt", Some("usage_limit"));
        check("valid_form", Some("valid_from"));
        check("Code", Some("code"));
        check("ends", Some("ends_at"));
        check("comment", None);
        check("used", None);
        check("id", None);
    }

    #[test]
    fn where_others_are_refused_each_is_told_unless_it_is_ignored() {
        let check = |others: &Others, columns: &[&str], told: Option<&str>| {
            let reason = others.fault(columns.iter().copied(), &["name", "code"]);
            assert_eq!(reason.is_some(), told.is_some(), "{reason:?}");
            let reason = reason.unwrap_or_default();
            assert!(reason.contains(told.unwrap_or_default()), "{reason}");
        };
        let refused = Others::refused().but([""]);
        check(&refused, &["name", "code", "", " "], None);
        check(
            &refused,
            &["name", "first_order", "zones"],
            Some(
                "it has \"first_order\" and \"zones\", which are not among the columns name, code; call each one of \
                 these or remove it, or pass over what it says with --ignore \"first_order,zones\"",
            ),
        );
        check(&refused, &["name", "Code"], Some("call it \"code\""));
        let ignored = refused.but(["zones"]);
        check(
            &ignored,
            &["name", "first_order", "zones"],
            Some("it has \"first_order\", which is not among the columns name, code; call it one of these"),
        );
        check(&ignored, &["zones"], None);
        let passed_over = Others::passed_over(nearly).but(["Name"]);
        check(&passed_over, &["first_order", "Name"], None);
        check(&passed_over, &["first_order", "Code"], Some("call it \"code\""));
    }

    #[test]
    fn a_short_name_is_not_taken_for_every_other_short_one() {
        let check = |column, name, is_nearly| assert_eq!(nearly(column, name), is_nearly, "{column}");
        check("Stock", "stock", true);
        check("stocks", "stock", true);
        check("stok", "stock", true);
        check("date", "rate", false);
        check("catgories", "categories", true);
        check("Category", "categories", true);
        check("store", "stock", false);
        check("state", "status", false);
        check("place", "price", false);
        check("weight", "weight_grams", false);
    }
}
