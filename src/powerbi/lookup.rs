//! Datasets and workspaces by name: names are not unique, so that what is meant is found out, or refused with the ids.

use super::{Api, DatasetInfo, WorkspaceInfo, is_id};
use crate::error::{Error, Kind, Result};
use crate::schema::Dataset;

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
trait Named {
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

    /// The workspace with that id or that name.
    pub async fn find_workspace(&self, name_or_id: &str) -> Result<WorkspaceInfo> {
        let workspaces = self.workspaces().await?;
        if let Some(known) = workspaces.iter().find(|workspace| workspace.id.eq_ignore_ascii_case(name_or_id)) {
            return Ok(known.clone());
        }
        let hint = "the signed-in user must be a member; access that was just given may take a while to be seen";
        only(&workspaces, "workspace", name_or_id)?
            .cloned()
            .ok_or_else(|| none(&workspaces, "workspace", name_or_id, hint))
    }

    /// Creates `dataset` with an eye to those of the same name: the service itself would make a second one.
    pub async fn create_if(
        &self,
        workspace: Option<&str>,
        dataset: &Dataset,
        if_exists: IfExists,
    ) -> Result<DatasetInfo> {
        let datasets = self.datasets(workspace).await?;
        match (only(&datasets, "dataset", &dataset.name)?, if_exists) {
            (None, _) => {}
            (Some(known), IfExists::Fail) => {
                return Err(Error::configuration(format!(
                    "a dataset `{}` exists already, with the id {}",
                    known.name, known.id
                ))
                .with_hint("if_exists=\"reuse\" takes it, if_exists=\"recreate\" deletes it first"));
            }
            (Some(known), IfExists::Reuse) if known.accepts_rows => return Ok(known.clone()),
            (Some(known), IfExists::Reuse) => {
                let message =
                    format!("the dataset `{}` ({}) does not accept rows: it is no push dataset", known.name, known.id);
                return Err(Error::configuration(message).with_hint("choose another name"));
            }
            (Some(known), IfExists::Recreate) => self.delete_dataset(workspace, &known.id).await?,
        }
        self.create_dataset(workspace, dataset).await
    }
}

/// The one of that name, if there is one; two of them are an error that lists both ids.
fn only<'a, T: Named>(known: &'a [T], what: &str, name: &str) -> Result<Option<&'a T>> {
    let named: Vec<_> = known.iter().filter(|one| one.name() == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let ids: Vec<_> = several.iter().map(|one| one.id()).collect();
            Err(Error::configuration(format!("{} {what}s are named `{name}`: {}", ids.len(), ids.join(", ")))
                .with_hint("use the id instead of the name"))
        }
    }
}

fn none<T: Named>(known: &[T], what: &str, name: &str, hint: &str) -> Error {
    let names: Vec<_> = known.iter().map(|one| format!("`{}`", one.name())).collect();
    let there = if names.is_empty() { "there are none".into() } else { format!("there are {}", names.join(", ")) };
    Error::new(Kind::NotFound, format!("there is no {what} `{name}`: {there}")).with_hint(hint)
}
