//! Addresses of the REST API: ids are checked, names become exactly one segment of a path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::error::{Error, Result};
use crate::schema::table_name_problem;

/// What stays as it is in a segment; the dot does not, so that no segment can be `..`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Everything under one workspace, or under My workspace.
#[derive(Debug, Clone)]
pub struct Address {
    root: Url,
    place: String,
}

impl Address {
    pub(super) fn new(root: &Url, workspace: Option<&str>) -> Self {
        let place = workspace.map_or_else(String::new, |id| format!("/groups/{}", segment(id)));
        Self { root: root.clone(), place }
    }

    pub(super) fn groups(&self, filter: Option<&str>, top: usize, skip: usize) -> Url {
        let mut url = self.url("/groups");
        let filter = filter.map(|filter| format!("$filter={}&", segment(filter))).unwrap_or_default();
        url.set_query(Some(&format!("{filter}$top={top}&$skip={skip}")));
        url
    }

    pub(super) fn group(&self, id: &str) -> Url {
        self.url(&format!("/groups/{}", segment(id)))
    }

    pub(super) fn datasets(&self) -> Url {
        self.url("/datasets")
    }

    pub(super) fn create(&self, retention: Option<&str>) -> Url {
        let mut url = self.datasets();
        if let Some(retention) = retention {
            url.query_pairs_mut().append_pair("defaultRetentionPolicy", retention);
        }
        url
    }

    /// One dataset.
    #[must_use]
    pub fn dataset(&self, id: &str) -> Url {
        self.url(&format!("/datasets/{}", segment(id)))
    }

    pub(super) fn tables(&self, dataset: &str) -> Url {
        self.url(&format!("/datasets/{}/tables", segment(dataset)))
    }

    pub(super) fn table(&self, dataset: &str, table: &str) -> Url {
        self.url(&format!("/datasets/{}/tables/{}", segment(dataset), segment(table)))
    }

    pub(super) fn sequence_numbers(&self, dataset: &str, table: &str) -> Url {
        self.url(&format!("/datasets/{}/tables/{}/sequenceNumbers", segment(dataset), segment(table)))
    }

    /// Where a table's rows are added and deleted.
    #[must_use]
    pub fn rows(&self, dataset: &str, table: &str) -> Url {
        self.url(&format!("/datasets/{}/tables/{}/rows", segment(dataset), segment(table)))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(&format!("/v1.0/myorg{}{path}", self.place));
        url
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Whether `text` has the shape of the service's ids, which are GUIDs; anything else is a name.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// A table's name as the service allows it.
pub fn check_table_name(name: &str) -> Result<()> {
    table_name_problem(name).map_or(Ok(()), |problem| Err(Error::configuration(problem)))
}

/// Scheme and host of the service: https, or http to this machine.
pub fn base_url(text: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Err(Error::configuration(format!("base_url {why}"))
            .with_hint("give scheme and host only, such as https://api.powerbi.com; http is for loopback"))
    };
    let Ok(url) = Url::parse(text) else { return wrong("is not a URL") };
    let Some(host) = url.host_str().map(str::to_ascii_lowercase) else { return wrong("has no host") };
    let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if !(url.scheme() == "https" || url.scheme() == "http" && loopback) {
        return wrong("must be https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not hold a user or a password");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return wrong("must not hold a path, a query or a fragment");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        let address = Address::new(&Url::parse("https://api.powerbi.com").unwrap(), None);
        let url = address.rows("cfafbeb1-8037-4d0c-896e-a46fb27ff229", "a/b?c#d%2e\t\r\nü😀");
        let expected = "https://api.powerbi.com/v1.0/myorg/datasets/cfafbeb1-8037-4d0c-896e-a46fb27ff229/tables/\
                        a%2Fb%3Fc%23d%252e%09%0D%0A%C3%BC%F0%9F%98%80/rows";
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn a_workspace_is_a_group_in_the_path() {
        let address = Address::new(&Url::parse("http://localhost:1").unwrap(), Some("g"));
        assert_eq!(
            address.create(Some("basicFIFO")).as_str(),
            "http://localhost:1/v1.0/myorg/groups/g/datasets?defaultRetentionPolicy=basicFIFO"
        );
    }

    #[test]
    fn http_is_for_loopback_only() {
        for good in [
            "https://api.powerbi.com",
            "https://api.powerbi.com/",
            "http://127.0.0.1:8765",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.powerbi.com",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "https://user@host",
            "https://:p@host",
            "https://host/path",
            "https://host?x=1",
            "https://host#x",
            "ftp://localhost",
            "api.powerbi.com",
            "",
            "file:///etc/passwd",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
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
