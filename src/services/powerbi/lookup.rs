//! Datasets and workspaces by name: names are not unique, so that what is meant is found out, or refused with the ids.

use super::{Api, DatasetInfo, WorkspaceInfo, is_id};
use crate::error::{Error, Kind, Result, shown};

/// Names in one message; beyond them the most alike are shown.
const MOST_NAMES: usize = 20;

/// What to do when a dataset of the name exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse.
    Fail,
    /// Take the one that exists.
    Reuse,
    /// Delete it, rows and all, and create it anew.
    Recreate,
}

/// What has a name that need not be its own.
pub(super) trait Named {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
}

impl Named for DatasetInfo {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for WorkspaceInfo {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Api {
    /// The dataset with that id, or the only one with that name.
    pub async fn find_dataset(&self, workspace: Option<&str>, name_or_id: &str) -> Result<DatasetInfo> {
        if is_id(name_or_id) {
            return self.dataset(workspace, name_or_id).await;
        }
        let datasets = self.datasets(workspace).await?;
        let hint = "datasets in a workspace are found through that workspace: client.workspace(...).dataset(name)";
        only(&datasets, "dataset", name_or_id)?.cloned().ok_or_else(|| none(&datasets, "dataset", name_or_id, hint))
    }
}

/// The one of that name, if there is one; two of them are an error that lists both ids.
pub(super) fn only<'a, T: Named>(known: &'a [T], what: &str, name: &str) -> Result<Option<&'a T>> {
    let named: Vec<_> = known.iter().filter(|one| one.name() == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let ids: Vec<_> = several.iter().map(|one| shown(one.id())).collect();
            Err(Error::configuration(format!("{} {what}s are named `{}`: {}", ids.len(), shown(name), ids.join(", ")))
                .with_hint("use the id instead of the name"))
        }
    }
}

/// What is said of a name that is not there: what is there instead, the most alike first.
pub(super) fn none<T: Named>(known: &[T], what: &str, name: &str, hint: &str) -> Error {
    let there = listed(known.iter().map(Named::name), name);
    Error::new(Kind::NotFound, format!("there is no {what} `{}`: {there}", shown(name))).with_hint(hint)
}

/// `there are ...`, as many as a person reads.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> String {
    let mut names: Vec<&str> = names.collect();
    if names.is_empty() {
        return "there are none".into();
    }
    let left_out = names.len().saturating_sub(MOST_NAMES);
    if left_out > 0 {
        let likeness =
            |name: &str| strsim::normalized_damerau_levenshtein(&wanted.to_lowercase(), &name.to_lowercase());
        names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
        names.truncate(MOST_NAMES);
    }
    let shown: Vec<String> = names.iter().map(|name| format!("`{}`", shown(name))).collect();
    let more = if left_out > 0 { format!(" and {left_out} more") } else { String::new() };
    format!("there are {}{more}", shown.join(", "))
}
