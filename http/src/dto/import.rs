//! What becomes of a row of an import.

use cartwright_actors::import::{self, ImportedRow};
use cartwright_domain::{Class, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
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

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// One for each row, in the order sent.
    results: Vec<RowResult>,
}

impl Imported {
    /// Tells of rows in the order sent.
    pub(crate) fn of(rows: impl IntoIterator<Item = ImportedRow>) -> Self {
        Self {
            results: rows.into_iter().map(RowResult::from).collect(),
        }
    }
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RowResult {
    /// The row's number, as it was sent.
    row: u64,
    /// What it is about, as it was sent.
    subject: String,
    /// What became of it.
    outcome: RowOutcome,
    /// Why it was refused: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Why it was refused, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<ImportedRow> for RowResult {
    fn from(
        ImportedRow {
            row,
            subject,
            outcome,
        }: ImportedRow,
    ) -> Self {
        let RowEnd {
            outcome,
            error,
            message,
        } = outcome.into();
        Self {
            row,
            subject,
            outcome,
            error,
            message,
        }
    }
}

/// Reads a row by itself, so that one that cannot be read refuses no other.
///
/// # Errors
/// `import.unreadable_row` with the field that is wrong.
pub(crate) fn read_row<T: DeserializeOwned>(row: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(row).map_err(|error| {
        let message = format!("{}: {}", error.path(), error.inner());
        Problem::new(Class::Invalid, "import.unreadable_row", message)
    })
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

impl From<import::RowOutcome> for RowEnd {
    fn from(outcome: import::RowOutcome) -> Self {
        let (outcome, problem) = match outcome {
            import::RowOutcome::Created => (RowOutcome::Created, None),
            import::RowOutcome::Updated => (RowOutcome::Updated, None),
            import::RowOutcome::Unchanged => (RowOutcome::Unchanged, None),
            import::RowOutcome::Refused(problem) => (RowOutcome::Refused, Some(problem)),
        };
        let (error, message) = problem.map(|problem| (problem.code, problem.message)).unzip();
        Self {
            outcome,
            error,
            message,
        }
    }
}
