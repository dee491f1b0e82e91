//! What the carrier asks. The pipeline sees that as a plain fact; while the carrier does not answer the tariff's fallback
//! holds.

use crate::answers::{Answered, Answers, Bounds, Silence};
use crate::engine::{Engine, Kinds};
use crate::request::Refused;
use crate::runtime::Clock;
use cartwright_domain::address::{self, Address, Destination};
use cartwright_domain::cart::Cart;
use cartwright_domain::error::FieldErrors;
use cartwright_domain::shipping::{CarrierRates, ShippingMethod};
use cartwright_domain::{Class, Problem, Refusal};
use cartwright_gateways::carrier::{Deadlined, Error, Gateway, Parcel, Place, Rate, Validation};
use quick_cache::UnitWeighter;
use std::sync::Arc;

/// How many parcels' rates are kept.
const PARCELS: Bounds = Bounds {
    answers_max: 10_000,
    weight_max: 10_000,
};
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

/// The carrier, with what it has answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CarrierDesk {
    carrier: Arc<Deadlined>,
    answers: Answers<Parcel, Arc<CarrierRates>>,
}

impl CarrierDesk {
    pub(crate) fn new(carrier: Arc<dyn Gateway>, clock: Clock) -> Self {
        Self {
            carrier: Arc::new(Deadlined::new(carrier, Deadlined::DEADLINE_DEFAULT)),
            answers: Answers::new(PARCELS, UnitWeighter, clock),
        }
    }

    /// Returns why shipping goes by the tariffs' fallbacks, if it does for every parcel.
    pub(crate) fn fault(&self) -> Option<String> {
        let reason = || {
            format!(
                "{} does not answer: fallbacks of tariffs hold",
                self.carrier.name()
            )
        };
        self.answers.is_down().then(reason)
    }

    /// Returns what the carrier asks for a parcel.
    async fn rates(&self, parcel: &Parcel) -> Answered<Arc<CarrierRates>> {
        // In a box: hardly any cart waits for a carrier, and every change of one would have room for it.
        Box::pin(self.answers.get(parcel, self.ask(parcel))).await
    }

    async fn ask(&self, parcel: &Parcel) -> Result<Arc<CarrierRates>, Silence> {
        let rates = match self.carrier.rates(parcel).await {
            Ok(rates) => rates,
            // An answer, too: it takes no such parcel.
            Err(Error::Refused { .. }) => Vec::new(),
            Err(error) => {
                let to = parcel.to.country;
                tracing::warn!(carrier = self.carrier.name(), %to, %error, "shipping falls back on the tariff");
                return Err(match error {
                    Error::RateLimited { retry_after } => Silence::Wanted(retry_after),
                    Error::Refused { .. } | Error::Unavailable { .. } | Error::Unknown => Silence::Away,
                });
            }
        };
        let of_rate = |rate: Rate| (rate.service, rate.price);
        Ok(Arc::new(CarrierRates::new(rates.into_iter().map(of_rate))))
    }
}

impl Kinds {
    /// Returns what the carrier asks for the goods of a cart, where any of the methods goes by that; none where none
    /// does, where nothing is to be sent, and where it is not known to where.
    pub(crate) async fn carrier_rates(
        &self,
        cart: &Cart,
        mut methods: impl Iterator<Item = &Arc<ShippingMethod>>,
        weight_grams: impl FnOnce() -> Option<u64>,
    ) -> Result<Option<Answered<Arc<CarrierRates>>>, Refused> {
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
        Ok(Some(self.carrier.rates(&parcel).await))
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
