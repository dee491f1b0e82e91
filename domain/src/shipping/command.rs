//! Commands of shipping methods.

use super::tariff::check_amount;
use super::{Charge, Conditions, Error, Event, METHODS_MAX, ShippingMethod, Span, Tariff};
use crate::catalog::{Handle, price_max};
use crate::country::Coverage;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::ShippingMethodId;
use crate::money::{Currency, Money};
use crate::tax::Category;
use crate::territory::{Territory, TerritoryDraft};
use crate::text;

/// The longest name of a method.
const NAME_LENGTH_MAX: usize = 100;
/// How many categories a condition may name.
const CATEGORIES_MAX: usize = 100;

/// A shipping method as staff sent it. When it changes a method, what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What shoppers see.
    pub name: Option<String>,
    /// Where it goes.
    pub territory: TerritoryDraft,
    /// Where it does not go all the same, as a whole.
    pub except: Option<TerritoryDraft>,
    /// A flat price: the tariff of its currency, or a change of that.
    pub price: Option<Money>,
    /// The value of goods from which it is free, in the tariff of its currency; `Some(None)` takes it away from all.
    pub free_from: Option<Option<Money>>,
    /// All tariffs, one in each currency.
    pub tariffs: Option<Vec<Tariff>>,
    /// What it takes.
    pub conditions: Option<ConditionsDraft>,
    /// Within how many days goods arrive; `Some(None)` takes it away.
    pub delivery_days: Option<Option<Span>>,
    /// The code of the category it is taxed in; `standard` unless given.
    pub tax_category: Option<String>,
    /// Whether it may be chosen; it may unless given.
    pub enabled: Option<bool>,
}

/// What a method takes, as staff sent it. What is absent is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionsDraft {
    /// What the goods weigh together, in grams.
    pub weight_grams: Span,
    /// How many units there are.
    pub quantity: Span,
    /// Nothing but goods of these categories.
    pub only_categories: Vec<String>,
    /// Nothing together with goods of these categories.
    pub not_categories: Vec<String>,
}

/// Makes a shipping method.
#[derive(Clone, Debug)]
pub struct CreateMethod {
    /// What was sent. A name, places to go to and a price or tariffs are required.
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
        if self.draft.price.is_none() && self.draft.tariffs.is_none() {
            errors.add("/price", "shipping.price_missing", "must be given, or tariffs");
        }
        let required = Draft {
            name: Some(self.draft.name.unwrap_or_default()),
            ..self.draft
        };
        let blank = ShippingMethod {
            id,
            name: String::new(),
            territory: Territory::default(),
            except: Territory::default(),
            tariffs: Vec::new(),
            conditions: Conditions::default(),
            delivery_days: None,
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
        self.territory.apply_to(&mut method.territory, "", &mut errors);
        if let Some(except) = self.except {
            method.except = check_except(&except, &mut errors);
        }
        // Beside tariffs the short form says something only where it is another than before: all of a method may be sent back
        // as it was shown, with the tariffs changed.
        let (held_price, held_free_from) = method.short_form();
        let is_whole = self.tariffs.is_some();
        if let Some(tariffs) = self.tariffs {
            method.tariffs = check_tariffs(tariffs, &mut errors);
        }
        if let Some(price) = self.price
            && !(is_whole && held_price == Some(price))
        {
            set_flat(&mut method.tariffs, price, &mut errors);
        }
        if let Some(free_from) = self.free_from
            && !(is_whole && held_free_from == free_from)
        {
            set_free_from(&mut method.tariffs, free_from, &mut errors);
        }
        if let Some(conditions) = self.conditions {
            method.conditions = conditions.check(&mut errors);
        }
        if let Some(days) = self.delivery_days {
            days.unwrap_or_default().check("/delivery_days", &mut errors);
            method.delivery_days = days;
        }
        if let Some(code) = self.tax_category
            && let Some(category) = errors.take("/tax_category", Category::parse(&code))
        {
            method.tax_category = category;
        }
        method.enabled = self.enabled.unwrap_or(method.enabled);
        errors.into_result()?;
        Ok(method)
    }
}

