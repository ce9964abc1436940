//! Accepting a delivery: look the source up, verify the bytes as they arrive, seal, commit, answer.
//!
//! Promises (DESIGN 3): acknowledged means committed; an answer of "unauthorized" is given only when the credential was
//! loaded and the comparison failed, or the source certainly does not exist; every inability of ours is "unavailable".

use std::{sync::Arc, time::Instant};

use zeroize::Zeroizing;

use super::{
    Error, Gateway,
    commit_events::{self, Committed, NotCommitted},
    sources::{self, LoadedSource},
};
use crate::{
    domain::{EventId, SourceId, reply::SenderReply},
    sealing::{Aad, seal},
    signature::{HubSignature, HubVerifier, Refusal},
    sources::jira,
    store::{
        intake::{CommittedKey, IncomingEvent},
        keys::BodyKeyPurpose,
    },
};

/// The largest body that Jira sends (Atlassian: larger ones are not delivered), in bytes.
pub const EVENT_BODY_BYTES_MAX: usize = 25 * 1024 * 1024;
/// The reason of an event that came under the identifier of another one with another body. It is kept and never runs.
pub(super) const IDENTIFIER_REUSED: &str = "identifier_reused_with_another_body";
/// How far ahead of its bytes the memory for a body grows, in bytes.
const GROWTH_BYTES_MAX: usize = 1024 * 1024;
/// What a sender should wait before it repeats, in seconds.
pub const RETRY_AFTER_SECONDS: u32 = 30;

const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

/// The headers of a delivery that matter.
#[derive(Debug, Clone, Default)]
pub struct DeliveryHeaders {
    /// Every value of `X-Hub-Signature`.
    pub signatures: Vec<Vec<u8>>,
    /// `X-Atlassian-Webhook-Identifier`.
    pub identifier: Option<Vec<u8>>,
}

/// How a delivery ended, for the sender and for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// What the sender is told.
    pub reply: SenderReply,
    /// Why it was refused; never told to the sender.
    pub refusal: Option<Refusal>,
    /// The event it became or repeated.
    pub event_id: Option<EventId>,
    /// True when it had been committed before.
    pub is_duplicate: bool,
}

impl Accepted {
    fn refused(refusal: Refusal) -> Self {
        let reply = if refusal.is_our_inability() { UNAVAILABLE } else { SenderReply::Unauthorized };
        Self { reply, refusal: Some(refusal), event_id: None, is_duplicate: false }
    }

    fn unavailable() -> Self {
        UNAVAILABLE.into()
    }
}

/// An answer that says nothing about the credential.
impl From<SenderReply> for Accepted {
    fn from(reply: SenderReply) -> Self {
        Self { reply, refusal: None, event_id: None, is_duplicate: false }
    }
}

/// A delivery whose source is known and whose body is arriving.
pub struct Arriving {
    name: String,
    source: Arc<LoadedSource>,
    claimed: HubSignature,
    verifier: HubVerifier,
    arrived_at: Instant,
    identifier: Option<Vec<u8>>,
    raw: RawDelivery,
    declared_bytes: Option<usize>,
}

/// Begins a delivery before its body is read. `Err` is the final answer.
pub async fn begin(gateway: &Gateway, source_name: &str, headers: DeliveryHeaders) -> Result<Arriving, Accepted> {
    let arrived_at = Instant::now();
    // Such a source certainly does not exist. Whoever calls chooses the name: long ones would fill the memory, and the
    // database refuses some characters, which would look like an inability of ours.
    if !sources::is_name(source_name) {
        return Err(Accepted::refused(Refusal::UnknownSource));
    }
    let claimed = HubSignature::from_headers(headers.signatures.iter().map(Vec::as_slice));
    let source = match sources::look_up(gateway, source_name, arrived_at, claimed.is_ok()).await {
        Ok(Some(source)) => source,
        Ok(None) => return Err(Accepted::refused(Refusal::UnknownSource)),
        Err(error) => return Err(unable(&error)),
    };
    let claimed = claimed.map_err(Accepted::refused)?;
    let verifier = HubVerifier::new(claimed, &source.secrets).map_err(Accepted::refused)?;
    let raw = RawDelivery::begin(&headers);
    let identifier = jira::delivery_identifier(headers.identifier.as_deref()).map(<[u8]>::to_vec);
    let name = source_name.to_owned();
    Ok(Arriving { name, source, claimed, verifier, arrived_at, identifier, raw, declared_bytes: None })
}

fn unable(error: &Error) -> Accepted {
    tracing::warn!(error = %error.chain(), "a delivery could not be taken");
    Accepted::unavailable()
}

impl Arriving {
    /// Tells how long the body will be, by the sender's word.
    pub fn expect_bytes(&mut self, declared: Option<usize>) {
        self.declared_bytes = declared;
    }

