//! The sign-in of an app: what Entra gives, and how it refuses.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::{Reply, Setup, send};
use powerbi_push::emulator::FailNext;

const SCOPE: &str = "https://analysis.windows.net/powerbi/api/.default";

impl Setup {
    /// The form of a good sign-in.
    fn form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".into()),
            ("client_id", self.emulator.client_id().into()),
            ("client_secret", self.emulator.client_secret()),
            ("scope", SCOPE.into()),
        ]
    }

    /// The form with one field changed, or left out.
    fn form_with(&self, name: &str, value: Option<&str>) -> Vec<(&'static str, String)> {
        let form = self.form().into_iter();
        let changed = |(field, old): (&'static str, String)| match value {
            Some(new) if field == name => Some((field, new.to_owned())),
            None if field == name => None,
            _ => Some((field, old)),
        };
        form.filter_map(changed).collect()
    }

    fn tenant_url(&self, tenant: &str) -> String {
        format!("{}/{tenant}", self.emulator.url())
    }

    async fn submit(&self, tenant: &str, form: &[(&str, String)]) -> Reply {
        let quoted =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        let request = self.http.post(format!("{}/oauth2/v2.0/token", self.tenant_url(tenant)));
        send(request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))).await
    }

    async fn sign_in(&self, form: &[(&str, String)]) -> Reply {
        self.submit(self.emulator.tenant_id(), form).await
    }

    /// A token of the app.
    pub(super) async fn app_token(&self) -> String {
        self.sign_in(&self.form()).await.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// Status, word, number and the first line of the description.
fn failure(reply: &Reply) -> (u16, String, u64, String) {
    let json = reply.json();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    let description = text("error_description");
    let lines: Vec<&str> = description.split("\r\n").collect();
    assert_eq!(lines[1], format!("Trace ID: {}", text("trace_id")));
    assert_eq!(lines[2], format!("Correlation ID: {}", text("correlation_id")));
    assert_eq!(lines[3], format!("Timestamp: {}", text("timestamp")));
    (reply.status, text("error"), json["error_codes"][0].as_u64().unwrap(), lines[0].to_owned())
}

#[tokio::test]
async fn an_app_gets_a_token_that_the_api_takes_as_a_service_principal() {
    let setup = Setup::new();
    let reply = setup.sign_in(&setup.form()).await;
    let json = reply.json();
    let token = json["access_token"].as_str().unwrap();
    let expected = json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token});
    assert_eq!((reply.status, &json), (200, &expected));
    assert_eq!(reply.headers["cache-control"], "no-store, no-cache");
    assert_eq!(reply.headers["x-ms-request-id"].len(), 36);
    assert!(!reply.headers.contains_key("requestid"));

    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Json = serde_json::from_slice(&payload).unwrap();
    let now = setup.clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (claim, value) in [
        ("aud", Json::from("https://analysis.windows.net/powerbi/api")),
        ("tid", setup.emulator.tenant_id().into()),
        ("appid", setup.emulator.client_id().into()),
        ("idtyp", "app".into()),
        ("exp", (now + 3_600).into()),
        ("iat", now.into()),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    assert!(claims.get("scp").is_none());
    let request = setup.http.get(format!("{}/v1.0/myorg/groups", setup.emulator.url())).bearer_auth(token);
    assert_eq!(send(request).await.status, 200);
}

