//! What a command says: to people, to scripts, and when it fails.

use crate::service::in_order::OfStore;
use crate::store::StoreError;
use serde_json::Value;
use std::any::Any;
use std::io::Write as _;
use std::process::ExitCode;

pub(super) use crate::clock::date;

/// What a command has to say. Both forms say the same.
#[derive(Debug)]
pub(super) struct Answer {
    /// For scripts.
    pub(super) json: Value,
    /// For people; may be empty.
    pub(super) text: String,
    /// The exit status: not 0 where what was looked at is not as it should be.
    pub(super) status: u8,
}

impl Answer {
    pub(super) fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), status: 0 }
    }

    /// The same, with another exit status.
    pub(super) fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// Nothing: what there was to say is in the log.
    pub(super) fn silent() -> Self {
        Self::new(Value::Null, "")
    }

    pub(super) fn print(&self, json: bool) -> ExitCode {
        let text = match &self.json {
            Value::Null => String::new(),
            value if json => value.to_string(),
            _ => self.text.clone(),
        };
        if text.is_empty() {
            return ExitCode::from(self.status);
        }
        // A reader that has gone away, such as `head`, is no failure.
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
        ExitCode::from(self.status)
    }
}

/// Why a command failed: one sentence.
#[derive(Debug)]
pub(super) struct Failure {
    sentence: String,
    /// What the database said, where the sentence is its.
    of_store: Option<StoreError>,
}

impl Failure {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), of_store: None }
    }

    pub(super) fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.sentence);
        ExitCode::FAILURE
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl OfStore for Failure {
    fn of_store(&self) -> Option<&StoreError> {
        self.of_store.as_ref()
    }
}

/// Our errors read as one sentence each, with their cause in it.
impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let sentence = error.to_string();
        let error: Box<dyn Any> = Box::new(error);
        Self { sentence, of_store: error.downcast().ok().map(|error| *error) }
    }
}

/// Rows under a head, in columns as wide as they must be.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let lines = rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str())));
    std::iter::once(line(head)).chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["é".to_owned(), "long cell".to_owned()], ["wider".to_owned(), String::new()]];
        assert_eq!(table(["a", "b"], &rows), "a      b\né      long cell\nwider");
        assert_eq!(table(["a", "b"], &[]), "a  b");
    }
}
