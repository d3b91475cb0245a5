//! Rows: pushed by either door, and deleted.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;

use super::{Call, not_push, table};
use crate::emulator::assumed::{Reception, RetryAfter};
use crate::emulator::refusal::{Answer, Refusal};
use crate::emulator::row::{self, Frame, Row};
use crate::emulator::rules;
use crate::emulator::schema::Mode;
use crate::emulator::usage::Wait;

impl Call<'_> {
    /// Asks for the key instead of a token (facts/powerbi 6.1).
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
                let admitted = dataset.admit_request(self.request.pending, shared.clock.now(), &shared.assumed);
                admitted.map_err(|wait| self.over_quota(&wait))?;
            }
            (dataset.mode, columns)
        };
        let most_bytes = if mode == Mode::Streaming { rules::MAX_STREAMED_BODY } else { rules::MAX_BODY };
        self.check_body(most_bytes)?;
        let most = if shared.limits { rules::MAX_ROWS } else { usize::MAX };
        let rows = row::read(&self.request.body, frame, &columns, most)?;
        self.store(rows, id, name)
    }

    /// Adds rows that are in order, unless there are too many or they came before.
    fn store(&self, rows: Vec<Row>, id: &str, name: &str) -> Result<Answer, Refusal> {
        let (shared, count) = (self.shared, rows.len());
        let (now, counted) = (shared.clock.now(), count.try_into().unwrap_or(u64::MAX));
        let mut state = shared.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        let (mode, retention) = (dataset.mode, dataset.retention);
        if shared.limits {
            dataset.check_rows(counted, now, &shared.assumed).map_err(|wait| self.over_quota(&wait))?;
            if !table(dataset, name)?.has_room(count, retention, rules::MAX_TABLE_ROWS) {
                let message = format!("the table holds {} rows at most", rules::MAX_TABLE_ROWS);
                return Err(Refusal::new(&rules::TABLE_IS_FULL, message).of("rows"));
            }
        }
        let sequence = &mut table(dataset, name)?.sequence;
        if mode != Mode::Streaming && !sequence.admits(&self.request.parts.headers, &shared.assumed)? {
            return Ok(Answer::empty(StatusCode::OK));
        }
        if shared.limits && mode == Mode::PushStreaming && self.request.body_size > rules::MAX_STREAMED_BODY {
            dataset.tile_failures += 1;
        }
        dataset.usage.rows.charge(counted, now);
        table(dataset, name)?.append(rows, retention);
        Ok(Answer::empty(StatusCode::OK).storing(count))
    }

    /// Asks the client to come back, in the form that the switch says.
    pub(super) fn over_quota(&self, wait: &Wait) -> Refusal {
        let seconds = wait.time.as_secs() + u64::from(wait.time.subsec_nanos() > 0);
        let refusal = wait.refusal(seconds);
        match self.shared.assumed.retry_after {
            RetryAfter::Seconds => refusal.until(seconds.to_string()),
            RetryAfter::Date => refusal.until(date_from(self.shared.clock.wall() + wait.time)),
            RetryAfter::Absent => refusal,
        }
    }

    /// Deletes all rows; what a streaming dataset caches cannot be deleted (facts/powerbi 4.2).
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

/// The first whole second that is not before `time`, as HTTP writes it.
fn date_from(time: SystemTime) -> String {
    let second = Duration::from_secs(1);
    let part = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    httpdate::fmt_http_date(if part == 0 { time } else { time + second })
}
