//! Forge: the documented bodies, what they must agree with, and bytes that mean nothing.
#![expect(clippy::unnecessary_wraps, reason = "expected results are compared with results")]

use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    domain::{
        caller::TokenUse,
        event::PersonSignal,
        worklog::{WorklogChange, WorklogEntry},
    },
    sources::{minimized::minimize, tests::sample::changed},
};

const INSTALLED: &str = include_str!("../../../tests/vectors/forge/lifecycle_installed_remote.json");
const INSTALLED_MINIMAL: &str = include_str!("../../../tests/vectors/forge/lifecycle_installed_minimal.json");
const UPGRADED: &str = include_str!("../../../tests/vectors/forge/lifecycle_upgraded.json");
const PRE_UNINSTALL: &str = include_str!("../../../tests/vectors/forge/pre_uninstall.json");
const USER_DELETED: &str = include_str!("../../../tests/vectors/forge/event_user_deleted.json");
const USER_UPDATED: &str = include_str!("../../../tests/vectors/forge/event_user_updated.json");
const CONFLUENCE_USER: &str = include_str!("../../../tests/vectors/forge/event_confluence_user_deleted.json");
const WORKLOG_DELETED: &str = include_str!("../../../tests/vectors/forge/event_worklog_deleted.json");
const ACCESS_BLOCKED: &str = include_str!("../../../tests/vectors/forge/event_app_access_blocked.json");
const RETRIED: &str = include_str!("../../../tests/vectors/forge/remote_event_retry.json");
const VECTORS: [&str; 10] = [
    INSTALLED,
    INSTALLED_MINIMAL,
    UPGRADED,
    PRE_UNINSTALL,
    USER_DELETED,
    USER_UPDATED,
    CONFLUENCE_USER,
    WORKLOG_DELETED,
    ACCESS_BLOCKED,
    RETRIED,
];
const ENDPOINT: &str = "gateway-events";
const CLOUD_ID: &str = "11111111-2222-4333-8444-555555555555";
const INSTALLATION_ID: &str = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e";
const ACCOUNT_ID: &str = "5b10ac8d82e05b22cc7d4ef5";

fn calling(module_key: &str, token: &str) -> ForgeCaller {
    ForgeCaller {
        cloud_id: CLOUD_ID.to_owned(),
        installation_id: INSTALLATION_ID.to_owned(),
        app_id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned(),
        environment_id: "99999999-8888-4777-8666-555555555555".to_owned(),
        module_key: module_key.to_owned(),
        token: TokenUse { id: token.to_owned(), expires_at: Timestamp::UNIX_EPOCH },
    }
}

fn taken(tail: &str, body: &str) -> Result<Admitted, NotAdmitted> {
    admit(&calling(ENDPOINT, "jti-1"), tail, body.as_bytes())
}

/// Takes a delivery and interprets what is stored of it.
fn read(tail: &str, body: &str) -> Result<LifecycleEvent, Malformed> {
    understood(&taken(tail, body).expect("a delivery that is taken"), body)
}

fn understood(admitted: &Admitted, body: &str) -> Result<LifecycleEvent, Malformed> {
    let stored = admitted.body.as_ref().map_or(body.as_bytes(), |own| own.expose_for("the test"));
    let event = interpret(&admitted.context, stored);
    assert_eq!(event, interpret(&admitted.context, stored));
    event
}

fn identifier(tail: &str, token: &str, body: &str) -> Vec<u8> {
    let admitted = admit(&calling(ENDPOINT, token), tail, body.as_bytes()).expect("a delivery that is taken");
    assert!(admitted.is_identity);
    admitted.identifier.expect("a Forge event has an identifier")
}

fn tenant(signal: TenantSignal) -> LifecycleEvent {
    LifecycleEvent::Tenant { signal, installation: Some(INSTALLATION_ID.to_owned()), source_at: None }
}

fn ignored(reason: IgnoreReason) -> Result<LifecycleEvent, Malformed> {
    Ok(LifecycleEvent::Irrelevant(reason))
}

