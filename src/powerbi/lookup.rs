//! Datasets by name: names are not unique, so that what is meant is found out, or refused with the ids.

use super::{Api, DatasetInfo, check_id};
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

impl Api {
    /// The dataset with that id, or the only one with that name.
    pub async fn find_dataset(&self, workspace: Option<&str>, name_or_id: &str) -> Result<DatasetInfo> {
        if check_id(name_or_id, "dataset").is_ok() {
            return self.dataset(workspace, name_or_id).await;
        }
        let datasets = self.datasets(workspace).await?;
        only(&datasets, name_or_id)?.cloned().ok_or_else(|| {
            let names: Vec<_> = datasets.iter().map(|dataset| format!("`{}`", dataset.name)).collect();
            let there =
                if names.is_empty() { "there are none".into() } else { format!("there are {}", names.join(", ")) };
            Error::new(Kind::NotFound, format!("there is no dataset `{name_or_id}`: {there}")).with_hint(
                "datasets in a workspace are found through that workspace: client.workspace(id).dataset(name)",
            )
        })
    }

    /// Creates `dataset` with an eye to those of the same name: the service itself would make a second one.
    pub async fn create_if(
        &self,
        workspace: Option<&str>,
        dataset: &Dataset,
        if_exists: IfExists,
    ) -> Result<DatasetInfo> {
        let datasets = self.datasets(workspace).await?;
        match (only(&datasets, &dataset.name)?, if_exists) {
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

/// The dataset of that name, if there is one; two of them are an error that lists both ids.
fn only<'a>(datasets: &'a [DatasetInfo], name: &str) -> Result<Option<&'a DatasetInfo>> {
    let named: Vec<_> = datasets.iter().filter(|dataset| dataset.name == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let ids: Vec<_> = several.iter().map(|dataset| dataset.id.as_str()).collect();
            Err(Error::configuration(format!("{} datasets are named `{name}`: {}", ids.len(), ids.join(", ")))
                .with_hint("use the id instead of the name"))
        }
    }
}
