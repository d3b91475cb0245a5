//! Who may do what: users and apps, members and viewers, and the tenant's switches.

use serde_json::{Value as Json, json};

use super::{Reply, Setup, send, shop};
use powerbi_push::emulator::{FailNext, NewWorkspace, Role};

const ROW: &str = r#"{"rows":[{"ProductID":1}]}"#;

impl Setup {
    /// A workspace with these roles of the user and of the app, and its path.
    fn team(&self, role: Option<Role>, app_role: Option<Role>) -> String {
        let wanted = NewWorkspace { role, app_role, ..NewWorkspace::from("Team") };
        format!("/groups/{}", self.emulator.add_workspace(wanted))
    }

    /// Goes on as the app.
    async fn by_app(mut self) -> Self {
        self.token = self.app_token().await;
        self
    }

    /// The status of every operation in a workspace, or in My workspace: those that look, and those that change.
    async fn statuses(&self, group: &str, id: &str) -> (Vec<u16>, Vec<u16>) {
        let dataset = format!("{group}/datasets/{id}");
        let table = format!("{dataset}/tables/Product");
        let mut looks = Vec::new();
        for path in [
            format!("{group}/datasets"),
            dataset.clone(),
            format!("{dataset}/tables"),
            format!("{table}/sequenceNumbers"),
        ] {
            looks.push(self.get(&path).await.status);
        }
        let columns = json!([{"name": "ProductID", "dataType": "Int64"}]);
        let changes = [
            self.post(&format!("{group}/datasets"), shop().to_string()).await.status,
            self.post(&format!("{table}/rows"), ROW).await.status,
            self.delete(&format!("{table}/rows")).await.status,
            self.put(&table, &json!({"name": "Product", "columns": columns})).await.status,
            self.delete(&dataset).await.status,
        ];
        (looks, changes.to_vec())
    }
}

fn not_accessible(reply: &Reply, name: &str) -> bool {
    reply.json() == json!({name: "API is not accessible for application"})
}

#[tokio::test]
async fn a_role_says_what_may_be_done_in_a_workspace() {
    for (role, looks, changes) in [
        (Some(Role::Admin), 200, [201, 200, 200, 200, 200]),
        (Some(Role::Member), 200, [201, 200, 200, 200, 200]),
        (Some(Role::Contributor), 200, [201, 200, 200, 200, 200]),
        (Some(Role::Viewer), 200, [403; 5]),
        (None, 403, [403; 5]),
    ] {
        for is_app in [false, true] {
            let mut setup = Setup::new();
            let (user, app) = if is_app { (Some(Role::Admin), role) } else { (role, Some(Role::Admin)) };
            let group = setup.team(user, app);
            let (user, app) = (setup.token.clone(), setup.app_token().await);
            setup.token = if is_app { user.clone() } else { app.clone() };
            let reply = setup.post(&format!("{group}/datasets"), shop().to_string()).await;
            let id = reply.json()["id"].as_str().unwrap().to_owned();
            setup.token = if is_app { app } else { user };
            assert_eq!(setup.statuses(&group, &id).await, (vec![looks; 4], changes.to_vec()), "{role:?}");
            assert_eq!(setup.get(&group).await.status, looks);
            let listed = setup.get("/groups").await.json()["value"].as_array().unwrap().len();
            assert_eq!(listed, usize::from(role.is_some()));
        }
    }
}

#[tokio::test]
async fn a_refused_viewer_learns_nothing_but_the_log_says_why() {
    let setup = Setup::new();
    let group = setup.team(Some(Role::Viewer), None);
    let reply = setup.post(&format!("{group}/datasets"), shop().to_string()).await;
    assert_eq!((reply.status, reply.text.as_str()), (403, ""));
    let why = setup.emulator.requests()[0].refusal.clone();
    assert_eq!(why.as_deref(), Some("a viewer of the workspace 'Team' may only look"));
}

#[tokio::test]
async fn an_app_has_no_my_workspace() {
    let mut setup = Setup::new();
    let user = setup.token.clone();
    let id = setup.create(&shop()).await;
    setup = setup.by_app().await;
    let (looks, changes) = setup.statuses("", &id).await;
    assert_eq!((looks, changes), (vec![403; 4], vec![403; 5]));
    let reply = setup.get("/datasets").await;
    assert!(not_accessible(&reply, "Message"), "{}", reply.text);
    let why = setup.emulator.requests().last().unwrap().refusal.clone();
    assert_eq!(why.as_deref(), Some("a service principal has no My workspace"));
    setup.token = user;
    assert_eq!(setup.get(&format!("/datasets/{id}")).await.status, 200);
}

#[tokio::test]
async fn with_which_status_an_app_is_refused_is_a_switch() {
    for (answer, status, name) in [("403", 403, "Message"), ("401", 401, "Message"), ("200", 200, "message")] {
        let setup = Setup::assuming("app_refusal", answer).by_app().await;
        let reply = setup.get("/datasets").await;
        assert_eq!(reply.status, status);
        assert!(not_accessible(&reply, name), "{}", reply.text);
    }
}

