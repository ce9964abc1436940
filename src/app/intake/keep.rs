//! Making a verified event durable: digested, sealed, committed; recognised when it comes again.

use jiff::Timestamp;

use crate::{
    app::{
        ground::error::Error,
        intake::{
            Intake, commit,
            commit_queue::{Committed, NotCommitted},
            delivery::IDENTIFIER_REUSED,
            raw::RawDelivery,
        },
    },
    domain::{EventId, SourceId, TenantId, caller::TokenUse},
    sealing::{Aad, KeyedDigest},
    store::{
        intake::{CommittedKey, IncomingEvent, UsedToken},
        keys::BodyKeyPurpose,
    },
};

/// A verified event about to be kept.
pub(in crate::app) struct Verified<'a> {
    /// Who sent it.
    pub(in crate::app) source_id: SourceId,
    /// Whose it is.
    pub(in crate::app) tenant_id: TenantId,
    /// What makes it the same event when it comes again; `None` where only the bytes can tell.
    pub(in crate::app) identifier: Option<&'a [u8]>,
    /// True when other bytes under the identifier are the same event.
    pub(in crate::app) is_identity: bool,
    /// The token it came with, which works once.
    pub(in crate::app) token: Option<&'a TokenUse>,
    /// When what it is made from arrived; `None` for now. Deadlines and the order of what has no source time count from it.
    pub(in crate::app) original_received_at: Option<Timestamp>,
    /// What is sealed.
    pub(in crate::app) raw: RawDelivery,
}

/// What became of a verified event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Kept {
    /// It is a new event.
    New(EventId),
    /// It was committed before, as this event.
    Before(EventId),
    /// Its token was used before; nothing was committed.
    Replayed,
    /// Nothing is known to be committed; the sender must repeat.
    Unavailable,
}

/// Keeps an event. Returns when it is durable.
pub(in crate::app) async fn keep(gateway: &Intake, verified: Verified<'_>) -> Result<Kept, Error> {
    let (event, older) = prepare(gateway, verified).await?;
    match committed_under_older_key(gateway, event.source_id, &older).await? {
        Some(Before::Same(event_id)) => return Ok(Kept::Before(event_id)),
        Some(Before::AnotherBody) => return Ok(keep_conflict(gateway, event).await),
        None => {}
    }
    let event_id = event.event_id;
    Ok(match commit::commit(gateway, event).await {
        Ok(Committed::New) => Kept::New(event_id),
        Ok(Committed::Duplicate(before)) => Kept::Before(before),
        Ok(Committed::Conflict(event)) => keep_conflict(gateway, *event).await,
        Ok(Committed::Replayed) => Kept::Replayed,
        Err(NotCommitted::QueueFull | NotCommitted::Database) => Kept::Unavailable,
    })
}

/// The same identifier with another body: kept and flagged under a key of its own, never run.
async fn keep_conflict(gateway: &Intake, event: IncomingEvent) -> Kept {
    let mut named = b"identifier reused".to_vec();
    named.extend_from_slice(&event.key_digest);
    named.extend_from_slice(&event.body_digest);
    let key = gateway.vault().digest_delivery(event.source_id, &named);
    let event_id = event.event_id;
    let flagged = IncomingEvent {
        key_digest: key.digest,
        digest_key_id: key.key_id,
        // Its token is recorded already: the conflict was found by the commit that recorded it.
        token: None,
        dead_letter_reason: Some(IDENTIFIER_REUSED),
        ..event
    };
    match commit::commit(gateway, flagged).await {
        Ok(Committed::New | Committed::Conflict(_)) => Kept::New(event_id),
        Ok(Committed::Duplicate(before)) => Kept::Before(before),
        Ok(Committed::Replayed) | Err(_) => Kept::Unavailable,
    }
}

/// What the digests of a delivery are under an older digest key.
struct OlderDigests {
    key: [u8; 32],
    body: [u8; 32],
}

