//! A correction: what the source says of an account replaces what the product has copied of it.
//!
//! ```text
//!  user_updated     the delivery says what is right now ───────────────────────────┐
//!  account_updated  says that something changed ─▶ the customer's site is asked ───┤─▶ target, by source time, behind the fence
//!                                                      └ nobody to ask ─▶ emptied ─┘        └─▶ signal, audit, event: one commit
//! ```
//!
//! Source: Atlassian, "User privacy guide for app developers": what was updated is asked again or erased. As for hours, the
//! target is written first; it knows by the source's time what is older, so running twice changes nothing.

use jiff::{SignedDuration, Timestamp};

use super::{
    Error, Gateway, audit,
    interpret::{finish, finish_plain, keep_minimized},
    offboard_tenant::{self, TenantStanding},
    person::{self, Named, Standing},
    poll::Halted,
    reconcile_hours, sources as registered,
};
use crate::{
    datamap::policy::WhenUntold,
    domain::{
        IdentityKind, JobId, Personal, SubjectId, SubjectKind, TenantId,
        event::{IgnoreReason, LifecycleEvent, NamedIdentity, Outcome, PersonSignal},
        job::JobKind,
        profile::Profile,
        request::RequestScope,
    },
    mapping,
    outbound::{CallFailure, jira_users},
    proof::audit::Fact,
    sealing::normalise,
    store::{self, TenantTx, event::ClaimedEvent, fence::Fence, subject::SignalRow},
    target::{self, PersonKey, Rectification, Rectified, TenantScope},
};

/// What a signal says about somebody.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) signal: PersonSignal,
    pub(super) identity: &'a NamedIdentity,
    pub(super) source_at: Option<Timestamp>,
    pub(super) profile: &'a Profile,
}

/// Corrects what the product has copied, then ends the event.
pub(super) async fn apply(
    gateway: &Gateway,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    said: Said<'_>,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let identity = said.identity;
    let Ok(normalised) = normalise(identity.kind, identity.value.expose_for("normalisation")) else {
        let outcome = Outcome::DeadLettered("invalid_field: identity".to_owned());
        return finish_plain(gateway, event, type_word, outcome).await;
    };
    let named = Named::new(gateway, event.tenant_id, identity.kind, &identity.issuer, normalised);
    let at = mapping::order_time(said.source_at, event.original_received_at);
    let (tenant_key, standing, fence) = look(gateway, event, &named, at).await?;
    if standing.is_gone() {
        let outcome = offboard_tenant::outcome_of_gone(gateway, event, &standing, at)?;
        return finish_plain(gateway, event, type_word, outcome).await;
    }
    if fence.is_some() {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::Fenced)).await;
    }
    if !is_known_there(gateway, &tenant_key, identity).await? {
        return nothing_is_copied(gateway, event, meaning, said.signal, &named, at).await;
    }
    let Some(profile) = what_is_right(gateway, event, said).await? else {
        return finish_plain(gateway, event, type_word, Outcome::Ignored(IgnoreReason::NothingTold)).await;
    };
    let written = write(gateway, &tenant_key, &named, identity, &profile, at).await?;
    gateway.crash().reach("rectify.after_target");
    let said = Said { profile: &profile, ..said };
    conclude(gateway, event, meaning, said, &named, at, written).await
}

