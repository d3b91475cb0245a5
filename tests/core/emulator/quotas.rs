//! The quotas of push datasets, however the time is cut.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{Reply, Setup, send};
use powerbi_push::emulator::FailNext;

pub(super) const ROW: &str = r#"{"rows":[{"a":1}]}"#;
const TOO_MANY: &str = "You have exceeded the amount of requests allowed in the current time frame and further requests will fail. Retry in";
const TOO_MANY_ROWS: &str = "You are over your rows per hour limit for this dataset. To push more rows per hour, upgrade \
                             your account to Power BI Pro or retry your push later.";

impl Setup {
    fn pass(&self, seconds: f64) {
        self.emulator.advance(Duration::from_secs_f64(seconds)).unwrap();
    }

    /// Lets so much time pass that tokens expire, and takes a new token for what follows.
    fn pass_an_age(&mut self, seconds: f64) {
        self.pass(seconds);
        self.token = self.emulator.token().0;
    }

    /// Posts a row as often as told, one after the other at the same moment, and gives how many got through.
    async fn burst(&self, rows: &str, times: usize) -> usize {
        let mut through = 0;
        for _ in 0..times {
            through += usize::from(self.post(rows, ROW).await.status == 200);
        }
        through
    }

    /// Posts so many rows, 10,000 a request; all must get through.
    async fn fill(&self, rows: &str, count: usize) {
        let body = many(10_000);
        for _ in 0..count / 10_000 {
            assert_eq!(self.post(rows, body.as_str()).await.status, 200);
        }
    }

    /// Creates `Sales` with the tables `T` and `U`, and gives the path of T's rows.
    async fn two_tables(&self, query: &str) -> String {
        let table = |name| json!({"name": name, "columns": [{"name": "a", "dataType": "Int64"}]});
        let schema = json!({"name": "Sales", "tables": [table("T"), table("U")]});
        let reply = self.post(&format!("/datasets{query}"), schema.to_string()).await;
        format!("/datasets/{}/tables/T/rows", reply.json()["id"].as_str().unwrap())
    }
}

fn many(rows: usize) -> String {
    format!(r#"{{"rows":[{}]}}"#, vec!["{}"; rows].join(","))
}

fn retry_after(reply: &Reply) -> &str {
    assert_eq!(reply.status, 429, "{}", reply.text);
    reply.headers["retry-after"].to_str().unwrap()
}

#[tokio::test]
async fn a_minute_has_room_for_120_requests_and_says_when_it_has_again() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.burst(&rows, 100).await, 100);
    setup.pass(20.0);
    assert_eq!(setup.burst(&rows, 21).await, 20);
    setup.pass(0.5);
    let reply = setup.post(&rows, ROW).await;
    assert_eq!(retry_after(&reply), "40");
    assert_eq!(reply.json(), json!({"message": format!("{TOO_MANY} 40 seconds.")}));
    assert_eq!(reply.headers["x-emulator-rule"], "assumed; facts/powerbi 4.1, 4.2, 5.429");
    setup.pass(39.4);
    assert_eq!(retry_after(&setup.post(&rows, ROW).await), "1");
    setup.pass(0.1);
    assert_eq!(setup.burst(&rows, 101).await, 100, "the 100 of the beginning are gone, the 20 are not");
    assert_eq!(setup.stored().len(), 220);
}

#[tokio::test]
async fn a_fixed_minute_begins_anew_at_its_edge_whatever_its_phase() {
    for phase in [0, 7, 13, 19, 25, 31, 37, 43, 49, 59] {
        let setup = Setup::assuming_all(&[("windows", "fixed"), ("phase", &phase.to_string())]);
        let rows = setup.table(&[("a", "Int64")]).await;
        let to_edge = 60 - phase;
        setup.pass(f64::from(to_edge) - 0.5);
        assert_eq!(setup.burst(&rows, 121).await, 120);
        assert_eq!(retry_after(&setup.post(&rows, ROW).await), "1");
        setup.pass(0.5);
        assert_eq!(setup.burst(&rows, 121).await, 120, "twice as many in one second, at phase {phase}");
        assert_eq!(retry_after(&setup.post(&rows, ROW).await), "60");
    }
}

