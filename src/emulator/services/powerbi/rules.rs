//! What the service allows and how it refuses: every number and every refusal, each with its source.
//!
//! A source such as `facts/powerbi 1.4` is that section of `docs/facts/powerbi.md`; "observed" means that the vendor's
//! documents say so or that an answer was seen, "assumed" that only the rule is documented and not the way of refusing.

use std::time::Duration;

use super::window::Quota;

/// Whether the real service was seen to do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Stated by the vendor or seen in an answer; where.
    Observed(&'static str),
    /// Our reading; of what.
    Assumed(&'static str),
}

/// How the body of a refusal is laid out (facts/powerbi 1.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `{"error":{"code","message"}}` (facts/powerbi 1.11a).
    Error,
    /// `{"error":{"code","message","details":[{"message","target"}]}}` (facts/powerbi 1.11b).
    Details,
    /// `{"error":{"code","pbi.error":{...}}}` (facts/powerbi 1.11d).
    Nested,
    /// `{"message"}` without an envelope (facts/powerbi 1.11e).
    Message,
    /// `{"Message"}` with a capital (facts/powerbi 1.11f).
    CapitalMessage,
    /// The message as plain text (facts/powerbi 1.11g).
    Text,
    /// Nothing (facts/powerbi 1.11g).
    Empty,
}

/// One way of refusing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) layout: Layout,
    pub(super) basis: Basis,
}

const fn observed(status: u16, code: &'static str, layout: Layout, source: &'static str) -> Rule {
    Rule { status, code, layout, basis: Basis::Observed(source) }
}

const fn assumed(status: u16, code: &'static str, layout: Layout, source: &'static str) -> Rule {
    Rule { status, code, layout, basis: Basis::Assumed(source) }
}

// The service's own refusals.
pub(super) static TOKEN_EXPIRED: Rule = observed(403, "TokenExpired", Layout::Error, "facts/powerbi 1.11a");
pub(super) static TOKEN_MISSING: Rule =
    assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts/powerbi 5.401");
pub(super) static TOKEN_UNKNOWN: Rule =
    assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts/powerbi 5.401");
pub(super) static TOKEN_MALFORMED: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 5.403, 1.11g");
pub(super) static NO_APP_200: Rule = observed(200, "", Layout::Message, "facts/powerbi 1.11h");
pub(super) static NO_APP_401: Rule = observed(401, "", Layout::CapitalMessage, "facts/powerbi 1.11f");
pub(super) static NO_APP_403: Rule = observed(403, "", Layout::CapitalMessage, "facts/powerbi 1.11f, 5.403");
pub(super) static NO_MEMBER_401: Rule =
    assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts/powerbi 5.401");
pub(super) static NO_MEMBER_403: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 5.403, 1.11g");
pub(super) static ONLY_A_VIEWER: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 5.403, 1.11g");
pub(super) static KEYS_ARE_BLOCKED: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 6.4");
pub(super) static BAD_FILTER: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 1.7");
pub(super) static NO_SUCH_OPERATION: Rule = assumed(404, "", Layout::Empty, "facts/powerbi 1.11g");
pub(super) static NO_SUCH_WORKSPACE: Rule =
    assumed(404, "PowerBIEntityNotFound", Layout::Nested, "facts/powerbi 5.404");
pub(super) static NO_SUCH_DATASET: Rule = observed(404, "PowerBIEntityNotFound", Layout::Nested, "facts/powerbi 5.404");
pub(super) static NOT_A_PUSH_DATASET: Rule = observed(404, "ItemNotFound", Layout::Error, "facts/powerbi 1.3");
pub(super) static NO_SUCH_TABLE: Rule = observed(404, "ItemNotFound", Layout::Error, "facts/powerbi 1.4");
pub(super) static NO_SUCH_COLUMN: Rule =
    assumed(404, "ItemNotFound", Layout::Error, "facts/powerbi 5.404 on a push URL");
pub(super) static UNKNOWN_PROPERTY: Rule = observed(400, "BadRequest", Layout::Details, "facts/powerbi 1.11b");
pub(super) static STREAMING_COLUMN: Rule = observed(400, "InvalidRequest", Layout::Error, "facts/powerbi 2.3");
pub(super) static BAD_SCHEMA: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 2");
pub(super) static BAD_QUERY: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 1.1, 1.7");
pub(super) static NOT_JSON: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 5.400");
pub(super) static BAD_ROWS: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 5.400");
pub(super) static BAD_VALUE: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 3");
pub(super) static TOO_MANY_ROWS: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 4.1, 10.3");
pub(super) static BAD_SEQUENCE_NUMBER: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 1.10");
pub(super) static OLD_SEQUENCE_NUMBER: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 1.10, 10.1");
pub(super) static SEQUENCE_GAP: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 1.10, 10.1");
pub(super) static WRONG_CONTENT_TYPE: Rule = assumed(415, "UnsupportedMediaType", Layout::Error, "facts/powerbi 1");
pub(super) static WRONG_CONTENT_CODING: Rule =
    assumed(415, "UnsupportedMediaType", Layout::Error, "facts/powerbi 10.6");
