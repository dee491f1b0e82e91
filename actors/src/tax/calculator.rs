//! What the store's tax calculator answers. The pipeline sees that as a plain fact; an answer that cannot be true is none,
//! and while there is none the rate table holds.

use crate::answers::{Answered, Answers, Bounds, Silence};
use crate::engine::Kinds;
use crate::request::Refused;
use crate::runtime::Clock;
use cartwright_domain::Refusal;
use cartwright_domain::cart::totals::{CalculatedTaxes, Intent, Rules, Taxable, Worksheet, taxable};
use cartwright_domain::time::Timestamp;
use cartwright_gateways::tax::{Calculator, Deadlined, Error, Item, ItemTax, Place, Request};
use quick_cache::Weighter;
use std::collections::HashMap;
use std::sync::Arc;

/// How many answers are kept, and how many items all of them may be about: about a tenth of a kilobyte each.
const ANSWERS: Bounds = Bounds {
    answers_max: 10_000,
    weight_max: 160_000,
};

/// The taxes of the items of a request, in their order.
type Taxes = Arc<[i64]>;

#[derive(Clone)]
struct Items;

impl Weighter<Request, Answered<Taxes>> for Items {
    fn weight(&self, request: &Request, _: &Answered<Taxes>) -> u64 {
        1 + request.items.len() as u64
    }
}

/// The tax calculator, with what it has answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TaxDesk {
    calculator: Arc<Deadlined>,
    answers: Answers<Request, Taxes, Items>,
}

impl TaxDesk {
    pub(crate) fn new(calculator: Arc<dyn Calculator>, clock: Clock) -> Self {
        Self {
            calculator: Arc::new(Deadlined::new(calculator, Deadlined::DEADLINE_DEFAULT)),
            answers: Answers::new(ANSWERS, Items, clock),
        }
    }

    /// Returns the name that a store chooses the calculator by.
    pub(crate) fn name(&self) -> &'static str {
        self.calculator.name()
    }

    /// Returns why tax goes by the rate table, if it does for every cart.
    pub(crate) fn fault(&self) -> Option<String> {
        let reason = || format!("{} does not answer: the rate table holds", self.name());
        self.answers.is_down().then(reason)
    }

    /// Returns the tax of each item, in their order.
    async fn taxes(&self, request: &Request, taxable: &Taxable) -> Answered<Taxes> {
        // In a box: hardly any cart waits for a calculator, and every change of one would have room for it.
        Box::pin(self.answers.get(request, self.ask(request, taxable))).await
    }

    async fn ask(&self, request: &Request, taxable: &Taxable) -> Result<Taxes, Silence> {
        let answered = self.calculator.calculate(request).await;
        let checked = answered
            .map_err(|error| {
                let silence = match error {
                    Error::Refused { .. } => Silence::Here,
                    Error::Unavailable { .. } => Silence::Away,
                };
                (silence, error.to_string())
            })
            .and_then(|answer| {
                let wrong = |reason: String| (Silence::Here, reason);
                let taxes = in_order(request, &answer).map_err(|reason| wrong(reason.to_owned()))?;
                taxable
                    .check(&taxes)
                    .map_err(|broken| wrong(broken.to_string()))?;
                Ok(taxes.into())
            });
        checked.map_err(|(silence, error)| {
            let (calculator, to) = (self.name(), request.to.country);
            tracing::warn!(calculator, %to, error, "tax falls back on the rate table");
            silence
        })
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
    /// Asks the store's tax calculator about what a quote came to. None where the store has chosen none, and where nothing
    /// is to be taxed.
    pub(crate) async fn calculated_taxes(
        &self,
        worksheet: &Worksheet,
        intent: &Intent<'_>,
        rules: &Rules<'_>,
    ) -> Result<Option<Answered<CalculatedTaxes>>, Refused> {
        let Some(chosen) = rules.settings.tax_calculator.as_deref() else {
            return Ok(None);
        };
        let taxable = taxable(worksheet, intent, rules).map_err(|error| Refused::from(error.problem()))?;
        let Some((taxable, destination)) = taxable.zip(intent.destination) else {
            return Ok(None);
        };
        if chosen != self.tax.name() {
            tracing::warn!(chosen, "there is no such tax calculator; the rate table holds");
            // Until the settings change, which is counted.
            return Ok(Some(Answered {
                answer: None,
                until: Timestamp::from_millis(i64::MAX),
            }));
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
        let Answered { answer, until } = self.tax.taxes(&request, &taxable).await;
        let answer = answer.map(|taxes| taxable.answered(&taxes));
        Ok(Some(Answered { answer, until }))
    }
}
