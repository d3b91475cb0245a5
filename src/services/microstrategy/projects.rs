//! Projects: everything is in one, which is found by its name or id, or is the only one.

use reqwest::Method;

use super::address::{below, is_id};
use super::client::Client;
use super::operation::Call;
use super::read::{json, list, required};
use crate::error::{Error, Kind, Result, shown};

impl Client {
    /// `GET projects`: the names and ids of those that the user may see.
    pub async fn projects(&self) -> Result<Vec<(String, String)>> {
        let call = Call::new(Method::GET, below(&self.root, &["projects"])?, "listing the projects");
        let answer = json(&self.call(call).await?)?;
        list(&answer, &[])?.iter().map(|one| Ok((required(one, &["name"])?, required(one, &["id"])?))).collect()
    }

    pub(super) async fn find_project(&self, wanted: Option<&str>) -> Result<String> {
        let known = self.projects().await?;
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{}`", shown(name))).collect();
        let there = if names.is_empty() { "there are none".into() } else { format!("there are {}", names.join(", ")) };
        let Some(wanted) = wanted else {
            return match known.as_slice() {
                [(_, id)] => Ok(id.clone()),
                _ => Err(Error::configuration(format!("project= has to say which project is meant: {there}"))),
            };
        };
        let alike: Vec<_> = known.iter().filter(|(name, _)| name == wanted).collect();
        let by_id = known.iter().find(|(_, id)| is_id(wanted) && id.eq_ignore_ascii_case(wanted));
        match (by_id, alike.as_slice()) {
            (Some((_, id)), _) | (None, [(_, id)]) => Ok(id.clone()),
            (None, []) => {
                let message = format!("there is no project `{}`: {there}", shown(wanted));
                Err(Error::new(Kind::NotFound, message).with_hint("the user has to have access to it; case counts"))
            }
            (None, several) => {
                let ids: Vec<_> = several.iter().map(|(_, id)| shown(id)).collect();
                let message = format!("{} projects are named `{}`: {}", ids.len(), shown(wanted), ids.join(", "));
                Err(Error::configuration(message).with_hint("use the id instead of the name"))
            }
        }
    }
}
