//! The page at `/`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Reply, Setup, send, shop};
use powerbi_push::emulator::{NewWorkspace, Role};

async fn page(setup: &Setup) -> Reply {
    send(setup.http.get(format!("{}/", setup.emulator.url()))).await
}

#[tokio::test]
async fn a_snapshot_has_datasets_tables_rows_and_requests_and_asks_for_no_token() {
    let setup = Setup::new();
    let rows = setup.table(&[("Amount", "Int64")]).await;
    let body: Vec<_> = (1..=1_234).map(|amount| json!({"Amount": amount})).collect();
    setup.emulator.advance(Duration::from_secs(7)).unwrap();
    setup.post(&rows, json!({"rows": body}).to_string()).await;
    setup.get("/datasets/none").await;
    let told = setup.snapshot().await;
    let dataset = &told["sections"][0]["datasets"][0];
    assert_eq!((&told["sections"][0]["title"], &dataset["name"]), (&json!("My workspace"), &json!("Sales")));
    let table = &dataset["tables"][0];
    assert_eq!((&table["name"], &table["count"]), (&json!("T"), &json!(1_234)));
    assert_eq!(table["columns"], json!([{"name": "Amount", "type_name": "Int64", "is_number": true}]));
    let newest: Vec<_> = (1_225..=1_234).map(|amount| json!([amount.to_string()])).collect();
    assert_eq!(table["newest"], json!(newest));
    // Each third row is sampled, so that there are 600 at most; all came at 7 seconds.
    let sampled: Vec<_> = (1..=1_234).step_by(3).map(|amount| json!([7.0, [amount.to_string()]])).collect();
    assert_eq!(table["sample"], json!(sampled));
    assert_eq!((&told["log"]["count"], &told["log"]["refused"]), (&json!(3), &json!(1)));
    let refused = &told["log"]["requests"][0];
    assert_eq!((&refused["number"], &refused["status"], &refused["at"]), (&json!(3), &json!(404), &json!(7.0)));
    assert_eq!(refused["refusal"], "no such dataset in this workspace");
    let stored = &told["log"]["requests"][1];
    assert_eq!((&stored["operation"], &stored["rows"]), (&json!("Datasets_PostRows"), &json!(1_234)));
    assert!(stored["bytes"].as_u64().unwrap() > 10_000 && stored["took"].as_f64().unwrap() > 0.0);
    assert!(!told.to_string().contains(&setup.token));
}

/// The labels of workspaces, datasets and tables, in order, and what is used of each quota.
async fn badges(setup: &Setup) -> Vec<String> {
    let told = setup.snapshot().await;
    let mut found = Vec::new();
    for section in told["sections"].as_array().unwrap() {
        found.extend(texts(&section["badges"]));
        for dataset in section["datasets"].as_array().unwrap() {
            found.extend(texts(&dataset["badges"]));
            for quota in dataset["quotas"].as_array().unwrap() {
                let (what, span) = (quota["what"].as_str().unwrap(), quota["span"].as_str().unwrap());
                found.push(format!("{} of {} {what} a {span}", quota["used"], quota["most"]));
            }
            dataset["tables"].as_array().unwrap().iter().for_each(|table| found.extend(texts(&table["badges"])));
        }
    }
    found
}

fn texts(list: &Json) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_used_of_the_quotas_is_shown_until_it_no_longer_counts() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(badges(&setup).await, ["push", "0 of 120 requests a minute", "0 of 1000000 rows a hour"]);
    for _ in 0..2 {
        setup.post(&rows, r#"{"rows":[{},{},{}]}"#).await;
    }
    assert_eq!(badges(&setup).await, ["push", "2 of 120 requests a minute", "6 of 1000000 rows a hour"]);
    setup.emulator.advance(Duration::from_secs(60)).unwrap();
    assert_eq!(badges(&setup).await, ["push", "0 of 120 requests a minute", "6 of 1000000 rows a hour"]);
    setup.emulator.reset();
    let url = setup.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], false).unwrap();
    send(setup.http.post(url).header("content-type", "application/json").body("[{}]")).await;
    assert_eq!(badges(&setup).await, ["streaming", "1 of 5 requests a second"]);
}

