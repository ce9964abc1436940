//! A signal about a tenant: one more piece of evidence, weighed with all others in one commit.

use jiff::Timestamp;

use crate::{
    app::{
        ground::{Ground, error::Error},
        interpretation::ending::{finish, finish_plain, outcome_of_gone},
        offboarding::{
            evidence::{enter, evidence, weigh},
            timeline::OpenedBy,
        },
    },
    domain::event::{LifecycleEvent, Outcome, TenantSignal},
    mapping,
    store::{TenantTx, event::ClaimedEvent},
};

/// Applies a signal about the tenant in one commit. `None` when another worker has taken the event.
pub(in crate::app) async fn apply(
    gateway: &Ground,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    signal: TenantSignal,
    installation: Option<&str>,
    source_at: Option<Timestamp>,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let arrived_at = event.original_received_at;
    let at = mapping::order_time(source_at, arrived_at);
    let evidence = evidence(signal.into(), installation, at, arrived_at);
    let standing = enter(gateway, event.tenant_id, &evidence).await?;
    if standing.is_gone() {
        let outcome = outcome_of_gone(gateway, event, &standing, at)?;
        return finish_plain(gateway, event, type_word, outcome).await;
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let outcome = weigh(gateway, &tx, evidence, OpenedBy::signal(Some(event.body_event_id))).await?;
    finish(gateway, tx, event, type_word, outcome).await
}
