//! Accounts that the people of a leaving customer have at their identity providers: they hold credentials, so they go with the
//! customer, unless another customer knows them too.
//!
//! ```text
//!  fence ─▶ collect ─▶ EXECUTE, VERIFY ─▶ tell, in batches ─▶ count ─▶ the keys go
//!           (rows are still there)        known elsewhere? ─▶ shared
//!                                         look up ─▶ already gone, withdrawn, ambiguous
//!                                         delete  ─▶ done
//! ```
//!
//! Promises: the first row of the customer goes only when every account is noted; the keys go only when every account has
//! ended; noting and telling may be done twice and may die at any line; no uid is kept in the clear, and none once its account
//! has ended. Access-off asks nobody: what was disabled there before would have to be remembered until a return.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    app::{
        accounts::{
            Accounts,
            call::UNFINISHED,
            collect::account_aad,
            credentials::{self, Way},
            delete::{self, Outcome, Told},
            elsewhere,
        },
        ground::{
            audit,
            error::{Error, JobFailure},
        },
        requests::{case::TenantCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        Personal, RequestId,
        call_back::{CallBackKind, CallBackState},
        job::ParkCode,
        metric,
        run::{Phase, Stage},
    },
    proof::audit::Fact,
    store::{self, TenantTx, account_call::PendingAccount},
};

/// Accounts that one round tells of: as many as one look-up takes.
const ACCOUNTS_PER_ROUND: i64 = 100;

/// The most rounds of one attempt; what is left then is for the next attempt.
const ACCOUNT_ROUNDS_MAX: usize = 300;

/// Accounts that may fail one by one before an attempt gives up.
const FAILED_ACCOUNTS_MAX: usize = 1_000;

/// What has failed in this attempt, and is for the next one.
#[derive(Default)]
struct Failed {
    accounts: Vec<Uuid>,
    issuers: Vec<String>,
    reason: Option<String>,
    /// True when waiting will not mend it.
    is_final: bool,
}

/// Accounts of one issuer that this round is about, opened.
struct Round {
    issuer: String,
    accounts: Vec<(Uuid, Personal<String>)>,
}

/// CALL BACK, for a whole customer: every account that was noted and that no other customer knows is deleted. Returns when
/// none is pending. A project that fails keeps no other from its turn. What waiting can mend is tried again; for everything
/// else a person has to look, for nobody could be told once the keys are gone.
pub(in crate::app) async fn tell(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
) -> Result<(), JobFailure> {
    let ways = credentials::ways(gateway, job.tenant_id).await?.known;
    let mut failed = Failed::default();
    for _ in 0..ACCOUNT_ROUNDS_MAX {
        let Some(round) = next_round(gateway, job, &failed).await? else {
            let Some(reason) = failed.reason else { return Ok(()) };
            let reason = format!("{UNFINISHED}: {reason}");
            return Err(if failed.is_final {
                JobFailure::park(ParkCode::ProviderRefuses, reason)
            } else {
                JobFailure::retry(reason)
            });
        };
        tell_some(gateway, job, case, &ways, round, &mut failed).await?;
        if failed.accounts.len() >= FAILED_ACCOUNTS_MAX {
            break;
        }
    }
    Err(JobFailure::retry(UNFINISHED))
}

/// Accounts that are still to be told of, while this worker holds the job. `None` when there are none but those that failed.
async fn next_round(gateway: &Accounts, job: &RequestJob<'_>, failed: &Failed) -> Result<Option<Round>, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, Stage::Running(Phase::Verified)).await?;
    let (issuers, without) = (&failed.issuers, &failed.accounts);
    let rows = store::account_call::pending(&tx, job.request_id, issuers, without, ACCOUNTS_PER_ROUND).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let key = gateway.vault().request_key(&tx, job.request_id).await?.ok_or(Error::Missing("the request's key"))?;
    let issuer = first.issuer.clone();
    let opened = |row: &PendingAccount| {
        let bytes = key.open(&account_aad(&tx, row.account_call_id), &row.sealed)?;
        let uid = String::from_utf8(bytes.to_vec()).map_err(|_| Error::Missing("a readable uid"))?;
        Ok::<_, Error>((row.account_call_id, Personal::new(uid)))
    };
    let accounts = rows.iter().map(opened).collect::<Result<_, _>>()?;
    Ok(Some(Round { issuer, accounts }))
}

