//! Bulk imports: many rows in one call, each judged by itself and each with an outcome of its own.
//!
//! What is imported, how a row finds it and what it does to it is said by each area; a second run of the same rows must
//! change nothing.

use crate::engine::unreadable;
use crate::request::{Refused, Request};
use crate::runtime::Entities;
use cartwright_domain::{Class, Entity, EntityId, Problem};
use futures::StreamExt;
use futures::stream;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most rows of one call.
pub const ROWS_MAX: usize = 500;

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
    /// Returns what it is about. Rows about the same are done in their order.
    fn subject(&self) -> &str;
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

/// Returns the id of what rows with a name are about, and whether it is there: that of what bears the name, else the
/// first that comes of the name, the same in every run. One under which a row has made what bears another name since is
/// passed over.
///
/// # Errors
/// A fault of the store.
pub(crate) async fn find<E: Entity>(
    entities: &Entities<E>,
    origin: Uuid,
    name: &str,
    bears_it: impl Fn(&E) -> bool,
) -> Result<(E::Id, bool), Refused> {
    let roster = entities.roster();
    if let Some(found) = roster.iter().find(|found| bears_it(&found.state)) {
        return Ok((found.id, true));
    }
    let mut of = origin;
    loop {
        of = Uuid::new_v5(&of, name.as_bytes());
        let id = E::Id::from_uuid(of);
        match entities.read(id).await.map_err(unreadable)? {
            Some(made) if !bears_it(&made.state) => {}
            there => return Ok((id, there.is_some())),
        }
    }
}

/// Does rows with the same subject in their order and others side by side, so many at once, and returns what became of
/// each, in the order sent.
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
    if ROWS_MAX < rows.len() {
        let message = format!("{} rows were sent, {ROWS_MAX} are the most", rows.len());
        return Err(Problem::new(Class::TooLarge, too_many, message).into());
    }
    let mut by_subject: BTreeMap<String, Vec<(usize, R)>> = BTreeMap::new();
    for (place, row) in rows.into_iter().enumerate() {
        let subject = row.subject().to_owned();
        by_subject.entry(subject).or_default().push((place, row));
    }
    let import = &import;
    let done = stream::iter(by_subject.into_values())
        .map(|rows| async move {
            let mut done = Vec::with_capacity(rows.len());
            for (place, row) in rows {
                let (number, subject) = (row.number(), row.shown());
                let outcome = import(row).await;
                let imported = ImportedRow {
                    row: number,
                    subject,
                    outcome: outcome.unwrap_or_else(|refused| RowOutcome::Refused(refused.problem)),
                };
                done.push((place, imported));
            }
            done
        })
        .buffer_unordered(at_once);
    let mut placed: Vec<(usize, ImportedRow)> = done.concat().await;
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, imported)| imported).collect())
}