fn at_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time")
}

fn event(event_type: &str, name: &str, value: serde_json::Value) -> String {
    let mut body = json!({ "eventType": event_type, "timestamp": "1790005301877" });
    body[name] = value;
    body.to_string()
}

#[test]
fn every_documented_body_has_its_documented_meaning() {
    assert_eq!(read("lifecycle", INSTALLED), Ok(tenant(TenantSignal::Installed)));
    assert_eq!(read("lifecycle", INSTALLED_MINIMAL), Ok(tenant(TenantSignal::Installed)));
    assert_eq!(read("events", UPGRADED), Ok(tenant(TenantSignal::Upgraded)));
    assert_eq!(read("pre-uninstall", PRE_UNINSTALL), Ok(tenant(TenantSignal::Uninstalling)));
    assert_eq!(read("heartbeat", "{}"), Ok(tenant(TenantSignal::Heartbeat)));
    assert_eq!(read("events", CONFLUENCE_USER), ignored(IgnoreReason::NotALifecycleSignal));
    assert_eq!(read("events", ACCESS_BLOCKED), ignored(IgnoreReason::NotALifecycleSignal));
    let removed = WorklogChange::Removed { worklog_id: "10033".to_owned(), removed_at: at_ms(1_790_005_301_877) };
    assert_eq!(read("events", WORKLOG_DELETED), Ok(LifecycleEvent::Worklog(removed.clone())));
    assert_eq!(read("events", RETRIED), Ok(LifecycleEvent::Worklog(removed)));
}

#[test]
fn the_three_signals_about_a_person_are_understood() {
    let created = changed(USER_UPDATED, "/eventType", Some(json!("avi:jira:created:user")));
    let signals = [
        (created.as_str(), PersonSignal::UserCreated),
        (USER_UPDATED, PersonSignal::UserUpdated),
        (USER_DELETED, PersonSignal::UserDeleted),
    ];
    for (body, expected) in signals {
        let Ok(LifecycleEvent::Person { signal, identity, source_at, .. }) = read("events", body) else {
            panic!("not about a person: {expected:?}");
        };
        assert_eq!((signal, source_at), (expected, Some(at_ms(1_790_200_000_000))));
        assert_eq!(identity.value.expose_for("the test"), ACCOUNT_ID);
    }
    let nobody = changed(USER_DELETED, "/user/accountId", Some(json!("unknown")));
    assert_eq!(read("events", &nobody), ignored(IgnoreReason::PlaceholderAccount));
}

#[test]
fn hours_have_the_shape_of_jiras_own_and_miss_nothing_but_the_comment() {
    let created = changed(WORKLOG_DELETED, "/eventType", Some(json!("avi:jira:created:worklog")));
    let entry = WorklogEntry {
        worklog_id: "10033".to_owned(),
        issue_id: "10014".to_owned(),
        author_account_id: Personal::new("712020:00000000-0000-4000-8000-000000000001".to_owned()),
        seconds: 144_000,
        work_day: date(2026, 9, 20),
        updated_at: "2026-09-21T15:41:17.618Z".parse().expect("a time"),
    };
    assert_eq!(read("events", &created), Ok(LifecycleEvent::Worklog(WorklogChange::Logged(entry))));
    for (field, name) in
        [("/worklog/author", "worklog.author"), ("/worklog/timeSpentSeconds", "worklog.timeSpentSeconds")]
    {
        assert_eq!(read("events", &changed(&created, field, None)), Err(Malformed::MissingField(name)));
    }
    let only_id = event("avi:jira:deleted:worklog", "worklog", json!({"id": 10033}));
    assert_eq!(read("events", &only_id), read("events", WORKLOG_DELETED));
}

