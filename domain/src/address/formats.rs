//! How addresses are written, country by country: what they must say, and what a postal code looks like.
//!
//! Facts of `commerceguys/addressing` (e90fe20b); see `ATTRIBUTION.md` beside this file. Examples are ours.

use crate::country::Country;
use regex::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// What an address must say besides street and number, as far as countries differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// City, town or village.
    City,
    /// State, province or county.
    Region,
    /// Postal code.
    PostalCode,
}

/// How addresses of a country are written.
#[derive(Debug)]
pub struct Format {
    country: [u8; 2],
    needs: &'static [Part],
    postal_code: &'static str,
    postal_code_example: &'static str,
    compiled: OnceLock<Regex>,
}

/// What holds where nothing else is known, places without a country code among them.
static GENERIC: Format = format(b"??", &[Part::City], "", "");

impl Format {
    /// Returns the format of a country, or the generic one.
    pub fn of(country: Country) -> &'static Self {
        let found =
            FORMATS.binary_search_by(|format| format.country.as_slice().cmp(country.code().as_bytes()));
        found.map_or(&GENERIC, |row| &FORMATS[row])
    }

    /// Returns what holds where the country is not known.
    pub(super) fn generic() -> &'static Self {
        &GENERIC
    }

    /// Tells whether an address without this part is none.
    pub fn needs(&self, part: Part) -> bool {
        self.needs.contains(&part)
    }

    /// Returns a postal code of the country, where they are known to have a form.
    pub fn postal_code_example(&self) -> Option<&'static str> {
        (!self.postal_code_example.is_empty()).then_some(self.postal_code_example)
    }

    /// Returns a postal code as the country writes it, or nothing if it has none such.
    ///
    /// The case of letters does not count. Where what was typed does not fit as it stands, blanks and hyphens may be
    /// missing or too many, and the country's own code may stand in front.
    pub(super) fn postal_code(&self, typed: &str) -> Option<String> {
        if self.postal_code.is_empty() {
            return Some(typed.to_owned());
        }
        let typed = typed
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_uppercase();
        let fits = |code: &String| self.compiled().is_match(code);
        if fits(&typed) {
            return Some(typed);
        }
        let country = std::str::from_utf8(&self.country).unwrap_or_default();
        let behind = typed.strip_prefix(country).unwrap_or_default();
        let behind = behind.trim_start_matches([' ', '-']).to_owned();
        if fits(&behind) {
            return Some(behind);
        }
        let bare = typed.replace([' ', '-'], "");
        let local = bare.strip_prefix(country).unwrap_or_default().to_owned();
        [bare, local].iter().flat_map(|code| respaced(code)).find(fits)
    }

    fn compiled(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            RegexBuilder::new(&format!("^(?:{})$", self.postal_code))
                .unicode(false)
                .build()
                .expect("a test compiles every pattern of the table")
        })
    }
}

/// Returns a code as it is, and with one blank or one hyphen in each place.
fn respaced(code: &str) -> impl Iterator<Item = String> {
    let inner = code.char_indices().map(|(at, _)| at).skip(1);
    let separated = inner
        .flat_map(move |at| [" ", "-"].map(|separator| format!("{}{separator}{}", &code[..at], &code[at..])));
    std::iter::once(code.to_owned()).chain(separated)
}

const fn format(
    country: &[u8; 2],
    needs: &'static [Part],
    postal_code: &'static str,
    postal_code_example: &'static str,
) -> Format {
    Format {
        country: *country,
        needs,
        postal_code,
        postal_code_example,
        compiled: OnceLock::new(),
    }
}

const C: Part = Part::City;
const R: Part = Part::Region;
const P: Part = Part::PostalCode;

/// The United Kingdom's, whose codes begin with the letters of a postal area.
const GB_POSTAL_CODE: &str = concat!(
    r"GIR ?0AA|BFPO ?\d{1,4}|(?:",
    "AB|AL|B|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|BX|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|",
    "DL|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G|GL|GY|GU|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|",
    "KW|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|",
    "RH|RM|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|",
    "WF|WN|WR|WS|WV|YO|ZE",
    r")\d[\dA-Z]? ?\d[ABD-HJLN-UW-Z]{2}",
);