#[tokio::test]
async fn no_sliding_minute_ever_holds_more_than_120_however_eager_the_client() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    for step in 0..1_500_u32 {
        setup.post(&rows, ROW).await;
        setup.pass(f64::from(step % 5) * 0.1);
    }
    let through: Vec<Duration> =
        setup.emulator.requests().iter().filter(|request| request.rows == 1).map(|request| request.at).collect();
    assert_eq!(through.len(), 600, "all that five minutes have room for");
    for (first, last) in through.iter().zip(&through[120..]) {
        assert!(*last >= *first + Duration::from_secs(60));
    }
}

#[tokio::test]
async fn datasets_are_counted_apart_and_only_requests_with_rows() {
    let setup = Setup::new();
    let one = setup.table(&[("a", "Int64")]).await;
    let other = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.burst(&one, 121).await, 120);
    assert_eq!(setup.burst(&other, 1).await, 1);
    for _ in 0..130 {
        assert_eq!(setup.get("/datasets").await.status, 200);
    }
    assert_eq!(setup.delete(&one).await.status, 200);
}

#[tokio::test]
async fn what_is_refused_for_its_rows_counts_and_what_a_fault_answered_does_not() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.fail_next(FailNext { times: 50, ..FailNext::new(503) }).unwrap();
    assert_eq!(setup.burst(&rows, 50).await, 0);
    for _ in 0..20 {
        assert_eq!(setup.post(&rows, r#"{"rows":[{"b":1}]}"#).await.status, 404);
    }
    assert_eq!(setup.burst(&rows, 130).await, 100);
}

#[tokio::test]
async fn a_lost_answer_counts() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.drop_response(1, None).unwrap();
    let request = setup.request(reqwest::Method::POST, &rows).header("content-type", "application/json");
    assert!(request.body(ROW).send().await.is_err());
    assert_eq!(setup.burst(&rows, 120).await, 119);
    assert_eq!(setup.stored().len(), 120);
}

#[tokio::test]
async fn an_hour_has_room_for_a_million_rows() {
    let mut setup = Setup::new();
    let rows = setup.two_tables("").await;
    let small = rows.replace("/T/", "/U/");
    setup.fill(&rows, 600_000).await;
    setup.pass(600.0);
    setup.fill(&small, 390_000).await;
    assert_eq!(setup.post(&small, many(9_999)).await.status, 200);
    let reply = setup.post(&rows, many(2)).await;
    assert_eq!((retry_after(&reply), reply.json()), ("3000", json!({"message": TOO_MANY_ROWS})));
    assert_eq!(setup.post(&rows, many(1)).await.status, 200);
    setup.pass_an_age(3_000.0);
    assert_eq!(setup.post(&rows, many(10_000)).await.status, 200);
}

#[tokio::test]
async fn a_large_table_slows_its_whole_dataset_down_until_it_is_emptied() {
    let mut setup = Setup::new();
    let rows = setup.two_tables("").await;
    let small = rows.replace("/T/", "/U/");
    setup.fill(&rows, 240_000).await;
    setup.pass(120.0);
    assert_eq!(setup.burst(&small, 100).await, 100, "124 in this hour");
    setup.fill(&rows, 10_000).await;
    setup.pass(60.0);
    let reply = setup.post(&small, ROW).await;
    assert_eq!(retry_after(&reply), (3_600 - 180).to_string());
    assert_eq!(reply.json(), json!({"message": format!("{TOO_MANY} 3420 seconds.")}));
    setup.pass_an_age(3_420.0);
    assert_eq!(setup.burst(&small, 30).await, 19, "24 are gone, 101 are left");
    assert_eq!(setup.delete(&rows).await.status, 200);
    assert_eq!(setup.burst(&small, 11).await, 11);
}

