//! Creating datasets: what is refused, what is waited for, and what is made of an answer that got lost.

use std::sync::Arc;
use std::time::Duration;

use powerbi_push::delivery::worker::Waits;
use powerbi_push::error::{Error, Kind};
use powerbi_push::rate_limit::Watch;
use powerbi_push::rows::schema::{Dataset, read_dataset_for};
use powerbi_push::services::powerbi::{Created, DatasetInfo, IfExists, TARGET};
use serde_json::{Value, json};

use crate::scripted_service::{Asked, Said, StandIn};

const ID: &str = "cfafbeb1-8037-4d0c-896e-a46fb27ff229";
const OLD_ID: &str = "8d2e0a1c-8f2b-4cc7-b2a6-2f3a0e0f6c11";

fn sales() -> Dataset {
    let columns = json!([{"name": "Id", "dataType": "int64"}]);
    read_dataset_for(&json!({"name": "Sales", "tables": [{"name": "Orders", "columns": columns}]}), &TARGET).unwrap()
}

fn listed(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "addRowsAPIEnabled": true})
}

fn list(datasets: &[(&str, &str)]) -> Said {
    let value: Vec<Value> = datasets.iter().map(|(id, name)| listed(id, name)).collect();
    Said::json(200, &json!({"value": value}))
}

fn info() -> DatasetInfo {
    DatasetInfo { id: ID.into(), name: "Sales".into(), accepts_rows: true, web_url: None }
}

/// A service that lists `before` until something was posted, and `after` from then on; a POST gets `posted`.
async fn service(before: &'static [(&str, &str)], posted: Said, after: &'static [(&str, &str)]) -> StandIn {
    let mut is_posted = false;
    StandIn::start(move |asked: &Asked| {
        is_posted |= asked.method == "POST";
        match asked.method.as_str() {
            "POST" => posted.clone(),
            "GET" => list(if is_posted { after } else { before }),
            _ => Said::empty(200),
        }
    })
    .await
}

async fn create(setup: &StandIn, if_exists: IfExists) -> Result<DatasetInfo, Error> {
    setup.client.api().create_if(None, &sales(), if_exists).await.map(|created| created.info)
}

