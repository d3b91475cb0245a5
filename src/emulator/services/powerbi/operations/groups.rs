//! Workspaces: listed, filtered, and looked up (facts/powerbi 1.7).

use serde_json::{Value as Json, json};

use super::{Call, parameters, wrong_parameter};
use crate::emulator::http::Answer;
use crate::emulator::services::powerbi::assumed::Case;
use crate::emulator::services::powerbi::filter::Filter;
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::store::Workspace;

/// What Get Groups is asked for.
struct Asked {
    filter: Option<Filter>,
    top: usize,
    skip: usize,
}

impl Call<'_> {
    /// The workspaces beside My workspace that the caller belongs to: the wanted ones, `$top` of them after `$skip`.
    pub(super) fn groups(&self) -> Result<Answer, Refusal> {
        let assumed = &self.service.assumed;
        let asked = Asked::read(self.query(), assumed.filter_case)?;
        let state = self.service.lock();
        let known = state.store.workspaces.iter().skip(1).filter(|it| it.role_of(self.principal).is_some());
        let wanted = known.filter(|it| asked.filter.as_ref().is_none_or(|filter| filter.admits(it)));
        let most = asked.top.min(assumed.groups_page.unwrap_or(usize::MAX));
        let value = wanted.skip(asked.skip).take(most).map(described).collect();
        Ok(self.listing(&self.context("groups"), value))
    }

    /// One workspace.
    pub(super) fn one_group(&self) -> Result<Answer, Refusal> {
        let context = format!("{}/v1.0/myorg/$metadata#groups/$entity", self.service.site.url());
        let mut state = self.service.lock();
        let workspace = self.workspace(&mut state)?;
        Ok(self.entity(&context, described(workspace)))
    }
}

impl Asked {
    fn read(text: &str, case: Case) -> Result<Self, Refusal> {
        let (mut filter, mut top, mut skip) = (None, None, None);
        for (name, value) in parameters(text)? {
            let is_new = match name.as_str() {
                "$filter" => filter.replace(Filter::read(&value, case)?).is_none(),
                "$top" => top.replace(number(&name, &value)?).is_none(),
                "$skip" => skip.replace(number(&name, &value)?).is_none(),
                _ => return Err(wrong_parameter(&name, "is none of this operation")),
            };
            if !is_new {
                return Err(wrong_parameter(&name, "is given twice"));
            }
        }
        Ok(Self { filter, top: top.unwrap_or(usize::MAX), skip: skip.unwrap_or(0) })
    }
}

/// A whole number of 32 bits, not below zero.
fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    let number = value.parse::<i32>().ok().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| wrong_parameter(name, &format!("is no number: '{value}'")))
}

/// A workspace as the service's examples show it.
fn described(workspace: &Workspace) -> Json {
    let Workspace { id, name, capacity, .. } = workspace;
    let is_read_only = workspace.is_read_only();
    match capacity {
        None => json!({"id": id, "isReadOnly": is_read_only, "isOnDedicatedCapacity": false, "name": name}),
        Some(capacity) => json!({
            "id": id,
            "isReadOnly": is_read_only,
            "isOnDedicatedCapacity": true,
            "capacityId": capacity,
            "defaultDatasetStorageFormat": "Small",
            "name": name,
        }),
    }
}
