//! Datasets: created, listed, looked up, deleted.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::Call;
use crate::emulator::query;
use crate::emulator::refusal::{Answer, Refusal};
use crate::emulator::rules;
use crate::emulator::schema::{self, Mode};
use crate::emulator::store::Dataset;

impl Call<'_> {
    pub(super) fn create(&self) -> Result<Answer, Refusal> {
        self.check_body(rules::MAX_BODY)?;
        let retention = retention(self.query())?;
        let schema = schema::read(&self.request.body, self.shared.limits)?;
        let mut state = self.shared.lock();
        let dataset = self.workspace(&mut state)?.create(schema, retention);
        let body = json!({"id": dataset.id, "name": dataset.name, "defaultRetentionPolicy": retention});
        Ok(Answer::json(StatusCode::CREATED, &body))
    }

    pub(super) fn datasets(&self) -> Result<Answer, Refusal> {
        let mut state = self.shared.lock();
        let datasets = &self.workspace(&mut state)?.datasets;
        let value: Vec<Json> = datasets.iter().map(|dataset| self.described(dataset)).collect();
        Ok(Answer::json(StatusCode::OK, &json!({"@odata.context": self.context("datasets"), "value": value})))
    }

    pub(super) fn one_dataset(&self, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.shared.lock();
        let mut body = self.described(self.dataset(&mut state, id)?);
        if let Some(object) = body.as_object_mut() {
            object.shift_insert(0, "@odata.context".into(), self.context("datasets/$entity").into());
        }
        Ok(Answer::json(StatusCode::OK, &body))
    }

    pub(super) fn delete(&self, id: &str) -> Result<Answer, Refusal> {
        let mut state = self.shared.lock();
        self.dataset(&mut state, id)?;
        self.workspace(&mut state)?.datasets.retain(|dataset| !dataset.id.eq_ignore_ascii_case(id));
        Ok(Answer::empty(StatusCode::OK))
    }

    fn described(&self, dataset: &Dataset) -> Json {
        json!({
            "id": dataset.id,
            "name": dataset.name,
            "webUrl": format!("{}/#{}", self.shared.url(), dataset.id),
            "addRowsAPIEnabled": dataset.mode != Mode::Hosted,
            "configuredBy": "emulator@localhost",
            "isRefreshable": false,
            "isEffectiveIdentityRequired": false,
            "isEffectiveIdentityRolesRequired": false,
            "isOnPremGatewayRequired": false,
            "targetStorageMode": "Abf",
        })
    }
}

fn retention(text: &str) -> Result<&'static str, Refusal> {
    let mut chosen = None;
    for (name, value) in query::pairs(text)? {
        if name != "defaultRetentionPolicy" {
            return Err(query::wrong(&name, "is none of this operation"));
        }
        let known = rules::RETENTION_POLICIES.into_iter().find(|policy| policy.eq_ignore_ascii_case(&value));
        let Some(known) = known else {
            let message = format!("'{value}' is neither None nor basicFIFO");
            return Err(Refusal::new(&rules::BAD_QUERY, message).of("defaultRetentionPolicy"));
        };
        if chosen.replace(known).is_some() {
            return Err(query::wrong(&name, "is given twice"));
        }
    }
    Ok(chosen.unwrap_or(rules::RETENTION_POLICIES[0]))
}