#[test]
fn the_tree_is_told_by_issues_and_projects() {
    let (issue_id, project_id, at) = ("10014".to_owned(), "10000".to_owned(), at_ms(1_790_005_301_877));
    let placed = json!({ "id": "10014", "fields": { "project": { "id": "10000" } } });
    let tree = |change| Ok(LifecycleEvent::Tree(change));
    for known in ["avi:jira:created:issue", "avi:jira:updated:issue"] {
        let seen = TreeChange::IssueSeen { issue_id: issue_id.clone(), project_id: project_id.clone(), at };
        assert_eq!(read("events", &event(known, "issue", placed.clone())), tree(seen));
        let unplaced = event(known, "issue", json!({"id": "10014"}));
        assert_eq!(read("events", &unplaced), ignored(IgnoreReason::NotALifecycleSignal));
    }
    let deleted = |project_id| TreeChange::IssueDeleted { issue_id: issue_id.clone(), project_id, at };
    let known = "avi:jira:deleted:issue";
    assert_eq!(read("events", &event(known, "issue", placed)), tree(deleted(Some(project_id.clone()))));
    assert_eq!(read("events", &event(known, "issue", json!({"id": "10014"}))), tree(deleted(None)));
    assert_eq!(read("events", &event(known, "issue", json!({}))), Err(Malformed::MissingField("issue.id")));
    for known in ["avi:jira:deleted:project", "avi:jira:softdeleted:project"] {
        let deleted = TreeChange::ProjectDeleted { project_id: project_id.clone(), at };
        assert_eq!(read("events", &event(known, "project", json!({"id": 10000}))), tree(deleted));
    }
    let restored = event("avi:jira:restored:project", "project", json!({"id": "10000"}));
    assert_eq!(read("events", &restored), tree(TreeChange::ProjectRestored { project_id, at }));
}

#[test]
fn other_types_are_known_by_their_family_or_not_at_all() {
    for known in ["avi:jira:archived:project", "avi:jira:commented:issue", "avi:confluence:created:user"] {
        assert_eq!(read("events", &event(known, "x", json!(1))), ignored(IgnoreReason::NotALifecycleSignal), "{known}");
    }
    for unknown in ["avi:forge:uninstalled:app", "avi:newproduct:deleted:user", "user_deleted", ""] {
        assert_eq!(read("events", &event(unknown, "x", json!(1))), ignored(IgnoreReason::UnknownType), "{unknown}");
    }
    assert_eq!(read("events", "{}"), ignored(IgnoreReason::UnknownType));
    assert_eq!(read("elsewhere", PRE_UNINSTALL), ignored(IgnoreReason::UnknownType));
}

#[test]
fn a_body_without_a_type_is_what_the_module_or_else_the_path_says() {
    let by = |module: &str, tail: &str, body: &str| {
        let admitted = admit(&calling(module, "jti-1"), tail, body.as_bytes())?;
        Ok::<_, NotAdmitted>(understood(&admitted, body))
    };
    let untyped_upgrade = changed(&changed(UPGRADED, "/eventType", None), "/context", None);
    assert_eq!(by(MODULE_LIFECYCLE, "events", INSTALLED_MINIMAL), Ok(Ok(tenant(TenantSignal::Installed))));
    assert_eq!(by("people-and-time", "/lifecycle/", &untyped_upgrade), Ok(Ok(tenant(TenantSignal::Upgraded))));
    assert_eq!(by("pre-uninstall", "pre-uninstall", PRE_UNINSTALL), Ok(Ok(tenant(TenantSignal::Uninstalling))));
    assert_eq!(by(MODULE_PRE_UNINSTALL, "", PRE_UNINSTALL), Ok(Ok(tenant(TenantSignal::Uninstalling))));
    assert_eq!(by(MODULE_HEARTBEAT, "heartbeat", "no JSON"), Ok(Ok(tenant(TenantSignal::Heartbeat))));
    // A token of the scheduled trigger must not begin an uninstallation at another path.
    for (module, tail) in
        [(MODULE_HEARTBEAT, "pre-uninstall"), ("heartbeat", "pre-uninstall"), (MODULE_LIFECYCLE, "heartbeat")]
    {
        assert_eq!(by(module, tail, PRE_UNINSTALL), Err(NotAdmitted::BodyDisagrees("path")));
    }
    let nameless = changed(INSTALLED_MINIMAL, "/id", None);
    assert_eq!(by(MODULE_LIFECYCLE, "lifecycle", &nameless), Ok(Err(Malformed::MissingField("id"))));
}