#[tokio::test]
async fn each_wrong_field_is_refused_with_its_number() {
    let setup = Setup::new();
    let client = setup.emulator.client_id().to_owned();
    let tenant = setup.emulator.tenant_id().to_owned();
    let missing = |name: &str| format!("The request body must contain the following parameter: '{name}'.");
    let bad_scope = |scope: &str| {
        format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
             'scope' is not valid. The scope {scope} is not valid."
        )
    };
    let no_app = format!("Application with identifier 'x' was not found in the directory '{tenant}'.");
    let no_resource = format!(
        "The resource principal named https://graph.microsoft.com was not found in the tenant named {tenant}. You might \
         have sent your authentication request to the wrong tenant."
    );
    let no_secret = "'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type.";
    let wrong_secret = format!(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the \
         client secret ID, for a secret added to app '{client}'."
    );
    let delegated = "https://analysis.windows.net/powerbi/api/Dataset.ReadWrite.All";
    let password = "The app requested an unsupported grant type 'password'.";
    let graph = Some("https://graph.microsoft.com/.default");
    for (field, value, status, word, number, message) in [
        ("grant_type", None, 400, "invalid_request", 900_144, missing("grant_type")),
        ("grant_type", Some("password"), 400, "unsupported_grant_type", 70_003, password.into()),
        ("client_id", None, 400, "invalid_request", 900_144, missing("client_id")),
        ("client_id", Some("x"), 400, "unauthorized_client", 700_016, no_app),
        ("scope", Some(""), 400, "invalid_request", 900_144, missing("scope")),
        ("scope", Some("openid"), 400, "invalid_scope", 70_011, bad_scope("openid")),
        ("scope", Some(delegated), 400, "invalid_scope", 70_011, bad_scope(delegated)),
        ("scope", graph, 400, "invalid_resource", 500_011, no_resource),
        ("client_secret", None, 401, "invalid_client", 7_000_216, no_secret.into()),
        ("client_secret", Some("wrong"), 401, "invalid_client", 7_000_215, wrong_secret),
    ] {
        let reply = setup.sign_in(&setup.form_with(field, value)).await;
        assert_eq!(failure(&reply), (status, word.to_owned(), number, format!("AADSTS{number}: {message}")));
    }
}

#[tokio::test]
async fn a_secret_expires_and_the_next_one_is_good() {
    let setup = Setup::new();
    let old = setup.form();
    assert_eq!(setup.sign_in(&old).await.status, 200);
    setup.emulator.expire_client_secret();
    let reply = setup.sign_in(&old).await;
    let message =
        format!("AADSTS7000222: The provided client secret keys for app '{}' are expired.", setup.emulator.client_id());
    assert_eq!(failure(&reply), (401, "invalid_client".into(), 7_000_222, message));
    assert_eq!(setup.sign_in(&setup.form()).await.status, 200);
}

#[tokio::test]
async fn another_tenant_is_not_found_and_none_at_all_is_not_enough() {
    let setup = Setup::new();
    let other = "9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11";
    let reply = setup.submit(other, &setup.form()).await;
    let (status, word, number, message) = failure(&reply);
    assert_eq!((status, word.as_str(), number), (400, "invalid_request", 90_002));
    assert!(message.starts_with(&format!("AADSTS90002: Tenant '{other}' not found.")), "{message}");
    for tenant in ["common", "consumers", "organizations"] {
        let (status, word, number, _) = failure(&setup.submit(tenant, &setup.form()).await);
        assert_eq!((status, word.as_str(), number), (400, "invalid_request", 9_001_023));
    }
    let upper = setup.emulator.tenant_id().to_uppercase();
    assert_eq!(setup.submit(&upper, &setup.form()).await.status, 200);
}

#[tokio::test]
async fn only_a_form_that_is_posted_is_a_sign_in() {
    let setup = Setup::new();
    let url = format!("{}/oauth2/v2.0/token", setup.tenant_url(setup.emulator.tenant_id()));
    let (_, _, number, message) = failure(&send(setup.http.get(&url)).await);
    assert_eq!(
        (number, message.as_str()),
        (900_561, "AADSTS900561: The endpoint only accepts POST requests. Received a GET request.")
    );
    let fields: serde_json::Map<_, _> =
        setup.form().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let request = setup.http.post(&url).header("content-type", "application/json").body(Json::from(fields).to_string());
    assert_eq!(failure(&send(request).await).2, 900_144);
    let request =
        setup.http.post(&url).header("content-type", "application/x-www-form-urlencoded").body("grant_type=%");
    assert_eq!(failure(&send(request).await).2, 900_144);
    let request = setup.http.post(url.replace("/v2.0", "")).body("");
    assert_eq!(send(request).await.status, StatusCode::UNAUTHORIZED, "the endpoint of version 1 is not there");
}

