//! Creating a dataset: asked for once, waited for where it takes its time, looked for where the answer got lost.
//!
//! ```text
//!  POST ─┬─ 201 ─────────────────────▶ made
//!        ├─ 202 ──────── look, wait ─▶ made, or still being made when patience ends
//!        ├─ no answer ── look, wait ─▶ made, or not to be seen
//!        ├─ 408, 5xx ─── look, wait ─▶ an error that says whether it is there
//!        └─ a refusal ───────────────▶ an error
//! ```

use std::time::Duration;

use reqwest::Method;

use super::definition::dataset_json;
use super::lookup::only;
use super::read::{json, property};
use super::{Api, Created, DatasetInfo, IfExists};
use crate::error::{Error, Kind, Result, shown};
use crate::http::PATIENCE;
use crate::rate_limit::Quotas;
use crate::rows::schema::Dataset;

const CREATING: &str = "creating the dataset";
/// How long a dataset is looked for whose POST was not answered; lists were seen to lag behind by seconds.
const SEARCH: Duration = Duration::from_secs(15);
/// The wait between two looks; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A dataset that may come to be.
struct Expected<'a> {
    workspace: Option<&'a str>,
    name: &'a str,
    /// Its id, where the service has told it.
    id: Option<String>,
    /// What was there before, and is not it.
    known: &'a [DatasetInfo],
}

impl Api {
    /// `Datasets_PostDataset[InGroup]`: creates a dataset and answers what the service made of it. One of the same name
    /// is not looked for before.
    pub async fn create_dataset(&self, workspace: Option<&str>, dataset: &Dataset) -> Result<DatasetInfo> {
        self.create(workspace, dataset, &[]).await
    }

    /// Creates `dataset` with an eye to those of the same name: the service itself would make a second one. Who does so at
    /// once in this process waits for the other.
    pub async fn create_if(&self, workspace: Option<&str>, dataset: &Dataset, if_exists: IfExists) -> Result<Created> {
        let mut turn = self.creation_turn(workspace, &dataset.name).await;
        let known = self.datasets(workspace).await?;
        let there = match only(&known, "dataset", &dataset.name)? {
            Some(listed) => Some(listed.clone()),
            // Who wants to make one is not told of one that the service itself does not show.
            None if if_exists == IfExists::Reuse => self.just_made(workspace, &turn).await?,
            None => None,
        };
        if let Some(there) = &there
            && let Some(info) = self.take(workspace, dataset, there, if_exists).await?
        {
            return Ok(Created { info, made: false });
        }
        let created = self.create(workspace, dataset, &known).await;
        let info = created.map_err(|error| match &there {
            Some(old) => also(error, &format!("the old one ({}) has been deleted", shown(&old.id))),
            None => error,
        })?;
        *turn = Some((self.clock.now(), info.id.clone()));
        if if_exists == IfExists::Reuse {
            self.tell_of_others(workspace, &info, &known).await;
        }
        Ok(Created { info, made: true })
    }

    /// The dataset of that name that is `there`, where it is to be taken; `None` once it is gone.
    async fn take(
        &self,
        workspace: Option<&str>,
        dataset: &Dataset,
        there: &DatasetInfo,
        if_exists: IfExists,
    ) -> Result<Option<DatasetInfo>> {
        let (id, name) = (shown(&there.id), shown(&there.name));
        match if_exists {
            IfExists::Reuse if there.accepts_rows => {
                self.note_mode(dataset, &there.id);
                Ok(Some(there.clone()))
            }
            IfExists::Reuse => {
                let message = format!("the dataset `{name}` ({id}) does not accept rows: it is no push dataset");
                Err(Error::configuration(message).with_hint("choose another name"))
            }
            IfExists::Fail => {
                let message = format!("a dataset `{name}` exists already, with the id {id}");
                Err(Error::configuration(message)
                    .with_hint("if_exists=\"reuse\" takes it, if_exists=\"recreate\" deletes it first"))
            }
            IfExists::Recreate => self.delete_dataset(workspace, &there.id).await.map(|()| None),
        }
    }

    async fn create(&self, workspace: Option<&str>, dataset: &Dataset, known: &[DatasetInfo]) -> Result<DatasetInfo> {
        let info = self.ask_for(workspace, dataset, known).await?;
        let fifo = dataset.retention.as_deref().is_some_and(|policy| policy.eq_ignore_ascii_case("basicFIFO"));
        self.note_mode(dataset, &info.id);
        self.quota(&info.id, Quotas::NONE).made(dataset.tables.iter().map(|table| table.name.as_str()), fifo);
        Ok(info)
    }

    /// The service does not tell the mode of a dataset again.
    fn note_mode(&self, dataset: &Dataset, id: &str) {
        if dataset.mode.eq_ignore_ascii_case("Streaming") {
            self.quota(id, Quotas::NONE).stores_nothing();
        }
    }

