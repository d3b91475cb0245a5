//! Workspaces: which are listed, and which one is found.

use serde_json::{Value as Json, json};

use super::House;
use powerbi_push::emulator::{NewWorkspace, Role};

impl House {
    /// The names that Get Groups lists, with this query.
    async fn names(&self, query: &str) -> Vec<String> {
        let reply = self.get(&format!("/groups?{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let json = reply.json();
        json["value"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn refused(&self, query: &str) -> (u16, String) {
        self.get(&format!("/groups?{query}")).await.detail()
    }
}

/// Four workspaces: `a` to `d`.
fn house() -> House {
    let house = House::new();
    for name in ["a", "b", "c", "d"] {
        let _ = house.emulator.add_workspace(name);
    }
    house
}

#[tokio::test]
async fn a_workspace_is_listed_and_read_as_the_examples_show_it() {
    let house = House::new();
    let plain = house.emulator.add_workspace("plain");
    let large = NewWorkspace { role: Some(Role::Viewer), dedicated_capacity: true, ..NewWorkspace::from("large") };
    let large = house.emulator.add_workspace(large);
    let reply = house.get("/groups").await.json();
    let context = format!("{}/v1.0/myorg/$metadata#groups", house.emulator.url());
    let capacity = reply["value"][1]["capacityId"].clone();
    assert_eq!(capacity.as_str().unwrap().len(), 36);
    let expected = json!([
        {"id": plain, "isReadOnly": false, "isOnDedicatedCapacity": false, "name": "plain"},
        {"id": large, "isReadOnly": true, "isOnDedicatedCapacity": true, "capacityId": capacity,
         "defaultDatasetStorageFormat": "Small", "name": "large"},
    ]);
    assert_eq!(reply, json!({"@odata.context": context, "value": expected}));

    for (at, id) in [plain, large.to_uppercase()].into_iter().enumerate() {
        let reply = house.get(&format!("/groups/{id}")).await;
        let mut one = reply.json();
        let entity = one.as_object_mut().unwrap().remove("@odata.context");
        assert_eq!((reply.status, entity), (200, Some(Json::from(format!("{context}/$entity")))));
        assert_eq!(one, expected[at]);
    }
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_not_found() {
    let house = house();
    for id in ["9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11", "a", "me", ""] {
        let reply = house.get(&format!("/groups/{id}")).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].clone()),
            (404, "PowerBIEntityNotFound".into()),
            "{id}"
        );
    }
    assert_eq!(house.delete("/groups/9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11").await.status, 404);
}

#[tokio::test]
async fn a_filter_comes_first_then_skip_then_top() {
    let house = house();
    assert_eq!(house.names("").await, ["a", "b", "c", "d"]);
    assert_eq!(house.names("$top=2").await, ["a", "b"]);
    assert_eq!(house.names("$top=2&$skip=1").await, ["b", "c"]);
    assert_eq!(house.names("$top=0").await, [""; 0]);
    assert_eq!(house.names("%24skip=9").await, [""; 0]);
    let filter = "$filter=not%20(name%20eq%20'b')";
    assert_eq!(house.names(filter).await, ["a", "c", "d"]);
    assert_eq!(house.names(&format!("$top=1&{filter}&$skip=1")).await, ["c"]);
    assert_eq!(house.names("$filter=name+eq+'c'").await, ["c"]);
}

#[tokio::test]
async fn a_name_is_sent_encoded_and_quotes_are_doubled() {
    let house = House::new();
    let _ = house.emulator.add_workspace("R&D's 100% + \u{fc}");
    let filter = "$filter=name%20eq%20'R%26D''s%20100%25%20%2B%20%C3%BC'";
    assert_eq!(house.names(filter).await.len(), 1);
    let (status, message) = house.refused("$filter=name%20eq%20'R&D''s'").await;
    assert_eq!(
        (status, message.as_str()),
        (400, "There is an unterminated string literal at position 8 in 'name eq 'R'.")
    );
}

#[tokio::test]
async fn a_parameter_that_is_none_is_refused() {
    let house = house();
    for (query, message) in [
        ("$top=x", "the parameter '$top' is no number: 'x'"),
        ("$top=-1", "the parameter '$top' is no number: '-1'"),
        ("$skip=", "the parameter '$skip' is no number: ''"),
        ("$top=2147483648", "the parameter '$top' is no number: '2147483648'"),
        ("$top=1&$top=1", "the parameter '$top' is given twice"),
        ("$orderby=name", "the parameter '$orderby' is none of this operation"),
        ("filter=name", "the parameter 'filter' is none of this operation"),
        ("$filter=%ZZ", "the parameter '$filter=%ZZ' is not percent-encoded UTF-8"),
        ("$filter=", "Syntax error at position 0 in ''."),
        ("$filter=name%20eq", "Syntax error at position 7 in 'name eq'."),
    ] {
        assert_eq!(house.refused(query).await, (400, message.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn one_answer_may_list_fewer_than_there_are() {
    let house = House::assuming_all(&[("groups_page", "3"), ("filter_case", "insensitive")]);
    for name in ["a", "b", "c", "d"] {
        let _ = house.emulator.add_workspace(name);
    }
    assert_eq!(house.names("").await, ["a", "b", "c"]);
    assert_eq!(house.names("$top=100&$skip=3").await, ["d"]);
    assert_eq!(house.names("$top=2").await, ["a", "b"]);
    assert_eq!(house.names("$filter=name+eq+'D'").await, ["d"]);
}

#[tokio::test]
async fn a_workspace_of_others_is_not_listed() {
    let house = house();
    let _ = house.emulator.add_workspace(NewWorkspace { role: None, ..NewWorkspace::from("theirs") });
    assert_eq!(house.names("").await, ["a", "b", "c", "d"]);
    assert_eq!(house.names("$filter=name+eq+'theirs'").await, [""; 0]);
}
