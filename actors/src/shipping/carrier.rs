//! What the carrier asks, asked once for a while, so that carts stay fast and their totals stand still.
//!
//! The pipeline sees what was answered as a plain fact. A carrier that says nothing within its deadline is not asked
//! about the same parcel again at once: meanwhile the tariff's fallback holds.

use crate::engine::{Engine, Kinds};
use crate::request::Refused;
use crate::runtime::Clock;
use cartwright_domain::address::{self, Address, Destination};
use cartwright_domain::cart::Cart;
use cartwright_domain::error::FieldErrors;
use cartwright_domain::shipping::{CarrierRates, ShippingMethod};
use cartwright_domain::time::Timestamp;
use cartwright_domain::{Class, Problem, Refusal};
use cartwright_gateways::carrier::{Deadlined, Error, Gateway, Parcel, Place, Rate, Validation};
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How many parcels' rates are kept.
const PARCELS_MAX: usize = 10_000;
/// How long a rate holds.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
/// How long a carrier that did not answer is not asked about the same parcel again. A cart that was read is read anew
/// after as long.
const SILENT_FOR: Duration = Duration::from_secs(15);
/// The heaviest parcel that is asked about: more is a slip of the pen.
const WEIGHT_GRAMS_MAX: u64 = 100_000_000;

/// What staff ask a carrier about.
#[derive(Clone, Debug)]
pub struct RatesDraft {
    /// To whom it goes.
    pub to: address::Input,
    /// What it weighs.
    pub weight_grams: u64,
    /// Length, width and height.
    pub size_mm: Option<[u32; 3]>,
    /// In which currency prices are wanted; the store's own where none is named.
    pub currency: Option<cartwright_domain::money::Currency>,
}

/// What was answered about a parcel, and until when that holds.
#[derive(Clone)]
struct Kept {
    rates: Option<Arc<CarrierRates>>,
    until: Timestamp,
}

/// The carrier, with what it has answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CarrierDesk {
    carrier: Arc<Deadlined>,
    kept: Arc<Cache<Parcel, Kept>>,
    clock: Clock,
}

impl CarrierDesk {
    pub(crate) fn new(carrier: Arc<dyn Gateway>, clock: Clock) -> Self {
        Self {
            carrier: Arc::new(Deadlined::new(carrier, Deadlined::DEADLINE_DEFAULT)),
            kept: Arc::new(Cache::new(PARCELS_MAX)),
            clock,
        }
    }

    /// Returns a number that changes as often as what a carrier has not answered may be asked again.
    fn turn(&self) -> u64 {
        let turn = u128::from(self.clock.now().millis().unsigned_abs()) / SILENT_FOR.as_millis();
        u64::try_from(turn).unwrap_or(u64::MAX)
    }

    /// Returns what the carrier asks for a parcel; none where it does not answer.
    async fn rates(&self, parcel: &Parcel) -> Option<Arc<CarrierRates>> {
        let now = self.clock.now();
        if self.kept.get(parcel).is_some_and(|kept| kept.until <= now) {
            self.kept.remove(parcel);
        }
        // Of those who ask at once, one asks the carrier.
        let asked = async { Ok::<_, Infallible>(self.ask(parcel).await) };
        let kept = self.kept.get_or_insert_async(parcel, asked).await;
        kept.ok().and_then(|kept| kept.rates)
    }

    async fn ask(&self, parcel: &Parcel) -> Kept {
        let (rates, holds_for) = match self.carrier.rates(parcel).await {
            Ok(rates) => (Some(rates), KEPT_FOR),
            // An answer, too: it takes no such parcel.
            Err(Error::Refused { .. }) => (Some(Vec::new()), KEPT_FOR),
            Err(error) => {
                let to = parcel.to.country;
                tracing::warn!(carrier = self.carrier.name(), %to, %error, "shipping falls back on the tariff");
                let holds_for = match error {
                    Error::RateLimited { retry_after } => retry_after.max(SILENT_FOR),
                    Error::Refused { .. } | Error::Unavailable { .. } | Error::Unknown => SILENT_FOR,
                };
                (None, holds_for)
            }
        };
        let of_rate = |rate: Rate| (rate.service, rate.price);
        Kept {
            rates: rates.map(|rates| Arc::new(CarrierRates::new(rates.into_iter().map(of_rate)))),
            until: self.clock.now().after(holds_for),
        }
    }
}

