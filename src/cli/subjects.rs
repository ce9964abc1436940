//! `subjects find`: why was this user not deleted? The value typed is used for the look-up and printed nowhere.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::with_gateway, exit::Exit, input, options::GlobalOptions, output::Output, requests, selection,
    table::Columns,
};
use crate::app::{
    Gateway,
    support::find_subject::{self, FoundSubject},
};
use crate::domain::{IdentityKind, Personal, request::RequestState};
use crate::store::{fence::Fence, request::RequestRow, subject::SubjectRow};

const COLUMNS: Columns<'static> =
    &[("TENANT", "tenant_id"), ("SUBJECT", "subject_id"), ("REQUEST", "request_id"), ("STANDING", "standing")];

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub(super) enum SubjectsCommand {
    /// Look a person up by an identity and say how they stand
    Find(FindArgs),
}

/// Whom to look up.
#[derive(Debug, Args)]
pub(super) struct FindArgs {
    /// The kind of identity: `atlassian_account_id`, `email` or `firebase_uid`
    #[arg(long, value_name = "KIND")]
    kind: IdentityKind,
    /// The identity; better - for standard input, because arguments stay in the shell's history
    #[arg(default_value = input::STANDARD_INPUT, hide_default_value = true)]
    value: String,
    /// In this tenant only: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Of a uid: the Firebase project, with its tenant after a slash; without it every registered project is tried
    #[arg(long, value_name = "PROJECT")]
    issuer: Option<String>,
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &SubjectsCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let SubjectsCommand::Find(args) = command;
    let value = if args.value == input::STANDARD_INPUT {
        input::read_line(input::STANDARD_INPUT, "identity")?
    } else {
        args.value.clone()
    };
    let value = Personal::new(value);
    with_gateway(options, async |gateway| find(gateway, args, &value, output).await).await
}

async fn find(
    gateway: &Gateway,
    args: &FindArgs,
    value: &Personal<String>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let tenant = selection::optional_tenant(gateway, args.tenant.as_deref()).await?;
    let found = find_subject::find(gateway, tenant, args.kind, args.issuer.as_deref(), value).await?;
    let rows: Vec<Value> = found.iter().flat_map(rows_of).collect();
    let nothing = "Not known: no event has named this person here, or everything about them was forgotten.";
    output.rows(COLUMNS, &rows, nothing)?;
    Ok(Exit::Done)
}

/// A row for each subject with the identity, or one for the fence when nobody is left behind it.
fn rows_of(found: &FoundSubject) -> Vec<Value> {
    let tenant_id = found.tenant_id;
    let fence_value = found.fence.as_ref().map(fence_document);
    if let (true, Some(fence)) = (found.subjects.is_empty(), &found.fence) {
        return vec![json!({
            "tenant_id": tenant_id,
            "subject_id": fence.subject_id,
            "request_id": fence.request_id,
            "standing": behind(fence),
            "requests": [],
            "fence": fence_value,
        })];
    }
    let subjects = found.subjects.iter();
    subjects
        .map(|(subject, history)| {
            json!({
                "tenant_id": tenant_id,
                "subject_id": subject.subject_id,
                "kind": subject.kind,
                "generation": subject.generation,
                "request_id": history.first().map(|request| request.request_id),
                "standing": standing(subject, history, found.fence.as_ref()),
                "requests": history.iter().map(|request| requests::row(tenant_id, request)).collect::<Vec<_>>(),
                "fence": fence_value,
            })
        })
        .collect()
}

fn fence_document(fence: &Fence) -> Value {
    json!({
        "fence_id": fence.fence_id,
        "generation": fence.generation,
        "covers_until": fence.covers_until,
        "committed_at": fence.committed_at,
        "expires_at": fence.expires_at,
        "returned_at": fence.returned_at,
    })
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
        RequestState::Scheduled => requests::scheduled("offboarding", request),
        RequestState::Running => requests::running("erased", "columns", request),
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
            EventId, FenceId, Issuer, RequestId, RunId, SubjectId, SubjectKind,
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
            acknowledge_due_at: None,
            acknowledged_at: None,
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
        let tenant_id = crate::domain::TenantId::from_uuid(Uuid::from_u128(9));
        let rows = rows_of(&FoundSubject { tenant_id, subjects: Vec::new(), fence: Some(fence()) });
        assert_eq!(rows.len(), 1);
        assert!(rows[0]["standing"].as_str().is_some_and(|text| text.starts_with("erased at 2026-12-21")));
    }
}
