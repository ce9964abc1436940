//! Jira's own samples, and pages that try to lead elsewhere.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::Entropy,
    outbound::{
        breaker::{Breaker, FAILURES_TO_OPEN},
        tests::server::{Scripted, TestServer, answer, quick_client},
    },
};

const SITE: &str = "https://example-site.atlassian.net";

fn authorization() -> Authorization {
    Authorization::basic("canary@example.invalid", &SecretString::from("canary")).expect("a pair")
}

fn at_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time")
}

async fn page_at(server: &TestServer, feed: Feed, since_ms: i64) -> Result<Page, CallFailure> {
    changed(&quick_client(), &server.base(), &authorization(), feed, since_ms).await
}

async fn page_of(scripted: Scripted) -> Result<Page, CallFailure> {
    page_at(&TestServer::start([scripted]).await, Feed::Updated, 1000).await
}

/// What comes of a page whose next page is said to be there.
async fn page_with_link(link: &str) -> Result<Page, CallFailure> {
    let page = json!({"values": [], "since": 1000, "until": 2000, "lastPage": false, "nextPage": link});
    page_of(answer(200, page.to_string())).await
}

#[tokio::test]
async fn both_feeds_read_as_in_the_samples() {
    let text = include_str!("../../../tests/vectors/atlassian/jira_worklog_deleted_page.json");
    let server = TestServer::start([answer(200, text)]).await;
    let page = page_at(&server, Feed::Deleted, 1_789_000_000_000).await.expect("a page");
    let worklogs = vec![(10_021, at_ms(1_789_000_000_500)), (10_033, at_ms(1_790_005_301_877))];
    assert!(page.is_last());
    assert_eq!(page, Page { worklogs, until_ms: 1_790_005_301_877, next_since_ms: None });
    let request = server.requests().remove(0);
    assert_eq!(request.line(), "GET /rest/api/3/worklog/deleted?since=1789000000000 HTTP/1.1");
    assert!(request.head.contains("authorization: Basic Y2FuYXJ5QGV4YW1wbGUuaW52YWxpZDpjYW5hcnk=\r\n"));
}

