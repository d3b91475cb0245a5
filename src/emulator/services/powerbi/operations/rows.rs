//! Rows: pushed by either door, and deleted.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;

use super::{Call, not_push, table};
use crate::emulator::http::{Answer, Change};
use crate::emulator::row::Row;
use crate::emulator::services::powerbi::assumed::RetryAfter;
use crate::emulator::services::powerbi::columns::Columns;
use crate::emulator::services::powerbi::learning;
use crate::emulator::services::powerbi::reading::{self, Frame};
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::schema::Mode;
use crate::emulator::services::powerbi::usage::Wait;
use crate::emulator::switch::Reception;

impl Call<'_> {
    /// Asks for the key instead of a token (facts/powerbi 6.1).
    pub(super) fn post_to_push_url(&self, tenant: &str, id: &str) -> Result<Answer, Refusal> {
        let absent = || Refusal::new(&rules::NO_SUCH_PUSH_URL, "no such tenant, or no such dataset");
        if !tenant.eq_ignore_ascii_case(&self.service.identity.directory.tenant) {
            return Err(absent());
        }
        let key_opens = {
            let mut state = self.service.lock();
            let dataset = self.dataset(&mut state, id).map_err(|_| absent())?;
            dataset.key.as_ref().is_some_and(|key| key.opens(self.query()))
        };
        if !self.service.lock().settings.push_url_keys {
            return Err(Refusal::new(&rules::KEYS_ARE_BLOCKED, "the tenant blocks the keys of push URLs"));
        }
        if !key_opens {
            return Err(Refusal::new(&rules::WRONG_KEY, "the key of the push URL is missing or wrong"));
        }
        let frame = match self.service.assumed.rows_object_on_push_url {
            Reception::Refused => Frame::Array,
            Reception::Accepted => Frame::ArrayOrObject,
        };
        self.post_rows(frame, id, rules::STREAMED_TABLE)
    }

    pub(super) fn post_rows(&self, frame: Frame, id: &str, name: &str) -> Result<Answer, Refusal> {
        let service = self.service;
        let (mode, is_open, columns) = {
            let mut state = service.lock();
            let dataset = self.push_dataset(&mut state, id)?;
            let columns = Arc::clone(&table(dataset, name)?.columns);
            if service.limits {
                let admitted = dataset.admit_request(self.request.pending, service.site.now(), &service.assumed);
                admitted.map_err(|wait| self.over_quota(&wait))?;
            }
            (dataset.mode, dataset.is_open, columns)
        };
        let most_bytes = if mode == Mode::Streaming { rules::MAX_STREAMED_BODY } else { rules::MAX_BODY };
        self.check_body(most_bytes)?;
        let most = if service.limits { rules::MAX_ROWS } else { usize::MAX };
        let columns = if is_open { self.learn(id, name, columns)? } else { columns };
        let rows = reading::read(&self.request.body, frame, &columns, most)?;
        self.store(rows, id, name)
    }

    /// Gives a table that takes any columns those that the rows add.
    fn learn(&self, id: &str, name: &str, columns: Arc<Columns>) -> Result<Arc<Columns>, Refusal> {
        let Some(more) = learning::learned(&self.request.body, &columns).map(Arc::new) else { return Ok(columns) };
        let mut state = self.service.lock();
        table(self.push_dataset(&mut state, id)?, name)?.columns = Arc::clone(&more);
        self.service.site.changed(Change::Datasets);
        Ok(more)
    }

    /// Adds rows that are in order, unless there are too many or they came before.
    fn store(&self, rows: Vec<Row>, id: &str, name: &str) -> Result<Answer, Refusal> {
        let (service, count) = (self.service, rows.len());
        let (now, counted) = (service.site.now(), count.try_into().unwrap_or(u64::MAX));
        let mut state = service.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        let (mode, retention) = (dataset.mode, dataset.retention);
        if service.limits {
            dataset.check_rows(counted, now, &service.assumed).map_err(|wait| self.over_quota(&wait))?;
            if !table(dataset, name)?.has_room(count, retention, rules::MAX_TABLE_ROWS) {
                let message = format!("the table holds {} rows at most", rules::MAX_TABLE_ROWS);
                return Err(Refusal::new(&rules::TABLE_IS_FULL, message).of("rows"));
            }
        }
        let sequence = &mut table(dataset, name)?.sequence;
        if mode != Mode::Streaming && !sequence.admits(&self.request.parts.headers, &service.assumed)? {
            return Ok(Answer::empty(StatusCode::OK));
        }
        if service.limits && mode == Mode::PushStreaming && self.request.body_size > rules::MAX_STREAMED_BODY {
            dataset.tile_failures += 1;
        }
        dataset.usage.rows.charge(counted, now);
        table(dataset, name)?.append(rows, retention, now);
        self.rows_changed(&dataset.id, name);
        Ok(Answer::empty(StatusCode::OK).storing(count))
    }

    /// Asks the client to come back, in the form that the switch says.
    pub(super) fn over_quota(&self, wait: &Wait) -> Refusal {
        let seconds = wait.time.as_secs() + u64::from(wait.time.subsec_nanos() > 0);
        let refusal = wait.refusal(seconds);
        match self.service.assumed.retry_after {
            RetryAfter::Seconds => refusal.until(seconds.to_string()),
            RetryAfter::Date => refusal.until(date_from(self.service.site.wall() + wait.time)),
            RetryAfter::Absent => refusal,
        }
    }

    /// Deletes all rows; what a streaming dataset caches cannot be deleted (facts/powerbi 4.2).
    pub(super) fn delete_rows(&self, id: &str, name: &str) -> Result<Answer, Refusal> {
        let mut state = self.service.lock();
        let dataset = self.push_dataset(&mut state, id)?;
        if dataset.mode == Mode::Streaming {
            return Err(not_push(id));
        }
        table(dataset, name)?.clear(self.service.assumed.sequence_after_delete);
        self.rows_changed(&dataset.id, name);
        Ok(Answer::empty(StatusCode::OK))
    }
}

/// The first whole second that is not before `time`, as HTTP writes it.
fn date_from(time: SystemTime) -> String {
    let second = Duration::from_secs(1);
    let part = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    httpdate::fmt_http_date(if part == 0 { time } else { time + second })
}
