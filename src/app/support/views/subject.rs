//! People, by what is left to say of them: ids, times and how they stand. Never the identity that was looked up.

use jiff::Timestamp;
use serde::Serialize;

use super::request::RequestView;
use crate::{
    app::support::find_subject::FoundSubject,
    domain::{FenceId, RequestId, SubjectId, SubjectKind, TenantId, request::RequestState},
    store::{fence::Fence, request::RequestRow, subject::SubjectRow},
};

/// How a person stands in one tenant.
#[derive(Debug, Serialize)]
pub struct SubjectView {
    tenant_id: TenantId,
    subject_id: Option<SubjectId>,
    /// Absent, as `generation` is, when only the fence is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<SubjectKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i32>,
    request_id: Option<RequestId>,
    standing: String,
    requests: Vec<RequestView>,
    fence: Option<FenceView>,
}

/// What keeps an erased person away.
#[derive(Debug, Serialize)]
pub struct FenceView {
    fence_id: FenceId,
    generation: i32,
    covers_until: Timestamp,
    committed_at: Timestamp,
    expires_at: Timestamp,
    returned_at: Option<Timestamp>,
}

impl From<&Fence> for FenceView {
    fn from(fence: &Fence) -> Self {
        Self {
            fence_id: fence.fence_id,
            generation: fence.generation,
            covers_until: fence.covers_until,
            committed_at: fence.committed_at,
            expires_at: fence.expires_at,
            returned_at: fence.returned_at,
        }
    }
}

impl SubjectView {
    /// A view of each subject with the identity, or one of the fence when nobody is left behind it.
    pub fn all_of(found: &FoundSubject) -> Vec<Self> {
        let tenant_id = found.tenant_id;
        let fence = found.fence.as_ref();
        if let (true, Some(fence)) = (found.subjects.is_empty(), fence) {
            return vec![Self {
                tenant_id,
                subject_id: fence.subject_id,
                kind: None,
                generation: None,
                request_id: Some(fence.request_id),
                standing: behind(fence),
                requests: Vec::new(),
                fence: Some(fence.into()),
            }];
        }
        let subjects = found.subjects.iter();
        subjects
            .map(|(subject, history)| Self {
                tenant_id,
                subject_id: Some(subject.subject_id),
                kind: Some(subject.kind.clone()),
                generation: Some(subject.generation),
                request_id: history.first().map(|request| request.request_id),
                standing: standing(subject, history, fence),
                requests: history.iter().map(|request| RequestView::new(tenant_id, request)).collect(),
                fence: fence.map(FenceView::from),
            })
            .collect()
    }
}

/// How a subject stands, in words. Requests come newest first.
fn standing(subject: &SubjectRow, history: &[RequestRow], fence: Option<&Fence>) -> String {
    if let Some(erased_at) = subject.erased_at {
        return fence.map_or_else(|| format!("erased at {erased_at:.0}"), behind);
    }
    let Some(request) = history.first() else {
        return "present; nobody has said that they left".to_owned();
    };
    let due = &request.timeline;
    match request.state {
        RequestState::Open => format!(
            "offboarding since {:.0}: access {}, {} {:.0}, gone by {:.0}",
            due.anchor_at,
            request.access_off_at.map_or("goes off at once", |_| "is off"),
            request.marked_at.map_or("to be marked", |_| "marked, was due"),
            due.mark_due_at,
            due.purge_due_at
        ),
        RequestState::Cancelled => "present; an offboarding was stopped because they came back".to_owned(),
        RequestState::Fenced | RequestState::Executed | RequestState::Verified | RequestState::KeyDestroyed => {
            format!("being erased ({}), gone by {:.0}", request.state.as_str(), due.purge_due_at)
        }
        RequestState::VerificationFailed => {
            "held: verification still found something; `requests show` names the columns, `jobs retry` tries again"
                .to_owned()
        }
        RequestState::Completed => fence.map_or_else(|| "erased".to_owned(), behind),
    }
}