/// Every country that differs from the generic format, sorted by code: what its addresses must say besides the
/// street, the pattern of its postal codes, and one of them. The four digits that may follow a ZIP code do so behind a
/// hyphen alone, so that one place has one code.
#[rustfmt::skip]
static FORMATS: [Format; 187] = [
    format(b"AD", &[C], r"AD[1-7]0\d", "AD101"),
    format(b"AE", &[R], "", ""),
    format(b"AF", &[C], r"\d{4}", "1234"),
    format(b"AG", &[], "", ""),
    format(b"AI", &[C], "(?:AI-)?2640", "2640"),
    format(b"AL", &[C], r"\d{4}", "1234"),
    format(b"AM", &[C], r"(?:37)?\d{4}", "1234"),
    format(b"AR", &[C], r"((?:[A-HJ-NP-Z])?\d{4})([A-Z]{3})?", "C1070AAA"),
    format(b"AS", &[C, P], r"(96799)(?:-(\d{4}))?", "96799"),
    format(b"AT", &[C, P], r"\d{4}", "1010"),
    format(b"AU", &[C, R, P], r"\d{4}", "2000"),
    format(b"AX", &[C, P], r"22\d{3}", "22123"),
    format(b"AZ", &[C], r"\d{4}", "1234"),
    format(b"BA", &[C], r"\d{5}", "12345"),
    format(b"BB", &[C, R], r"BB\d{5}", "BB12345"),
    format(b"BD", &[C], r"\d{4}", "1000"),
    format(b"BE", &[C, P], r"\d{4}", "1000"),
    format(b"BG", &[C], r"\d{4}", "1000"),
    format(b"BH", &[C], r"(?:1[0-2]|[1-9])\d{2}", "1001"),
    format(b"BL", &[C, P], r"9[78][01]\d{2}", "97012"),
    format(b"BM", &[C], "[A-Z]{2} ?[A-Z0-9]{2}", "HM 12"),
    format(b"BN", &[C], r"[A-Z]{2} ?\d{4}", "BS 8711"),
    format(b"BR", &[C, R, P], r"\d{5}-?\d{3}", "01001-000"),
    format(b"BT", &[C], r"\d{5}", "12345"),
    format(b"BY", &[C], r"\d{6}", "220004"),
    format(b"CA", &[C, R, P], r"[ABCEGHJKLMNPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d", "K1A 0B1"),
    format(b"CC", &[C], "6799", "6799"),
    format(b"CH", &[C, P], r"\d{4}", "8001"),
    format(b"CL", &[C, R], r"\d{7}", "8320000"),
    format(b"CN", &[C, R, P], r"\d{6}", "100000"),
    format(b"CO", &[C, R], r"\d{6}", "110111"),
    format(b"CR", &[C, R], r"\d{4,5}|\d{3}-\d{4}", "10101"),
    format(b"CU", &[C], r"\d{5}", "12345"),
    format(b"CV", &[C, R], r"\d{4}", "1234"),
    format(b"CX", &[C], "6798", "6798"),
    format(b"CY", &[C], r"\d{4}", "1010"),
    format(b"CZ", &[C, P], r"\d{3} ?\d{2}", "110 00"),
    format(b"DE", &[C, P], r"\d{5}", "10115"),
    format(b"DK", &[C, P], r"\d{4}", "1050"),
    format(b"DO", &[C], r"\d{5}", "12345"),
    format(b"DZ", &[C], r"\d{5}", "12345"),
    format(b"EC", &[C], r"\d{6}", "123456"),
    format(b"EE", &[C, P], r"\d{5}", "10111"),
    format(b"EG", &[C, R], r"\d{5}", "11511"),
    format(b"EH", &[C], r"\d{5}", "12345"),
    format(b"ES", &[C, R, P], r"\d{5}", "28001"),
    format(b"ET", &[C], r"\d{4}", "1234"),
    format(b"FI", &[C, P], r"\d{5}", "00100"),
    format(b"FK", &[C, P], "FIQQ 1ZZ", "FIQQ 1ZZ"),
    format(b"FM", &[C, R, P], r"(9694[1-4])(?:-(\d{4}))?", "96941"),
    format(b"FO", &[C], r"\d{3}", "123"),
    format(b"FR", &[C, P], r"\d{2} ?\d{3}", "75001"),
    format(b"GB", &[C, P], GB_POSTAL_CODE, "SW1A 1AA"),
    format(b"GE", &[C], r"\d{4}", "1234"),
    format(b"GF", &[C, P], r"9[78]3\d{2}", "97312"),
    format(b"GG", &[C, P], r"GY\d[\dA-Z]? ?\d[ABD-HJLN-UW-Z]{2}", "GY1 1AA"),
    format(b"GI", &[], "GX11 1AA", "GX11 1AA"),
    format(b"GL", &[C, P], r"39\d{2}", "3912"),
    format(b"GN", &[C], r"\d{3}", "123"),
    format(b"GP", &[C, P], r"9[78][01]\d{2}", "97012"),
    format(b"GR", &[C, P], r"\d{3} ?\d{2}", "104 31"),
    format(b"GS", &[C, P], "SIQQ 1ZZ", "SIQQ 1ZZ"),
    format(b"GT", &[C], r"\d{5}", "12345"),
    format(b"GU", &[C, P], r"(969(?:[12]\d|3[12]))(?:-(\d{4}))?", "96911"),
    format(b"GW", &[C], r"\d{4}", "1234"),
    format(b"HK", &[R], "", ""),
    format(b"HM", &[C], r"\d{4}", "1234"),
    format(b"HN", &[C, R], r"\d{5}", "12345"),
    format(b"HR", &[C], r"\d{5}", "10000"),
    format(b"HT", &[C], r"\d{4}", "6110"),
    format(b"HU", &[C, P], r"\d{4}", "1011"),
    format(b"ID", &[R], r"\d{5}", "10110"),
    format(b"IE", &[C], r"[\dA-Z]{3} ?[\dA-Z]{4}", "D02 X285"),
    format(b"IL", &[C], r"\d{5}(?:\d{2})?", "9100000"),
    format(b"IM", &[C, P], r"IM\d[\dA-Z]? ?\d[ABD-HJLN-UW-Z]{2}", "IM1 1AA"),
    format(b"IN", &[C, R, P], r"\d{6}", "110001"),
    format(b"IO", &[C, P], "BBND 1ZZ", "BBND 1ZZ"),
    format(b"IQ", &[C, R], r"\d{5}", "10001"),
    format(b"IR", &[C, R], r"\d{5}-?\d{5}", "11369-12345"),
    format(b"IS", &[C], r"\d{3}", "101"),
    format(b"IT", &[C, R, P], r"\d{5}", "00118"),
    format(b"JE", &[C, P], r"JE\d[\dA-Z]? ?\d[ABD-HJLN-UW-Z]{2}", "JE2 3AB"),
    format(b"JM", &[C, R], "", ""),
    format(b"JO", &[C], r"\d{5}", "12345"),
    format(b"JP", &[R, P], r"\d{3}-?\d{4}", "100-0001"),
    format(b"KE", &[C], r"\d{5}", "00100"),
    format(b"KG", &[C], r"\d{6}", "123456"),
    format(b"KH", &[C], r"\d{5,6}", "120101"),
    format(b"KI", &[C, R], "", ""),
    format(b"KN", &[C, R], "", ""),
    format(b"KR", &[C, R, P], r"\d{5}", "03051"),
    format(b"KW", &[C], r"\d{5}", "12345"),
    format(b"KY", &[R], r"KY\d-\d{4}", "KY1-2345"),
    format(b"KZ", &[C, P], r"\d{6}|[A-Z0-9]{7}", "010000"),
    format(b"LA", &[C], r"\d{5}", "12345"),
    format(b"LB", &[C], r"(?:\d{4})(?: ?(?:\d{4}))?", "1100"),
    format(b"LI", &[C, P], "948[5-9]|949[0-8]", "9485"),
    format(b"LK", &[C], r"\d{5}", "00100"),
    format(b"LR", &[C], r"\d{4}", "1234"),
    format(b"LS", &[C], r"\d{3}", "123"),
    format(b"LT", &[C, P], r"\d{5}", "01100"),
    format(b"LU", &[C, P], r"\d{4}", "1111"),
    format(b"LV", &[C, P], r"LV-\d{4}", "LV-1010"),
    format(b"MA", &[C], r"\d{5}", "10000"),
    format(b"MC", &[C], r"980\d{2}", "98012"),
    format(b"MD", &[C], r"\d{4}", "1234"),
    format(b"ME", &[C], r"8\d{4}", "81234"),
    format(b"MF", &[C, P], r"9[78][01]\d{2}", "97012"),
    format(b"MG", &[C], r"\d{3}", "123"),
    format(b"MH", &[C, R, P], r"(969[67]\d)(?:-(\d{4}))?", "96961"),
    format(b"MK", &[C], r"\d{4}", "1234"),
    format(b"MM", &[C], r"\d{5}", "12345"),
    format(b"MN", &[C], r"\d{5}", "12345"),
    format(b"MO", &[], "", ""),
    format(b"MP", &[C, P], r"(9695[012])(?:-(\d{4}))?", "96950"),
    format(b"MQ", &[C, P], r"9[78]2\d{2}", "97212"),
    format(b"MT", &[C], r"[A-Z]{3} ?\d{2,4}", "VLT 1117"),
    format(b"MU", &[C], r"\d{3}(?:\d{2}|[A-Z]{2}\d{3})", "11302"),
    format(b"MV", &[C], r"\d{5}", "12345"),
    format(b"MX", &[C, R, P], r"\d{5}", "06000"),
    format(b"MY", &[C, R, P], r"\d{5}", "50000"),
    format(b"MZ", &[C], r"\d{4}", "1234"),
    format(b"NA", &[C], r"\d{5}", "12345"),
    format(b"NC", &[C, P], r"988\d{2}", "98812"),
    format(b"NE", &[C], r"\d{4}", "1234"),
    format(b"NF", &[C], "2899", "2899"),
    format(b"NG", &[C], r"\d{6}", "900001"),
    format(b"NI", &[C], r"\d{5}", "12345"),
    format(b"NL", &[C, P], r"\d{4} ?[A-Z]{2}", "1012 AB"),
    format(b"NO", &[C, P], r"\d{4}", "0150"),
    format(b"NP", &[C], r"\d{5}", "12345"),
    format(b"NR", &[R], "", ""),
    format(b"NZ", &[C, P], r"\d{4}", "6011"),
    format(b"OM", &[C], r"(?:PC )?\d{3}", "123"),
    format(b"PE", &[C, R], r"[0-2]\d{4}", "15001"),
    format(b"PF", &[C, R, P], r"987\d{2}", "98712"),
    format(b"PG", &[C, R], r"\d{3}", "123"),
    format(b"PH", &[C], r"\d{4}", "1000"),
    format(b"PK", &[C], r"\d{5}", "44000"),
    format(b"PL", &[C, P], r"\d{2}-\d{3}", "00-001"),
    format(b"PM", &[C, P], r"9[78]5\d{2}", "97512"),
    format(b"PN", &[C, P], "PCRN 1ZZ", "PCRN 1ZZ"),
    format(b"PR", &[C, P], r"(00[679]\d{2})(?:-(\d{4}))?", "00612"),
    format(b"PT", &[C, P], r"\d{4}-\d{3}", "1000-001"),
    format(b"PW", &[C, R, P], r"(969(?:39|40))(?:-(\d{4}))?", "96939"),
    format(b"PY", &[C], r"\d{4}", "1234"),
    format(b"RE", &[C, P], r"9[78]4\d{2}", "97412"),
    format(b"RO", &[C, P], r"\d{6}", "010011"),
    format(b"RS", &[C], r"\d{5,6}", "11000"),
    format(b"RU", &[C, R, P], r"\d{6}", "101000"),
    format(b"SA", &[C], r"\d{5}", "11564"),
    format(b"SD", &[C], r"\d{5}", "12345"),
    format(b"SE", &[C, P], r"\d{3} ?\d{2}", "111 22"),
    format(b"SG", &[C, P], r"\d{6}", "018956"),
    format(b"SH", &[C, P], "(?:ASCN|STHL) 1ZZ", "ASCN 1ZZ"),
    format(b"SI", &[C], r"\d{4}", "1000"),
    format(b"SJ", &[C, P], r"\d{4}", "1234"),
    format(b"SK", &[C, P], r"\d{3} ?\d{2}", "811 01"),
    format(b"SM", &[P], r"4789\d", "47891"),
    format(b"SN", &[C], r"\d{5}", "12345"),
    format(b"SO", &[C, R], r"[A-Z]{2} ?\d{5}", "JH 09010"),
    format(b"SV", &[C, R], r"CP [1-3][1-7][0-2]\d", "CP 1101"),
    format(b"SZ", &[C], r"[HLMS]\d{3}", "H100"),
    format(b"TC", &[C, P], "TKCA 1ZZ", "TKCA 1ZZ"),
    format(b"TH", &[C, R], r"\d{5}", "10200"),
    format(b"TJ", &[C], r"\d{6}", "123456"),
    format(b"TM", &[C], r"\d{6}", "123456"),
    format(b"TN", &[C], r"\d{4}", "1234"),
    format(b"TR", &[C, R, P], r"\d{5}", "34000"),
    format(b"TW", &[C, R, P], r"\d{3}(?:\d{2,3})?", "100"),
    format(b"TZ", &[C], r"\d{4,5}", "1234"),
    format(b"UA", &[C, P], r"\d{5}", "01001"),
    format(b"UM", &[C, R], "96898", "96898"),
    format(b"US", &[C, R, P], r"(\d{5})(?:-(\d{4}))?", "94103"),
    format(b"UY", &[C], r"\d{5}", "11000"),
    format(b"UZ", &[C], r"\d{6}", "123456"),
    format(b"VA", &[C], "00120", "00120"),
    format(b"VC", &[C], r"VC\d{4}", "VC1234"),
    format(b"VE", &[C, R], r"\d{4}", "1010"),
    format(b"VG", &[], r"VG\d{4}", "VG1234"),
    format(b"VI", &[C, P], r"(008(?:(?:[0-4]\d)|(?:5[01])))(?:-(\d{4}))?", "00801"),
    format(b"VN", &[C, R], r"\d{5}\d?", "100000"),
    format(b"WF", &[C, P], r"986\d{2}", "98612"),
    format(b"XK", &[C], r"[1-7]\d{4}", "11234"),
    format(b"YT", &[C, P], r"976\d{2}", "97612"),
    format(b"ZA", &[C, P], r"\d{4}", "0001"),
    format(b"ZM", &[C], r"\d{5}", "12345"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(country: &str, typed: &str, expected: Option<&str>) {
        let country = Country::of(country).expect("a country of the test");
        let written = Format::of(country).postal_code(typed);
        assert_eq!(written.as_deref(), expected, "{country} {typed}");
    }

    #[test]
    fn every_row_is_of_a_country_and_every_example_is_a_postal_code() {
        assert!(FORMATS.is_sorted_by(|left, right| left.country < right.country));
        for format in &FORMATS {
            let code = std::str::from_utf8(&format.country).expect("letters");
            assert!(Country::of(code).is_ok(), "{code}");
            assert_eq!(
                format.postal_code.is_empty(),
                format.postal_code_example.is_empty(),
                "{code}"
            );
            if let Some(example) = format.postal_code_example() {
                assert!(format.compiled().is_match(example), "{code} {example}");
                check(code, &example.to_lowercase(), Some(example));
            }
        }
    }

    #[test]
    fn a_postal_code_is_written_as_its_country_does() {
        check("GB", " ls1  1aa", Some("LS1 1AA"));
        check("GB", "LS11AA", Some("LS11AA"));
        check("GB", "LS1-1AA", Some("LS11AA"));
        check("GB", "BFPO 57", Some("BFPO 57"));
        check("GB", "QQ1 1AA", None);
        check("US", "94103-1234", Some("94103-1234"));
        for typed in ["94103 1234", "941031234", "us 94103-1234"] {
            check("US", typed, Some("94103-1234"));
        }
        check("PR", "00612 1234", Some("00612-1234"));
        check("US", "9410", None);
        check("US", "94103 or so", None);
        check("PL", "00001", Some("00-001"));
        check("PT", "1000 001", Some("1000-001"));
        check("SE", "SE-111 22", Some("111 22"));
        check("GB", "gb SW1Y 4JH", Some("SW1Y 4JH"));
        check("LV", "1010", None);
        check("LV", "lv1010", Some("LV-1010"));
        check("BR", "01001-000", Some("01001-000"));
        check("DE", "D-10115", None);
        check("DE", "1011\u{665}", None);
        check("HK", "whatever", Some("whatever"));
        check("XC", "JE2 3AB", Some("JE2 3AB"));
    }
}
