//! Pushes of every kind, what may be repeated in them, and bytes that mean nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::event::{IgnoreReason, LifecycleEvent, Malformed, PersonSignal},
    sources::{
        firebase,
        tests::sample::{Captured, captured, changed, headers},
    },
};

const WRAPPED: &str = include_str!("../../../tests/vectors/google/push_wrapped.json");
const ORDERED: &str = include_str!("../../../tests/vectors/google/push_wrapped_ordered.json");
const OIDC: &str = include_str!("../../../tests/vectors/google/push_wrapped_oidc.json");
const BARE: &str = include_str!("../../../tests/vectors/google/push_bare.json");
const BARE_METADATA: &str = include_str!("../../../tests/vectors/google/push_bare_metadata.json");
const DUPLICATED: &str = include_str!("../../../tests/vectors/google/push_duplicated_fields.json");
const ORDERING_KEY: &str = include_str!("../../../tests/vectors/google/push_ordering_key.json");
const DEAD_LETTER: &str = include_str!("../../../tests/vectors/google/dead_letter_pulled.json");
const CLOUD_EVENT: &str = include_str!("../../../tests/vectors/firebase/cloudevent_v1_created.json");
const BACKGROUND: &str = include_str!("../../../tests/vectors/firebase/background_created_split.json");
const PROJECT: &str = "demo-test";

fn push(vector: &str) -> Result<Vec<Admitted>, NotAdmitted> {
    let Captured { headers, body } = captured(vector);
    admit(&headers, &body)
}

fn one(admitted: Result<Vec<Admitted>, NotAdmitted>) -> Admitted {
    let mut admitted = admitted.expect("a push that is taken");
    assert_eq!(admitted.len(), 1);
    admitted.remove(0)
}

fn wrapped(data: &str, attributes: &Value) -> String {
    json!({
        "subscription": "projects/p/subscriptions/s",
        "message": {
            "data": STANDARD.encode(data), "attributes": attributes, "messageId": "7", "message_id": "7",
            "publishTime": "2026-11-21T19:21:27.782Z", "publish_time": "2026-11-21T19:21:27.782Z",
        },
    })
    .to_string()
}

fn read(admitted: &Admitted, project: &str) -> Result<LifecycleEvent, Malformed> {
    let body = admitted.body.as_ref().expect("a message's data").expose_for("the test");
    let event = firebase::interpret(&admitted.context, body, project);
    assert_eq!(event, firebase::interpret(&admitted.context, body, project));
    event
}

fn is_deletion_of(event: &Result<LifecycleEvent, Malformed>, uid: &str, at: &str) -> bool {
    matches!(event, Ok(LifecycleEvent::Person { signal: PersonSignal::UserDeleted, identity, source_at, .. })
        if identity.value.expose_for("the test") == uid && *source_at == at.parse().ok())
}

#[test]
fn a_bare_user_is_understood_by_the_type_among_the_attributes_wrapped_or_not() {
    for vector in [WRAPPED, OIDC, BARE_METADATA] {
        let admitted = one(push(vector));
        assert_eq!(admitted.body.as_ref().map(|body| body.expose_for("the test").len()), Some(43));
        let event = read(&admitted, PROJECT);
        assert!(is_deletion_of(&event, "uid-bob", "2026-11-21T19:21:27.782Z"), "{event:?}");
    }
}

#[test]
fn a_user_without_a_type_is_no_signal_that_anybody_could_read() {
    for vector in [ORDERED, BARE] {
        assert_eq!(read(&one(push(vector)), PROJECT), Err(Malformed::MissingField("eventType")));
    }
}

