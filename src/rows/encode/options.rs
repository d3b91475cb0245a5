//! How lenient the checks are.

use crate::rows::schema::ValueRules;

/// What to do with a date and time that has no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naive {
    /// Send it as it stands.
    #[default]
    Keep,
    /// Take it for UTC.
    Utc,
    /// Take it for this machine's zone and convert it.
    Local,
    /// Refuse it.
    Error,
}

/// How lenient the checks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct Options {
    /// Dates and times without a zone.
    pub naive_datetimes: Naive,
    /// Send dates and times that have a zone as their own clock shows them, instead of in UTC.
    pub wall: bool,
    /// Cut text that is too long instead of refusing it.
    pub truncate: bool,
    /// Refuse NaN instead of taking it for a missing value.
    pub refuse_nan: bool,
    /// Leave out columns that the schema lacks instead of refusing the row.
    pub ignore_unknown_columns: bool,
    /// Round what goes into a Decimal column to the places that it has.
    pub round_decimals: bool,
    /// Convert a value that means the column's type.
    pub convert: bool,
    /// Leave values out of everything that is said about them.
    pub hide_values: bool,
    /// What a value may be; a schema brings its own.
    pub values: ValueRules,
}
