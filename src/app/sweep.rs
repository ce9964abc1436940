//! Work that nobody asks for but time: retention, key epochs, the audit chain, expired fences, lost jobs, deadlines.
//!
//! Every part is safe to repeat and safe to run in two processes at once. A part that fails is told and counted, and the
//! others go on: one tenant's trouble, or a product database that is away, must not keep keys alive or partitions from being made.

mod chain;
mod inbox;
pub(super) use inbox::PENDING_BODY_DAYS_MAX;
mod jobs;

use jiff::{SignedDuration, Timestamp};

use super::{Error, Gateway, offboard_tenant, rejections};
use crate::{
    domain::{
        TenantId, metric,
        request::{RequestScope, RequestState},
    },
    product,
    store::{self, TenantTx, tenant::Tenant},
};

/// Subject keys re-wrapped in one transaction.
const REWRAP_KEYS_MAX: i64 = 500;
/// Rounds of one part for one tenant in one sweep; the next sweep goes on.
const ROUNDS_MAX: usize = 1_000;

/// How far back a sweep looks for audit entries without a place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Where new entries are: shortly before the newest link.
    Recent,
    /// Everywhere; costs a pass over all entries.
    Whole,
}

/// What one sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Partitions of raw deliveries dropped.
    pub partitions_dropped: i32,
    /// Body keys destroyed.
    pub body_keys_destroyed: u64,
    /// Deliveries whose repetition would not be recognised any more.
    pub event_keys_forgotten: u64,
    /// Months of events and audit entries dropped.
    pub months_dropped: i32,
    /// Key epochs destroyed.
    pub epochs_destroyed: u64,
    /// Audit entries given their place in the chain.
    pub entries_linked: u64,
    /// Fences that have outlived their time.
    pub fences_forgotten: u64,
    /// Customers of whom nothing was heard for too long.
    pub silences_recorded: u64,
    /// Jobs given back to requests that had lost them.
    pub jobs_restored: u64,
    /// Parts that failed; each was logged, and the next sweep tries again.
    pub failures: u32,
}

impl Swept {
    /// The result of one part, or nothing done and one failure more.
    fn took<T: Default>(&mut self, part: &'static str, result: Result<T, Error>) -> T {
        result.unwrap_or_else(|error| {
            tracing::warn!(part, error = %error.chain(), "a part of the sweep failed; the next sweep tries again");
            metrics::counter!(metric::SWEEP_FAILURES_TOTAL).increment(1);
            self.failures += 1;
            T::default()
        })
    }
}

/// One sweep over everything. Never fails as a whole, see [`Swept::failures`].
pub async fn run(gateway: &Gateway, depth: Depth) -> Swept {
    let mut swept = Swept::default();
    // What has to go comes first: nothing that is only convenient may stand before it.
    inbox::end_bodies(gateway, &mut swept).await;
    let forgotten = inbox::forget_event_keys(gateway).await;
    swept.event_keys_forgotten = swept.took("event keys", forgotten);
    let forgotten = inbox::forget_token_uses(gateway).await;
    swept.took("used tokens", forgotten);
    let forgotten = rejections::forget(gateway).await;
    swept.took("refusals", forgotten);
    let made = inbox::make_partitions(gateway).await;
    swept.took("partitions", made);
    let listed = super::report::tenants(gateway).await;
    let tenants = swept.took("tenants", listed);
    let linked = chain::link(gateway, TenantId::PLATFORM, depth).await;
    swept.entries_linked += swept.took("audit chain", linked);
    let mut overdue = jobs::Overdue::default();
    for tenant in &tenants {
        keep_tenant(gateway, tenant, depth, &mut swept).await;
        let counted = jobs::overdue(gateway, tenant.tenant_id).await;
        overdue.add(swept.took("overdue requests", counted));
    }
    let told = jobs::tell(gateway, overdue).await;
    swept.took("gauges", told);
    if swept.failures == 0 {
        // Entries must have their place before they may go, so this waits for a sweep in which nothing failed.
        let dropped = inbox::end_history(gateway).await;
        swept.months_dropped = swept.took("history", dropped);
    }
    swept
}

