//! Bulk imports: many rows in one call, each judged by itself and each with an outcome of its own.
//!
//! What is imported, how a row finds it and what it does to it is said by each area; a second run of the same rows must
//! change nothing.

use crate::request::{Refused, Request};
use crate::runtime::Entities;
use crate::turns::{Turn, Turns};
use cartwright_domain::{Class, Entity, Problem};
use futures::StreamExt;
use futures::stream;
use std::collections::BTreeSet;

/// The most rows of one call.
pub const ROWS_MAX: usize = 500;

/// The codes by which an area refuses a call of more than [`ROWS_MAX`] rows.
pub mod too_many {
    /// Of a catalog, or of prices by lists.
    pub const CATALOG: &str = "catalog.too_many_rows";
    /// Of customers.
    pub const CUSTOMER: &str = "customer.too_many_rows";
    /// Of promotions or codes.
    pub const PROMOTION: &str = "promotion.too_many_rows";
    /// Of gift cards or store credit.
    pub const STORED_VALUE: &str = "stored_value.too_many_rows";
    /// Of tax rates.
    pub const TAX: &str = "tax.too_many_rows";
}

/// Checks how many rows were sent, those that cannot be read among them.
///
/// # Errors
/// `too_many`, for more than [`ROWS_MAX`].
pub fn check_count(sent: usize, too_many: &str) -> Result<(), Problem> {
    if sent <= ROWS_MAX {
        return Ok(());
    }
    let message = format!("{sent} rows were sent, {ROWS_MAX} are the most");
    Err(Problem::new(Class::TooLarge, too_many, message))
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// What it is about was made.
    Created,
    /// Something of it was changed.
    Updated,
    /// Everything was as the row says.
    Unchanged,
    /// The row was refused; nothing of it was done, unless an earlier part of it stands.
    Refused(Problem),
}

/// A row's number, what it is about, and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRow {
    /// The row's number, as it was given.
    pub row: u64,
    /// What it is about, as it was given.
    pub subject: String,
    /// What became of it.
    pub outcome: RowOutcome,
}

/// A row of an import.
pub(crate) trait Row {
    /// Returns its number, for the report.
    fn number(&self) -> u64;
    /// Returns what it is about.
    fn subject(&self) -> &str;
    /// Returns all that this goes by, each in the one form in which it is compared. Rows that have a name in common are
    /// done in their order.
    fn names(&self) -> Vec<String> {
        vec![self.subject().trim().to_owned()]
    }
    /// Returns what it is about, for the report. A secret is not told.
    fn shown(&self) -> String {
        self.subject().to_owned()
    }
}

/// Returns the request of one row: what is drawn for it is its own, and a key of the whole call is no key of it.
pub(crate) fn request_of(request: &Request, subject: &str) -> Request {
    Request {
        seed: request.seed.derive(subject.as_bytes()),
        if_match: None,
        idempotency: None,
        ..request.clone()
    }
}

/// What a row finds by its name.
pub(crate) enum Found<'a, I> {
    /// What bears the name.
    There(I),
    /// Nothing bears it. Until the turn is over nobody else makes what does.
    New(Turn<'a>),
}

/// Returns what bears the name of a row, or a turn to make it.
///
/// # Errors
/// `import.ambiguous_name` where several bear the name; the deadline of the request.
pub(crate) async fn find<'a, E: Entity>(
    entities: &Entities<E>,
    turns: &'a Turns,
    request: &Request,
    bears_it: impl Fn(&E) -> bool,
) -> Result<Found<'a, E::Id>, Refused> {
    if let Some(there) = bearer(entities, &bears_it)? {
        return Ok(Found::There(there));
    }
    let turn = turns.take(request, [E::KIND]).await?;
    // It may have been made since.
    Ok(match bearer(entities, &bears_it)? {
        Some(there) => Found::There(there),
        None => Found::New(turn),
    })
}

fn bearer<E: Entity>(
    entities: &Entities<E>,
    bears_it: impl Fn(&E) -> bool,
) -> Result<Option<E::Id>, Refused> {
    let roster = entities.roster();
    let mut found = roster.iter().filter(|found| bears_it(&found.state));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => {
            let message =
                "several bear this name; change the one that is meant by its id, or rename the others";
            Err(Problem::new(Class::Conflict, "import.ambiguous_name", message).into())
        }
        (found, _) => Ok(found.map(|found| found.id)),
    }
}

