//! Interpretation of Jira's bodies: the committed vectors, every rejection, and bytes that mean nothing.
#![expect(clippy::unnecessary_wraps, reason = "expected results are compared with results")]

use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{
        IdentityKind, Issuer, Personal,
        event::NamedIdentity,
        profile::{Profile, ProfileAttribute},
        worklog::{WORKLOG_SECONDS_MAX, WorklogChange, WorklogEntry},
    },
    sources::tests::sample::changed,
};

const SITE: Option<&str> = Some("example-site.atlassian.net");
const USER_DELETED: &str = include_str!("../../../tests/vectors/jira/user_deleted.json");
const WORKLOG_CREATED: &str = include_str!("../../../tests/vectors/jira/worklog_created.json");
const WORKLOG_UPDATED: &str = include_str!("../../../tests/vectors/jira/worklog_updated.json");
const WORKLOG_DELETED: &str = include_str!("../../../tests/vectors/jira/worklog_deleted.json");
const LEGACY_DELETED: &str = include_str!("../../../tests/vectors/jira/legacy_worklog_deleted.json");
const ISSUE_DELETED: &str = include_str!("../../../tests/vectors/jira/issue_deleted.json");
const AUTHOR: &str = "712020:00000000-0000-4000-8000-000000000001";

fn read(text: &str) -> Result<LifecycleEvent, Malformed> {
    interpret(text.as_bytes(), SITE)
}

fn at_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time")
}

fn ignored(reason: IgnoreReason) -> Result<LifecycleEvent, Malformed> {
    Ok(LifecycleEvent::Irrelevant(reason))
}

fn removed(worklog_id: &str, removed_at: Timestamp) -> Result<LifecycleEvent, Malformed> {
    Ok(LifecycleEvent::Worklog(WorklogChange::Removed { worklog_id: worklog_id.to_owned(), removed_at }))
}

/// What the vectors say: with a name, and active but for whoever was deleted.
fn person(signal: PersonSignal, account_id: &str, source_at: Option<Timestamp>) -> Result<LifecycleEvent, Malformed> {
    let mut profile = Profile { is_active: Some(signal != PersonSignal::UserDeleted), ..Profile::default() };
    profile.say(ProfileAttribute::DisplayName, "Synthetic Person");
    person_with(profile, signal, account_id, source_at)
}

fn person_with(
    profile: Profile,
    signal: PersonSignal,
    account_id: &str,
    source_at: Option<Timestamp>,
) -> Result<LifecycleEvent, Malformed> {
    let value = Personal::new(account_id.to_owned());
    let identity = NamedIdentity { kind: IdentityKind::AtlassianAccountId, issuer: Issuer::Universal, value };
    Ok(LifecycleEvent::Person { signal, identity, source_at, profile })
}

#[test]
fn the_three_signals_about_a_person_are_understood() {
    let vectors = [
        (include_str!("../../../tests/vectors/jira/user_created.json"), PersonSignal::UserCreated),
        (include_str!("../../../tests/vectors/jira/user_updated.json"), PersonSignal::UserUpdated),
        (USER_DELETED, PersonSignal::UserDeleted),
    ];
    for (vector, signal) in vectors {
        assert_eq!(read(vector), person(signal, "5b10ac8d82e05b22cc7d4ef5", Some(at_ms(1_790_200_000_000))));
    }
}

#[test]
fn the_smallest_body_about_a_person_is_enough() {
    let body = r#"{"webhookEvent":"user_deleted","user":{"accountId":"abc"}}"#;
    assert_eq!(read(body), person_with(Profile::default(), PersonSignal::UserDeleted, "abc", None));
    let odd =
        r#"{"webhookEvent":"user_deleted","timestamp":null,"user":{"accountId":"abc","active":"true"},"issue":7}"#;
    let active = Profile { is_active: Some(true), ..Profile::default() };
    assert_eq!(read(odd), person_with(active, PersonSignal::UserDeleted, "abc", None));
    let strange = r#"{"webhookEvent":"user_deleted","user":{"accountId":"abc","active":1,"displayName":{"a":[]}}}"#;
    assert_eq!(read(strange), person_with(Profile::default(), PersonSignal::UserDeleted, "abc", None));
}

