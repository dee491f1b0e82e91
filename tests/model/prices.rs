//! What a unit costs, by the guide's sentences on price lists.

use crate::case::{Case, Line, ListPrice, PriceList};
use std::cmp::Reverse;

/// Returns what a unit of a line costs: "of the lists that are switched on, that hold now, that are for everybody or for
/// one of the customer's groups, and by which the variant has a price in the cart's currency for as many units as the
/// line has, the one with the highest `priority` counts. Of equal priority one for groups counts before one for
/// everybody, then the older. Of its prices the one with the largest quantity that the line reaches counts. Without any
/// the usual price counts."
pub(crate) fn unit_price<'a>(case: &'a Case, line: &'a Line) -> &'a str {
    let lists = case.store.lists.iter().filter(|list| counts(case, list));
    let with_price = lists.filter_map(|list| Some((list, price_by(case, line, list)?)));
    let first = with_price.min_by_key(|(list, _)| {
        (
            Reverse(list.priority),
            list.groups.is_empty(),
            list.created_at,
            list.number,
        )
    });
    first.map_or(&line.price, |(_, row)| &row.price)
}

fn counts(case: &Case, list: &PriceList) -> bool {
    let now = case.cart.now;
    let in_group = case.cart.groups.iter().any(|group| list.groups.contains(group));
    list.enabled
        && list.from.is_none_or(|from| from <= now)
        && list.until.is_none_or(|until| now < until)
        && (list.groups.is_empty() || in_group)
}

fn price_by<'a>(case: &Case, line: &'a Line, list: &PriceList) -> Option<&'a ListPrice> {
    let rows = line.list_prices.iter().filter(|row| {
        row.list == list.number && row.currency == case.cart.currency && row.from_quantity <= line.quantity
    });
    rows.max_by_key(|row| row.from_quantity)
}
