//! Rows: pushed by either door, and deleted.

use std::sync::Arc;

use axum::http::StatusCode;

use super::{Call, not_push, table};
use crate::clock::Moment;
use crate::emulator::assumed::Reception;
use crate::emulator::refusal::{Answer, Refusal};
use crate::emulator::row::{self, Frame};
use crate::emulator::rules;
use crate::emulator::schema::Mode;
use crate::emulator::store::Dataset;

impl Call<'_> {
    /// Asks for the key instead of a token (facts 6).
    pub(super) fn post_to_push_url(&self, tenant: &str, id: &str) -> Result<Answer, Refusal> {
        let absent = || Refusal::new(&rules::NO_SUCH_PUSH_URL, "no such tenant, or no such dataset");
        if !tenant.eq_ignore_ascii_case(&self.shared.directory.tenant) {
            return Err(absent());
        }
        let key_opens = {
            let mut state = self.shared.lock();
            let dataset = self.dataset(&mut state, id).map_err(|_| absent())?;
            dataset.key.as_ref().is_some_and(|key| key.opens(self.query()))
        };
        if !self.shared.lock().settings.push_url_keys {
            return Err(Refusal::new(&rules::KEYS_ARE_BLOCKED, "the tenant blocks the keys of push URLs"));
        }
        if !key_opens {
            return Err(Refusal::new(&rules::WRONG_KEY, "the key of the push URL is missing or wrong"));
        }
        let frame = match self.shared.assumed.rows_object_on_push_url {
            Reception::Refused => Frame::Array,
            Reception::Accepted => Frame::ArrayOrObject,
        };
        self.post_rows(frame, id, rules::STREAMED_TABLE)
    }

    pub(super) fn post_rows(&self, frame: Frame, id: &str, name: &str) -> Result<Answer, Refusal> {
        let shared = self.shared;
        let (mode, columns) = {
            let mut state = shared.lock();
            let dataset = self.push_dataset(&mut state, id)?;
            let columns = Arc::clone(&table(dataset, name)?.columns);
            if shared.limits {
                check_rate(dataset, shared.clock.now())?;
            }
            (dataset.mode, columns)
        };
        let most_bytes = if mode == Mode::Streaming { rules::MAX_STREAMED_BODY } else { rules::MAX_BODY };
        self.check_body(most_bytes)?;
        let most = if shared.limits { rules::MAX_ROWS } else { usize::MAX };
        let rows = row::read(&self.request.body, frame, &columns, most)?;
        let count = rows.len();
        let mut state = shared.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        let retention = dataset.retention;
        if mode != Mode::Streaming
            && !table(dataset, name)?.sequence.admits(&self.request.parts.headers, &shared.assumed)?
        {
            return Ok(Answer::empty(StatusCode::OK));
        }
        if shared.limits && mode == Mode::PushStreaming && self.request.body_size > rules::MAX_STREAMED_BODY {
            dataset.tile_failures += 1;
        }
        table(dataset, name)?.append(rows, retention);
        Ok(Answer::empty(StatusCode::OK).storing(count))
    }

    /// Deletes all rows; what a streaming dataset caches cannot be deleted (facts 4).
    pub(super) fn delete_rows(&self, id: &str, name: &str) -> Result<Answer, Refusal> {
        let mut state = self.shared.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        if dataset.mode == Mode::Streaming {
            return Err(not_push(id));
        }
        table(dataset, name)?.clear(self.shared.assumed.sequence_after_delete);
        Ok(Answer::empty(StatusCode::OK))
    }
}

/// Holds a dataset that only streams to its rate (facts 4). Every request counts, but for those refused here.
fn check_rate(dataset: &mut Dataset, now: Moment) -> Result<(), Refusal> {
    let (most, span) = (rules::MAX_STREAMED_REQUESTS, rules::STREAMED_SPAN);
    if dataset.mode != Mode::Streaming || dataset.window.admits(now, most, span) {
        return Ok(());
    }
    let seconds = span.as_secs();
    let message = format!(
        "You have exceeded the amount of requests allowed in the current time frame and further requests will fail. \
         Retry in {seconds} seconds."
    );
    Err(Refusal::new(&rules::TOO_MANY_REQUESTS, message).until(seconds))
}
