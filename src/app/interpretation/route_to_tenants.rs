//! Events of no tenant yet: finding whose they are, and handing each tenant an event of its own.
//!
//! One identity project may serve every tenant, and an app's installation may name itself only. Such an event is kept on the
//! platform; here it becomes one event in each tenant it concerns, with its own sealed body and its own outcome. Routing
//! twice changes nothing: an event is the same when it comes from the same one for the same tenant.

use crate::app::registry;

use crate::{
    app::{
        ground::{error::Error, identities::Named, tenants},
        intake::{
            Intake,
            keep::{Kept, Verified, keep},
            raw::RawDelivery,
        },
        interpretation::ending::finish_plain,
    },
    domain::{
        IdentityKind, TenantId,
        event::{IgnoreReason, LifecycleEvent, NamedIdentity, Outcome, PersonSignal},
        reason::{EventReason, WaitReason},
    },
    product,
    sealing::normalise,
    sources::{contract, contract::Tenancy},
    store::{self, TenantTx, event::ClaimedEvent, tenant::Tenant},
};

/// Hands a platform's event over to every tenant it concerns and ends it.
pub(in crate::app) async fn apply(
    gateway: &Intake,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    raw: &[u8],
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    if let LifecycleEvent::Irrelevant(reason) = meaning {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(*reason)).await;
    }
    let Some((context, body)) = RawDelivery::parts_of(raw) else {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::Forgotten)).await;
    };
    let source = registry::facts(gateway, event.source_id).await?;
    let tenants = if let Tenancy::OfInstallation(installation) = contract(source.kind).tenancy {
        let Some(tenant) = bound(gateway, event, installation(context)).await? else {
            let outcome = Outcome::dead_lettered(EventReason::UnboundInstallation);
            return finish_plain(gateway, event, type_word, outcome).await;
        };
        vec![tenant]
    } else {
        match meaning {
            LifecycleEvent::Person { signal, identity, .. } => who_knows(gateway, *signal, identity).await?,
            LifecycleEvent::Tenant { .. }
            | LifecycleEvent::Worklog(_)
            | LifecycleEvent::Tree(_)
            | LifecycleEvent::Irrelevant(_) => {
                let outcome = Outcome::dead_lettered(EventReason::NoTenant);
                return finish_plain(gateway, event, type_word, outcome).await;
            }
        }
    };
    if tenants.is_empty() {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::NobodyKnown)).await;
    }
    // The platform is nobody's: routing to it would go on for ever.
    for tenant in tenants.into_iter().filter(|tenant| *tenant != TenantId::PLATFORM) {
        route(gateway, event, tenant, (context, body)).await?;
    }
    gateway.crash().reach("interpret.after_routing");
    finish_plain(gateway, event, type_word, Outcome::Applied("routed_to_tenants")).await
}

async fn route(
    gateway: &Intake,
    event: &ClaimedEvent,
    tenant_id: TenantId,
    (context, body): (&[u8], &[u8]),
) -> Result<(), Error> {
    let identifier = format!("routed {} {tenant_id}", event.event_id);
    let kept = keep(
        gateway,
        Verified {
            source_id: event.source_id,
            tenant_id,
            identifier: Some(identifier.as_bytes()),
            is_identity: true,
            token: None,
            original_received_at: Some(event.original_received_at),
            raw: RawDelivery::of(context, identifier.as_bytes(), body),
        },
    )
    .await?;
    match kept {
        Kept::New(_) | Kept::Before(_) => Ok(()),
        Kept::Replayed | Kept::Unavailable => Err(Error::later(WaitReason::NotRouted)),
    }
}

async fn bound(gateway: &Intake, event: &ClaimedEvent, holder: Option<String>) -> Result<Option<TenantId>, Error> {
    let Some(holder) = holder else { return Ok(None) };
    let queue = gateway.databases().queue.client().await?;
    Ok(store::source::holder_tenant(&queue, event.source_id, &holder).await?)
}

/// The tenants in which we or the product know somebody of this identity. One short look into each: such events are rare, and
/// an index over all tenants would be a list of everybody.
///
/// A new account matters only where we know it already, as somebody who left or was erased: the product is not asked, because
/// strangers may sign up as often as they like.
async fn who_knows(gateway: &Intake, signal: PersonSignal, identity: &NamedIdentity) -> Result<Vec<TenantId>, Error> {
    let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("the digests it is found by")) else {
        return Ok(Vec::new());
    };
    let mut knowing = Vec::new();
    for tenant in tenants::list(gateway).await? {
        let named = Named::new(gateway, tenant.tenant_id, identity.kind, &identity.issuer, normalised.clone());
        let is_asked_there = signal != PersonSignal::UserCreated;
        if is_known_to_us(gateway, &tenant, &named).await?
            || (is_asked_there && is_known_there(gateway, &tenant, identity).await?)
        {
            knowing.push(tenant.tenant_id);
        }
    }
    Ok(knowing)
}

/// As a subject, or as somebody who was erased: an explicit return must find its fence.
async fn is_known_to_us(gateway: &Intake, tenant: &Tenant, named: &Named) -> Result<bool, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
    let digests = named.digest_bytes();
    if store::subject::find_by_anchor(&tx, named.kind, &named.issuer, &digests).await?.is_some() {
        return Ok(true);
    }
    Ok(store::fence::standing(&tx, named.kind, &named.issuer, &digests).await?.is_some())
}

async fn is_known_there(gateway: &Intake, tenant: &Tenant, identity: &NamedIdentity) -> Result<bool, Error> {
    if identity.kind == IdentityKind::Email {
        return Ok(false);
    }
    let mut client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant.stable_key };
    Ok(!product::kinds_known(&mut client, scope, identity.kind, &identity.value).await?.is_empty())
}
