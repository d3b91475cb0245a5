//! Each operation, as the vendor describes it.

use serde_json::json;

use super::{Setup, shop};

#[tokio::test]
async fn a_created_dataset_is_answered_with_its_id_name_and_retention() {
    let setup = Setup::new();
    let reply = setup.post("/datasets?defaultRetentionPolicy=basicFIFO", shop().to_string()).await;
    let id = reply.json()["id"].clone();
    assert_eq!(reply.status, 201);
    assert_eq!(reply.json(), json!({"id": id, "name": "Shop", "defaultRetentionPolicy": "basicFIFO"}));
    assert_eq!(id.as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn without_a_retention_policy_none_is_meant() {
    let setup = Setup::new();
    assert_eq!(setup.post("/datasets", shop().to_string()).await.json()["defaultRetentionPolicy"], "None");
    let reply = setup.post("/datasets?defaultRetentionPolicy=lifo", shop().to_string()).await;
    assert_eq!(reply.detail(), (400, "'lifo' is neither None nor basicFIFO".into()));
}

#[tokio::test]
async fn a_dataset_is_listed_and_read_with_the_documented_properties() {
    let setup = Setup::new();
    let id = setup.create(&shop()).await;
    let url = setup.emulator.url();
    let created = chrono::DateTime::<chrono::Utc>::from(setup.clock.wall());
    let expected = json!({
        "id": id,
        "name": "Shop",
        "webUrl": format!("{url}/#{id}"),
        "addRowsAPIEnabled": true,
        "configuredBy": "emulator@localhost",
        "isRefreshable": false,
        "isEffectiveIdentityRequired": false,
        "isEffectiveIdentityRolesRequired": false,
        "isOnPremGatewayRequired": false,
        "isInPlaceSharingEnabled": false,
        "targetStorageMode": "Abf",
        "createdDate": created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "users": [],
        "queryScaleOutSettings": {"autoSyncReadOnlyReplicas": true, "maxReadOnlyReplicas": 0},
    });
    let context = format!("{url}/v1.0/myorg/$metadata#datasets");
    let list = setup.get("/datasets").await;
    assert_eq!((list.status, list.json()), (200, json!({"@odata.context": context, "value": [expected]})));

    let mut one = setup.get(&format!("/datasets/{}", id.to_uppercase())).await.json();
    assert_eq!(one.as_object_mut().unwrap().remove("@odata.context"), Some(format!("{context}/$entity").into()));
    assert_eq!(one, expected);
}

#[tokio::test]
async fn a_name_may_be_given_twice() {
    let setup = Setup::new();
    assert_ne!(setup.create(&shop()).await, setup.create(&shop()).await);
    assert_eq!(setup.get("/datasets").await.json()["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn tables_are_listed_by_name() {
    let setup = Setup::new();
    let id = setup.create(&shop()).await;
    let reply = setup.get(&format!("/datasets/{id}/tables")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["value"], json!([{"name": "Product"}, {"name": "Order"}]));
}

#[tokio::test]
async fn a_deleted_dataset_is_gone() {
    let setup = Setup::new();
    let path = format!("/datasets/{}", setup.create(&shop()).await);
    let reply = setup.delete(&path).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    for reply in [setup.get(&path).await, setup.delete(&path).await, setup.get(&format!("{path}/tables")).await] {
        assert_eq!(reply.status, 404);
        assert_eq!(reply.json()["error"]["code"], "PowerBIEntityNotFound");
    }
}

#[tokio::test]
async fn rows_are_appended_until_all_are_deleted() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    for body in [r#"{"rows":[{"a":1}]}"#, r#"{"rows":[]}"#, r#"{"rows":[{"a":2},{}]}"#] {
        let reply = setup.post(&rows, body).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    }
    let cell = |value: &str| vec![("a".to_owned(), value.to_owned())];
    assert_eq!(setup.stored(), [cell("1"), cell("2"), vec![]]);
    let reply = setup.delete(&rows).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    assert!(setup.stored().is_empty());
}

#[tokio::test]
async fn a_workspace_holds_its_own_datasets() {
    let setup = Setup::new();
    let group = setup.emulator.add_workspace("Team");
    let reply = setup.post(&format!("/groups/{group}/datasets"), shop().to_string()).await;
    assert_eq!(reply.status, 201);
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let rows = format!("/groups/{group}/datasets/{id}/tables/Product/rows");
    assert_eq!(setup.post(&rows, r#"{"rows":[{"ProductID":1}]}"#).await.status, 200);

    assert_eq!(setup.get(&format!("/datasets/{id}")).await.status, 404);
    let context = format!("{}/v1.0/myorg/groups/{group}/$metadata#datasets", setup.emulator.url());
    assert_eq!(setup.get(&format!("/groups/{group}/datasets")).await.json()["@odata.context"], context);
    assert_eq!(setup.emulator.rows(Some("Team"), "Shop", Some("Product")).unwrap().len(), 1);
    assert_eq!(setup.emulator.rows(Some(&group), &id, Some("Product")).unwrap().len(), 1);
}

#[tokio::test]
async fn an_unknown_workspace_is_not_found() {
    let setup = Setup::new();
    for group in ["9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11", "me"] {
        let reply = setup.get(&format!("/groups/{group}/datasets")).await;
        let nested = json!({"code": "PowerBIEntityNotFound", "parameters": {}, "details": [], "exceptionCulprit": 1});
        assert_eq!(reply.status, 404);
        assert_eq!(reply.json(), json!({"error": {"code": "PowerBIEntityNotFound", "pbi.error": nested}}));
    }
}

#[tokio::test]
async fn an_unknown_table_is_named_in_the_answer_and_case_counts() {
    let setup = Setup::new();
    let id = setup.create(&shop()).await;
    let reply = setup.post(&format!("/datasets/{id}/tables/product/rows"), r#"{"rows":[]}"#).await;
    let message = format!("Table '<pi>product</pi>' not found in dataset 'Shop|{id}'");
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json(), json!({"error": {"code": "ItemNotFound", "message": message}}));
}

#[tokio::test]
async fn a_dataset_of_another_kind_takes_no_rows() {
    let setup = Setup::new();
    let mut schema = shop();
    schema["defaultMode"] = "asazure".into();
    schema["datasources"] = json!([{"connectionDetails": {"server": "s"}}]);
    let id = setup.create(&schema).await;
    let message = format!("Dataset {id} is not Push API dataset.");
    let expected = json!({"error": {"code": "ItemNotFound", "message": message}});
    let tables = format!("/datasets/{id}/tables");
    let rows = format!("{tables}/Product/rows");
    for reply in [setup.get(&tables).await, setup.post(&rows, r#"{"rows":[]}"#).await, setup.delete(&rows).await] {
        assert_eq!((reply.status, reply.json()), (404, expected.clone()));
    }
    assert_eq!(setup.get(&format!("/datasets/{id}")).await.json()["addRowsAPIEnabled"], false);
}

#[tokio::test]
async fn what_a_streaming_dataset_caches_cannot_be_deleted() {
    let setup = Setup::new();
    let columns = json!([{"name": "a", "dataType": "Int64"}]);
    let schema =
        json!({"name": "S", "defaultMode": "Streaming", "tables": [{"name": "RealTimeData", "columns": columns}]});
    let rows = format!("/datasets/{}/tables/RealTimeData/rows", setup.create(&schema).await);
    assert_eq!(setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await.status, 200);
    assert_eq!(setup.delete(&rows).await.status, 404);
    assert_eq!(setup.emulator.rows(None, "S", None).unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_operation_is_not_found() {
    let setup = Setup::new();
    let id = setup.create(&shop()).await;
    for path in ["", "/", "/datasets/", "/groups/", "/reports", &format!("/datasets/{id}/tables/Product")] {
        assert_eq!(setup.get(path).await.status, 404, "{path}");
    }
    assert_eq!(setup.delete("/datasets").await.status, 404);
}

#[tokio::test]
async fn a_fifo_table_is_cut_to_its_newest_rows() {
    let setup = Setup::with_limits(false);
    let columns = json!([{"name": "a", "dataType": "Int64"}]);
    let schema = json!({"name": "F", "tables": [{"name": "T", "columns": columns}]}).to_string();
    let reply = setup.post("/datasets?defaultRetentionPolicy=basicFIFO", schema).await;
    let rows = format!("/datasets/{}/tables/T/rows", reply.json()["id"].as_str().unwrap());
    let body =
        |range: std::ops::Range<u32>| json!({"rows": range.map(|a| json!({"a": a})).collect::<Vec<_>>()}).to_string();
    let count = || setup.emulator.rows(None, "F", None).unwrap().len();
    setup.post(&rows, body(0..210_000)).await;
    assert_eq!(count(), 210_000);
    setup.post(&rows, body(210_000..210_001)).await;
    assert_eq!(count(), 200_000);
    let first = setup.emulator.rows(None, "F", None).unwrap()[0].get("a").unwrap().to_string();
    assert_eq!(first, "10001");
}