#[tokio::test]
async fn how_a_workspace_of_others_is_refused_is_a_switch() {
    for (answer, status, code) in [
        ("403", 403, None),
        ("404", 404, Some("PowerBIEntityNotFound")),
        ("401", 401, Some("PowerBINotAuthorizedException")),
    ] {
        let setup = Setup::assuming("not_a_member", answer);
        let group = setup.team(None, Some(Role::Admin));
        let reply = setup.get(&format!("{group}/datasets")).await;
        assert_eq!(reply.status, status);
        match code {
            Some(code) => assert_eq!(reply.json()["error"]["code"], code),
            None => assert_eq!(reply.text, ""),
        }
        let why = setup.emulator.requests()[0].refusal.clone();
        assert_eq!(why.as_deref(), Some("the user is no member of the workspace 'Team'"));
        assert_eq!(setup.get("/groups/9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11").await.status, 404);
    }
}

#[tokio::test]
async fn a_tenant_may_keep_apps_out() {
    let setup = Setup::new().by_app().await;
    let group = setup.team(Some(Role::Admin), Some(Role::Admin));
    let datasets = format!("{group}/datasets");
    assert_eq!(setup.get(&datasets).await.status, 200);
    setup.emulator.allow_service_principals(false);
    for reply in [setup.get(&datasets).await, setup.get("/groups").await] {
        assert!(reply.status == 403 && not_accessible(&reply, "Message"));
    }
    let user = setup.emulator.token().0;
    let url = format!("{}/v1.0/myorg{datasets}", setup.emulator.url());
    assert_eq!(send(setup.http.get(url).bearer_auth(user)).await.status, 200);
    setup.emulator.reset();
    assert_eq!(setup.get("/groups").await.status, 200);
}

#[tokio::test]
async fn a_tenant_may_block_the_keys_of_push_urls() {
    let setup = Setup::new();
    let url = setup.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], true).unwrap();
    let push = || async { send(setup.http.post(&url).header("content-type", "application/json").body("[{}]")).await };
    assert_eq!(push().await.status, 200);
    setup.emulator.allow_push_url_keys(false);
    let reply = push().await;
    assert_eq!((reply.status, reply.text.as_str()), (403, ""));
    assert_eq!(setup.emulator.requests()[1].refusal.as_deref(), Some("the tenant blocks the keys of push URLs"));
    let id = url.split('/').nth(6).unwrap();
    let rows = format!("/datasets/{id}/tables/RealTimeData/rows");
    assert_eq!(setup.post(&rows, r#"{"rows":[{}]}"#).await.status, 200, "a token still opens it");
    setup.emulator.allow_push_url_keys(true);
    assert_eq!(push().await.status, 200);
}

#[tokio::test]
async fn every_other_reason_can_be_ordered_with_its_words() {
    let setup = Setup::new();
    let order = |code: Option<&str>, message: Option<&str>| {
        let (code, message) = (code.map(Into::into), message.map(Into::into));
        setup.emulator.fail_next(FailNext { code, message, ..FailNext::new(403) }).unwrap();
    };
    let nested = |code: &str, details: Json| {
        let inner = json!({"code": code, "parameters": {}, "details": details, "exceptionCulprit": 1});
        json!({"error": {"code": code, "pbi.error": inner}})
    };
    let detail = |code: &str, value: &str| json!({"code": code, "detail": {"type": 0, "value": value}});
    let retired = json!([
        detail(
            "LearnMoreLink",
            "https://powerbi.microsoft.com/blog/announcing-the-retirement-of-real-time-streaming-in-power-bi"
        ),
        detail(
            "FeatureDeprecatedMessage",
            "Creation of streaming dataset is deprecated. We recommend exploring Real-Time Intelligence in Microsoft Fabric."
        ),
    ]);
    for (code, message, body) in [
        (
            Some("CapacityNotActive"),
            Some("The capacity is paused."),
            json!({"error": {"code": "CapacityNotActive", "message": "The capacity is paused."}}),
        ),
        (Some("DatasetLimitReached"), None, nested("DatasetLimitReached", json!([]))),
        (Some("FeatureDeprecatedError"), None, nested("FeatureDeprecatedError", retired)),
        (None, Some("The user is not licensed."), json!({"Message": "The user is not licensed."})),
    ] {
        order(code, message);
        let reply = setup.get("/datasets").await;
        assert_eq!((reply.status, reply.json()), (403, body));
    }
    setup.emulator.fail_next(FailNext { message: Some("gone".into()), ..FailNext::new(404) }).unwrap();
    assert_eq!(setup.get("/datasets").await.json(), json!({"message": "gone"}));
}

#[test]
fn a_fault_has_a_body_or_words() {
    let setup = Setup::new();
    for (code, message) in [(Some("x".to_owned()), None), (None, Some("x".to_owned()))] {
        let fault = FailNext { code, message, body: Some("{}".into()), ..FailNext::new(403) };
        let error = setup.emulator.fail_next(fault).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("give either the body, or a code and a message"));
    }
}
