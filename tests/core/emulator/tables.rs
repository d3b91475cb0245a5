//! The schema of a table, changed and shown.

use serde_json::{Value as Json, json};

use super::{Setup, shop};

/// A table `Product` with these columns.
fn product(columns: &[(&str, &str)]) -> Json {
    let columns: Vec<Json> = columns.iter().map(|(name, kind)| json!({"name": name, "dataType": kind})).collect();
    json!({"name": "Product", "columns": columns})
}

const SAME: [(&str, &str); 2] = [("ProductID", "Int64"), ("Name", "string")];
const MORE: [(&str, &str); 3] = [("ProductID", "Int64"), ("Name", "string"), ("NewColumn", "bool")];
const OLD_ROW: &str = r#"{"rows":[{"Name":"a","ProductID":1}]}"#;
const NEW_ROW: &str = r#"{"rows":[{"NewColumn":true,"Name":"b"}]}"#;

/// Makes the shop with one product, and gives the path of its table.
async fn stocked(setup: &Setup) -> String {
    let path = format!("/datasets/{}/tables/Product", setup.create(&shop()).await);
    assert_eq!(setup.post(&format!("{path}/rows"), OLD_ROW).await.status, 200);
    path
}

fn products(setup: &Setup) -> Vec<Vec<(String, String)>> {
    setup.emulator.rows(None, "Shop", Some("Product")).unwrap().iter().map(super::spelled).collect()
}

fn cells(row: &[(&str, &str)]) -> Vec<(String, String)> {
    row.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_new_column_is_known_to_rows_from_then_on() {
    let setup = Setup::new();
    let path = stocked(&setup).await;
    let rows = format!("{path}/rows");
    assert_eq!(setup.post(&rows, NEW_ROW).await.status, 404);
    let reply = setup.put(&path, &product(&MORE)).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"name": "Product"})));
    assert_eq!(setup.post(&rows, NEW_ROW).await.status, 200);
    assert_eq!(products(&setup), [cells(&[("NewColumn", "true"), ("Name", "b")])]);
    let operations: Vec<_> = setup.emulator.requests().iter().map(|request| request.operation).collect();
    assert_eq!(operations[3], Some("Datasets_PutTable"));
}

#[tokio::test]
async fn whether_rows_outlive_an_update_is_a_switch() {
    let setup = Setup::assuming("rows_after_update", "kept");
    let path = stocked(&setup).await;
    assert_eq!(setup.put(&path, &product(&MORE)).await.status, 200);
    assert_eq!(setup.post(&format!("{path}/rows"), NEW_ROW).await.status, 200);
    let new = cells(&[("NewColumn", "true"), ("Name", "b")]);
    assert_eq!(products(&setup), [cells(&[("Name", "a"), ("ProductID", "1")]), new]);

    let changed = [("NewColumn", "Int64"), ("Name", "string"), ("ProductID", "Int64")];
    assert_eq!(setup.put(&path, &product(&changed)).await.status, 200);
    assert_eq!(products(&setup), [cells(&[("Name", "a"), ("ProductID", "1")]), cells(&[("Name", "b")])]);
}

#[tokio::test]
async fn a_table_that_is_not_there_cannot_be_added() {
    let setup = Setup::new();
    let id = setup.create(&shop()).await;
    let mut table = product(&SAME);
    table["name"] = "Cr".into();
    let reply = setup.put(&format!("/datasets/{id}/tables/Cr"), &table).await;
    let message = format!("Table '<pi>Cr</pi>' not found in dataset 'Shop|{id}'");
    assert_eq!((reply.status, reply.json()), (404, json!({"error": {"code": "ItemNotFound", "message": message}})));
    assert_eq!(setup.put("/datasets/none/tables/Product", &product(&SAME)).await.status, 404);
}

#[tokio::test]
async fn a_schema_is_held_to_the_rules_of_a_new_one() {
    let setup = Setup::new();
    let path = stocked(&setup).await;
    let mut other = product(&SAME);
    other["name"] = "product".into();
    let mut unknown = product(&SAME);
    unknown["datatype"] = "x".into();
    let many: Vec<(String, &str)> = (0..76).map(|number| (format!("c{number}"), "bool")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    for (table, message) in [
        (other, "table.name is 'product', and the address names 'Product'"),
        (
            unknown,
            "The property 'datatype' does not exist on type 'Microsoft.PowerBI.ServiceContracts.Api.Table'. Make sure to \
             only use property names that are defined by the type.",
        ),
        (json!({"name": "Product"}), "table.columns is required"),
        (product(&[]), "table 'Product' has neither columns nor measures"),
        (product(&[("ProductID", "Date")]), "table 'Product' column 'ProductID': 'Date' is not a data type"),
        (product(&many), "table 'Product' has 76 entries, and 75 are allowed"),
        (product(&SAME[1..]), "table 'Product' must keep the column 'ProductID', which a relationship names"),
    ] {
        assert_eq!(setup.put(&path, &table).await.detail(), (400, message.to_owned()));
    }
    assert_eq!(setup.put(&path, &json!("x")).await.status, 400);
    assert_eq!(products(&setup).len(), 1, "a refused update leaves the rows alone");
}

#[tokio::test]
async fn only_push_datasets_have_tables_to_update() {
    let setup = Setup::new();
    for mode in ["Streaming", "AsAzure"] {
        let mut schema = shop();
        schema["defaultMode"] = mode.into();
        schema["datasources"] = json!([{"datasourceType": "AnalysisServices"}]);
        let id = setup.create(&schema).await;
        let reply = setup.put(&format!("/datasets/{id}/tables/Product"), &product(&SAME)).await;
        let message = format!("Dataset {id} is not Push API dataset.");
        assert_eq!((reply.status, reply.json()), (404, json!({"error": {"code": "ItemNotFound", "message": message}})));
    }
    let mut schema = shop();
    schema["defaultMode"] = "PushStreaming".into();
    let path = format!("/datasets/{}/tables/Product", setup.create(&schema).await);
    let mut table = product(&MORE);
    assert_eq!(setup.put(&path, &table).await.status, 200);
    table["columns"][0]["isHidden"] = true.into();
    let reply = setup.put(&path, &table).await;
    assert_eq!((reply.status, reply.json()["error"]["code"].clone()), (400, "InvalidRequest".into()));
}

#[tokio::test]
async fn whether_tables_show_their_columns_is_a_switch() {
    let setup = Setup::assuming("tables_answer", "schema");
    let mut schema = shop();
    schema["tables"][0]["columns"][1]["formatString"] = "0".into();
    schema["tables"][0]["measures"] = json!([{"name": "m", "expression": "1"}]);
    schema["tables"][0]["rows"] = json!([]);
    let path = format!("/datasets/{}/tables", setup.create(&schema).await);
    let declared = setup.get(&path).await.json()["value"].clone();
    schema["tables"][0].as_object_mut().unwrap().shift_remove("rows");
    assert_eq!(declared, schema["tables"]);
    assert_eq!(setup.put(&format!("{path}/Product"), &product(&MORE)).await.status, 200);
    assert_eq!(setup.get(&path).await.json()["value"][0], product(&MORE));
}
