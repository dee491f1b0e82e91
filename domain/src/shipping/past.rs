//! The stored forms of past schemas.

use super::{Conditions, Event, ShippingMethod, Tariff};
use crate::country::Coverage;
use crate::entity::PastBody;
use crate::id::ShippingMethodId;
use crate::money::Money;
use crate::tax::Category;
use crate::territory::Territory;
use serde::Deserialize;

/// Schema 1: a flat price.
#[derive(Deserialize)]
struct MethodOfFlatPrice {
    id: ShippingMethodId,
    name: String,
    coverage: Coverage,
    price: Money,
    free_from: Option<Money>,
    tax_category: Category,
    enabled: bool,
}

impl From<MethodOfFlatPrice> for ShippingMethod {
    fn from(past: MethodOfFlatPrice) -> Self {
        let free_from = past.free_from.map(|free_from| free_from.amount);
        Self {
            id: past.id,
            name: past.name,
            territory: Territory {
                countries: past.coverage,
                ..Territory::default()
            },
            except: Territory::default(),
            tariffs: vec![Tariff::flat(past.price, free_from)],
            conditions: Conditions::default(),
            delivery_days: None,
            tax_category: past.tax_category,
            enabled: past.enabled,
        }
    }
}

#[derive(Deserialize)]
enum EventOfFlatPrice {
    Created(MethodOfFlatPrice),
    Updated(MethodOfFlatPrice),
    Deleted(MethodOfFlatPrice),
}

pub(super) fn method<B: PastBody>(schema: u16, body: &B) -> Result<ShippingMethod, String> {
    match schema {
        1 => body.read::<MethodOfFlatPrice>().map(Into::into),
        other => Err(format!("a shipping method has no schema {other}")),
    }
}

pub(super) fn event<B: PastBody>(schema: u16, body: &B) -> Result<Event, String> {
    match schema {
        1 => Ok(match body.read::<EventOfFlatPrice>()? {
            EventOfFlatPrice::Created(past) => Event::Created(past.into()),
            EventOfFlatPrice::Updated(past) => Event::Updated(past.into()),
            EventOfFlatPrice::Deleted(past) => Event::Deleted(past.into()),
        }),
        other => Err(format!("an event of a shipping method has no schema {other}")),
    }
}
