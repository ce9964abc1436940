//! Hours: written versioned, behind the fence, and linked to the product's own record of the issue where it is known.

use tokio_postgres::{Client, types::Type};

use crate::{
    datamap::{map::WorklogSink, policy::BehindFence},
    domain::{
        IdentityKind,
        worklog::{WorklogChange, WorklogEntry},
    },
};

use super::{
    error::ProductError,
    fence::{Digest, FenceVerdict, fence_verdict, tenant_verdict},
    scope::{ProductTx, TenantScope, begin},
    statement::{self, Statement},
};

/// The issue of a worklog that was removed before it was ever seen.
const UNKNOWN_ISSUE: &str = "unknown";

/// The version of a worklog that was removed by itself: later than every version a source can tell. By it such a row is told
/// apart from hours that only bear the mark of an issue that is gone, and which may still change or be removed.
pub(super) const LAST_VERSION: &str = "'infinity'";

/// What became of a change of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorklogWritten {
    /// The row now says what the change said.
    Applied {
        /// True when the row refers to the product's own record of the issue.
        linked: bool,
    },
    /// The hours stand, without their author, who was erased.
    AppliedWithoutPerson,
    /// The same or a later version, or a removal, stands already; nothing changed.
    Stale,
    /// The author was erased and the policy refuses their late hours; nothing changed.
    Refused,
    /// Everything of the tenant was deleted, or is being deleted; nothing changed.
    TenantGone,
}

/// Applies a change of hours in one transaction: asks the tenant's fence, takes the lock of the author's digests, reads the fence at the worklog's
/// own `updated`, then writes with a version guard. `author_digests` are those of the author's account id, one for each
/// live digest key; a removal needs none, because it names nobody. Repeating answers [`WorklogWritten::Stale`].
///
/// A removal outranks every version, also those that arrive later, and leaves a row without author, with zero seconds and
/// with the last of all versions, even when the worklog was never seen: the issue `unknown`, and the UTC day of the
/// removal. The mark of an issue that is gone holds nothing back: a removal replaces it, a newer version keeps it, unless the
/// worklog has moved to another issue, of which the caller knows whether it is gone.
pub async fn write_worklog(
    client: &mut Client,
    scope: TenantScope<'_>,
    change: &WorklogChange,
    author_digests: &[Digest],
    behind_fence: BehindFence,
) -> Result<WorklogWritten, ProductError> {
    let sink = scope.map.worklog_sink.as_ref().ok_or(ProductError::NoWorklogSink)?;
    let tx = begin(client, scope).await?;
    let changed_at = match change {
        WorklogChange::Logged(entry) => entry.updated_at,
        WorklogChange::Removed { removed_at, .. } => *removed_at,
    };
    if tenant_verdict(&tx, changed_at).await? == FenceVerdict::Refused {
        return Ok(WorklogWritten::TenantGone);
    }
    let mut author = Author::Named;
    if let WorklogChange::Logged(entry) = change {
        let kind = IdentityKind::AtlassianAccountId;
        let verdict = fence_verdict(&tx, kind, author_digests, entry.updated_at).await?;
        author = match (verdict, behind_fence) {
            (FenceVerdict::Clear, BehindFence::CutOut | BehindFence::Refuse) => Author::Named,
            (FenceVerdict::Refused, BehindFence::CutOut) => Author::CutOut,
            (FenceVerdict::Refused, BehindFence::Refuse) => return Ok(WorklogWritten::Refused),
        };
    }
    let written = write(&tx, sink, change, author).await?;
    tx.commit().await?;
    Ok(match (written, author) {
        (None, Author::Named | Author::CutOut) => WorklogWritten::Stale,
        (Some(linked), Author::Named) => WorklogWritten::Applied { linked },
        (Some(_), Author::CutOut) => WorklogWritten::AppliedWithoutPerson,
    })
}

#[derive(Clone, Copy)]
enum Author {
    Named,
    CutOut,
}

/// `Some(linked)` when the row was written, `None` when the version guard held it back.
async fn write(
    tx: &ProductTx<'_, '_>,
    sink: &WorklogSink,
    change: &WorklogChange,
    author: Author,
) -> Result<Option<bool>, ProductError> {
    let day_of_removal;
    let statement = match change {
        WorklogChange::Logged(entry) => logged(tx.scope(), sink, entry, author),
        WorklogChange::Removed { worklog_id, removed_at } => {
            day_of_removal = removed_at.to_zoned(jiff::tz::TimeZone::UTC).date();
            let mut statement = Statement::default();
            let at = statement.bind(*removed_at, Type::TIMESTAMPTZ);
            let day = statement.bind(day_of_removal, Type::DATE);
            removed(&mut statement, tx.scope(), sink, worklog_id, &at, &day);
            statement
        }
    };
    let failed = |source| ProductError::WriteWorklog { source };
    match tx.rows(&statement).await.map_err(failed)?.first() {
        Some(row) => row.try_get(0).map(Some).map_err(|error| failed(error.into())),
        None => Ok(None),
    }
}

