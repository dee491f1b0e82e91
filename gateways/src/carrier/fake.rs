//! The fake carrier: in the binary, for storefront developers and for tests.
//!
//! It keeps the rules of a real carrier (zones, breaks of weight and size, a key buys one label) and fails on demand, by
//! the postal code of the destination. It moves no parcel, and forgets its labels when the process ends.

use super::{
    Error, Gateway, Label, LabelId, LabelRequest, OperationKey, Parcel, Place, Rate, Tracking, TrackingEvent,
    TrackingNumber, TrackingState, Validation,
};
use cartwright_domain::address::{Address, Destination};
use cartwright_domain::country::Country;
use cartwright_domain::money::{Currency, Money};
use cartwright_domain::time::Timestamp;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The carrier's name.
const NAME: &str = "fake";
/// The heaviest parcel it takes.
const WEIGHT_GRAMS_MAX: u64 = 30_000;
/// The longest side it takes without [`OVERSIZE_CENTS`].
const SIDE_MM_MAX: u32 = 1_000;
/// The longest side it takes at all.
const SIDE_MM_LIMIT: u32 = 2_000;
/// What a long parcel costs on top, in hundredths of the currency.
const OVERSIZE_CENTS: i64 = 1_500;
/// How long it keeps silent where it is told to be slow: past every deadline.
const SLOW: Duration = Duration::from_secs(60);
/// When it may be asked again where it is told to be asked too often.
const RETRY_AFTER: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// After what it has a parcel whose label was bought.
const COLLECTED_AFTER: Duration = Duration::from_secs(4 * 60 * 60);
/// How long before it arrives a parcel is on its last way.
const LAST_WAY: Duration = Duration::from_secs(6 * 60 * 60);

/// Tells the time: by the clock of the machine, or of a test.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the fake does where a postal code tells it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behavior {
    /// It does not answer.
    Slow,
    /// It cannot be reached.
    Unavailable,
    /// It has been asked too often.
    RateLimited,
    /// It does not deliver there.
    Undeliverable,
    /// It sells a label, and the answer is lost.
    Lost,
}

impl Behavior {
    /// The behaviors with their postal codes, as five digits and as a British code.
    const CODES: [(Self, [&'static str; 2]); 5] = [
        (Self::Slow, ["99991", "ZE99 1AA"]),
        (Self::Unavailable, ["99992", "ZE99 2AA"]),
        (Self::RateLimited, ["99993", "ZE99 3AA"]),
        (Self::Undeliverable, ["99994", "ZE99 4AA"]),
        (Self::Lost, ["99995", "ZE99 5AA"]),
    ];

    fn of(postal_code: Option<&str>) -> Option<Self> {
        let letters = |code: &str| code.replace(' ', "");
        let code = letters(postal_code?);
        let found = Self::CODES
            .iter()
            .find(|(_, codes)| codes.iter().any(|own| letters(own) == code));
        found.map(|(behavior, _)| *behavior)
    }
}

/// How far a parcel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    Domestic,
    Near,
    World,
}

/// Countries whose parcels to each other go by road.
const NEAR: &[&str] = &[
    "AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IE", "IT", "LU", "NL", "PL", "PT", "SE",
];

impl Zone {
    fn between(from: Country, to: Country) -> Self {
        let near = |country: Country| NEAR.contains(&country.code());
        match (from == to, near(from) && near(to)) {
            (true, _) => Self::Domestic,
            (false, true) => Self::Near,
            (false, false) => Self::World,
        }
    }
}

/// A service to one zone. Prices are hundredths of the currency.
struct Service {
    code: &'static str,
    name: &'static str,
    zone: Zone,
    transit_days: (u16, u16),
    /// What it costs up to so many grams.
    breaks: &'static [(u64, i64)],
}

/// Every service, the cheaper before the dearer of its zone.
#[rustfmt::skip]
const SERVICES: &[Service] = &[
    Service { code: "ground", name: "Ground", zone: Zone::Domestic, transit_days: (2, 4),
        breaks: &[(1_000, 390), (2_000, 490), (10_000, 890), (WEIGHT_GRAMS_MAX, 1_790)] },
    Service { code: "express", name: "Express", zone: Zone::Domestic, transit_days: (1, 1),
        breaks: &[(1_000, 890), (2_000, 1_090), (10_000, 1_690), (WEIGHT_GRAMS_MAX, 3_290)] },
    Service { code: "ground", name: "Ground", zone: Zone::Near, transit_days: (3, 6),
        breaks: &[(1_000, 990), (2_000, 1_290), (10_000, 1_990), (WEIGHT_GRAMS_MAX, 3_990)] },
    Service { code: "express", name: "Express", zone: Zone::Near, transit_days: (1, 2),
        breaks: &[(1_000, 2_490), (2_000, 2_990), (10_000, 4_990), (WEIGHT_GRAMS_MAX, 8_990)] },
    Service { code: "express", name: "Express", zone: Zone::World, transit_days: (3, 5),
        breaks: &[(1_000, 3_990), (2_000, 5_490), (10_000, 11_990), (WEIGHT_GRAMS_MAX, 24_990)] },
];

impl Service {
    /// Returns what it asks; none where it does not take such a parcel.
    fn price(&self, parcel: &Parcel) -> Option<Money> {
        let longest = parcel
            .size_mm
            .and_then(|sides| sides.into_iter().max())
            .unwrap_or(0);
        if SIDE_MM_LIMIT < longest {
            return None;
        }
        let (_, cents) = self
            .breaks
            .iter()
            .find(|(up_to, _)| parcel.weight_grams <= *up_to)?;
        let oversize = if SIDE_MM_MAX < longest { OVERSIZE_CENTS } else { 0 };
        Some(of_cents(cents + oversize, parcel.currency))
    }
}

/// Returns hundredths of a currency in its minor units, a started one as a whole.
fn of_cents(cents: i64, currency: Currency) -> Money {
    let units = 10_i64.pow(currency.exponent());
    Money::new((cents * units + 99) / 100, currency)
}

/// A label that was sold.
#[derive(Clone, Debug)]
struct Sold {
    request: LabelRequest,
    label: Label,
    bought_at: Timestamp,
    days: u16,
    voided_at: Option<Timestamp>,
}

impl Sold {
    fn delivered_after(&self) -> Duration {
        DAY * u32::from(self.days)
    }

