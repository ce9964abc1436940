//! The three modes, what is refused of each, and bytes that mean nothing.

use proptest::prelude::*;
use serde_json::json;

use super::{attributes::ATTRIBUTE_BYTES_MAX, *};
use crate::sources::tests::sample::{captured, changed, headers};

const DELETED: &str = include_str!("../../../tests/vectors/firebase/cloudevent_v2_deleted.json");
const CREATED_V1: &str = include_str!("../../../tests/vectors/firebase/cloudevent_v1_created.json");
const PUBLISHED: &str = include_str!("../../../tests/vectors/google/eventarc_message_published.json");
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json; charset=utf-8";

fn structured(content_type: &str, body: &str) -> Result<Vec<CloudEvent>, NotAdmitted> {
    parse(&headers(&[("content-type", content_type)]), body.as_bytes())
}

fn binary(extra: &[(&str, &str)], body: &[u8]) -> Result<CloudEvent, NotAdmitted> {
    let required = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "//a/b"), ("ce-type", "t")];
    let named = required.into_iter().filter(|(name, _)| !extra.iter().any(|(other, _)| other == name));
    let all: Vec<(&str, &str)> = named.chain(extra.iter().copied()).filter(|(_, value)| *value != "-").collect();
    parse(&headers(&all), body).map(|events| events.into_iter().next().expect("one event"))
}

#[test]
fn a_structured_event_is_read_as_the_emulator_sends_it() {
    let request = captured(DELETED);
    let events = parse(&request.headers, &request.body).expect("an event");
    let [event] = events.as_slice() else { panic!("one event") };
    assert_eq!(event.id, "ee9b07dc-bc55-4996-a3fd-05b823a346c5");
    assert_eq!(event.source, "//identitytoolkit.googleapis.com/projects/demo-test");
    assert_eq!(event.event_type, "google.firebase.auth.user.v2.deleted");
    assert_eq!(event.subject, Some(Personal::new("users/imp-1".to_owned())));
    assert_eq!(event.time, "2026-11-21T18:52:42.398Z".parse().ok());
    assert!(event.data.as_ref().is_some_and(|data| data.expose_for("the test").starts_with(b"{\"oldValue\"")));
    assert!(!format!("{event:?}").contains("imp-1"));
}

#[test]
fn the_content_type_decides_the_mode_in_any_case_and_only_json_is_known() {
    for content_type in ["Application/CloudEvents+JSON", "application/cloudevents+json;charset=UTF-8"] {
        assert_eq!(structured(content_type, CREATED_V1).map(|events| events.len()), Ok(1), "{content_type}");
    }
    for unknown in ["application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch+xml"] {
        assert_eq!(structured(unknown, CREATED_V1), Err(NotAdmitted::Unreadable("content-type")), "{unknown}");
    }
    let twice = headers(&[("content-type", STRUCTURED), ("content-type", "application/json")]);
    assert_eq!(parse(&twice, CREATED_V1.as_bytes()), Err(NotAdmitted::Unreadable("content-type")));
}

#[test]
fn a_binary_event_has_its_attributes_in_headers_and_its_data_in_the_body() {
    let event = binary(
        &[
            ("content-type", "application/json"),
            ("ce-subject", "users/a%20b"),
            ("ce-time", "2026-11-21T18:52:42.398123456Z"),
            ("ce-tenantid", "\"tenant-1\""),
        ],
        b"{}",
    )
    .expect("an event");
    assert_eq!(event.subject, Some(Personal::new("users/a b".to_owned())));
    assert_eq!(event.tenantid.as_deref(), Some("tenant-1"));
    assert_eq!(event.time, "2026-11-21T18:52:42.398123456Z".parse().ok());
    assert_eq!(event.data, Some(Personal::new(b"{}".to_vec())));
    assert_eq!(binary(&[], b"").expect("an event").data, None);
}

