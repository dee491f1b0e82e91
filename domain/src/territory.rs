//! Territories: where a tax zone's rates hold, and where a shipping method goes.
//!
//! Countries, their subdivisions, and postal codes.

use crate::address::{Destination, Region};
use crate::country::{Country, Coverage};
use crate::error::{Class, FieldErrors, Refusal};
use crate::text::text_form;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How many subdivisions, and how many patterns of postal codes, a territory may name.
pub const PLACES_MAX: usize = 1_000;
/// The word for every country.
const EVERYWHERE: &str = "*";
/// What stands between places in one text.
const PLACE_SEPARATOR: &str = "; ";
/// The longest pattern of a postal code, without blanks and hyphens.
const POSTAL_PATTERN_LENGTH_MAX: usize = 12;
/// What stands at the end of a pattern that is the beginning of a code.
const ANY_REST: char = '*';

/// Some places: each of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Territory {
    /// Whole countries; none where it is only parts of some.
    pub countries: Coverage,
    /// States, provinces, regions. Sorted, each once.
    pub subdivisions: Vec<Subdivision>,
    /// Postal codes. Sorted, each once.
    pub postal_codes: Vec<PostalCodes>,
}

/// A territory as staff sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerritoryDraft {
    /// Country codes, or `["*"]`.
    pub countries: Option<Vec<String>>,
    /// Codes of ISO 3166-2.
    pub subdivisions: Option<Vec<String>>,
    /// Patterns of postal codes.
    pub postal_codes: Option<Vec<String>>,
}

/// A part of a country: a code of ISO 3166-2, such as `US-CA`. Stored and written as that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdivision([u8; 6]);

/// The postal codes of a country that begin alike, or one of them: `ES 35*`, `IT 23041`. Cheap to clone.
///
/// Blanks, hyphens and the case of letters do not count. Stored and written as the country, a blank and the pattern.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostalCodes(Arc<str>);

/// A text that names no place of the expected sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPlace {
    /// It is no code of ISO 3166-2.
    #[error("not a subdivision: expected a code of ISO 3166-2 such as US-CA")]
    Subdivision,
    /// It is no pattern of postal codes.
    #[error(
        "not postal codes: expected a country and a code or its beginning and *, such as IT 23041 or ES 35*, of at \
         most {POSTAL_PATTERN_LENGTH_MAX} letters and digits"
    )]
    PostalCodes,
}

impl Refusal for UnknownPlace {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Subdivision => "territory.unknown_subdivision",
            Self::PostalCodes => "territory.invalid_postal_codes",
        }
    }
}

impl Territory {
    /// Reads a whole territory; notes every bad field below `pointer`.
    pub fn read(draft: &TerritoryDraft, pointer: &str, errors: &mut FieldErrors) -> Self {
        let mut territory = Self::default();
        draft.apply_to(&mut territory, pointer, errors);
        territory
    }

    /// Tells whether a destination lies in it.
    pub fn covers(&self, destination: Destination<'_>) -> bool {
        let has_subdivision = || {
            let subdivision = Subdivision::of_destination(destination);
            subdivision.is_some_and(|subdivision| self.subdivisions.binary_search(&subdivision).is_ok())
        };
        let has_postal_code = || {
            let key = postal_key(destination);
            key.is_some_and(|key| self.postal_codes.iter().any(|codes| codes.mean(&key)))
        };
        self.countries.covers(destination.country)
            || !self.subdivisions.is_empty() && has_subdivision()
            || !self.postal_codes.is_empty() && has_postal_code()
    }

    /// Returns its places in one text, the same for the same places.
    pub fn text(&self) -> String {
        let mut places = match &self.countries {
            Coverage::Everywhere => vec![EVERYWHERE.to_owned()],
            Coverage::Countries(countries) => countries.iter().map(ToString::to_string).collect(),
        };
        places.extend(self.subdivisions.iter().map(ToString::to_string));
        places.extend(self.postal_codes.iter().map(ToString::to_string));
        places.join(PLACE_SEPARATOR)
    }

