//! The fourth stage: which tax is on a value, and how it relates to the listed prices.

use super::{Error, Rules};
use crate::address::Destination;
use crate::cart::{LineTax, LineTaxPart};
use crate::money::{self, Money, RATE_MAX, Rate, Rounding};
use crate::settings::{ForeignZone, Prices};
use crate::tax::{Category, CombinedRate, RatePart, TaxRelief, TaxStatus, ZoneRates};
use rust_decimal::Decimal;
use std::sync::Arc;

/// What a tax is called that was calculated outside.
const CALCULATED_NAME: &str = "Tax";
/// In parts of what the rate of such a tax is told, and to how many decimals.
const RATE_PARTS: (i128, u32) = (10_000, 4);

/// How tax relates to the listed prices, for this destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Prices are net; tax comes on top.
    OnTop,
    /// Prices are gross and stay so; the zone's tax is in them.
    Included,
    /// Prices are gross, but not for this quote: the tax in them is taken out. The zone's comes on top, if the buyer is
    /// charged any.
    Stripped,
}

/// Which rates count, and how.
pub(super) struct Taxing<'a> {
    pub(super) mode: Mode,
    /// Where the goods go.
    pub(super) zone: Option<&'a ZoneRates>,
    /// What is charged; nothing where the buyer is relieved of it.
    pub(super) charged: Option<&'a ZoneRates>,
    /// What is taken out of the listed prices.
    pub(super) taken_out: Option<&'a ZoneRates>,
    pub(super) relief: Option<TaxRelief>,
    pub(super) rounding: Rounding,
    pub(super) estimated: bool,
}

impl<'a> Taxing<'a> {
    pub(super) fn new(
        destination: Option<Destination<'_>>,
        buyer: Option<&TaxStatus>,
        rules: &Rules<'a>,
    ) -> Self {
        let settings = rules.settings;
        let home = rules.zones.of(settings.home_country.into());
        let zone = destination.map_or(home, |destination| rules.zones.of(destination));
        let country = destination.map(|destination| destination.country);
        // A store that is taxed at home by subdivision has no zone for all of it, and its prices contain what is charged there.
        let is_at_home = home.is_none() && country == Some(settings.home_country);
        let foreign = zone.map(ZoneRates::zone) != home.map(ZoneRates::zone) && !is_at_home;
        let relief = buyer.and_then(|buyer| buyer.relief(settings.home_country, country));
        let (mode, taken_out) = match (settings.prices, settings.foreign_zone) {
            (Prices::ExcludeTax, _) => (Mode::OnTop, None),
            (Prices::IncludeTax, ForeignZone::StripHomeTax) if foreign => (Mode::Stripped, home),
            // The tax that would be in the price is that of the zone.
            (Prices::IncludeTax, _) if relief.is_some() => (Mode::Stripped, zone),
            (Prices::IncludeTax, ForeignZone::StripHomeTax | ForeignZone::KeepGross) => {
                (Mode::Included, None)
            }
        };
        Self {
            mode,
            zone,
            charged: zone.filter(|_| relief.is_none()),
            taken_out,
            relief,
            rounding: settings.rounding,
            estimated: destination.is_none(),
        }
    }

    /// Returns a listed amount without the tax that is to be taken out of it, and that tax.
    pub(super) fn strip(&self, listed: Money, category: &Category) -> Result<(Money, Money), money::Error> {
        let kept = (listed, Money::zero(listed.currency));
        let Some(contained) = self.taken_out.and_then(|zone| zone.rate(category)) else {
            return Ok(kept);
        };
        let net = net_of(listed, contained.rate, self.rounding)?;
        Ok((net, listed.minus(net)?))
    }

    /// Tells whether a calculator outside may say what tax there is: to a known destination, for a buyer who is charged
    /// any.
    pub(super) fn may_be_calculated(&self) -> bool {
        !self.estimated && self.relief.is_none()
    }

    /// Returns a tax that was calculated outside, as a line shows it: with the rate that it comes to.
    pub(super) fn calculated(&self, value: Money, amount: Money) -> Result<LineTax, Error> {
        let included = self.mode == Mode::Included;
        let net = if included { value.minus(amount)? } else { value };
        Ok(LineTax {
            name: Arc::from(CALCULATED_NAME),
            rate: effective_rate(amount, net)?,
            net,
            amount,
            included,
            parts: Vec::new(),
        })
    }

    /// Returns the tax on a value as a line shows it, and how much it is. An estimate of tax on top stands beside the
    /// total only: the lines have no tax until a destination is known.
    pub(super) fn tax_shown(
        &self,
        value: Money,
        category: &Category,
    ) -> Result<(Option<LineTax>, Money), Error> {
        let tax = self.tax(value, category)?;
        let amount = tax.as_ref().map_or(Money::zero(value.currency), |tax| tax.amount);
        let is_shown = !self.estimated || self.mode == Mode::Included;
        Ok((tax.filter(|_| is_shown), amount))
    }

    /// Returns the tax on a value, rounded once; nothing where the zone has no rate for the category.
    fn tax(&self, value: Money, category: &Category) -> Result<Option<LineTax>, Error> {
        let Some(rate) = self.charged.and_then(|zone| zone.rate(category)) else {
            return Ok(None);
        };
        let (net, amount, included) = match self.mode {
            Mode::OnTop | Mode::Stripped => (value, value.rated(rate.rate, self.rounding)?, false),
            Mode::Included => {
                let net = net_of(value, rate.rate, self.rounding)?;
                (net, value.minus(net)?, true)
            }
        };
        Ok(Some(LineTax {
            name: Arc::clone(&rate.name),
            rate: rate.rate,
            net,
            amount,
            included,
            parts: parts_of(amount, rate)?,
        }))
    }
}

/// Splits a line's tax over the rates it is the sum of, by section 1.5: the parts always sum to the tax.
fn parts_of(tax: Money, combined: &CombinedRate) -> Result<Vec<LineTaxPart>, money::Error> {
    if combined.parts.is_empty() {
        return Ok(Vec::new());
    }
    let shares = combined.split(tax)?;
    let part = |(part, amount): (&RatePart, Money)| LineTaxPart {
        name: Arc::clone(&part.name),
        rate: part.rate,
        amount,
    };
    Ok(combined.parts.iter().zip(shares).map(part).collect())
}

/// Returns what share of a net value its tax is, to a hundredth of a percent; of nothing it is none, and never more
/// than a rate can be.
fn effective_rate(tax: Money, net: Money) -> Result<Rate, money::Error> {
    if net.amount <= 0 {
        return Ok(Rate::ZERO);
    }
    let (parts, decimals) = RATE_PARTS;
    let most = i128::from(RATE_MAX) * parts;
    let rate = Rounding::HalfUp.divide(i128::from(tax.amount) * parts, i128::from(net.amount));
    Rate::new(Decimal::from_i128_with_scale(rate.min(most), decimals))
}

/// Returns `gross / (1 + rate)`, rounded.
fn net_of(gross: Money, rate: Rate, rounding: Rounding) -> Result<Money, money::Error> {
    let (numerator, denominator) = rate.fraction();
    let net = rounding.divide(i128::from(gross.amount) * denominator, denominator + numerator);
    Money::from_wide(net, gross.currency)
}