#[test]
fn hours_are_understood_with_the_local_day_of_their_own_offset() {
    let entry = |worklog_id: &str, seconds, updated: &str| {
        Ok(LifecycleEvent::Worklog(WorklogChange::Logged(WorklogEntry {
            worklog_id: worklog_id.to_owned(),
            issue_id: "10014".to_owned(),
            author_account_id: Personal::new(AUTHOR.to_owned()),
            seconds,
            work_day: date(2026, 9, 20),
            updated_at: updated.parse().expect("a time"),
        })))
    };
    assert_eq!(read(WORKLOG_CREATED), entry("10033", 144_000, "2026-09-21T15:41:17.618Z"));
    assert_eq!(read(WORKLOG_UPDATED), entry("10066", 115_200, "2026-09-22T18:49:13.744Z"));
}

#[test]
fn the_work_day_is_the_local_day_on_either_side_of_midnight() {
    let days = [
        ("2026-09-20T23:59:59.999-0800", date(2026, 9, 20)),
        ("2026-09-20T00:00:00.000+1400", date(2026, 9, 20)),
        ("2026-09-20T00:30:00+05:30", date(2026, 9, 20)),
        ("2026-09-20T23:30:00Z", date(2026, 9, 20)),
    ];
    for (started, day) in days {
        match read(&changed(WORKLOG_CREATED, "/worklog/started", Some(json!(started)))) {
            Ok(LifecycleEvent::Worklog(WorklogChange::Logged(entry))) => assert_eq!(entry.work_day, day),
            other => panic!("{started}: {other:?}"),
        }
    }
}

#[test]
fn a_removed_worklog_needs_its_id_and_some_time() {
    assert_eq!(read(WORKLOG_DELETED), removed("10033", at_ms(1_790_005_301_877)));
    let undated = changed(WORKLOG_DELETED, "/timestamp", None);
    assert_eq!(read(&undated), removed("10033", "2026-09-21T15:41:17.618Z".parse().expect("a time")));
    let timeless = changed(&undated, "/worklog/updated", None);
    assert_eq!(read(&timeless), Err(Malformed::MissingField("timestamp")));
    let authorless = changed(WORKLOG_DELETED, "/worklog/author", None);
    assert_eq!(read(&authorless), removed("10033", at_ms(1_790_005_301_877)));
}

#[test]
fn the_legacy_event_gives_removals_and_nothing_it_does_not_carry() {
    assert_eq!(read(LEGACY_DELETED), removed("10201", at_ms(1_666_877_185_412)));
    for word in ["issue_worklog_created", "issue_worklog_updated", "something_else"] {
        let body = changed(LEGACY_DELETED, "/issue_event_type_name", Some(json!(word)));
        assert_eq!(read(&body), ignored(IgnoreReason::NotALifecycleSignal));
    }
    let nameless = changed(LEGACY_DELETED, "/issue_event_type_name", None);
    assert_eq!(read(&nameless), Err(Malformed::MissingField("issue_event_type_name")));
    let without_id = changed(LEGACY_DELETED, "/changelog/items", Some(json!([{"field": "timespent", "from": "1"}])));
    assert_eq!(read(&without_id), Err(Malformed::MissingField("changelog.items[WorklogId].from")));
    let foreign = changed(LEGACY_DELETED, "/issue/self", Some(json!("https://evil.example/rest")));
    assert_eq!(read(&foreign), Err(Malformed::ForeignSite("issue.self")));
}

#[test]
fn a_legacy_event_with_values_is_as_good_as_a_new_one() {
    let legacy = |vector: &str, word: &str| {
        let body = changed(vector, "/webhookEvent", Some(json!("jira:worklog_updated")));
        read(&changed(&body, "/issue_event_type_name", Some(json!(word))))
    };
    assert_eq!(legacy(WORKLOG_CREATED, "issue_worklog_created"), read(WORKLOG_CREATED));
    assert_eq!(legacy(WORKLOG_UPDATED, "issue_worklog_updated"), read(WORKLOG_UPDATED));
    assert_eq!(legacy(WORKLOG_DELETED, "issue_worklog_deleted"), read(WORKLOG_DELETED));
}

