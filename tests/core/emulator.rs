//! The emulator, asked over HTTP as a client would.

mod access;
mod changes;
mod commands;
mod creation;
mod access_tokens;
mod entra;
mod faults;
mod groups;
mod keep;
mod operations;
mod page;
mod push_urls;
mod quotas;
mod rows;
mod schemas;
mod sequences;
mod rust_interface;
mod swagger;
mod tables;
mod tls;

use std::time::Duration;

use powerbi_push::clock::Clock;
use powerbi_push::emulator::{Assumed, Emulator, Options, Row};
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value as Json, json};

/// An emulator and an HTTP client that holds a token of it.
struct Setup {
    emulator: Emulator,
    clock: Clock,
    http: Client,
    token: String,
}

/// What came back.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The status and the message of a refusal with details.
    fn detail(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(json["error"]["code"], "BadRequest");
        assert_eq!(json["error"]["message"], "Bad Request");
        (self.status, json["error"]["details"][0]["message"].as_str().unwrap().to_owned())
    }
}

impl Setup {
    fn new() -> Self {
        Self::with_limits(true)
    }

    fn with_limits(limits: bool) -> Self {
        Self::with(limits, Assumed::default())
    }

    /// With one switch set.
    fn assuming(switch: &str, answer: &str) -> Self {
        Self::assuming_all(&[(switch, answer)])
    }

    fn assuming_all(answers: &[(&str, &str)]) -> Self {
        let mut assumed = Assumed::default();
        for (switch, answer) in answers {
            assumed.set(switch, answer).unwrap();
        }
        Self::with(true, assumed)
    }

    fn with(limits: bool, assumed: Assumed) -> Self {
        Self::start(Options { limits, assumed, ..Options::default() })
    }

    /// On a virtual clock.
    fn start(mut options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::simulated();
        options.clock = clock.clone();
        let emulator = Emulator::start(options).unwrap();
        let mut http = Client::builder().no_proxy().timeout(Duration::from_secs(60));
        if let Some(pem) = emulator.ca_pem() {
            http = http.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]);
        }
        let http = http.build().unwrap();
        let token = emulator.token().0;
        Self { emulator, clock, http, token }
    }

    /// A request with a valid token to a path below `/v1.0/myorg`.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1.0/myorg{path}", self.emulator.url())).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, path)).await
    }

    async fn put(&self, path: &str, body: &Json) -> Reply {
        let request = self.request(Method::PUT, path).header("content-type", "application/json");
        send(request.body(body.to_string())).await
    }

    async fn post(&self, path: &str, body: impl Into<String>) -> Reply {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        send(request.body(body.into())).await
    }

    /// Creates a dataset and gives its id.
    async fn create(&self, schema: &Json) -> String {
        let reply = self.post("/datasets", schema.to_string()).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Creates `Sales` with a table `T` of these columns and gives the path of its rows.
    async fn table(&self, columns: &[(&str, &str)]) -> String {
        let columns: Vec<Json> = columns.iter().map(|(name, kind)| json!({"name": name, "dataType": kind})).collect();
        let id = self.create(&json!({"name": "Sales", "tables": [{"name": "T", "columns": columns}]})).await;
        format!("/datasets/{id}/tables/T/rows")
    }

    /// What the page is told first: all that there is.
    async fn snapshot(&self) -> Json {
        let mut response = self.http.get(format!("{}/emulator/changes", self.emulator.url())).send().await.unwrap();
        let mut told = Vec::new();
        while !told.ends_with(b"\n\n") {
            told.extend(response.chunk().await.unwrap().unwrap());
        }
        let told = String::from_utf8(told).unwrap();
        serde_json::from_str(told.strip_prefix("retry: 500\nevent: snapshot\ndata: ").unwrap()).unwrap()
    }

    /// The stored rows of `Sales`, each cell as text.
    fn stored(&self) -> Vec<Vec<(String, String)>> {
        self.emulator.rows(None, "Sales", None).unwrap().iter().map(spelled).collect()
    }
}

fn spelled(row: &Row) -> Vec<(String, String)> {
    row.cells().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

/// Two tables, related.
fn shop() -> Json {
    json!({"name": "Shop", "tables": [
        {"name": "Product", "columns": [{"name": "ProductID", "dataType": "Int64"}, {"name": "Name", "dataType": "string"}]},
        {"name": "Order", "columns": [{"name": "ProductID", "dataType": "int64"}, {"name": "On", "dataType": "DateTime"}]},
    ], "relationships": [
        {"name": "r", "fromTable": "Order", "fromColumn": "ProductID", "toTable": "Product", "toColumn": "ProductID"},
    ]})
}
