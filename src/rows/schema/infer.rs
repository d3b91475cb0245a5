//! The types of columns, read off rows: numbers widen, mixed kinds are an error, nothing turns into text by itself.

mod seen;

use std::collections::HashMap;

use self::seen::Seen;
use super::{Column, DataType, FAR_TOO_MANY, Most, Target, nearest};
use crate::error::{Error, Result, shown};

/// What one value tells about its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the value is missing.
    Missing,
    /// NaN: a missing value, unless all others are whole numbers, which the data then has as binary ones.
    NaN,
    /// A type that takes the value.
    Type(DataType),
    /// A whole number that a Double does not hold.
    WideInt,
    /// Text, and what it reads as.
    Text(Looks),
    /// No type takes the value.
    Unsupported(NoType),
}

/// What text reads as without losing a thing, besides being text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a text may read as several things")]
pub struct Looks {
    /// Whether it says something by itself: empty text and `nan` do not.
    pub says: bool,
    /// An Int64.
    pub whole: bool,
    /// A Double.
    pub number: bool,
    /// A Boolean.
    pub truth: bool,
    /// A `DateTime`.
    pub moment: bool,
}

impl Looks {
    /// Text that may become anything, and says nothing.
    pub const BLANK: Self = Self { says: false, whole: true, number: true, truth: true, moment: true };
    /// Text that says nothing and becomes nothing.
    pub const NOTHING: Self = Self { says: false, whole: false, number: false, truth: false, moment: false };

    /// Text that says something and becomes nothing: no other text changes that.
    pub const SETTLED: Self = Self { says: true, ..Self::NOTHING };

    fn and(self, other: Self) -> Self {
        Self {
            says: self.says || other.says,
            whole: self.whole && other.whole,
            number: self.number && other.number,
            truth: self.truth && other.truth,
            moment: self.moment && other.moment,
        }
    }
}

/// Why no type takes a value, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoType {
    /// What the value is. Numbers of the target's rules are left open, as [`super::ValueRules::said`] fills them in.
    pub why: &'static str,
    /// The type that takes it nevertheless, in Python's words.
    pub data_type: Option<&'static str>,
    /// What that type does with it; or what to do where there is none.
    pub advice: &'static str,
}

/// What is known of columns before their values are looked at, or without.
#[derive(Debug)]
pub struct Known {
    /// Whom the columns are for.
    pub target: &'static Target,
    /// Types that need no guess.
    pub given: Vec<(String, DataType)>,
    /// The columns of a frame, and the types that it says they have.
    pub declared: Vec<(String, Option<DataType>)>,
    /// Whether values are converted, so that text is what it reads as.
    pub convert: bool,
}

/// The columns, and what those that hold text read as.
#[derive(Debug)]
pub struct Inferred {
    /// The columns in the order in which they first appeared.
    pub columns: Vec<Column>,
    /// The type that a column of text could have.
    pub hints: Vec<(String, DataType)>,
}

/// The columns seen so far, in the order in which they first appeared.
#[derive(Debug)]
pub struct Inference {
    columns: Vec<Seen>,
    places: HashMap<String, usize>,
    rows: usize,
    known: Known,
}

impl Inference {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(known: Known) -> Self {
        let columns: Vec<_> = known.declared.iter().map(|(name, _)| Seen::new(name)).collect();
        let places = columns.iter().enumerate().map(|(place, seen)| (seen.name.clone(), place)).collect();
        Self { columns, places, rows: 0, known }
    }

    /// Where the column of that name stands: behind the others where it is new.
    pub fn place(&mut self, column: &str) -> usize {
        if let Some(place) = self.places.get(column) {
            return *place;
        }
        self.places.insert(column.into(), self.columns.len());
        self.columns.push(Seen::new(column));
        self.columns.len() - 1
    }

    /// Whether there are so many columns that no more are looked at.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.columns.len() > self.most()
    }

    /// So many are looked at.
    fn most(&self) -> usize {
        let (Most::Service(most) | Most::Ours(most)) = self.known.target.counts.columns;
        most.max(FAR_TOO_MANY)
    }

    /// Takes note of one value of the column at `place`; `example` answers what is said of it.
    pub fn see(&mut self, place: usize, kind: Kind, example: impl Fn() -> String) {
        self.columns[place].see(kind, example);
    }

    /// Whether another value of that kind tells nothing of the column at `place` that others have not told.
    #[must_use]
    pub fn knows(&self, place: usize, kind: Kind) -> bool {
        self.columns[place].knows(kind)
    }

    /// What the text of the column at `place` may still read as.
    #[must_use]
    pub fn looks(&self, place: usize) -> Looks {
        self.columns[place].looks()
    }

    /// So many rows have ended.
    pub fn end_rows(&mut self, rows: usize) {
        self.rows += rows;
    }

    /// The columns, or every reason why there are none.
    pub fn finish(self) -> Result<Inferred> {
        if self.is_full() {
            let problem = self.known.target.counts.far_too_many("the table", "columns", self.most(), true);
            return Err(Error::configuration(problem.unwrap_or_default()));
        }
        let Known { target, given, declared, convert } = &self.known;
        let known = |name: &str| given.iter().find(|(known, _)| known == name).map(|(_, data_type)| *data_type);
        let mut problems = Vec::new();
        let mut found = Inferred { columns: Vec::new(), hints: Vec::new() };
        for seen in &self.columns {
            let declared = declared.iter().find(|(name, _)| *name == seen.name).and_then(|(_, data_type)| *data_type);
            match known(&seen.name).map_or_else(|| seen.data_type(declared, *convert, target.values), Ok) {
                Ok(data_type) => {
                    found.columns.push(Column::new(seen.name.clone(), data_type));
                    let hint = seen.hint().filter(|_| data_type == DataType::String && known(&seen.name).is_none());
                    found.hints.extend(hint.map(|hint| (seen.name.clone(), hint)));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if self.rows == 0 && self.columns.is_empty() {
            return no_rows(given);
        }
        problems.extend(self.unknown(given));
        match problems.len() {
            0 if found.columns.is_empty() => no_rows(given),
            0 => Ok(found),
            1 => Err(Error::configuration(format!("the types cannot be inferred: {}", problems[0]))),
            count => {
                let list = problems.join("\n- ");
                Err(Error::configuration(format!("the types of {count} columns cannot be inferred:\n- {list}")))
            }
        }
    }

    /// What is wrong with types of columns that no row has.
    fn unknown(&self, given: &[(String, DataType)]) -> Vec<String> {
        let unknown = given.iter().filter(|(name, _)| !self.places.contains_key(name)).map(|(name, _)| {
            let names = self.columns.iter().map(|seen| seen.name.as_str());
            let advice = nearest(name, names).map(|nearest| format!("; did you mean `{nearest}`?"));
            format!("types= names column `{}`, which no row has{}", shown(name), advice.unwrap_or_default())
        });
        unknown.collect()
    }
}

/// Without rows there are the columns that were given.
fn no_rows(given: &[(String, DataType)]) -> Result<Inferred> {
    if given.is_empty() {
        return Err(Error::configuration("there are no rows to infer columns from")
            .with_hint("name the columns: TableSchema(name, {\"column\": int})"));
    }
    let columns = given.iter().map(|(name, data_type)| Column::new(name.clone(), *data_type)).collect();
    Ok(Inferred { columns, hints: Vec::new() })
}
