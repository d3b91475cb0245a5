//! The page at `/`.

use reqwest::Method;
use serde_json::json;

use super::{House, Reply, send, shop};
use powerbi_push::emulator::{NewWorkspace, Role};

async fn page(house: &House) -> Reply {
    send(house.http.get(format!("{}/", house.emulator.url()))).await
}

#[tokio::test]
async fn the_page_shows_datasets_tables_rows_and_requests_without_a_token() {
    let house = House::new();
    let rows = house.table(&[("Amount", "Int64")]).await;
    let body: Vec<_> = (1..=1_234).map(|amount| json!({"Amount": amount})).collect();
    house.post(&rows, json!({"rows": body}).to_string()).await;
    house.get("/datasets/none").await;
    let page = page(&house).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    for part in [
        "<h3>Sales</h3>",
        "<h4>T</h4>",
        "<span class=\"count\">1,234</span>",
        "<th class=\"right\">Amount<small>Int64</small></th>",
        "<td class=\"right\">1225</td>",
        "<td class=\"right\">1234</td>",
        "PostRows",
        "<span class=\"pill good\">200</span>",
        "<span class=\"pill bad\">404</span>",
        "no such dataset in this workspace",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("<td class=\"right\">1224</td>"));
    assert!(!page.text.contains(&house.token));
}

/// The labels on the page, in order.
async fn badges(house: &House) -> Vec<String> {
    let page = page(house).await.text;
    let parts = page.split("<span class=\"badge\">").skip(1);
    parts.map(|part| part.split("</span>").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_used_of_the_quotas_is_shown_until_it_no_longer_counts() {
    let house = House::new();
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(badges(&house).await, ["push"]);
    for _ in 0..2 {
        house.post(&rows, r#"{"rows":[{},{},{}]}"#).await;
    }
    assert_eq!(badges(&house).await, ["push", "2 of 120 requests this minute", "6 of 1,000,000 rows this hour"]);
    house.emulator.advance(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(badges(&house).await, ["push", "6 of 1,000,000 rows this hour"]);
    house.emulator.reset();
    let url = house.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], false).unwrap();
    send(house.http.post(url).header("content-type", "application/json").body("[{}]")).await;
    assert_eq!(badges(&house).await, ["streaming", "1 of 5 requests this second"]);
}

#[tokio::test]
async fn roles_sequence_numbers_and_what_is_being_created_are_shown() {
    let house = House::assuming("creation", "accepted");
    let team = NewWorkspace { app_role: Some(Role::Viewer), dedicated_capacity: true, ..NewWorkspace::from("Team") };
    let path = format!("/groups/{}/datasets", house.emulator.add_workspace(team));
    let id = house.post(&path, shop().to_string()).await.json()["id"].as_str().unwrap().to_owned();
    let roles = ["user: Admin", "app: Viewer", "dedicated capacity", "push"];
    assert_eq!(badges(&house).await, [&roles[..], &["being created"]].concat());
    for _ in 0..2 {
        house.get(&path).await;
    }
    let request = house.request(Method::POST, &format!("{path}/{id}/tables/Product/rows"));
    let request = request.header("content-type", "application/json").header("X-PowerBI-PushData-SequenceNumber", "1");
    assert_eq!(send(request.body(r#"{"rows":[]}"#)).await.status, 200);
    let used = ["1 of 120 requests this minute", "sequence number 1"];
    assert_eq!(badges(&house).await, [&roles[..], &used].concat());
}

#[tokio::test]
async fn what_users_wrote_is_text_on_the_page() {
    let house = House::new();
    let evil = "<img src=x onerror=alert(1)>{nonce}";
    let columns = json!([{"name": evil, "dataType": "string"}]);
    let id = house.create(&json!({"name": evil, "tables": [{"name": "T", "columns": columns}]})).await;
    let body = json!({"rows": [{evil: evil}]}).to_string();
    house.post(&format!("/datasets/{id}/tables/T/rows"), body).await;
    house.post(&format!("/datasets/{id}/tables/%3Cimg%20src=x%3E/rows"), "{}").await;
    let _ = house.emulator.add_workspace(evil);
    let page = page(&house).await.text;
    assert_eq!(page.matches("<img").count(), 1, "the icon");
    assert_eq!(page.matches("&lt;img src=x onerror=alert(1)&gt;{nonce}").count(), 4);
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere_and_is_in_no_frame() {
    let house = House::new();
    let page = page(&house).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; img-src 'self'; connect-src 'self'; "), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"));
    assert!(!page.text.contains("https:"));
    assert!(!page.headers.contains_key("requestid"));
}

#[tokio::test]
async fn the_icon_is_served() {
    let house = House::new();
    for path in ["/favicon.ico", "/favicon.svg"] {
        let reply = send(house.http.get(format!("{}{path}", house.emulator.url()))).await;
        assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
        assert!(reply.text.starts_with("<svg "));
    }
}

#[tokio::test]
async fn looking_at_the_page_changes_nothing_and_writing_to_it_is_not_possible() {
    let house = House::new();
    page(&house).await;
    assert!(house.emulator.requests().is_empty());
    let reply = send(house.http.request(Method::POST, format!("{}/", house.emulator.url()))).await;
    assert_eq!(reply.status, 401);
}
