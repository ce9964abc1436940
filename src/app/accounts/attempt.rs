//! An attempt at provider calls, about a person or about many accounts: recorded before it is made and after.
//!
//! So an attempt that crashed is seen, and whoever comes next makes the call again: every call may be made twice.

use crate::{
    app::{
        accounts::{Accounts, outcome::Outcome},
        ground::{audit, error::Error},
    },
    domain::{
        CallId, RequestId, TenantId, metric,
        provider_call::{CallKind, CallState},
    },
    proof::{Word, audit::Fact},
    store::{self, TenantTx, provider_call::AttemptNumber},
};

/// An attempt that was made.
pub(in crate::app) struct Made<'a> {
    /// Which.
    pub(in crate::app) attempt: AttemptNumber,
    /// What was told.
    pub(in crate::app) kind: CallKind,
    /// How it ended.
    pub(in crate::app) outcome: &'a Outcome,
}

/// Who reads in the audit how calls have ended.
#[derive(Clone, Copy)]
pub(in crate::app) enum Audited {
    /// Each call has an entry of its own, about this request.
    Each(RequestId),
    /// All calls of a tenant have one entry together, once none is pending.
    Together,
}

/// Records that an attempt at each of these calls begins, in the caller's transaction, in which this worker still has the job.
/// Whatever has ended meanwhile has no attempt. The calls are made after the commit.
pub(in crate::app) async fn begin(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    calls: &[CallId],
) -> Result<Vec<AttemptNumber>, Error> {
    Ok(store::provider_call::begin_attempts(tx, calls, gateway.now()).await?)
}

/// Records how attempts ended. Whoever has lost the job meanwhile records it too: what was done was done.
pub(in crate::app) async fn end(
    gateway: &Accounts,
    tenant: TenantId,
    made: &[Made<'_>],
    audited: Audited,
) -> Result<(), Error> {
    let now = gateway.now();
    let words: Vec<_> = made.iter().map(|made| (made.attempt, made.outcome.word())).collect();
    let ended: Vec<_> = made.iter().filter_map(|made| Some((made, made.outcome.state()?))).collect();
    let states: Vec<_> = ended.iter().map(|(made, state)| (made.attempt.call_id, *state)).collect();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    store::provider_call::end_attempts(&tx, &words, now).await?;
    store::provider_call::finish(&tx, &states, now).await?;
    if let Audited::Each(request) = audited {
        for (made, state) in &ended {
            audit_end(gateway, &tx, request, made.kind, *state).await?;
        }
    }
    tx.commit().await?;
    for made in made {
        let (kind, outcome) = (made.kind.as_str(), made.outcome.word().to_owned());
        metrics::counter!(metric::PROVIDER_CALLS_TOTAL, "kind" => kind, "outcome" => outcome).increment(1);
    }
    Ok(())
}

async fn audit_end(
    gateway: &Accounts,
    tx: &TenantTx<'_>,
    request: RequestId,
    kind: CallKind,
    state: CallState,
) -> Result<(), Error> {
    let facts =
        [("call", Fact::Word(Word::parse(kind.as_str())?)), ("ended", Fact::Word(Word::parse(state.as_str())?))];
    audit::record(gateway, tx, audit::WORKER, "provider_call.ended", request, facts).await?;
    Ok(())
}
