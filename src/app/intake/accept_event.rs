//! Accepting a delivery: look the source up, verify the sender, take the bytes, seal, commit, answer.
//!
//! ```text
//! begin ─▶ source by name and kind ─▶ proof: a token is verified now, a signature is computed as bytes arrive
//! update ─▶ bytes, bounded
//! finish ─▶ proof holds? ─▶ registry::X says which events these are, and whose ─▶ keep (seal, one commit) ─▶ answer
//! ```
//!
//! Promises (docs/design.md, section 3): acknowledged means committed; an answer of "unauthorized" is given only when the
//! credential was loaded and the comparison failed, or the source certainly does not exist; every inability of ours is
//! "unavailable".

use crate::app::registry;

use std::{sync::Arc, time::Instant};

use crate::{
    app::{
        ground::error::Error,
        intake::{
            Intake, admit,
            delivery::{Accepted, Delivery},
            keep::{Kept, Verified, keep},
            proof::{self, Proof},
            raw::RawDelivery,
            rejections,
            waiting_rejections::Rejected,
        },
        registry::{CredentialKey, LoadedSource},
    },
    domain::{TenantId, caller::TokenUse, reply::SenderReply},
    signature::Rejection,
    sources::{
        Admitted, NotAdmitted, TenantRef, contract,
        contract::{Admission, Caller, Events, Received},
        jira,
    },
};

/// A delivery whose source is known and whose body is arriving.
pub struct Arriving {
    delivery: Delivery,
    source: Arc<LoadedSource>,
    proof: Proof,
    arrived_at: Instant,
    raw: RawDelivery,
    declared_bytes: Option<usize>,
    body_bytes_max: usize,
}

/// Begins a delivery before its body is read. `Err` is the final answer.
pub async fn begin(gateway: &Intake, delivery: Delivery) -> Result<Arriving, Accepted> {
    let arrived_at = Instant::now();
    let (known, result) = begin_known(gateway, delivery, arrived_at).await;
    result.map_err(|accepted| told(gateway, known, accepted))
}

/// Whether the name is a registered one decides what may be kept of it.
async fn begin_known(
    gateway: &Intake,
    delivery: Delivery,
    arrived_at: Instant,
) -> (Rejected, Result<Arriving, Accepted>) {
    let mut rejected = Rejected { kind: delivery.kind, source: None };
    // Such a source certainly does not exist. Whoever calls chooses the name: long ones would fill the memory, and the
    // database refuses some characters, which would look like an inability of ours.
    if !registry::is_name(&delivery.source) {
        return (rejected, Err(Accepted::refused(Rejection::UnknownSource)));
    }
    let claim = proof::claim(gateway, &delivery);
    let asked = CredentialKey { name: &delivery.source, holder: claim.as_ref().map_or("", proof::Claim::holder) };
    let mut source = match registry::look_up(gateway, asked, arrived_at, claim.is_ok()).await {
        // A source of another kind is no source under this route.
        Ok(Some(source)) if source.settings.kind() == delivery.kind => source,
        Ok(Some(_) | None) => return (rejected, Err(Accepted::refused(Rejection::UnknownSource))),
        Err(error) => return (rejected, Err(unable(&error))),
    };
    rejected.source = Some(delivery.source.clone());
    let mut begun = proof::begin(gateway, &source, &delivery, claim).await;
    if begun.as_ref().is_err_and(|rejection| proof::may_have_another_secret_by_now(&delivery, *rejection)) {
        source = match look_again(gateway, &delivery, arrived_at).await {
            Ok(source) => source,
            Err(accepted) => return (rejected, Err(accepted)),
        };
        begun = proof::begin(gateway, &source, &delivery, proof::claim(gateway, &delivery)).await;
    }
    let proof = match begun {
        Ok(proof) => proof,
        Err(rejection) => return (rejected, Err(Accepted::refused(rejection))),
    };
    let contract = contract(delivery.kind);
    let raw = match contract.admission {
        Admission::Whole { signature, identifier, .. } => {
            let first = |header| delivery.headers.all(header).next().unwrap_or_default();
            RawDelivery::begin(first(signature), first(identifier))
        }
        Admission::Events(_) | Admission::Nothing => RawDelivery::begin(&[], &[]),
    };
    let body_bytes_max = contract.inbound.as_ref().map_or(0, |inbound| inbound.body_bytes_max);
    (rejected, Ok(Arriving { delivery, source, proof, arrived_at, raw, declared_bytes: None, body_bytes_max }))
}

