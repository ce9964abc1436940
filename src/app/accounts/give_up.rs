//! Ending calls that nobody can make any more, because a person says so.

use jiff::Timestamp;

use crate::{
    app::{
        accounts::Accounts,
        ground::{audit, error::Error},
    },
    domain::{Actor, RequestId, TenantId, reason::InputReason, request::RequestScope},
    proof::{Word, audit::Fact},
    store::{self, TenantTx},
};

/// Ends every call about a request, and about everybody of a tenant whose request it is, that is still to be made: a person
/// knows that nobody can be told any more, because the project is gone or its owner lets us in no longer. The job, held or not,
/// goes on when it is tried again. `reason` is a closed word (a ticket) for the audit. Returns how many were ended; repeating
/// ends nothing.
pub async fn give_up(
    gateway: &Accounts,
    actor: &Actor,
    reason: &str,
    tenant: TenantId,
    request: RequestId,
) -> Result<u64, Error> {
    let reason = Word::parse(reason).map_err(|_| Error::rejected(InputReason::ReasonNotAWord))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let ended = end_pending(&tx, request, gateway.now()).await?;
    let facts = [("calls", Fact::Count(ended)), ("reason", Fact::Word(reason))];
    audit::record(gateway, &tx, actor, "provider_calls.given_up", request, facts).await?;
    tx.commit().await?;
    gateway.wake_workers();
    Ok(ended)
}

/// How many calls [`give_up`] would end: counted by doing it, without the commit.
pub async fn preview_give_up(gateway: &Accounts, tenant: TenantId, request: RequestId) -> Result<u64, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    end_pending(&tx, request, gateway.now()).await
}

async fn end_pending(tx: &TenantTx<'_>, request: RequestId, now: Timestamp) -> Result<u64, Error> {
    let row = store::request::read(tx, request).await?.ok_or(Error::NotFound("request"))?;
    let is_of_tenant = match row.scope {
        RequestScope::Tenant => true,
        RequestScope::Subject(_) => false,
    };
    Ok(store::provider_call::give_up(tx, request, is_of_tenant, now).await?)
}
