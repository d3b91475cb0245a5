//! Tables: another schema, sequence numbers, and what is said of a table that is not there.

use std::collections::BTreeMap;

use powerbi_push::error::{Error, Kind};
use powerbi_push::rows::schema::{Table, read_table_for};
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::TableAt;
use serde_json::json;

use crate::scripted_service::{Asked, Said, StandIn};

const DATASET: &str = "cfafbeb1-8037-4d0c-896e-a46fb27ff229";
const GROUP: &str = "f089354e-8366-4e18-aea3-4cb4a3a50b48";

fn orders() -> Table {
    let column = json!({"name": "Id", "dataType": "int64", "isHidden": true});
    let measure = json!({"name": "Total", "expression": "SUM(Orders[Id])"});
    read_table_for(&json!({"name": "Orders", "columns": [column], "measures": [measure], "description": "d"}), &TARGET)
        .unwrap()
}

/// Knows the tables `Orders` and `Ältere`, and refuses every other as the service was seen to.
fn two_tables(asked: &Asked) -> Said {
    if asked.line() == format!("GET /v1.0/myorg/datasets/{DATASET}/tables") {
        return Said::json(200, &json!({"value": [{"name": "Orders"}, {"name": "Ältere"}]}));
    }
    if asked.target.contains("/tables/Orders") {
        return Said::json(200, &json!({"name": "Orders"}));
    }
    let message = "Table '<pi>Cr</pi>' not found in dataset 'Sales|cfafbeb1'";
    Said::json(404, &json!({"error": {"code": "ItemNotFound", "message": message}}))
}

async fn update(setup: &StandIn, name: &str, table: &Table, may_lose_rows: bool) -> Result<(), Error> {
    setup.client.api().update_schema(&TableAt::new(None, DATASET, name), table, may_lose_rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_gets_its_schema_as_the_service_spells_it() {
    let setup = StandIn::start(two_tables).await;
    setup.client.api().update_schema(&TableAt::new(Some(GROUP), DATASET, "Orders"), &orders(), true).await.unwrap();
    let asked = setup.asked().remove(0);
    assert_eq!(asked.line(), format!("PUT /v1.0/myorg/groups/{GROUP}/datasets/{DATASET}/tables/Orders"));
    let column = r#"{"name":"Id","dataType":"Int64","isHidden":true}"#;
    let measure = r#"{"name":"Total","expression":"SUM(Orders[Id])"}"#;
    let expected = format!(r#"{{"name":"Orders","columns":[{column}],"measures":[{measure}],"description":"d"}}"#);
    assert_eq!(asked.body, expected);
    assert_eq!(setup.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_may_go_are_asked_for_before_anything_is_sent() {
    let setup = StandIn::start(two_tables).await;
    let error = update(&setup, "Orders", &orders(), false).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.message, "updating the schema may delete all rows of table `Orders`");
    assert!(error.hint.unwrap().contains("may_lose_rows=True"));
    assert_eq!(setup.lines(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_name_is_refused_before_anything_is_sent() {
    let setup = StandIn::start(two_tables).await;
    for name in ["orders", "Order", "Orders "] {
        let error = update(&setup, name, &orders(), true).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        assert_eq!(error.message, format!("table `{name}` cannot take the schema of a table `Orders`"));
    }
    assert_eq!(setup.lines(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_is_answered_with_those_that_are() {
    let setup = StandIn::start(two_tables).await;
    let api = setup.client.api();
    let table = Table { name: "Cr".into(), ..orders() };
    for error in [
        update(&setup, "Cr", &table, true).await.unwrap_err(),
        api.delete_rows(&TableAt::new(None, DATASET, "Cr")).await.unwrap_err(),
        api.sequence_numbers(&TableAt::new(None, DATASET, "Cr")).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.answer.status, error.answer.code.as_deref()), NOT_FOUND);
        let said = "the service answered 404: ItemNotFound: Table 'Cr' not found in dataset 'Sales|cfafbeb1'";
        let there = "the dataset has no table `Cr`: there are `Orders`, `Ältere`";
        assert!(error.message.ends_with(&format!(": {said}; {there}")), "{}", error.message);
        assert!(error.hint.unwrap().contains("cannot add a table"));
    }
}

const NOT_FOUND: (Kind, Option<u16>, Option<&str>) = (Kind::NotFound, Some(404), Some("ItemNotFound"));

#[tokio::test(flavor = "multi_thread")]
async fn a_404_that_is_not_about_the_table_is_left_as_it_is() {
    let message = "Dataset cfafbeb1 is not Push API dataset.";
    let setup = StandIn::start(move |_| Said::json(404, &json!({"code": "ItemNotFound", "message": message}))).await;
    let error = setup.client.api().delete_rows(&TableAt::new(None, DATASET, "Orders")).await.unwrap_err();
    assert!(error.message.ends_with("ItemNotFound: Dataset cfafbeb1 is not Push API dataset."), "{}", error.message);

    let setup =
        StandIn::start(|asked| if asked.target.ends_with("/tables") { two_tables(asked) } else { Said::empty(404) })
            .await;
    let error = setup.client.api().sequence_numbers(&TableAt::new(None, DATASET, "Orders")).await.unwrap_err();
    assert_eq!(error.message, "asking for the sequence numbers: the service answered 404");
    assert!(error.hint.unwrap().contains("may offer it no longer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_numbers_are_asked_for_beside_the_rows() {
    let entries = json!([{"clientId": 3, "sequenceNumber": 41}, {"clientId": "1", "sequenceNumber": "7"}]);
    let setup = StandIn::start(move |_| Said::json(200, &json!({"value": entries}))).await;
    let numbers = setup.client.api().sequence_numbers(&TableAt::new(Some(GROUP), DATASET, "Ä/r")).await.unwrap();
    assert_eq!(numbers, BTreeMap::from([(1, 7), (3, 41)]));
    let path = format!("/v1.0/myorg/groups/{GROUP}/datasets/{DATASET}/tables/%C3%84%2Fr/sequenceNumbers");
    assert_eq!(setup.lines(), [format!("GET {path}")]);
}