pub(super) static BODY_TOO_LARGE: Rule = assumed(413, "", Layout::Empty, "facts/powerbi 5.413");
pub(super) static NO_SUCH_PUSH_URL: Rule = assumed(404, "PowerBIEntityNotFound", Layout::Nested, "facts/powerbi 5.404");
pub(super) static WRONG_KEY: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 6.3");
pub(super) static NO_SUCH_FIELD: Rule =
    observed(404, "ItemNotFound", Layout::Error, "facts/powerbi 5.404 on a push URL");
pub(super) static NOT_AN_ARRAY: Rule =
    observed(400, "BadRequest", Layout::Details, "facts/powerbi 5.400 on a push URL");
pub(super) static ROWS_OBJECT: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 10.9");
pub(super) static TOO_MANY_REQUESTS: Rule = assumed(429, "", Layout::Message, "facts/powerbi 4.1, 4.2, 5.429");
pub(super) static TOO_MANY_PENDING: Rule = assumed(429, "", Layout::Message, "facts/powerbi 4.1, 10.7");
pub(super) static TOO_MANY_ROWS_AN_HOUR: Rule = observed(429, "", Layout::Message, "facts/powerbi 5.429");
pub(super) static TABLE_IS_FULL: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 4.1");

pub(super) static QUERIES_ARE_OFF: Rule = assumed(403, "", Layout::Empty, "facts/powerbi 11.4");
pub(super) static BAD_QUERIES: Rule = assumed(400, "BadRequest", Layout::Details, "facts/powerbi 11.1");
pub(super) static BAD_QUERY_OF_DAX: Rule =
    assumed(400, "DatasetExecuteQueriesError", Layout::Error, "facts/powerbi 11.3");
pub(super) static NO_STORE: Rule = assumed(400, "DatasetExecuteQueriesError", Layout::Error, "facts/powerbi 11.5");

// What a fault answers, by status.
pub(super) static FAULT_400: Rule = observed(400, "InvalidRequest", Layout::Error, "facts/powerbi 2.3");
pub(super) static FAULT_403: Rule = observed(403, "", Layout::CapitalMessage, "facts/powerbi 1.11f");
pub(super) static FAULT_429: Rule = observed(429, "", Layout::Message, "facts/powerbi 1.11e");
pub(super) static FAULT_500: Rule = observed(500, "", Layout::Text, "facts/powerbi 1.11g");