/// What was committed under the same identifier before a rotation of the digest keys.
enum Before {
    /// This very delivery.
    Same(EventId),
    /// A delivery with another body.
    AnotherBody,
}

/// After a rotation of the digest keys a redelivery may be known under an older key.
async fn committed_under_older_key(
    gateway: &Intake,
    source: SourceId,
    older: &[OlderDigests],
) -> Result<Option<Before>, Error> {
    if older.is_empty() {
        return Ok(None);
    }
    let wanted: Vec<_> = older.iter().map(|digests| (source, digests.key)).collect();
    let found = commit::find_older(gateway, &wanted).await?;
    // Digests compare only under the same key.
    let is_same = |before: &CommittedKey| {
        older.iter().any(|ours| before.key_digest == ours.key && before.body_digest == ours.body)
    };
    let same = found.iter().find(|before| is_same(before));
    Ok(same.map(|before| Before::Same(before.event_id)).or(found.first().map(|_| Before::AnotherBody)))
}

/// The digests of an event under every living key, current first: of what identifies it, and of its body. Where the
/// identifier is the event, whatever bytes come under it are the same body.
fn digests(gateway: &Intake, verified: &Verified<'_>) -> Vec<(KeyedDigest, KeyedDigest)> {
    let (ring, source) = (gateway.vault(), verified.source_id);
    let keys = verified.identifier.map(|identifier| ring.digest_delivery_all(source, identifier));
    let bodies = match &keys {
        Some(keys) if verified.is_identity => keys.clone(),
        Some(_) | None => ring.digest_body_all(source, verified.raw.body()),
    };
    // Both lists begin with the current key and go through the ring in the same order.
    keys.unwrap_or_else(|| bodies.clone()).into_iter().zip(bodies).collect()
}

/// Digests and seals an event. Its plain bytes are gone afterwards.
async fn prepare(gateway: &Intake, verified: Verified<'_>) -> Result<(IncomingEvent, Vec<OlderDigests>), Error> {
    let received_at = gateway.now();
    let body_day = gateway.today();
    let event_id = EventId::new(gateway.clock(), gateway.entropy());
    let mut digests = digests(gateway, &verified).into_iter();
    let (key, body) = digests.next().ok_or(Error::Missing("a digest key"))?;
    let older = digests.map(|(key, body)| OlderDigests { key: key.digest, body: body.digest }).collect();
    let body_key = gateway
        .vault()
        .body_key(BodyKeyPurpose::Delivery, body_day, true)
        .await?
        .ok_or(Error::Missing("the day's body key"))?;
    let token = verified.token.map(|token| UsedToken {
        digest: gateway.vault().digest_delivery(verified.source_id, &token_name(token)).digest,
        expires_at: token.expires_at,
    });
    let aad = body_aad("event_body", verified.source_id, event_id);
    let event = IncomingEvent {
        event_id,
        source_id: verified.source_id,
        tenant_id: verified.tenant_id,
        received_at,
        key_digest: key.digest,
        digest_key_id: key.key_id,
        body_digest: body.digest,
        body_bytes: i32::try_from(verified.raw.body().len()).unwrap_or(i32::MAX),
        body_day,
        sealed: body_key.seal(&aad, verified.raw.as_bytes(), gateway.entropy()),
        token,
        original_received_at: verified.original_received_at.unwrap_or(received_at),
        dead_letter_reason: None,
    };
    Ok((event, older))
}

/// A token's id among the names of deliveries. A rotation of the digest keys forgets it, and the token's own seconds bound
/// what that is worth.
fn token_name(token: &TokenUse) -> Vec<u8> {
    let mut name = b"token ".to_vec();
    name.extend_from_slice(token.id.as_bytes());
    name
}

/// Where a sealed body belongs: its table, its source and its event.
pub(in crate::app) fn body_aad(table: &str, source: SourceId, event: EventId) -> Aad {
    let mut row = source.uuid().as_bytes().to_vec();
    row.extend_from_slice(event.uuid().as_bytes());
    Aad::new(table, None, &row, "sealed")
}
