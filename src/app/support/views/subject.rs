//! People, by what is left to say of them: ids, times and how they stand. Never the identity that was looked up.

use jiff::Timestamp;
use serde::Serialize;

use super::request::{RequestView, running, scheduled};
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
    match request.state {
        RequestState::Received | RequestState::AwaitingIdentity | RequestState::AwaitingApproval => {
            format!("present; a request of {:.0} waits to be decided, due {:.0}", request.received_at, request.due_at)
        }
        RequestState::Scheduled => scheduled("offboarding", request),
        RequestState::Running => running("erased", "columns", request),
        RequestState::Refused | RequestState::Withdrawn => format!("present; a request was {}", request.state),
        RequestState::Cancelled => "present; an offboarding was stopped because they came back".to_owned(),
        RequestState::Superseded => "erased with the whole tenant".to_owned(),
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
    use crate::{
        domain::{
            EventId, FenceId, IdentityKind, Issuer, RequestId, RunId, SubjectId, SubjectKind,
            request::{Origin, RequestScope, Right, Timeline},
            run::{Executed, Fenced, Planned, Run, RunPhase},
        },
        store::offboarding::Offboarding,
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

    fn request(state: RequestState, access_revoked_at: Option<Timestamp>) -> RequestRow {
        let timeline = Timeline {
            anchor_at: day(0),
            revoke_access_due_at: day(0),
            flag_due_at: day(30),
            erasure_start_at: day(88),
            erasure_due_at: day(90),
        };
        RequestRow {
            request_id: RequestId::from_uuid(Uuid::from_u128(2)),
            right: Right::Erasure,
            scope: RequestScope::Subject(SubjectId::from_uuid(Uuid::from_u128(1))),
            origin: Origin::Signal,
            actor: "worker".to_owned(),
            origin_event_id: Some(EventId::from_uuid(Uuid::from_u128(3))),
            state,
            received_at: day(0),
            opened_at: day(0),
            due_at: day(90),
            extended_until: None,
            extension_reason: None,
            refused_code: None,
            superseded_by: None,
            ended_at: None,
            offboarding: Some(Offboarding {
                timeline,
                latest_departure_at: day(0),
                access_revoked_at,
                flagged_at: None,
            }),
            run: None,
        }
    }

    fn running(verification_failed_at: Option<Timestamp>) -> RequestRow {
        let fenced = Fenced { planned: Planned { planned_at: day(88) }, fenced_at: day(88) };
        let executed = Executed { fenced, executed_at: day(88), report: None, verification_failed_at };
        let run_id = RunId::from_uuid(Uuid::from_u128(5));
        let run = Some(Run { run_id, phase: RunPhase::Executed(executed) });
        RequestRow { run, ..request(RequestState::Running, None) }
    }

    fn fence() -> Fence {
        Fence {
            fence_id: FenceId::from_uuid(Uuid::from_u128(4)),
            subject_id: Some(SubjectId::from_uuid(Uuid::from_u128(1))),
            run_id: RunId::from_uuid(Uuid::from_u128(5)),
            request_id: RequestId::from_uuid(Uuid::from_u128(2)),
            kind: IdentityKind::AtlassianAccountId.into(),
            issuer: Issuer::Universal,
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
            standing(&subject(None), &[request(RequestState::Scheduled, Some(day(0)))], None),
            "offboarding since 2026-09-24T00:00:00Z: access is revoked, to be flagged for deletion 2026-10-24T00:00:00Z, \
             gone by 2026-12-23T00:00:00Z"
        );
        assert_eq!(
            standing(&subject(None), &[running(None)], Some(&fence())),
            "being erased (executed), gone by 2026-12-23T00:00:00Z"
        );
        assert_eq!(
            standing(&subject(None), &[running(Some(day(89)))], Some(&fence())),
            "parked: verification still found something; `requests show` names the columns, `jobs retry` tries again"
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
