//! What is known of rows after an operation that was to publish them has failed.

use super::operation::Setback;
use crate::error::{Error, Kind};

/// Why rows are not published, as far as that is known.
#[derive(Debug)]
pub struct Unpublished {
    /// What happened.
    pub error: Error,
    /// They may have been published all the same.
    pub in_doubt: bool,
}

impl From<Error> for Unpublished {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<Setback> for Unpublished {
    fn from(setback: Setback) -> Self {
        if setback.in_doubt { Self::doubt(setback.error) } else { setback.error.into() }
    }
}

impl Unpublished {
    /// Rows may have been published, for all that is known after `error`.
    pub(super) fn doubt(error: Error) -> Self {
        let message = format!("whether the rows were published is not known: {}", error.message);
        let doubt = Error::new(Kind::InDoubt, message).with_answer((*error.answer).clone());
        let hint = "look at the dataset; with policy=\"upsert\" or \"replace\" the same rows can be pushed again";
        Self { error: doubt.with_hint(hint).caused_by(error), in_doubt: true }
    }
}