    /// Returns how many places it names; everywhere is more than any number.
    pub(crate) fn places(&self) -> usize {
        match &self.countries {
            Coverage::Everywhere => usize::MAX,
            Coverage::Countries(countries) => {
                countries.len() + self.subdivisions.len() + self.postal_codes.len()
            }
        }
    }
}

impl Default for Territory {
    /// Returns the territory that names no place.
    fn default() -> Self {
        Self {
            countries: Coverage::Countries(Vec::new()),
            subdivisions: Vec::new(),
            postal_codes: Vec::new(),
        }
    }
}

impl TerritoryDraft {
    /// Returns the draft of the places in one text: `*`, `GB`, `US-CA`, `ES 35*; ES 38*`. Whether they are any is checked
    /// when the draft is read.
    pub fn of_places(text: &str) -> Self {
        let (mut countries, mut subdivisions, mut postal_codes) = (Vec::new(), Vec::new(), Vec::new());
        for place in text.split(PLACE_SEPARATOR.trim()).map(str::trim) {
            let of_sort = if place.contains(' ') {
                &mut postal_codes
            } else if place.contains('-') {
                &mut subdivisions
            } else {
                &mut countries
            };
            of_sort.push(place.to_owned());
        }
        Self {
            countries: Some(countries),
            subdivisions: Some(subdivisions),
            postal_codes: Some(postal_codes),
        }
    }

    /// Returns the draft of a territory of whole countries.
    pub fn of(countries: &[&str]) -> Self {
        Self {
            countries: Some(countries.iter().map(|code| (*code).to_owned()).collect()),
            ..Self::default()
        }
    }

    /// Tells whether it names no place at all.
    pub(crate) fn is_empty(&self) -> bool {
        let mut lists = [&self.countries, &self.subdivisions, &self.postal_codes]
            .into_iter()
            .flatten();
        lists.all(Vec::is_empty)
    }

    /// Changes a territory to what was sent; what is absent stays. Notes every bad field below `pointer`.
    pub(crate) fn apply_to(&self, territory: &mut Territory, pointer: &str, errors: &mut FieldErrors) {
        if let Some(codes) = &self.subdivisions {
            territory.subdivisions = read_places(codes, &format!("{pointer}/subdivisions"), errors);
        }
        if let Some(codes) = &self.postal_codes {
            territory.postal_codes = read_places(codes, &format!("{pointer}/postal_codes"), errors);
        }
        let countries = format!("{pointer}/countries");
        // Parts that cannot be read are refused by themselves.
        let sent = |parts: &Option<Vec<String>>| parts.as_ref().is_some_and(|parts| !parts.is_empty());
        let has_parts = sent(&self.subdivisions)
            || sent(&self.postal_codes)
            || !territory.subdivisions.is_empty()
            || !territory.postal_codes.is_empty();
        match &self.countries {
            Some(codes) if codes.is_empty() && has_parts => {
                territory.countries = Coverage::Countries(Vec::new());
            }
            Some(codes) => {
                if let Some(countries) = Coverage::check(codes, &countries, errors) {
                    territory.countries = countries;
                }
            }
            None if has_parts => {}
            // What it had besides countries may have gone.
            None => {
                if matches!(&territory.countries, Coverage::Countries(named) if named.is_empty()) {
                    Coverage::check(&[], &countries, errors);
                }
            }
        }
    }
}

fn read_places<P>(codes: &[String], pointer: &str, errors: &mut FieldErrors) -> Vec<P>
where
    P: FromStr<Err = UnknownPlace> + Ord,
{
    if PLACES_MAX < codes.len() {
        let message = format!("at most {PLACES_MAX} are allowed");
        errors.add(pointer, "territory.too_many_places", message);
        return Vec::new();
    }
    let mut places = Vec::with_capacity(codes.len());
    for (index, code) in codes.iter().enumerate() {
        places.extend(errors.take(&format!("{pointer}/{index}"), code.parse::<P>()));
    }
    places.sort_unstable();
    places.dedup();
    places
}

