//! Every shape in which a user is created or deleted, what must agree in it, and bytes that mean nothing.
#![expect(clippy::unnecessary_wraps, reason = "expected results are compared with results")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::Personal;
use crate::sources::{
    cloudevents,
    minimized::{from_minimized, minimize},
    tests::sample::{captured, changed},
};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/firebase/", $name, ".json"))
    };
}

const PROJECT: &str = "demo-test";
const CONFORMANCE: &str = "my-project-id";
const BACKGROUND: &str = vector!("background_created_resource_text");
const SPLIT: &str = vector!("background_created_split");
const CLOUD_EVENT: &str = vector!("cloudevent_v1_created");

fn body_of(vector: &str) -> String {
    String::from_utf8(captured(vector).body).expect("a body is text")
}

fn read(body: &str, project: &str) -> Result<LifecycleEvent, Malformed> {
    let event = interpret(b"", body.as_bytes(), project);
    assert_eq!(event, interpret(b"", body.as_bytes(), project));
    event
}

fn person(signal: PersonSignal, issuer: &str, uid: &str, at: &str) -> Result<LifecycleEvent, Malformed> {
    let identity = NamedIdentity {
        kind: IdentityKind::FirebaseUid,
        issuer: Issuer::parse(issuer),
        value: Personal::new(uid.to_owned()),
    };
    Ok(LifecycleEvent::Person { signal, identity, source_at: at.parse().ok(), profile: Profile::default() })
}

fn ignored(reason: IgnoreReason) -> Result<LifecycleEvent, Malformed> {
    Ok(LifecycleEvent::Irrelevant(reason))
}

/// A second-generation event with this data and subject.
fn second_generation(signal: &str, subject: Option<&str>, data: &Value) -> String {
    json!({
        "specversion": "1.0",
        "id": "1",
        "time": "2026-11-21T18:52:42.398Z",
        "type": format!("google.firebase.auth.user.v2.{signal}"),
        "source": "//identitytoolkit.googleapis.com/projects/demo-test",
        "subject": subject,
        "data": data,
    })
    .to_string()
}

#[test]
fn every_captured_delivery_has_its_documented_meaning() {
    use PersonSignal::{UserCreated, UserDeleted};
    let by_user = "NhMIm127b26IXHlyctdKZ1SnLbsH";
    let deliveries = [
        (vector!("forward_v1_created"), UserCreated, "uid-bob", "2026-11-21T19:20:59.037Z"),
        (vector!("forward_v1_deleted"), UserDeleted, "uid-bob", "2026-11-21T19:21:11.077Z"),
        (vector!("forward_v2_created"), UserCreated, "uid-bob", "2026-11-21T19:20:59.037Z"),
        (vector!("forward_v2_deleted"), UserDeleted, "uid-bob", "2026-11-21T19:21:11.077Z"),
        (vector!("background_created"), UserCreated, "uid-1", "2026-11-21T18:52:36.796Z"),
        (vector!("background_deleted"), UserDeleted, "imp-1", "2026-11-21T18:52:42.398Z"),
        (vector!("background_deleted_by_user"), UserDeleted, by_user, "2026-11-21T18:52:39.311Z"),
        (vector!("cloudevent_v2_created"), UserCreated, "uid-1", "2026-11-21T18:52:36.813Z"),
        (vector!("cloudevent_v2_deleted"), UserDeleted, "imp-1", "2026-11-21T18:52:42.398Z"),
        (vector!("cloudevent_v2_deleted_by_user"), UserDeleted, by_user, "2026-11-21T18:52:39.311Z"),
    ];
    for (vector, signal, uid, at) in deliveries {
        let body = body_of(vector);
        assert_eq!(read(&body, PROJECT), person(signal, PROJECT, uid, at), "{body}");
        assert_eq!(read(&body, "another"), Err(Malformed::ForeignSite("project")), "{body}");
    }
    for body in [CLOUD_EVENT, BACKGROUND, SPLIT] {
        let (uid, at) = ("UUpby3s4spZre6kHsgVSPetzQ8l2", "2020-09-29T11:32:00.123Z");
        assert_eq!(read(body, CONFORMANCE), person(UserCreated, CONFORMANCE, uid, at));
    }
}