fn check_except(draft: &TerritoryDraft, errors: &mut FieldErrors) -> Territory {
    if draft.is_empty() {
        return Territory::default();
    }
    let except = Territory::read(draft, "/except", errors);
    if except.countries == Coverage::Everywhere {
        let message = "a method that goes nowhere cannot be chosen; disable it instead";
        errors.add("/except/countries", "shipping.goes_nowhere", message);
    }
    except
}

impl ConditionsDraft {
    fn check(self, errors: &mut FieldErrors) -> Conditions {
        self.weight_grams.check("/conditions/weight_grams", errors);
        self.quantity.check("/conditions/quantity", errors);
        let mut handles = |names: Vec<String>, field: &str| {
            let mut handles = Vec::with_capacity(names.len());
            if CATEGORIES_MAX < names.len() {
                let message = format!("at most {CATEGORIES_MAX} categories are possible");
                errors.add(field, "shipping.too_many_categories", message);
                return handles;
            }
            for (at, name) in names.iter().enumerate() {
                handles.extend(errors.take(&format!("{field}/{at}"), Handle::parse(name)));
            }
            handles.sort_unstable();
            handles.dedup();
            handles
        };
        Conditions {
            only_categories: handles(self.only_categories, "/conditions/only_categories"),
            not_categories: handles(self.not_categories, "/conditions/not_categories"),
            weight_grams: self.weight_grams,
            quantity: self.quantity,
        }
    }
}

/// Returns the tariffs sorted by currency. Notes what is wrong with them.
fn check_tariffs(tariffs: Vec<Tariff>, errors: &mut FieldErrors) -> Vec<Tariff> {
    let mut checked: Vec<Tariff> = Vec::with_capacity(tariffs.len());
    if tariffs.is_empty() {
        errors.add("/tariffs", "shipping.price_missing", "at least one must be given");
    }
    for (at, tariff) in tariffs.into_iter().enumerate() {
        let pointer = format!("/tariffs/{at}");
        tariff.check(&pointer, errors);
        match find(&checked, tariff.currency) {
            Ok(_) => {
                let message = format!("there is a tariff in {} already", tariff.currency);
                errors.add(
                    format!("{pointer}/currency"),
                    "shipping.duplicate_tariff",
                    message,
                );
            }
            Err(place) => checked.insert(place, tariff),
        }
    }
    checked
}

fn find(tariffs: &[Tariff], currency: Currency) -> Result<usize, usize> {
    tariffs.binary_search_by_key(&currency, |tariff| tariff.currency)
}

/// Makes the charge of the price's currency flat, and leaves what else its tariff says.
fn set_flat(tariffs: &mut Vec<Tariff>, price: Money, errors: &mut FieldErrors) {
    check_amount(
        price.amount,
        price_max(price.currency),
        "/price".to_owned(),
        errors,
    );
    match find(tariffs, price.currency) {
        Ok(held) => tariffs[held].charge = Charge::Flat(price.amount),
        Err(place) => tariffs.insert(place, Tariff::flat(price, None)),
    }
}

fn set_free_from(tariffs: &mut [Tariff], free_from: Option<Money>, errors: &mut FieldErrors) {
    let Some(free_from) = free_from else {
        tariffs.iter_mut().for_each(|tariff| tariff.free_from = None);
        return;
    };
    let max = price_max(free_from.currency);
    check_amount(free_from.amount, max, "/free_from".to_owned(), errors);
    match find(tariffs, free_from.currency) {
        Ok(held) => tariffs[held].free_from = Some(free_from.amount),
        Err(_) => {
            let message = format!("there is no price in {}", free_from.currency);
            errors.add("/free_from", "money.mixed_currencies", message);
        }
    }
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
