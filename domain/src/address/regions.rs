//! The states, provinces and counties of countries whose addresses name one, under all the names that people write.
//!
//! The table is `regions.tsv`, facts of `commerceguys/addressing` (e90fe20b); see `ATTRIBUTION.md` beside this file.
//! A row is the country, the region's code of ISO 3166-2 after the hyphen, how it is written in an address, and its
//! other names.

use crate::country::Country;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("regions.tsv");
/// What separates the columns of the table.
const COLUMN: char = '\t';
/// From here on letters are of another script than the Latin one.
const FOREIGN_SCRIPT: char = '\u{250}';

static REGIONS: LazyLock<BTreeMap<Country, Vec<Region>>> = LazyLock::new(|| {
    let mut regions: BTreeMap<Country, Vec<Region>> = BTreeMap::new();
    for row in TABLE.lines() {
        let (country, names) = row.split_once(COLUMN).unwrap_or_default();
        if let Ok(country) = country.parse() {
            regions.entry(country).or_default().push(Region { names });
        }
    }
    regions
});

/// A state, province or county.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    names: &'static str,
}

/// Returns the regions of a country, or none where they are not known.
pub fn regions_of(country: Country) -> &'static [Region] {
    REGIONS.get(&country).map_or(&[], Vec::as_slice)
}

impl Region {
    /// Finds a region by its code, with the country's or without, or by any of its names. The case of letters does
    /// not count.
    pub fn find(country: Country, text: &str) -> Option<Self> {
        let text = text.trim();
        let code = match text.split_once('-') {
            Some((prefix, code)) if prefix.eq_ignore_ascii_case(country.code()) => code,
            _ => text,
        };
        let regions = regions_of(country);
        let of_code = regions
            .iter()
            .find(|region| region.code().is_some_and(|own| own.eq_ignore_ascii_case(code)));
        of_code
            .or_else(|| regions.iter().find(|region| region.is_named(text)))
            .copied()
    }

    /// Returns its code of ISO 3166-2 after the hyphen, where it has one.
    pub fn code(self) -> Option<&'static str> {
        self.names.split(COLUMN).next().filter(|code| !code.is_empty())
    }

    /// Returns how it is written in an address.
    pub fn written(self) -> &'static str {
        self.names.split(COLUMN).nth(1).unwrap_or_default()
    }

    /// Returns its name as it belongs in an address where somebody typed it so: as it is written there, unless it was
    /// typed in another script.
    pub(super) fn written_like(self, typed: String) -> String {
        if typed.chars().any(|letter| FOREIGN_SCRIPT <= letter) {
            typed
        } else {
            self.written().to_owned()
        }
    }

    fn is_named(self, text: &str) -> bool {
        let letters = |text| str::chars(text).flat_map(char::to_lowercase);
        self.names
            .split(COLUMN)
            .skip(1)
            .any(|name| letters(name).eq(letters(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(country: &str, text: &str, expected: Option<(&str, &str)>) {
        let country = Country::of(country).expect("a country of the test");
        let found = Region::find(country, text);
        let found = found.map(|found| (found.code().unwrap_or_default(), found.written()));
        assert_eq!(found, expected, "{country} {text}");
    }

    #[test]
    fn every_name_of_a_region_finds_it_and_no_other() {
        let mut rows = 0;
        for (country, regions) in &*REGIONS {
            for region in regions {
                rows += 1;
                let code = region.code().unwrap_or_default();
                for name in region.names.split(COLUMN).filter(|name| !name.is_empty()) {
                    check(country.code(), name, Some((code, region.written())));
                }
            }
        }
        assert_eq!(rows, TABLE.lines().count());
    }

    #[test]
    fn a_region_is_found_by_code_and_name() {
        for text in ["CA", "us-ca", "California", " CALIFORNIA "] {
            check("US", text, Some(("CA", "CA")));
        }
        check("US", "Kalifornien", None);
        check("US", "CA-QC", None);
        check("CA", "qu\u{e9}bec", Some(("QC", "QC")));
        check("IE", "Dublin", Some(("D", "Co. Dublin")));
        check("JP", "\u{6771}\u{4eac}\u{90fd}", Some(("13", "Tokyo")));
        check("AE", "Dubai", Some(("DU", "Dubai")));
        check("HK", "kowloon", Some(("", "Kowloon")));
        check("DE", "BY", None);
    }

    #[test]
    fn a_name_in_another_script_stays_as_it_was_typed() {
        let tokyo = "\u{6771}\u{4eac}\u{90fd}";
        let written = |country: &str, typed: &str| {
            let country = Country::of(country).expect("a country of the test");
            Region::find(country, typed).map(|found| found.written_like(typed.to_owned()))
        };
        assert_eq!(written("JP", tokyo).as_deref(), Some(tokyo));
        assert_eq!(written("CA", "Qu\u{e9}bec").as_deref(), Some("QC"));
    }
}
