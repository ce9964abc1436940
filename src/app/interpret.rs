//! Interpreting a pending event: its meaning, and its consequences in one commit.
//!
//! One path for new, retried and replayed events, and it asks the fence. A signed event is a fact: whatever cannot be
//! understood becomes a dead letter that names the field, and is never lost.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{
    Error, Gateway,
    accept_event::{RawDelivery, body_aad},
    fan_out, offboard, offboard_tenant, record_hours, record_tree, rectify, sources as registered,
};
use crate::{
    datamap::policy::Consequence,
    domain::{
        TenantId,
        event::{IgnoreReason, LifecycleEvent, Malformed, Outcome},
        job::{ATTEMPTS_HARD_MAX, EVENT_ATTEMPTS_MAX, EVENT_RETRY_AGE_MAX, TAKEN_TOO_OFTEN, retry_delay_ms},
        metric,
    },
    sealing::{Aad, open, seal},
    sources::{self, SourceSettings, contract, contract::Stored},
    store::{self, TenantTx, event::ClaimedEvent, keys::BodyKeyPurpose, source::SourceFacts},
};

/// Takes up to `limit` due events.
pub async fn claim(gateway: &Gateway, limit: i64) -> Result<Vec<ClaimedEvent>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::claim(&queue, limit, gateway.now(), gateway.leases().event_seconds).await?)
}

/// Extends the lease of an event: what concerns many issues or many tenants takes longer than one lease. False when another
/// worker has taken it.
pub async fn heartbeat(gateway: &Gateway, event: &ClaimedEvent) -> Result<bool, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::heartbeat(&queue, event, gateway.leases().event_seconds).await?)
}

