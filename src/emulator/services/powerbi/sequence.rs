//! Sequence numbers: which request that adds rows is the next one, and what becomes of one that came before.
//!
//! ```text
//!  number > last ──▶ add the rows, remember the number
//!  number ≤ last ──▶ refuse | say yes and add nothing | add them all the same      by the switch
//! ```

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::assumed::{Assumed, SequenceNumbers};
use super::refusal::Refusal;
use super::rules;
use crate::emulator::switch::Reception;

/// The header that carries a number (facts/powerbi 1.10).
const HEADER: &str = "x-powerbi-pushdata-sequencenumber";

/// The last number of a table's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Sequence(pub(super) Option<i64>);

impl Sequence {
    /// Whether the rows of a request are to be added; if so, its number is the last one from now on.
    pub(super) fn admits(&mut self, headers: &HeaderMap, assumed: &Assumed) -> Result<bool, Refusal> {
        if matches!(assumed.sequence_numbers, SequenceNumbers::Ignores | SequenceNumbers::Missing) {
            return Ok(true);
        }
        let Some(number) = read(headers)? else { return Ok(true) };
        let last = self.0.unwrap_or(0);
        if number <= last {
            if assumed.sequence_numbers == SequenceNumbers::Deduplicates {
                return Ok(false);
            }
            let message = format!("The sequence number {number} is not greater than the last one, {last}.");
            return Err(Refusal::new(&rules::OLD_SEQUENCE_NUMBER, message).of("rows"));
        }
        if number > last + 1 && assumed.sequence_gaps == Reception::Refused {
            let message = format!("The sequence number {number} does not follow the last one, {last}.");
            return Err(Refusal::new(&rules::SEQUENCE_GAP, message).of("rows"));
        }
        self.0 = Some(number);
        Ok(true)
    }

    /// The numbers as the operation lists them.
    pub(super) fn listed(self) -> Vec<Json> {
        self.0.into_iter().map(|last| json!({"clientId": 0, "sequenceNumber": last})).collect()
    }
}

/// The number that a request carries: whole, above zero, and one only.
fn read(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.parse() {
        Ok(number) if number > 0 && number < i64::MAX && values.next().is_none() => Ok(Some(number)),
        _ => {
            let message = format!("The sequence number '{text}' is not one whole number above zero.");
            Err(Refusal::new(&rules::BAD_SEQUENCE_NUMBER, message).of("rows"))
        }
    }
}