#[test]
fn a_body_that_speaks_of_others_than_the_token_is_refused() {
    let other = "99999999-0000-4000-8000-000000000000";
    let ari = |kind: &str, id: &str| json!(format!("ari:cloud:ecosystem::{kind}/{id}"));
    let disagreeing = [
        (INSTALLED, "/context", json!(format!("ari:cloud:jira::site/{other}")), "context"),
        (INSTALLED, "/context", json!(other), "context"),
        (INSTALLED, "/id", json!(other), "id"),
        (INSTALLED, "/id", ari("installation", other), "id"),
        (INSTALLED_MINIMAL, "/id", json!(other), "id"),
        (INSTALLED, "/app/id", json!(other), "app.id"),
        (INSTALLED, "/app/id", ari("app", other), "app.id"),
        (UPGRADED, "/environment/id", json!(other), "environment.id"),
        (UPGRADED, "/environment/id", json!(format!("x/{other}")), "environment.id"),
        (PRE_UNINSTALL, "/context/cloudId", json!(other), "context"),
        (RETRIED, "/context", json!({"cloudId": other}), "context"),
        (RETRIED, "/payload/context", json!(format!("ari:cloud:jira::site/{other}")), "context"),
    ];
    for (vector, pointer, value, field) in disagreeing {
        let tail = if vector == PRE_UNINSTALL { "pre-uninstall" } else { "lifecycle" };
        let body = changed(vector, pointer, Some(value));
        assert_eq!(taken(tail, &body).err(), Some(NotAdmitted::BodyDisagrees(field)), "{pointer}");
    }
}

#[test]
fn ids_agree_in_every_form_and_what_is_not_said_cannot_disagree() {
    let environment = "ari:cloud:ecosystem::environment/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/";
    let agreeing = [
        ("/id", json!(INSTALLATION_ID.to_uppercase())),
        ("/id", json!(format!("ari:cloud:ecosystem::installation/{INSTALLATION_ID}"))),
        ("/app/id", json!("ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")),
        ("/environment/id", json!(format!("{environment}99999999-8888-4777-8666-555555555555"))),
        ("/context", json!(CLOUD_ID)),
        ("/context", json!({"cloudId": CLOUD_ID})),
        ("/context", json!(7)),
        ("/environment", json!(null)),
    ];
    for (pointer, value) in agreeing {
        let body = changed(INSTALLED, pointer, Some(value));
        assert_eq!(read("lifecycle", &body), Ok(tenant(TenantSignal::Installed)), "{pointer}");
    }
    // The id of a product event is its own.
    assert!(taken("events", &changed(USER_DELETED, "/id", Some(json!("7")))).is_ok());
}

#[test]
fn an_event_is_the_same_when_it_comes_again_with_another_token_and_wrapper() {
    let inner = changed(WORKLOG_DELETED, "/worklog", Some(json!({"id": "10033"})));
    assert_eq!(identifier("events", "jti-1", RETRIED), identifier("events", "jti-2", &inner));
    let numbered = changed(&inner, "/timestamp", Some(json!(1_790_005_301_877_i64)));
    assert_eq!(identifier("events", "jti-1", &inner), identifier("events", "jti-2", &numbered));
    assert_eq!(identifier("events", "jti-1", INSTALLED), identifier("lifecycle", "jti-2", INSTALLED_MINIMAL));
    assert_eq!(identifier("events", "jti-1", CONFLUENCE_USER), identifier("events", "jti-2", CONFLUENCE_USER));
    assert_eq!(taken("events", USER_DELETED).map(|one| one.tenant), Ok(TenantRef::Key(CLOUD_ID.to_owned())));
}