#[test]
fn a_binary_event_without_or_with_unbelievable_attributes_is_refused_by_their_name() {
    let long = "x".repeat(ATTRIBUTE_BYTES_MAX + 1);
    let refused = [
        ("ce-specversion", "-", "specversion"),
        ("ce-specversion", "0.3", "specversion"),
        ("ce-id", "-", "id"),
        ("ce-id", "", "id"),
        ("ce-source", "-", "source"),
        ("ce-type", "-", "type"),
        ("ce-type", &long, "type"),
        ("ce-type", "a%0Ab", "type"),
        ("ce-id", "%C3%28", "ce-id"),
        ("ce-time", "yesterday", "time"),
        ("ce-time", "1026-11-21T18:52:42Z", "time"),
        ("ce-subject", "", "subject"),
        ("ce-datacontenttype", "application/json", "ce-datacontenttype"),
    ];
    for (name, value, field) in refused {
        assert_eq!(binary(&[(name, value)], b""), Err(NotAdmitted::Unreadable(field)), "{name}: {value:.20}");
    }
    assert_eq!(binary(&[("ce-id", "1"), ("ce-id", "2")], b""), Err(NotAdmitted::Unreadable("ce-id")));
}

#[test]
fn a_structured_event_with_unbelievable_values_is_refused_by_their_name() {
    let refused = [
        ("/specversion", Some(json!("0.3")), "specversion"),
        ("/specversion", None, "specversion"),
        ("/id", Some(json!(7)), "id"),
        ("/id", Some(json!("")), "id"),
        ("/source", None, "source"),
        ("/type", Some(json!("a\nb")), "type"),
        ("/time", Some(json!("soon")), "time"),
        ("/data_base64", Some(json!("e30=")), "data_base64"),
    ];
    for (pointer, value, field) in refused {
        let body = changed(PUBLISHED, pointer, value);
        assert_eq!(structured(STRUCTURED, &body), Err(NotAdmitted::Unreadable(field)), "{pointer}");
    }
    let twice = CREATED_V1.replacen('{', r#"{"id":"another","#, 1);
    assert_eq!(structured(STRUCTURED, &twice), Err(NotAdmitted::Unreadable("body")));
    assert_eq!(structured(STRUCTURED, "[]"), Err(NotAdmitted::Unreadable("body")));
}

#[test]
fn data_may_be_json_base64_or_absent() {
    let data = |body: &str| structured(STRUCTURED, body).expect("an event").remove(0).data;
    let bare = changed(PUBLISHED, "/data", None);
    assert_eq!(data(&bare), None);
    assert_eq!(data(&changed(PUBLISHED, "/data", Some(json!(null)))), None);
    let encoded = changed(&bare, "/data_base64", Some(json!("e30=")));
    assert_eq!(data(&encoded), Some(Personal::new(b"{}".to_vec())));
    let broken = changed(&bare, "/data_base64", Some(json!("e30")));
    assert_eq!(structured(STRUCTURED, &broken), Err(NotAdmitted::Unreadable("data_base64")));
}

#[test]
fn a_batch_is_taken_whole_up_to_its_bound_or_not_at_all() {
    let batch = |count: usize| format!("[{}]", vec![CREATED_V1; count].join(","));
    assert_eq!(structured(BATCH, "[]"), Ok(Vec::new()));
    assert_eq!(structured(BATCH, &batch(BATCH_EVENTS_MAX)).map(|events| events.len()), Ok(BATCH_EVENTS_MAX));
    assert_eq!(structured(BATCH, &batch(BATCH_EVENTS_MAX + 1)), Err(NotAdmitted::TooMany));
    assert_eq!(structured(BATCH, &format!("[{}]", vec!["1"; 10_000].join(","))), Err(NotAdmitted::TooMany));
    let one_bad = format!("[{CREATED_V1},{}]", changed(CREATED_V1, "/id", None));
    assert_eq!(structured(BATCH, &one_bad), Err(NotAdmitted::Unreadable("id")));
    for body in ["{}", "[1]", "[", "nonsense", "[null]"] {
        assert!(matches!(structured(BATCH, body), Err(NotAdmitted::Unreadable(_))), "{body}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for content_type in [STRUCTURED, BATCH, "application/json"] {
            let given = [
                ("content-type", content_type.as_bytes()),
                ("ce-specversion", b"1.0"),
                ("ce-id", value.as_slice()),
                ("ce-source", value.as_slice()),
                ("ce-type", value.as_slice()),
                ("ce-time", value.as_slice()),
            ];
            let _ = parse(&given.into_iter().collect(), &body);
        }
        let _ = handshake(&String::from_utf8_lossy(&value), None);
    }

    #[test]
    fn mutated_bodies_never_panic(edits in proptest::collection::vec(
                                      (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let mut body = CREATED_V1.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = one(&body);
        let _ = batch(&[b"[", body.as_slice(), b"]"].concat());
    }
}
