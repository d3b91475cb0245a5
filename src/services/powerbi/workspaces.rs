//! Workspaces, "groups" in the REST API: listed page after page, and found by name or id.

use std::collections::HashSet;

use reqwest::Method;

use super::address::encoded;
use super::lookup::{none, only};
use super::read::{json, values};
use super::{Api, WorkspaceInfo, is_id};
use crate::error::{Error, Kind, Result};

/// Workspaces asked for at once. The service says neither how many it gives unasked nor whether it gives that many.
const PAGE: usize = 1_000;

impl Api {
    /// `Groups_GetGroups`: the workspaces that the caller may see, My workspace apart; page after page. `filter`, in
    /// the language of `OData`, goes out as it is.
    pub async fn workspaces(&self, filter: Option<&str>) -> Result<Vec<WorkspaceInfo>> {
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        let mut full = 1;
        loop {
            let page = self.workspace_page(filter, found.len()).await?;
            let (length, before) = (page.len(), known.len());
            found.extend(page.into_iter().filter(|one: &WorkspaceInfo| known.insert(one.id.clone())));
            // A page is full that is as long as the longest so far, since the service may give fewer than it is asked
            // for. One without anything new ends it too: `$skip` was not heeded.
            if length < full || known.len() == before {
                return Ok(found);
            }
            full = length;
        }
    }

    /// `Groups_GetGroup`: one workspace by its id.
    pub async fn workspace(&self, id: &str) -> Result<WorkspaceInfo> {
        let url = self.address(Some(id)).group()?;
        let answer = self.call(Method::GET, url, None, "looking up the workspace").await?;
        WorkspaceInfo::read(&json(&answer)?)
    }

    /// The workspace with that id, or the only one with that name.
    pub async fn find_workspace(&self, name_or_id: &str) -> Result<WorkspaceInfo> {
        if is_id(name_or_id) {
            return match self.workspace(name_or_id).await {
                // The list also tells what there is instead.
                Err(error) if matches!(error.answer.status, Some(401 | 403 | 404)) => {
                    self.find_among_all(name_or_id).await
                }
                answer => answer,
            };
        }
        let filter = format!("name eq '{}'", name_or_id.replace('\'', "''"));
        match self.workspaces(Some(&filter)).await {
            Ok(found) => match only(&found, "workspace", name_or_id)? {
                Some(one) => Ok(one.clone()),
                None => self.find_among_all(name_or_id).await,
            },
            // A service that cannot read the filter can still list.
            Err(error) if matches!(error.kind, Kind::Service | Kind::NotFound) => self.find_among_all(name_or_id).await,
            Err(error) => Err(error),
        }
    }

    async fn find_among_all(&self, name_or_id: &str) -> Result<WorkspaceInfo> {
        let all = self.workspaces(None).await?;
        if let Some(known) = all.iter().find(|one| one.id.eq_ignore_ascii_case(name_or_id)) {
            return Ok(known.clone());
        }
        let hint = "the signed-in identity must have a role in it (workspace > Manage access); access that was just \
                    given may take a while to be seen";
        only(&all, "workspace", name_or_id)?.cloned().ok_or_else(|| none(&all, "workspace", name_or_id, hint))
    }

    async fn workspace_page(&self, filter: Option<&str>, skip: usize) -> Result<Vec<WorkspaceInfo>> {
        let mut url = self.address(None).group()?;
        let filtered = filter.map(|filter| format!("$filter={}&", encoded(filter))).unwrap_or_default();
        url.set_query(Some(&format!("{filtered}$top={PAGE}&$skip={skip}")));
        let answer = self.call(Method::GET, url, None, "listing the workspaces").await;
        let answer = answer.map_err(|error| if filter.is_some() { of_filter(error) } else { error })?;
        values(&json(&answer)?)?.iter().map(WorkspaceInfo::read).collect()
    }
}

fn of_filter(error: Error) -> Error {
    if error.answer.status != Some(400) {
        return error;
    }
    error.with_hint(
        "the filter is OData, such as \"contains(name,'marketing')\" or \"name eq 'contoso'\"; a quote in a name is \
         written twice",
    )
}
