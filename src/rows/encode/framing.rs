//! How a sink wants its rows wrapped: data, no code.

/// What rows look like, what stands around and between those of one body, and how the body is written in the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Framing {
    /// Before the first row.
    pub prefix: &'static [u8],
    /// Between two rows.
    pub separator: &'static [u8],
    /// After the last row.
    pub suffix: &'static [u8],
    /// Rows are arrays of the cells of all columns, in the order of their schema; else objects.
    pub in_arrays: bool,
    /// All of that is Base64 in the body; sizes count after it.
    pub in_base64: bool,
}

impl Framing {
    /// No separator has more bytes: a file says it in a place of this size.
    pub const LONGEST_SEPARATOR: usize = 8;

    /// Rows that are objects, in a body that is written as it is. A constant with a longer separator is no constant.
    ///
    /// # Panics
    ///
    /// With a separator of more than [`Framing::LONGEST_SEPARATOR`] bytes.
    #[must_use]
    pub const fn new(prefix: &'static [u8], separator: &'static [u8], suffix: &'static [u8]) -> Self {
        assert!(separator.len() <= Self::LONGEST_SEPARATOR, "a separator has at most 8 bytes");
        Self { prefix, separator, suffix, in_arrays: false, in_base64: false }
    }

    /// The same with rows that are arrays; they need a schema.
    #[must_use]
    pub const fn in_arrays(self) -> Self {
        Self { in_arrays: true, ..self }
    }

    /// The same in Base64.
    #[must_use]
    pub const fn in_base64(self) -> Self {
        Self { in_base64: true, ..self }
    }

    /// What stands around the cells of a row.
    pub(super) fn brackets(&self) -> [u8; 2] {
        if self.in_arrays { *b"[]" } else { *b"{}" }
    }

    /// How many bytes of wrapped rows make a body of at most `bytes`.
    #[must_use]
    pub fn bytes_of_rows(&self, bytes: usize) -> usize {
        if self.in_base64 { bytes / 4 * 3 } else { bytes }
    }
}