fn posts(setup: &StandIn) -> usize {
    setup.asked().iter().filter(|asked| asked.method == "POST").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_there_is_refused_before_anything_is_made() {
    let setup = service(&[(OLD_ID, "Sales")], Said::empty(500), &[]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.message, format!("a dataset `Sales` exists already, with the id {OLD_ID}"));
    assert_eq!(setup.lines(), ["GET /v1.0/myorg/datasets"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_a_name_are_refused_with_both_ids_whatever_is_to_be_done() {
    for if_exists in [IfExists::Fail, IfExists::Reuse, IfExists::Recreate] {
        let setup = service(&[(OLD_ID, "Sales"), ("7", "sales"), (ID, "Sales")], Said::empty(500), &[]).await;
        let error = create(&setup, if_exists).await.unwrap_err();
        assert_eq!(error.message, format!("2 datasets are named `Sales`: {OLD_ID}, {ID}"));
        assert_eq!(setup.lines(), ["GET /v1.0/myorg/datasets"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_was_deleted_to_be_made_anew_is_told_where_that_fails() {
    let refusal = Said::json(400, &json!({"error": {"code": "BadRequest", "message": "No."}}));
    let setup = service(&[(OLD_ID, "Sales")], refusal, &[]).await;
    let error = create(&setup, IfExists::Recreate).await.unwrap_err();
    let expected = "creating the dataset: the service answered 400: BadRequest: No.; the old one";
    assert_eq!(error.message, format!("{expected} ({OLD_ID}) has been deleted"));
    let lines =
        ["GET /v1.0/myorg/datasets", &format!("DELETE /v1.0/myorg/datasets/{OLD_ID}"), "POST /v1.0/myorg/datasets"];
    assert_eq!(setup.lines(), lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_made_is_waited_for_by_its_id() {
    let mut looks = 0;
    let setup = StandIn::start(move |asked| match asked.line().as_str() {
        "GET /v1.0/myorg/datasets" => list(&[]),
        "POST /v1.0/myorg/datasets" => Said::json(202, &json!({"id": ID, "name": "Sales"})),
        _ => {
            looks += 1;
            if looks < 4 { Said::empty(404) } else { Said::json(200, &json!({"id": ID, "name": "Sales"})) }
        }
    })
    .await;
    assert_eq!(create(&setup, IfExists::Fail).await.unwrap(), info());
    let look = format!("GET /v1.0/myorg/datasets/{ID}");
    assert_eq!(setup.lines()[2..], [look.as_str(); 4]);
    assert!((7.0..7.1).contains(&setup.seconds()), "{}", setup.seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_made_without_an_id_is_waited_for_in_the_list() {
    for body in ["", "{}", "null", r#"{"name":"Sales"}"#] {
        let known: &[_] = &[(OLD_ID, "Sales 2024")];
        let setup = service(known, Said::text(202, body), &[(OLD_ID, "Sales 2024"), (ID, "Sales")]).await;
        assert_eq!(create(&setup, IfExists::Fail).await.unwrap(), info());
        assert_eq!((posts(&setup), setup.seconds()), (1, 0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_made_is_waited_for_no_longer_than_two_minutes() {
    let setup = StandIn::start(|asked| match asked.method.as_str() {
        "POST" => Said::json(202, &json!({"id": ID})).with("Retry-After: 4"),
        _ if asked.target.ends_with(ID) => Said::empty(404),
        _ => list(&[]),
    })
    .await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!(error.kind, Kind::Deadline);
    let expected = "creating the dataset: after 120 s the service is still making `Sales`, id";
    assert_eq!(error.message, format!("{expected} {ID}"));
    assert!(error.hint.unwrap().contains(&format!("dataset(\"{ID}\")")));
    assert_eq!(posts(&setup), 1);
    assert!((110.0..=120.0).contains(&setup.seconds()), "{}", setup.seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_for_and_never_posted_again() {
    let cut = Said::text(201, r#"{"id": "cfafbeb1-"#);
    for posted in [Said::nothing(), cut] {
        let setup = service(&[(OLD_ID, "Other")], posted, &[(OLD_ID, "Other"), (ID, "Sales")]).await;
        assert_eq!(create(&setup, IfExists::Fail).await.unwrap(), info());
        assert_eq!((posts(&setup), setup.lines().len()), (1, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_comes_late_is_found_too() {
    let mut looks = 0;
    let setup = StandIn::start(move |asked| {
        if asked.method == "POST" {
            return Said::nothing();
        }
        looks += 1;
        if looks < 4 { list(&[]) } else { list(&[(ID, "Sales")]) }
    })
    .await;
    assert_eq!(create(&setup, IfExists::Fail).await.unwrap(), info());
    assert_eq!(posts(&setup), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_does_not_come_is_an_error_that_says_so() {
    let setup = service(&[], Said::nothing(), &[]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transport);
    assert!(error.message.ends_with("; no new dataset `Sales` is to be seen"), "{}", error.message);
    assert!(error.hint.unwrap().contains("before you create it again"));
    assert_eq!(posts(&setup), 1);
    assert!((7.0..15.1).contains(&setup.seconds()), "{}", setup.seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_dataset_is_not_taken_for_the_new_one() {
    let other_kind = json!({"id": ID, "name": "Sales", "addRowsAPIEnabled": false});
    let mut posted = false;
    let setup = StandIn::start(move |asked| {
        posted |= asked.method == "POST";
        match asked.method.as_str() {
            "POST" => Said::nothing(),
            "DELETE" => Said::empty(200),
            // The list still has what was deleted, and has what somebody else has imported.
            _ if posted => Said::json(200, &json!({"value": [listed(OLD_ID, "Sales"), other_kind]})),
            _ => list(&[(OLD_ID, "Sales")]),
        }
    })
    .await;
    let error = create(&setup, IfExists::Recreate).await.unwrap_err();
    assert!(error.message.contains("no new dataset `Sales` is to be seen; the old one"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_service_says_whether_the_dataset_is_there() {
    let failure = || Said::json(500, &json!({"error": {"code": "GeneralException", "message": "AcquireLock"}}));
    let setup = service(&[], failure(), &[(ID, "Sales")]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!((error.kind, error.answer.code.as_deref()), (Kind::Service, Some("GeneralException")));
    assert!(error.message.ends_with(&format!("a new dataset `Sales` is there all the same, with the id {ID}")));
    assert!(error.hint.unwrap().contains("if_exists=\"reuse\""));

    let setup = service(&[], failure(), &[]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert!(error.message.ends_with("GeneralException: AcquireLock; no new dataset `Sales` is to be seen"));
    assert_eq!(posts(&setup), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_ones_of_the_name_are_told_with_both_ids() {
    let setup = service(&[], Said::nothing(), &[(ID, "Sales"), (OLD_ID, "Sales")]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transport);
    assert!(error.message.ends_with(&format!("2 new datasets are named `Sales`: {ID}, {OLD_ID}")), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_another_process_has_made_at_the_same_moment_is_said() {
    let made = || Said::json(201, &json!({"id": ID, "name": "Sales"}));
    let setup = service(&[("7", "Other")], made(), &[("7", "Other"), (OLD_ID, "Sales"), (ID, "Sales")]).await;
    let waits = Arc::new(Waits::new(setup.clock.clone()));
    let client = setup.client.watched(Arc::clone(&waits) as Arc<dyn Watch>);
    let created = client.api().create_if(None, &sales(), IfExists::Reuse).await.unwrap();
    assert_eq!(created, Created { info: info(), made: true });
    let said: Vec<String> = waits.notices().iter().map(ToString::to_string).collect();
    let expected = format!(
        "besides the dataset `Sales` that was made just now ({ID}) somebody else has made one of that name ({OLD_ID}): delete one of them"
    );
    assert!(said.len() == 1 && said[0].starts_with(&expected), "{said:?}");

    let setup = service(&[], made(), &[(ID, "Sales")]).await;
    let client = setup.client.watched(Arc::clone(&waits) as Arc<dyn Watch>);
    client.api().create_if(None, &sales(), IfExists::Reuse).await.unwrap();
    assert_eq!(waits.notices(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_just_now_is_taken_though_the_list_lags_behind() {
    let setup = StandIn::start(|asked| match asked.line().as_str() {
        "GET /v1.0/myorg/datasets" => list(&[]),
        "POST /v1.0/myorg/datasets" => Said::json(201, &json!({"id": ID, "name": "Sales"})),
        _ => Said::json(200, &listed(ID, "Sales")),
    })
    .await;
    let sales = sales();
    let reuse = || setup.client.api().create_if(None, &sales, IfExists::Reuse);
    let (first, second) = tokio::join!(reuse(), reuse());
    let mut made = [first.unwrap(), second.unwrap()].map(|created| (created.info.id, created.made));
    made.sort();
    assert_eq!(made, [(ID.to_owned(), false), (ID.to_owned(), true)]);
    assert_eq!(posts(&setup), 1);
    // Much later a list that lacks it is right: somebody has deleted it.
    setup.clock.advance(Duration::from_secs(61));
    assert!(reuse().await.unwrap().made);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_created_is_an_error_of_its_own() {
    let value = |code, value| json!({"code": code, "detail": {"type": 0, "value": value}});
    let details =
        [value("LearnMoreLink", "https://example.org"), value("FeatureDeprecatedMessage", "It is deprecated.")];
    let inner = json!({"code": "FeatureDeprecatedError", "details": details, "exceptionCulprit": 1});
    let body = json!({"error": {"code": "FeatureDeprecatedError", "pbi.error": inner}});
    let setup = service(&[], Said::json(400, &body), &[]).await;
    let error = create(&setup, IfExists::Fail).await.unwrap_err();
    assert_eq!(error.kind, Kind::FeatureRetired);
    assert!(error.message.ends_with("FeatureDeprecatedError: https://example.org It is deprecated."));
    assert!(error.hint.unwrap().contains("Real-Time Intelligence"));
}
