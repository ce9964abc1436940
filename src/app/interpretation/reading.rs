//! Reading a pending event: its raw delivery while that is kept, its minimized record afterwards, and what it says.

use crate::app::ground::Ground;

use crate::app::registry;

use zeroize::Zeroizing;

use crate::{
    app::{
        ground::{error::Error, vault::OpenKey},
        intake::{keep::body_aad, raw::RawDelivery},
        registry::Registry,
    },
    domain::event::{LifecycleEvent, Malformed},
    sealing::Aad,
    sources::{self, SourceSettings, contract, contract::Stored},
    store::{self, TenantTx, event::ClaimedEvent, keys::BodyKeyPurpose, source::SourceFacts},
};

pub(in crate::app) enum Reading {
    /// With the raw delivery, which is empty where only the minimized record was left.
    Understood(LifecycleEvent, Zeroizing<Vec<u8>>),
    Malformed(Malformed),
    Forgotten,
}

pub(in crate::app) async fn read(gateway: &Registry, event: &ClaimedEvent) -> Result<Reading, Error> {
    let source = registry::facts(gateway, event.source_id).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let Some(raw) = read_raw(gateway, &tx, event).await? else { return read_minimized(gateway, &tx, event).await };
    let (context, body) = RawDelivery::parts_of(&raw).ok_or(Error::Unserializable { what: "the delivery" })?;
    Ok(match meaning(&source, context, body)? {
        Ok(meaning) => Reading::Understood(meaning, raw),
        Err(malformed) => Reading::Malformed(malformed),
    })
}

/// What a delivery says, in the terms of its sender.
fn meaning(source: &SourceFacts, context: &[u8], body: &[u8]) -> Result<Result<LifecycleEvent, Malformed>, Error> {
    let settings = SourceSettings::parse(source.kind, &source.settings)
        .map_err(|_| Error::Unserializable { what: "the source's settings" })?;
    let (site_host, project) = (source.site_host.as_deref(), settings.project().unwrap_or_default());
    Ok((contract(source.kind).interpret)(&Stored { context, body, site_host, project }))
}

/// The raw delivery, while it is kept and its key lives.
pub(in crate::app) async fn read_raw(
    gateway: &Ground,
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
    gateway: &Ground,
    event: &ClaimedEvent,
    purpose: BodyKeyPurpose,
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    // Days of dead letters have keys of their own; a destroyed key is the same as no body.
    let Some(key) = gateway.vault().body_key(purpose, event.body_day, false).await? else { return Ok(None) };
    let aad = body_aad(body_table(purpose), event.source_id, event.body_event_id);
    Ok(Some(key.open(&aad, sealed)?))
}

pub(in crate::app) fn body_table(purpose: BodyKeyPurpose) -> &'static str {
    match purpose {
        BodyKeyPurpose::Delivery => "event_body",
        BodyKeyPurpose::DeadLetter => "dead_letter_body",
    }
}

/// Without its raw body an event is read from the minimized record, while its person's key lives.
async fn read_minimized(gateway: &Ground, tx: &TenantTx<'_>, event: &ClaimedEvent) -> Result<Reading, Error> {
    for (subject, sealed) in store::subject::minimized(tx, event.body_event_id).await? {
        let Some(key) = gateway.vault().subject_key(tx, subject).await? else { continue };
        let bytes = key.open(&minimized_aad(tx, event, subject), &sealed)?;
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
pub(in crate::app) async fn keep_minimized(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    event: &ClaimedEvent,
    subject: crate::domain::SubjectId,
    key: &OpenKey,
    meaning: &LifecycleEvent,
) -> Result<(), Error> {
    let Some(plaintext) = sources::minimized::minimize(meaning) else { return Ok(()) };
    let sealed = key.seal(&minimized_aad(tx, event, subject), &plaintext, gateway.entropy());
    store::subject::insert_minimized(tx, event.body_event_id, subject, &sealed).await?;
    Ok(())
}
