//! Refusals from end to end: what the service says, wherever it says it, becomes a kind and a hint.

use powerbi_push::error::{Error, Kind};
use serde_json::json;

use crate::scripted_service::{Said, StandIn};

async fn refused(said: Said) -> Error {
    let setup = StandIn::start(move |_| said.clone()).await;
    setup.client.api().datasets(None).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_stands_in_a_header_only_is_told_and_explained() {
    let header = "X-PowerBI-Error-Info: ServicePrincipalIsNotAllowedByTenantAdminSwitch";
    let error = refused(Said::empty(401).with(header)).await;
    assert_eq!(error.kind, Kind::PermissionDenied);
    assert_eq!(error.answer.code.as_deref(), Some("ServicePrincipalIsNotAllowedByTenantAdminSwitch"));
    assert!(error.message.ends_with("the service answered 401: ServicePrincipalIsNotAllowedByTenantAdminSwitch"));
    assert!(error.hint.unwrap().contains("\"Service principals can call Fabric public APIs\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_is_a_refusal_is_one() {
    let error = refused(Said::text(200, r#"{"message":"API is not accessible for application"}"#)).await;
    assert_eq!((error.kind, error.answer.status), (Kind::PermissionDenied, Some(200)));
    let expected = "listing the datasets: the service answered 200: API is not accessible for application";
    assert_eq!(error.message, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_personal_data_are_not_shown() {
    let body =
        r#"{"error":{"code":"ItemNotFound","message":"Table '<pi>Cr</pi>' not found in dataset '<pi>n|g</pi>'"}}"#;
    let error = refused(Said::text(404, body)).await;
    assert!(error.message.ends_with("ItemNotFound: Table 'Cr' not found in dataset 'n|g'"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_goes_nowhere() {
    let setup = StandIn::start(|asked| match asked.target.as_str() {
        "/elsewhere" => Said::json(200, &json!({"value": []})),
        _ => Said::empty(307).with("Location: /elsewhere"),
    })
    .await;
    let error = setup.client.api().datasets(None).await.unwrap_err();
    assert_eq!(error.answer.status, Some(307));
    assert_eq!(setup.lines(), ["GET /v1.0/myorg/datasets"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_shows_no_url() {
    let error = refused(Said::nothing()).await;
    assert_eq!(error.kind, Kind::Transport);
    assert!(error.message.contains("the connection ended before an answer came"), "{error}");
    assert!(!error.message.contains("http") && !error.message.contains("myorg"), "{error}");
}
