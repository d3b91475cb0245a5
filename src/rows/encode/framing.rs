//! How a destination wants its rows wrapped: data, no code.

/// What stands around and between the rows of one body.
#[derive(Debug, PartialEq, Eq)]
pub struct Framing {
    /// Before the first row.
    pub prefix: &'static [u8],
    /// Between two rows.
    pub separator: &'static [u8],
    /// After the last row.
    pub suffix: &'static [u8],
}