async fn keep_tenant(gateway: &Gateway, tenant: &Tenant, depth: Depth, swept: &mut Swept) {
    let id = tenant.tenant_id;
    if tenant.purged_at.is_some() {
        // Nothing is left but proof: its fence stands until the customer is back, people's until their own term.
        let forgotten = forget_fences(gateway, tenant, product::Expired::OfPeople).await;
        swept.fences_forgotten += swept.took("expired fences", forgotten);
        let linked = chain::link(gateway, id, depth).await;
        swept.entries_linked += swept.took("audit chain", linked);
        return;
    }
    let destroyed = rotate_epoch(gateway, id).await;
    swept.epochs_destroyed += swept.took("key epochs", destroyed);
    let restored = jobs::restore(gateway, id).await;
    swept.jobs_restored += swept.took("lost jobs", restored);
    let forgotten = forget_fences(gateway, tenant, product::Expired::Any).await;
    swept.fences_forgotten += swept.took("expired fences", forgotten);
    let kept = keep_leaving(gateway, tenant).await;
    swept.took("whether a customer is leaving", kept);
    let silent = offboard_tenant::watch_silence(gateway, id).await;
    swept.silences_recorded += u64::from(swept.took("silence", silent));
    let linked = chain::link(gateway, id, depth).await;
    swept.entries_linked += swept.took("audit chain", linked);
}

/// Begins a new key epoch when the old one is over, re-wraps the living keys, destroys the old epoch.
pub async fn rotate_epoch(gateway: &Gateway, tenant: TenantId) -> Result<u64, Error> {
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let Some(mut epoch) = store::keys::current_epoch(&tx).await? else { return Ok(0) };
    let age = SignedDuration::from_hours(24 * i64::from(gateway.policy().key_epoch_days));
    if epoch.created_at + age <= now {
        epoch = gateway.vault().begin_epoch(&tx, now).await?;
    }
    tx.commit().await?;
    for _ in 0..ROUNDS_MAX {
        let tx = TenantTx::begin(&mut client, tenant).await?;
        store::keys::lock_epochs_before(&tx, epoch.epoch).await?;
        let old = store::keys::keys_of_epochs_before(&tx, epoch.epoch, REWRAP_KEYS_MAX).await?;
        if old.is_empty() {
            let destroyed = store::keys::destroy_epochs_before(&tx, epoch.epoch, now).await?;
            tx.commit().await?;
            return Ok(destroyed);
        }
        for key in old {
            gateway.vault().rewrap(&tx, key, &epoch).await?;
        }
        tx.commit().await?;
    }
    Ok(0)
}

/// The product database's word of whether the customer is leaving is made the same as ours. It may be another: a worker of a release that
/// did not know of it, or a product database that was restored.
async fn keep_leaving(gateway: &Gateway, tenant: &Tenant) -> Result<(), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
    // In this order: an offboarding that begins in between is not among what is over.
    let (opened, _) = store::request::marks_of_tenant(&tx).await?;
    let living = match store::request::living(&tx, RequestScope::Tenant).await? {
        Some(request) => store::request::read(&tx, request).await?,
        None => None,
    };
    drop(tx);
    drop(client);
    if opened.is_empty() {
        return Ok(());
    }
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant.stable_key };
    let mut client = gateway.databases().product.client().await?;
    let there = product::leaving_since(&mut client, scope).await?;
    let current = living.as_ref().map(|request| request.opened_at);
    if let Some(wrong) = there.filter(|there| Some(*there) != current && opened.contains(there)) {
        product::end_leaving(&mut client, scope, &[wrong]).await?;
    }
    // Behind the fence it has gone with everything else, and must not be there for a customer who returns.
    let is_off = living.is_some_and(|request| request.state == RequestState::Open && request.access_off_at.is_some());
    if let Some(missing) = current.filter(|current| is_off && there != Some(*current)) {
        product::begin_leaving(&mut client, scope, missing).await?;
    }
    Ok(())
}

async fn forget_fences(gateway: &Gateway, tenant: &Tenant, which: product::Expired) -> Result<u64, Error> {
    let now: Timestamp = gateway.now();
    let mut product_client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant.stable_key };
    product::forget_expired_fences(&mut product_client, scope, which, now).await?;
    drop(product_client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
    let forgotten = store::fence::forget_expired(&tx, now).await?;
    tx.commit().await?;
    Ok(forgotten)
}