/// Tells whether nothing bears the name of a row, so that the row makes it.
pub(crate) fn is_new<E: Entity>(entities: &Entities<E>, bears_it: impl Fn(&E) -> bool) -> bool {
    !entities.roster().iter().any(|found| bears_it(&found.state))
}

/// Does rows about the same in their order and others side by side, so many at once, and returns what became of each, in
/// the order sent.
///
/// # Errors
/// `too_many`, the code for more than [`ROWS_MAX`]; a refused row is no error but its outcome.
pub(crate) async fn each<R: Row, F>(
    rows: Vec<R>,
    at_once: usize,
    too_many: &str,
    import: impl Fn(R) -> F,
) -> Result<Vec<ImportedRow>, Refused>
where
    F: Future<Output = Result<RowOutcome, Refused>>,
{
    each_by_age(rows, at_once, too_many, |_| false, import).await
}

/// Does rows as [`each`] does, but first those that make something, one after the other in the order sent: of what they
/// make, what stands first is the older. Rows about one such thing stay in their order: what is not there for one of them
/// was not there for those before it.
///
/// # Errors
/// As for [`each`].
pub(crate) async fn each_by_age<R: Row, F>(
    rows: Vec<R>,
    at_once: usize,
    too_many: &str,
    makes: impl Fn(&R) -> bool,
    import: impl Fn(R) -> F,
) -> Result<Vec<ImportedRow>, Refused>
where
    F: Future<Output = Result<RowOutcome, Refused>>,
{
    check_count(rows.len(), too_many)?;
    let import = &import;
    let mut placed = Vec::with_capacity(rows.len());
    let mut others = Vec::new();
    for (place, row) in rows.into_iter().enumerate() {
        if makes(&row) {
            placed.push((place, outcome_of(row, import).await));
        } else {
            others.push((place, row));
        }
    }
    let done = stream::iter(about_the_same(others))
        .map(|rows| async move {
            let mut done = Vec::with_capacity(rows.len());
            for (place, row) in rows {
                done.push((place, outcome_of(row, import).await));
            }
            done
        })
        .buffer_unordered(at_once);
    placed.extend(done.concat().await);
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, imported)| imported).collect())
}

async fn outcome_of<R: Row, F>(row: R, import: impl Fn(R) -> F) -> ImportedRow
where
    F: Future<Output = Result<RowOutcome, Refused>>,
{
    let (number, subject) = (row.number(), row.shown());
    let outcome = import(row).await;
    ImportedRow {
        row: number,
        subject,
        outcome: outcome.unwrap_or_else(|refused| RowOutcome::Refused(refused.problem)),
    }
}

/// Rows, each with its place among all that were sent.
type Placed<R> = Vec<(usize, R)>;

/// Returns rows with their places, those together that are about the same: two that share a name, or each one with a
/// third.
fn about_the_same<R: Row>(rows: Placed<R>) -> Vec<Placed<R>> {
    let mut groups: Vec<(BTreeSet<String>, Placed<R>)> = Vec::new();
    for (place, row) in rows {
        let mut names: BTreeSet<String> = row.names().into_iter().collect();
        let mut same = vec![(place, row)];
        let joined = groups.extract_if(.., |(others, _)| !others.is_disjoint(&names));
        for (others, group) in joined.collect::<Vec<_>>() {
            names.extend(others);
            same.extend(group);
        }
        groups.push((names, same));
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(_, group)| group).collect();
    for group in &mut groups {
        group.sort_by_key(|(place, _)| *place);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static [&'static str]);

    impl Row for Named {
        fn number(&self) -> u64 {
            0
        }

        fn subject(&self) -> &str {
            self.0[0]
        }

        fn names(&self) -> Vec<String> {
            self.0.iter().map(|name| (*name).to_owned()).collect()
        }
    }

    #[test]
    fn rows_that_share_a_name_stay_in_their_order() {
        let rows: [&'static [&'static str]; 6] = [&["a"], &["b"], &["c", "d"], &["a"], &["d", "b"], &["e"]];
        let rows = rows.map(Named).into_iter().enumerate();
        let mut groups: Vec<Vec<usize>> = about_the_same(rows.collect())
            .iter()
            .map(|group| group.iter().map(|(place, _)| *place).collect())
            .collect();
        groups.sort();
        assert_eq!(groups, [vec![0, 3], vec![1, 2, 4], vec![5]]);
    }
}
