//! What operators read: events, requests, jobs, the balance, readiness. Ids, times, counts and words.

use crate::app::registry::Registry;

use crate::{
    app::ground::{Ground, error::Error, tenants},
    domain::{EventId, RequestId, SubjectId, TenantId, provider_call::CallState, request::RequestState},
    store::{
        self, TenantTx,
        audit::AuditRow,
        event::{Balance, EventFilter, EventRow},
        job::{JobFilter, JobRow},
        request::RequestRow,
        tenant::{EvidenceRow, Tenant},
    },
};

/// Events that match, newest first.
pub async fn events(gateway: &Ground, filter: &EventFilter, limit: i64) -> Result<Vec<EventRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::select(&queue, filter, limit).await?)
}

/// One event.
pub async fn event(gateway: &Ground, id: EventId) -> Result<EventRow, Error> {
    let filter = EventFilter { event_id: Some(id), ..EventFilter::default() };
    events(gateway, &filter, 1).await?.pop().ok_or(Error::NotFound("event"))
}

/// Jobs that match, newest first.
pub async fn jobs(gateway: &Ground, filter: &JobFilter, limit: i64) -> Result<Vec<JobRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::select(&queue, filter, limit).await?)
}

/// A tenant with what is known of its installation.
pub struct TenantReport {
    /// The tenant.
    pub tenant: Tenant,
    /// Requests about the tenant itself, newest first.
    pub requests: Vec<RequestRow>,
    /// Its timeline of evidence, latest first.
    pub evidence: Vec<EvidenceRow>,
}

/// One tenant, with at most `limit` requests and pieces of evidence.
pub async fn tenant(gateway: &Ground, id: TenantId, limit: i64) -> Result<TenantReport, Error> {
    let tenant = tenants::list(gateway).await?.into_iter().find(|tenant| tenant.tenant_id == id);
    let tenant = tenant.ok_or(Error::NotFound("tenant"))?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, id).await?;
    let requests = store::request::list_of_tenant(&tx, limit).await?;
    Ok(TenantReport { tenant, requests, evidence: store::tenant::evidence(&tx, limit).await? })
}

/// Requests of one tenant, or of all, newest first within each tenant, at most `limit`.
pub async fn requests(
    gateway: &Ground,
    tenant: Option<TenantId>,
    subject: Option<SubjectId>,
    state: Option<RequestState>,
    limit: i64,
) -> Result<Vec<(TenantId, RequestRow)>, Error> {
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => tenants::list(gateway).await?.into_iter().map(|row| row.tenant_id).collect(),
    };
    let mut client = gateway.databases().tenant.client().await?;
    let mut found = Vec::new();
    for tenant in tenants {
        let left = limit - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        let tx = TenantTx::begin(&mut client, tenant).await?;
        let rows = store::request::list(&tx, subject, state, left).await?;
        found.extend(rows.into_iter().map(|row| (tenant, row)));
    }
    Ok(found)
}

/// One request with everything that is known about it.
pub struct RequestReport {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The request.
    pub request: RequestRow,
    /// What each finished step has done: table, disposal, rows.
    pub steps: Vec<(String, String, i64)>,
    /// How many accounts of a leaving tenant's people are in each state; empty for a request about a person.
    pub accounts: Vec<(CallState, u64)>,
    /// Its jobs.
    pub jobs: Vec<JobRow>,
    /// Its signed receipt.
    pub receipt: Option<String>,
}

/// One request, found in whichever tenant it is.
pub async fn request(gateway: &Ground, id: RequestId) -> Result<RequestReport, Error> {
    let jobs = jobs(gateway, &JobFilter { request_id: Some(id), ..JobFilter::default() }, 100).await?;
    let mut client = gateway.databases().tenant.client().await?;
    for tenant in tenants::list(gateway).await? {
        let tx = TenantTx::begin(&mut client, tenant.tenant_id).await?;
        if let Some(request) = store::request::read(&tx, id).await? {
            let accounts = store::provider_call::account_counts(&tx, id).await?;
            let (steps, receipt) = match &request.run {
                Some(run) => {
                    let receipt = store::receipt::of_run(&tx, run.run_id).await?.map(|(_, _, jws)| jws);
                    (store::plan::executed(&tx, run.run_id).await?, receipt)
                }
                None => (Vec::new(), None),
            };
            return Ok(RequestReport { tenant_id: tenant.tenant_id, request, steps, accounts, jobs, receipt });
        }
    }
    Err(Error::NotFound("request"))
}

/// How events have ended.
pub async fn balance(gateway: &Ground) -> Result<Balance, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::balance(&queue).await?)
}

/// The latest audit entries of a tenant.
pub async fn audit(gateway: &Ground, tenant: TenantId, limit: i64) -> Result<Vec<AuditRow>, Error> {
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    Ok(store::audit::list(&tx, limit).await?)
}

/// How much waits: events and due jobs.
pub async fn backlog(gateway: &Ground) -> Result<(i64, i64), Error> {
    let queue = gateway.databases().queue.client().await?;
    let events = store::event::count_unfinished(&queue).await?;
    Ok((events, store::job::count_due(&queue, gateway.now()).await?))
}

/// Succeeds when intake can commit and the product database answers.
pub async fn readiness(gateway: &Registry) -> Result<(), Error> {
    store::deployment::ping(&gateway.intake_pool().client().await?).await?;
    store::deployment::ping(&gateway.databases().product.client().await?).await?;
    Ok(())
}
