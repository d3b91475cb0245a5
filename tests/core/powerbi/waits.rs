//! How long an operation waits for a service that asks to be left alone.

use powerbi_push::error::Kind;
use powerbi_push::retry::Retry;
use serde_json::json;

use crate::scripted_service::{Said, StandIn};

fn list() -> Said {
    Said::json(200, &json!({"value": []}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_retry_after_is_not_sat_out() {
    let setup = StandIn::start(|_| Said::text(429, "").with("Retry-After: 3392")).await;
    let error = setup.client.api().datasets(None).await.unwrap_err();
    assert_eq!((error.kind, error.answer.retry_after.unwrap().as_secs()), (Kind::RateLimited, 3_392));
    assert!(error.hint.unwrap().contains("3392 s"));
    assert_eq!((setup.lines().len(), setup.seconds()), (1, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn short_waits_are_sat_out_until_they_add_up_to_two_minutes() {
    let retry = Retry { attempts: 100, ..Retry::default() };
    let setup = StandIn::start_with("opaque", retry, |_| Said::empty(429).with("Retry-After: 50")).await;
    assert_eq!(setup.client.api().datasets(None).await.unwrap_err().kind, Kind::RateLimited);
    assert_eq!((setup.lines().len(), setup.seconds().round()), (3, 100.0));

    let mut left = 2;
    let setup = StandIn::start(move |_| {
        left -= 1;
        if left == 0 { list() } else { Said::empty(429).with("Retry-After: 119") }
    })
    .await;
    assert_eq!(setup.client.api().datasets(None).await.unwrap(), []);
}