    /// Takes the next bytes of the body. `Err` is the final answer.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Accepted> {
        if self.raw.body().len() + bytes.len() > EVENT_BODY_BYTES_MAX {
            return Err(SenderReply::TooLarge.into());
        }
        self.verifier.update(bytes);
        self.raw.push(bytes, self.declared_bytes);
        Ok(())
    }

    /// Ends the delivery: verify, seal, commit. Returns when it is durable, or refused.
    pub async fn finish(self, gateway: &Gateway) -> Accepted {
        let Self { name, mut source, claimed, verifier, arrived_at, identifier, raw, .. } = self;
        if verifier.finish().is_err() {
            match verify_again(gateway, &name, arrived_at, claimed, raw.body()).await {
                Ok(read_again) => source = read_again,
                Err(accepted) => return accepted,
            }
        }
        if is_outside_window(gateway, &source, raw.body()) {
            return Accepted::refused(Refusal::StaleTimestamp);
        }
        match accept(gateway, &source, identifier.as_deref(), raw).await {
            Ok(accepted) => accepted,
            Err(error) => unable(&error),
        }
    }
}

/// A mismatch may mean that the secret was rotated a moment ago. It is final only by a reading that began after the
/// delivery had come.
async fn verify_again(
    gateway: &Gateway,
    name: &str,
    arrived_at: Instant,
    claimed: HubSignature,
    body: &[u8],
) -> Result<Arc<LoadedSource>, Accepted> {
    let source = match sources::look_again(gateway, name, arrived_at).await {
        Ok(Some(source)) => source,
        Ok(None) => return Err(Accepted::refused(Refusal::UnknownSource)),
        Err(error) => return Err(unable(&error)),
    };
    let mut verifier = HubVerifier::new(claimed, &source.secrets).map_err(Accepted::refused)?;
    verifier.update(body);
    verifier.finish().map_err(Accepted::refused)?;
    Ok(source)
}

/// Only the body's own timestamp is signed. A source with a window refuses what is older, and what does not tell its time.
fn is_outside_window(gateway: &Gateway, source: &LoadedSource, body: &[u8]) -> bool {
    source.replay_window.is_some_and(|window| {
        jira::body_timestamp(body).is_none_or(|at| !jira::within_replay_window(at, gateway.now(), window))
    })
}

async fn accept(
    gateway: &Gateway,
    source: &LoadedSource,
    identifier: Option<&[u8]>,
    raw: RawDelivery,
) -> Result<Accepted, Error> {
    let (event, older) = prepare(gateway, source, identifier, raw).await?;
    match committed_under_older_key(gateway, source.source_id, &older).await? {
        Some(Before::Same(event_id)) => return Ok(duplicate(event_id)),
        Some(Before::AnotherBody) => return Ok(keep_conflict(gateway, event).await),
        None => {}
    }
    let event_id = event.event_id;
    match commit_events::commit(gateway, event).await {
        Ok(Committed::New) => Ok(accepted(event_id)),
        Ok(Committed::Duplicate(before)) => Ok(duplicate(before)),
        Ok(Committed::Conflict(event)) => Ok(keep_conflict(gateway, *event).await),
        Err(NotCommitted::QueueFull | NotCommitted::Database) => Ok(Accepted::unavailable()),
    }
}

fn accepted(event_id: EventId) -> Accepted {
    Accepted { reply: SenderReply::Accepted, refusal: None, event_id: Some(event_id), is_duplicate: false }
}

fn duplicate(before: EventId) -> Accepted {
    Accepted { is_duplicate: true, ..accepted(before) }
}

