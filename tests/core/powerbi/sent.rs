//! Schemas as they are sent: every property under the service's own name, and none that it does not describe.

use powerbi_push::rows::schema::read_dataset_for;
use powerbi_push::services::powerbi::TARGET;
use serde_json::{Value, json};

use crate::scripted_service::{Said, StandIn};
use crate::skipped::description;

const GROUP: &str = "f089354e-8366-4e18-aea3-4cb4a3a50b48";

/// A service that makes whatever it is asked to.
async fn service() -> StandIn {
    StandIn::start(|_| Said::json(201, &json!({"id": "cfafbeb1-8037-4d0c-896e-a46fb27ff229", "name": "made"}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_posted_as_the_service_spells_it() {
    let given = json!({
        "name": "Shop", "defaultMode": "push", "defaultRetentionPolicy": "BASICFIFO",
        "tables": [
            {"name": "Product", "description": "What we sell", "isHidden": false,
             "columns": [
                {"name": "ProductID", "dataType": "Int64", "isHidden": true, "summarizeBy": "NONE"},
                {"name": "Name", "dataType": "String", "sortByColumn": "ProductID", "dataCategory": "WebUrl"},
                {"name": "Price", "dataType": "Decimal", "formatString": "Currency"},
                {"name": "Weight", "dataType": "double"}, {"name": "Since", "dataType": "datetime"},
                {"name": "Sold", "dataType": "boolean"}],
             "measures": [{"name": "Total", "expression": "SUM(Product[Price])", "formatString": "0.0",
                           "description": "All of it", "isHidden": true}]},
            {"name": "Order", "columns": [{"name": "ProductID", "dataType": "Int64"}]}],
        "relationships": [{"name": "r", "fromTable": "Order", "fromColumn": "ProductID", "toTable": "Product",
                           "toColumn": "ProductID", "crossFilteringBehavior": "bothDirections"}],
    });
    let expected = json!({
        "name": "Shop", "defaultMode": "Push",
        "tables": [
            {"name": "Product", "description": "What we sell", "isHidden": false,
             "columns": [
                {"name": "ProductID", "dataType": "Int64", "isHidden": true, "summarizeBy": "none"},
                {"name": "Name", "dataType": "string", "sortByColumn": "ProductID", "dataCategory": "WebUrl"},
                {"name": "Price", "dataType": "Decimal", "formatString": "Currency"},
                {"name": "Weight", "dataType": "Double"}, {"name": "Since", "dataType": "DateTime"},
                {"name": "Sold", "dataType": "bool"}],
             "measures": [{"name": "Total", "expression": "SUM(Product[Price])", "formatString": "0.0",
                           "description": "All of it", "isHidden": true}]},
            {"name": "Order", "columns": [{"name": "ProductID", "dataType": "Int64"}]}],
        "relationships": [{"name": "r", "fromTable": "Order", "fromColumn": "ProductID", "toTable": "Product",
                           "toColumn": "ProductID", "crossFilteringBehavior": "BothDirections"}],
    });
    let setup = service().await;
    setup.client.api().create_dataset(Some(GROUP), &read_dataset_for(&given, &TARGET).unwrap()).await.unwrap();
    let asked = setup.asked().pop().unwrap();
    assert_eq!(asked.line(), format!("POST /v1.0/myorg/groups/{GROUP}/datasets?defaultRetentionPolicy=basicFIFO"));
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_and_policy_is_sent_and_streaming_modes_send_names_and_types_only() {
    for (mode, sent) in [("Push", "Push"), ("pushStreaming", "PushStreaming"), ("STREAMING", "Streaming")] {
        for (policy, query) in [("None", ""), ("basicFIFO", "?defaultRetentionPolicy=basicFIFO")] {
            let table = json!({"name": "T", "columns": [{"name": "Id", "dataType": "text"}]});
            let given = json!({"name": "S", "defaultMode": mode, "defaultRetentionPolicy": policy, "tables": [table]});
            let setup = service().await;
            setup.client.api().create_dataset(None, &read_dataset_for(&given, &TARGET).unwrap()).await.unwrap();
            let asked = setup.asked().pop().unwrap();
            assert_eq!(asked.line(), format!("POST /v1.0/myorg/datasets{query}"));
            let table = r#"{"name":"T","columns":[{"name":"Id","dataType":"string"}]}"#;
            assert_eq!(asked.body, format!(r#"{{"name":"S","defaultMode":"{sent}","tables":[{table}]}}"#));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_has_no_property_that_the_service_does_not_describe() {
    let Some(swagger) = description() else { return };
    let column = json!({"name": "a", "dataType": "Int64", "formatString": "0", "sortByColumn": "a", "dataCategory": "c",
                        "isHidden": true, "summarizeBy": "sum"});
    let measure = json!({"name": "m", "expression": "1", "formatString": "0", "description": "d", "isHidden": true});
    let table = json!({"name": "T", "columns": [column], "measures": [measure], "description": "d", "isHidden": true});
    let related = json!({"name": "r", "fromTable": "T", "fromColumn": "a", "toTable": "T", "toColumn": "a"});
    let given = json!({"name": "D", "tables": [table], "relationships": [related]});
    let setup = service().await;
    setup.client.api().create_dataset(None, &read_dataset_for(&given, &TARGET).unwrap()).await.unwrap();
    let sent: Value = serde_json::from_str(&setup.asked()[0].body).unwrap();
    for (part, definition) in [
        ("", "CreateDatasetRequest"),
        ("/tables/0", "Table"),
        ("/tables/0/columns/0", "Column"),
        ("/tables/0/measures/0", "Measure"),
        ("/relationships/0", "Relationship"),
    ] {
        let described = swagger["definitions"][definition]["properties"].as_object().unwrap();
        for (property, value) in sent.pointer(part).unwrap().as_object().unwrap() {
            let known = described.get(property).unwrap_or_else(|| panic!("{definition} has no `{property}`"));
            if let Some(words) = known["enum"].as_array() {
                assert!(words.contains(value), "{definition} `{property}`: {value}");
            }
        }
    }
}