/// Interprets one event and commits its consequences. `None` when another worker has taken it meanwhile. An event that has
/// ended too many attempts without a word becomes a dead letter instead: it may be what kills its workers.
pub async fn interpret(gateway: &Gateway, event: &ClaimedEvent) -> Result<Option<Outcome>, Error> {
    gateway.crash().reach("interpret.after_claim");
    let outcome = if event.lost_attempts >= ATTEMPTS_HARD_MAX {
        finish_plain(gateway, event, None, Outcome::DeadLettered(TAKEN_TOO_OFTEN.to_owned())).await?
    } else {
        match read(gateway, event).await? {
            Reading::Forgotten => finish_plain(gateway, event, None, Outcome::Ignored(IgnoreReason::Forgotten)).await?,
            Reading::Malformed(malformed) => {
                finish_plain(gateway, event, None, Outcome::DeadLettered(malformed.to_string())).await?
            }
            Reading::Understood(meaning, raw) if event.tenant_id == TenantId::PLATFORM => {
                fan_out::apply(gateway, event, &meaning, &raw).await?
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

/// Why an attempt at an event did not end it.
#[derive(Debug, Clone, Copy)]
pub enum Setback<'a> {
    /// It failed.
    Failed(&'a Error),
    /// It panicked.
    Panicked,
}

impl Setback<'_> {
    /// True when the same attempt may succeed later, without anybody doing anything about the event.
    fn is_transient(self) -> bool {
        match self {
            Self::Failed(error) => error.is_transient(),
            Self::Panicked => false,
        }
    }

    fn sentence(self) -> String {
        match self {
            Self::Failed(error) => error.to_string(),
            Self::Panicked => "an attempt panicked".to_owned(),
        }
    }
}

/// Gives an event back to be taken again, or dead-letters it: after [`EVENT_ATTEMPTS_MAX`] failures of its own, or when
/// databases have been away for [`EVENT_RETRY_AGE_MAX`]. An outage never uses up attempts. True when it was dead-lettered.
pub async fn give_back(gateway: &Gateway, event: &ClaimedEvent, why: Setback<'_>) -> Result<bool, Error> {
    let is_transient = why.is_transient();
    let is_over = if is_transient {
        gateway.now().duration_since(event.received_at) >= EVENT_RETRY_AGE_MAX
    } else {
        event.failures + 1 >= EVENT_ATTEMPTS_MAX
    };
    if is_over {
        let outcome = Outcome::DeadLettered(shorten(&format!("gave_up: {}", why.sentence()), 200));
        if let Some(outcome) = finish_plain(gateway, event, None, outcome).await? {
            metrics::counter!(metric::EVENTS_TOTAL, "outcome" => outcome.word()).increment(1);
        }
        return Ok(true);
    }
    let delay_ms = retry_delay_ms(u32::try_from(event.attempt).unwrap_or(0), gateway.chance());
    let delay = jiff::SignedDuration::from_millis(i64::try_from(delay_ms).unwrap_or(i64::MAX));
    let queue = gateway.databases().queue.client().await?;
    store::event::postpone(&queue, event, gateway.now() + delay, i32::from(!is_transient)).await?;
    Ok(false)
}

pub(super) fn shorten(text: &str, bytes: usize) -> String {
    let end = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= bytes).last();
    text[..end.unwrap_or(0)].to_owned()
}

enum Reading {
    /// With the raw delivery, which is empty where only the minimized record was left.
    Understood(LifecycleEvent, Zeroizing<Vec<u8>>),
    Malformed(Malformed),
    Forgotten,
}

async fn read(gateway: &Gateway, event: &ClaimedEvent) -> Result<Reading, Error> {
    let source = registered::facts(gateway, event.source_id).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let Some(raw) = read_raw(gateway, &tx, event).await? else { return read_minimized(gateway, &tx, event).await };
    let (context, body) = RawDelivery::parts_of(&raw).ok_or(Error::Missing("a readable delivery"))?;
    Ok(match meaning(&source, context, body)? {
        Ok(meaning) => Reading::Understood(meaning, raw),
        Err(malformed) => Reading::Malformed(malformed),
    })
}

/// What a delivery says, in the terms of its sender.
fn meaning(source: &SourceFacts, context: &[u8], body: &[u8]) -> Result<Result<LifecycleEvent, Malformed>, Error> {
    let settings = SourceSettings::parse(source.kind, &source.settings)
        .map_err(|_| Error::Missing("settings of the source that this version can read"))?;
    let (site_host, project) = (source.site_host.as_deref(), settings.project().unwrap_or_default());
    Ok((contract(source.kind).interpret)(&Stored { context, body, site_host, project }))
}

/// The raw delivery, while it is kept and its key lives.
async fn read_raw(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    event: &ClaimedEvent,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    if let Some(sealed) = store::event::read_body(tx, event).await?
        && let Some(raw) = open_body(gateway, event, BodyKeyPurpose::Delivery, &sealed).await?
    {
        return Ok(Some(raw));
    }
    match store::event::read_dead_letter_body(tx, event).await? {
        Some(sealed) => open_body(gateway, event, BodyKeyPurpose::DeadLetter, &sealed).await,
        None => Ok(None),
    }
}

async fn open_body(
    gateway: &Gateway,
    event: &ClaimedEvent,
    purpose: BodyKeyPurpose,
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    // Days of dead letters have keys of their own; a destroyed key is the same as no body.
    let Some(key) = gateway.vault().body_key(purpose, event.body_day, false).await? else { return Ok(None) };
    let aad = body_aad(body_table(purpose), event.source_id, event.body_event_id);
    Ok(Some(open(&key, &aad, sealed)?))
}

fn body_table(purpose: BodyKeyPurpose) -> &'static str {
    match purpose {
        BodyKeyPurpose::Delivery => "event_body",
        BodyKeyPurpose::DeadLetter => "dead_letter_body",
    }
}

/// Without its raw body an event is read from the minimized record, while its person's key lives.
async fn read_minimized(gateway: &Gateway, tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<Reading, Error> {
    for (subject, sealed) in store::subject::minimized(tx, event.body_event_id).await? {
        let Some(key) = gateway.vault().subject_key(tx, subject).await? else { continue };
        let bytes = open(&key, &minimized_aad(tx, event, subject), &sealed)?;
        if let Some(meaning) = sources::minimized::from_minimized(&bytes) {
            return Ok(Reading::Understood(meaning, Zeroizing::new(Vec::new())));
        }
    }
    Ok(Reading::Forgotten)
}

fn minimized_aad(tx: &TenantTx<'_>, event: &ClaimedEvent, subject: crate::domain::SubjectId) -> Aad {
    let mut row = event.body_event_id.uuid().as_bytes().to_vec();
    row.extend_from_slice(subject.uuid().as_bytes());
    Aad::new("minimized_event", Some(tx.tenant().uuid()), &row, "sealed")
}

/// Keeps what is needed of an event about a person, sealed under that person's key.
pub(super) async fn keep_minimized(
    gateway: &Gateway,
    tx: &TenantTx<'_>,
    event: &ClaimedEvent,
    subject: crate::domain::SubjectId,
    key: &crate::sealing::SecretKey,
    meaning: &LifecycleEvent,
) -> Result<(), Error> {
    let Some(plaintext) = sources::minimized::minimize(meaning) else { return Ok(()) };
    let sealed = seal(key, &minimized_aad(tx, event, subject), &plaintext, gateway.entropy());
    store::subject::insert_minimized(tx, event.body_event_id, subject, &sealed).await?;
    Ok(())
}

async fn apply(gateway: &Gateway, event: &ClaimedEvent, meaning: &LifecycleEvent) -> Result<Option<Outcome>, Error> {
    match meaning {
        LifecycleEvent::Irrelevant(reason) => {
            finish_plain(gateway, event, Some(meaning.type_word()), Outcome::Ignored(*reason)).await
        }
        LifecycleEvent::Person { signal, identity, source_at, profile }
            if gateway.policy().signals.get(signal) == Some(&Consequence::Rectify) =>
        {
            let said = rectify::Said { signal: *signal, identity, source_at: *source_at, profile };
            rectify::apply(gateway, event, meaning, said).await
        }
        LifecycleEvent::Person { signal, identity, source_at, profile: _ } => {
            offboard::apply_signal(gateway, event, meaning, *signal, identity, *source_at).await
        }
        LifecycleEvent::Worklog(change) => record_hours::apply(gateway, event, meaning, change).await,
        LifecycleEvent::Tenant { signal, installation, source_at } => {
            offboard_tenant::apply(gateway, event, meaning, *signal, installation.as_deref(), *source_at).await
        }
        LifecycleEvent::Tree(change) => record_tree::apply(gateway, event, meaning, change).await,
    }
}

/// Ends an event that has no consequence for a person. Of a dead letter, whatever made it one, a copy of the raw body is
/// kept longer, under a key of its own.
pub(super) async fn finish_plain(
    gateway: &Gateway,
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
async fn keep_dead_letter(gateway: &Gateway, tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<(), Error> {
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
    let sealed = seal(&key, &aad, &raw, gateway.entropy());
    store::event::keep_dead_letter(tx, event, &sealed).await?;
    Ok(())
}

/// Ends an event in the transaction of its consequences and commits. `None` when another worker has taken the event:
/// then nothing is committed.
pub(super) async fn finish(
    gateway: &Gateway,
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
