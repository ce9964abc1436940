//! `CloudEvents` from Google (Eventarc and the like), with its OIDC token.
//!
//! A `messagePublished` event is a Pub/Sub message in another coat, so what the message holds is the event.

pub mod contract;

use super::{
    admission::{Admitted, NotAdmitted, identifier_of},
    cloudevents::{self, BATCH_EVENTS_MAX},
    pubsub::{self, Found, Message},
};
use crate::domain::delivery::Headers;

const MESSAGE_PUBLISHED: &str = "google.cloud.pubsub.topic.v1.messagePublished";

/// The events of a verified delivery, at most [`BATCH_EVENTS_MAX`]. Source and id make an event the same (`CloudEvents`,
/// "Context attributes"). What they mean is read by [`super::firebase::interpret`].
pub fn admit(headers: &Headers, body: &[u8]) -> Result<Vec<Admitted>, NotAdmitted> {
    let mut admitted = Vec::new();
    for event in cloudevents::parse(headers, body)? {
        let (source, id) = (event.source.clone(), event.id.clone());
        let found = if event.event_type == MESSAGE_PUBLISHED {
            let data = event.data.as_ref().ok_or(NotAdmitted::Unreadable("data"))?;
            pubsub::events(Message::wrapped(data.expose_for("finding the event in it"))?)?
        } else {
            vec![Found::of(event)]
        };
        let is_batch = found.len() > 1;
        for (index, event) in found.into_iter().enumerate() {
            let place = if is_batch { index.to_string() } else { String::new() };
            let identifier = identifier_of(&["cloudevents", &source, &id, &place]);
            admitted.push(event.admitted(Some(identifier)));
        }
        if admitted.len() > BATCH_EVENTS_MAX {
            return Err(NotAdmitted::TooMany);
        }
    }
    Ok(admitted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        domain::event::{LifecycleEvent, Malformed, PersonSignal},
        sources::{
            firebase,
            tests::sample::{captured, changed, headers},
        },
    };

    const DELETED: &str = include_str!("../../tests/vectors/firebase/cloudevent_v2_deleted.json");
    const CREATED: &str = include_str!("../../tests/vectors/firebase/cloudevent_v1_created.json");
    const PUBLISHED: &str = include_str!("../../tests/vectors/google/eventarc_message_published.json");
    const PUBLISHED_TEXT: &str = include_str!("../../tests/vectors/google/message_published.json");

    fn structured(body: &str) -> Result<Vec<Admitted>, NotAdmitted> {
        admit(&headers(&[("content-type", "application/cloudevents+json")]), body.as_bytes())
    }

    fn read(admitted: &Admitted, project: &str) -> Result<LifecycleEvent, Malformed> {
        let body = admitted.body.as_ref().expect("an event's data").expose_for("the test");
        firebase::interpret(&admitted.context, body, project)
    }

    #[test]
    fn an_event_is_the_same_by_source_and_id_in_either_mode() {
        let request = captured(DELETED);
        let admitted = admit(&request.headers, &request.body).expect("an event");
        let binary = headers(&[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "ee9b07dc-bc55-4996-a3fd-05b823a346c5"),
            ("ce-source", "//identitytoolkit.googleapis.com/projects/demo-test"),
            ("ce-type", "google.firebase.auth.user.v2.deleted"),
            ("ce-subject", "users/imp-1"),
            ("ce-time", "2026-11-21T18:52:42.398Z"),
        ]);
        let binary = admit(&binary, br#"{"oldValue":{"uid":"imp-1"}}"#).expect("an event");
        assert_eq!((admitted.len(), binary.len()), (1, 1));
        assert_eq!(admitted[0].identifier, binary[0].identifier);
        assert!(admitted[0].is_identity);
        let event = read(&admitted[0], "demo-test");
        assert!(matches!(event, Ok(LifecycleEvent::Person { signal: PersonSignal::UserDeleted, .. })));
        assert_eq!(read(&binary[0], "demo-test"), event);
    }

    #[test]
    fn a_published_message_is_unwrapped() {
        for body in [PUBLISHED, PUBLISHED_TEXT] {
            let admitted = structured(body).expect("an event");
            assert_eq!(admitted[0].body.as_ref().expect("data").expose_for("the test"), b"test message 3");
            assert_eq!(read(&admitted[0], "p"), Err(Malformed::NotJson));
        }
        let attributes = json!({ "ce-type": "google.firebase.auth.user.v1.deleted", "ce-subject": "users/u1" });
        let body = changed(PUBLISHED, "/data/message/attributes", Some(attributes));
        let body = changed(&body, "/data/message/data", Some(json!("")));
        let admitted = structured(&body).expect("an event");
        assert!(matches!(read(&admitted[0], "p"), Ok(LifecycleEvent::Person { .. })));
        assert_eq!(admitted[0].identifier, structured(PUBLISHED).expect("an event")[0].identifier);
        let empty = changed(PUBLISHED, "/data", None);
        assert_eq!(structured(&empty), Err(NotAdmitted::Unreadable("data")));
    }

    #[test]
    fn a_batch_gives_each_event_its_own_identifier_and_stays_within_its_bound() {
        let batch = headers(&[("content-type", "application/cloudevents-batch+json")]);
        let other = changed(CREATED, "/id", Some(json!("other")));
        let admitted = admit(&batch, format!("[{CREATED},{other}]").as_bytes()).expect("two events");
        assert_ne!(admitted[0].identifier, admitted[1].identifier);
        let many = format!("[{}]", vec![CREATED; BATCH_EVENTS_MAX + 1].join(","));
        assert_eq!(admit(&batch, many.as_bytes()), Err(NotAdmitted::TooMany));
    }

    proptest! {
        #[test]
        fn mutated_bodies_never_panic(edits in proptest::collection::vec(
                                          (any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
            let mut body = PUBLISHED.as_bytes().to_vec();
            for (at, byte) in edits {
                let at = at.index(body.len());
                body[at] = byte;
            }
            let given = headers(&[("content-type", "application/cloudevents+json")]);
            for admitted in admit(&given, &body).unwrap_or_default() {
                let _ = read(&admitted, "p");
            }
        }
    }
}