/// The same identifier with another body: kept and flagged under a key of its own, never run.
async fn keep_conflict(gateway: &Gateway, event: IncomingEvent) -> Accepted {
    let mut named = b"identifier reused".to_vec();
    named.extend_from_slice(&event.key_digest);
    named.extend_from_slice(&event.body_digest);
    let key = gateway.ring().digest_delivery(event.source_id, &named);
    let event_id = event.event_id;
    let flagged = IncomingEvent {
        key_digest: key.digest,
        digest_key_id: key.key_id,
        dead_letter_reason: Some(IDENTIFIER_REUSED),
        ..event
    };
    match commit_events::commit(gateway, flagged).await {
        Ok(Committed::New | Committed::Conflict(_)) => accepted(event_id),
        Ok(Committed::Duplicate(before)) => duplicate(before),
        Err(_) => Accepted::unavailable(),
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
    gateway: &Gateway,
    source: SourceId,
    older: &[OlderDigests],
) -> Result<Option<Before>, Error> {
    if older.is_empty() {
        return Ok(None);
    }
    let wanted: Vec<_> = older.iter().map(|digests| (source, digests.key)).collect();
    let found = commit_events::find_older(gateway, &wanted).await?;
    // Digests compare only under the same key.
    let is_same = |before: &CommittedKey| {
        older.iter().any(|ours| before.key_digest == ours.key && before.body_digest == ours.body)
    };
    let same = found.iter().find(|before| is_same(before));
    Ok(same.map(|before| Before::Same(before.event_id)).or(found.first().map(|_| Before::AnotherBody)))
}

fn older_digests(gateway: &Gateway, source: SourceId, identifier: Option<&[u8]>, body: &[u8]) -> Vec<OlderDigests> {
    if gateway.ring().digest_ids().len() < 2 {
        return Vec::new();
    }
    let bodies = gateway.ring().digest_body_all(source, body);
    let keys = identifier.map_or_else(|| bodies.clone(), |text| gateway.ring().digest_delivery_all(source, text));
    // Both lists begin with the current key and go through the ring in the same order.
    keys.iter().zip(&bodies).skip(1).map(|(key, body)| OlderDigests { key: key.digest, body: body.digest }).collect()
}

/// Digests and seals a delivery. Its plain bytes are gone afterwards.
async fn prepare(
    gateway: &Gateway,
    source: &LoadedSource,
    identifier: Option<&[u8]>,
    raw: RawDelivery,
) -> Result<(IncomingEvent, Vec<OlderDigests>), Error> {
    let received_at = gateway.now();
    let body_day = gateway.today();
    let event_id = EventId::new(gateway.clock(), gateway.entropy());
    let body_digest = gateway.ring().digest_body(source.source_id, raw.body());
    let older = older_digests(gateway, source.source_id, identifier, raw.body());
    let key = match identifier {
        Some(identifier) => gateway.ring().digest_delivery(source.source_id, identifier),
        None => body_digest,
    };
    let body_key = gateway
        .vault()
        .body_key(BodyKeyPurpose::Delivery, body_day, true)
        .await?
        .ok_or(Error::Missing("the day's body key"))?;
    let aad = body_aad("event_body", source.source_id, event_id);
    let event = IncomingEvent {
        event_id,
        source_id: source.source_id,
        tenant_id: source.tenant_id,
        received_at,
        key_digest: key.digest,
        digest_key_id: key.key_id,
        body_digest: body_digest.digest,
        body_bytes: i32::try_from(raw.body().len()).unwrap_or(i32::MAX),
        body_day,
        sealed: seal(&body_key, &aad, raw.as_bytes(), gateway.entropy()),
        dead_letter_reason: None,
    };
    Ok((event, older))
}

/// Where a sealed body belongs: its table, its source and its event.
pub(super) fn body_aad(table: &str, source: SourceId, event: EventId) -> Aad {
    let mut row = source.uuid().as_bytes().to_vec();
    row.extend_from_slice(event.uuid().as_bytes());
    Aad::new(table, None, &row, "sealed")
}

/// A raw delivery as it is sealed: the signature header needed to verify it again, and the exact bytes. The body arrives
/// into it, so that nothing is copied before it is sealed.
pub(super) struct RawDelivery {
    bytes: Zeroizing<Vec<u8>>,
    body_at: usize,
}

impl RawDelivery {
    fn begin(headers: &DeliveryHeaders) -> Self {
        let signature = headers.signatures.first().map_or(&[][..], Vec::as_slice);
        let identifier = headers.identifier.as_deref().unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + signature.len() + identifier.len()));
        for part in [signature, identifier] {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let body_at = bytes.len();
        Self { bytes, body_at }
    }

    /// Memory is taken for what has come and at most a mebibyte ahead of it: doubling would take twice the body, and taking
    /// what was declared would let a sender take memory by its word.
    fn push(&mut self, body: &[u8], declared_bytes: Option<usize>) {
        if self.bytes.capacity() - self.bytes.len() < body.len() {
            let ahead = declared_bytes.map_or(self.bytes.len(), |all| all.saturating_sub(self.body().len()));
            self.bytes.reserve_exact(ahead.min(GROWTH_BYTES_MAX).max(body.len()));
        }
        self.bytes.extend_from_slice(body);
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }

    /// The body within a sealed delivery; `None` when the bytes are not of this form.
    pub(super) fn body_of(bytes: &[u8]) -> Option<&[u8]> {
        let mut rest = bytes;
        for _ in 0..2 {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            rest = after.get(length..)?;
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> DeliveryHeaders {
        DeliveryHeaders { signatures: vec![b"sha256=aa".to_vec()], identifier: Some(b"id-1".to_vec()) }
    }

    #[test]
    fn a_body_that_came_in_pieces_is_found_again_in_what_is_sealed() {
        let mut raw = RawDelivery::begin(&headers());

        for piece in [b"one ".as_slice(), b"two ", b"", b"three"] {
            raw.push(piece, None);
        }

        assert_eq!(raw.body(), b"one two three");
        assert_eq!(RawDelivery::body_of(raw.as_bytes()), Some(raw.body()));
        assert_eq!(RawDelivery::body_of(&raw.as_bytes()[..6]), None);
    }

    #[test]
    fn memory_is_taken_for_bytes_that_came_and_little_more() {
        let chunk = vec![7_u8; 32 * 1024];
        for declared in [None, Some(8 * 1024 * 1024), Some(usize::MAX)] {
            let mut raw = RawDelivery::begin(&headers());

            for _ in 0..256 {
                raw.push(&chunk, declared);
                assert!(raw.bytes.capacity() <= raw.bytes.len() + GROWTH_BYTES_MAX, "{declared:?}");
            }

            assert_eq!(raw.body().len(), 8 * 1024 * 1024);
        }
        let mut small = RawDelivery::begin(&headers());
        small.push(&chunk, Some(chunk.len()));
        assert_eq!(small.bytes.capacity(), small.bytes.len());
    }
}