/// One round: whoever is known elsewhere ends, all others are called about; recorded before and after.
async fn tell_some(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
    ways: &[Way],
    round: Round,
    failed: &mut Failed,
) -> Result<(), JobFailure> {
    let Round { issuer, accounts } = round;
    let uids: Vec<_> = accounts.iter().map(|(_, uid)| uid.clone()).collect();
    let known = elsewhere::known(gateway, job.tenant_id, uids).await?;
    let (shared, own): (Vec<_>, Vec<_>) = accounts.into_iter().partition(|(_, uid)| known.contains(uid));
    let attempts = begin(gateway, job, &shared, &own).await?;
    if attempts.is_empty() {
        return Ok(());
    }
    gateway.crash().reach("tenant_deletion.before_accounts");
    let uids: Vec<_> = attempts.iter().map(|attempt| attempt.uid.clone()).collect();
    let Told { outcomes, failure } = delete::delete(gateway, ways, &issuer, &uids, case.request.covers_until()).await;
    gateway.crash().reach("tenant_deletion.after_accounts");
    end(gateway, job, &attempts, &outcomes).await?;
    gateway.crash().reach("tenant_deletion.after_account_results");
    if let Some(failure) = failure {
        failed.is_final |= !failure.is_transient();
        failed.reason = Some(failure.to_string());
        failed.issuers.push(issuer);
    }
    let left = attempts.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let left: Vec<Uuid> = left.map(|(attempt, _)| attempt.account).collect();
    if !left.is_empty() {
        failed.reason.get_or_insert_with(|| "accounts were not deleted".to_owned());
        failed.accounts.extend(left);
    }
    Ok(())
}

/// An attempt at one account.
struct Attempt {
    account: Uuid,
    number: i32,
    uid: Personal<String>,
}

/// Ends what another customer knows, and records that an attempt at each of the others begins.
async fn begin(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    shared: &[(Uuid, Personal<String>)],
    own: &[(Uuid, Personal<String>)],
) -> Result<Vec<Attempt>, JobFailure> {
    let now = gateway.now();
    let shared: Vec<_> = shared.iter().map(|(id, _)| (*id, CallBackState::Shared)).collect();
    let ids: Vec<Uuid> = own.iter().map(|(id, _)| *id).collect();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, Stage::Running(Phase::Verified)).await?;
    store::account_call::finish(&tx, &shared, now).await?;
    let begun = store::account_call::begin_attempts(&tx, &ids, now).await?;
    tx.commit().await?;
    let number_of = |id: &Uuid| begun.iter().find(|(begun, _)| begun == id).map(|(_, number)| *number);
    let attempts =
        own.iter().filter_map(|(id, uid)| Some(Attempt { account: *id, number: number_of(id)?, uid: uid.clone() }));
    Ok(attempts.collect())
}

/// Records how attempts ended. Whoever has lost the job meanwhile records it too: what was done was done.
async fn end(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    attempts: &[Attempt],
    outcomes: &[Outcome],
) -> Result<(), JobFailure> {
    let now = gateway.now();
    let pairs = || attempts.iter().zip(outcomes);
    let words: Vec<_> = pairs().map(|(attempt, outcome)| (attempt.account, attempt.number, outcome.word())).collect();
    let ended: Vec<_> = pairs().filter_map(|(attempt, outcome)| Some((attempt.account, outcome.state()?))).collect();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    store::account_call::end_attempts(&tx, &words, now).await?;
    store::account_call::finish(&tx, &ended, now).await?;
    tx.commit().await?;
    let kind = CallBackKind::FirebaseDelete.as_str();
    for outcome in outcomes {
        metrics::counter!(metric::CALL_BACKS_TOTAL, "kind" => kind, "outcome" => outcome.word().to_owned())
            .increment(1);
    }
    Ok(())
}

/// How all accounts have ended, as one audit entry, and the end of the key that their uids were sealed under; in the caller's
/// transaction, in which the keys go. Fails when one is pending.
pub(in crate::app) async fn close(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    request: RequestId,
    now: Timestamp,
) -> Result<(), JobFailure> {
    let counts = store::account_call::counts(tx, request).await?;
    let of = |state| counts.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, count)| *count);
    if of(CallBackState::Pending) > 0 {
        return Err(JobFailure::retry(UNFINISHED));
    }
    if !counts.is_empty() {
        let facts = [
            ("deleted", Fact::Count(of(CallBackState::Done))),
            ("already_gone", Fact::Count(of(CallBackState::AlreadyGone))),
            ("shared", Fact::Count(of(CallBackState::Shared))),
            ("withdrawn", Fact::Count(of(CallBackState::Withdrawn))),
            ("ambiguous", Fact::Count(of(CallBackState::Ambiguous))),
            ("unreachable", Fact::Count(of(CallBackState::Unreachable))),
        ];
        audit::record(gateway, tx, audit::WORKER, "tenant.accounts_told", request, facts).await?;
    }
    Ok(gateway.vault().destroy_request_key(tx, request, now).await?)
}
