//! What is wanted of a frame, and how its values are to be read.

use crate::rows::encode::Options;
use crate::rows::schema::{Column, Counts, DataType, TableSchema};

/// What is wanted of a frame.
#[derive(Clone, Copy, Default)]
pub(in crate::python) struct Wanted<'s> {
    /// Its columns; others are left unread. `None` is all of them.
    only: Option<&'s TableSchema>,
    /// What the clocks of zones show, besides the moments.
    pub(super) wall: bool,
    /// Times of day, which most columns take only where they are converted.
    pub(super) times: bool,
    /// How many columns there may be at all, where that is known.
    pub(super) counts: Option<&'static Counts>,
}

impl<'s> Wanted<'s> {
    /// What an encoder with these options needs.
    pub(in crate::python) fn new(schema: Option<&'s TableSchema>, options: Options) -> Self {
        let only = schema.filter(|_| options.ignore_unknown_columns);
        let takes_times = |column: &Column| matches!(column.data_type, DataType::Time | DataType::Any);
        let times = options.convert || schema.is_some_and(|schema| schema.columns().iter().any(takes_times));
        Self { only, wall: options.wall, times, counts: None }
    }

    /// The same with times of day, where somebody takes them.
    pub(in crate::python) fn with_times(self, times: bool) -> Self {
        Self { times: self.times || times, ..self }
    }

    /// The same for a service that takes no more than these.
    pub(in crate::python) fn at_most(self, counts: &'static Counts) -> Self {
        Self { counts: Some(counts), ..self }
    }

    /// Whether every column is read.
    pub(super) fn is_all(self) -> bool {
        self.only.is_none()
    }

    /// Whether a column called `name` is read at all.
    pub(super) fn has(self, name: &str) -> bool {
        self.only.is_none_or(|schema| schema.position(name, 0).is_some())
    }
}