#[tokio::test]
async fn a_table_that_keeps_its_newest_rows_only_is_never_large() {
    let setup = Setup::new();
    let rows = setup.two_tables("?defaultRetentionPolicy=basicFIFO").await;
    setup.fill(&rows, 300_000).await;
    for _ in 0..3 {
        setup.pass(60.0);
        assert_eq!(setup.burst(&rows, 120).await, 120);
    }
}

#[tokio::test]
async fn a_free_licence_has_ten_thousand_rows_an_hour() {
    let mut setup = Setup::assuming("licence", "free");
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.post(&rows, many(9_999)).await.status, 200);
    assert_eq!(setup.burst(&rows, 2).await, 1);
    setup.pass_an_age(3_600.0);
    assert_eq!(setup.post(&rows, many(10_000)).await.status, 200);
}

#[tokio::test]
async fn how_a_refusal_says_when_to_come_back_is_a_switch() {
    let setup = Setup::assuming("retry_after", "date");
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.burst(&rows, 120).await;
    setup.pass(17.25);
    let reply = setup.post(&rows, ROW).await;
    let date = httpdate::parse_http_date(retry_after(&reply)).unwrap();
    let opens = setup.clock.wall() + Duration::from_secs_f64(42.75);
    assert!(date >= opens && date < opens + Duration::from_secs(1));
    assert_eq!(date.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos(), 0);

    let setup = Setup::assuming("retry_after", "absent");
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.burst(&rows, 120).await;
    let reply = setup.post(&rows, ROW).await;
    assert_eq!((reply.status, reply.headers.get("retry-after")), (429, None));
}

#[tokio::test]
async fn a_push_url_with_history_shares_the_quotas_of_its_dataset() {
    let setup = Setup::new();
    let url = setup.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], true).unwrap();
    let push = || async { send(setup.http.post(&url).header("content-type", "application/json").body("[{}]")).await };
    let rows = format!("/datasets/{}/tables/RealTimeData/rows", url.split('/').nth(6).unwrap());
    assert_eq!(setup.burst(&rows, 119).await, 119);
    assert_eq!(push().await.status, 200);
    assert_eq!(retry_after(&push().await), "60");
    assert_eq!(setup.burst(&rows, 1).await, 0);
}

/// A post whose body is not sent yet; whoever was told to continue is being handled.
pub(super) fn begun(setup: &Setup, rows: &str) -> TcpStream {
    let port = setup.emulator.port();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (token, length) = (&setup.token, ROW.len());
    write!(
        socket,
        "POST /v1.0/myorg{rows} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nExpect: \
         100-continue\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket
}

pub(super) fn ended(mut socket: TcpStream) -> String {
    socket.write_all(ROW.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn five_requests_may_be_pending_and_the_sixth_is_refused() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let other = setup.table(&[("a", "Int64")]).await;
    let pending: Vec<TcpStream> = (0..5).map(|_| begun(&setup, &rows)).collect();
    let sixth = ended(begun(&setup, &rows));
    assert!(sixth.starts_with("HTTP/1.1 429 "), "{sixth}");
    assert!(sixth.contains("\r\nretry-after: 1\r\n"), "{sixth}");
    assert!(ended(begun(&setup, &other)).starts_with("HTTP/1.1 200 "));
    for socket in pending {
        assert!(ended(socket).starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(setup.burst(&rows, 120).await, 115, "the refused one is not counted");
    assert_eq!(setup.emulator.most_in_flight(), 6);
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let setup = Setup::with_limits(false);
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.burst(&rows, 130).await, 130);
    let pending: Vec<TcpStream> = (0..6).map(|_| begun(&setup, &rows)).collect();
    for socket in pending {
        assert!(ended(socket).starts_with("HTTP/1.1 200 "));
    }
}
