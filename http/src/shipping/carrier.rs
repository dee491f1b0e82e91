//! What staff ask the carrier: what a parcel costs, and whether an address can be reached. Asking changes nothing.

use crate::answer::{Answer, Answered};
use crate::dto::{Address, AddressInput, Money};
use crate::extract::{Json, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::shipping::{Rate, RatesDraft, Validation};
use cartwright_domain::money::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_ask_carrier_rates))
        .routes(routes!(admin_ask_carrier_to_validate))
}

/// A parcel to ask about. It comes from the store's home country.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct RatesInput {
    /// To whom it goes.
    to: AddressInput,
    /// What it weighs.
    weight_grams: u64,
    /// Length, width and height in millimetres, where they are known.
    #[schema(min_items = 3, max_items = 3)]
    size_mm: Option<[u32; 3]>,
    /// In which currency prices are wanted; the store's own when absent.
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{3}$", example = "GBP")]
    currency: Option<Currency>,
}

/// What the carrier asks for a parcel.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CarrierRates {
    /// The carrier.
    carrier: &'static str,
    /// Its services that take the parcel, cheapest first.
    items: Vec<CarrierRate>,
}

/// What a service asks.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CarrierRate {
    /// The carrier's code of the service, as a tariff names it.
    #[schema(example = "express")]
    service: String,
    /// What the carrier calls it.
    name: String,
    /// What it asks.
    price: Money,
    /// Within how many working days it arrives.
    transit_days: TransitDays,
}

/// From the soonest day to the latest.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TransitDays {
    /// The soonest.
    from: u16,
    /// The latest.
    to: u16,
}

/// What the carrier says about an address.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AddressVerdict {
    /// The address as it was read.
    address: Address,
    /// Can it be reached?
    deliverable: bool,
    /// The address as the carrier would write it, where that is another way.
    suggestion: Option<Address>,
    /// Why it cannot be reached.
    message: Option<String>,
}

impl From<Rate> for CarrierRate {
    fn from(rate: Rate) -> Self {
        let (from, to) = rate.transit_days;
        Self {
            service: rate.service,
            name: rate.name,
            price: rate.price.into(),
            transit_days: TransitDays { from, to },
        }
    }
}

/// Asks the carrier what a parcel costs.
#[utoipa::path(
    post, path = "/api/v1/admin/shipping/carrier-rates", tag = "admin: shipping", request_body = RatesInput,
    responses((status = OK, description = "What each service asks.", body = CarrierRates)),
)]
async fn admin_ask_carrier_rates(
    State(engine): State<Engine>,
    _: StaffOnly,
    Json { value, .. }: Json<RatesInput>,
) -> Answered<CarrierRates> {
    let draft = RatesDraft {
        to: value.to.into(),
        weight_grams: value.weight_grams,
        size_mm: value.size_mm,
        currency: value.currency,
    };
    let (carrier, rates) = engine.ask_carrier_rates(draft).await?;
    let items = rates.into_iter().map(CarrierRate::from).collect();
    Ok(Answer::plain(CarrierRates { carrier, items }))
}

/// Asks the carrier whether an address can be reached.
#[utoipa::path(
    post, path = "/api/v1/admin/shipping/address-checks", tag = "admin: shipping", request_body = AddressInput,
    responses((status = OK, description = "What the carrier says.", body = AddressVerdict)),
)]
async fn admin_ask_carrier_to_validate(
    State(engine): State<Engine>,
    _: StaffOnly,
    Json { value, .. }: Json<AddressInput>,
) -> Answered<AddressVerdict> {
    let (address, validation) = engine.ask_carrier_to_validate(value.into()).await?;
    let (deliverable, suggestion, message) = match &validation {
        Validation::Deliverable => (true, None, None),
        Validation::Corrected(corrected) => (true, Some(Address::from(&**corrected)), None),
        Validation::Undeliverable { message } => (false, None, Some(message.clone())),
    };
    Ok(Answer::plain(AddressVerdict {
        address: Address::from(&address),
        deliverable,
        suggestion,
        message,
    }))
}
