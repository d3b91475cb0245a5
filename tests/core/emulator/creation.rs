//! Datasets that come to be: by mode, by retention, and at once or later.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Setup, shop};

fn of_mode(mode: &str) -> Json {
    let mut schema = shop();
    schema["defaultMode"] = mode.into();
    schema
}

#[tokio::test]
async fn every_mode_is_taken_in_any_case_and_says_whether_rows_can_be_added() {
    let setup = Setup::new();
    for (mode, takes_rows) in [
        ("Push", true),
        ("push", true),
        ("Streaming", true),
        ("pushStreaming", true),
        ("AsAzure", false),
        ("ASONPREM", false),
    ] {
        let mut schema = of_mode(mode);
        schema["datasources"] = json!([{"name": "n", "connectionDetails": {"server": "s", "database": "d"}}]);
        let id = setup.create(&schema).await;
        let dataset = setup.get(&format!("/datasets/{id}")).await.json();
        assert_eq!(dataset["addRowsAPIEnabled"], takes_rows, "{mode}");
    }
}

#[tokio::test]
async fn what_lives_elsewhere_needs_a_source() {
    let setup = Setup::new();
    for mode in ["AsAzure", "AsOnPrem"] {
        let reply = setup.post("/datasets", of_mode(mode).to_string()).await;
        assert_eq!(reply.detail(), (400, "dataset.datasources is empty, and the mode needs one".into()));
    }
    let mut schema = of_mode("Push");
    for (source, message) in [
        (json!({"server": "s"}), "The property 'server' does not exist on type"),
        (json!({"connectionDetails": "s"}), "dataset.datasources[0].connectionDetails must be an object"),
        (json!({"connectionDetails": {"Server": "s"}}), "The property 'Server' does not exist on type"),
    ] {
        schema["datasources"] = json!([source]);
        let (status, found) = setup.post("/datasets", schema.to_string()).await.detail();
        assert!(status == 400 && found.starts_with(message), "{found}");
    }
}

#[tokio::test]
async fn a_parameter_of_the_creation_is_a_retention_and_given_once() {
    let setup = Setup::new();
    for (query, status) in [
        ("defaultRetentionPolicy=None", 201),
        ("defaultRetentionPolicy=basicFIFO", 201),
        ("defaultRetentionPolicy=", 400),
        ("defaultRetentionPolicy=None&defaultRetentionPolicy=None", 400),
        ("retention=None", 400),
    ] {
        assert_eq!(setup.post(&format!("/datasets?{query}"), shop().to_string()).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn an_accepted_dataset_is_there_after_it_was_asked_for_in_vain() {
    let setup = Setup::assuming("creation", "accepted");
    let reply = setup.post("/datasets?defaultRetentionPolicy=basicFIFO", shop().to_string()).await;
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 202);
    assert_eq!(reply.json(), json!({"id": id, "name": "Shop", "defaultRetentionPolicy": "basicFIFO"}));

    let path = format!("/datasets/{id}");
    let rows = format!("{path}/tables/Product/rows");
    let row = r#"{"rows":[{"ProductID":1}]}"#;
    assert_eq!(setup.get("/datasets").await.json()["value"], json!([]));
    for reply in [setup.post(&rows, row).await, setup.delete(&path).await, setup.get(&format!("{path}/tables")).await] {
        assert_eq!(reply.status, 404);
    }
    assert_eq!(setup.get(&path).await.status, 404);
    assert_eq!(setup.get(&path).await.status, 200);
    assert_eq!(setup.get("/datasets").await.json()["value"][0]["id"], id);
    assert_eq!(setup.post(&rows, row).await.status, 200);
}

#[tokio::test]
async fn an_accepted_dataset_may_take_its_time() {
    let setup = Setup::assuming_all(&[("creation", "accepted"), ("accepted_gets", "0"), ("accepted_seconds", "30")]);
    let id = setup.post("/datasets", shop().to_string()).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/datasets/{id}");
    setup.emulator.advance(Duration::from_secs(29)).unwrap();
    for _ in 0..5 {
        assert_eq!(setup.get(&path).await.status, 404);
    }
    setup.emulator.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(setup.get(&path).await.status, 200);
}

#[tokio::test]
async fn how_answers_spell_their_names_is_a_switch() {
    let setup = Setup::assuming("answer_names", "definitions");
    let id = setup.create(&shop()).await;
    let group = setup.emulator.add_workspace("Team");
    let list = setup.get("/datasets").await.json();
    let one = setup.get(&format!("/datasets/{id}")).await.json();
    assert_eq!(list["odata.context"], format!("{}/v1.0/myorg/$metadata#datasets", setup.emulator.url()));
    assert_eq!(list["value"], json!([one]));
    for name in ["IsRefreshable", "addRowsAPIEnabled", "webUrl", "CreatedDate", "IsOnPremGatewayRequired"] {
        assert!(one.get(name).is_some(), "{name}");
    }
    assert!(one.get("isRefreshable").is_none() && one.get("@odata.context").is_none());
    let group = setup.get(&format!("/groups/{group}")).await.json();
    assert_eq!(
        group.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["id", "isReadOnly", "isOnDedicatedCapacity", "name"]
    );
}