#[test]
fn subscription_and_message_id_make_a_message_the_same() {
    let wrapped = one(push(WRAPPED));
    assert_eq!(
        wrapped.identifier,
        Some(identifier_of(&["pubsub", "projects/demo-test/subscriptions/wrapped", "1", ""]))
    );
    assert!(wrapped.is_identity);
    assert_eq!(
        one(push(BARE_METADATA)).identifier,
        Some(identifier_of(&["pubsub", "projects/demo-test/subscriptions/unwrapped", "1", ""]))
    );
    let nameless = one(push(BARE));
    assert_eq!((nameless.identifier, nameless.is_identity), (None, false));
}

#[test]
fn both_spellings_may_stand_side_by_side_unless_they_differ() {
    let admitted = one(admit(&Headers::default(), DUPLICATED.as_bytes()));
    let subscription = "projects/my-project/subscriptions/my-subscription";
    assert_eq!(admitted.identifier, Some(identifier_of(&["pubsub", subscription, "message-id", ""])));
    assert_eq!(read(&admitted, PROJECT), Err(Malformed::NotJson));
    for spelling in ["/message/messageId", "/message/message_id"] {
        let single = one(admit(&Headers::default(), changed(DUPLICATED, spelling, None).as_bytes()));
        assert_eq!(single.identifier, admitted.identifier);
    }
    let differing = changed(DUPLICATED, "/message/message_id", Some(json!("other")));
    let refused = admit(&Headers::default(), differing.as_bytes());
    assert_eq!(refused, Err(NotAdmitted::Unreadable("message.message_id")));
}

#[test]
fn a_message_may_have_no_data_or_no_attributes() {
    let text = one(admit(&Headers::default(), ORDERING_KEY.as_bytes()));
    assert_eq!(read(&text, PROJECT), Err(Malformed::NotJson));
    let attributes = json!({
        "ce-type": "google.firebase.auth.user.v2.deleted", "ce-subject": "users/u1", "ce-tenantid": "acme",
        "ce-source": "//identitytoolkit.googleapis.com/projects/demo-test", "ce-time": "2026-11-21T10:00:00Z",
    });
    let only_attributes = one(admit(&Headers::default(), wrapped("", &attributes).as_bytes()));
    assert!(is_deletion_of(&read(&only_attributes, PROJECT), "u1", "2026-11-21T10:00:00Z"));
    assert_eq!(read(&only_attributes, "another"), Err(Malformed::ForeignSite("project")));
    let neither = changed(ORDERING_KEY, "/message/data", None);
    let neither = changed(&neither, "/message/attributes", None);
    assert_eq!(read(&one(admit(&Headers::default(), neither.as_bytes())), PROJECT), Err(Malformed::NotJson));
}

#[test]
fn the_data_may_be_any_shape_of_an_event() {
    for (data, attributes) in [
        (CLOUD_EVENT, json!({})),
        (CLOUD_EVENT, json!({ "content-type": "application/cloudevents+json" })),
        (BACKGROUND, json!({ "content-type": "application/json" })),
    ] {
        let event = read(&one(admit(&Headers::default(), wrapped(data, &attributes).as_bytes())), "my-project-id");
        assert!(matches!(event, Ok(LifecycleEvent::Person { signal: PersonSignal::UserCreated, .. })), "{event:?}");
    }
    let batch = format!("[{CLOUD_EVENT},{CLOUD_EVENT}]");
    let batch = wrapped(&batch, &json!({ "content-type": "application/cloudevents-batch+json" }));
    let admitted = admit(&Headers::default(), batch.as_bytes()).expect("two events");
    assert_eq!(admitted.len(), 2);
    assert_ne!(admitted[0].identifier, admitted[1].identifier);
    let pulled: Value = serde_json::from_str(DEAD_LETTER).expect("a vector");
    let mut again = pulled["receivedMessages"][0].clone();
    again["subscription"] = json!("projects/demo-test/subscriptions/dlq");
    let event = read(&one(admit(&Headers::default(), again.to_string().as_bytes())), PROJECT);
    assert!(is_deletion_of(&event, "uid-bob", "2026-11-21T19:21:40.439Z"));
}

