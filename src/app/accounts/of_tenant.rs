//! Accounts that the people of a leaving tenant have at their identity providers: they hold credentials, so they go with the
//! tenant, unless another tenant knows them too.
//!
//! ```text
//!  fence ─▶ collect ─▶ EXECUTE, VERIFY ─▶ tell, in batches ─▶ count ─▶ the keys go
//!           (rows are still there)        known elsewhere? ─▶ shared
//!                                         look up ─▶ already gone, withdrawn, ambiguous
//!                                         delete  ─▶ done
//! ```
//!
//! Promises: the first row of the tenant goes only when every account is noted; the keys go only when every account has
//! ended; noting and telling may be done twice and may die at any line; no uid is kept in the clear, and none once its account
//! has ended. Revoking access asks nobody: what was disabled there before would have to be remembered until a return.

use jiff::Timestamp;

use crate::{
    app::{
        accounts::{
            Accounts,
            attempt::{self, Audited, Made},
            collect::account_aad,
            delete::{self, Deleted},
            elsewhere,
            outcome::{self, Outcome},
            provider_credentials::{self, ProviderCredentials},
        },
        ground::{
            audit,
            error::{Error, JobFailure},
        },
        requests::{case::TenantCase, job::RequestJob, lease::ensure_lease},
    },
    domain::{
        CallId, Issuer, Personal, RequestId,
        provider_call::{CallKind, CallState},
        run::{Phase, Stage},
    },
    proof::audit::Fact,
    store::{
        self, TenantTx,
        provider_call::{AttemptNumber, PendingAccount},
    },
};

/// Accounts are told of once the rows are verified to be gone, and before the keys go.
const STAGE: Stage = Stage::Running(Phase::Verified);

/// Accounts that one round tells of: as many as one look-up takes.
const ACCOUNTS_PER_ROUND: i64 = 100;

/// The most rounds of one attempt; what is left then is for the next attempt.
const ACCOUNT_ROUNDS_MAX: usize = 300;

/// Accounts that may fail one by one before an attempt gives up.
const FAILED_ACCOUNTS_MAX: usize = 1_000;

/// What has failed in this attempt, and is for the next one.
#[derive(Default)]
struct Failed {
    accounts: Vec<CallId>,
    issuers: Vec<Issuer>,
    reason: Option<String>,
    /// True when waiting will not mend it.
    is_final: bool,
}

/// Accounts of one issuer that this round is about, opened.
struct Round {
    issuer: Issuer,
    accounts: Vec<(CallId, Personal<String>)>,
}

/// A step of the erasure of a whole tenant: every account that was noted and that no other tenant knows is deleted. Returns when
/// none is pending. A project that fails keeps no other from its turn. What waiting can mend is tried again; for everything
/// else a person has to look, for nobody could be told once the keys are gone.
pub(in crate::app) async fn tell(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
) -> Result<(), JobFailure> {
    let open = provider_credentials::of_tenant(gateway, job.tenant_id).await?.open;
    let mut failed = Failed::default();
    for _ in 0..ACCOUNT_ROUNDS_MAX {
        let Some(round) = next_round(gateway, job, &failed).await? else {
            let Some(reason) = failed.reason else { return Ok(()) };
            return Err(outcome::unfinished(Some(&reason), !failed.is_final));
        };
        tell_some(gateway, job, case, &open, round, &mut failed).await?;
        if failed.accounts.len() >= FAILED_ACCOUNTS_MAX {
            break;
        }
    }
    Err(outcome::unfinished(None, true))
}

/// Accounts that are still to be told of, while this worker holds the job. `None` when there are none but those that failed.
async fn next_round(gateway: &Accounts, job: &RequestJob<'_>, failed: &Failed) -> Result<Option<Round>, JobFailure> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, STAGE).await?;
    let (issuers, without) = (&failed.issuers, &failed.accounts);
    let rows =
        store::provider_call::pending_accounts(&tx, job.request_id, issuers, without, ACCOUNTS_PER_ROUND).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let key = gateway.vault().request_key(&tx, job.request_id).await?.ok_or(Error::Missing("the request's key"))?;
    let issuer = first.issuer.clone();
    let opened = |row: &PendingAccount| {
        let bytes = key.open(&account_aad(&tx, row.call_id), &row.sealed)?;
        let uid = String::from_utf8(bytes.to_vec()).map_err(|_| Error::Unserializable { what: "the uid" })?;
        Ok::<_, Error>((row.call_id, Personal::new(uid)))
    };
    let accounts = rows.iter().map(opened).collect::<Result<_, _>>()?;
    Ok(Some(Round { issuer, accounts }))
}

