//! Rows that come one by one and become one run.

use super::{Dialect, Run, position};

/// A run to which rows can still be added.
#[derive(Debug)]
pub struct Growing {
    dialect: &'static Dialect,
    /// The body so far, without its end.
    body: Vec<u8>,
    ends: Vec<u32>,
}

impl Growing {
    /// A run without rows.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, body: dialect.prefix.to_vec(), ends: Vec::new() }
    }

    /// Adds rows. They are what [`Run::bare`] and [`Run::ends`] gave for some rows of this dialect.
    pub fn push(&mut self, bare: &[u8], ends: impl Iterator<Item = u32>) {
        if !self.ends.is_empty() {
            self.body.extend_from_slice(self.dialect.separator);
        }
        let before = position(self.body.len());
        self.ends.extend(ends.map(|end| before + end));
        self.body.extend_from_slice(bare);
    }

    /// What its rows count for as long as they wait; see [`Run::size`].
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len() - self.dialect.prefix.len()
    }

    /// The rows as one run.
    #[must_use]
    pub fn into_run(mut self) -> Run {
        self.body.extend_from_slice(self.dialect.suffix);
        Run::new(self.dialect, self.body, self.ends)
    }
}