/// Largest body of a request in bytes (facts/powerbi 4.1: "16 MB/request"; the decimal reading is the narrower one).
pub(super) const MAX_BODY: usize = 16_000_000;
/// Rows in one request (facts/powerbi 4.1).
pub(super) const MAX_ROWS: usize = 10_000;
/// Largest body for a dataset that only streams; a dataset that also stores takes larger ones, but its live tiles fail
/// (facts/powerbi 4.2: "15 KB/request", decimal again).
pub(super) const MAX_STREAMED_BODY: usize = 15_000;
/// Requests to a dataset that only streams (facts/powerbi 4.2: "5 requests"; a second is the usual reading of the unit
/// of time, which the documents leave out).
pub(super) const STREAMED_REQUESTS: Quota = Quota { most: 5, span: Duration::from_secs(1) };
/// Requests that add rows to a dataset (facts/powerbi 4.1).
pub(super) const REQUESTS_A_MINUTE: Quota = Quota { most: 120, span: Duration::from_secs(60) };
/// The same once a table of it holds `LARGE_TABLE` rows (facts/powerbi 4.1).
pub(super) const REQUESTS_AN_HOUR: Quota = Quota { most: 120, span: Duration::from_secs(3_600) };
/// Queries of one user, whatever the dataset (facts/powerbi 11.3).
pub(super) const QUERIES_A_MINUTE: Quota = Quota { most: 120, span: Duration::from_secs(60) };
/// Rows from which on a table slows down its dataset (facts/powerbi 4.1); one with `basicFIFO` never holds so many.
pub(super) const LARGE_TABLE: usize = 250_000;
/// Rows that are added to a dataset (facts/powerbi 4.1).
pub(super) const ROWS_AN_HOUR: Quota = Quota { most: 1_000_000, span: Duration::from_secs(3_600) };
/// The same for a dataset of a user with a free licence (facts/powerbi 4.3, an old document).
pub(super) const FREE_ROWS_AN_HOUR: Quota = Quota { most: 10_000, span: Duration::from_secs(3_600) };
/// Requests that add rows to a dataset and are not answered yet (facts/powerbi 4.1).
pub(super) const MAX_PENDING: usize = 5;
/// Rows of a table without a retention policy (facts/powerbi 4.1).
pub(super) const MAX_TABLE_ROWS: usize = 5_000_000;
/// The one table of a streaming dataset (facts/powerbi 2.3).
pub(super) const STREAMED_TABLE: &str = "RealTimeData";
/// Tables of a dataset (facts/powerbi 4.1).
pub(super) const MAX_TABLES: usize = 75;
/// Columns of a table (facts/powerbi 4.1; "of a table" is inferred).
pub(super) const MAX_COLUMNS: usize = 75;
/// Relationships of a dataset (facts/powerbi 4.1).
pub(super) const MAX_RELATIONSHIPS: usize = 75;
/// Length of a table's or relationship's name (facts/powerbi 2.5; in UTF-16 units, as .NET counts: assumed).
pub(super) const MAX_NAME: usize = 100;
/// Length of a string value in UTF-16 units (facts/powerbi 3.1; the unit is assumed).
pub(super) const MAX_TEXT: usize = 4_000;
/// Significant digits of a Decimal (facts/powerbi 3.1).
pub(super) const DECIMAL_PRECISION: usize = 28;
/// Digits of a Decimal after the point (facts/powerbi 3.1).
pub(super) const DECIMAL_SCALE: usize = 4;
/// A `basicFIFO` table holds at most this many rows (facts/powerbi 1.1) ...
pub(super) const FIFO_MOST: usize = 210_000;
/// ... and is then cut to the newest of them (facts/powerbi 1.1, 4.1).
pub(super) const FIFO_KEEPS: usize = 200_000;

/// Where the vendor says that streaming ends (facts/powerbi 7).
pub(super) const RETIREMENT_LINK: &str =
    "https://powerbi.microsoft.com/blog/announcing-the-retirement-of-real-time-streaming-in-power-bi";

/// How a column may be summarised (facts/powerbi 2.2).
pub(super) const SUMMARIES: [&str; 8] = ["default", "none", "sum", "min", "max", "count", "average", "distinctCount"];
/// How a relationship filters (facts/powerbi 2.2).
pub(super) const CROSS_FILTERS: [&str; 3] = ["OneDirection", "BothDirections", "Automatic"];
/// What the query `defaultRetentionPolicy` may say (facts/powerbi 1.1); the first is meant when it is missing.
pub(super) const RETENTION_POLICIES: [&str; 2] = ["None", "basicFIFO"];

/// The properties of a dataset whose names differ between the examples and the definitions of the description.
const DEFINED_NAMES: [(&str, &str); 6] = [
    ("createdDate", "CreatedDate"),
    ("isEffectiveIdentityRequired", "IsEffectiveIdentityRequired"),
    ("isEffectiveIdentityRolesRequired", "IsEffectiveIdentityRolesRequired"),
    ("isInPlaceSharingEnabled", "IsInPlaceSharingEnabled"),
    ("isOnPremGatewayRequired", "IsOnPremGatewayRequired"),
    ("isRefreshable", "IsRefreshable"),
];

/// How the definitions of the description spell what its examples call `name`.
pub(super) fn defined_name(name: &str) -> &str {
    DEFINED_NAMES.iter().find(|(example, _)| *example == name).map_or(name, |(_, defined)| defined)
}

/// Whether a table or a relationship may carry this letter (facts/powerbi 2.5, the intended set of the pattern).
pub(super) fn is_table_letter(letter: char) -> bool {
    matches!(letter,
        '\t' | '\n' | '\r' | ' ' | '#' | '-' | '0'..='9' | '@'..='Z' | '^'..='_' | 'a'..='z' | '~'..='\u{FFFD}'
        | '\u{10000}'..)
}

/// Whether a column or a measure may carry this letter (facts/powerbi 2.5).
pub(super) fn is_column_letter(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_refuses_exactly_the_documented_signs() {
        let refused: String = (' '..='~').filter(|letter| !is_table_letter(*letter)).collect();
        assert_eq!(refused, "!\"$%&'()*+,./:;<=>?[\\]`{|}");
    }

    #[test]
    fn a_column_name_takes_every_printable_sign() {
        assert!((' '..='~').all(is_column_letter));
        assert!(!is_column_letter('\0'));
    }
}
