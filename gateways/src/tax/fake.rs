//! The fake tax calculator: in the binary, for storefront developers and for tests.
//!
//! It answers by a few rates of its own, and fails on demand, by the postal code of the destination.

use super::{Calculator, Error, Item, ItemTax, Request};
use cartwright_domain::country::Country;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::sleep;

/// The calculator's name.
const NAME: &str = "fake";
/// How long it keeps silent where it is told to be slow: past every deadline.
const SLOW: Duration = Duration::from_secs(60);
/// What a rate is in parts of.
const WHOLE: i128 = 10_000;
/// Countries with their rates for the category `reduced` and for all others.
const RATES: &[(&str, i128, i128)] = &[
    ("DE", 700, 1_900),
    ("FR", 550, 2_000),
    ("GB", 500, 2_000),
    ("US", 0, 825),
];
/// The rates of all other countries.
const RATES_ELSEWHERE: (i128, i128) = (500, 1_000);

/// What the fake does where a postal code tells it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behavior {
    /// It does not answer.
    Slow,
    /// It cannot be reached.
    Unavailable,
    /// It answers what cannot be true.
    Nonsense,
}

impl Behavior {
    /// The behaviors with their postal codes, as five digits and as a British code.
    const CODES: [(Self, [&'static str; 2]); 3] = [
        (Self::Slow, ["99991", "ZE991AA"]),
        (Self::Unavailable, ["99992", "ZE992AA"]),
        (Self::Nonsense, ["99996", "ZE996AA"]),
    ];

    fn of(postal_code: Option<&str>) -> Option<Self> {
        let code = postal_code?.replace(' ', "");
        let found = Self::CODES
            .iter()
            .find(|(_, codes)| codes.contains(&code.as_str()));
        found.map(|(behavior, _)| *behavior)
    }
}

/// The fake tax calculator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fake;

/// Returns the tax of an item, half a unit as a whole one.
fn tax_of(item: &Item, to: Country, contained: bool) -> i64 {
    let found = RATES.iter().find(|(country, ..)| *country == to.code());
    let (reduced, other) = found.map_or(RATES_ELSEWHERE, |(_, reduced, other)| (*reduced, *other));
    let rate = match item.category.as_str() {
        "zero" => 0,
        "reduced" => reduced,
        _ => other,
    };
    let base = if contained { WHOLE + rate } else { WHOLE };
    let tax = (i128::from(item.value) * rate * 2 + base) / (base * 2);
    i64::try_from(tax).unwrap_or(i64::MAX)
}

impl Calculator for Fake {
    fn name(&self) -> &'static str {
        NAME
    }

    fn calculate<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Vec<ItemTax>, Error>> {
        Box::pin(async move {
            let behavior = Behavior::of(request.to.postal_code.as_deref());
            match behavior {
                Some(Behavior::Slow) => sleep(SLOW).await,
                Some(Behavior::Unavailable) => {
                    return Err(Error::Unavailable {
                        reason: "told so by the postal code".to_owned(),
                    });
                }
                Some(Behavior::Nonsense) | None => {}
            }
            let items = request.items.iter().map(|item| ItemTax {
                reference: item.reference.clone(),
                tax: match behavior {
                    Some(Behavior::Nonsense) => -1,
                    Some(Behavior::Slow | Behavior::Unavailable) | None => {
                        tax_of(item, request.to.country, request.contained)
                    }
                },
            });
            Ok(items.collect())
        })
    }
}
