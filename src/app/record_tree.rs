//! Projects and issues that go and come back: their hours follow by our own ledger, because nobody tells of them.
//!
//! First the ledger is committed, then the target follows, then the event ends. Hours that arrive late ask the ledger after
//! they were written ([`settle`]). So whichever of the two comes first, one of them sees the other.

use jiff::Timestamp;

use super::{
    Error, Gateway,
    interpret::{finish, finish_plain},
    offboard_tenant,
};
use crate::{
    domain::{
        TenantId,
        event::{IgnoreReason, LifecycleEvent, Outcome},
        tree::TreeChange,
    },
    store::{self, TenantTx, event::ClaimedEvent},
    target,
};

/// Issues whose hours are changed in one statement of the target.
const ISSUES_PER_BATCH: i64 = 200;
/// Batches of one project: as many issues as Jira allows in one, and a bound all the same.
const BATCHES_MAX: usize = 50_000;

/// Applies a change of the tree and ends the event. Running twice changes nothing.
pub(super) async fn apply(
    gateway: &Gateway,
    event: &ClaimedEvent,
    meaning: &LifecycleEvent,
    change: &TreeChange,
) -> Result<Option<Outcome>, Error> {
    if gateway.map().worklog_sink.is_none() {
        // A product without hours has nothing that follows an issue.
        let outcome = Outcome::Ignored(IgnoreReason::PolicyNothingFollows);
        return finish_plain(gateway, event, Some(meaning.type_word()), outcome).await;
    }
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, event.tenant_id).await?;
    let tenant_key = store::tenant::stable_key(&tx).await?;
    if offboard_tenant::standing(&tx, change.at()).await?.is_gone() {
        let outcome = Outcome::Ignored(IgnoreReason::TenantGone);
        return finish(gateway, tx, event, Some(meaning.type_word()), outcome).await;
    }
    remember(&tx, change).await?;
    tx.commit().await?;
    drop(client);
    gateway.crash().reach("interpret.after_ledger");
    let place = Place { gateway, tenant: event.tenant_id, tenant_key: &tenant_key };
    let changed = match change {
        TreeChange::IssueSeen { issue_id, .. } | TreeChange::IssueDeleted { issue_id, .. } => {
            place.settle_issue(issue_id).await?
        }
        TreeChange::ProjectDeleted { project_id, .. } | TreeChange::ProjectRestored { project_id, .. } => {
            place.settle_project(project_id).await?
        }
    };
    let outcome = match change {
        TreeChange::IssueSeen { .. } => Outcome::Applied("issue_recorded"),
        TreeChange::IssueDeleted { .. } | TreeChange::ProjectDeleted { .. } if changed > 0 => {
            Outcome::Applied("hours_removed")
        }
        TreeChange::ProjectRestored { .. } if changed > 0 => Outcome::Applied("hours_restored"),
        TreeChange::IssueDeleted { .. } | TreeChange::ProjectDeleted { .. } | TreeChange::ProjectRestored { .. } => {
            Outcome::Applied("tree_recorded")
        }
    };
    finish_plain(gateway, event, Some(meaning.type_word()), outcome).await
}

async fn remember(tx: &TenantTx<'_>, change: &TreeChange) -> Result<(), Error> {
    match change {
        TreeChange::IssueSeen { issue_id, project_id, at } => {
            store::tree::issue_seen(tx, issue_id, project_id, *at).await?;
        }
        TreeChange::IssueDeleted { issue_id, project_id, at } => {
            if let Some(project_id) = project_id {
                store::tree::issue_seen(tx, issue_id, project_id, *at).await?;
            }
            store::tree::issue_deleted(tx, issue_id, *at).await?;
        }
        TreeChange::ProjectDeleted { project_id, at } => store::tree::project_deleted(tx, project_id, *at).await?,
        TreeChange::ProjectRestored { project_id, at } => store::tree::project_restored(tx, project_id, *at).await?,
    }
    Ok(())
}

/// After hours were written: marks them as removed when their issue is gone already.
pub(super) async fn settle(gateway: &Gateway, tenant: TenantId, tenant_key: &str, issue: &str) -> Result<u64, Error> {
    Place { gateway, tenant, tenant_key }.settle_issue(issue).await
}

/// One tenant, here and in the target.
struct Place<'a> {
    gateway: &'a Gateway,
    tenant: TenantId,
    tenant_key: &'a str,
}

impl Place<'_> {
    /// Makes the target say of one issue's hours what the ledger says.
    async fn settle_issue(&self, issue: &str) -> Result<u64, Error> {
        let mut client = self.gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, self.tenant).await?;
        let gone_since = store::tree::gone_since(&tx, issue).await?;
        drop(tx);
        drop(client);
        match gone_since {
            None => Ok(0),
            Some(at) => self.mark(&[issue.to_owned()], at).await,
        }
    }

    /// The same for all issues of a project.
    async fn settle_project(&self, project: &str) -> Result<u64, Error> {
        let mut after = String::new();
        let mut changed = 0;
        for _ in 0..BATCHES_MAX {
            let mut client = self.gateway.databases().tenant.client().await?;
            let tx = TenantTx::begin(&mut client, self.tenant).await?;
            let known = store::tree::project(&tx, project).await?;
            let issues = store::tree::issues_of_project(&tx, project, &after, ISSUES_PER_BATCH).await?;
            drop(tx);
            drop(client);
            let (Some(known), Some(last)) = (known, issues.last()) else { break };
            let ids: Vec<String> = issues.iter().map(|issue| issue.issue_id.clone()).collect();
            changed += match known.gone_since() {
                Some(at) => self.mark(&ids, at).await?,
                None => self.restore(&ids, &known.deletions).await?,
            };
            // An issue that is gone by itself stays gone when its project comes back.
            for issue in issues.iter().filter(|_| known.gone_since().is_none()) {
                if let Some(at) = issue.deleted_at {
                    self.mark(std::slice::from_ref(&issue.issue_id), at).await?;
                }
            }
            after.clone_from(&last.issue_id);
        }
        Ok(changed)
    }

    async fn mark(&self, issues: &[String], at: Timestamp) -> Result<u64, Error> {
        let mut client = self.gateway.databases().target.client().await?;
        let scope = target::TenantScope { map: self.gateway.map(), tenant_key: self.tenant_key };
        Ok(target::mark_issue_hours_removed(&mut client, scope, issues, at).await?)
    }

    async fn restore(&self, issues: &[String], removed_at: &[Timestamp]) -> Result<u64, Error> {
        let mut client = self.gateway.databases().target.client().await?;
        let scope = target::TenantScope { map: self.gateway.map(), tenant_key: self.tenant_key };
        Ok(target::restore_issue_hours(&mut client, scope, issues, removed_at).await?)
    }
}
