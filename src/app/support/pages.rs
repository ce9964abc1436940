//! Lists, a page at a time. A page begins after the last row of the one before, by sort key, so that nothing is skipped or
//! shown twice while rows arrive, and the last page costs what the first one does.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use uuid::Uuid;

use super::cursor::{Cursor, List, SortKey};
use crate::{
    app::ground::{Ground, error::Error},
    domain::TenantId,
    store::{
        self, TenantTx,
        audit::AuditRow,
        event::{EventFilter, EventRow},
        job::{JobFilter, JobRow},
        look_up::RequestFilter,
        rejection::RejectionRow,
        request::RequestRow,
        source::SourceRow,
        tenant::{EvidenceRow, Tenant},
    },
};

/// The most rows of one page.
pub const PAGE_ROWS_MAX: i64 = 10_000;

/// Which page of a list.
#[derive(Debug, Clone)]
pub struct Paging<K> {
    limit: i64,
    after: Option<K>,
}

impl<K> Paging<K> {
    /// At most `limit` rows (1 to [`PAGE_ROWS_MAX`]) after a place, or from the beginning.
    pub fn new(limit: i64, after: Option<K>) -> Self {
        Self { limit: limit.clamp(1, PAGE_ROWS_MAX), after }
    }

    /// One row more than the page has tells whether there is another page.
    const fn rows_to_read(&self) -> i64 {
        self.limit + 1
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where the next page begins, when there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    fn of<K: SortKey>(list: List, paging: &Paging<K>, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(paging.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| Cursor::new(list, &key(last)));
        Self { rows, next }
    }
}

/// Events that match, newest first.
pub async fn events(
    gateway: &Ground,
    filter: &EventFilter,
    paging: &Paging<(Timestamp, Uuid)>,
) -> Result<Page<EventRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let rows = store::event::select(&queue, filter, paging.after, paging.rows_to_read()).await?;
    Ok(Page::of(List::Events, paging, rows, |row| (row.received_at, row.event_id.uuid())))
}

/// Jobs that match, newest first.
pub async fn jobs(
    gateway: &Ground,
    filter: &JobFilter,
    paging: &Paging<(Timestamp, Uuid)>,
) -> Result<Page<JobRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let rows = store::job::select(&queue, filter, paging.after, paging.rows_to_read()).await?;
    Ok(Page::of(List::Jobs, paging, rows, |row| (row.created_at, row.job_id.uuid())))
}

/// Requests that match, newest first over all tenants. The queue says which are on the page; what each says is read in
/// transactions of the tenants on the page, however many others there are.
pub async fn requests(
    gateway: &Ground,
    filter: &RequestFilter,
    paging: &Paging<(Timestamp, Uuid)>,
) -> Result<Page<(TenantId, RequestRow)>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let listed = store::look_up::page_of_requests(&queue, filter, paging.after, paging.rows_to_read()).await?;
    drop(queue);
    let page = Page::of(List::Requests, paging, listed, |row| (row.opened_at, row.request_id.uuid()));
    let mut found = BTreeMap::new();
    let mut client = gateway.databases().tenant.client().await?;
    let tenants: BTreeSet<TenantId> = page.rows.iter().map(|row| row.tenant_id).collect();
    for tenant in tenants {
        let tx = TenantTx::begin(&mut client, tenant).await?;
        let own = page.rows.iter().filter(|row| row.tenant_id == tenant);
        // All of them are on their way at once.
        let rows = try_join_all(own.map(|row| store::request::read(&tx, row.request_id))).await?;
        found.extend(rows.into_iter().flatten().map(|row| (row.request_id, row)));
    }
    let rows = page.rows.iter().filter_map(|row| Some((row.tenant_id, found.remove(&row.request_id)?))).collect();
    Ok(Page { rows, next: page.next })
}

/// Audit entries of a tenant, newest first.
pub async fn audit(
    gateway: &Ground,
    tenant: TenantId,
    paging: &Paging<(Timestamp, Uuid)>,
) -> Result<Page<AuditRow>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let rows = store::audit::list(&tx, paging.after, paging.rows_to_read()).await?;
    Ok(Page::of(List::Audit, paging, rows, |row| (row.at, row.audit_id.uuid())))
}

/// What speaks for or against a tenant's installation, latest first by the source's time.
pub async fn evidence(
    gateway: &Ground,
    tenant: TenantId,
    paging: &Paging<(Timestamp, Uuid)>,
) -> Result<Page<EvidenceRow>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let rows = store::tenant::evidence(&tx, paging.after, paging.rows_to_read()).await?;
    Ok(Page::of(List::Evidence, paging, rows, |row| (row.evidence.source_at, row.evidence_id.uuid())))
}

/// Sources in order of their names.
pub async fn sources(gateway: &Ground, paging: &Paging<String>) -> Result<Page<SourceRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let rows = store::source::page(&queue, paging.after.as_deref(), paging.rows_to_read()).await?;
    Ok(Page::of(List::Sources, paging, rows, |row| row.facts.name.clone()))
}

/// Tenants in the order in which they came.
pub async fn tenants(gateway: &Ground, paging: &Paging<TenantId>) -> Result<Page<Tenant>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let rows = store::tenant::page(&queue, paging.after, paging.rows_to_read()).await?;
    Ok(Page::of(List::Tenants, paging, rows, |row| row.tenant_id))
}

/// The latest rejected calls, of one source or of all, newest first. They lie in a ring: what is written over meanwhile is
/// not shown any more.
pub async fn rejections(
    gateway: &Ground,
    source: Option<&str>,
    paging: &Paging<(Timestamp, i32)>,
) -> Result<Page<RejectionRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    let rows = store::rejection::latest(&queue, source, paging.after, paging.rows_to_read()).await?;
    let Page { rows, next } = Page::of(List::Rejections, paging, rows, |(slot, row)| (row.at, *slot));
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}
