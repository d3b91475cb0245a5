//! Workspaces: listed to the last one, filtered, and found by name or id.

use powerbi_push::error::Kind;
use powerbi_push::services::powerbi::WorkspaceInfo;
use serde_json::{Value, json};

use crate::scripted_service::{Asked, Said, StandIn};

const ID: &str = "f089354e-8366-4e18-aea3-4cb4a3a50b48";
const OTHER_ID: &str = "3d9b93c6-7b6d-4801-a491-1738910904fd";

/// How a service lists its workspaces.
#[derive(Clone, Copy)]
struct Listing {
    count: usize,
    /// The most it gives at once, whatever it is asked for.
    most: usize,
    heeds_skip: bool,
}

impl Listing {
    fn answer(self, asked: &Asked) -> Said {
        let skip = if self.heeds_skip { number(asked, "$skip") } else { 0 };
        let until = self.count.min(skip + number(asked, "$top").min(self.most));
        let page: Vec<Value> = (skip..until).map(|at| json!({"id": format!("id-{at}"), "name": "w"})).collect();
        Said::json(200, &json!({"value": page}))
    }
}

fn query<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    let (_, query) = asked.target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn number(asked: &Asked, name: &str) -> usize {
    query(asked, name).unwrap().parse().unwrap()
}

fn named(id: &str, name: &str) -> WorkspaceInfo {
    WorkspaceInfo { id: id.into(), name: name.into() }
}