#[tokio::test]
async fn roles_sequence_numbers_and_what_is_being_created_are_shown() {
    let setup = Setup::assuming("creation", "accepted");
    let team = NewWorkspace { app_role: Some(Role::Viewer), dedicated_capacity: true, ..NewWorkspace::from("Team") };
    let path = format!("/groups/{}/datasets", setup.emulator.add_workspace(team));
    let id = setup.post(&path, shop().to_string()).await.json()["id"].as_str().unwrap().to_owned();
    let roles = ["user: Admin", "app: Viewer", "dedicated capacity", "push"];
    let unused = ["0 of 120 requests a minute", "0 of 1000000 rows a hour"];
    assert_eq!(badges(&setup).await, [&roles[..], &["being created"], &unused].concat());
    for _ in 0..2 {
        setup.get(&path).await;
    }
    let request = setup.request(Method::POST, &format!("{path}/{id}/tables/Product/rows"));
    let request = request.header("content-type", "application/json").header("X-PowerBI-PushData-SequenceNumber", "1");
    assert_eq!(send(request.body(r#"{"rows":[]}"#)).await.status, 200);
    let used = ["1 of 120 requests a minute", "0 of 1000000 rows a hour", "sequence number 1"];
    assert_eq!(badges(&setup).await, [&roles[..], &used].concat());
}

#[tokio::test]
async fn what_users_wrote_is_data_and_no_part_of_the_page() {
    let setup = Setup::new();
    let evil = "</script><img src=x onerror=alert(1)>\n\nevent: news\ndata: {nonce}";
    let columns = json!([{"name": "a", "dataType": "string"}]);
    let before = page(&setup).await.text.len();
    let id = setup.create(&json!({"name": evil, "tables": [{"name": "T", "columns": columns}]})).await;
    setup.post(&format!("/datasets/{id}/tables/T/rows"), json!({"rows": [{"a": evil}]}).to_string()).await;
    let _ = setup.emulator.add_workspace(evil);
    assert_eq!(page(&setup).await.text.len(), before);
    let told = setup.snapshot().await;
    assert_eq!(
        (&told["sections"][1]["title"], &told["sections"][0]["datasets"][0]["name"]),
        (&json!(evil), &json!(evil))
    );
    assert_eq!(told["sections"][0]["datasets"][0]["tables"][0]["newest"], json!([[evil]]));
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere_and_is_in_no_frame() {
    let setup = Setup::new();
    let page = page(&setup).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; img-src 'self'; connect-src 'self'; "), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let elsewhere = page.text.match_indices("https:").map(|(at, _)| &page.text[at..]);
    assert!(elsewhere.clone().all(|text| text.starts_with("https://github.com/leeoniya/uPlot")), "but for a licence");
    assert!(page.text.contains("The above copyright notice"), "the licence goes with what is embedded");
    assert_eq!((page.text.matches("<script").count(), page.text.matches(" src=").count()), (1, 1), "the icon");
    assert!(!page.headers.contains_key("requestid"));
}

#[tokio::test]
async fn the_icon_is_served() {
    let setup = Setup::new();
    for path in ["/favicon.ico", "/favicon.svg"] {
        let reply = send(setup.http.get(format!("{}{path}", setup.emulator.url()))).await;
        assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
        assert!(reply.text.starts_with("<svg "));
    }
}

#[tokio::test]
async fn the_worker_of_the_page_is_served() {
    let setup = Setup::new();
    let reply = send(setup.http.get(format!("{}/emulator/worker.js", setup.emulator.url()))).await;
    assert_eq!(
        (reply.status, reply.headers["content-type"].to_str().unwrap()),
        (200, "text/javascript; charset=utf-8")
    );
    assert_eq!(reply.headers["content-security-policy"], "default-src 'none'; connect-src 'self'");
    assert!(reply.text.contains("new EventSource(\"/emulator/changes\")"));
}

#[tokio::test]
async fn looking_at_the_page_changes_nothing_and_writing_to_it_is_not_possible() {
    let setup = Setup::new();
    page(&setup).await;
    assert!(setup.emulator.requests().is_empty());
    let reply = send(setup.http.request(Method::POST, format!("{}/", setup.emulator.url()))).await;
    assert_eq!(reply.status, 401);
}