    /// Returns what has happened to its parcel by now.
    fn events(&self, now: Timestamp) -> Vec<TrackingEvent> {
        let way = [
            (TrackingState::Announced, Duration::ZERO),
            (TrackingState::InTransit, COLLECTED_AFTER),
            (
                TrackingState::OutForDelivery,
                self.delivered_after().saturating_sub(LAST_WAY),
            ),
            (TrackingState::Delivered, self.delivered_after()),
        ];
        let until = self.voided_at.unwrap_or(now);
        let events = way.map(|(state, after)| TrackingEvent {
            at: self.bought_at.after(after),
            state,
        });
        let mut events: Vec<_> = events.into_iter().filter(|event| event.at <= until).collect();
        events.extend(self.voided_at.map(|at| TrackingEvent {
            at,
            state: TrackingState::Voided,
        }));
        events
    }
}

/// The fake carrier.
pub struct Fake {
    clock: Clock,
    sold: Mutex<HashMap<OperationKey, Sold>>,
}

impl Fake {
    /// Makes a carrier that goes by a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            sold: Mutex::default(),
        }
    }

    /// Returns how many labels it has sold, those that were given back among them.
    pub fn labels_sold(&self) -> usize {
        self.sold().len()
    }

    fn sold(&self) -> MutexGuard<'_, HashMap<OperationKey, Sold>> {
        self.sold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quote(parcel: &Parcel) -> Result<Vec<Rate>, Error> {
        if WEIGHT_GRAMS_MAX < parcel.weight_grams {
            let message = format!(
                "{} g, at most {WEIGHT_GRAMS_MAX} g are taken",
                parcel.weight_grams
            );
            return Err(refused("too_heavy", message));
        }
        let zone = Zone::between(parcel.from.country, parcel.to.country);
        let services = SERVICES.iter().filter(|service| service.zone == zone);
        let rates = services.filter_map(|service| {
            Some(Rate {
                service: service.code.to_owned(),
                name: service.name.to_owned(),
                price: service.price(parcel)?,
                transit_days: service.transit_days,
            })
        });
        Ok(rates.collect())
    }

    fn sell(&self, key: &OperationKey, request: LabelRequest) -> Result<Label, Error> {
        let mut sold = self.sold();
        if let Some(first) = sold.get(key) {
            return if first.request == request {
                Ok(first.label.clone())
            } else {
                Err(refused(
                    "key_reused",
                    "the key has bought another label".to_owned(),
                ))
            };
        }
        let parcel = Parcel {
            from: request.from.clone(),
            to: Place::from(Destination::from(&request.to)),
            weight_grams: request.weight_grams,
            size_mm: None,
            currency: request.currency,
        };
        let mut rates = Self::quote(&parcel)?.into_iter();
        let rate = rates
            .find(|rate| rate.service == request.service)
            .ok_or_else(|| {
                refused(
                    "unknown_service",
                    format!("there is no service {} for this parcel", request.service),
                )
            })?;
        let number = sold.len() + 1;
        let label = Label {
            id: LabelId::new(format!("lbl_{number:08}")),
            tracking_number: TrackingNumber::new(format!("FK{number:09}XX")),
            price: rate.price,
        };
        let entry = Sold {
            request,
            label: label.clone(),
            bought_at: (self.clock)(),
            days: rate.transit_days.1,
            voided_at: None,
        };
        sold.insert(key.clone(), entry);
        Ok(label)
    }

    fn give_back(&self, label: &LabelId) -> Result<(), Error> {
        let now = (self.clock)();
        let mut sold = self.sold();
        let found = sold.values_mut().find(|sold| sold.label.id == *label);
        let found = found.ok_or_else(|| refused("unknown_label", format!("there is no label {label}")))?;
        if found.voided_at.is_some() {
            return Ok(());
        }
        if COLLECTED_AFTER <= now.since(found.bought_at) {
            return Err(refused("in_transit", "the parcel has gone out".to_owned()));
        }
        found.voided_at = Some(now);
        Ok(())
    }
}

