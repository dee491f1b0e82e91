//! Tables of codes that are each good for one order: one a row. The promotion is found by its id, its code or its name.

use super::columns::{Columns, Values};
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/promotions/codes/import",
    names: &["promotion", "code", "used"],
    needed: &["promotion", "code"],
    told: &["created"],
    read: code,
    about: |_| Vec::new(),
    shared: None,
};

/// Whether there is such a promotion, and whether it is a code, is the server's to say.
fn code(line: u64, values: &mut Values) -> Result<Value, String> {
    Ok(json!({
        "row": line,
        "promotion": values.needed("promotion")?,
        "code": values.needed("code")?,
        "used": values.choice("used")?.unwrap_or(false),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_is_a_code_of_a_promotion_that_was_used_or_not() {
        let check = |promotion, code, used, expected: Result<bool, &str>| {
            let texts = [("promotion", promotion), ("code", code), ("used", used)];
            let row = read(&COLUMNS, &texts).map(|row| row["used"] == true);
            assert_eq!(row, expected.map_err(str::to_owned));
        };
        check("Letter", "A-1", "", Ok(false));
        check("Letter", "A-1", "yes", Ok(true));
        check("", "A-1", "no", Err("it has no promotion"));
        check("Letter", " ", "no", Err("it has no code"));
        check(
            "Letter",
            "A-1",
            "once",
            Err("used: \"once\" is neither yes nor no"),
        );
    }
}
