//! How an event ends: its outcome is committed with its consequences, and of a dead letter the raw body is kept longer.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::{Ground, error::Error, fence::tenant::TenantStanding},
        intake::keep::body_aad,
        interpretation::reading::{body_table, read_raw},
    },
    domain::{
        event::{IgnoreReason, Outcome},
        reason::WaitReason,
    },
    store::{self, TenantTx, event::ClaimedEvent, keys::BodyKeyPurpose},
};

/// Ends an event that has no consequence for a person. Of a dead letter, whatever made it one, a copy of the raw body is
/// kept longer, under a key of its own.
pub(in crate::app) async fn finish_plain(
    gateway: &Ground,
    event: &ClaimedEvent,
    type_word: Option<&str>,
    outcome: Outcome,
) -> Result<Option<Outcome>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    if matches!(outcome, Outcome::DeadLettered(_)) {
        keep_dead_letter(gateway, &tx, event).await?;
    }
    finish(gateway, tx, event, type_word, outcome).await
}

/// What cannot be read any more cannot be kept; that must not keep the event from ending.
async fn keep_dead_letter(gateway: &Ground, tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<(), Error> {
    let raw = match read_raw(gateway, tx, event).await {
        Ok(Some(raw)) => raw,
        Ok(None) => return Ok(()),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            tracing::warn!(event = %event.event_id, error = %error.chain(), "the dead letter's body cannot be kept");
            return Ok(());
        }
    };
    let Some(key) = gateway.vault().body_key(BodyKeyPurpose::DeadLetter, event.body_day, true).await? else {
        return Ok(());
    };
    let aad = body_aad(body_table(BodyKeyPurpose::DeadLetter), event.source_id, event.body_event_id);
    let sealed = key.seal(&aad, &raw, gateway.entropy());
    store::event::keep_dead_letter(tx, event, &sealed).await?;
    Ok(())
}

/// Ends an event in the transaction of its consequences and commits. `None` when another worker has taken the event:
/// then nothing is committed.
pub(in crate::app) async fn finish(
    gateway: &Ground,
    tx: TenantTx<'_>,
    event: &ClaimedEvent,
    type_word: Option<&str>,
    outcome: Outcome,
) -> Result<Option<Outcome>, Error> {
    let now: Timestamp = gateway.now();
    if !store::event::finish(&tx, event, type_word, &outcome, now).await? {
        return Ok(None);
    }
    gateway.crash().reach("interpret.before_commit");
    tx.commit().await?;
    Ok(Some(outcome))
}

/// What becomes of an event in whose way the tenant's fence stands: it is ignored; but when it has happened after the
/// departure that the fence covers, and no return is known, the installation may only be late, and the event is given back
/// for [`RETURN_WAIT`].
pub(in crate::app) fn outcome_of_gone(
    gateway: &Ground,
    event: &ClaimedEvent,
    standing: &TenantStanding,
    source_at: Timestamp,
) -> Result<Outcome, Error> {
    if let TenantStanding::Gone(Some(fence)) = standing
        && fence.returned_at.is_none()
        && source_at > fence.covers_until
        && gateway.now().duration_since(event.original_received_at) < RETURN_WAIT
    {
        return Err(Error::later(WaitReason::InstallationLate));
    }
    Ok(Outcome::Ignored(IgnoreReason::TenantGone))
}

/// How long after its arrival an event that may be a returned tenant's waits for the installation that says so.
const RETURN_WAIT: SignedDuration = SignedDuration::from_hours(24);
