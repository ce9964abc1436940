//! Accepting a delivery: look the source up, verify the bytes as they arrive, seal, commit, answer.
//!
//! Promises (DESIGN 3): acknowledged means committed; an answer of "unauthorized" is given only when the credential was
//! loaded and the comparison failed, or the source certainly does not exist; every inability of ours is "unavailable".

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    Error, Gateway,
    commit_events::{self, NotCommitted},
    sources::{self, LoadedSource},
};
use crate::{
    domain::{EventId, SourceId, reply::SenderReply},
    sealing::{Aad, seal},
    signature::{HubSignature, HubVerifier, Refusal},
    sources::jira,
    store::{
        intake::{IncomingEvent, Stored},
        keys::BodyKeyPurpose,
    },
};

/// The largest body that Jira sends (Atlassian: larger ones are not delivered), in bytes.
pub const EVENT_BODY_BYTES_MAX: usize = 25 * 1024 * 1024;
/// The longest name that a source can have, in bytes.
const SOURCE_NAME_BYTES_MAX: usize = 63;
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
    headers: DeliveryHeaders,
    body: Vec<u8>,
}

/// Begins a delivery before its body is read. `Err` is the final answer.
pub async fn begin(gateway: &Gateway, source_name: &str, headers: DeliveryHeaders) -> Result<Arriving, Accepted> {
    if !could_be_a_name(source_name) {
        return Err(Accepted::refused(Refusal::UnknownSource));
    }
    let source = match sources::look_up(gateway, source_name).await {
        Ok(Some(source)) => source,
        Ok(None) => return Err(Accepted::refused(Refusal::UnknownSource)),
        Err(error) => return Err(unable(&error)),
    };
    let claimed =
        HubSignature::from_headers(headers.signatures.iter().map(Vec::as_slice)).map_err(Accepted::refused)?;
    let verifier = HubVerifier::new(claimed, &source.secrets).map_err(Accepted::refused)?;
    Ok(Arriving { name: source_name.to_owned(), source, claimed, verifier, headers, body: Vec::new() })
}

