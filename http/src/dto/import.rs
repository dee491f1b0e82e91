//! What becomes of a row of an import.

use cartwright_actors::catalog::ImportOutcome;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowOutcome {
    /// What it is about was made.
    Created,
    /// Something of it was changed.
    Updated,
    /// Everything was as the row says.
    Unchanged,
    /// The row was refused.
    Refused,
}

/// What became of a row, and why it was refused.
pub(crate) struct RowEnd {
    pub(crate) outcome: RowOutcome,
    /// The stable code.
    pub(crate) error: Option<String>,
    /// For a person.
    pub(crate) message: Option<String>,
}

/// Rows as they were sent: those that can be read, and the end of each other in its place.
pub(crate) struct Sent<Row, End> {
    rows: Vec<Row>,
    places: Vec<Option<End>>,
}

impl<Row, End> FromIterator<Result<Row, End>> for Sent<Row, End> {
    fn from_iter<I: IntoIterator<Item = Result<Row, End>>>(sent: I) -> Self {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for row in sent {
            places.push(row.map(|row| rows.push(row)).err());
        }
        Self { rows, places }
    }
}

impl<Row, End> Sent<Row, End> {
    /// Takes out the rows that the engine is to import.
    pub(crate) fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// Returns the end of every row in the order sent. The engine answers in the order it was asked.
    pub(crate) fn ends(self, imported: Vec<End>) -> impl Iterator<Item = End> {
        let mut imported = imported.into_iter();
        let places = self.places.into_iter();
        places.filter_map(move |refused| refused.or_else(|| imported.next()))
    }
}

impl From<ImportOutcome> for RowEnd {
    fn from(outcome: ImportOutcome) -> Self {
        let (outcome, problem) = match outcome {
            ImportOutcome::Created => (RowOutcome::Created, None),
            ImportOutcome::Updated => (RowOutcome::Updated, None),
            ImportOutcome::Unchanged => (RowOutcome::Unchanged, None),
            ImportOutcome::Refused(problem) => (RowOutcome::Refused, Some(problem)),
        };
        let (error, message) = problem.map(|problem| (problem.code, problem.message)).unzip();
        Self {
            outcome,
            error,
            message,
        }
    }
}
