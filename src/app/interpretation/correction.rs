//! A correction: what the source says of an account replaces what the product has copied of it.
//!
//! ```text
//!  user_updated     the delivery says what is right now ───────────────────────────┐
//!  account_updated  says that something changed ─▶ the tenant's site is asked ─────┤─▶ product database, by source time, behind the fence
//!                                   away: waited for ◀┘   └ nobody to ask ─▶ emptied ─┘      └─▶ signal, audit, event: one commit
//! ```
//!
//! Source: Atlassian, "User privacy guide for app developers": what was updated is asked again or erased. As for hours, the
//! product database is written first; it knows by the source's time what is older, so running twice changes nothing.

use crate::app::ground::Ground;

use crate::app::ground::fence;

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::{
            audit,
            error::Error,
            fence::{person::Standing, tenant::TenantStanding},
            identities::{self, Named},
        },
        interpretation::{
            ending::{self, finish, finish_plain},
            reading::keep_minimized,
        },
        polling::{Polling, site, turn::Halted},
    },
    datamap::policy::WhenSourceUnavailable,
    domain::{
        IdentityKind, Personal, SubjectKind, TenantId,
        event::{IgnoreReason, LifecycleEvent, Malformed, NamedIdentity, Outcome, PersonSignal},
        profile::Profile,
        reason::WaitReason,
    },
    mapping,
    outbound::{CallFailure, jira_users},
    product::{self, PersonKey, Rectification, Rectified, TenantScope},
    proof::audit::Fact,
    sealing::normalise,
    store::{self, TenantTx, event::ClaimedEvent, fence::Fence, poll::PollSource, subject::SignalRow},
};

/// How long a site is asked about an account before the policy says what becomes of what is out of date.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How far back an installation is looked for that brings tokens.
const TOKENS_LOOKED_BACK: SignedDuration = SignedDuration::from_hours(48);

/// What a signal says about somebody.
#[derive(Clone, Copy)]
pub(in crate::app) struct Said<'a> {
    pub(in crate::app) signal: PersonSignal,
    pub(in crate::app) identity: &'a NamedIdentity,
    pub(in crate::app) source_at: Option<Timestamp>,
    pub(in crate::app) profile: &'a Profile,
}

/// Corrects what the product has copied, then ends the event.
pub(in crate::app) async fn apply(
    gateway: &Polling,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    said: Said<'_>,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let identity = said.identity;
    let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("normalisation")) else {
        let outcome = Outcome::dead_lettered(Malformed::InvalidField("identity"));
        return finish_plain(gateway, event, type_word, outcome).await;
    };
    let named = Named::new(gateway, event.tenant_id, identity.kind, &identity.issuer, normalised);
    let at = rememberable(mapping::order_time(said.source_at, event.original_received_at));
    let (tenant_key, standing, fence) = look(gateway, event, &named, at).await?;
    if standing.is_gone() {
        let outcome = ending::outcome_of_gone(gateway, event, &standing, at)?;
        return finish_plain(gateway, event, type_word, outcome).await;
    }
    if fence.is_some() {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::Fenced)).await;
    }
    if !is_known_there(gateway, &tenant_key, identity).await? {
        return nothing_is_copied(gateway, event, meaning, said.signal, &named, at).await;
    }
    let Some((profile, is_said)) = what_is_right(gateway, event, said).await? else {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::NothingTold)).await;
    };
    let written = write(gateway, &tenant_key, &named, identity, (&profile, is_said), at).await?;
    gateway.crash().reach("rectify.after_product");
    conclude(gateway, event, meaning, said, &named, at, written).await
}