#[test]
fn a_cloud_event_means_the_same_by_its_attributes_as_in_one_object() {
    for vector in [vector!("cloudevent_v2_created"), vector!("cloudevent_v2_deleted")] {
        let request = captured(vector);
        let event = cloudevents::parse(&request.headers, &request.body).expect("an event").remove(0);
        let data = event.data.as_ref().expect("data").expose_for("the test");
        let expected = read(&body_of(vector), PROJECT);
        assert!(expected.is_ok());
        assert_eq!(interpret(&Context::of(&event).to_bytes(), data, PROJECT), expected);
    }
}

#[test]
fn the_envelope_of_the_second_version_may_hold_the_user_in_any_of_its_places_or_nowhere() {
    let user = json!({ "uid": "u1", "email": "u1@example.com" });
    let expected = person(PersonSignal::UserDeleted, PROJECT, "u1", "2026-11-21T18:52:42.398Z");
    for data in [
        json!({ "value": user }),
        json!({ "oldValue": user }),
        json!({ "old_value": user }),
        json!({ "oldValue": user, "value": null }),
        user.clone(),
        json!({}),
        json!(null),
    ] {
        assert_eq!(read(&second_generation("deleted", Some("users/u1"), &data), PROJECT), expected, "{data}");
    }
    let body = second_generation("deleted", None, &json!({ "oldValue": user }));
    assert_eq!(read(&body, PROJECT), expected);
    let nobody = second_generation("deleted", None, &json!(null));
    assert_eq!(read(&nobody, PROJECT), Err(Malformed::MissingField("data.uid")));
}

#[test]
fn an_event_that_names_two_people_is_about_nobody() {
    let uid = |uid: &str| json!({ "uid": uid });
    let disagreeing = [
        second_generation("deleted", Some("users/u2"), &json!({ "oldValue": uid("u1") })),
        second_generation("deleted", None, &json!({ "oldValue": uid("u1"), "value": uid("u2") })),
        second_generation("deleted", None, &json!({ "oldValue": uid("u1"), "uid": "u2" })),
        changed(&body_of(vector!("forward_v2_deleted")), "/user/uid", Some(json!("another"))),
    ];
    for body in disagreeing {
        assert_eq!(read(&body, PROJECT), Err(Malformed::InvalidField("data.uid")), "{body}");
    }
    let twice = r#"{"eventType":"google.firebase.auth.user.delete","resource":"projects/demo-test",
                    "data":{"uid":"a","uid":"b"}}"#;
    assert_eq!(read(twice, PROJECT), Err(Malformed::InvalidField("data")));
}

#[test]
fn a_user_of_a_tenant_is_another_persons_identity() {
    let at = "2026-11-21T18:52:42.398Z";
    let body = second_generation("deleted", Some("users/u1"), &json!(null));
    let expected = person(PersonSignal::UserDeleted, "demo-test/acme-1", "u1", at);
    assert_eq!(read(&changed(&body, "/tenantid", Some(json!("acme-1"))), PROJECT), expected);
    let by_user = second_generation("deleted", None, &json!({ "oldValue": { "uid": "u1", "tenantId": "acme-1" } }));
    assert_eq!(read(&by_user, PROJECT), expected);
    let disagreeing = changed(&by_user, "/tenantid", Some(json!("other")));
    assert_eq!(read(&disagreeing, PROJECT), Err(Malformed::InvalidField("data.tenantId")));
    for odd in ["a/b", "", "a b", &"x".repeat(129)] {
        let body = changed(&body, "/tenantid", Some(json!(odd)));
        assert_eq!(read(&body, PROJECT), Err(Malformed::InvalidField("tenantid")), "{odd}");
    }
}

#[test]
fn a_uid_is_up_to_128_visible_characters() {
    let with = |uid: &str| read(&changed(SPLIT, "/data/uid", Some(json!(uid))), CONFORMANCE);
    for uid in ["a", "a/b:c@d", "\u{eb}\u{4e2d}", &"x".repeat(128), &"\u{4e2d}".repeat(128)] {
        assert!(with(uid).is_ok(), "{uid}");
    }
    for uid in ["", "a b", "a\u{0}b", "\u{a0}", &"x".repeat(129)] {
        assert_eq!(with(uid), Err(Malformed::InvalidField("data.uid")), "{uid:?}");
    }
}

