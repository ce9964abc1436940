//! The ledger of projects and issues, by which hours of what is gone are found.

use jiff::Timestamp;

use super::{StoreError, TenantTx, statements};

statements! {
    ISSUE_SEEN = "INSERT INTO gateway.tree_issue AS i (tenant_id, issue_id, project_id, seen_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, issue_id) DO UPDATE
        SET project_id = EXCLUDED.project_id,
            seen_at = EXCLUDED.seen_at
        WHERE i.seen_at IS NULL OR i.seen_at < EXCLUDED.seen_at";
    ISSUE_DELETED = "INSERT INTO gateway.tree_issue AS i (tenant_id, issue_id, deleted_at)
        VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, issue_id) DO UPDATE
        SET deleted_at = least(i.deleted_at, EXCLUDED.deleted_at)";
    PROJECT_DELETED = "INSERT INTO gateway.tree_project AS p (tenant_id, project_id, deletions)
        VALUES ($1, $2, ARRAY[$3::timestamptz])
        ON CONFLICT (tenant_id, project_id) DO UPDATE
        SET deletions = ARRAY(
            SELECT DISTINCT d FROM unnest(p.deletions || EXCLUDED.deletions) AS d ORDER BY d DESC LIMIT 16
        )";
    PROJECT_RESTORED = "INSERT INTO gateway.tree_project AS p (tenant_id, project_id, restored_at)
        VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, project_id) DO UPDATE
        SET restored_at = greatest(p.restored_at, EXCLUDED.restored_at)";
    ISSUES_OF_PROJECT = "SELECT issue_id
        FROM gateway.tree_issue
        WHERE tenant_id = $1 AND project_id = $2 AND issue_id > $3
        ORDER BY issue_id
        LIMIT $4";
    FORGET_SOME_ISSUES = "DELETE FROM gateway.tree_issue
        WHERE tenant_id = $1
            AND issue_id IN (SELECT issue_id FROM gateway.tree_issue WHERE tenant_id = $1 LIMIT $2)";
    FORGET_SOME_PROJECTS = "DELETE FROM gateway.tree_project
        WHERE tenant_id = $1
            AND project_id IN (SELECT project_id FROM gateway.tree_project WHERE tenant_id = $1 LIMIT $2)";
    ISSUES = "SELECT i.issue_id, i.may_have_removed_hours, least(i.deleted_at, (
                SELECT min(d) FROM unnest(p.deletions) AS d WHERE p.restored_at IS NULL OR d > p.restored_at
            ))
        FROM gateway.tree_issue i
        LEFT JOIN gateway.tree_project p ON p.tenant_id = i.tenant_id AND p.project_id = i.project_id
        WHERE i.tenant_id = $1 AND i.issue_id = ANY($2)
        ORDER BY i.issue_id";
    MAY_HAVE_REMOVED_HOURS = "UPDATE gateway.tree_issue
        SET may_have_removed_hours = TRUE
        WHERE tenant_id = $1 AND issue_id = ANY($2) AND NOT may_have_removed_hours";
}

/// What stands of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRow {
    /// The issue's id.
    pub issue_id: String,
    /// Since when it is gone, by itself or with its project; `None` while it is there.
    pub gone_since: Option<Timestamp>,
    /// True when its hours may bear a mark in the product database.
    pub may_have_removed_hours: bool,
}

/// Remembers to which project an issue belongs, unless something later is known.
pub async fn issue_seen(tx: &TenantTx<'_>, issue: &str, project: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute("issue_seen", ISSUE_SEEN, &[&tx.tenant().uuid(), &issue, &project, &at]).await.map(|_| ())
}

/// Remembers that an issue is gone; the earliest word counts.
pub async fn issue_deleted(tx: &TenantTx<'_>, issue: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("issue_deleted", ISSUE_DELETED, &[&tx.tenant().uuid(), &issue, &at]).await
}

/// Remembers that a project is gone.
pub async fn project_deleted(tx: &TenantTx<'_>, project: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("project_deleted", PROJECT_DELETED, &[&tx.tenant().uuid(), &project, &at]).await
}

/// Remembers that a project came back.
pub async fn project_restored(tx: &TenantTx<'_>, project: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("project_restored", PROJECT_RESTORED, &[&tx.tenant().uuid(), &project, &at]).await
}

/// The ids of the next issues of a project after `after`, in order.
pub async fn issues_of_project(
    tx: &TenantTx<'_>,
    project: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let rows =
        tx.query("issues_of_project", ISSUES_OF_PROJECT, &[&tx.tenant().uuid(), &project, &after, &limit]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What stands of these issues, in the order of their ids; those that are unknown are left out.
pub async fn issues(tx: &TenantTx<'_>, issues: &[String]) -> Result<Vec<IssueRow>, StoreError> {
    let rows = tx.query("tree_issues", ISSUES, &[&tx.tenant().uuid(), &issues]).await?;
    let read = |row: &tokio_postgres::Row| IssueRow {
        issue_id: row.get(0),
        may_have_removed_hours: row.get(1),
        gone_since: row.get(2),
    };
    Ok(rows.iter().map(read).collect())
}

/// Remembers that hours of these issues may bear a mark from now on. Repeating is safe.
pub async fn may_have_removed_hours(tx: &TenantTx<'_>, issues: &[String]) -> Result<(), StoreError> {
    tx.execute("may_have_removed_hours", MAY_HAVE_REMOVED_HOURS, &[&tx.tenant().uuid(), &issues]).await.map(|_| ())
}

/// Forgets some of the tenant's ledger, at most `limit` rows of each kind. Returns how many rows went; zero when nothing is
/// left.
pub async fn forget_some(tx: &TenantTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let tenant = tx.tenant().uuid();
    let issues = tx.execute("forget_some_issues", FORGET_SOME_ISSUES, &[&tenant, &limit]).await?;
    let projects = tx.execute("forget_some_projects", FORGET_SOME_PROJECTS, &[&tenant, &limit]).await?;
    Ok(issues + projects)
}