impl Kinds {
    /// Returns what changes a cart's price although nothing was committed: how often its carrier may have been asked.
    /// Zero where no carrier is asked about the method that it has chosen.
    pub(crate) fn carrier_turn<'a>(
        &self,
        cart: &Cart,
        mut chosen: impl Iterator<Item = &'a Arc<ShippingMethod>>,
    ) -> u64 {
        let by_carrier = chosen.any(|method| method.is_by_carrier(cart.currency()));
        if by_carrier { self.carrier.turn() } else { 0 }
    }

    /// Returns what the carrier asks for the goods of a cart, where any of the methods goes by that; none where none
    /// does, where nothing is to be sent, where it is not known to where, and while the carrier does not answer.
    pub(crate) async fn carrier_rates(
        &self,
        cart: &Cart,
        mut methods: impl Iterator<Item = &Arc<ShippingMethod>>,
        weight_grams: impl FnOnce() -> Option<u64>,
    ) -> Result<Option<Arc<CarrierRates>>, Refused> {
        let currency = cart.currency();
        let Some(to) = cart.shipping_address() else {
            return Ok(None);
        };
        if !methods.any(|method| method.is_by_carrier(currency)) {
            return Ok(None);
        }
        let Some(weight_grams) = weight_grams() else {
            return Ok(None);
        };
        let parcel = Parcel {
            from: Place::from(Destination::from(self.current_settings().await?.home_country)),
            to: Place::from(Destination::from(&**to)),
            weight_grams,
            size_mm: None,
            currency,
        };
        Ok(self.carrier.rates(&parcel).await)
    }
}

impl Engine {
    /// Returns the carrier's name and what its services ask for a parcel.
    ///
    /// # Errors
    /// Every bad field; `carrier.refused`, `carrier.unavailable`.
    pub async fn ask_carrier_rates(&self, draft: RatesDraft) -> Result<(&'static str, Vec<Rate>), Refused> {
        let mut errors = FieldErrors::default();
        let to = draft.to.check("/to", &mut errors);
        if WEIGHT_GRAMS_MAX < draft.weight_grams {
            let message = format!("at most {WEIGHT_GRAMS_MAX} g are possible");
            errors.add("/weight_grams", "shipping.too_heavy", message);
        }
        let Some(to) = to.filter(|_| errors.is_empty()) else {
            return Err(errors.problem().into());
        };
        let settings = self.kinds().current_settings().await?;
        let parcel = Parcel {
            from: Place::from(Destination::from(settings.home_country)),
            to: Place::from(Destination::from(&to)),
            weight_grams: draft.weight_grams,
            size_mm: draft.size_mm,
            currency: draft.currency.unwrap_or(settings.currency),
        };
        let carrier = &self.kinds().carrier.carrier;
        let rates = carrier.rates(&parcel).await.map_err(refused)?;
        Ok((carrier.name(), rates))
    }

    /// Asks the carrier whether an address can be reached.
    ///
    /// # Errors
    /// Every bad field; `carrier.unavailable`.
    pub async fn ask_carrier_to_validate(
        &self,
        input: address::Input,
    ) -> Result<(Address, Validation), Refused> {
        let mut errors = FieldErrors::default();
        let Some(address) = input.check("", &mut errors) else {
            return Err(errors.problem().into());
        };
        let validation = self.kinds().carrier.carrier.validate(&address).await;
        validation
            .map(|validation| (address, validation))
            .map_err(refused)
    }
}

fn refused(error: Error) -> Refused {
    let message = error.to_string();
    let unavailable = |message| Problem::new(Class::Unavailable, "carrier.unavailable", message);
    match error {
        Error::Refused { code, .. } => {
            Problem::new(Class::Invalid, "carrier.refused", message).with("carrier_code", code.as_str())
        }
        Error::RateLimited { retry_after } => unavailable(message).with("retry_after", retry_after.as_secs()),
        Error::Unavailable { .. } | Error::Unknown => unavailable(message),
    }
    .into()
}
