//! Tables of tax rates: one rate of one zone a row, the zone found by its places.

use super::about::About;
use super::columns::{Columns, Values, spelled};
use cartwright_domain::error::FieldErrors;
use cartwright_domain::tax::{Category, TaxCode};
use cartwright_domain::territory::{Territory, TerritoryDraft};
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/tax/import",
    names: &[
        "place",
        "zone",
        "category",
        "tax",
        "name",
        "rate",
        "valid_from",
        "valid_until",
    ],
    needed: &["place", "name", "rate"],
    told: &[],
    read: rate,
    about: |values| {
        let (place, from) = (values.get_or("place", ""), values.get_or("valid_from", ""));
        let (category, tax) = (Category::default(), TaxCode::default());
        vec![About::once(&[
            &territory(place).unwrap_or_else(|| place.to_owned()),
            values.get_or("category", category.as_str()),
            values.get_or("tax", tax.as_str()),
            &spelled(from),
        ])]
    },
    shared: None,
};

/// Returns places in the one order that the same places have, if they are any.
fn territory(place: &str) -> Option<String> {
    let mut errors = FieldErrors::default();
    let draft = TerritoryDraft::of_places(&place.to_uppercase());
    let territory = Territory::read(&draft, "", &mut errors);
    errors.into_result().is_ok().then(|| territory.text())
}

/// Whether its places, codes and times are any is the server's to say.
fn rate(line: u64, values: &mut Values) -> Result<Value, String> {
    let rate = values.needed("rate")?;
    // Above one it is what other shops write: a percentage.
    match rate.parse() {
        Ok(number) if Decimal::ONE < number => {
            return Err(format!("rate: {rate} is more than 1; 20 per cent is 0.2"));
        }
        Ok(_) => {}
        Err(_) => return Err(format!("rate: {rate:?} is no number; 20 per cent is 0.2")),
    }
    Ok(json!({
        "row": line,
        "place": values.needed("place")?,
        "zone": values.take("zone"),
        "category": values.take("category"),
        "tax": values.take("tax"),
        "name": values.needed("name")?,
        "rate": rate,
        "valid_from": values.take("valid_from"),
        "valid_until": values.take("valid_until"),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_needs_place_name_and_rate() {
        let check = |place, name, rate, expected: Result<&str, &str>| {
            let texts = [
                ("place", place),
                ("name", name),
                ("rate", rate),
                ("valid_from", " 2020-01-01 "),
            ];
            let row = read(&COLUMNS, &texts).map(|row| (row["place"].clone(), row["valid_from"].clone()));
            let expected = expected.map(|place| (json!(place), json!("2020-01-01")));
            assert_eq!(row, expected.map_err(str::to_owned));
        };
        check("ES 35*; ES 38*", "IGIC", "0.07", Ok("ES 35*; ES 38*"));
        check("", "VAT", "0.2", Err("it has no place"));
        check("GB", " ", "0.2", Err("it has no name"));
        check("GB", "VAT", "", Err("it has no rate"));
    }

    #[test]
    fn a_percentage_is_no_rate() {
        let rate = |rate| {
            let row = read(&COLUMNS, &[("place", "GB"), ("name", "VAT"), ("rate", rate)]);
            row.map(|row| row["rate"].clone())
        };
        assert_eq!(rate("0.0825"), Ok(json!("0.0825")));
        assert_eq!(rate("1"), Ok(json!("1")));
        let told = "rate: 8.25 is more than 1; 20 per cent is 0.2";
        assert_eq!(rate("8.25"), Err(told.to_owned()));
    }
}
