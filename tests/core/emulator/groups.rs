//! Workspaces: which are listed, and which one is found.

use serde_json::{Value as Json, json};

use super::Setup;
use powerbi_push::emulator::{NewWorkspace, Role};

impl Setup {
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
fn setup() -> Setup {
    let setup = Setup::new();
    for name in ["a", "b", "c", "d"] {
        let _ = setup.emulator.add_workspace(name);
    }
    setup
}

#[tokio::test]
async fn a_workspace_is_listed_and_read_as_the_examples_show_it() {
    let setup = Setup::new();
    let plain = setup.emulator.add_workspace("plain");
    let large = NewWorkspace { role: Some(Role::Viewer), dedicated_capacity: true, ..NewWorkspace::from("large") };
    let large = setup.emulator.add_workspace(large);
    let reply = setup.get("/groups").await.json();
    let context = format!("{}/v1.0/myorg/$metadata#groups", setup.emulator.url());
    let capacity = reply["value"][1]["capacityId"].clone();
    assert_eq!(capacity.as_str().unwrap().len(), 36);
    let expected = json!([
        {"id": plain, "isReadOnly": false, "isOnDedicatedCapacity": false, "name": "plain"},
        {"id": large, "isReadOnly": true, "isOnDedicatedCapacity": true, "capacityId": capacity,
         "defaultDatasetStorageFormat": "Small", "name": "large"},
    ]);
    assert_eq!(reply, json!({"@odata.context": context, "value": expected}));

    for (at, id) in [plain, large.to_uppercase()].into_iter().enumerate() {
        let reply = setup.get(&format!("/groups/{id}")).await;
        let mut one = reply.json();
        let entity = one.as_object_mut().unwrap().remove("@odata.context");
        assert_eq!((reply.status, entity), (200, Some(Json::from(format!("{context}/$entity")))));
        assert_eq!(one, expected[at]);
    }
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_not_found() {
    let setup = setup();
    for id in ["9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11", "a", "me", ""] {
        let reply = setup.get(&format!("/groups/{id}")).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].clone()),
            (404, "PowerBIEntityNotFound".into()),
            "{id}"
        );
    }
    assert_eq!(setup.delete("/groups/9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11").await.status, 404);
}

#[tokio::test]
async fn a_filter_comes_first_then_skip_then_top() {
    let setup = setup();
    assert_eq!(setup.names("").await, ["a", "b", "c", "d"]);
    assert_eq!(setup.names("$top=2").await, ["a", "b"]);
    assert_eq!(setup.names("$top=2&$skip=1").await, ["b", "c"]);
    assert_eq!(setup.names("$top=0").await, [""; 0]);
    assert_eq!(setup.names("%24skip=9").await, [""; 0]);
    let filter = "$filter=name%20ne%20'b'";
    assert_eq!(setup.names(filter).await, ["a", "c", "d"]);
    assert_eq!(setup.names(&format!("$top=1&{filter}&$skip=1")).await, ["c"]);
    assert_eq!(setup.names("$filter=name+eq+'c'").await, ["c"]);
}

#[tokio::test]
async fn a_name_is_sent_encoded_and_quotes_are_doubled() {
    let setup = Setup::new();
    let _ = setup.emulator.add_workspace("R&D's 100% + \u{fc}");
    let filter = "$filter=name%20eq%20'R%26D''s%20100%25%20%2B%20%C3%BC'";
    assert_eq!(setup.names(filter).await.len(), 1);
    let (status, message) = setup.refused("$filter=name%20eq%20'R&D''s'").await;
    assert_eq!(
        (status, message.as_str()),
        (400, "There is an unterminated string literal at position 8 in 'name eq 'R'.")
    );
}

