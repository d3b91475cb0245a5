//! Whom a schema is for: the types that there are, the rules of names, and what a value may be. Each service has its own.

use super::{Counts, DataType, Dataset, Table};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRules {
    /// UTF-16 units of text.
    pub max_text: usize,
    /// Digits of a Decimal.
    pub decimal_digits: usize,
    /// Those of them that may stand after the point.
    pub decimal_scale: usize,
    /// Whether a date and time in UTC says so.
    pub marks_utc: bool,
    /// What is to be said of dates before 1900, where anything is.
    pub old_dates: Option<&'static str>,
}

impl Default for ValueRules {
    /// No limits: each service has its own.
    fn default() -> Self {
        let most = usize::MAX;
        Self { max_text: most, decimal_digits: most, decimal_scale: most, marks_utc: true, old_dates: None }
    }
}

impl ValueRules {
    /// `words` with the numbers that they leave open: `{text}`, `{digits}` and `{scale}`.
    #[must_use]
    pub fn said(&self, words: &str) -> String {
        let Self { max_text, decimal_digits, decimal_scale, .. } = self;
        if !words.contains('{') {
            return words.to_owned();
        }
        let numbers = [("{text}", max_text), ("{digits}", decimal_digits), ("{scale}", decimal_scale)];
        numbers.iter().fold(words.to_owned(), |said, (open, number)| said.replace(open, &number.to_string()))
    }
}

/// The words that some properties of a schema are chosen from; of the kinds of datasets the first is what is meant where
/// none is said.
#[derive(Debug)]
pub struct Choices {
    /// Kinds of datasets.
    pub modes: &'static [&'static str],
    /// What becomes of rows when a table is full; the first is that they stay.
    pub retentions: &'static [&'static str],
    /// How a relationship filters.
    pub cross_filtering: &'static [&'static str],
    /// How a column is summed up.
    pub summarize_by: &'static [&'static str],
}

/// Whom a schema is for.
#[derive(Debug)]
pub struct Target {
    /// What users call it.
    pub name: &'static str,
    /// The types that it has.
    pub types: &'static [DataType],
    /// What its properties are chosen from.
    pub choices: Choices,
    /// What its values may be.
    pub values: ValueRules,
    /// How many of everything it takes.
    pub counts: Counts,
    /// Lists every way in which a table breaks its rules.
    pub check_table: fn(&Table, &mut Vec<String>),
    /// The same of a dataset, its tables included.
    pub check_dataset: fn(&Dataset, &mut Vec<String>),
}

impl Target {
    /// Reads a type's name; what it does not tell from others is one of those.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<DataType> {
        let own = match name.to_ascii_lowercase().as_str() {
            "date" => Some(DataType::Date),
            "time" => Some(DataType::Time),
            _ => None,
        };
        own.filter(|known| self.types.contains(known)).or_else(|| DataType::parse(name))
    }

    /// The names of its types.
    #[must_use]
    pub fn type_names(&self) -> String {
        self.types.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ")
    }
}
