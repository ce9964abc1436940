//! The loop of phases of an erasure, of a person or of a whole tenant.
//!
//! ```text
//!  scheduled ─▶ fenced ─▶ executed ─▶ verified ─▶ told ─▶ key_destroyed ─▶ certified: the request is completed
//!                            ▲  │ the reader found something: the job is parked, and `jobs retry` makes a new plan
//!                            └──┘
//! ```
//!
//! Request and run say how far it is, and each phase may run twice and may die at any line: what it did is either in one
//! committed transaction or can be repeated without effect. Every phase makes sure that this worker still has the job. Nothing
//! is atomic across our database and the product database; the order makes that harmless: the fence stands before the first
//! destructive batch, nobody's uid goes before every provider call is confirmed, and the keys go only after the independent
//! reader has found nothing.
//!
//! A run that exports would go through `execute::run_step` with steps that read, and its own phases after that.

use crate::{
    app::{
        erasure::{Erasure, certify, execute, fence, forget_person, forget_tenant, plans, tell, verify},
        ground::error::{Error, JobFailure},
        requests::{
            case::{AnyCase, read_case},
            job::RequestJob,
        },
    },
    domain::{
        job::ParkCode,
        reason::JobReason,
        request::RequestState,
        run::{Executed, Phase, RunPhase},
    },
    store::job::ClaimedJob,
};

/// Phases one attempt may go through; there are six.
const PHASES_MAX: usize = 12;

/// Runs the erasure to its end, from wherever it stands.
pub(in crate::app) async fn run(gateway: &Erasure, job: &ClaimedJob) -> Result<(), JobFailure> {
    let job = &RequestJob::of(job)?;
    for _ in 0..PHASES_MAX {
        let case = read_case(gateway, job).await?;
        match case.request().state {
            RequestState::Scheduled => fence::raise(gateway, job, &case).await?,
            RequestState::Running => {
                if go_on(gateway, job, &case).await? == Standing::Certified {
                    return Ok(());
                }
            }
            RequestState::Received | RequestState::AwaitingIdentity | RequestState::AwaitingApproval => {
                return Err(JobFailure::park(ParkCode::NotAllowed, JobReason::RequestUndecided));
            }
            state @ (RequestState::Completed
            | RequestState::Refused
            | RequestState::Withdrawn
            | RequestState::Cancelled
            | RequestState::Superseded) => {
                return Err(JobFailure::discard(JobReason::RequestEnded { state: state.as_str() }));
            }
        }
    }
    Err(JobFailure::park(ParkCode::BoundExceeded, JobReason::BoundExceeded { what: "the erasure" }))
}

#[derive(PartialEq, Eq)]
enum Standing {
    Unfinished,
    Certified,
}

/// The phase after the one that the run is in.
async fn go_on(gateway: &Erasure, job: &RequestJob<'_>, case: &AnyCase) -> Result<Standing, JobFailure> {
    let run = case.request().run.as_ref().ok_or(Error::Missing("the run"))?;
    let id = run.run_id;
    match &run.phase {
        RunPhase::Planned(_) => return Err(Error::Missing("the fence").into()),
        RunPhase::Fenced(_) => execute::execute(gateway, job, case, (id, Phase::Fenced)).await?,
        RunPhase::Executed(Executed { verification_failed_at: Some(_), .. }) => {
            plans::make_again(gateway, job, case, id).await?;
            execute::execute(gateway, job, case, (id, Phase::Executed)).await?;
        }
        RunPhase::Executed(_) => verify::verify(gateway, job, case, id).await?,
        RunPhase::Verified(_) => tell::tell(gateway, job, case, id).await?,
        RunPhase::Told(_) => match case {
            AnyCase::Person(person) => forget_person::destroy_key(gateway, job, person, id).await?,
            AnyCase::Tenant(tenant) => forget_tenant::destroy_keys(gateway, job, tenant, id).await?,
        },
        RunPhase::KeyDestroyed(destroyed) => {
            certify::certify(gateway, job, case, (id, destroyed)).await?;
            return Ok(Standing::Certified);
        }
        RunPhase::Certified(_) => return Err(JobFailure::discard(JobReason::ErasureCertified)),
    }
    Ok(Standing::Unfinished)
}