#[test]
fn a_publishers_headers_are_neither_metadata_nor_credentials() {
    let body = br#"{"uid":"u1"}"#;
    // Without Pub/Sub's own headers nothing else is an attribute.
    let unasked = headers(&[("ce-type", "google.firebase.auth.user.v1.deleted"), ("webhook-id", "1")]);
    assert_eq!(read(&one(admit(&unasked, body)), PROJECT), Err(Malformed::MissingField("eventType")));
    // A publisher's attribute may have the name of Pub/Sub's own header, which then comes twice.
    let twice = headers(&[("x-goog-pubsub-message-id", "1"), ("x-goog-pubsub-message-id", "2")]);
    assert_eq!(admit(&twice, body), Err(NotAdmitted::Unreadable("x-goog-pubsub-message-id")));
}

#[test]
fn what_cannot_be_taken_apart_is_unreadable_by_name() {
    let attributes = |name: &str, value: Value| wrapped("{}", &json!({ "ce-type": "t", name: value }));
    let cases = [
        (changed(DUPLICATED, "/message/data", Some(json!("not base64!"))), "message.data"),
        (changed(DUPLICATED, "/message/data", Some(json!(7))), "message.data"),
        (changed(DUPLICATED, "/message", Some(json!("text"))), "message"),
        (changed(DUPLICATED, "/message/messageId", Some(json!("x".repeat(2000)))), "message.messageId"),
        (attributes("ce-time", json!("soon")), "ce-time"),
        (attributes("ce-specversion", json!("0.3")), "ce-specversion"),
        (attributes("ce-subject", json!(7)), "ce-subject"),
        (wrapped(r#"{"specversion":"1.0","id":"1"}"#, &json!({})), "source"),
        (wrapped("{}", &json!({ "content-type": "application/cloudevents+avro" })), "content-type"),
    ];
    for (body, field) in cases {
        let refused = admit(&Headers::default(), body.as_bytes());
        assert_eq!(refused, Err(NotAdmitted::Unreadable(field)), "{body}");
    }
}

#[test]
fn odd_values_in_what_does_not_matter_never_cost_a_message() {
    let attributes = json!({ "ce-type": "google.firebase.auth.user.v1.deleted", "ce-id": 7, "content-type": "" });
    let body = changed(&wrapped(r#"{"uid":"u1"}"#, &attributes), "/deliveryAttempt", Some(json!("many")));
    let body = changed(&body, "/message/publishTime", Some(json!("soon")));
    let event = read(&one(admit(&Headers::default(), body.as_bytes())), PROJECT);
    assert!(matches!(event, Ok(LifecycleEvent::Person { source_at: None, .. })), "{event:?}");
    let other = wrapped("{}", &json!({ "ce-type": "google.cloud.storage.object.v1.deleted" }));
    let event = read(&one(admit(&Headers::default(), other.as_bytes())), PROJECT);
    assert_eq!(event, Ok(LifecycleEvent::Irrelevant(IgnoreReason::NotALifecycleSignal)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let given = [("x-goog-pubsub-message-id", b"1".as_slice()), ("ce-type", &value), ("content-type", &value)];
        for headers in [Headers::default(), given.into_iter().collect()] {
            for admitted in admit(&headers, &body).unwrap_or_default() {
                let _ = read(&admitted, PROJECT);
            }
        }
        let wrapped = wrapped(&String::from_utf8_lossy(&body), &json!({}));
        for admitted in admit(&Headers::default(), wrapped.as_bytes()).unwrap_or_default() {
            let _ = read(&admitted, PROJECT);
        }
    }

    #[test]
    fn mutated_pushes_never_panic(edits in proptest::collection::vec(
                                      (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let Captured { headers, mut body } = captured(WRAPPED);
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        for admitted in admit(&headers, &body).unwrap_or_default() {
            let _ = read(&admitted, PROJECT);
        }
    }
}