    async fn ask_for(&self, workspace: Option<&str>, dataset: &Dataset, known: &[DatasetInfo]) -> Result<DatasetInfo> {
        let mut url = self.address(workspace).datasets()?;
        if let Some(policy) = &dataset.retention {
            url.query_pairs_mut().append_pair("defaultRetentionPolicy", policy);
        }
        let mut expected = Expected { workspace, name: &dataset.name, id: None, known };
        let answer = match self.attempt(Method::POST, url, Some(&dataset_json(dataset)), CREATING, None).await {
            Ok(answer) => answer,
            Err(setback) if setback.in_doubt => return self.search(&expected, setback.error).await,
            Err(setback) => return Err(setback.error),
        };
        let body = json(&answer);
        if answer.status == 202 {
            let id = body.as_ref().ok().and_then(|body| property(body, "id")?.as_str());
            expected.id = id.map(str::to_owned);
            return self.await_made(&expected, answer.retry_after).await;
        }
        match body.and_then(|body| DatasetInfo::read(&body)) {
            Ok(info) => Ok(made(info)),
            // It was made, and the answer broke off.
            Err(error) => self.search(&expected, error).await,
        }
    }

    /// Waits for a dataset that the service has said it will make (202).
    async fn await_made(&self, expected: &Expected<'_>, told: Option<Duration>) -> Result<DatasetInfo> {
        let name = shown(expected.name);
        let (which, how) = match &expected.id {
            Some(id) => (format!("`{name}`, id {}", shown(id)), format!("dataset(\"{}\")", shown(id))),
            None => (format!("`{name}`"), "datasets()".into()),
        };
        let found = self.look(expected, PATIENCE, told.unwrap_or(FIRST_WAIT)).await;
        let found = found.map_err(|error| also(error, &format!("the service had begun to make {which}")))?;
        if let Some(info) = found {
            return Ok(made(info));
        }
        let seconds = PATIENCE.as_secs();
        let message = format!("{CREATING}: after {seconds} s the service is still making {which}");
        Err(Error::new(Kind::Deadline, message)
            .with_hint(format!("do not create it again, or there may be two; it comes by itself, look with {how}")))
    }

    /// Says what became of a POST that was sent whole and then failed with `error`.
    async fn search(&self, expected: &Expected<'_>, error: Error) -> Result<DatasetInfo> {
        let name = shown(expected.name);
        let look_again = "look with datasets() before you create it again, or there may be two of that name; \
                          if_exists=\"reuse\" looks and takes what it finds";
        match self.look(expected, SEARCH, FIRST_WAIT).await {
            // An answer was lost, or broke off: that is all there was to it.
            Ok(Some(info)) if error.answer.status.is_none() => Ok(made(info)),
            Ok(Some(info)) => {
                let what = format!("a new dataset `{name}` is there all the same, with the id {}", shown(&info.id));
                let hint = "if_exists=\"reuse\" takes it as it is, if_exists=\"recreate\" makes it anew";
                Err(also(error, &what).with_hint(hint))
            }
            Ok(None) => Err(also(error, &format!("no new dataset `{name}` is to be seen")).with_hint(look_again)),
            Err(blind) => {
                let what = format!("whether there is a new dataset `{name}` could not be found out: {blind}");
                Err(also(error, &what).with_hint(look_again))
            }
        }
    }

    /// Another process may have made one of the same name at the same moment, which nothing prevents.
    async fn tell_of_others(&self, workspace: Option<&str>, ours: &DatasetInfo, known: &[DatasetInfo]) {
        let Ok(all) = self.datasets(workspace).await else { return };
        let is_other = |info: &&DatasetInfo| {
            info.name == ours.name && info.id != ours.id && known.iter().all(|old| old.id != info.id)
        };
        let others: Vec<_> = all.iter().filter(is_other).map(|info| shown(&info.id)).collect();
        if !others.is_empty() {
            let (name, id, others) = (shown(&ours.name), shown(&ours.id), others.join(", "));
            self.watch.said(format!(
                "besides the dataset `{name}` that was made just now ({id}) somebody else has made one of that name \
                 ({others}): delete one of them, since a name that two have finds neither"
            ));
        }
    }

    /// Looks for a dataset, again and again, until it is there or `patience` ends.
    async fn look(&self, expected: &Expected<'_>, patience: Duration, first: Duration) -> Result<Option<DatasetInfo>> {
        let (end, mut wait) = (self.clock.now() + patience, first);
        loop {
            if let Some(info) = self.look_once(expected).await? {
                return Ok(Some(info));
            }
            let next = self.clock.now() + wait.min(LONGEST_WAIT);
            if next > end {
                return Ok(None);
            }
            self.clock.sleep_until(next).await;
            wait = wait.saturating_mul(2);
        }
    }

    async fn look_once(&self, expected: &Expected<'_>) -> Result<Option<DatasetInfo>> {
        if let Some(id) = &expected.id {
            return match self.dataset(expected.workspace, id).await {
                Err(error) if error.kind == Kind::NotFound => Ok(None),
                answer => answer.map(Some),
            };
        }
        let mut new = self.datasets(expected.workspace).await?;
        new.retain(|info| info.accepts_rows && expected.known.iter().all(|old| old.id != info.id));
        only(&new, "new dataset", expected.name).map(Option::<&_>::cloned)
    }
}

/// What Post Dataset made takes rows, whether the answer says so or not.
fn made(info: DatasetInfo) -> DatasetInfo {
    DatasetInfo { accepts_rows: true, ..info }
}

/// The same failure, with something else that the caller must know.
fn also(mut error: Error, what: &str) -> Error {
    error.message = format!("{}; {what}", error.message);
    error
}