#[test]
fn different_events_have_different_identifiers_of_bounded_length() {
    let one = identifier("events", "jti-1", WORKLOG_DELETED);
    for (pointer, value) in [
        ("/worklog/id", json!("10034")),
        ("/timestamp", json!("1790005301878")),
        ("/eventType", json!("avi:jira:updated:worklog")),
    ] {
        assert_ne!(one, identifier("events", "jti-1", &changed(WORKLOG_DELETED, pointer, Some(value))));
    }
    assert_ne!(identifier("lifecycle", "jti-1", INSTALLED), identifier("lifecycle", "jti-1", UPGRADED));
    for (tail, body) in [("heartbeat", "{}"), ("pre-uninstall", PRE_UNINSTALL), ("events", ACCESS_BLOCKED)] {
        assert_ne!(identifier(tail, "jti-1", body), identifier(tail, "jti-2", body));
    }
    let long = changed(WORKLOG_DELETED, "/eventType", Some(json!(format!("{}:worklog", "x".repeat(1000)))));
    assert!(identifier("events", "jti-1", &long).len() <= crate::sources::IDENTIFIER_BYTES_MAX);
}

#[test]
fn a_call_without_an_event_is_stored_without_the_token_in_its_body() {
    let stored = taken("pre-uninstall", PRE_UNINSTALL).expect("a call").body.expect("a body of our own");
    assert_eq!(stored.expose_for("the test").as_slice(), NO_EVENT);
    assert!(taken("events", USER_DELETED).expect("an event").body.is_none());
}

#[test]
fn a_repeated_field_and_what_is_not_one_object_are_unreadable() {
    let unreadable = [
        (r#"{"eventType":"avi:jira:deleted:user","eventType":"avi:jira:created:user"}"#, "body"),
        (r#"{"payload":{"eventType":"a","eventType":"b"}}"#, "payload"),
        (r#"{"context":{"cloudId":"a","cloudId":"b"}}"#, "context"),
        ("[]", "body"),
        ("", "body_not_json"),
        (r#"{"eventType":7}"#, "eventType"),
    ];
    for (body, field) in unreadable {
        assert_eq!(taken("events", body).err(), Some(NotAdmitted::Unreadable(field)), "{body}");
    }
    assert_eq!(admit(&calling("", ""), "events", b"\xff"), Err(NotAdmitted::Unreadable("body_not_utf8")));
    assert_eq!(interpret(b"{}", b"{}"), Err(Malformed::InvalidField("delivery.context")));
    let twice = r#"{"eventType":"avi:jira:deleted:user","user":{"accountId":"a","accountId":"b"}}"#;
    assert_eq!(read("events", twice), Err(Malformed::InvalidField("user")));
}

#[test]
fn no_name_survives_minimization() {
    let created = changed(WORKLOG_DELETED, "/eventType", Some(json!("avi:jira:updated:worklog")));
    for body in [USER_UPDATED, &created] {
        let body = body.replace("Synthetic Person", "CANARY-NAME").replace("Europe/Berlin", "CANARY-ZONE");
        let record = minimize(&read("events", &body).expect("an event")).expect("a person's");
        assert!(!String::from_utf8_lossy(&record).contains("CANARY"));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        context in proptest::collection::vec(any::<u8>(), 0..100),
        body in proptest::collection::vec(any::<u8>(), 0..300),
        tail in ".{0,20}",
    ) {
        let _ = admit(&calling(&tail, "jti"), &tail, &body);
        let _ = interpret(&context, &body);
    }

    #[test]
    fn mutated_bodies_never_panic(which in 0..VECTORS.len(), edits in proptest::collection::vec(
                                      (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let mut body = VECTORS[which].as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        for tail in ["events", "lifecycle"] {
            if let Ok(admitted) = admit(&calling(ENDPOINT, "jti"), tail, &body) {
                let _ = interpret(&admitted.context, &body);
            }
        }
    }
}
