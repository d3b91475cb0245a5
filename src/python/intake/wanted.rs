//! What is wanted of a frame, and how its values are to be read.

use crate::rows::encode::Options;
use crate::rows::schema::TableSchema;

/// What is wanted of a frame.
#[derive(Clone, Copy, Default)]
pub(in crate::python) struct Wanted<'s> {
    /// Its columns; others are left unread. `None` is all of them.
    only: Option<&'s TableSchema>,
    /// What the clocks of zones show, besides the moments.
    pub(super) wall: bool,
    /// Times of day, which no column takes before they are converted.
    pub(super) times: bool,
}

impl<'s> Wanted<'s> {
    /// What an encoder with these options needs.
    pub(in crate::python) fn new(schema: Option<&'s TableSchema>, options: Options) -> Self {
        let only = schema.filter(|_| options.ignore_unknown_columns);
        Self { only, wall: options.wall, times: options.convert }
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