#[test]
fn what_is_missing_or_odd_is_named() {
    let cases = [
        (SPLIT, "/context/eventType", None, Malformed::MissingField("eventType")),
        (SPLIT, "/context/resource", None, Malformed::MissingField("resource")),
        (SPLIT, "/context/resource", Some(json!("projects/")), Malformed::InvalidField("resource")),
        (SPLIT, "/context/resource", Some(json!("projects/a/b")), Malformed::InvalidField("resource")),
        (SPLIT, "/context/resource", Some(json!({ "service": "x" })), Malformed::MissingField("resource")),
        (SPLIT, "/context/timestamp", Some(json!("soon")), Malformed::InvalidField("timestamp")),
        (SPLIT, "/data", None, Malformed::MissingField("data.uid")),
        (SPLIT, "/data", Some(json!("text")), Malformed::InvalidField("data")),
        (SPLIT, "/data/uid", Some(json!(7)), Malformed::InvalidField("data.uid")),
        (CLOUD_EVENT, "/type", None, Malformed::MissingField("type")),
        (CLOUD_EVENT, "/source", None, Malformed::MissingField("source")),
        (CLOUD_EVENT, "/specversion", Some(json!("0.3")), Malformed::InvalidField("specversion")),
        (CLOUD_EVENT, "/subject", Some(json!("groups/1")), Malformed::InvalidField("subject")),
        (CLOUD_EVENT, "/source", Some(json!("//evil.example/projects/x")), Malformed::InvalidField("resource")),
    ];
    for (vector, pointer, value, expected) in cases {
        assert_eq!(read(&changed(vector, pointer, value), CONFORMANCE), Err(expected), "{pointer}");
    }
    assert_eq!(read(vector!("bare_user"), PROJECT), Err(Malformed::MissingField("eventType")));
    assert_eq!(read("", PROJECT), Err(Malformed::NotJson));
    assert_eq!(interpret(b"nonsense", b"{}", PROJECT), Err(Malformed::InvalidField("delivery.context")));
}

#[test]
fn other_types_of_the_family_and_audit_logs_carry_no_signal() {
    let with = |word: &str| read(&changed(CLOUD_EVENT, "/type", Some(json!(word))), CONFORMANCE);
    for known in [
        "google.firebase.auth.user.v2.updated",
        "providers/firebase.auth/eventTypes/user.beforeCreate",
        "google.cloud.audit.log.v1.written",
    ] {
        assert_eq!(with(known), ignored(IgnoreReason::NotALifecycleSignal), "{known}");
    }
    for unknown in ["google.firebase.database.ref.v1.deleted", "user.deleted", "GOOGLE.FIREBASE.AUTH.USER.V1.DELETED"] {
        assert_eq!(with(unknown), ignored(IgnoreReason::UnknownType), "{unknown}");
    }
    let context = Context { event_type: Some("google.cloud.audit.log.v1.written".to_owned()), ..Context::default() };
    let entry = include_bytes!("../../../tests/vectors/google/audit_log_entry.json");
    assert_eq!(interpret(&context.to_bytes(), entry, PROJECT), ignored(IgnoreReason::NotALifecycleSignal));
}

#[test]
fn nothing_but_the_uid_survives_minimization() {
    let vectors = [vector!("forward_v1_deleted"), vector!("forward_v2_deleted"), vector!("cloudevent_v2_deleted")];
    for vector in vectors {
        let body = body_of(vector).replace("@example.com", "@CANARY").replace("Bob", "CANARY");
        assert!(body.contains("CANARY"));
        let event = read(&body, PROJECT).expect("an event");
        let record = minimize(&event).expect("a person's");
        assert!(!String::from_utf8_lossy(&record).contains("CANARY"));
        assert_eq!(from_minimized(&record), Some(event));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        context in proptest::collection::vec(any::<u8>(), 0..100),
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = interpret(b"", &body, PROJECT);
        let _ = interpret(&context, &body, PROJECT);
        let typed = Context {
            event_type: Some("google.firebase.auth.user.v2.deleted".to_owned()), ..Context::default()
        };
        let _ = interpret(&typed.to_bytes(), &body, PROJECT);
    }

    #[test]
    fn mutated_bodies_never_panic(which in 0_usize..3, edits in proptest::collection::vec(
                                      (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let mut body = [CLOUD_EVENT, BACKGROUND, SPLIT][which].as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = interpret(b"", &body, CONFORMANCE);
    }

    #[test]
    fn no_name_or_address_survives_minimization(name in "[A-Z]{12,20}", place in 0_usize..6) {
        let pointer = ["/data/email", "/data/displayName", "/data/phoneNumber", "/data/photoURL",
                       "/data/customClaims", "/data/providerData"][place];
        let body = changed(CLOUD_EVENT, pointer, Some(json!(name)));
        let record = minimize(&read(&body, CONFORMANCE).expect("an event")).expect("a person's");
        prop_assert!(!String::from_utf8_lossy(&record).contains(&name));
    }
}
