//! The vendor's own description of the operations, where it is at hand: its examples are taken as they stand, and every
//! answer has the shape that it gives.

use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::{Reply, Setup, send};
use crate::skipped::description;
use powerbi_push::emulator::NewWorkspace;

/// The description.
struct Swagger(Json);

impl Swagger {
    /// `None`, and a line that says so, where it is not there.
    fn read() -> Option<Self> {
        description().map(Self)
    }

    fn operation(&self, method: &str, path: &str) -> &Json {
        let operation = &self.0["paths"][path][method];
        assert!(operation.is_object(), "{method} {path}");
        operation
    }

    /// The example of an operation: what is sent under `parameter`, and what comes back.
    fn example(&self, method: &str, path: &str, parameter: &str) -> (Json, Json) {
        let examples = self.operation(method, path)["x-ms-examples"].as_object().unwrap();
        let example = examples.values().next().unwrap();
        let answer = example["responses"].as_object().unwrap().values().next().unwrap();
        (example["parameters"][parameter].clone(), answer.get("body").unwrap_or(answer).clone())
    }

    /// All properties of a definition, with those that it takes over from others.
    fn properties(&self, definition: &Json) -> Map<String, Json> {
        let definition = self.resolved(definition);
        let inherited = definition["allOf"].as_array().into_iter().flatten().flat_map(|part| self.properties(part));
        let own = definition["properties"].as_object().cloned().unwrap_or_default();
        inherited.chain(own).collect()
    }

    fn resolved<'a>(&'a self, definition: &'a Json) -> &'a Json {
        match definition["$ref"].as_str() {
            Some(name) => &self.0["definitions"][name.trim_start_matches("#/definitions/")],
            None => definition,
        }
    }

    /// Holds an answer to the definition: known names only, each value of its type.
    fn check(&self, json: &Json, definition: &Json, is_exact: bool) {
        let definition = self.resolved(definition);
        match definition["type"].as_str() {
            Some("string") => assert!(json.is_string(), "{json} is {definition}"),
            Some("boolean") => assert!(json.is_boolean(), "{json} is {definition}"),
            Some("integer") => assert!(json.is_i64(), "{json} is {definition}"),
            Some("array") => {
                let items = json.as_array().unwrap().iter();
                items.for_each(|item| self.check(item, &definition["items"], is_exact));
            }
            _ => self.check_object(json, definition, is_exact),
        }
    }

    fn check_object(&self, json: &Json, definition: &Json, is_exact: bool) {
        let known = self.properties(definition);
        for (name, value) in json.as_object().unwrap() {
            let is_same = |other: &str| if is_exact { other == name } else { other.eq_ignore_ascii_case(name) };
            match known.iter().find(|(other, _)| is_same(other)) {
                Some((_, definition)) => self.check(value, definition, is_exact),
                // In the examples of today's service the context has an `@`; of a single thing it is not defined.
                None => assert!(name == "@odata.context" && !is_exact, "`{name}` is not in {definition}"),
            }
        }
    }

    /// Holds a reply to one of the answers of its operation.
    fn check_reply(&self, reply: &Reply, method: &str, path: &str, is_exact: bool) {
        let response = &self.operation(method, path)["responses"][reply.status.to_string()];
        assert!(response.is_object(), "{method} {path} answers {}", reply.status);
        match response.get("schema") {
            Some(schema) => self.check(&reply.json(), schema, is_exact),
            None => assert_eq!(reply.text, ""),
        }
    }
}

/// Every property of the example is in the answer, as the example has it or with a value of the same kind.
fn has_all_of(answer: &Json, example: &Json) {
    for (name, value) in example.as_object().unwrap() {
        let found = &answer[name];
        assert_eq!(std::mem::discriminant(found), std::mem::discriminant(value), "{name} of {answer}");
    }
}

const DATASETS: &str = "/v1.0/myorg/datasets";
const DATASET: &str = "/v1.0/myorg/datasets/{datasetId}";
const TABLES: &str = "/v1.0/myorg/datasets/{datasetId}/tables";
const TABLE: &str = "/v1.0/myorg/datasets/{datasetId}/tables/{tableName}";
const ROWS: &str = "/v1.0/myorg/datasets/{datasetId}/tables/{tableName}/rows";