/// Unknown names are looked up and remembered, and whoever calls chooses them: long ones would fill the memory, and the
/// database refuses some characters, which would look like an inability of ours.
fn could_be_a_name(text: &str) -> bool {
    text.len() <= SOURCE_NAME_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unable(error: &Error) -> Accepted {
    tracing::warn!(error = %error.chain(), "a delivery could not be taken");
    Accepted::unavailable()
}

impl Arriving {
    /// Takes the next bytes of the body. `Err` is the final answer.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Accepted> {
        if self.body.len() + bytes.len() > EVENT_BODY_BYTES_MAX {
            return Err(SenderReply::TooLarge.into());
        }
        self.verifier.update(bytes);
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the delivery: verify, seal, commit. Returns when it is durable, or refused.
    pub async fn finish(self, gateway: &Gateway) -> Accepted {
        let Self { name, mut source, claimed, verifier, headers, body } = self;
        if verifier.finish().is_err() {
            match verify_again(gateway, &name, claimed, &body).await {
                Ok(read_again) => source = read_again,
                Err(accepted) => return accepted,
            }
        }
        if is_outside_window(gateway, &source, &body) {
            return Accepted::refused(Refusal::StaleTimestamp);
        }
        match accept(gateway, &source, &headers, &body).await {
            Ok(accepted) => accepted,
            Err(error) => unable(&error),
        }
    }
}

/// A mismatch may mean that the secret was rotated a moment ago: the source is read once more.
async fn verify_again(
    gateway: &Gateway,
    name: &str,
    claimed: HubSignature,
    body: &[u8],
) -> Result<Arc<LoadedSource>, Accepted> {
    let source = match sources::look_again(gateway, name).await {
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
    headers: &DeliveryHeaders,
    body: &[u8],
) -> Result<Accepted, Error> {
    let event = prepare(gateway, source, headers, body).await?;
    if let Some(before) = committed_under_older_key(gateway, source.source_id, headers, body).await? {
        return Ok(duplicate(before));
    }
    match commit_events::commit(gateway, event.clone()).await {
        Ok(Stored::New) => Ok(Accepted {
            reply: SenderReply::Accepted,
            refusal: None,
            event_id: Some(event.event_id),
            is_duplicate: false,
        }),
        Ok(Stored::Duplicate(before)) => Ok(duplicate(before)),
        Ok(Stored::Conflict(_)) => keep_conflict(gateway, source, headers, body).await,
        Err(NotCommitted::QueueFull | NotCommitted::Database) => Ok(Accepted::unavailable()),
    }
}

fn duplicate(before: EventId) -> Accepted {
    Accepted { reply: SenderReply::Accepted, refusal: None, event_id: Some(before), is_duplicate: true }
}

/// The same identifier with another body: kept and flagged under a key of its own, never run.
async fn keep_conflict(
    gateway: &Gateway,
    source: &LoadedSource,
    headers: &DeliveryHeaders,
    body: &[u8],
) -> Result<Accepted, Error> {
    let event = prepare(gateway, source, headers, body).await?;
    let mut named = b"identifier reused".to_vec();
    named.extend_from_slice(&event.key_digest);
    named.extend_from_slice(&event.body_digest);
    let key = gateway.ring().digest_delivery(event.source_id, &named);
    let event_id = event.event_id;
    let flagged = IncomingEvent {
        key_digest: key.digest,
        digest_key_id: key.key_id,
        dead_letter_reason: Some("identifier_reused_with_another_body"),
        ..event
    };
    match commit_events::commit(gateway, flagged).await {
        Ok(Stored::New | Stored::Conflict(_)) => {
            Ok(Accepted { reply: SenderReply::Accepted, refusal: None, event_id: Some(event_id), is_duplicate: false })
        }
        Ok(Stored::Duplicate(before)) => Ok(duplicate(before)),
        Err(_) => Ok(Accepted::unavailable()),
    }
}

/// After a rotation of the digest keys a redelivery may be known under an older key.
async fn committed_under_older_key(
    gateway: &Gateway,
    source: SourceId,
    headers: &DeliveryHeaders,
    body: &[u8],
) -> Result<Option<EventId>, Error> {
    if gateway.ring().digest_ids().len() < 2 {
        return Ok(None);
    }
    let keys = match identifier_of(headers) {
        Some(identifier) => gateway.ring().digest_delivery_all(source, identifier),
        None => gateway.ring().digest_body_all(source, body),
    };
    let older: Vec<_> = keys.iter().skip(1).map(|key| (source, key.digest)).collect();
    Ok(commit_events::find_older(gateway, &older).await?.map(|(_, event)| event))
}

fn identifier_of(headers: &DeliveryHeaders) -> Option<&[u8]> {
    jira::delivery_identifier(headers.identifier.as_deref())
}

async fn prepare(
    gateway: &Gateway,
    source: &LoadedSource,
    headers: &DeliveryHeaders,
    body: &[u8],
) -> Result<IncomingEvent, Error> {
    let received_at = gateway.now();
    let body_day = gateway.today();
    let event_id = EventId::new(gateway.clock(), gateway.entropy());
    let body_digest = gateway.ring().digest_body(source.source_id, body);
    let key = match identifier_of(headers) {
        Some(identifier) => gateway.ring().digest_delivery(source.source_id, identifier),
        None => body_digest,
    };
    let body_key = gateway
        .vault()
        .body_key(BodyKeyPurpose::Delivery, body_day, true)
        .await?
        .ok_or(Error::Missing("the day's body key"))?;
    let plaintext = RawDelivery { headers, body }.encode();
    Ok(IncomingEvent {
        event_id,
        source_id: source.source_id,
        tenant_id: source.tenant_id,
        received_at,
        key_digest: key.digest,
        digest_key_id: key.key_id,
        body_digest: body_digest.digest,
        body_bytes: i32::try_from(body.len()).unwrap_or(i32::MAX),
        body_day,
        sealed: seal(&body_key, &body_aad("event_body", source.source_id, event_id), &plaintext, gateway.entropy()),
        dead_letter_reason: None,
    })
}

/// Where a sealed body belongs: its table, its source and its event.
pub(super) fn body_aad(table: &str, source: SourceId, event: EventId) -> Aad {
    let mut row = source.uuid().as_bytes().to_vec();
    row.extend_from_slice(event.uuid().as_bytes());
    Aad::new(table, None, &row, "sealed")
}

/// A raw delivery as it is sealed: the signature header needed to verify it again, and the exact bytes.
pub(super) struct RawDelivery<'a> {
    headers: &'a DeliveryHeaders,
    body: &'a [u8],
}

impl RawDelivery<'_> {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let signature = self.headers.signatures.first().map_or(&[][..], Vec::as_slice);
        let identifier = self.headers.identifier.as_deref().unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + signature.len() + identifier.len() + self.body.len()));
        for part in [signature, identifier] {
            bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(self.body);
        bytes
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