#[tokio::test]
async fn a_failure_carries_the_id_that_the_client_gave() {
    let setup = Setup::new();
    let url = format!("{}/oauth2/v2.0/token", setup.tenant_url("nobody.example"));
    let id = "cfafbeb1-8037-4d0c-896e-a46fb27ff229";
    let reply = send(setup.http.post(&url).header("client-request-id", id)).await;
    assert_eq!(reply.json()["correlation_id"], id);
    failure(&reply);
}

#[tokio::test]
async fn no_secret_is_in_the_log() {
    let setup = Setup::new();
    setup.sign_in(&setup.form()).await;
    setup.sign_in(&setup.form_with("client_secret", Some("canary-5f1c"))).await;
    let requests = setup.emulator.requests();
    assert_eq!(requests.iter().map(|request| request.operation).collect::<Vec<_>>(), [Some("Entra_Token"); 2]);
    let body = String::from_utf8(requests[0].body.to_vec()).unwrap();
    assert!(body.contains("&client_secret=***&"), "{body}");
    let seen = format!("{requests:?} {:?}", setup.emulator);
    assert!(!seen.contains("canary-5f1c") && !seen.contains(&setup.emulator.client_secret()));
    let page = setup.snapshot().await.to_string();
    assert!(page.contains("\"Entra_Token\"") && page.contains("AADSTS7000215"));
    assert!(!page.contains(&setup.emulator.client_secret()));
}

#[tokio::test]
async fn the_endpoints_of_the_tenant_are_told() {
    let setup = Setup::new();
    let root = setup.tenant_url(setup.emulator.tenant_id());
    let reply = send(setup.http.get(format!("{root}/v2.0/.well-known/openid-configuration"))).await;
    let json = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(json["token_endpoint"], format!("{root}/oauth2/v2.0/token"));
    assert_eq!(json["authorization_endpoint"], format!("{root}/oauth2/v2.0/authorize"));
    assert_eq!(json["issuer"], format!("{root}/v2.0"));
    let other = format!("{}/v2.0/.well-known/openid-configuration", setup.tenant_url("nobody.example"));
    let (status, word, number, _) = failure(&send(setup.http.get(other)).await);
    assert_eq!((status, word.as_str(), number), (400, "invalid_tenant", 90_002));
}

#[tokio::test]
async fn a_sign_in_fails_on_demand_in_the_shape_of_entra() {
    let setup = Setup::new();
    let order =
        |fault: FailNext| setup.emulator.fail_next(FailNext { route: Some("Entra_Token".into()), ..fault }).unwrap();
    order(FailNext {
        code: Some("AADSTS50034".into()),
        message: Some("The user account does not exist.".into()),
        ..FailNext::new(400)
    });
    let reply = setup.sign_in(&setup.form()).await;
    let message = "AADSTS50034: The user account does not exist.";
    assert_eq!(failure(&reply), (400, "invalid_grant".into(), 50_034, message.into()));
    for (status, number) in [(401, 7_000_215), (429, 90_033), (503, 90_033), (400, 900_144)] {
        order(FailNext { retry_after: Some("7".into()), ..FailNext::new(status) });
        let reply = setup.sign_in(&setup.form()).await;
        assert_eq!(
            (reply.status, failure(&reply).2, reply.headers["retry-after"].to_str().unwrap()),
            (status, number, "7")
        );
    }
    order(FailNext { body: Some("<html>".into()), ..FailNext::new(502) });
    assert_eq!(setup.sign_in(&setup.form()).await.text, "<html>");
    assert_eq!(setup.sign_in(&setup.form()).await.status, 200);
}

#[tokio::test]
async fn a_fault_for_whatever_comes_next_is_not_for_sign_ins() {
    let setup = Setup::new();
    setup.emulator.fail_next(FailNext::new(503)).unwrap();
    assert_eq!(setup.sign_in(&setup.form()).await.status, 200);
    assert_eq!(send(setup.request(Method::GET, "/datasets")).await.status, 503);
}
