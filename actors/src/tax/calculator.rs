//! What the store's tax calculator answers, asked once for a while, so that carts stay fast and their totals stand
//! still.
//!
//! The pipeline sees what was answered as a plain fact. An answer that cannot be true is none. A calculator that says
//! nothing within its deadline is not asked the same again at once: meanwhile the rate table holds.

use crate::engine::Kinds;
use crate::request::Refused;
use crate::runtime::Clock;
use cartwright_domain::Refusal;
use cartwright_domain::cart::totals::{CalculatedTaxes, Intent, Rules, Taxable, Worksheet, taxable};
use cartwright_domain::time::Timestamp;
use cartwright_gateways::tax::{Calculator, Deadlined, Item, ItemTax, Place, Request};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How many answers are kept at most,
const ANSWERS_MAX: usize = 10_000;
/// and how many items all of them may be about: about a tenth of a kilobyte each.
const ITEMS_MAX: u64 = 160_000;
/// Each part must have room for the largest carts, however many cores there are.
const PARTS: usize = 8;
/// How long an answer holds.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
/// How long a calculator that did not answer is not asked the same again.
const SILENT_FOR: Duration = Duration::from_secs(15);

/// What was answered, in the order of the items, and until when that holds.
#[derive(Clone)]
struct Kept {
    taxes: Option<Arc<[i64]>>,
    until: Timestamp,
}

#[derive(Clone)]
struct Items;

impl Weighter<Request, Kept> for Items {
    fn weight(&self, request: &Request, _: &Kept) -> u64 {
        1 + request.items.len() as u64
    }
}

/// The tax calculator, with what it has answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TaxDesk {
    calculator: Arc<Deadlined>,
    kept: Arc<Cache<Request, Kept, Items>>,
    clock: Clock,
}

impl TaxDesk {
    pub(crate) fn new(calculator: Arc<dyn Calculator>, clock: Clock) -> Self {
        let options = OptionsBuilder::new()
            .shards(PARTS)
            .estimated_items_capacity(ANSWERS_MAX)
            .weight_capacity(ITEMS_MAX)
            .build()
            .expect("both capacities are given");
        let kept = Cache::with_options(
            options,
            Items,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Self {
            calculator: Arc::new(Deadlined::new(calculator, Deadlined::DEADLINE_DEFAULT)),
            kept: Arc::new(kept),
            clock,
        }
    }

    /// Returns the name that a store chooses the calculator by.
    pub(crate) fn name(&self) -> &'static str {
        self.calculator.name()
    }

    /// Returns the tax of each item, in their order; none where the calculator does not answer.
    async fn taxes(&self, request: &Request, taxable: &Taxable) -> Option<Arc<[i64]>> {
        let now = self.clock.now();
        if self.kept.get(request).is_some_and(|kept| kept.until <= now) {
            self.kept.remove(request);
        }
        // Of those who ask at once, one asks the calculator.
        let asked = async { Ok::<_, Infallible>(self.ask(request, taxable).await) };
        let kept = self.kept.get_or_insert_async(request, asked).await;
        kept.ok().and_then(|kept| kept.taxes)
    }

    async fn ask(&self, request: &Request, taxable: &Taxable) -> Kept {
        let answered = self.calculator.calculate(request).await;
        let checked = answered.map_err(|error| error.to_string()).and_then(|answer| {
            let taxes = in_order(request, &answer)?;
            taxable.check(&taxes).map_err(|broken| broken.to_string())?;
            Ok(taxes.into())
        });
        let taxes: Option<Arc<[i64]>> = checked
            .inspect_err(|error| {
                let (calculator, to) = (self.name(), request.to.country);
                tracing::warn!(calculator, %to, error, "tax falls back on the rate table");
            })
            .ok();
        let holds_for = if taxes.is_some() { KEPT_FOR } else { SILENT_FOR };
        Kept {
            taxes,
            until: self.clock.now().after(holds_for),
        }
    }
}

/// Returns the taxes of an answer in the order of what was asked, if it names every item once and nothing else.
fn in_order(request: &Request, answer: &[ItemTax]) -> Result<Vec<i64>, &'static str> {
    let mut taxes = HashMap::with_capacity(answer.len());
    for tax in answer {
        if taxes.insert(tax.reference.as_str(), tax.tax).is_some() {
            return Err("an item is answered twice");
        }
    }
    let mut ordered = Vec::with_capacity(request.items.len());
    for item in &request.items {
        let tax = taxes.remove(item.reference.as_str());
        ordered.push(tax.ok_or("an item is not answered")?);
    }
    match taxes.is_empty() {
        true => Ok(ordered),
        false => Err("something is answered that was not asked"),
    }
}

impl Kinds {
    /// Asks the store's tax calculator about what a quote came to. None where the store has chosen none and where
    /// nothing is to be taxed; what is returned is empty where the calculator does not answer.
    pub(crate) async fn calculated_taxes(
        &self,
        worksheet: &Worksheet,
        intent: &Intent<'_>,
        rules: &Rules<'_>,
    ) -> Result<Option<CalculatedTaxes>, Refused> {
        let Some(chosen) = rules.settings.tax_calculator.as_deref() else {
            return Ok(None);
        };
        let taxable = taxable(worksheet, intent, rules).map_err(|error| Refused::from(error.problem()))?;
        let Some((taxable, destination)) = taxable.zip(intent.destination) else {
            return Ok(None);
        };
        if chosen != self.tax.name() {
            tracing::warn!(chosen, "there is no such tax calculator; the rate table holds");
            return Ok(Some(CalculatedTaxes::default()));
        }
        // Named by their places, so that equal carts ask the same.
        let items = taxable.items.iter().enumerate().map(|(at, item)| Item {
            reference: at.to_string(),
            category: item.category.clone(),
            quantity: item.quantity,
            value: item.value.amount,
        });
        let request = Request {
            currency: intent.currency,
            from: rules.settings.home_country,
            to: Place::from(destination),
            contained: taxable.contained,
            items: items.collect(),
        };
        let taxes = self.tax.taxes(&request, &taxable).await;
        Ok(Some(taxes.map_or_else(CalculatedTaxes::default, |taxes| {
            taxable.answered(&taxes)
        })))
    }
}
