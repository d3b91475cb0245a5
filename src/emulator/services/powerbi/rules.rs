//! What the service allows and how it refuses: every number and every refusal, each with its source.
//!
//! "facts" is the project's fact sheet on Power BI; "observed" means that the vendor's documents say so or that an
//! answer was seen, "assumed" that only the rule is documented and not the way of refusing.

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

/// How the body of a refusal is laid out (facts 1.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `{"error":{"code","message"}}` (facts 1.11 a).
    Error,
    /// `{"error":{"code","message","details":[{"message","target"}]}}` (facts 1.11 b).
    Details,
    /// `{"error":{"code","pbi.error":{...}}}` (facts 1.11 d).
    Nested,
    /// `{"message"}` without an envelope (facts 1.11 e).
    Message,
    /// `{"Message"}` with a capital (facts 1.11 f).
    CapitalMessage,
    /// The message as plain text (facts 1.11 g).
    Text,
    /// Nothing (facts 1.11 g).
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
pub(super) static TOKEN_EXPIRED: Rule = observed(403, "TokenExpired", Layout::Error, "facts 1.11 a");
pub(super) static TOKEN_MISSING: Rule = assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts 5, 401");
pub(super) static TOKEN_UNKNOWN: Rule = assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts 5, 401");
pub(super) static TOKEN_MALFORMED: Rule = assumed(403, "", Layout::Empty, "facts 5, 403; body facts 1.11 g");
pub(super) static NO_APP_200: Rule = observed(200, "", Layout::Message, "facts 1.11, the last line");
pub(super) static NO_APP_401: Rule = observed(401, "", Layout::CapitalMessage, "facts 1.11 f");
pub(super) static NO_APP_403: Rule = observed(403, "", Layout::CapitalMessage, "facts 1.11 f and 5, 403");
pub(super) static NO_MEMBER_401: Rule = assumed(401, "PowerBINotAuthorizedException", Layout::Nested, "facts 5, 401");
pub(super) static NO_MEMBER_403: Rule = assumed(403, "", Layout::Empty, "facts 5, 403; body facts 1.11 g");
pub(super) static ONLY_A_VIEWER: Rule = assumed(403, "", Layout::Empty, "facts 5, 403; body facts 1.11 g");
pub(super) static KEYS_ARE_BLOCKED: Rule = assumed(403, "", Layout::Empty, "facts 6, the tenant switch");
pub(super) static BAD_FILTER: Rule = assumed(400, "BadRequest", Layout::Details, "facts 1.7");
pub(super) static NO_SUCH_OPERATION: Rule = assumed(404, "", Layout::Empty, "facts 1.11 g");
pub(super) static NO_SUCH_WORKSPACE: Rule = assumed(404, "PowerBIEntityNotFound", Layout::Nested, "facts 5, 404");
pub(super) static NO_SUCH_DATASET: Rule = observed(404, "PowerBIEntityNotFound", Layout::Nested, "facts 5, 404");
pub(super) static NOT_A_PUSH_DATASET: Rule = observed(404, "ItemNotFound", Layout::Error, "facts 1.3");
pub(super) static NO_SUCH_TABLE: Rule = observed(404, "ItemNotFound", Layout::Error, "facts 1.4");
pub(super) static NO_SUCH_COLUMN: Rule = assumed(404, "ItemNotFound", Layout::Error, "facts 5, 404 on a push URL");
pub(super) static UNKNOWN_PROPERTY: Rule = observed(400, "BadRequest", Layout::Details, "facts 1.11 b");
pub(super) static STREAMING_COLUMN: Rule = observed(400, "InvalidRequest", Layout::Error, "facts 2");
pub(super) static BAD_SCHEMA: Rule = assumed(400, "BadRequest", Layout::Details, "facts 2");
pub(super) static BAD_QUERY: Rule = assumed(400, "BadRequest", Layout::Details, "facts 1.1, 1.7");
pub(super) static NOT_JSON: Rule = assumed(400, "BadRequest", Layout::Details, "facts 5, 400");
pub(super) static BAD_ROWS: Rule = assumed(400, "BadRequest", Layout::Details, "facts 5, 400");
pub(super) static BAD_VALUE: Rule = assumed(400, "BadRequest", Layout::Details, "facts 3");
pub(super) static TOO_MANY_ROWS: Rule = assumed(400, "BadRequest", Layout::Details, "facts 4 and 10.3");
pub(super) static BAD_SEQUENCE_NUMBER: Rule = assumed(400, "BadRequest", Layout::Details, "facts 1.10");
pub(super) static OLD_SEQUENCE_NUMBER: Rule = assumed(400, "BadRequest", Layout::Details, "facts 1.10 and 10.1");
pub(super) static SEQUENCE_GAP: Rule = assumed(400, "BadRequest", Layout::Details, "facts 1.10 and 10.1");
pub(super) static WRONG_CONTENT_TYPE: Rule = assumed(415, "UnsupportedMediaType", Layout::Error, "facts 1");
pub(super) static WRONG_CONTENT_CODING: Rule = assumed(415, "UnsupportedMediaType", Layout::Error, "facts 10.6");
pub(super) static BODY_TOO_LARGE: Rule = assumed(413, "", Layout::Empty, "facts 5, 413");
pub(super) static NO_SUCH_PUSH_URL: Rule = assumed(404, "PowerBIEntityNotFound", Layout::Nested, "facts 5, 404");
pub(super) static WRONG_KEY: Rule = assumed(403, "", Layout::Empty, "facts 6, 403");
pub(super) static NO_SUCH_FIELD: Rule = observed(404, "ItemNotFound", Layout::Error, "facts 5, 404 on a push URL");
pub(super) static NOT_AN_ARRAY: Rule = observed(400, "BadRequest", Layout::Details, "facts 5, 400 on a push URL");
pub(super) static ROWS_OBJECT: Rule = assumed(400, "BadRequest", Layout::Details, "facts 10.9");
pub(super) static TOO_MANY_REQUESTS: Rule = assumed(429, "", Layout::Message, "facts 4; 5, 429");
pub(super) static TOO_MANY_PENDING: Rule = assumed(429, "", Layout::Message, "facts 4 and 10.7");
pub(super) static TOO_MANY_ROWS_AN_HOUR: Rule = observed(429, "", Layout::Message, "facts 5, 429");
pub(super) static TABLE_IS_FULL: Rule = assumed(400, "BadRequest", Layout::Details, "facts 4");

