//! Key epochs: begun, living keys re-wrapped, the old one destroyed.

use jiff::SignedDuration;

use crate::{
    app::{
        ground::{Ground, error::Error},
        upkeep::swept::ROUNDS_MAX,
    },
    domain::TenantId,
    store::{self, TenantTx},
};

/// Subject keys re-wrapped in one transaction.
const REWRAP_KEYS_MAX: i64 = 500;

/// Begins a new key epoch when the old one is over, re-wraps the living keys, destroys the old epoch.
pub async fn rotate_epoch(gateway: &Ground, tenant: TenantId) -> Result<u64, Error> {
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
