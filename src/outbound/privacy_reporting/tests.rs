//! Atlassian's own samples, and answers that nobody should believe.

use serde_json::{Value, json};

use super::*;
use crate::outbound::tests::server::{Scripted, TestServer, answer, quick_client};

const CLOSED_TEST_ACCOUNT: &str = "5be24ba3f91c106033269289";
const ACTIVE_TEST_ACCOUNT: &str = "5be24ad8b1653240376955d2";

fn id(text: &str) -> Personal<String> {
    Personal::new(text.to_owned())
}

fn ids(texts: &[&str]) -> Vec<Personal<String>> {
    texts.iter().map(|text| id(text)).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

async fn report_to(server: &TestServer, accounts: &[Personal<String>]) -> Result<Report, CallFailure> {
    let authorization = Authorization::bearer("canary-token").expect("a token");
    let accounts: Vec<_> = accounts.iter().map(|id| (id, at("2026-10-25T23:08:51.382Z"))).collect();
    report(&quick_client(), &server.base(), &authorization, &accounts).await
}

async fn report_of(scripted: Scripted, accounts: &[&str]) -> Result<Report, CallFailure> {
    report_to(&TestServer::start([scripted]).await, &ids(accounts)).await
}

#[tokio::test]
async fn the_sample_request_is_what_is_sent_and_only_accounts_asked_about_are_believed() {
    let sample = include_str!("../../../tests/vectors/atlassian/privacy_report_response_200.json");
    let server = TestServer::start([answer(200, sample)]).await;
    let authorization = Authorization::bearer("canary-token").expect("a token");
    let (active, closed) = (id(ACTIVE_TEST_ACCOUNT), id(CLOSED_TEST_ACCOUNT));
    let accounts = [(&active, at("2026-10-25T23:08:51.382999Z")), (&closed, at("2026-10-25T23:14:44.231Z"))];

    let report = report(&quick_client(), &server.base(), &authorization, &accounts).await.expect("a report");

    let expected = Report { closed: vec![closed], foreign_count: 1, ..Report::default() };
    assert_eq!(report, expected);
    let request = server.requests().remove(0);
    let sample = include_str!("../../../tests/vectors/atlassian/privacy_report_request.json");
    assert_eq!(request.line(), "POST /app/report-accounts/ HTTP/1.1");
    assert_eq!(request.json(), serde_json::from_str::<Value>(sample).expect("JSON"));
    assert!(request.head.contains("authorization: Bearer canary-token\r\n"));
}

#[tokio::test]
async fn nothing_to_do_is_an_empty_report_and_an_empty_question_is_not_asked() {
    assert_eq!(report_of(answer(204, ""), &["a"]).await.ok(), Some(Report::default()));
    let server = TestServer::start([]).await;
    assert_eq!(report_to(&server, &[]).await.ok(), Some(Report::default()));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn an_account_counts_once_and_closed_outranks_updated() {
    let entries = json!({"accounts": [
        {"accountId": "a", "status": "updated"}, {"accountId": "a", "status": "closed"},
        {"accountId": "b", "status": "updated"}, {"accountId": "b", "status": "updated"},
        {"accountId": "c", "status": "merged"}, {"accountId": "canary", "status": "closed"},
    ]});
    let report = report_of(answer(200, entries.to_string()), &["a", "b", "c"]).await.expect("a report");
    assert!(!format!("{report:?}").contains("canary"));
    let expected =
        Report { closed: ids(&["a"]), updated: ids(&["b"]), cycle: None, foreign_count: 1, unknown_status_count: 1 };
    assert_eq!(report, expected);
}

#[tokio::test]
async fn rejections_throttling_and_failures_are_told_apart_without_quoting_them() {
    let sample = r#"{"errorType":"canary","errorMessage":"canary"}"#;
    for (scripted, transient, seconds) in [
        (answer(400, sample), false, None),
        (answer(401, sample), false, None),
        (answer(302, "").with("location", "http://127.0.0.1:9/"), false, None),
        (answer(429, sample).with("retry-after", "120"), true, Some(120)),
        (answer(500, sample), true, None),
        (answer(503, sample).with("retry-after", "5"), true, Some(5)),
        (answer(200, "<html>canary</html>"), false, None),
        (answer(200, r#"{"accounts":[{"accountId":"canary"}]}"#), false, None),
        (answer(200, "{").endless(), false, None),
    ] {
        let failure = report_of(scripted, &["a"]).await.expect_err("no report");
        assert_eq!(failure.is_transient(), transient, "{failure:?}");
        assert_eq!(failure.retry_after(), seconds.map(Duration::from_secs), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
}

#[tokio::test]
async fn what_may_not_be_reported_is_not_sent() {
    let server = TestServer::start([]).await;
    let full = vec![id("a"); 91];
    for accounts in [ids(&[""]), ids(&["unknown"]), ids(&["a", "unknown"]), ids(&[&"x".repeat(129)]), full] {
        let failure = report_to(&server, &accounts).await.expect_err("not sent");
        assert!(matches!(failure, CallFailure::NotSendable { .. }), "{failure:?}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_cycle_is_believed_only_where_its_unit_is_hardly_in_doubt() {
    let cycles = [
        ("7", Some(7)),
        (" 30 ", Some(30)),
        ("P14D", Some(14)),
        ("P2W", Some(14)),
        ("PT168H", Some(7)),
        ("0", None),
        ("31", None),
        ("604800", None),
        ("-7", None),
        ("PT1H", None),
        ("P1M", None),
        ("P9999999999D", None),
        ("7 days", None),
        ("", None),
    ];
    for (value, days) in cycles {
        assert_eq!(cycle(value), days.map(|days| DAY * days), "{value}");
    }
    let scripted = answer(204, "").with("cycle-period", "14");
    assert_eq!(report_of(scripted, &["a"]).await.ok().and_then(|report| report.cycle), Some(DAY * 14));
}