fn logged<'a>(scope: TenantScope<'a>, sink: &'a WorklogSink, entry: &'a WorklogEntry, author: Author) -> Statement<'a> {
    let mut statement = Statement::default();
    let names = Names::of(scope, sink);
    let tenant = statement.text(scope.tenant_key);
    let id = statement.text(&entry.worklog_id);
    let issue = statement.text(&entry.issue_id);
    let seconds = statement.bind(entry.seconds, Type::INT8);
    let day = statement.bind(entry.work_day, Type::DATE);
    let version = statement.bind(entry.updated_at, Type::TIMESTAMPTZ);
    let person = entry.author_account_id.expose_for("the worklog's author column in the product database");
    let person = statement.text(person);
    let (inserted, updated) = match author {
        Author::Named => (person, format!("EXCLUDED.{}", names.author)),
        // A pseudonym that stands there already is kept; the person's own id goes.
        Author::CutOut => (String::from("NULL"), format!("NULLIF(existing.{}, {person})", names.author)),
    };
    let link = link_value(&mut statement, scope, sink, &entry.issue_id);
    statement.line(format!("INSERT INTO {} AS existing", scope.table(&sink.collection)));
    let linked_column = names.link.as_ref().map_or_else(String::new, |link| format!(", {link}"));
    statement.line(format!("({}{linked_column})", names.always()));
    statement.line(format!("VALUES ({tenant}, {id}, {issue}, {inserted}, {seconds}, {day}, {version}{link})"));
    statement.line(format!("ON CONFLICT ({}, {}) DO UPDATE", names.tenant, names.worklog_id));
    statement.line(format!("SET {} = {updated},", names.author));
    let copied = [&names.issue_id, &names.seconds, &names.work_day, &names.updated_at].into_iter().chain(&names.link);
    let copied: Vec<String> = copied.map(|name| format!("{name} = EXCLUDED.{name}")).collect();
    statement.line(format!("{},", copied.join(",\n")));
    let Names { issue_id, updated_at, removed_at, .. } = &names;
    statement.line(format!("{removed_at} = CASE"));
    statement.line(format!("WHEN existing.{issue_id} = EXCLUDED.{issue_id} THEN existing.{removed_at}"));
    statement.line("END");
    statement.line(format!("WHERE existing.{updated_at} < EXCLUDED.{updated_at}"));
    statement.line(names.returning());
    statement
}

fn removed<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    sink: &'a WorklogSink,
    worklog_id: &'a str,
    at: &str,
    day: &str,
) {
    let names = Names::of(scope, sink);
    let tenant = statement.text(scope.tenant_key);
    let id = statement.text(worklog_id);
    let issue = statement.text(UNKNOWN_ISSUE);
    let Names { author, seconds, updated_at, removed_at, .. } = &names;
    statement.line(format!("INSERT INTO {} AS existing", scope.table(&sink.collection)));
    statement.line(format!("({}, {removed_at})", names.always()));
    statement.line(format!("VALUES ({tenant}, {id}, {issue}, NULL, 0, {day}, {LAST_VERSION}, {at})"));
    statement.line(format!("ON CONFLICT ({}, {}) DO UPDATE", names.tenant, names.worklog_id));
    statement.line(format!("SET {author} = NULL,"));
    statement.line(format!("{seconds} = 0,"));
    statement.line(format!("{removed_at} = EXCLUDED.{removed_at},"));
    statement.line(format!("{updated_at} = EXCLUDED.{updated_at}"));
    statement.line(format!("WHERE existing.{updated_at} < EXCLUDED.{updated_at}"));
    statement.line(names.returning());
}

/// `, (SELECT …)`: the product's key of the issue, null when the product does not know it; empty without a link.
fn link_value<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    sink: &'a WorklogSink,
    issue_id: &'a str,
) -> String {
    let Some(link) = &sink.link else { return String::new() };
    let tenant = scope.is_tenants(statement, "known");
    let issue = statement.text(issue_id);
    format!(
        ", (\nSELECT {}\nFROM {} AS known\nWHERE {tenant}\nAND {} = {issue}\nLIMIT 1\n)",
        statement::column("known", &link.key),
        scope.table(&link.collection),
        statement::column("known", &link.issue_id),
    )
}

/// The sink's quoted column names.
struct Names {
    tenant: String,
    worklog_id: String,
    issue_id: String,
    author: String,
    seconds: String,
    work_day: String,
    updated_at: String,
    removed_at: String,
    link: Option<String>,
}

impl Names {
    fn of(scope: TenantScope<'_>, sink: &WorklogSink) -> Self {
        Self {
            tenant: statement::quoted(&scope.map.tenant_column),
            worklog_id: statement::quoted(&sink.worklog_id),
            issue_id: statement::quoted(&sink.issue_id),
            author: statement::quoted(&sink.author),
            seconds: statement::quoted(&sink.seconds),
            work_day: statement::quoted(&sink.work_day),
            updated_at: statement::quoted(&sink.updated_at),
            removed_at: statement::quoted(&sink.removed_at),
            link: sink.link.as_ref().map(|link| statement::quoted(&link.column)),
        }
    }

    fn always(&self) -> String {
        let Self { tenant, worklog_id, issue_id, author, seconds, work_day, updated_at, .. } = self;
        format!("{tenant}, {worklog_id}, {issue_id}, {author}, {seconds}, {work_day}, {updated_at}")
    }

    fn returning(&self) -> String {
        match &self.link {
            Some(link) => format!("RETURNING existing.{link} IS NOT NULL"),
            None => String::from("RETURNING FALSE"),
        }
    }
}
