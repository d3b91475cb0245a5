//! Schemas: which datasets can be created.

use serde_json::{Value as Json, json};

use super::{Setup, shop};

/// Creates a dataset with one table, changed as told, and gives the answer's message; empty if it was created.
async fn refusal(setup: &Setup, change: impl FnOnce(&mut Json)) -> String {
    let mut schema = shop();
    change(&mut schema);
    let reply = setup.post("/datasets", schema.to_string()).await;
    if reply.status == 201 { String::new() } else { reply.detail().1 }
}

#[tokio::test]
async fn an_unknown_property_is_refused_in_the_words_of_the_service() {
    let setup = Setup::new();
    let mut schema = shop();
    schema["compatibilityLevel"] = 1550.into();
    let reply = setup.post("/datasets", schema.to_string()).await;
    let message = "The property 'compatibilityLevel' does not exist on type 'Microsoft.PowerBI.ServiceContracts.Api.Dataset'. \
                   Make sure to only use property names that are defined by the type.";
    let details = json!([{"message": message, "target": "dataset"}]);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json(), json!({"error": {"code": "BadRequest", "message": "Bad Request", "details": details}}));
}

#[tokio::test]
async fn names_of_properties_are_strict_at_every_depth() {
    let setup = Setup::new();
    for (pointer, name, kind) in [
        ("", "Name", "Dataset"),
        ("/tables/0", "hidden", "Table"),
        ("/tables/0/columns/0", "datatype", "Column"),
        ("/relationships/0", "fromtable", "Relationship"),
    ] {
        let message = refusal(&setup, |schema| schema.pointer_mut(pointer).unwrap()[name] = "x".into()).await;
        assert!(message.starts_with(&format!("The property '{name}' does not exist on type ")), "{message}");
        assert!(message.contains(&format!("Api.{kind}'")), "{message}");
    }
}

#[tokio::test]
async fn what_is_missing_or_of_the_wrong_kind_is_named() {
    let setup = Setup::new();
    for (pointer, name, value, message) in [
        ("", "name", Json::Null, "dataset.name is required"),
        ("", "name", json!(""), "dataset.name is empty"),
        ("", "name", json!(1), "dataset.name must be a string"),
        ("", "tables", Json::Null, "dataset.tables is required"),
        ("", "tables", json!([]), "dataset.tables is empty"),
        ("", "tables", json!({}), "dataset.tables must be an array"),
        ("", "tables", json!([1]), "dataset.tables[0] must be an object"),
        ("/tables/1", "columns", Json::Null, "dataset.tables[1].columns is required"),
        ("/tables/1", "columns", json!([]), "table 'Order' has neither columns nor measures"),
        ("/tables/1", "isHidden", json!("no"), "dataset.tables[1].isHidden must be true or false"),
        ("/tables/0/columns/1", "dataType", Json::Null, "dataset.tables[0].columns[1].dataType is required"),
        ("/tables/0/columns/1", "dataType", json!("Date"), "table 'Product' column 'Name': 'Date' is not a data type"),
        ("/tables/0/columns/1", "sortByColumn", json!("No"), "table 'Product' has no column 'No' to sort by"),
        (
            "/tables/0/columns/1",
            "summarizeBy",
            json!("mean"),
            "table 'Product' has 'mean', which is none of default, none, sum, min, max, count, average, distinctCount",
        ),
        ("", "defaultMode", json!("Pull"), "dataset.defaultMode 'Pull' is not a mode"),
    ] {
        let found = refusal(&setup, |schema| schema.pointer_mut(pointer).unwrap()[name] = value).await;
        assert_eq!(found, message);
    }
}

#[tokio::test]
async fn a_name_is_taken_once_in_any_case() {
    let setup = Setup::new();
    let message = refusal(&setup, |schema| schema["tables"][1]["name"] = "PRODUCT".into()).await;
    assert_eq!(message, "dataset.tables has the name 'PRODUCT' twice");
    let message = refusal(&setup, |schema| schema["tables"][0]["columns"][1]["name"] = "productid".into()).await;
    assert_eq!(message, "table 'Product' has the name 'productid' twice");
    let measures = json!([{"name": "NAME", "expression": "1"}]);
    let message = refusal(&setup, |schema| schema["tables"][0]["measures"] = measures).await;
    assert_eq!(message, "table 'Product' has the name 'NAME' twice");
}

#[tokio::test]
async fn a_table_name_follows_the_documented_pattern() {
    let setup = Setup::new();
    for (name, is_allowed) in [
        ("Sales Orders #1 - a@b_c~", true),
        ("Umsätze 売上 😀", true),
        ("", false),
        ("a.b", false),
        ("a/b", false),
        ("a'b", false),
        ("a(b)", false),
        ("a&b", false),
        (&"é".repeat(100), true),
        (&"é".repeat(101), false),
    ] {
        let message = refusal(&setup, |schema| {
            schema["relationships"] = json!([]);
            schema["tables"][0]["name"] = name.into();
        });
        assert_eq!(message.await.is_empty(), is_allowed, "{name}");
    }
}