/// One round: whoever is known elsewhere ends, all others are called about; recorded before and after.
async fn tell_some(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    case: &TenantCase,
    open: &[ProviderCredentials],
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
    gateway.crash().reach("tenant_erasure.before_accounts");
    let uids: Vec<_> = attempts.iter().map(|(_, uid)| uid.clone()).collect();
    let Deleted { outcomes, failure } =
        delete::delete(gateway, open, &issuer, &uids, case.request.covers_until()).await;
    gateway.crash().reach("tenant_erasure.after_accounts");
    let kind = CallKind::FirebaseDelete;
    let made = attempts.iter().zip(&outcomes).map(|((attempt, _), outcome)| Made { attempt: *attempt, kind, outcome });
    attempt::end(gateway, job.tenant_id, &made.collect::<Vec<_>>(), Audited::Together).await?;
    gateway.crash().reach("tenant_erasure.after_account_results");
    if let Some(failure) = failure {
        failed.is_final |= !failure.is_transient();
        failed.reason = Some(failure.to_string());
        failed.issuers.push(issuer);
    }
    let left = attempts.iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let left: Vec<CallId> = left.map(|((attempt, _), _)| attempt.call_id).collect();
    if !left.is_empty() {
        failed.reason.get_or_insert_with(|| "accounts were not deleted".to_owned());
        failed.accounts.extend(left);
    }
    Ok(())
}

/// Ends what another tenant knows, and records that an attempt at each of the others begins.
async fn begin(
    gateway: &Accounts,
    job: &RequestJob<'_>,
    shared: &[(CallId, Personal<String>)],
    own: &[(CallId, Personal<String>)],
) -> Result<Vec<(AttemptNumber, Personal<String>)>, JobFailure> {
    let shared: Vec<_> = shared.iter().map(|(id, _)| (*id, CallState::Shared)).collect();
    let ids: Vec<CallId> = own.iter().map(|(id, _)| *id).collect();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, job.tenant_id).await?;
    ensure_lease(&tx, job, STAGE).await?;
    store::provider_call::finish(&tx, &shared, gateway.now()).await?;
    let begun = attempt::begin(gateway, &tx, &ids).await?;
    tx.commit().await?;
    let attempt_at = |id: &CallId| begun.iter().find(|begun| begun.call_id == *id).copied();
    Ok(own.iter().filter_map(|(id, uid)| Some((attempt_at(id)?, uid.clone()))).collect())
}

/// How all accounts have ended, as one audit entry, and the end of the key that their uids were sealed under; in the caller's
/// transaction, in which the keys go. Fails when one is pending.
pub(in crate::app) async fn close(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    request: RequestId,
    now: Timestamp,
) -> Result<(), JobFailure> {
    let counts = store::provider_call::account_counts(tx, request).await?;
    let of = |state| counts.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, count)| *count);
    if of(CallState::Pending) > 0 {
        return Err(outcome::unfinished(None, true));
    }
    if !counts.is_empty() {
        let facts = [
            ("deleted", Fact::Count(of(CallState::Done))),
            ("already_gone", Fact::Count(of(CallState::AlreadyGone))),
            ("shared", Fact::Count(of(CallState::Shared))),
            ("withdrawn", Fact::Count(of(CallState::Withdrawn))),
            ("ambiguous", Fact::Count(of(CallState::Ambiguous))),
            ("unreachable", Fact::Count(of(CallState::Unreachable))),
        ];
        audit::record(gateway, tx, audit::WORKER, "tenant.accounts_told", request, facts).await?;
    }
    Ok(gateway.vault().destroy_request_key(tx, request, now).await?)
}