#[test]
fn an_issue_is_placed_in_its_project_and_taken_out_of_it() {
    let (issue_id, project_id) = ("10014".to_owned(), "10000".to_owned());
    let at = at_ms(1_790_102_999_999);
    let deleted = TreeChange::IssueDeleted { issue_id: issue_id.clone(), project_id: Some(project_id.clone()), at };
    assert_eq!(read(ISSUE_DELETED), Ok(LifecycleEvent::Tree(deleted)));
    let unplaced = changed(ISSUE_DELETED, "/issue/fields", None);
    let deleted = TreeChange::IssueDeleted { issue_id: issue_id.clone(), project_id: None, at };
    assert_eq!(read(&unplaced), Ok(LifecycleEvent::Tree(deleted)));
    for known in ["jira:issue_created", "jira:issue_updated"] {
        let seen = TreeChange::IssueSeen { issue_id: issue_id.clone(), project_id: project_id.clone(), at };
        let body = changed(ISSUE_DELETED, "/webhookEvent", Some(json!(known)));
        assert_eq!(read(&body), Ok(LifecycleEvent::Tree(seen)));
        for missing in ["/issue/fields/project/id", "/issue/fields", "/issue/id", "/issue", "/timestamp"] {
            let body = changed(&body, missing, None);
            assert_eq!(read(&body), ignored(IgnoreReason::NotALifecycleSignal), "{missing}");
        }
    }
}

#[test]
fn a_project_is_deleted_for_good_or_into_the_bin_and_comes_back() {
    let body = |known: &str, project: Value| {
        json!({ "timestamp": 1_790_200_000_000_i64, "webhookEvent": known, "project": project }).to_string()
    };
    let project = json!({ "self": "https://example-site.atlassian.net/rest/api/2/project/10000", "id": 10000 });
    let (project_id, at) = ("10000".to_owned(), at_ms(1_790_200_000_000));
    for known in ["project_deleted", "project_soft_deleted"] {
        let deleted = TreeChange::ProjectDeleted { project_id: project_id.clone(), at };
        assert_eq!(read(&body(known, project.clone())), Ok(LifecycleEvent::Tree(deleted)));
    }
    let restored = TreeChange::ProjectRestored { project_id, at };
    assert_eq!(read(&body("project_restored_deleted", project.clone())), Ok(LifecycleEvent::Tree(restored)));
    assert_eq!(read(&body("project_archived", project)), ignored(IgnoreReason::NotALifecycleSignal));
    assert_eq!(read(&body("project_deleted", json!({"id": "x"}))), Err(Malformed::InvalidField("project.id")));
    let elsewhere = json!({ "self": "https://evil.example/rest", "id": 10000 });
    assert_eq!(read(&body("project_deleted", elsewhere)), Err(Malformed::ForeignSite("project.self")));
}

#[test]
fn a_change_of_the_tree_without_time_or_of_another_site_is_refused() {
    let timeless = changed(ISSUE_DELETED, "/timestamp", None);
    assert_eq!(read(&timeless), Err(Malformed::MissingField("timestamp")));
    let elsewhere = changed(ISSUE_DELETED, "/issue/self", Some(json!("https://evil.example/rest")));
    assert_eq!(read(&elsewhere), Err(Malformed::ForeignSite("issue.self")));
    let twice = r#"{"webhookEvent":"jira:issue_deleted","timestamp":1790200000000,"issue":{"id":"1","id":"2"}}"#;
    assert_eq!(read(twice), Err(Malformed::InvalidField("issue")));
}

#[test]
fn known_types_without_a_signal_and_unknown_types_are_told_apart() {
    let comment = include_str!("../../../tests/vectors/jira/comment_deleted.json");
    assert_eq!(read(comment), ignored(IgnoreReason::NotALifecycleSignal));
    for known in ["jira:version_deleted", "project_soft_deleted", "jira_expression_evaluation_failed", "board_deleted"]
    {
        let body = json!({ "webhookEvent": known }).to_string();
        assert_eq!(read(&body), ignored(IgnoreReason::NotALifecycleSignal), "{known}");
    }
    for unknown in ["", "user", "user_renamed", "USER_DELETED", "worklog_", "jira:user_deleted"] {
        let body = json!({ "webhookEvent": unknown }).to_string();
        assert_eq!(read(&body), ignored(IgnoreReason::UnknownType), "{unknown}");
    }
}

