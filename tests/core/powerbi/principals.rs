//! A service principal on My workspace: refused before anything is sent, and only where the token says what it is.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use powerbi_push::error::Kind;
use powerbi_push::retry::Retry;
use powerbi_push::rows::schema::read_dataset_for;
use powerbi_push::services::powerbi::{IfExists, TARGET, TableAt};
use serde_json::{Value, json};

use crate::scripted_service::{Said, StandIn};

const DATASET: &str = "cfafbeb1-8037-4d0c-896e-a46fb27ff229";
const GROUP: &str = "f089354e-8366-4e18-aea3-4cb4a3a50b48";

/// A service that answers every question, and a client with these claims in its token.
async fn signed_in(claims: &Value) -> StandIn {
    let token = format!("e30.{}.unsigned", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
    let answer = json!({"id": GROUP, "name": "Team", "value": []});
    StandIn::start_with(&token, Retry::default(), move |_| Said::json(200, &answer)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_principal_is_told_to_name_a_workspace_before_anything_is_sent() {
    let columns = json!([{"name": "Id", "dataType": "Int64"}]);
    let sales =
        read_dataset_for(&json!({"name": "Sales", "tables": [{"name": "Orders", "columns": columns}]}), &TARGET)
            .unwrap();
    for claims in [json!({"idtyp": "app", "appid": "1"}), json!({"azp": "1", "oid": "2"})] {
        let setup = signed_in(&claims).await;
        let api = setup.client.api();
        for error in [
            api.datasets(None).await.unwrap_err(),
            api.find_dataset(None, DATASET).await.unwrap_err(),
            api.create_if(None, &sales, IfExists::Reuse).await.unwrap_err(),
            api.delete_dataset(None, DATASET).await.unwrap_err(),
            api.tables(None, DATASET).await.unwrap_err(),
            api.delete_rows(&TableAt::new(None, DATASET, "Orders")).await.unwrap_err(),
            api.update_schema(&TableAt::new(None, DATASET, "Orders"), &sales.tables[0], true).await.unwrap_err(),
            api.sequence_numbers(&TableAt::new(None, DATASET, "Orders")).await.unwrap_err(),
        ] {
            assert_eq!((error.kind, error.answer.status), (Kind::PermissionDenied, None));
            assert_eq!(error.message, "the sign-in is a service principal's, which has no My workspace");
            assert!(error.hint.unwrap().starts_with("name a workspace: client.workspace("));
        }
        assert_eq!(setup.lines(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_workspace_a_service_principal_may_ask() {
    let setup = signed_in(&json!({"idtyp": "app", "appid": "1"})).await;
    let api = setup.client.api();
    assert_eq!(api.datasets(Some(GROUP)).await.unwrap(), []);
    assert_eq!(api.workspaces(None).await.unwrap(), []);
    assert_eq!(api.find_workspace(GROUP).await.unwrap().name, "Team");
    assert_eq!(setup.lines().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_whoever_cannot_be_told_are_left_to_the_service() {
    let delegated = json!({"appid": "1", "scp": "Dataset.ReadWrite.All", "upn": "ada@example.org"});
    for claims in [delegated, json!({"aud": "https://analysis.windows.net/powerbi/api"})] {
        let setup = signed_in(&claims).await;
        assert_eq!(setup.client.api().datasets(None).await.unwrap(), []);
    }
    let setup = StandIn::start(|_| Said::json(200, &json!({"value": []}))).await;
    assert_eq!(setup.client.api().datasets(None).await.unwrap(), []);
}