fn list(workspaces: &[(&str, &str)]) -> Said {
    let value: Vec<Value> = workspaces.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    Said::json(200, &json!({"value": value}))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_asked_for_until_a_short_one() {
    for (count, skips) in [(0, vec![0]), (1, vec![0, 1]), (999, vec![0, 999]), (2_500, vec![0, 1_000, 2_000])] {
        let service = Listing { count, most: usize::MAX, heeds_skip: true };
        let setup = StandIn::start(move |asked| service.answer(asked)).await;
        assert_eq!(setup.client.api().workspaces(None).await.unwrap().len(), count);
        let expected: Vec<String> =
            skips.iter().map(|skip| format!("GET /v1.0/myorg/groups?$top=1000&$skip={skip}")).collect();
        assert_eq!(setup.lines(), expected, "{count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_gives_fewer_at_once_is_asked_on() {
    for (count, most) in [(5, 2), (4, 2), (3, 1), (1_234, 500)] {
        let service = Listing { count, most, heeds_skip: true };
        let setup = StandIn::start(move |asked| service.answer(asked)).await;
        let found = setup.client.api().workspaces(None).await.unwrap();
        assert_eq!((found.len(), found[count - 1].id.as_str()), (count, format!("id-{}", count - 1).as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_skip_is_not_asked_for_ever() {
    let service = Listing { count: 5_000, most: usize::MAX, heeds_skip: false };
    let setup = StandIn::start(move |asked| service.answer(asked)).await;
    assert_eq!(setup.client.api().workspaces(None).await.unwrap().len(), 1_000);
    assert_eq!(setup.lines().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_goes_out_untouched_but_encoded() {
    let setup = StandIn::start(|_| list(&[(ID, "R&D + 100%")])).await;
    let filter = "contains(name,'R&D + 100%') or name eq 'a''b#ü'";
    assert_eq!(setup.client.api().workspaces(Some(filter)).await.unwrap(), [named(ID, "R&D + 100%")]);
    let asked = &setup.asked()[0];
    let encoded = query(asked, "$filter").unwrap();
    assert_eq!(percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap(), filter);
    assert!(!encoded.contains(['+', '\'', '#', ' ']), "{encoded}");
    assert_eq!((number(asked, "$top"), number(asked, "$skip")), (1_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_the_service_cannot_read_says_how_one_looks() {
    let setup = StandIn::start(|_| Said::json(400, &json!({"error": {"code": "BadRequest"}}))).await;
    let error = setup.client.api().workspaces(Some("name = x")).await.unwrap_err();
    assert_eq!((error.kind, error.answer.status), (Kind::Service, Some(400)));
    assert!(error.hint.unwrap().contains("name eq 'contoso'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_asked_for_with_its_quotes_doubled() {
    let setup = StandIn::start(|_| list(&[(ID, "Tom's ''team''")])).await;
    let found = setup.client.api().find_workspace("Tom's ''team''").await.unwrap();
    assert_eq!(found, named(ID, "Tom's ''team''"));
    let asked = setup.asked();
    let filter = percent_encoding::percent_decode_str(query(&asked[0], "$filter").unwrap()).decode_utf8().unwrap();
    assert_eq!((asked.len(), &*filter), (2, "name eq 'Tom''s ''''team'''''"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_whatever_the_service_makes_of_the_filter() {
    let heeded = |_: &Asked| list(&[(ID, "Team")]);
    let ignored = |_: &Asked| list(&[(OTHER_ID, "team"), (ID, "Team"), ("7", "Teams")]);
    let refused = |asked: &Asked| match query(asked, "$filter") {
        Some(_) => Said::json(400, &json!({"error": {"code": "BadRequest"}})),
        None => list(&[(OTHER_ID, "Other"), (ID, "Team")]),
    };
    let misread = |asked: &Asked| match query(asked, "$filter") {
        Some(_) => list(&[]),
        None => list(&[(ID, "Team")]),
    };
    let services: [fn(&Asked) -> Said; 4] = [heeded, ignored, refused, misread];
    for (at, service) in services.into_iter().enumerate() {
        let setup = StandIn::start(service).await;
        assert_eq!(setup.client.api().find_workspace("Team").await.unwrap(), named(ID, "Team"), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_filter_and_many_pages_hide_no_name() {
    let setup = StandIn::start(|asked| {
        let skip = number(asked, "$skip");
        let page = (skip..2_001.min(skip + 1_000)).map(|at| json!({"id": at.to_string(), "name": format!("w{at}")}));
        Said::json(200, &json!({"value": page.collect::<Vec<_>>()}))
    })
    .await;
    assert_eq!(setup.client.api().find_workspace("w2000").await.unwrap(), named("2000", "w2000"));
    assert_eq!(setup.lines().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_a_name_are_refused_with_both_ids() {
    let setup = StandIn::start(|_| list(&[(ID, "Team"), (OTHER_ID, "Team")])).await;
    let error = setup.client.api().find_workspace("Team").await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.message, format!("2 workspaces are named `Team`: {ID}, {OTHER_ID}"));
    assert_eq!(error.hint.as_deref(), Some("use the id instead of the name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_there_is_answered_with_those_there_are() {
    let setup = StandIn::start(|_| list(&[(ID, "Team")])).await;
    let error = setup.client.api().find_workspace("team").await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(error.message, "there is no workspace `team`: there are `Team`");
    assert!(error.hint.unwrap().contains("Manage access"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_a_message_move_no_terminal() {
    let setup = StandIn::start(|_| list(&[(ID, "\u{1b}[2Jgone\r\n\u{202e}x")])).await;
    let error = setup.client.api().find_workspace("a\u{7}b").await.unwrap_err();
    let expected = r"there is no workspace `a\u{7}b`: there are `\u{1b}[2Jgone\r\n\u{202e}x`";
    assert_eq!(error.message, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_names_the_most_alike_are_told() {
    let setup = StandIn::start(|_| {
        let all = (0..999).map(|at| json!({"id": at.to_string(), "name": format!("w{at}")}));
        Said::json(200, &json!({"value": all.chain([json!({"id": ID, "name": "Sales"})]).collect::<Vec<_>>()}))
    })
    .await;
    let error = setup.client.api().find_workspace("sales").await.unwrap_err();
    assert!(error.message.starts_with("there is no workspace `sales`: there are `Sales`, "), "{}", error.message);
    assert!(error.message.ends_with(" and 980 more"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_asked_for_by_itself() {
    let setup = StandIn::start(|_| Said::json(200, &json!({"id": ID, "name": "Team", "isReadOnly": false}))).await;
    assert_eq!(setup.client.api().find_workspace(ID).await.unwrap(), named(ID, "Team"));
    assert_eq!(setup.lines(), [format!("GET /v1.0/myorg/groups/{ID}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_get_group_does_not_give_is_looked_for_in_the_list() {
    for status in [401, 403, 404] {
        let setup =
            StandIn::start(
                move |asked| {
                    if asked.target.contains('?') { list(&[(ID, "Team")]) } else { Said::empty(status) }
                },
            )
            .await;
        let upper = ID.to_uppercase();
        assert_eq!(setup.client.api().find_workspace(&upper).await.unwrap(), named(ID, "Team"));
        let error = setup.client.api().find_workspace(OTHER_ID).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert_eq!(error.message, format!("there is no workspace `{OTHER_ID}`: there are `Team`"));
    }
}
