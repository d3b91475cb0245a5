//! Power BI's two sinks: a table of a push dataset, and a push URL.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use powerbi_push::auth::{AccessToken, Credential};
use powerbi_push::clock::Clock;
use powerbi_push::http::Exchanges;
use powerbi_push::http::transport::Settings;
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::client::Client;
use powerbi_push::services::powerbi::{Allowance, PowerBi, Streaming, TableAt};
use reqwest::Url;
use serde_json::Value;

use crate::far_end::{Asked, Said};
use crate::subject::{Can, Reached, Subject, transport};

/// A table.
pub(crate) struct Table;

impl Subject for Table {
    fn can(&self) -> Can {
        Can { wait_on_disk: true, sign_in_again: true, blame_rows: true, ..Can::default() }
    }

    fn reach(&self, root: &Url, clock: &Clock) -> Reached {
        let token = || Ok(AccessToken::new("opaque-token".into(), None));
        let credential = Credential::Fetch(Arc::new(move |_| Box::pin(ready(token()))));
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let (retry, clock) = (Retry::default(), clock.clone());
        let client = Client::new(root.clone(), credential, &settings, retry, Allowance::NONE, clock, None);
        let route = client.unwrap().route(&TableAt::new(None, "d", "Orders")).unwrap();
        Reached { sink: Arc::clone(&route.sink), http: route.http }
    }

    fn rows(&self, asked: &Asked) -> Option<Vec<i64>> {
        (asked.method == "POST").then(|| ids(&serde_json::from_str::<Value>(&asked.body).unwrap()["rows"]))
    }

    fn answer(&self, _asked: &Asked) -> Said {
        Said::empty(200)
    }
}

/// A push URL.
pub(crate) struct PushUrl;

impl Subject for PushUrl {
    fn can(&self) -> Can {
        Can { wait_on_disk: true, blame_rows: true, ..Can::default() }
    }

    fn reach(&self, root: &Url, clock: &Clock) -> Reached {
        let url = root.join("beta/t/datasets/d/rows?key=0123456789").unwrap();
        let http = Exchanges::new(transport(clock), Arc::new(PowerBi { by_key: true }));
        Reached { sink: Arc::new(Streaming::new(url.as_str(), true, false).unwrap()), http: Arc::new(http) }
    }

    fn rows(&self, asked: &Asked) -> Option<Vec<i64>> {
        Some(ids(&serde_json::from_str(&asked.body).unwrap()))
    }

    fn answer(&self, _asked: &Asked) -> Said {
        Said::empty(200)
    }
}

fn ids(rows: &Value) -> Vec<i64> {
    rows.as_array().unwrap().iter().map(|row| row["Id"].as_i64().unwrap()).collect()
}
