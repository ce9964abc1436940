//! Projects and issues that go and come back: their hours follow by our own ledger, because nobody tells of them.
//!
//! First the ledger is committed, then the product database follows, then the event ends. Hours that arrive late ask the ledger after
//! they were written ([`settle`]). So whichever of the two comes first, one of them sees the other.
//!
//! Following means: the hours of an issue bear exactly the mark that the ledger says now, or none. Whoever has written that
//! reads the ledger again and ends only when it still says the same, so that of several workers the last to write has written
//! what stands. That an issue may have removed hours is committed before the hours are marked, so an issue that is there again, in whatever project,
//! is always followed back, and issues that never were gone cost the product database nothing.

use crate::app::ground::fence;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    app::{
        ground::{Ground, error::Error},
        interpretation::ending::{self, finish, finish_plain},
    },
    domain::{
        TenantId,
        event::{IgnoreReason, LifecycleEvent, Outcome},
        reason::WaitReason,
        tree::TreeChange,
    },
    product,
    store::{self, TenantTx, event::ClaimedEvent},
};

/// Issues whose hours are changed in one statement of the product database.
const ISSUES_PER_BATCH: i64 = 200;
/// Batches of one project: as many issues as Jira allows in one, and a bound all the same.
const BATCHES_MAX: usize = 50_000;
/// How often the product database is made to follow a ledger that keeps changing, before the event has to come again.
const FOLLOWINGS_MAX: usize = 5;

/// Applies a change of the tree and ends the event. Running twice changes nothing.
pub(in crate::app) async fn apply(
    gateway: &Ground,
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
    let standing = fence::tenant::standing(&tx, change.at()).await?;
    if standing.is_gone() {
        let outcome = ending::outcome_of_gone(gateway, event, &standing, change.at())?;
        return finish(gateway, tx, event, Some(meaning.type_word()), outcome).await;
    }
    remember(&tx, change).await?;
    tx.commit().await?;
    drop(client);
    gateway.crash().reach("interpret.after_ledger");
    let place = Place { gateway, tenant: event.tenant_id, tenant_key: &tenant_key };
    let followed = match change {
        TreeChange::IssueSeen { issue_id, .. } | TreeChange::IssueDeleted { issue_id, .. } => {
            place.settle_issue(issue_id).await?
        }
        TreeChange::ProjectDeleted { project_id, .. } | TreeChange::ProjectRestored { project_id, .. } => {
            place.settle_project(project_id).await?
        }
    };
    let outcome = match change {
        TreeChange::IssueSeen { .. } => Outcome::Applied("issue_recorded"),
        TreeChange::IssueDeleted { .. } | TreeChange::ProjectDeleted { .. } if followed.removed > 0 => {
            Outcome::Applied("hours_removed")
        }
        TreeChange::ProjectRestored { .. } if followed.restored > 0 => Outcome::Applied("hours_restored"),
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

/// After hours were written: makes them say of their issue what the ledger says.
pub(in crate::app) async fn settle(
    gateway: &Ground,
    tenant: TenantId,
    tenant_key: &str,
    issue: &str,
) -> Result<(), Error> {
    Place { gateway, tenant, tenant_key }.settle_issue(issue).await.map(|_| ())
}

/// Rows of the product database that were changed.
#[derive(Clone, Copy, Default)]
struct Followed {
    removed: u64,
    restored: u64,
}

/// One tenant, here and in the product database.
struct Place<'a> {
    gateway: &'a Ground,
    tenant: TenantId,
    tenant_key: &'a str,
}

impl Place<'_> {
    /// Makes the product database say of one issue's hours what the ledger says.
    async fn settle_issue(&self, issue: &str) -> Result<Followed, Error> {
        let mut followed = Followed::default();
        self.settle_batch(&[issue.to_owned()], &mut followed).await?;
        Ok(followed)
    }

    /// The same for all issues of a project.
    async fn settle_project(&self, project: &str) -> Result<Followed, Error> {
        let mut after = String::new();
        let mut followed = Followed::default();
        for _ in 0..BATCHES_MAX {
            let mut client = self.gateway.databases().tenant.client().await?;
            let tx = TenantTx::begin(&mut client, self.tenant).await?;
            let issues = store::tree::issues_of_project(&tx, project, &after, ISSUES_PER_BATCH).await?;
            drop(tx);
            drop(client);
            let Some(last) = issues.last() else { break };
            self.settle_batch(&issues, &mut followed).await?;
            after.clone_from(last);
        }
        Ok(followed)
    }

    /// Reads and follows until what was written is what the ledger says afterwards.
    async fn settle_batch(&self, issues: &[String], followed: &mut Followed) -> Result<(), Error> {
        let mut written = None;
        for _ in 0..=FOLLOWINGS_MAX {
            let wanted = self.look(issues).await?;
            if wanted.is_empty() || written.as_ref() == Some(&wanted) {
                return Ok(());
            }
            for (gone_since, issues) in &wanted {
                let changed = self.write(issues, *gone_since).await?;
                match gone_since {
                    Some(_) => followed.removed += changed,
                    None => followed.restored += changed,
                }
            }
            written = Some(wanted);
        }
        Err(Error::later(WaitReason::TreeInMotion))
    }

    /// The issues whose hours bear a mark or may bear one, by the mark that they ought to bear. Those that are about to be
    /// marked are remembered first.
    async fn look(&self, issues: &[String]) -> Result<BTreeMap<Option<Timestamp>, Vec<String>>, Error> {
        let mut client = self.gateway.databases().tenant.client().await?;
        let tx = TenantTx::begin(&mut client, self.tenant).await?;
        let mut wanted = BTreeMap::<_, Vec<String>>::new();
        let mut unmarked = Vec::new();
        for issue in store::tree::issues(&tx, issues).await? {
            if issue.gone_since.is_none() && !issue.may_have_removed_hours {
                continue;
            }
            if !issue.may_have_removed_hours {
                unmarked.push(issue.issue_id.clone());
            }
            wanted.entry(issue.gone_since).or_default().push(issue.issue_id);
        }
        if !unmarked.is_empty() {
            store::tree::may_have_removed_hours(&tx, &unmarked).await?;
        }
        tx.commit().await?;
        Ok(wanted)
    }

    async fn write(&self, issues: &[String], gone_since: Option<Timestamp>) -> Result<u64, Error> {
        let mut client = self.gateway.databases().product.client().await?;
        let scope = product::TenantScope { map: self.gateway.map(), tenant_key: self.tenant_key };
        Ok(product::settle_issue_hours(&mut client, scope, issues, gone_since).await?)
    }
}