#[tokio::test]
async fn a_column_name_may_have_any_sign_but_control_characters() {
    let setup = Setup::new();
    let name = |name: &'static str| move |schema: &mut Json| schema["tables"][0]["columns"][1]["name"] = name.into();
    assert_eq!(refusal(&setup, name("a.b/c'(d)&[e]")).await, "");
    assert_ne!(refusal(&setup, name("a\u{1}b")).await, "");
    assert_ne!(refusal(&setup, name("")).await, "");
}

#[tokio::test]
async fn a_relationship_must_join_what_exists() {
    let setup = Setup::new();
    let set = |key: &'static str, value: &'static str| {
        move |schema: &mut Json| schema["relationships"][0][key] = value.into()
    };
    let message = refusal(&setup, set("toTable", "Customer")).await;
    assert_eq!(message, "relationship 'r' names the table 'Customer', which is not in the dataset");
    let message = refusal(&setup, set("fromColumn", "Id")).await;
    assert_eq!(message, "relationship 'r' names the column 'Id', which is not in the table 'Order'");
    assert_eq!(refusal(&setup, set("crossFilteringBehavior", "bothDirections")).await, "");
    assert_ne!(refusal(&setup, set("crossFilteringBehavior", "none")).await, "");
}

#[tokio::test]
async fn seventy_five_of_each_are_taken_and_one_more_is_refused() {
    let setup = Setup::new();
    let columns = |count: u32| (0..count).map(|n| json!({"name": n.to_string(), "dataType": "int"})).collect::<Json>();
    let tables =
        |count: u32| (0..count).map(|n| json!({"name": n.to_string(), "columns": columns(1)})).collect::<Json>();
    let relationships = |count: u32| {
        let ends = |n: u32| json!({"name": n.to_string(), "fromTable": "0", "fromColumn": "0", "toTable": "1", "toColumn": "0"});
        (0..count).map(ends).collect::<Json>()
    };
    for (schema, status) in [
        (json!({"name": "n", "tables": [{"name": "t", "columns": columns(75)}]}), 201),
        (json!({"name": "n", "tables": [{"name": "t", "columns": columns(76)}]}), 400),
        (json!({"name": "n", "tables": tables(75)}), 201),
        (json!({"name": "n", "tables": tables(76)}), 400),
        (json!({"name": "n", "tables": tables(2), "relationships": relationships(75)}), 201),
        (json!({"name": "n", "tables": tables(2), "relationships": relationships(76)}), 400),
    ] {
        assert_eq!(setup.post("/datasets", schema.to_string()).await.status, status);
    }
}

#[tokio::test]
async fn a_streaming_mode_refuses_every_other_property_of_a_column() {
    let setup = Setup::new();
    for mode in ["streaming", "PushStreaming", "PUSHSTREAMING"] {
        let mut schema = shop();
        schema["defaultMode"] = mode.into();
        assert_eq!(setup.post("/datasets", schema.to_string()).await.status, 201);
        schema["tables"][0]["columns"][0]["formatString"] = "0".into();
        let reply = setup.post("/datasets", schema.to_string()).await;
        let message = "This dataset or endpoint does not support column properties other than name and dataType.";
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json(), json!({"error": {"code": "InvalidRequest", "message": message}}));
    }
}

#[tokio::test]
async fn a_data_type_is_known_by_each_of_its_names_in_any_case() {
    let setup = Setup::new();
    let names =
        ["Int64", "int64", "int", "Double", "Boolean", "bool", "DateTime", "dateTime", "Datetime", "STRING", "Decimal"];
    for name in names {
        let message = refusal(&setup, |schema| schema["tables"][0]["columns"][1]["dataType"] = name.into()).await;
        assert_eq!(message, "", "{name}");
    }
}

#[tokio::test]
async fn everything_that_the_documents_allow_is_taken() {
    let setup = Setup::new();
    let column = json!({"name": "a", "dataType": "Int64", "formatString": "0", "sortByColumn": "b", "dataCategory": "City",
        "isHidden": true, "summarizeBy": "Sum"});
    let measure =
        json!({"name": "m", "expression": "SUM(T[a])", "formatString": "0", "description": "d", "isHidden": false});
    let schema = json!({"name": "All", "defaultMode": "Push", "datasources": [], "relationships": [], "tables": [
        {"name": "T", "columns": [column, {"name": "b", "dataType": "Int64", "formatString": null}], "measures": [measure],
         "rows": [], "isHidden": false, "description": "d", "source": [{"expression": "x"}]},
        {"name": "Measures", "columns": [], "measures": [{"name": "n", "expression": "1"}]},
    ]});
    assert_eq!(setup.post("/datasets", schema.to_string()).await.status, 201);
}