/// Gives back what was taken from an account that was deactivated: it was made (again) since. Nothing when nothing was taken.
pub(in crate::app) async fn lift(
    gateway: &Ground,
    tenant: TenantId,
    named: &Named,
    identity: &NamedIdentity,
    at: Timestamp,
) -> Result<(), Error> {
    if identity.kind != IdentityKind::AtlassianAccountId {
        return Ok(());
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tenant_key = store::tenant::stable_key(&TenantTx::begin(&mut client, tenant).await?).await?;
    drop(client);
    let active = Profile { is_active: Some(true), ..Profile::default() };
    write(gateway, &tenant_key, named, identity, (&active, true), rememberable(at)).await?;
    Ok(())
}

/// A time as a database keeps it: what is remembered is compared with what is told.
fn rememberable(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Ends an event about somebody of whom the product has no copy. What has changed since is of no interest any more.
async fn nothing_is_copied(
    gateway: &Polling,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    signal: PersonSignal,
    named: &Named,
    at: Timestamp,
) -> Result<Option<Outcome>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let found = store::subject::find_by_anchor(&tx, named.kind, &named.issuer, &named.digest_bytes()).await?;
    if let (Some((subject, _)), PersonSignal::AccountUpdated) = (found, signal) {
        store::subject::set_refreshed(&tx, subject, at).await?;
    }
    finish(gateway, tx, event, Some(meaning.type_word()), Outcome::Ignored(IgnoreReason::NobodyKnown)).await
}

/// The key the product database knows the tenant by, the tenant's standing, and the fence if it is in the way.
async fn look(
    gateway: &Polling,
    event: &ClaimedEvent,
    named: &Named,
    at: Timestamp,
) -> Result<(String, TenantStanding, Option<Box<Fence>>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    let standing = fence::tenant::standing(&tx, at).await?;
    Ok((tenant_key, standing, fence::person::lock(&tx, named, at).await?.fence()))
}

/// What the product should say, and whether somebody has said it. `None` when nobody knows it and the policy leaves things as
/// they are.
async fn what_is_right(
    gateway: &Polling,
    event: &ClaimedEvent,
    said: Said<'_>,
) -> Result<Option<(Profile, bool)>, Error> {
    if !said.profile.is_empty() {
        return Ok(Some((said.profile.clone(), true)));
    }
    match ask_site(gateway, event, &said.identity.value).await? {
        Answered::Told(profile) => return Ok(Some((profile, true))),
        Answered::NotNow if gateway.now().duration_since(event.original_received_at) < ASKED_FOR => {
            return Err(Error::later(WaitReason::SiteNotAsked));
        }
        Answered::NotNow | Answered::Never => {}
    }
    if said.signal != PersonSignal::AccountUpdated {
        return Ok(None);
    }
    Ok(match gateway.policy().rectification.when_source_unavailable {
        WhenSourceUnavailable::Keep => None,
        WhenSourceUnavailable::Blank => Some((blank(gateway), false)),
    })
}

/// Of somebody whom the product does not know there is nothing to correct, and nobody is asked.
async fn is_known_there(gateway: &Polling, tenant_key: &str, identity: &NamedIdentity) -> Result<bool, Error> {
    let mut client = gateway.databases().product.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    Ok(!product::kinds_known(&mut client, scope, identity.kind, &identity.value).await?.is_empty())
}

/// Everything that the product may have copied, without a value.
fn blank(gateway: &Polling) -> Profile {
    let root = gateway.map().subjects.get(kind(gateway));
    let attributes = root.map(|root| root.profile.keys().map(|attribute| (*attribute, None)).collect());
    Profile { attributes: attributes.unwrap_or_default(), is_active: None }
}

fn kind(gateway: &Ground) -> &SubjectKind {
    &gateway.policy().jira_subject
}

/// How a question about an account ended.
enum Answered {
    Told(Profile),
    /// There is nobody to ask, nobody lets us in, or nobody of this id is known.
    Never,
    /// Something that may be mended.
    NotNow,
}

/// Asks the tenant's site, by whatever credentials there are for it. One way that fails keeps no other from being tried.
async fn ask_site(gateway: &Polling, event: &ClaimedEvent, account_id: &Personal<String>) -> Result<Answered, Error> {
    let queue = gateway.databases().queue.client().await?;
    let now = gateway.now();
    // An installation whose last token is over will bring another one: that is not nobody.
    let mut sources = store::poll::sources(&queue, now, now - TOKENS_LOOKED_BACK).await?;
    drop(queue);
    sources.retain(|source| source.tenant_id == event.tenant_id && source.has_credentials && site::can_ask(source));
    let mut answered = Answered::Never;
    for source in &sources {
        match ask(gateway, source, account_id).await {
            Ok(Some(profile)) => return Ok(Answered::Told(profile)),
            Ok(None) | Err(Halted::Call(CallFailure::Refused { status: 401 | 403 })) => {}
            Err(halted) => {
                tracing::warn!(source = source.name, error = %halted, "the site does not tell what is right just now");
                answered = Answered::NotNow;
            }
        }
    }
    Ok(answered)
}

async fn ask(gateway: &Polling, source: &PollSource, account_id: &Personal<String>) -> Result<Option<Profile>, Halted> {
    let access = site::access(gateway, source).await?;
    let call = jira_users::user(&access.client, &access.base, &access.authorization, account_id);
    let destination = format!("users of {} {}", source.name, source.holder);
    Ok(gateway.outgoing().breaker().guard(&destination, call).await?)
}

async fn write(
    gateway: &Ground,
    tenant_key: &str,
    named: &Named,
    identity: &NamedIdentity,
    (profile, is_said): (&Profile, bool),
    told_at: Timestamp,
) -> Result<Rectified, Error> {
    let person = PersonKey { kind: kind(gateway).clone(), identities: vec![(identity.kind, identity.value.clone())] };
    let digests = named.product_digests();
    // What was taken is given back whatever the policy says by now.
    let takes = gateway.policy().rectification.deactivated_loses_access;
    let is_active = profile.is_active.filter(|is_active| *is_active || takes);
    let attributes = &profile.attributes;
    let said = Rectification { person: &person, digests: &digests, told_at, attributes, is_active, is_said };
    let mut client = gateway.databases().product.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    Ok(product::rectify(&mut client, scope, &said).await?)
}

/// Signal, minimized record, audit entry and outcome in one commit.
async fn conclude(
    gateway: &Polling,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    said: Said<'_>,
    named: &Named,
    at: Timestamp,
    written: Rectified,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let standing = fence::tenant::standing(&tx, at).await?;
    if standing.is_gone() {
        // Our fence is committed and its mirror in the product database may not be yet; the erasure finds what was written before it.
        let outcome = ending::outcome_of_gone(gateway, event, &standing, at)?;
        return finish(gateway, tx, event, type_word, outcome).await;
    }
    let generation = match fence::person::lock(&tx, named, at).await? {
        Standing::Free { generation } => generation,
        Standing::Behind(_) => {
            return finish(gateway, tx, event, type_word, Outcome::Ignored(IgnoreReason::Fenced)).await;
        }
    };
    let outcome = match written {
        Rectified::Applied { .. } => Outcome::Applied("rectified"),
        Rectified::Stale => Outcome::Ignored(IgnoreReason::StaleVersion),
        // Theirs stand and ours do not: the return that takes ours away is under way.
        Rectified::Refused | Rectified::TenantGone => {
            return Err(Error::later(WaitReason::FenceOpening));
        }
    };
    let (subject, key) = identities::find_or_make(gateway, &tx, named, kind(gateway), generation).await?;
    if said.signal == PersonSignal::AccountUpdated {
        // Nothing is decided from such a signal. Where something newer was told, the next cycle asks again.
        if matches!(written, Rectified::Applied { .. }) {
            store::subject::set_refreshed(&tx, subject, at).await?;
        }
    } else {
        let row = SignalRow { signal: said.signal, source_at: at, arrived_at: event.original_received_at };
        store::subject::insert_signal(&tx, subject, row, event.body_event_id).await?;
    }
    keep_minimized(gateway, &tx, event, subject, &key, meaning).await?;
    if let Rectified::Applied { rows, access } = written
        && rows + access > 0
    {
        let facts = [("rows", Fact::Count(rows)), ("access", Fact::Count(access))];
        audit::record(gateway, &tx, audit::WORKER, "profile.rectified", subject, facts).await?;
    }
    finish(gateway, tx, event, type_word, outcome).await
}