#[test]
fn the_placeholder_account_is_never_taken_for_a_person() {
    let body = changed(USER_DELETED, "/user/accountId", Some(json!("unknown")));
    assert_eq!(read(&body), ignored(IgnoreReason::PlaceholderAccount));
    let body = changed(WORKLOG_CREATED, "/worklog/author/accountId", Some(json!("unknown")));
    assert_eq!(read(&body), ignored(IgnoreReason::PlaceholderAccount));
}

#[test]
fn a_missing_field_is_named() {
    let fields = [
        (USER_DELETED, "/webhookEvent", "webhookEvent"),
        (USER_DELETED, "/user", "user"),
        (USER_DELETED, "/user/accountId", "user.accountId"),
        (WORKLOG_CREATED, "/worklog", "worklog"),
        (WORKLOG_CREATED, "/worklog/id", "worklog.id"),
        (WORKLOG_CREATED, "/worklog/issueId", "worklog.issueId"),
        (WORKLOG_CREATED, "/worklog/author", "worklog.author"),
        (WORKLOG_CREATED, "/worklog/author/accountId", "worklog.author.accountId"),
        (WORKLOG_CREATED, "/worklog/started", "worklog.started"),
        (WORKLOG_CREATED, "/worklog/updated", "worklog.updated"),
        (WORKLOG_CREATED, "/worklog/timeSpentSeconds", "worklog.timeSpentSeconds"),
        (WORKLOG_DELETED, "/worklog/id", "worklog.id"),
    ];
    for (vector, pointer, field) in fields {
        assert_eq!(read(&changed(vector, pointer, None)), Err(Malformed::MissingField(field)));
        assert_eq!(read(&changed(vector, pointer, Some(Value::Null))), Err(Malformed::MissingField(field)));
    }
}

#[test]
fn a_value_that_cannot_be_believed_is_refused_by_the_name_of_its_field() {
    let values = [
        (USER_DELETED, "/webhookEvent", json!(7), "webhookEvent"),
        (USER_DELETED, "/user", json!([null, "abc"]), "user"),
        (USER_DELETED, "/user/accountId", json!("a b"), "user.accountId"),
        (USER_DELETED, "/user/accountId", json!(""), "user.accountId"),
        (USER_DELETED, "/user/accountId", json!("x".repeat(129)), "user.accountId"),
        (USER_DELETED, "/user/accountId", json!({"a": 1}), "user.accountId"),
        (USER_DELETED, "/user/self", json!("not an address"), "user.self"),
        (USER_DELETED, "/timestamp", json!(1_790_200_000), "timestamp"),
        (USER_DELETED, "/timestamp", json!(-1), "timestamp"),
        (USER_DELETED, "/timestamp", json!(9_999_999_999_999_i64), "timestamp"),
        (USER_DELETED, "/timestamp", json!("soon"), "timestamp"),
        (WORKLOG_CREATED, "/worklog/timeSpentSeconds", json!(-1), "worklog.timeSpentSeconds"),
        (WORKLOG_CREATED, "/worklog/timeSpentSeconds", json!(WORKLOG_SECONDS_MAX + 1), "worklog.timeSpentSeconds"),
        (WORKLOG_CREATED, "/worklog/timeSpentSeconds", json!(1.5), "worklog.timeSpentSeconds"),
        (WORKLOG_CREATED, "/worklog/id", json!("10; DROP"), "worklog.id"),
        (WORKLOG_CREATED, "/worklog/id", json!(""), "worklog.id"),
        (WORKLOG_CREATED, "/worklog/issueId", json!("-1"), "worklog.issueId"),
        (WORKLOG_CREATED, "/worklog/started", json!("2026-09-21"), "worklog.started"),
        (WORKLOG_CREATED, "/worklog/started", json!("2026-09-21T21:11:17.618"), "worklog.started"),
        (WORKLOG_CREATED, "/worklog/started", json!("1026-09-21T21:11:17.618+0530"), "worklog.started"),
        (WORKLOG_CREATED, "/worklog/updated", json!("2026-09-21T21:11:17Z[Europe/Berlin]"), "worklog.updated"),
        (WORKLOG_CREATED, "/worklog/updated", json!("2026-13-21T21:11:17Z"), "worklog.updated"),
    ];
    for (vector, pointer, value, field) in values {
        let body = changed(vector, pointer, Some(value));
        assert_eq!(read(&body), Err(Malformed::InvalidField(field)), "{pointer}");
    }
}

