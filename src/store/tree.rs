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
    PROJECT = "SELECT deletions, restored_at
        FROM gateway.tree_project
        WHERE tenant_id = $1 AND project_id = $2";
    ISSUES_OF_PROJECT = "SELECT issue_id, deleted_at
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
    GONE_SINCE = "SELECT least(i.deleted_at, (
                SELECT min(d) FROM unnest(p.deletions) AS d WHERE p.restored_at IS NULL OR d > p.restored_at
            ))
        FROM gateway.tree_issue i
        LEFT JOIN gateway.tree_project p ON p.tenant_id = i.tenant_id AND p.project_id = i.project_id
        WHERE i.tenant_id = $1 AND i.issue_id = $2";
}

/// What is known of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Source times of its latest deletions.
    pub deletions: Vec<Timestamp>,
    /// Source time of its latest return.
    pub restored_at: Option<Timestamp>,
}

impl ProjectRow {
    /// Since when it is gone; `None` while it is there.
    pub fn gone_since(&self) -> Option<Timestamp> {
        self.deletions.iter().copied().filter(|at| self.restored_at.is_none_or(|restored_at| *at > restored_at)).min()
    }
}

/// An issue of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRow {
    /// The issue's id.
    pub issue_id: String,
    /// Source time of its own deletion.
    pub deleted_at: Option<Timestamp>,
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

/// What is known of a project.
pub async fn project(tx: &TenantTx<'_>, project: &str) -> Result<Option<ProjectRow>, StoreError> {
    let row = tx.query_opt("tree_project", PROJECT, &[&tx.tenant().uuid(), &project]).await?;
    Ok(row.map(|row| ProjectRow { deletions: row.get(0), restored_at: row.get(1) }))
}

/// The next issues of a project after `after`, in the order of their ids.
pub async fn issues_of_project(
    tx: &TenantTx<'_>,
    project: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<IssueRow>, StoreError> {
    let rows =
        tx.query("issues_of_project", ISSUES_OF_PROJECT, &[&tx.tenant().uuid(), &project, &after, &limit]).await?;
    Ok(rows.iter().map(|row| IssueRow { issue_id: row.get(0), deleted_at: row.get(1) }).collect())
}

/// Since when an issue is gone, by itself or with its project; `None` while it is there or unknown.
pub async fn gone_since(tx: &TenantTx<'_>, issue: &str) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("issue_gone_since", GONE_SINCE, &[&tx.tenant().uuid(), &issue]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Forgets some of the tenant's ledger, at most `limit` rows of each kind. Returns how many rows went; zero when nothing is
/// left.
pub async fn forget_some(tx: &TenantTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let tenant = tx.tenant().uuid();
    let issues = tx.execute("forget_some_issues", FORGET_SOME_ISSUES, &[&tenant, &limit]).await?;
    let projects = tx.execute("forget_some_projects", FORGET_SOME_PROJECTS, &[&tenant, &limit]).await?;
    Ok(issues + projects)
}
