//! Interpreting a pending event: its meaning, and its consequences in one commit.
//!
//! One path for new, retried and replayed events, and it asks the fence. A signed event is a fact: whatever cannot be
//! understood becomes a dead letter that names the field, and is never lost.

use crate::{
    app::{
        ground::error::Error,
        interpretation::{
            correction,
            ending::finish_plain,
            hours, issue_hierarchy, person_signal,
            reading::{Reading, read},
            route_to_tenants, tenant_signal,
        },
        polling::Polling,
    },
    datamap::policy::Consequence,
    domain::{
        TenantId,
        event::{IgnoreReason, LifecycleEvent, Outcome},
        job::ATTEMPTS_HARD_MAX,
        metric,
        reason::WorkReason,
    },
    store::event::ClaimedEvent,
};

/// Interprets one event and commits its consequences. `None` when another worker has taken it meanwhile. An event that has
/// crashed too many attempts becomes a dead letter instead: it may be what kills its workers.
pub async fn interpret(gateway: &Polling, event: &ClaimedEvent) -> Result<Option<Outcome>, Error> {
    gateway.crash().reach("interpret.after_claim");
    let outcome = if event.lost_attempts >= ATTEMPTS_HARD_MAX {
        finish_plain(gateway, event, None, Outcome::dead_lettered(WorkReason::TakenTooOften)).await?
    } else {
        match read(gateway, event).await? {
            Reading::Forgotten => finish_plain(gateway, event, None, Outcome::Ignored(IgnoreReason::Forgotten)).await?,
            Reading::Malformed(malformed) => {
                finish_plain(gateway, event, None, Outcome::dead_lettered(malformed)).await?
            }
            Reading::Understood(meaning, raw) if event.tenant_id == TenantId::PLATFORM => {
                route_to_tenants::apply(gateway.intake(), event, &meaning, &raw).await?
            }
            Reading::Understood(meaning, _) => apply(gateway, event, &meaning).await?,
        }
    };
    gateway.crash().reach("interpret.after_commit");
    if let Some(outcome) = &outcome {
        metrics::counter!(metric::EVENTS_TOTAL, "outcome" => outcome.word()).increment(1);
        gateway.wake_workers();
    }
    Ok(outcome)
}

async fn apply(gateway: &Polling, event: &ClaimedEvent, meaning: &LifecycleEvent) -> Result<Option<Outcome>, Error> {
    match meaning {
        LifecycleEvent::Irrelevant(reason) => {
            finish_plain(gateway, event, Some(meaning.type_word()), Outcome::Ignored(*reason)).await
        }
        LifecycleEvent::Person { signal, identity, source_at, profile }
            if gateway.policy().signals.get(signal) == Some(&Consequence::Rectify) =>
        {
            let said = correction::Said { signal: *signal, identity, source_at: *source_at, profile };
            correction::apply(gateway, event, meaning, said).await
        }
        LifecycleEvent::Person { signal, identity, source_at, profile: _ } => {
            person_signal::apply_signal(gateway, event, meaning, *signal, identity, *source_at).await
        }
        LifecycleEvent::Worklog(change) => hours::apply(gateway, event, meaning, change).await,
        LifecycleEvent::Tenant { signal, installation, source_at } => {
            tenant_signal::apply(gateway, event, meaning, *signal, installation.as_deref(), *source_at).await
        }
        LifecycleEvent::Tree(change) => issue_hierarchy::apply(gateway, event, meaning, change).await,
    }
}