#[tokio::test]
async fn a_filter_admits_exactly_the_workspaces_for_which_it_holds() {
    let setup = Setup::new();
    for name in ["contoso", "Contoso", "marketing group", "It's all", "x"] {
        let _ = setup.emulator.add_workspace(name);
    }
    let id = setup.emulator.add_workspace(NewWorkspace { dedicated_capacity: true, ..NewWorkspace::from("large") });
    let by_id = format!("id eq '{}'", id.to_uppercase());
    for (filter, expected) in [
        ("contains(name,'marketing') or name eq 'contoso'", vec!["contoso", "marketing group"]),
        ("name eq 'contoso'", vec!["contoso"]),
        ("name ne 'contoso' and name ne 'x' and name ne 'large'", vec!["Contoso", "marketing group", "It's all"]),
        ("contains( name , 'on' )", vec!["contoso", "Contoso"]),
        ("startswith(name,'Con')", vec!["Contoso"]),
        ("endswith(name,'p')", vec!["marketing group"]),
        ("name eq 'It''s all'", vec!["It's all"]),
        ("name eq ''", vec![]),
        ("contains(name,'\'\'')", vec!["It's all"]),
        ("name eq 'x' or name eq 'contoso' and contains(name,'C')", vec!["x"]),
        ("contains(name,'C') and name eq 'contoso' or name eq 'x'", vec!["x"]),
        ("isReadOnly eq true", vec![]),
        ("isOnDedicatedCapacity ne true and name eq 'x'", vec!["x"]),
        ("isOnDedicatedCapacity eq true and isReadOnly eq false", vec!["large"]),
        (by_id.as_str(), vec!["large"]),
        ("  name  eq  'x'  ", vec!["x"]),
    ] {
        assert_eq!(setup.names(&format!("$filter={}", quoted(filter))).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_the_emulator_does_not_support_is_refused_by_what_is_strange_in_it() {
    let setup = Setup::new();
    for (filter, strange) in [
        ("tolower(name) eq 'x'", "tolower"),
        ("not contains(name,'x')", "not"),
        ("(name eq 'x')", "( name eq 'x' )"),
        ("name eq 'x' and (id eq 'y' or id eq 'z')", "( id eq 'y'"),
        ("substringof('x',name)", "substringof"),
        ("name gt 'x'", "gt"),
        ("Name eq 'x'", "Name"),
        ("name EQ 'x'", "EQ"),
        ("name = 'x'", "="),
        ("name eq \"x\"", "\""),
        ("name eq 1", "1"),
        ("name eq true", "name eq true"),
        ("isReadOnly eq 'true'", "isReadOnly eq 'true'"),
        ("isReadOnly and name eq 'x'", "isReadOnly"),
        ("contains(id,'x')", "contains ( id , 'x' )"),
        ("contains(name)", "contains ( name )"),
        ("'x' eq name", "'x' eq name"),
        ("name eq 'It's", "s"),
        ("name eq 'x')", ")"),
        ("name eq 'x' name", "name"),
    ] {
        let (status, message) = setup.refused(&format!("$filter={}", quoted(filter))).await;
        assert_eq!(status, 400);
        let expected = format!("the emulator does not support `{strange}` here; in a $filter it reads name eq 'x', ");
        assert!(message.starts_with(&expected), "{filter}: {message}");
    }
}

fn quoted(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_parameter_that_is_none_is_refused() {
    let setup = setup();
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
        ("$filter=name%20eq%20'x'%20or", "Syntax error at position 14 in 'name eq 'x' or'."),
    ] {
        assert_eq!(setup.refused(query).await, (400, message.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn one_answer_may_list_fewer_than_there_are() {
    let setup = Setup::assuming_all(&[("groups_page", "3"), ("filter_case", "insensitive")]);
    for name in ["a", "b", "c", "d"] {
        let _ = setup.emulator.add_workspace(name);
    }
    assert_eq!(setup.names("").await, ["a", "b", "c"]);
    assert_eq!(setup.names("$top=100&$skip=3").await, ["d"]);
    assert_eq!(setup.names("$top=2").await, ["a", "b"]);
    assert_eq!(setup.names("$filter=name+eq+'D'").await, ["d"]);
    assert_eq!(setup.names("$filter=contains(name,'D')").await, ["d"]);
}

#[tokio::test]
async fn a_workspace_of_others_is_not_listed() {
    let setup = setup();
    let _ = setup.emulator.add_workspace(NewWorkspace { role: None, ..NewWorkspace::from("theirs") });
    assert_eq!(setup.names("").await, ["a", "b", "c", "d"]);
    assert_eq!(setup.names("$filter=name+eq+'theirs'").await, [""; 0]);
}