fn behind(fence: &Fence) -> String {
    let returned = fence.returned_at.map_or_else(
        || "has not come back since".to_owned(),
        |returned_at| format!("came back at {returned_at:.0} as a new generation"),
    );
    format!(
        "erased at {:.0}; {returned}; everything said before {:.0} is refused until {:.0}",
        fence.committed_at, fence.covers_until, fence.expires_at
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        EventId, IdentityKind,
        request::{RequestScope, Timeline},
    };

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(1_790_208_000 + number * 86_400).expect("a time")
    }

    fn subject(erased_at: Option<Timestamp>) -> SubjectRow {
        SubjectRow {
            subject_id: SubjectId::from_uuid(Uuid::from_u128(1)),
            kind: SubjectKind::parse("msp_team_member").expect("a kind"),
            generation: 1,
            erased_at,
        }
    }

    fn request(state: RequestState, access_off_at: Option<Timestamp>) -> RequestRow {
        let timeline = Timeline {
            anchor_at: day(0),
            access_off_due_at: day(0),
            mark_due_at: day(30),
            purge_start_at: day(88),
            purge_due_at: day(90),
        };
        RequestRow {
            request_id: RequestId::from_uuid(Uuid::from_u128(2)),
            scope: RequestScope::Subject(SubjectId::from_uuid(Uuid::from_u128(1))),
            state,
            opened_at: day(0),
            cancelled_at: None,
            fenced_at: None,
            executed_at: None,
            verified_at: None,
            key_destroyed_at: None,
            completed_at: None,
            verification: None,
            origin_event_id: Some(EventId::from_uuid(Uuid::from_u128(3))),
            timeline,
            latest_departure_at: day(0),
            access_off_at,
            marked_at: None,
        }
    }

    fn fence() -> Fence {
        Fence {
            fence_id: FenceId::from_uuid(Uuid::from_u128(4)),
            subject_id: Some(SubjectId::from_uuid(Uuid::from_u128(1))),
            request_id: RequestId::from_uuid(Uuid::from_u128(2)),
            kind: IdentityKind::AtlassianAccountId.into(),
            issuer: String::new(),
            digest_key_id: 1,
            digest: Vec::new(),
            generation: 1,
            covers_until: day(88),
            committed_at: day(88),
            expires_at: day(200),
            returned_at: None,
        }
    }

    #[test]
    fn every_standing_is_said_in_words_with_its_days() {
        assert_eq!(standing(&subject(None), &[], None), "present; nobody has said that they left");
        assert_eq!(
            standing(&subject(None), &[request(RequestState::Open, Some(day(0)))], None),
            "offboarding since 2026-09-24T00:00:00Z: access is off, to be marked 2026-10-24T00:00:00Z, \
             gone by 2026-12-23T00:00:00Z"
        );
        assert_eq!(
            standing(&subject(None), &[request(RequestState::Executed, None)], Some(&fence())),
            "being erased (executed), gone by 2026-12-23T00:00:00Z"
        );
        assert_eq!(
            standing(&subject(Some(day(88))), &[request(RequestState::Completed, None)], Some(&fence())),
            "erased at 2026-12-21T00:00:00Z; has not come back since; everything said before 2026-12-21T00:00:00Z is \
             refused until 2027-04-12T00:00:00Z"
        );
    }

    #[test]
    fn a_person_of_whom_only_the_fence_is_left_is_still_explained() {
        let tenant_id = TenantId::from_uuid(Uuid::from_u128(9));
        let rows = SubjectView::all_of(&FoundSubject { tenant_id, subjects: Vec::new(), fence: Some(fence()) });
        assert_eq!(rows.len(), 1);
        assert!(rows[0].standing.starts_with("erased at 2026-12-21"));
        let value = serde_json::to_value(&rows[0]).expect("a view");
        let keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["fence", "request_id", "requests", "standing", "subject_id", "tenant_id"]);
    }
}
