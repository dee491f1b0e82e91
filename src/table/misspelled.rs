//! Names of columns that are nearly another's.

use super::Alike;

/// How long the beginning of a column's name must be to be taken for that column.
const SHORTENED_MIN: usize = 3;
/// How long a name must be for another one to be taken for it, misspelled.
const MISSPELLED_MIN: usize = 5;
/// From how long a name on two of its letters may be others, too many, missing or exchanged; of a shorter one one may.
const TWO_MISTAKES_MIN: usize = 8;

/// Says which column has no meaning, and how it is nearly called, if that is not there.
pub(super) fn misspelled<'a>(
    columns: impl Iterator<Item = &'a str> + Clone,
    names: &[&str],
    alike: Alike,
) -> Option<String> {
    let mut unknown = columns.clone().filter(|column| !names.contains(column));
    let missing = |name: &&&str| !columns.clone().any(|column| column == **name);
    unknown.find_map(|column| {
        let meant = names.iter().filter(missing).filter(|name| alike(column, name));
        let meant: Vec<String> = meant.map(|name| format!("{name:?}")).collect();
        (!meant.is_empty()).then(|| {
            format!(
                "it has a column {column:?}, which is none of its columns; call it {} if that is meant, or remove it",
                meant.join(" or ")
            )
        })
    })
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
            let reason = misspelled(["name", column].into_iter(), &names, nearly_or_shortened);
            let told = name.map(|name| {
                format!("it has a column {column:?}, which is none of its columns; call it {name:?}")
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
