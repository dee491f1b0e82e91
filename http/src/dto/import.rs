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
