//! Names of any kind: an error before anything is sent, or exactly one path, one filter, one body with that name in it.

use percent_encoding::percent_decode_str;
use powerbi_push::error::Kind;
use powerbi_push::rows::schema::read_dataset_for;
use powerbi_push::services::powerbi::{IfExists, TARGET, TableAt, check_name, check_table_name, table_name_problem};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::scripted_service::{Asked, Said, StandIn};

const NASTY: &[&str] = &[
    "",
    ".",
    "..",
    "...",
    "../..",
    "%2e%2e",
    ".%2e",
    "%",
    "%2F",
    "a/b",
    "a\\b",
    "/",
    "'",
    "''",
    "\"",
    "O'Brien's",
    "a' or name ne '",
    "?$top=1",
    "#x",
    "a;b",
    " ",
    "a b",
    "\t",
    "x\r\nHost: example.org",
    " HTTP/1.1\r\n\r\nGET /",
    "\0",
    "ü",
    "😀",
    "👩‍👩‍👧",
    "\u{202e}x",
    "\u{feff}",
];

fn names() -> impl Strategy<Value = String> {
    let nasty = (0..NASTY.len()).prop_map(|at| NASTY[at].to_owned());
    let long = (99_usize..103, any::<char>()).prop_map(|(count, c)| c.to_string().repeat(count));
    prop_oneof![nasty, long, any::<String>(), Just("Orders".to_owned())]
}

/// A service that has whatever is asked for, and a runtime to ask it on.
fn service() -> (Runtime, StandIn) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let answer = |asked: &Asked| match asked.method.as_str() {
        "POST" => Said::json(201, &json!({"id": "1", "name": "made"})),
        _ => Said::json(200, &json!({"value": []})),
    };
    let setup = runtime.block_on(StandIn::start(answer));
    (runtime, setup)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

#[test]
fn any_three_names_are_exactly_one_path_or_refused_before_anything_is_sent() {
    let (runtime, setup) = service();
    proptest!(config(), |(workspace in names(), dataset in names(), table in names())| {
        let sent = setup.asked().len();
        let at = TableAt::new(Some(&workspace), &dataset, &table);
        let deleted = runtime.block_on(setup.client.api().delete_rows(&at));
        let asked = setup.asked().split_off(sent);
        let is_none = |name: &&String| ["", ".", ".."].contains(&name.as_str()) || check_name("a name", name).is_err();
        if [&workspace, &dataset, &table].iter().any(is_none) {
            let error = deleted.unwrap_err();
            assert_eq!((error.kind, asked.len()), (Kind::Configuration, 0));
            assert!(error.hint.is_some());
            return Ok(());
        }
        deleted.unwrap();
        let [asked] = asked.as_slice() else { panic!("{} requests", asked.len()) };
        assert!(asked.target.bytes().all(|byte| byte.is_ascii_graphic()), "{}", asked.target);
        let segments: Vec<String> = asked.target.split('/').map(decoded).collect();
        let expected = ["", "v1.0", "myorg", "groups", &workspace, "datasets", &dataset, "tables", &table, "rows"];
        assert_eq!(segments, expected);
    });
}

#[test]
fn a_table_may_be_named_so_or_not_before_anything_is_sent() {
    proptest!(config(), |(name in names())| {
        match check_table_name(&name) {
            Ok(()) => {
                assert!((1..=100).contains(&name.encode_utf16().count()));
                assert!(!name.contains(['.', '/', '%', '\'']), "{name}");
            }
            Err(error) => {
                assert_eq!(error.kind, Kind::Configuration);
                assert!(error.hint.is_some() && error.message.chars().all(|c| !c.is_control()), "{error}");
                assert!(error.message.chars().count() < 2_000, "{error}");
            }
        }
    });
    for (name, fits) in [("x".repeat(100), true), ("x".repeat(101), false), ("😀".repeat(50), true)] {
        assert_eq!(table_name_problem(&name).is_none(), fits, "{name}");
    }
    let expected = format!("table `{}…` has a name of 102 characters; the service takes 100", "x".repeat(100));
    assert_eq!(table_name_problem(&"x".repeat(102)), Some(expected));
    assert!(table_name_problem(&"😀".repeat(51)).is_some());
}

#[test]
fn any_name_of_a_workspace_is_one_filter() {
    let (runtime, setup) = service();
    proptest!(config(), |(name in names())| {
        let sent = setup.asked().len();
        let error = runtime.block_on(setup.client.api().find_workspace(&name)).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        let asked = setup.asked().split_off(sent);
        assert_eq!(asked.len(), 2);
        let query = asked[0].target.strip_prefix("/v1.0/myorg/groups?").unwrap();
        let pairs: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
        assert_eq!(pairs[1..], [("$top", "1000"), ("$skip", "0")]);
        let literal = decoded(pairs[0].1);
        let literal = literal.strip_prefix("name eq '").unwrap().strip_suffix('\'').unwrap();
        assert_eq!((pairs[0].0, literal.replace("''", "'")), ("$filter", name.clone()));
        assert!(!literal.replace("''", "").contains('\''), "{literal}");
    });
}

#[test]
fn any_name_of_a_dataset_is_sent_as_it_is() {
    let (runtime, setup) = service();
    proptest!(config(), |(name in names())| {
        let columns = json!([{"name": "Id", "dataType": "Int64"}]);
        let given = json!({"name": name, "tables": [{"name": "T", "columns": columns}]});
        let Ok(dataset) = read_dataset_for(&given, &TARGET) else {
            assert!(name.trim().is_empty(), "{name}");
            return Ok(());
        };
        runtime.block_on(setup.client.api().create_if(None, &dataset, IfExists::Fail)).unwrap();
        let asked = setup.asked().into_iter().rfind(|asked| asked.method == "POST").unwrap();
        assert_eq!(asked.line(), "POST /v1.0/myorg/datasets");
        assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap()["name"], name.as_str());
    });
}