#[test]
fn ids_and_times_may_come_as_numbers_or_as_text() {
    let body = changed(WORKLOG_CREATED, "/worklog/id", Some(json!(10033)));
    let body = changed(&body, "/worklog/issueId", Some(json!(10014)));
    assert_eq!(read(&body), read(WORKLOG_CREATED));
    assert_eq!(read(&changed(USER_DELETED, "/timestamp", Some(json!("1790200000000")))), read(USER_DELETED));
}

#[test]
fn a_body_about_another_site_is_refused() {
    let elsewhere = Some("other-site.atlassian.net");
    assert_eq!(interpret(USER_DELETED.as_bytes(), elsewhere), Err(Malformed::ForeignSite("user.self")));
    assert_eq!(interpret(WORKLOG_DELETED.as_bytes(), elsewhere), Err(Malformed::ForeignSite("worklog.self")));
    assert!(interpret(USER_DELETED.as_bytes(), Some("EXAMPLE-SITE.atlassian.net")).is_ok());
    assert!(interpret(USER_DELETED.as_bytes(), None).is_ok());
    let prefixed = changed(USER_DELETED, "/user/self", Some(json!("https://example-site.atlassian.net.evil.example/")));
    assert_eq!(read(&prefixed), Err(Malformed::ForeignSite("user.self")));
    let userinfo = changed(USER_DELETED, "/user/self", Some(json!("https://example-site.atlassian.net@evil.example/")));
    assert_eq!(read(&userinfo), Err(Malformed::ForeignSite("user.self")));
}

#[test]
fn a_repeated_field_is_refused_because_two_readers_could_believe_different_ones() {
    let twice = [
        (r#"{"webhookEvent":"user_created","webhookEvent":"user_deleted","user":{"accountId":"a"}}"#, "body"),
        (r#"{"webhookEvent":"user_deleted","user":{"accountId":"a"},"user":{"accountId":"b"}}"#, "body"),
        (r#"{"webhookEvent":"user_deleted","user":{"accountId":"a","account\u0049d":"b"}}"#, "user"),
        (r#"{"webhookEvent":"worklog_deleted","timestamp":1790200000000,"worklog":{"id":"1","id":"2"}}"#, "worklog"),
    ];
    for (body, field) in twice {
        assert_eq!(read(body), Err(Malformed::InvalidField(field)), "{body}");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    assert_eq!(interpret(b"\xff{}", None), Err(Malformed::NotUtf8));
    for body in ["", "{", "{}x", "{\"webhookEvent\":}", "\u{feff}{}", "nonsense"] {
        assert_eq!(read(body), Err(Malformed::NotJson), "{body:?}");
    }
    for body in ["[]", " [\"user_deleted\"]", "7", "\"user_deleted\"", "null"] {
        assert_eq!(read(body), Err(Malformed::InvalidField("body")), "{body:?}");
    }
}

#[test]
fn bottomless_nesting_is_survived_wherever_it_stands() {
    for deep in ["[".repeat(200_000), "{\"a\":".repeat(200_000)] {
        assert_eq!(
            read(&deep),
            if deep.starts_with('[') { Err(Malformed::InvalidField("body")) } else { Err(Malformed::NotJson) }
        );
        assert_eq!(read(&format!("{{\"x\":{deep}")), Err(Malformed::NotJson));
    }
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let user = format!(r#"{{"webhookEvent":"user_deleted","user":{{"accountId":{nested}}}}}"#);
    assert_eq!(read(&user), Err(Malformed::InvalidField("user.accountId")));
    let beside = format!(r#"{{"webhookEvent":"user_deleted","x":{nested},"user":{{"accountId":"abc","y":{nested}}}}}"#);
    assert_eq!(read(&beside), person_with(Profile::default(), PersonSignal::UserDeleted, "abc", None));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = interpret(&body, SITE);
        let _ = body_timestamp(&body);
    }

    #[test]
    fn mutated_bodies_never_panic(which in 0_usize..5, edits in proptest::collection::vec(
                                      (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let vector = [USER_DELETED, WORKLOG_CREATED, WORKLOG_DELETED, LEGACY_DELETED, ISSUE_DELETED][which];
        let mut body = vector.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = interpret(&body, SITE);
        let _ = body_timestamp(&body);
    }
}
