//! Datasets: created, listed, looked up, deleted.

use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};

use super::{Call, parameters, wrong_parameter};
use crate::emulator::http::{Answer, Change};
use crate::emulator::identity::USER_NAME;
use crate::emulator::services::powerbi::assumed::Creation;
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::schema::{self, Mode};
use crate::emulator::services::powerbi::store::{Appearing, Dataset};

impl Call<'_> {
    /// Makes a dataset, at once or after a while (facts/powerbi 1.1).
    pub(super) fn create(&self) -> Result<Answer, Refusal> {
        self.check_body(rules::MAX_BODY)?;
        let retention = retention(self.query())?;
        let schema = schema::read(&self.request.body, self.service.limits)?;
        let (assumed, site) = (&self.service.assumed, &self.service.site);
        let mut state = self.service.lock();
        let dataset = self.workspace(&mut state)?.create(schema, retention, site.wall());
        let status = match assumed.creation {
            Creation::Created => StatusCode::CREATED,
            Creation::Accepted => {
                let at = site.now() + assumed.accepted_seconds;
                dataset.appearing = Some(Appearing { gets: assumed.accepted_gets, at });
                StatusCode::ACCEPTED
            }
        };
        let body = json!({"id": dataset.id, "name": dataset.name, "defaultRetentionPolicy": retention});
        self.service.site.changed(Change::Datasets);
        Ok(Answer::json(status, &body))
    }

    pub(super) fn datasets(&self) -> Result<Answer, Refusal> {
        let now = self.service.site.now();
        let mut state = self.service.lock();
        let datasets = self.workspace(&mut state)?.datasets.iter_mut();
        let found = datasets.filter_map(|dataset| dataset.is_found(now).then(|| self.described(dataset)));
        Ok(self.listing(&self.context("datasets"), found.collect()))
    }

    pub(super) fn one_dataset(&self, id: &str) -> Result<Answer, Refusal> {
        let now = self.service.site.now();
        let mut state = self.service.lock();
        let is_found = self.workspace(&mut state)?.dataset(id).is_some_and(|dataset| dataset.is_found(now));
        if !is_found {
            return Err(super::no_dataset());
        }
        let dataset = self.dataset(&mut state, id)?;
        Ok(self.entity(&self.context("datasets/$entity"), self.described(dataset)))
    }

    pub(super) fn delete(&self, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.service.lock();
        self.dataset(&mut state, id)?;
        self.workspace(&mut state)?.datasets.retain(|dataset| !dataset.id.eq_ignore_ascii_case(id));
        self.service.site.changed(Change::Datasets);
        Ok(Answer::empty(StatusCode::OK))
    }

    fn described(&self, dataset: &Dataset) -> Json {
        let created = DateTime::<Utc>::from(dataset.created).to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({
            "id": dataset.id,
            "name": dataset.name,
            "webUrl": format!("{}/#{}", self.service.site.url(), dataset.id),
            "addRowsAPIEnabled": dataset.mode != Mode::Hosted,
            "configuredBy": USER_NAME,
            "isRefreshable": false,
            "isEffectiveIdentityRequired": false,
            "isEffectiveIdentityRolesRequired": false,
            "isOnPremGatewayRequired": false,
            "isInPlaceSharingEnabled": false,
            "targetStorageMode": "Abf",
            "createdDate": created,
            "users": [],
            "queryScaleOutSettings": {"autoSyncReadOnlyReplicas": true, "maxReadOnlyReplicas": 0},
        })
    }
}

fn retention(text: &str) -> Result<&'static str, Refusal> {
    let mut chosen = None;
    for (name, value) in parameters(text)? {
        if name != "defaultRetentionPolicy" {
            return Err(wrong_parameter(&name, "is none of this operation"));
        }
        let known = rules::RETENTION_POLICIES.into_iter().find(|policy| policy.eq_ignore_ascii_case(&value));
        let Some(known) = known else {
            let message = format!("'{value}' is neither None nor basicFIFO");
            return Err(Refusal::new(&rules::BAD_QUERY, message).of("defaultRetentionPolicy"));
        };
        if chosen.replace(known).is_some() {
            return Err(wrong_parameter(&name, "is given twice"));
        }
    }
    Ok(chosen.unwrap_or(rules::RETENTION_POLICIES[0]))
}
