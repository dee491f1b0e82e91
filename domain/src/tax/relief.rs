//! Buyers who are not charged tax, and why.

use super::vat_number::{VatNumber, is_eu_member};
use crate::country::Country;
use serde::{Deserialize, Serialize};

/// What is known of a buyer that bears on tax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxStatus {
    /// Whether nothing this buyer buys is taxed.
    pub exempt: bool,
    /// The buyer's VAT number, if it is a business of the European Union.
    pub vat_number: Option<VatNumber>,
}

/// Why a quote has no tax although its goods are taxed where they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaxRelief {
    /// The buyer is exempt.
    Exempt,
    /// The buyer is a business of another member of the European Union and accounts for the tax itself.
    ReverseCharge {
        /// Under which number.
        vat_number: VatNumber,
    },
}

impl TaxStatus {
    /// Returns why the buyer is not charged tax on what goes from a store at `home` to a destination.
    ///
    /// The charge is reversed between members of the European Union: store, destination and VAT number are of
    /// members, and neither destination nor number is of the store's own country.
    pub fn relief(&self, home: Country, destination: Option<Country>) -> Option<TaxRelief> {
        if self.exempt {
            return Some(TaxRelief::Exempt);
        }
        let abroad = |country: &Country| is_eu_member(*country) && *country != home;
        let vat_number = self.vat_number.as_ref().filter(|number| !number.is_of(home))?;
        destination.filter(abroad).filter(|_| is_eu_member(home))?;
        Some(TaxRelief::ReverseCharge {
            vat_number: vat_number.clone(),
        })
    }
}

impl TaxRelief {
    /// Returns the reason's name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::ReverseCharge { .. } => "reverse_charge",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(home: &str, destination: Option<&str>, vat_number: &str, reversed: bool) {
        let country = |code: &str| Country::of(code).expect("a country of the test");
        let status = TaxStatus {
            exempt: false,
            vat_number: Some(VatNumber::parse(vat_number).expect("a number of the test")),
        };
        let relief = status.relief(country(home), destination.map(country));
        assert_eq!(relief.is_some(), reversed, "{home} {destination:?} {vat_number}");
        let exempt = TaxStatus {
            exempt: true,
            ..status
        };
        let relief = exempt.relief(country(home), destination.map(country));
        assert_eq!(relief, Some(TaxRelief::Exempt));
    }

    #[test]
    fn the_charge_is_reversed_between_two_members_and_not_at_home() {
        check("IE", Some("FR"), "FR40303265045", true);
        check("IE", Some("DE"), "FR40303265045", true);
        check("IE", Some("IE"), "FR40303265045", false);
        check("IE", Some("FR"), "IE6433435F", false);
        check("IE", Some("US"), "FR40303265045", false);
        check("IE", None, "FR40303265045", false);
        check("GB", Some("FR"), "FR40303265045", false);
        assert_eq!(TaxStatus::default().relief(Country::GB, None), None);
    }
}
