//! Country codes for the names in an invoice file.

use anyhow::Context;
use cartwright_domain::country::Country;
use std::collections::HashMap;
use std::path::Path;

/// The names of the "Online Retail" data set. XA to XZ and EU stand for what is no country.
const BUILT_IN: &str = include_str!("countries.json");

/// From a name to a country.
#[derive(Clone, Debug)]
pub(super) struct CountryMap {
    countries: HashMap<String, Country>,
}

impl CountryMap {
    /// Takes the built-in map, and puts the names of a file in front of it.
    ///
    /// # Errors
    /// The file cannot be read, is no JSON object of texts, or holds something that is no country code.
    pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut map = Self::parse(BUILT_IN).context("the built-in country map")?;
        if let Some(path) = file {
            let named = || format!("the country map {}", path.display());
            let text = std::fs::read_to_string(path).with_context(named)?;
            let own = Self::parse(text.trim_start_matches('\u{feff}')).with_context(named)?;
            map.countries.extend(own.countries);
        }
        Ok(map)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let codes: HashMap<String, String> = serde_json::from_str(text)
            .context("it must be a JSON object from names to codes, for example {\"Germany\": \"DE\"}")?;
        let mut countries = HashMap::new();
        for (name, code) in codes {
            let country = Country::of(&code).with_context(|| {
                format!("{code:?} for {name:?} is no country code; write two capitals, like \"DE\"")
            })?;
            countries.insert(name, country);
        }
        Ok(Self { countries })
    }

    /// Returns the country of a name, which is compared without outer blanks.
    pub(super) fn country(&self, name: &str) -> Option<Country> {
        self.countries.get(name.trim()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_map_knows_the_odd_names_of_the_data_set() {
        let map = CountryMap::read(None).expect("it is well formed");
        for (name, code) in [
            ("EIRE", "IE"),
            ("Channel Islands", "XC"),
            ("Unspecified", "XU"),
            ("European Community", "EU"),
            ("RSA", "ZA"),
            ("Saudi Arabia", "SA"),
        ] {
            assert_eq!(
                map.country(name).as_ref().map(Country::code),
                Some(code),
                "{name}"
            );
        }
        assert_eq!(map.country("Atlantis"), None);
    }

    #[test]
    fn a_file_adds_to_the_built_in_map_and_goes_before_it() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, "\u{feff}{\"Atlantis\": \"XA\", \"EIRE\": \"GB\"}").expect("it is writable");
        let map = CountryMap::read(Some(file.path())).expect("it is well formed");
        let codes =
            ["Atlantis", "EIRE", "France"].map(|name| map.country(name).map(|country| country.to_string()));
        assert_eq!(codes.map(Option::unwrap_or_default), ["XA", "GB", "FR"]);
    }

    #[test]
    fn a_map_that_is_wrong_says_how_it_should_be() {
        for (text, part) in [
            ("[]", "JSON object from names to codes"),
            (r#"{"UK":"Gb"}"#, "two capitals"),
        ] {
            let error = CountryMap::parse(text).expect_err("the map is wrong");
            assert!(format!("{error:#}").contains(part), "{error:#}");
        }
    }
}
