//! What becomes of a row of an import.

use crate::extract::{Objects, Rows, SentRow, plain};
use crate::problem::Refused;
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
    /// The row's number, as it was sent; 0 where it has none.
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

/// Returns the refusal of a row that cannot be read, with the field that is wrong.
pub(crate) fn unreadable(message: impl Into<String>) -> Problem {
    Problem::new(Class::Invalid, "import.unreadable_row", message)
}

/// Leaves out what is `null`: in a row that is a value which is not there, as in a file, and takes nothing away.
fn leave_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(leave_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn read_row<T: DeserializeOwned>(row: SentRow) -> Result<T, Problem> {
    if let Some(field) = row.twice {
        return Err(unreadable(format!("{field} must be given once")));
    }
    let mut value = row.value;
    leave_nulls(&mut value);
    serde_path_to_error::deserialize(Objects(value)).map_err(|error| {
        // Without the value, which may be a secret.
        let wanted = plain(&error.inner().to_string());
        unreadable(match error.path().to_string().as_str() {
            "." => wanted, // The row itself.
            field => format!("{field}: {wanted}"),
        })
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
pub(crate) struct Sent<Row> {
    rows: Vec<Row>,
    places: Vec<Option<ImportedRow>>,
}

impl<Row> Sent<Row> {
    /// Reads each row by itself, so that one that cannot be read refuses no other. What such a row is about stands at the
    /// first of `subject`, as pointers, that is a text; where it is a secret, nowhere.
    ///
    /// # Errors
    /// `too_many`, the code for more rows than one call takes.
    pub(crate) fn read<T: DeserializeOwned>(
        sent: Rows,
        too_many: &str,
        subject: &[&str],
        read: impl Fn(T) -> Result<Row, Problem>,
    ) -> Result<Self, Refused> {
        import::check_count(sent.sent, too_many)?;
        let (mut rows, mut places) = (Vec::new(), Vec::with_capacity(sent.sent));
        for row in sent.kept {
            let number = row.value["row"].as_u64().unwrap_or_default();
            let mut texts = subject
                .iter()
                .filter_map(|place| row.value.pointer(place)?.as_str());
            let subject = texts.next().unwrap_or_default().to_owned();
            places.push(match read_row(row).and_then(&read) {
                Ok(row) => {
                    rows.push(row);
                    None
                }
                Err(problem) => Some(ImportedRow {
                    row: number,
                    subject,
                    outcome: import::RowOutcome::Refused(problem),
                }),
            });
        }
        Ok(Self { rows, places })
    }

    /// Takes out the rows that the engine is to import.
    pub(crate) fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// Returns the end of every row in the order sent. The engine answers in the order it was asked.
    pub(crate) fn ends(self, imported: Vec<ImportedRow>) -> impl Iterator<Item = ImportedRow> {
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
