//! Addresses of the REST API: ids are checked, names become exactly one segment of a path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::table_name_problem;
use crate::error::{Error, Result, holds_key};
use crate::http::transport::origin;

/// What stays as it is in a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Everything under one workspace, or under My workspace.
#[derive(Debug, Clone)]
pub struct Address {
    root: Url,
    workspace: Option<String>,
}

impl Address {
    pub(super) fn new(root: &Url, workspace: Option<&str>) -> Self {
        Self { root: root.clone(), workspace: workspace.map(str::to_owned) }
    }

    /// The workspace itself; without one, where all of them are.
    pub(super) fn group(&self) -> Result<Url> {
        if self.workspace.is_none() { self.url(&["groups"]) } else { self.url(&[]) }
    }

    pub(super) fn datasets(&self) -> Result<Url> {
        self.url(&["datasets"])
    }

    /// One dataset.
    pub fn dataset(&self, id: &str) -> Result<Url> {
        self.url(&["datasets", id])
    }

    pub(super) fn tables(&self, dataset: &str) -> Result<Url> {
        self.url(&["datasets", dataset, "tables"])
    }

    pub(super) fn table(&self, dataset: &str, table: &str) -> Result<Url> {
        self.url(&["datasets", dataset, "tables", table])
    }

    /// Where a table's rows are added and deleted.
    pub fn rows(&self, dataset: &str, table: &str) -> Result<Url> {
        self.url(&["datasets", dataset, "tables", table, "rows"])
    }

    pub(super) fn queries(&self, dataset: &str) -> Result<Url> {
        self.url(&["datasets", dataset, "executeQueries"])
    }

    pub(super) fn sequence_numbers(&self, dataset: &str, table: &str) -> Result<Url> {
        self.url(&["datasets", dataset, "tables", table, "sequenceNumbers"])
    }

    fn url(&self, below: &[&str]) -> Result<Url> {
        let place = self.workspace.iter().flat_map(|id| ["groups", id.as_str()]);
        let mut path = "/v1.0/myorg".to_owned();
        for text in place.chain(below.iter().copied()) {
            path.push('/');
            path.push_str(&segment(text)?);
        }
        let mut url = self.root.clone();
        url.set_path(&path);
        Ok(url)
    }
}

/// `text` as one segment of a path. Two names cannot be one: encoded or not, they mean this folder and the one above.
fn segment(text: &str) -> Result<String> {
    check_name("what should be a name or an id", text)?;
    if matches!(text, "" | "." | "..") {
        return Err(Error::configuration(format!("`{text}` is neither a name nor an id"))
            .with_hint("workspaces and datasets have ids such as f089354e-8366-4e18-aea3-4cb4a3a50b48, tables names"));
    }
    Ok(encoded(text))
}

/// `text` with everything encoded that could mean something in a URL.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Whether `text` has the shape of the service's ids, which are GUIDs; anything else is a name.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Refuses what looks like an address: it may hold the key of a push URL, so that it is neither sent nor shown.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    if holds_key(name) {
        let message = format!("{what} looks like an address that may hold a key, and is not shown for that");
        let hint = "rows go to a push URL by pbi.push(rows, url) or pbi.StreamingDataset(url): it begins with https://";
        return Err(Error::configuration(message).with_hint(hint));
    }
    Ok(())
}

/// A table's name as the service allows it.
pub fn check_table_name(name: &str) -> Result<()> {
    check_name("`name`", name)?;
    table_name_problem(name).map_or(Ok(()), |problem| {
        Err(Error::configuration(problem)
            .with_hint("a table's name has 1 to 100 characters, such as letters, digits, spaces and # - @ ^ _ ~"))
    })
}

/// Scheme and host of the service: https, or http to this machine.
pub fn base_url(text: &str) -> Result<Url> {
    origin("base_url", text, "https://api.powerbi.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        let address = Address::new(&Url::parse("https://api.powerbi.com").unwrap(), None);
        let url = address.rows("cfafbeb1-8037-4d0c-896e-a46fb27ff229", "a/b?c#d%2e\t\r\nü😀").unwrap();
        let expected = "https://api.powerbi.com/v1.0/myorg/datasets/cfafbeb1-8037-4d0c-896e-a46fb27ff229/tables/\
                        a%2Fb%3Fc%23d%252e%09%0D%0A%C3%BC%F0%9F%98%80/rows";
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn a_workspace_is_a_group_in_the_path() {
        let root = Url::parse("http://localhost:1").unwrap();
        let address = |workspace| Address::new(&root, workspace);
        assert_eq!(address(Some("g")).datasets().unwrap().as_str(), "http://localhost:1/v1.0/myorg/groups/g/datasets");
        assert_eq!(address(Some("g")).group().unwrap().path(), "/v1.0/myorg/groups/g");
        assert_eq!(address(None).group().unwrap().path(), "/v1.0/myorg/groups");
    }

    #[test]
    fn what_would_be_another_path_is_refused() {
        let root = Url::parse("http://localhost:1").unwrap();
        for bad in ["", ".", ".."] {
            assert!(Address::new(&root, Some(bad)).rows("d", "t").is_err(), "{bad}");
            assert!(Address::new(&root, None).rows(bad, "t").is_err(), "{bad}");
            assert!(Address::new(&root, Some("g")).rows("d", bad).is_err(), "{bad}");
        }
        for good in ["...", "%2e%2e", ".a", " "] {
            let path = Address::new(&root, None).dataset(good).unwrap().path().to_owned();
            assert_eq!(path.split('/').count(), 5, "{path}");
        }
    }

    #[test]
    fn an_address_is_no_name_and_is_not_repeated() {
        let root = Url::parse("http://localhost:1").unwrap();
        for keyed in ["api.powerbi.com/rows?key=canary", "canary://x?canary", "KEY=canary", "//h/rows?a=canary"] {
            let errors = [
                Address::new(&root, Some(keyed)).rows("d", "t").unwrap_err(),
                Address::new(&root, None).rows(keyed, "t").unwrap_err(),
                Address::new(&root, None).rows("d", keyed).unwrap_err(),
                check_table_name(keyed).unwrap_err(),
            ];
            for error in errors {
                assert!(error.message.contains("may hold a key") && !error.message.contains("canary"), "{error}");
            }
        }
    }

    #[test]
    fn only_a_guid_is_an_id() {
        assert!(is_id("CFAFBEB1-8037-4d0c-896e-a46fb27ff229"));
        for bad in
            ["", "..", "cfafbeb1", "cfafbeb1-8037-4d0c-896e-a46fb27ff22g", "cfafbeb1-8037-4d0c-896e-a46fb27ff229/x"]
        {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