pub(super) static QUERIES_ARE_OFF: Rule = assumed(403, "", Layout::Empty, "facts 11, the tenant setting");
pub(super) static BAD_QUERIES: Rule = assumed(400, "BadRequest", Layout::Details, "facts 11");
pub(super) static BAD_QUERY_OF_DAX: Rule = assumed(400, "DatasetExecuteQueriesError", Layout::Error, "facts 11");
pub(super) static NO_STORE: Rule = assumed(400, "DatasetExecuteQueriesError", Layout::Error, "facts 11, the last line");

// What a fault answers, by status.
pub(super) static FAULT_400: Rule = observed(400, "InvalidRequest", Layout::Error, "facts 2");
pub(super) static FAULT_403: Rule = observed(403, "", Layout::CapitalMessage, "facts 1.11 f");
pub(super) static FAULT_429: Rule = observed(429, "", Layout::Message, "facts 1.11 e");
pub(super) static FAULT_500: Rule = observed(500, "", Layout::Text, "facts 1.11 g");

/// Largest body of a request in bytes (facts 4: "16 MB/request"; the decimal reading is the narrower one).
pub(super) const MAX_BODY: usize = 16_000_000;
/// Rows in one request (facts 4).
pub(super) const MAX_ROWS: usize = 10_000;
/// Largest body for a dataset that only streams; a dataset that also stores takes larger ones, but its live tiles fail
/// (facts 4: "15 KB/request", decimal again).
pub(super) const MAX_STREAMED_BODY: usize = 15_000;
/// Requests to a dataset that only streams (facts 4: "5 requests"; a second is the usual reading of the unit of time,
/// which the documents leave out).
pub(super) const STREAMED_REQUESTS: Quota = Quota { most: 5, span: Duration::from_secs(1) };
/// Requests that add rows to a dataset (facts 4).
pub(super) const REQUESTS_A_MINUTE: Quota = Quota { most: 120, span: Duration::from_secs(60) };
/// The same once a table of it holds `LARGE_TABLE` rows (facts 4).
pub(super) const REQUESTS_AN_HOUR: Quota = Quota { most: 120, span: Duration::from_secs(3_600) };
/// Queries of one user, whatever the dataset (facts 11).
pub(super) const QUERIES_A_MINUTE: Quota = Quota { most: 120, span: Duration::from_secs(60) };
/// Rows from which on a table slows down its dataset (facts 4); one with `basicFIFO` never holds so many.
pub(super) const LARGE_TABLE: usize = 250_000;
/// Rows that are added to a dataset (facts 4).
pub(super) const ROWS_AN_HOUR: Quota = Quota { most: 1_000_000, span: Duration::from_secs(3_600) };
/// The same for a dataset of a user with a free licence (facts 4, an old document).
pub(super) const FREE_ROWS_AN_HOUR: Quota = Quota { most: 10_000, span: Duration::from_secs(3_600) };
/// Requests that add rows to a dataset and are not answered yet (facts 4).
pub(super) const MAX_PENDING: usize = 5;
/// Rows of a table without a retention policy (facts 4).
pub(super) const MAX_TABLE_ROWS: usize = 5_000_000;
/// The one table of a streaming dataset (facts 2).
pub(super) const STREAMED_TABLE: &str = "RealTimeData";
/// Tables of a dataset (facts 4).
pub(super) const MAX_TABLES: usize = 75;
/// Columns of a table (facts 4; "of a table" is inferred).
pub(super) const MAX_COLUMNS: usize = 75;
/// Relationships of a dataset (facts 4).
pub(super) const MAX_RELATIONSHIPS: usize = 75;
/// Length of a table's or relationship's name (facts 2; in UTF-16 units, as .NET counts: assumed).
pub(super) const MAX_NAME: usize = 100;
/// Length of a string value in UTF-16 units (facts 3; the unit is assumed).
pub(super) const MAX_TEXT: usize = 4_000;
/// Significant digits of a Decimal (facts 3).
pub(super) const DECIMAL_PRECISION: usize = 28;
/// Digits of a Decimal after the point (facts 3).
pub(super) const DECIMAL_SCALE: usize = 4;
/// A `basicFIFO` table holds at most this many rows (facts 1.1) ...
pub(super) const FIFO_MOST: usize = 210_000;
/// ... and is then cut to the newest of them (facts 1.1, 4).
pub(super) const FIFO_KEEPS: usize = 200_000;

/// Where the vendor says that streaming ends (facts 7).
pub(super) const RETIREMENT_LINK: &str =
    "https://powerbi.microsoft.com/blog/announcing-the-retirement-of-real-time-streaming-in-power-bi";

/// How a column may be summarised (facts 2).
pub(super) const SUMMARIES: [&str; 8] = ["default", "none", "sum", "min", "max", "count", "average", "distinctCount"];
/// How a relationship filters (facts 2).
pub(super) const CROSS_FILTERS: [&str; 3] = ["OneDirection", "BothDirections", "Automatic"];
/// What the query `defaultRetentionPolicy` may say (facts 1.1); the first is meant when it is missing.
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

/// Whether a table or a relationship may carry this letter (facts 2, the intended set of the pattern).
pub(super) fn is_table_letter(letter: char) -> bool {
    matches!(letter,
        '\t' | '\n' | '\r' | ' ' | '#' | '-' | '0'..='9' | '@'..='Z' | '^'..='_' | 'a'..='z' | '~'..='\u{FFFD}'
        | '\u{10000}'..)
}

/// Whether a column or a measure may carry this letter (facts 2).
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