/// Gives back what was taken from an account that was deactivated: it was made (again) since. Nothing when nothing was taken.
pub(super) async fn lift(
    gateway: &Gateway,
    tenant: TenantId,
    named: &Named,
    identity: &NamedIdentity,
    at: Timestamp,
) -> Result<(), Error> {
    if identity.kind != IdentityKind::AtlassianAccountId || !gateway.policy().rectification.deactivated_loses_access {
        return Ok(());
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tenant_key = store::tenant::stable_key(&TenantTx::begin(&mut client, tenant).await?).await?;
    drop(client);
    let active = Profile { is_active: Some(true), ..Profile::default() };
    write(gateway, &tenant_key, named, identity, &active, at).await?;
    Ok(())
}

/// Takes access away again from whoever is leaving, alone or with the whole customer: a deactivation may have been what kept
/// them out, and it is over. By jobs, in the transaction of the event.
pub(super) async fn keep_out_who_leaves(gateway: &Gateway, tx: &TenantTx<'_>, subject: SubjectId) -> Result<(), Error> {
    if !gateway.policy().rectification.deactivated_loses_access {
        return Ok(());
    }
    for leaving in [RequestScope::Subject(subject), RequestScope::Tenant] {
        if let Some(living) = store::request::living(tx, leaving).await? {
            let job = JobId::new(gateway.clock(), gateway.entropy());
            store::job::insert_or_restart(tx, job, JobKind::AccessOff, living, gateway.now()).await?;
        }
    }
    Ok(())
}

/// Ends an event about somebody of whom the product has no copy. What has changed since is of no interest any more.
async fn nothing_is_copied(
    gateway: &Gateway,
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

/// The key the target knows the tenant by, the tenant's standing, and the fence if it is in the way.
async fn look(
    gateway: &Gateway,
    event: &ClaimedEvent,
    named: &Named,
    at: Timestamp,
) -> Result<(String, TenantStanding, Option<Box<Fence>>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    let standing = offboard_tenant::standing(&tx, at).await?;
    Ok((tenant_key, standing, person::lock(&tx, named, at).await?.fence()))
}

/// What the product should say. `None` when nobody knows it and the policy leaves things as they are.
async fn what_is_right(gateway: &Gateway, event: &ClaimedEvent, said: Said<'_>) -> Result<Option<Profile>, Error> {
    if !said.profile.is_empty() {
        return Ok(Some(said.profile.clone()));
    }
    match ask_site(gateway, event, &said.identity.value).await? {
        Some(profile) => Ok(Some(profile)),
        None if said.signal != PersonSignal::AccountUpdated => Ok(None),
        None => Ok(match gateway.policy().rectification.when_untold {
            WhenUntold::Keep => None,
            WhenUntold::Blank => Some(blank(gateway)),
        }),
    }
}

/// Of somebody whom the product does not know there is nothing to correct, and nobody is asked.
async fn is_known_there(gateway: &Gateway, tenant_key: &str, identity: &NamedIdentity) -> Result<bool, Error> {
    let mut client = gateway.databases().target.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    Ok(!target::kinds_known(&mut client, scope, identity.kind, &identity.value).await?.is_empty())
}

/// Everything that the product may have copied, without a value.
fn blank(gateway: &Gateway) -> Profile {
    let root = gateway.map().subjects.get(kind(gateway));
    let attributes = root.map(|root| root.profile.keys().map(|attribute| (*attribute, None)).collect());
    Profile { attributes: attributes.unwrap_or_default(), is_active: None }
}

fn kind(gateway: &Gateway) -> &SubjectKind {
    &gateway.policy().jira_subject
}

/// Asks the customer's site, by whatever credentials there are for it. `None` when there are none, when they are refused, and
/// when the site knows nobody of this id.
async fn ask_site(
    gateway: &Gateway,
    event: &ClaimedEvent,
    account_id: &Personal<String>,
) -> Result<Option<Profile>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let now = gateway.now();
    let tokens_since = now - SignedDuration::from_hours(registered::INSTALLATION_TOKEN_HOURS);
    let mut sources = store::poll::sources(&queue, now, tokens_since).await?;
    drop(queue);
    sources.retain(|source| {
        source.tenant_id == event.tenant_id && source.has_credentials && reconcile_hours::can_ask(source)
    });
    for source in &sources {
        let answer = match reconcile_hours::access(gateway, source).await {
            Ok(access) => {
                let call = jira_users::user(&access.client, &access.base, &access.authorization, account_id);
                let destination = format!("users of {} {}", source.name, source.holder);
                gateway.call_backs().breaker().guard(&destination, call).await.map_err(Halted::from)
            }
            Err(halted) => Err(halted),
        };
        match answer {
            Ok(profile) => return Ok(profile),
            Err(Halted::Ours(error)) => return Err(error),
            Err(Halted::Call(failure)) => given_up(&source.name, &failure)?,
        }
    }
    Ok(None)
}

/// What can be mended by waiting is waited for: the event comes again. Of what cannot, the next way is tried.
fn given_up(source: &str, failure: &CallFailure) -> Result<(), Error> {
    if failure.is_transient() {
        return Err(Error::Busy("the site cannot be asked about the account just now"));
    }
    tracing::warn!(source, error = %failure, "the site does not tell what is right about an account");
    Ok(())
}

async fn write(
    gateway: &Gateway,
    tenant_key: &str,
    named: &Named,
    identity: &NamedIdentity,
    profile: &Profile,
    told_at: Timestamp,
) -> Result<Rectified, Error> {
    let person = PersonKey { kind: kind(gateway).clone(), identities: vec![(identity.kind, identity.value.clone())] };
    let digests = named.target_digests();
    let is_active = profile.is_active.filter(|_| gateway.policy().rectification.deactivated_loses_access);
    let said =
        Rectification { person: &person, digests: &digests, told_at, attributes: &profile.attributes, is_active };
    let mut client = gateway.databases().target.client().await?;
    let scope = TenantScope { map: gateway.map(), tenant_key };
    Ok(target::rectify(&mut client, scope, &said).await?)
}

/// Signal, minimized record, audit entry and outcome in one commit.
async fn conclude(
    gateway: &Gateway,
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
    let standing = offboard_tenant::standing(&tx, at).await?;
    if standing.is_gone() {
        // Our fence is committed and its mirror in the target may not be yet; the purge finds what was written before it.
        let outcome = offboard_tenant::outcome_of_gone(gateway, event, &standing, at)?;
        return finish(gateway, tx, event, type_word, outcome).await;
    }
    let generation = match person::lock(&tx, named, at).await? {
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
            return Err(Error::Busy("the target's fence is about to be opened"));
        }
    };
    let (subject, key) = person::find_or_make(gateway, &tx, named, kind(gateway), generation).await?;
    let row = SignalRow { signal: said.signal, source_at: at, arrived_at: event.original_received_at };
    store::subject::insert_signal(&tx, subject, row, event.body_event_id).await?;
    keep_minimized(gateway, &tx, event, subject, &key, meaning).await?;
    if said.signal == PersonSignal::AccountUpdated {
        store::subject::set_refreshed(&tx, subject, at).await?;
    }
    if said.profile.is_active == Some(true) {
        keep_out_who_leaves(gateway, &tx, subject).await?;
    }
    if let Rectified::Applied { rows, access } = written
        && rows + access > 0
    {
        let facts = [("rows", Fact::Count(rows)), ("access", Fact::Count(access))];
        audit::record(gateway, &tx, audit::WORKER, "profile.rectified", subject, facts).await?;
    }
    finish(gateway, tx, event, type_word, outcome).await
}