fn refused(code: &str, message: String) -> Error {
    Error::Refused {
        code: code.to_owned(),
        message,
    }
}

/// Does what a postal code says; goes on where it says nothing.
async fn behave(behavior: Option<Behavior>) -> Result<(), Error> {
    match behavior {
        Some(Behavior::Slow) => {
            sleep(SLOW).await;
            Ok(())
        }
        Some(Behavior::Unavailable) => Err(Error::Unavailable {
            reason: "the fake was told so".to_owned(),
        }),
        Some(Behavior::RateLimited) => Err(Error::RateLimited {
            retry_after: RETRY_AFTER,
        }),
        Some(Behavior::Undeliverable | Behavior::Lost) | None => Ok(()),
    }
}

fn undeliverable(postal_code: Option<&str>) -> Option<String> {
    let told = Behavior::of(postal_code) == Some(Behavior::Undeliverable);
    told.then(|| format!("nothing is delivered to {}", postal_code.unwrap_or_default()))
}

impl Gateway for Fake {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rates<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Vec<Rate>, Error>> {
        Box::pin(async move {
            let code = parcel.to.postal_code.as_deref();
            behave(Behavior::of(code)).await?;
            match undeliverable(code) {
                Some(message) => Err(refused("undeliverable", message)),
                None => Self::quote(parcel),
            }
        })
    }

    fn validate<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Validation, Error>> {
        Box::pin(async move {
            let code = address.postal_code.as_deref();
            behave(Behavior::of(code)).await?;
            if let Some(message) = undeliverable(code) {
                return Ok(Validation::Undeliverable { message });
            }
            let line1 = address.line1.split_whitespace().collect::<Vec<_>>().join(" ");
            if line1 == address.line1 {
                return Ok(Validation::Deliverable);
            }
            let mut corrected = address.clone();
            corrected.line1 = line1;
            Ok(Validation::Corrected(Box::new(corrected)))
        })
    }

    fn buy_label<'a>(
        &'a self,
        key: &'a OperationKey,
        request: LabelRequest,
    ) -> BoxFuture<'a, Result<Label, Error>> {
        Box::pin(async move {
            let behavior = Behavior::of(request.to.postal_code.as_deref());
            behave(behavior).await?;
            if let Some(message) = undeliverable(request.to.postal_code.as_deref()) {
                return Err(refused("undeliverable", message));
            }
            let is_first = !self.sold().contains_key(key);
            let label = self.sell(key, request)?;
            if behavior == Some(Behavior::Lost) && is_first {
                return Err(Error::Unknown);
            }
            Ok(label)
        })
    }

    fn void_label<'a>(&'a self, label: &'a LabelId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.give_back(label) })
    }

    fn track<'a>(&'a self, number: &'a TrackingNumber) -> BoxFuture<'a, Result<Tracking, Error>> {
        Box::pin(async move {
            let sold = self.sold();
            let found = sold.values().find(|sold| sold.label.tracking_number == *number);
            let found =
                found.ok_or_else(|| refused("unknown_parcel", format!("there is no parcel {number}")))?;
            let events = found.events((self.clock)());
            let state = events.last().map_or(TrackingState::Announced, |last| last.state);
            Ok(Tracking { state, events })
        })
    }
}
