//! Commands of shipping methods.

use super::{Error, Event, METHODS_MAX, ShippingMethod};
use crate::country::Coverage;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::ShippingMethodId;
use crate::money::{Currency, Money};
use crate::tax::Category;
use crate::text;

/// The longest name of a method.
const NAME_LENGTH_MAX: usize = 100;

/// A shipping method as staff sent it. When it changes a method, what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What shoppers see.
    pub name: Option<String>,
    /// Country codes, or `["*"]`.
    pub countries: Option<Vec<String>>,
    /// The flat price.
    pub price: Option<Money>,
    /// The value of goods from which it is free; `Some(None)` takes it away.
    pub free_from: Option<Option<Money>>,
    /// The code of the category it is taxed in; `standard` unless given.
    pub tax_category: Option<String>,
    /// Whether it may be chosen; it may unless given.
    pub enabled: Option<bool>,
}

/// Makes a shipping method.
#[derive(Clone, Debug)]
pub struct CreateMethod {
    /// What was sent. Name, countries and price are required.
    pub draft: Draft,
    /// How many methods the store has already.
    pub existing: usize,
}

impl Create<ShippingMethod> for CreateMethod {
    const NAME: &'static str = "shipping.create_method";
    type Reply = ();

    fn create(
        self,
        id: ShippingMethodId,
        cx: &mut Context<'_, ShippingMethod>,
    ) -> Result<(ShippingMethod, ()), Error> {
        if METHODS_MAX <= self.existing {
            return Err(Error::TooManyMethods { max: METHODS_MAX });
        }
        let mut errors = FieldErrors::default();
        if self.draft.price.is_none() {
            errors.add("/price", "shipping.price_missing", "must be given");
        }
        let required = Draft {
            name: Some(self.draft.name.unwrap_or_default()),
            countries: Some(self.draft.countries.unwrap_or_default()),
            ..self.draft
        };
        // Without a price there is no method to start from; the other fields are still looked at.
        let price = required.price.unwrap_or_else(|| Money::zero(Currency::GBP));
        let blank = ShippingMethod {
            id,
            name: String::new(),
            coverage: Coverage::Everywhere,
            price,
            free_from: None,
            tax_category: Category::default(),
            enabled: true,
        };
        let method = required.applied_to(blank, errors)?;
        cx.emit(Event::Created(method.clone()));
        Ok((method, ()))
    }
}

/// Changes a shipping method. Carts are quoted with it from their next read.
#[derive(Clone, Debug)]
pub struct UpdateMethod {
    /// What was sent.
    pub draft: Draft,
}

impl Command<ShippingMethod> for UpdateMethod {
    const NAME: &'static str = "shipping.update_method";
    type Reply = ();

    fn apply(self, method: &mut ShippingMethod, cx: &mut Context<'_, ShippingMethod>) -> Result<(), Error> {
        let changed = self.draft.applied_to(method.clone(), FieldErrors::default())?;
        if changed != *method {
            *method = changed;
            cx.emit(Event::Updated(method.clone()));
        }
        Ok(())
    }
}

/// Deletes a shipping method. Carts that chose it are told; placed orders keep its name and price.
#[derive(Clone, Debug)]
pub struct DeleteMethod;

impl Command<ShippingMethod> for DeleteMethod {
    const NAME: &'static str = "shipping.delete_method";
    type Reply = ();

    fn apply(self, method: &mut ShippingMethod, cx: &mut Context<'_, ShippingMethod>) -> Result<(), Error> {
        cx.emit(Event::Deleted(method.clone()));
        cx.erase();
        Ok(())
    }
}

impl Draft {
    fn applied_to(
        self,
        mut method: ShippingMethod,
        mut errors: FieldErrors,
    ) -> Result<ShippingMethod, FieldErrors> {
        if let Some(name) = self.name {
            method.name = errors
                .take("/name", text::line(&name, NAME_LENGTH_MAX))
                .unwrap_or_default();
        }
        if let Some(countries) = self.countries
            && let Some(coverage) = Coverage::check(&countries, "/countries", &mut errors)
        {
            method.coverage = coverage;
        }
        method.price = self.price.unwrap_or(method.price);
        method.free_from = self.free_from.unwrap_or(method.free_from);
        if let Some(code) = self.tax_category
            && let Some(category) = errors.take("/tax_category", Category::parse(&code))
        {
            method.tax_category = category;
        }
        method.enabled = self.enabled.unwrap_or(method.enabled);

        check_amounts(&method, &mut errors);
        errors.into_result()?;
        Ok(method)
    }
}

fn check_amounts(method: &ShippingMethod, errors: &mut FieldErrors) {
    const NEGATIVE: &str = "must not be below zero";
    if method.price.amount < 0 {
        errors.add("/price", "shipping.negative_amount", NEGATIVE);
    }
    let Some(free_from) = method.free_from else { return };
    if free_from.amount < 0 {
        errors.add("/free_from", "shipping.negative_amount", NEGATIVE);
    }
    if let Err(mixed) = free_from.require(method.price.currency) {
        errors.add("/free_from", "money.mixed_currencies", mixed.to_string());
    }
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