#[tokio::test]
async fn the_examples_of_the_description_are_taken_and_answered_in_its_shape() {
    let Some(swagger) = Swagger::read() else { return };
    for names in ["examples", "definitions"] {
        let is_exact = names == "definitions";
        let setup = Setup::assuming_all(&[("answer_names", names), ("tables_answer", "schema")]);
        let (schema, created) = swagger.example("post", DATASETS, "dataset");
        let reply = setup.post("/datasets?defaultRetentionPolicy=basicFIFO", schema.to_string()).await;
        assert_eq!(reply.status, 201);
        has_all_of(&reply.json(), &created);
        assert_eq!(reply.json()["defaultRetentionPolicy"], created["defaultRetentionPolicy"]);
        let id = reply.json()["id"].as_str().unwrap().to_owned();

        let one = format!("/datasets/{id}");
        let table = format!("{one}/tables/Product");
        swagger.check_reply(&setup.get("/datasets").await, "get", DATASETS, is_exact);
        swagger.check_reply(&setup.get(&one).await, "get", DATASET, is_exact);
        swagger.check_reply(&setup.get(&format!("{one}/tables")).await, "get", TABLES, is_exact);
        if !is_exact {
            has_all_of(
                &setup.get("/datasets").await.json()["value"][0],
                &swagger.example("get", DATASETS, "").1["value"][0],
            );
            has_all_of(&setup.get(&one).await.json(), &swagger.example("get", DATASET, "").1);
        }

        let (rows, _) = swagger.example("post", ROWS, "requestMessage");
        let reply = setup.post(&format!("{table}/rows"), rows.to_string()).await;
        swagger.check_reply(&reply, "post", ROWS, is_exact);
        assert_eq!(setup.emulator.rows(None, &id, Some("Product")).unwrap().len(), 3);
        let (changed, answered) = swagger.example("put", TABLE, "requestMessage");
        let reply = setup.put(&table, &changed).await;
        swagger.check_reply(&reply, "put", TABLE, is_exact);
        assert_eq!(reply.json(), answered);
        swagger.check_reply(&setup.delete(&format!("{table}/rows")).await, "delete", ROWS, is_exact);
        swagger.check_reply(&setup.delete(&one).await, "delete", DATASET, is_exact);
    }
}

#[tokio::test]
async fn workspaces_have_the_shape_of_the_description() {
    let Some(swagger) = Swagger::read() else { return };
    for names in ["examples", "definitions"] {
        let is_exact = names == "definitions";
        let setup = Setup::assuming("answer_names", names);
        let _ = setup.emulator.add_workspace("sample group");
        let large = NewWorkspace { dedicated_capacity: true, ..NewWorkspace::from("marketing group") };
        let large = setup.emulator.add_workspace(large);
        let list = setup.get("/groups").await;
        swagger.check_reply(&list, "get", "/v1.0/myorg/groups", is_exact);
        let (_, listed) = swagger.example("get", "/v1.0/myorg/groups", "");
        for at in [0, 1] {
            has_all_of(&list.json()["value"][at], &listed["value"][at]);
        }
        let one = setup.get(&format!("/groups/{large}")).await;
        swagger.check_reply(&one, "get", "/v1.0/myorg/groups/{groupId}", is_exact);
        has_all_of(&one.json(), &swagger.example("get", "/v1.0/myorg/groups/{groupId}", "").1);
    }
}

/// A value that fits a property of a request.
fn sample(swagger: &Swagger, name: &str, definition: &Json) -> Json {
    let definition = swagger.resolved(definition);
    match definition["type"].as_str() {
        Some("boolean") => true.into(),
        Some("string") => match name {
            "dataType" => "Int64".into(),
            "summarizeBy" => "sum".into(),
            "sortByColumn" | "name" | "fromTable" | "fromColumn" | "toTable" | "toColumn" => "x".into(),
            _ => definition["enum"][0].as_str().unwrap_or("text").into(),
        },
        Some("array") => json!([sample(swagger, name, &definition["items"])]),
        _ => swagger
            .properties(definition)
            .iter()
            .map(|(name, part)| (name.clone(), sample(swagger, name, part)))
            .collect(),
    }
}

#[tokio::test]
async fn every_property_of_a_new_dataset_is_known() {
    let Some(swagger) = Swagger::read() else { return };
    let setup = Setup::new();
    let mut schema = sample(&swagger, "", &json!({"$ref": "#/definitions/CreateDatasetRequest"}));
    schema["tables"][0]["measures"][0]["name"] = "m".into();
    assert_eq!(schema["tables"][0]["columns"][0].as_object().unwrap().len(), 7);
    let reply = setup.post("/datasets", schema.to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
}

#[tokio::test]
async fn every_operation_of_the_description_is_there() {
    let Some(swagger) = Swagger::read() else { return };
    let setup = Setup::new();
    for (path, methods) in swagger.0["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let url = format!("{}{}", setup.emulator.url(), path.replace(['{', '}'], ""));
            let method: Method = method.to_uppercase().parse().unwrap();
            send(setup.http.request(method, url).bearer_auth(&setup.token)).await;
            let found = setup.emulator.requests().last().unwrap().operation;
            let expected = operation["operationId"].as_str().filter(|id| *id != "Groups_AddGroupUser");
            assert_eq!(found, expected, "{path}");
        }
    }
}