fn unable(error: &Error) -> Accepted {
    tracing::warn!(error = %error.chain(), "a delivery could not be taken");
    Accepted::unavailable()
}

/// Remembers which rule failed. What the sender is told does not change.
fn told(gateway: &Intake, rejected: Rejected, accepted: Accepted) -> Accepted {
    if let Some(rejection) = accepted.rejection {
        rejections::remember(gateway, rejected, rejection);
    }
    accepted
}

impl Arriving {
    /// Tells how long the body will be, by the sender's word.
    pub fn expect_bytes(&mut self, declared: Option<usize>) {
        self.declared_bytes = declared;
    }

    /// Takes the next bytes of the body. `Err` is the final answer.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Accepted> {
        if self.raw.body().len() + bytes.len() > self.body_bytes_max {
            return Err(SenderReply::TooLarge.into());
        }
        self.proof.update(bytes);
        self.raw.push(bytes, self.declared_bytes);
        Ok(())
    }

    /// Ends the delivery: verify, seal, commit. Returns when it is durable, or refused.
    pub async fn finish(self, gateway: &Intake) -> Accepted {
        let rejected = Rejected { kind: self.delivery.kind, source: Some(self.delivery.source.clone()) };
        let accepted = match self.finish_verified(gateway).await {
            Ok(accepted) | Err(accepted) => accepted,
        };
        told(gateway, rejected, accepted)
    }

    async fn finish_verified(self, gateway: &Intake) -> Result<Accepted, Accepted> {
        let Self { delivery, mut source, proof, arrived_at, raw, .. } = self;
        let caller = match proof.finish() {
            Ok(caller) => caller,
            // A mismatch may mean that the secret was rotated a moment ago. It is final only by a reading that began
            // after the delivery had come.
            Err(Rejection::Mismatch) => {
                source = look_again(gateway, &delivery, arrived_at).await?;
                proof::again(gateway, &source, &delivery, raw.body()).map_err(Accepted::refused)?
            }
            Err(rejection) => return Err(Accepted::refused(rejection)),
        };
        if is_outside_window(gateway, &source, raw.body()) {
            return Err(Accepted::refused(Rejection::StaleTimestamp));
        }
        let result = accept(gateway, &source, &delivery, &caller, raw).await;
        result.map_err(|error| unable(&error))
    }
}

async fn look_again(gateway: &Intake, delivery: &Delivery, arrived_at: Instant) -> Result<Arc<LoadedSource>, Accepted> {
    let claim = proof::claim(gateway, delivery).map_err(Accepted::refused)?;
    let asked = CredentialKey { name: &delivery.source, holder: claim.holder() };
    match registry::look_again(gateway, asked, arrived_at).await {
        Ok(Some(source)) if source.settings.kind() == delivery.kind => Ok(source),
        Ok(Some(_) | None) => Err(Accepted::refused(Rejection::UnknownSource)),
        Err(error) => Err(unable(&error)),
    }
}

/// Of a Jira webhook only the body's own timestamp is signed. A source with a window refuses what is older, and what does
/// not tell its time.
fn is_outside_window(gateway: &Intake, source: &LoadedSource, body: &[u8]) -> bool {
    let own_time = contract(source.settings.kind()).own_time;
    source.replay_window.is_some_and(|window| {
        let at = own_time.and_then(|read| read(body));
        at.is_none_or(|at| !jira::within_replay_window(at, gateway.now(), window))
    })
}

