//! Hours from worklogs: written into the product database with their version, never against the fence.

use crate::app::ground::fence;

use jiff::Timestamp;

use crate::{
    app::{
        ground::{
            Ground,
            error::Error,
            fence::{mirror, person::Standing},
            identities::{self, Named},
        },
        interpretation::{
            ending::{self, finish, finish_plain},
            issue_hierarchy,
            reading::keep_minimized,
        },
    },
    domain::{
        IdentityKind, Issuer,
        event::{IgnoreReason, LifecycleEvent, Malformed, Outcome},
        reason::WaitReason,
        worklog::WorklogChange,
    },
    product::{self, WorklogWritten},
    sealing::normalise,
    store::{self, TenantTx, event::ClaimedEvent, fence::Fence},
};

/// Writes the hours, then ends the event. The product database's row carries the version, so running twice changes nothing.
pub(in crate::app) async fn apply(
    gateway: &Ground,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    change: &WorklogChange,
) -> Result<Option<Outcome>, Error> {
    let type_word = Some(meaning.type_word());
    let author = match change {
        WorklogChange::Removed { .. } => None,
        WorklogChange::Logged(entry) => {
            let kind = IdentityKind::AtlassianAccountId;
            let Ok(normalised) = normalise(kind, entry.author_account_id.expose_for("normalisation")) else {
                let outcome = Outcome::dead_lettered(Malformed::InvalidField("worklog.author.accountId"));
                return finish_plain(gateway, event, type_word, outcome).await;
            };
            Some((Named::new(gateway, event.tenant_id, kind, &Issuer::Universal, normalised), entry.updated_at))
        }
    };
    let digests = author.as_ref().map(|(named, _)| named.product_digests()).unwrap_or_default();
    let (tenant_key, standing) = look(gateway, event, author.as_ref()).await?;
    if let Some(fence) = standing {
        // Our own fence is the truth: the product database is given it (again) before it is asked to write, so that a product database that
        // has lost its mirror cannot let an erased person in.
        mirror::mirror(gateway, &tenant_key, &[*fence]).await?;
    }
    let mut product_client = gateway.databases().product.client().await?;
    let scope = product::TenantScope { map: gateway.map(), tenant_key: &tenant_key };
    let policy = gateway.policy().behind_fence;
    let written = product::write_worklog(&mut product_client, scope, change, &digests, policy).await?;
    drop(product_client);
    gateway.crash().reach("interpret.after_product_write");
    if written == WorklogWritten::TenantGone {
        return end_as_gone(gateway, event, meaning, change).await;
    }
    if let WorklogChange::Logged(entry) = change {
        issue_hierarchy::settle(gateway, event.tenant_id, &tenant_key, &entry.issue_id).await?;
    }
    let outcome = outcome_of(written);
    let Some((named, updated_at)) = author else {
        return finish_plain(gateway, event, type_word, outcome).await;
    };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let standing = fence::tenant::standing(&tx, updated_at).await?;
    if standing.is_gone() {
        // Our fence is committed and its mirror in the product database may not be yet; the erasure finds what was written before it.
        let outcome = ending::outcome_of_gone(gateway, event, &standing, updated_at)?;
        return finish(gateway, tx, event, type_word, outcome).await;
    }
    match fence::person::lock(&tx, &named, updated_at).await? {
        Standing::Free { generation } => {
            let kind = &gateway.policy().jira_subject;
            let (subject, key) = identities::find_or_make(gateway, &tx, &named, kind, generation).await?;
            keep_minimized(gateway, &tx, event, subject, &key, meaning).await?;
        }
        // Our fence is committed and its mirror in the product database may not be yet: come back when it is, and then the hours
        // are applied without the person.
        Standing::Behind(_) if matches!(written, WorklogWritten::Applied { .. }) => {
            return Err(Error::later(WaitReason::ErasureBegins));
        }
        Standing::Behind(_) => {}
    }
    finish(gateway, tx, event, type_word, outcome).await
}

/// The product database has refused the hours, because everything of the tenant is gone.
async fn end_as_gone(
    gateway: &Ground,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    change: &WorklogChange,
) -> Result<Option<Outcome>, Error> {
    let changed_at = match change {
        WorklogChange::Logged(entry) => entry.updated_at,
        WorklogChange::Removed { removed_at, .. } => *removed_at,
    };
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let standing = fence::tenant::standing(&tx, changed_at).await?;
    let outcome = ending::outcome_of_gone(gateway, event, &standing, changed_at)?;
    finish(gateway, tx, event, Some(meaning.type_word()), outcome).await
}

/// The key the product database knows the tenant by, and our fence if it stands in the author's way, in one short transaction.
async fn look(
    gateway: &Ground,
    event: &ClaimedEvent,
    author: Option<&(Named, Timestamp)>,
) -> Result<(String, Option<Box<Fence>>), Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    let standing = match author {
        None => None,
        Some((named, updated_at)) => fence::person::lock(&tx, named, *updated_at).await?.fence(),
    };
    Ok((tenant_key, standing))
}

fn outcome_of(written: WorklogWritten) -> Outcome {
    match written {
        WorklogWritten::Applied { linked: true } => Outcome::Applied("hours_recorded"),
        WorklogWritten::Applied { linked: false } => Outcome::Applied("hours_recorded_unlinked"),
        WorklogWritten::AppliedWithoutPerson => Outcome::Applied("hours_recorded_without_person"),
        WorklogWritten::Stale => Outcome::Ignored(IgnoreReason::StaleVersion),
        WorklogWritten::Refused => Outcome::Ignored(IgnoreReason::Fenced),
        WorklogWritten::TenantGone => Outcome::Ignored(IgnoreReason::TenantGone),
    }
}
