//! What somebody orders on the page: only the page itself may, and only with its token.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::{Reply, Setup, send};

const PATH: &str = "/emulator/commands";

/// The token that is in the page.
async fn page_token(setup: &Setup) -> String {
    let page = send(setup.http.get(setup.emulator.url())).await.text;
    let (_, rest) = page.split_once(r#"<meta name="token" content=""#).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn order(setup: &Setup, body: &Json) -> RequestBuilder {
    let url = format!("{}{PATH}", setup.emulator.url());
    setup.http.post(url).header("content-type", "application/json").body(body.to_string())
}

/// An order as the page sends it.
async fn ordered(setup: &Setup, body: Json) -> Reply {
    let own = setup.emulator.url();
    let request = order(setup, &body).header("origin", own).header("sec-fetch-site", "same-origin");
    send(request.header("x-emulator-page", page_token(setup).await)).await
}

fn why(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    assert_eq!(json["error"]["code"], "RefusedByEmulator");
    (reply.status, json["error"]["message"].as_str().unwrap().to_owned())
}

fn sensors() -> Json {
    let field = |name, word| json!({"name": name, "type": word});
    let fields = [field("string_value", "Text"), field("number_value", "Number"), field("datetime_value", "DateTime")];
    json!({"command": "make", "kind": "streaming", "name": "Sensors", "history": false, "fields": fields})
}

#[tokio::test]
async fn without_the_token_of_this_start_nothing_is_changed() {
    let (setup, other) = (Setup::new(), Setup::new());
    let tokens = [None, Some(String::new()), Some(page_token(&other).await), Some(setup.token.clone())];
    for token in tokens {
        let mut request = order(&setup, &sensors());
        if let Some(token) = &token {
            request = request.header("x-emulator-page", token);
        }
        let (status, message) = why(&send(request).await);
        assert_eq!(status, 403);
        assert!(message.ends_with("it is missing or of an earlier start; load the page anew"), "{message}");
    }
    assert_eq!(setup.get("/datasets").await.json()["value"], json!([]));
    assert_eq!(ordered(&setup, sensors()).await.status, 200);
}

#[tokio::test]
async fn another_page_orders_nothing_even_with_the_token() {
    let setup = Setup::new();
    let token = page_token(&setup).await;
    let port = setup.emulator.port();
    for (name, value, status) in [
        ("origin", "https://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("origin", format!("http://127.0.0.1:{}", port ^ 1), 403),
        ("origin", format!("https://127.0.0.1:{port}"), 403),
        ("origin", format!("http://127.0.0.1:{port}.evil.example"), 403),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
        ("sec-fetch-site", "same-site".to_owned(), 403),
        ("host", format!("evil.example:{port}"), 403),
        ("origin", format!("http://127.0.0.1:{port}"), 200),
        ("origin", format!("http://localhost:{port}"), 200),
    ] {
        let request = order(&setup, &json!({"command": "expire_tokens"})).header("x-emulator-page", &token);
        let reply = send(request.header(name, &value)).await;
        assert_eq!(reply.status, status, "{name}: {value}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }
}

#[tokio::test]
async fn the_origin_of_the_page_opens_its_own_routes_and_no_other() {
    let setup = Setup::new();
    let own = setup.emulator.url();
    let changes = setup.http.get(format!("{own}/emulator/changes")).header("origin", &own).send().await.unwrap();
    assert_eq!(changes.status(), 200);
    let token = setup.http.post(format!("{own}/emulator/token")).header("origin", &own);
    assert_eq!(send(token).await.status, 403);
    assert_eq!(send(setup.request(Method::GET, "/datasets").header("origin", &own)).await.status, 403);
}

#[tokio::test]
async fn an_oversized_order_and_a_broken_one_are_refused_and_the_service_goes_on() {
    let setup = Setup::new();
    let token = page_token(&setup).await;
    let url = format!("{}{PATH}", setup.emulator.url());
    let post = |content_type: &str, body: String| {
        let request = setup.http.post(&url).header("x-emulator-page", &token).header("content-type", content_type);
        send(request.body(body))
    };
    let large = json!({"command": "make", "kind": "push", "name": "x".repeat(300_000)}).to_string();
    let length = large.len();
    let refused = why(&post("application/json", large).await);
    assert_eq!(refused, (413, format!("an order has 262144 bytes at most, and this one has {length}")));
    assert_eq!(why(&post("text/plain", sensors().to_string()).await), (415, "orders are application/json".into()));
    let (status, message) = why(&post("application/json", "{".into()).await);
    assert_eq!((status, message.starts_with("the order is not JSON: ")), (400, true));
    assert_eq!(why(&ordered(&setup, json!({"command": "burn"})).await), (400, "there is no order `burn`".into()));
    assert_eq!(ordered(&setup, sensors()).await.status, 200);
}

#[tokio::test]
async fn a_streaming_dataset_made_by_hand_takes_rows_by_its_push_url() {
    let setup = Setup::new();
    let made = ordered(&setup, sensors()).await.json();
    let told = setup.snapshot().await.to_string();
    let info = ordered(&setup, json!({"command": "api_info", "dataset": made["dataset"]})).await.json();
    let push_url = info["push_url"].as_str().unwrap();
    assert!(!told.contains(push_url.split_once("key=").unwrap().1), "the key is told only to who asks for it");
    let row = r#"[{"string_value": "ABC XYZ", "number_value": 12345, "datetime_value": "2026-01-31T12:00:00"}]"#;
    let push = |body| send(setup.http.post(push_url).header("content-type", "application/json").body(body));
    assert_eq!(push(row).await.status, 200);
    assert_eq!(setup.emulator.rows(None, "Sensors", None).unwrap().len(), 1);
    // A single object instead of a list.
    assert_eq!(push(r#"{"number_value": 1}"#).await.status, 400);
    let titles: Vec<_> = info["snippets"].as_array().unwrap().iter().map(|snippet| &snippet["title"]).collect();
    assert_eq!(titles, ["Python with requests", "Python with powerbi_push", "curl", "PowerShell"]);
    for snippet in info["snippets"].as_array().unwrap() {
        assert!(snippet["text"].as_str().unwrap().contains(push_url));
    }
}

#[tokio::test]
async fn a_push_dataset_made_by_hand_is_filled_through_the_api_and_deleted() {
    let setup = Setup::new();
    let fields = json!([{"name": "Id", "type": "Int64"}]);
    let wanted = json!({"command": "make", "kind": "push", "name": "Sales", "table": "My Orders", "fields": fields});
    let id = ordered(&setup, wanted).await.json()["dataset"].clone();
    let info = ordered(&setup, json!({"command": "api_info", "dataset": id})).await.json();
    assert_eq!(info["push_url"], Json::Null);
    let path = format!("/datasets/{}/tables/My%20Orders/rows", id.as_str().unwrap());
    assert!(info["snippets"][0]["text"].as_str().unwrap().contains(&path));
    assert_eq!(setup.post(&path, r#"{"rows":[{"Id":1}]}"#).await.status, 200);
    assert_eq!(ordered(&setup, json!({"command": "delete", "dataset": id})).await.status, 200);
    assert_eq!(setup.get("/datasets").await.json()["value"], json!([]));
    let (status, message) = why(&ordered(&setup, json!({"command": "delete", "dataset": id})).await);
    assert_eq!((status, message.as_str()), (404, "there is no such dataset; it may have been deleted"));
}

#[tokio::test]
async fn what_the_service_would_not_make_is_refused_with_the_reason() {
    let setup = Setup::new();
    let wanted = |fields: Json| json!({"command": "make", "kind": "streaming", "name": "S", "fields": fields});
    let twice = json!([{"name": "a", "type": "Text"}, {"name": "A", "type": "Text"}]);
    for (wanted, reason) in [
        (wanted(json!([])), "table 'RealTimeData' has neither columns nor measures"),
        (wanted(json!([{"name": "a", "type": "Money"}])), "column 'a': 'Money' is not a data type"),
        (wanted(twice), "has the name 'A' twice"),
        (json!({"command": "make", "kind": "push", "name": " ", "fields": []}), "dataset.name is empty"),
        (json!({"command": "make", "kind": "report"}), "no service makes such a dataset"),
    ] {
        let (status, message) = why(&ordered(&setup, wanted).await);
        assert_eq!(status, 400);
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(setup.get("/datasets").await.json()["value"], json!([]));
}

#[tokio::test]
async fn tokens_expire_requests_fail_and_all_is_reset_by_order() {
    let setup = Setup::new();
    ordered(&setup, sensors()).await;
    let fault = json!({"command": "fail_next", "status": 503, "retry_after": "7", "times": 2, "route": "/rows"});
    assert_eq!(ordered(&setup, fault).await.status, 200);
    assert_eq!(setup.snapshot().await["log"]["faults"], 2);
    let reply = setup.post("/datasets/x/tables/T/rows", "{}").await;
    assert_eq!((reply.status, &reply.headers["retry-after"]), (503, &"7".parse().unwrap()));
    assert_eq!(setup.snapshot().await["log"]["faults"], 1);
    let wrong = json!({"command": "fail_next", "status": 429, "times": 1, "route": "Nowhere"});
    let (status, message) = why(&ordered(&setup, wrong).await);
    assert_eq!(status, 400);
    assert!(message.starts_with("`route` of a fault cannot be `Nowhere`"), "{message}");
    assert_eq!(setup.get("/datasets").await.status, 200);
    ordered(&setup, json!({"command": "expire_tokens"})).await;
    assert_eq!(setup.get("/datasets").await.status, 403);
    ordered(&setup, json!({"command": "reset"})).await;
    let told = setup.snapshot().await;
    assert_eq!((&told["sections"][0]["datasets"], &told["log"]["faults"]), (&json!([]), &json!(0)));
}
