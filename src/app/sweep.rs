//! Work that nobody asks for but time: partitions, retention, key epochs, the audit chain, expired fences.
//!
//! Every part is safe to repeat and safe to run in two processes at once.

use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{Error, Gateway};
use crate::{
    domain::TenantId,
    proof::audit::{chain_hash, chain_start},
    store::{self, TenantTx, keys::BodyKeyPurpose},
    target,
};

/// Subject keys re-wrapped in one transaction.
const REWRAP_KEYS_MAX: i64 = 500;
/// Audit entries given their place in one transaction.
const LINKS_MAX: i64 = 500;
/// Rounds of one part for one tenant in one sweep; the next sweep goes on.
const ROUNDS_MAX: usize = 1_000;

/// What one sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Partitions of raw deliveries dropped.
    pub partitions_dropped: i32,
    /// Body keys destroyed.
    pub body_keys_destroyed: u64,
    /// Key epochs destroyed.
    pub epochs_destroyed: u64,
    /// Audit entries given their place in the chain.
    pub entries_linked: u64,
    /// Fences that have outlived their time.
    pub fences_forgotten: u64,
}

/// One sweep over everything.
pub async fn run(gateway: &Gateway) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    keep_inbox(gateway, &mut swept).await?;
    for tenant in super::report::tenants(gateway).await? {
        swept.entries_linked += link_audit(gateway, tenant.tenant_id).await?;
        swept.epochs_destroyed += rotate_epoch(gateway, tenant.tenant_id).await?;
        swept.fences_forgotten += forget_fences(gateway, tenant.tenant_id, &tenant.stable_key).await?;
    }
    Ok(swept)
}

/// Makes the partitions that will be needed, and ends those whose time is over: first their key, then their rows.
async fn keep_inbox(gateway: &Gateway, swept: &mut Swept) -> Result<(), Error> {
    let today = gateway.today();
    let policy = gateway.policy();
    let delivery = today.saturating_sub(i64::from(policy.raw_body_days).days());
    let dead_letter = today.saturating_sub(i64::from(policy.dead_letter_body_days).days());
    let queue = gateway.databases().queue.client().await?;
    store::deployment::ensure_partitions(&queue, today).await?;
    // What was acknowledged is interpreted before its body goes, even when nobody worked for longer than bodies are kept.
    let needed = store::event::oldest_waiting_body(&queue).await?;
    let [delivery, dead_letter] = [delivery, dead_letter].map(|day| needed.map_or(day, |needed| day.min(needed)));
    for (purpose, before) in [(BodyKeyPurpose::Delivery, delivery), (BodyKeyPurpose::DeadLetter, dead_letter)] {
        swept.body_keys_destroyed += store::keys::destroy_body_keys(&queue, purpose, before).await?;
    }
    gateway.vault().forget_body_keys();
    swept.partitions_dropped = store::deployment::drop_bodies_before(&queue, delivery, dead_letter).await?;
    Ok(())
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

/// Gives every new audit entry its place in the tenant's chain.
async fn link_audit(gateway: &Gateway, tenant: TenantId) -> Result<u64, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let mut linked = 0;
    for _ in 0..ROUNDS_MAX {
        let tx = TenantTx::begin(&mut client, tenant).await?;
        // One sealer at a time for a tenant.
        tx.lock(i64::from_be_bytes(*b"auditlnk") ^ first_bytes(tenant)).await?;
        let (mut place, mut hash) = match store::audit::last_link(&tx).await? {
            None => (0, chain_start(tenant)),
            Some((place, hash)) => {
                (place, hash.as_slice().try_into().map_err(|_| Error::Missing("a chain hash of 32 bytes"))?)
            }
        };
        let entries = store::audit::unlinked(&tx, LINKS_MAX).await?;
        if entries.is_empty() {
            return Ok(linked);
        }
        for (id, at, canonical) in entries {
            place += 1;
            hash = chain_hash(&hash, canonical.as_bytes());
            store::audit::insert_link(&tx, place, (id, at), &hash).await?;
            linked += 1;
        }
        tx.commit().await?;
    }
    Ok(linked)
}

fn first_bytes(tenant: TenantId) -> i64 {
    let (high, low) = tenant.uuid().as_u64_pair();
    i64::from_be_bytes((high ^ low).to_be_bytes())
}

async fn forget_fences(gateway: &Gateway, tenant: TenantId, tenant_key: &str) -> Result<u64, Error> {
    let now: Timestamp = gateway.now();
    let mut target_client = gateway.databases().target.client().await?;
    let scope = target::TenantScope { map: gateway.map(), tenant_key };
    target::forget_expired_fences(&mut target_client, scope, now).await?;
    drop(target_client);
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let forgotten = store::fence::forget_expired(&tx, now).await?;
    tx.commit().await?;
    Ok(forgotten)
}