#[test]
fn the_next_page_is_where_this_one_was_and_leads_onward() {
    let text = include_str!("../../../tests/vectors/atlassian/jira_worklog_updated_page.json");
    let page: FeedPage = serde_json::from_str(text).expect("a page");
    let link = page.next_page.expect("a next page");
    let address = BaseAddress::jira_site("example-site.atlassian.net")
        .expect("a site")
        .below(&["rest", "api", "3", "worklog", "updated"]);
    assert_eq!(next_since(&link, &address, 1_789_000_000_000).ok(), Some(1_790_102_953_744));

    let path = "/rest/api/3/worklog/updated";
    let elsewhere = [
        format!("https://example-site.atlassian.net.example.com{path}?since=2000"),
        format!("https://169.254.169.254{path}?since=2000"),
        format!("http://example-site.atlassian.net{path}?since=2000"),
        format!("https://example-site.atlassian.net:8443{path}?since=2000"),
        format!("https://canary@example-site.atlassian.net{path}?since=2000"),
        format!("https://example-site.atlassian.net{path}/../deleted?since=2000"),
        "https://example-site.atlassian.net/rest/api/3/worklog/deleted?since=2000".to_owned(),
        format!("{path}?since=2000"),
        "file:///etc/passwd".to_owned(),
        format!("{SITE}{path}?since=1000"),
        format!("{SITE}{path}?since=999"),
        format!("{SITE}{path}?since=canary"),
        format!("{SITE}{path}?since=2000&since=3000"),
        format!("{SITE}{path}"),
    ];
    for link in elsewhere {
        let failure = next_since(&link, &address, 1000).expect_err("not followed");
        assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{link}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
}

#[tokio::test]
async fn a_link_to_another_server_is_refused_and_nobody_is_asked_there() {
    let elsewhere = TestServer::start([answer(200, "{}")]).await;
    let link = format!("{}/rest/api/3/worklog/updated?since=2000", elsewhere.address());

    let failure = page_with_link(&link).await.expect_err("not followed");

    assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn pages_that_cannot_be_believed_are_errors_and_the_mark_never_goes_back() {
    let entry = |id: Value, time: Value| {
        json!({"values": [{"worklogId": id, "updatedTime": time}], "until": 2000, "lastPage": true}).to_string()
    };
    for body in [
        "<html>canary</html>".to_owned(),
        "[]".to_owned(),
        json!({"values": [], "until": 2000, "lastPage": false}).to_string(),
        json!({"values": [], "until": 2000}).to_string(),
        entry(json!("canary"), json!(1)),
        entry(json!(-1), json!(1)),
        entry(json!(1), json!(i64::MAX)),
    ] {
        let failure = page_of(answer(200, body)).await.expect_err("not believed");
        assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
    let earlier = json!({"values": [], "until": 5, "lastPage": true}).to_string();
    assert_eq!(page_of(answer(200, earlier)).await.expect("a page").until_ms, 1000);
    let failure = page_of(answer(200, "{").endless()).await.expect_err("too large");
    assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
    for (status, is_transient) in [(401, false), (404, false), (302, false), (429, true), (502, true)] {
        assert_eq!(page_of(answer(status, "")).await.expect_err("no page").is_transient(), is_transient);
    }
}

/// What a list of these ids is answered with by this server.
async fn listing_of(server: &TestServer, ids: &[u64]) -> Result<Listing, CallFailure> {
    list(&quick_client(), &server.base(), &authorization(), ids).await
}

async fn listed_of(server: &TestServer, ids: &[u64]) -> Listed {
    match listing_of(server, ids).await.expect("a list") {
        Listing::Whole(listed) => listed,
        Listing::TooLarge => panic!("the answer is small"),
    }
}

#[tokio::test]
async fn a_listed_worklog_keeps_ids_seconds_and_times_and_omitted_ids_are_told() {
    let text = include_str!("../../../tests/vectors/atlassian/jira_worklog_list_response.json");
    let server = TestServer::start([answer(200, text)]).await;

    let listed = listed_of(&server, &[10_021, 10_033, 10_066, 10_066]).await;

    assert_eq!(listed.omitted, [10_021, 10_033]);
    assert_eq!((listed.worklogs.len(), listed.foreign_count, listed.worklogs[0].worklog_id), (1, 0, 10_066));
    let json: Value = serde_json::from_slice(listed.worklogs[0].json.expose_for("the test")).expect("JSON");
    let expected = json!({"id": "10066", "issueId": "10014", "timeSpentSeconds": 115_200,
        "author": {"accountId": "712020:00000000-0000-4000-8000-000000000001"},
        "started": "2026-09-20T05:11:09.067+0530", "updated": "2026-09-23T00:19:13.744+0530"});
    assert_eq!(json, expected);
    let request = server.requests().remove(0);
    let sent: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/atlassian/jira_worklog_list_request.json"))
            .expect("JSON");
    assert_eq!(request.line(), "POST /rest/api/3/worklog/list HTTP/1.1");
    assert_eq!(request.json(), sent);
}

#[tokio::test]
async fn nothing_hidden_in_a_worklog_gets_through() {
    let entries = json!([
        {"id": "1", "issueId": {"name": "canary"}, "started": ["canary"], "updated": "c".repeat(300),
         "author": {"accountId": {"displayName": "canary"}, "displayName": "canary"}, "comment": "canary"},
        {"id": "1", "issueId": "canary-second"},
        {"id": "999", "issueId": "canary-not-asked"},
        {"id": "canary"}, {"issueId": "canary"}, "canary", ["1", "canary"], null,
    ]);
    let server = TestServer::start([answer(200, entries.to_string())]).await;

    let listed = listed_of(&server, &[1, 2]).await;

    assert_eq!((listed.worklogs.len(), listed.omitted.as_slice(), listed.foreign_count), (1, [2].as_slice(), 7));
    assert_eq!(listed.worklogs[0].json.expose_for("the test"), br#"{"id":"1","author":{}}"#);
    assert!(!format!("{listed:?}").contains("canary"));
}

#[tokio::test]
async fn lists_have_a_bound_and_an_empty_one_is_not_asked() {
    let server = TestServer::start([answer(200, "<html>canary</html>")]).await;
    let ids: Vec<u64> = (0..1001).collect();
    assert!(matches!(listing_of(&server, &ids).await, Err(CallFailure::NotSendable { .. })));
    assert_eq!(listed_of(&server, &[]).await, Listed::default());
    assert_eq!(server.requests().len(), 0);
    assert!(matches!(listing_of(&server, &ids[..1000]).await, Err(CallFailure::BadAnswer { .. })));
}

/// An array without entries, in so many bytes.
fn blank_array(bytes: usize) -> Vec<u8> {
    let mut body = vec![b' '; bytes];
    (body[0], body[bytes - 1]) = (b'[', b']');
    body
}

#[tokio::test]
async fn a_list_up_to_its_bound_is_read_and_of_a_larger_one_only_that_is_told() {
    let just_fits = TestServer::start([answer(200, blank_array(WORKLOG_ANSWER_BYTES_MAX))]).await;
    assert_eq!(listed_of(&just_fits, &[1, 2]).await.omitted, [1, 2]);
    for scripted in [answer(200, blank_array(WORKLOG_ANSWER_BYTES_MAX + 1)), answer(200, "[").endless()] {
        let server = TestServer::start([scripted]).await;
        assert_eq!(listing_of(&server, &[1, 2]).await.expect("no failure"), Listing::TooLarge);
        assert_eq!(server.requests().len(), 1, "whether to ask again is not decided here");
    }
}

#[tokio::test]
async fn what_a_server_says_when_it_fails_or_refuses_is_never_a_list_that_is_too_large() {
    for (status, is_transient) in [(400, false), (403, false), (429, true), (503, true)] {
        let server = TestServer::start([answer(status, "[").endless()]).await;
        let failure = listing_of(&server, &[1]).await.expect_err("no list");
        assert_eq!(failure.is_transient(), is_transient, "{failure:?}");
    }
}

#[tokio::test]
async fn a_server_whose_lists_are_too_large_is_not_left_alone() {
    let breaker = Breaker::new(Arc::new(NoRandomness));
    let often = usize::try_from(FAILURES_TO_OPEN).expect("a small number") + 1;
    let server = TestServer::start(vec![answer(200, "[").endless(); often]).await;

    for _ in 0..often {
        let listing = breaker.guard("a site", listing_of(&server, &[1, 2])).await;
        assert_eq!(listing.expect("let through"), Listing::TooLarge);
    }
    assert_eq!(server.requests().len(), often);
}

struct NoRandomness;

impl Entropy for NoRandomness {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}