impl Subdivision {
    /// Returns the subdivision of a country with the code after the hyphen, in letters of either case.
    fn of(country: Country, code: &str) -> Option<Self> {
        let fits = (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut bytes = [0; 6];
        bytes[..2].copy_from_slice(country.code().as_bytes());
        bytes[2] = b'-';
        bytes[3..].get_mut(..code.len())?.copy_from_slice(code.as_bytes());
        bytes.make_ascii_uppercase();
        fits.then_some(Self(bytes))
    }

    /// Finds the subdivision that an address names: by its code, with the country's or without, or by any of its names
    /// that are known.
    pub fn of_destination(destination: Destination<'_>) -> Option<Self> {
        let region = destination.region?.trim();
        let known = Region::find(destination.country, region).and_then(Region::code);
        if let Some(code) = known {
            return Self::of(destination.country, code);
        }
        match region.split_once('-') {
            Some((country, code)) if country.eq_ignore_ascii_case(destination.country.code()) => {
                Self::of(destination.country, code)
            }
            Some(_) => None,
            None => Self::of(destination.country, region),
        }
    }

    /// Returns the code: `US-CA`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0)
            .unwrap_or("??")
            .trim_end_matches('\0')
    }
}

impl FromStr for Subdivision {
    type Err = UnknownPlace;
    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        let found = text.split_once('-').and_then(|(country, code)| {
            let country = Country::of(country).ok()?;
            Self::of(country, code).filter(|found| found.as_str() == text)
        });
        found.ok_or(UnknownPlace::Subdivision)
    }
}

impl PostalCodes {
    /// Returns the pattern as it was given, normalized: `ES 35*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what [`postal_key`] of every code that is meant is, or begins with.
    pub(crate) fn key(&self) -> String {
        let letters = |letter: &char| letter.is_ascii_alphanumeric();
        self.0.chars().filter(letters).collect()
    }

    /// Tells whether it means the code of a [`postal_key`].
    fn mean(&self, key: &str) -> bool {
        if self.is_beginning() {
            key.starts_with(&self.key())
        } else {
            key == self.key()
        }
    }

    /// Tells whether it means every code that begins so.
    pub(crate) fn is_beginning(&self) -> bool {
        self.0.ends_with(ANY_REST)
    }
}

/// Returns country and postal code of a destination in one text in which spellings of one code are equal.
pub(crate) fn postal_key(destination: Destination<'_>) -> Option<String> {
    let code = destination.postal_code?;
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let mut key = destination.country.code().to_owned();
    key.extend(letters.map(|letter| letter.to_ascii_uppercase()));
    Some(key)
}

impl FromStr for PostalCodes {
    type Err = UnknownPlace;
    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        let (country, pattern) = text.trim().split_once(' ').ok_or(UnknownPlace::PostalCodes)?;
        let country = Country::of(country).map_err(|_| UnknownPlace::PostalCodes)?;
        let (code, rest) = match pattern.strip_suffix(ANY_REST) {
            Some(beginning) => (beginning, "*"),
            None => (pattern, ""),
        };
        let code = code.replace([' ', '-'], "").to_ascii_uppercase();
        let fits = (1..=POSTAL_PATTERN_LENGTH_MAX).contains(&code.len());
        if !fits || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(UnknownPlace::PostalCodes);
        }
        Ok(Self(format!("{country} {code}{rest}").into()))
    }
}

macro_rules! place_text {
    ($name:ident, $expected:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        text_form!($name, $expected, $name::as_str);
    };
}

place_text!(Subdivision, "a code of ISO 3166-2");
place_text!(PostalCodes, "a country and a postal code, or its beginning and *");