/// Keeps every event of a verified delivery. The sender is told that it was accepted only when all of them are durable; a
/// repetition then finds those that were, and keeps the others.
async fn accept(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    caller: &Caller,
    raw: RawDelivery,
) -> Result<Accepted, Error> {
    match contract(delivery.kind).admission {
        Admission::Nothing => Ok(Accepted::refused(Rejection::UnknownSource)),
        // Nothing is copied for it.
        Admission::Whole { identifier, believed, .. } => {
            let identifier = believed(delivery.headers.all(identifier).next());
            let verified = Verified {
                source_id: source.source_id,
                tenant_id: source.tenant_id,
                identifier,
                is_identity: false,
                token: None,
                original_received_at: None,
                raw,
            };
            Ok(answer(&[keep(gateway, verified).await?]))
        }
        Admission::Events(events) => accept_events(gateway, source, delivery, caller, &events, raw.body()).await,
    }
}

async fn accept_events(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    caller: &Caller,
    events: &Events,
    body: &[u8],
) -> Result<Accepted, Error> {
    let Delivery { headers, tail, query, .. } = delivery;
    let received = Received { caller, headers, tail, query, body, now: gateway.now() };
    let admitted = match (events.admit)(&received) {
        Ok(admitted) => admitted,
        Err(NotAdmitted::BodyDisagrees(_)) => return Ok(Accepted::refused(Rejection::BodyDisagrees)),
        Err(NotAdmitted::TooMany) => return Ok(SenderReply::TooLarge.into()),
        // It is authentic and cannot be understood: kept for a person to look at, because refusing it would only make the
        // sender repeat it.
        Err(NotAdmitted::Unreadable(_)) => vec![admit::unreadable(events, &received)],
    };
    let Ok(brought) = admit::brought(events, &received) else {
        return Ok(Accepted::refused(Rejection::BodyDisagrees));
    };
    let token = (events.used_up)(&received);
    let keeping = admitted.iter().map(|event| keep_one(gateway, source, token.as_ref(), event, body));
    // Together, so that they share a commit.
    let kept = futures_util::future::try_join_all(keeping).await?;
    if kept.iter().any(|kept| matches!(kept, Kept::New(_))) {
        // Should this fail, the sender is told so; it comes again with a new token and brings the same.
        admit::after_keeping(gateway, source, brought).await?;
    }
    Ok(answer(&kept))
}

async fn keep_one(
    gateway: &Intake,
    source: &LoadedSource,
    token: Option<&TokenUse>,
    event: &Admitted,
    body: &[u8],
) -> Result<Kept, Error> {
    let Admitted { identifier, is_identity, tenant, context, body: own } = event;
    let tenant_id = match tenant {
        TenantRef::Source => source.tenant_id,
        TenantRef::Platform => TenantId::PLATFORM,
        TenantRef::Key(key) => registry::tenant_of_key(gateway, key).await?,
    };
    let bytes = own.as_ref().map_or(body, |own| own.expose_for("sealing it"));
    let identifier = identifier.as_deref();
    let raw = RawDelivery::of(context, identifier.unwrap_or_default(), bytes);
    let source_id = source.source_id;
    let (is_identity, original_received_at) = (*is_identity, None);
    keep(gateway, Verified { source_id, tenant_id, identifier, is_identity, token, original_received_at, raw }).await
}

fn answer(kept: &[Kept]) -> Accepted {
    let mut event_id = None;
    let mut is_duplicate = true;
    for one in kept {
        match one {
            Kept::New(id) => {
                event_id = event_id.or(Some(*id));
                is_duplicate = false;
            }
            Kept::Before(id) => event_id = event_id.or(Some(*id)),
            Kept::Replayed => return Accepted::refused(Rejection::Replayed),
            Kept::Unavailable => return Accepted::unavailable(),
        }
    }
    Accepted { reply: SenderReply::Accepted, rejection: None, event_id, is_duplicate: is_duplicate && !kept.is_empty() }
}
