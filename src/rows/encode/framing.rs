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

/// `{"rows":[{...},{...}]}`: the body of POST rows. Source: the service's swagger, `PostRowsRequest`.
pub static PUSH_ROWS: Framing = Framing { prefix: b"{\"rows\":[", separator: b",", suffix: b"]}" };

/// `[{...},{...}]`: the body of a push URL. Source: "Real-time streaming in Power BI": "wrap your JSON objects in an array".
pub static PUSH_ARRAY: Framing = Framing { prefix: b"[", separator: b",", suffix: b"]" };
