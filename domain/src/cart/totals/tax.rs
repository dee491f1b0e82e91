//! The fourth stage: which tax is on a value, and how it relates to the listed prices.

use super::{Error, Rules};
use crate::cart::LineTax;
use crate::country::Country;
use crate::money::{self, Money, Rate, Rounding};
use crate::settings::{ForeignZone, Prices};
use crate::tax::{Category, TaxZone};
use std::sync::Arc;

/// How tax relates to the listed prices, for this destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Prices are net; tax comes on top.
    OnTop,
    /// Prices are gross and stay so; the zone's tax is in them.
    Included,
    /// Prices are gross at home, but the goods go abroad: the home tax is taken out, the zone's comes on top.
    Stripped,
}

/// Which rates count, and how.
pub(super) struct Taxing<'a> {
    pub(super) mode: Mode,
    pub(super) zone: Option<&'a TaxZone>,
    pub(super) home: Option<&'a TaxZone>,
    pub(super) rounding: Rounding,
    pub(super) estimated: bool,
}

impl<'a> Taxing<'a> {
    pub(super) fn new(destination: Option<Country>, rules: &Rules<'a>) -> Self {
        let settings = rules.settings;
        let home = rules.zones.of(settings.home_country);
        let zone = destination.map_or(home, |country| rules.zones.of(country));
        let foreign = zone.map(TaxZone::id) != home.map(TaxZone::id);
        let mode = match (settings.prices, settings.foreign_zone) {
            (Prices::ExcludeTax, _) => Mode::OnTop,
            (Prices::IncludeTax, ForeignZone::StripHomeTax) if foreign => Mode::Stripped,
            (Prices::IncludeTax, ForeignZone::StripHomeTax | ForeignZone::KeepGross) => Mode::Included,
        };
        Self {
            mode,
            zone,
            home,
            rounding: settings.rounding,
            estimated: destination.is_none(),
        }
    }

    /// Returns a listed amount without the home tax where it is to be taken out, and what was taken out.
    pub(super) fn strip(&self, listed: Money, category: &Category) -> Result<(Money, Money), Error> {
        let kept = (listed, Money::zero(listed.currency));
        match self.mode {
            Mode::OnTop | Mode::Included => Ok(kept),
            Mode::Stripped => match self.home.and_then(|home| home.rate(category)) {
                Some(home) => {
                    let net = net_of(listed, home.rate, self.rounding)?;
                    Ok((net, listed.minus(net)?))
                }
                None => Ok(kept),
            },
        }
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
        let Some(rate) = self.zone.and_then(|zone| zone.rate(category)) else {
            return Ok(None);
        };
        let (net, amount, included) = match self.mode {
            Mode::OnTop | Mode::Stripped => (value, tax_on(value, rate.rate, self.rounding)?, false),
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
        }))
    }
}

/// Returns `gross / (1 + rate)`, rounded.
fn net_of(gross: Money, rate: Rate, rounding: Rounding) -> Result<Money, money::Error> {
    let (numerator, denominator) = rate.fraction();
    let net = rounding.divide(i128::from(gross.amount) * denominator, denominator + numerator);
    Money::from_wide(net, gross.currency)
}

/// Returns `net x rate`, rounded.
fn tax_on(net: Money, rate: Rate, rounding: Rounding) -> Result<Money, money::Error> {
    let (numerator, denominator) = rate.fraction();
    let tax = rounding.divide(i128::from(net.amount) * numerator, denominator);
    Money::from_wide(tax, net.currency)
}
