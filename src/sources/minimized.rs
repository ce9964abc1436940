//! What is kept of an event once its raw body is gone: the type, ids, times and seconds of work. Never a name, an avatar,
//! an e-mail address or a comment.
//!
//! The record holds the account id, so the caller seals it under that person's key and it goes when the key goes.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::domain::{
    IdentityKind, Issuer, Personal,
    event::{IgnoreReason, LifecycleEvent, NamedIdentity, PersonSignal},
    profile::Profile,
    worklog::{WORKLOG_SECONDS_MAX, WorklogChange, WorklogEntry},
};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    Person {
        signal: PersonSignal,
        kind: IdentityKind,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        issuer: String,
        value: Value,
        source_at: Option<Timestamp>,
    },
    WorklogLogged {
        id: String,
        issue: String,
        author: Value,
        seconds: i64,
        day: Date,
        updated_at: Timestamp,
    },
    WorklogRemoved {
        id: String,
        removed_at: Timestamp,
    },
    Irrelevant {
        reason: String,
    },
}

/// A personal value on its way in or out; wiped when dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct Value(String);

impl Value {
    fn of(personal: &Personal<String>) -> Self {
        Self(personal.expose_for("the minimized record, which is sealed").clone())
    }

    fn into_personal(mut self) -> Personal<String> {
        Personal::new(std::mem::take(&mut self.0))
    }
}

/// The minimized record of an event about a person, as JSON to be sealed. The same event always gives the same bytes. `None`
/// for an event about a tenant or its projects, of which nothing has to be sealed.
pub fn minimize(event: &LifecycleEvent) -> Option<Zeroizing<Vec<u8>>> {
    let event = match event {
        LifecycleEvent::Person { signal, identity, source_at, profile: _ } => Event::Person {
            signal: *signal,
            kind: identity.kind,
            issuer: identity.issuer.text().unwrap_or_default(),
            value: Value::of(&identity.value),
            source_at: *source_at,
        },
        LifecycleEvent::Worklog(WorklogChange::Logged(entry)) => Event::WorklogLogged {
            id: entry.worklog_id.clone(),
            issue: entry.issue_id.clone(),
            author: Value::of(&entry.author_account_id),
            seconds: entry.seconds,
            day: entry.work_day,
            updated_at: entry.updated_at,
        },
        LifecycleEvent::Worklog(WorklogChange::Removed { worklog_id, removed_at }) => {
            Event::WorklogRemoved { id: worklog_id.clone(), removed_at: *removed_at }
        }
        LifecycleEvent::Irrelevant(reason) => Event::Irrelevant { reason: reason.as_str().to_owned() },
        LifecycleEvent::Tenant { .. } | LifecycleEvent::Tree(_) => return None,
    };
    let record = serde_json::to_vec(&Record { v: VERSION, event }).expect("ids, times and numbers are JSON");
    Some(Zeroizing::new(record))
}

/// The event of a minimized record, to be applied again without its body. `None` for a record that this version did not
/// write or that was changed into something no source says.
pub fn from_minimized(bytes: &[u8]) -> Option<LifecycleEvent> {
    let record: Record = serde_json::from_slice(bytes).ok()?;
    if record.v != VERSION {
        return None;
    }
    match record.event {
        Event::Person { signal, kind, issuer, value, source_at } => {
            let identity = NamedIdentity { kind, issuer: Issuer::parse(&issuer), value: value.into_personal() };
            Some(LifecycleEvent::Person { signal, identity, source_at, profile: Profile::default() })
        }
        Event::WorklogLogged { id, issue, author, seconds, day, updated_at } => {
            (0..=WORKLOG_SECONDS_MAX).contains(&seconds).then(|| {
                LifecycleEvent::Worklog(WorklogChange::Logged(WorklogEntry {
                    worklog_id: id,
                    issue_id: issue,
                    author_account_id: author.into_personal(),
                    seconds,
                    work_day: day,
                    updated_at,
                }))
            })
        }
        Event::WorklogRemoved { id, removed_at } => {
            Some(LifecycleEvent::Worklog(WorklogChange::Removed { worklog_id: id, removed_at }))
        }
        Event::Irrelevant { reason } => {
            IgnoreReason::ALL.into_iter().find(|known| known.as_str() == reason).map(LifecycleEvent::Irrelevant)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sources::jira;

    #[test]
    fn every_event_reads_back_from_its_minimized_record() {
        let bodies: [&[u8]; 6] = [
            include_bytes!("../../tests/vectors/jira/user_created.json"),
            include_bytes!("../../tests/vectors/jira/user_deleted.json"),
            include_bytes!("../../tests/vectors/jira/worklog_updated.json"),
            include_bytes!("../../tests/vectors/jira/worklog_deleted.json"),
            include_bytes!("../../tests/vectors/jira/legacy_worklog_deleted.json"),
            include_bytes!("../../tests/vectors/jira/comment_deleted.json"),
        ];
        for body in bodies {
            let mut event = jira::interpret(body, None).expect("a vector");
            if let LifecycleEvent::Person { profile, .. } = &mut event {
                // What an account is called goes with the raw body.
                assert!(!profile.is_empty());
                *profile = Profile::default();
            }
            assert_eq!(minimize(&event).and_then(|record| from_minimized(&record)), Some(event));
        }
    }

    #[test]
    fn no_name_avatar_or_comment_survives_minimization() {
        let body = include_str!("../../tests/vectors/jira/worklog_created.json")
            .replace("Synthetic Person", "CANARY-NAME")
            .replace("\"comment\": \"\"", "\"comment\": \"CANARY-COMMENT\"");
        let record = minimize(&jira::interpret(body.as_bytes(), None).expect("a vector")).expect("a person's");
        let text = String::from_utf8(record.to_vec()).expect("JSON");
        assert!(!text.contains("CANARY") && !text.contains("avatar") && !text.contains("Berlin"));
        assert!(text.contains("712020:00000000-0000-4000-8000-000000000001"));
    }

    #[test]
    fn a_record_of_another_version_or_with_impossible_hours_is_not_read() {
        let worklog = include_bytes!("../../tests/vectors/jira/worklog_created.json");
        let record = minimize(&jira::interpret(worklog, None).expect("a vector")).expect("a person's");
        let text = String::from_utf8(record.to_vec()).expect("JSON");
        assert!(from_minimized(text.as_bytes()).is_some());
        assert_eq!(from_minimized(text.replace("\"v\":1", "\"v\":2").as_bytes()), None);
        assert_eq!(from_minimized(text.replace("144000", "-1").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(from_minimized(&bytes), None);
        }
    }
}
