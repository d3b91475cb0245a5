//! Rows that come one by one and become one run.

use super::{Framing, Run, position};

/// A run to which rows can still be added.
#[derive(Debug)]
pub struct RunBuilder {
    framing: &'static Framing,
    /// The body so far, without its end.
    body: Vec<u8>,
    ends: Vec<u32>,
}

impl RunBuilder {
    /// A run without rows.
    #[must_use]
    pub fn new(framing: &'static Framing) -> Self {
        Self { framing, body: framing.prefix.to_vec(), ends: Vec::new() }
    }

    /// A run without rows, with memory for `bytes` of them that are `rows` in number.
    #[must_use]
    pub fn with_capacity(framing: &'static Framing, bytes: usize, rows: usize) -> Self {
        let mut body = Vec::with_capacity(framing.prefix.len() + bytes + framing.suffix.len());
        body.extend_from_slice(framing.prefix);
        Self { framing, body, ends: Vec::with_capacity(rows) }
    }

    /// Adds rows. They are what [`Run::bare`] and [`Run::ends`] gave for some rows of this framing.
    pub fn push(&mut self, bare: &[u8], ends: impl Iterator<Item = u32>) {
        if !self.ends.is_empty() {
            self.body.extend_from_slice(self.framing.separator);
        }
        let before = position(self.body.len());
        self.ends.extend(ends.map(|end| before + end));
        self.body.extend_from_slice(bare);
    }

    /// What its rows count for as long as they wait; see [`Run::size`].
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len() - self.framing.prefix.len()
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The rows as one run.
    #[must_use]
    pub fn into_run(mut self) -> Run {
        self.body.extend_from_slice(self.framing.suffix);
        Run::new(self.framing, self.body, self.ends)
    }
}
