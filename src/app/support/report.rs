//! What operators read: events, requests, jobs, the balance, readiness. Ids, times, counts and words.

use crate::app::registry::Registry;

use crate::{
    app::ground::{Ground, error::Error, tenants},
    domain::{EventId, JobId, RequestId, RunId, TenantId, provider_call::CallState},
    store::{
        self, TenantTx,
        event::{Balance, EventFilter, EventRow},
        job::{JobFilter, JobRow},
        look_up::Wanted,
        request::RequestRow,
        tenant::{EvidenceRow, Tenant},
    },
};

/// One event.
pub async fn event(gateway: &Ground, id: EventId) -> Result<EventRow, Error> {
    let filter = EventFilter { event_id: Some(id), ..EventFilter::default() };
    let queue = gateway.databases().queue.client().await?;
    store::event::select(&queue, &filter, None, 1).await?.pop().ok_or(Error::NotFound("event"))
}

/// Jobs that match, newest first.
pub async fn jobs(gateway: &Ground, filter: &JobFilter, limit: i64) -> Result<Vec<JobRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::job::select(&queue, filter, None, limit).await?)
}

/// One job.
pub async fn job(gateway: &Ground, id: JobId) -> Result<JobRow, Error> {
    let tenant_id = Some(tenant_of(gateway, Wanted::Job(id)).await?);
    let filter = JobFilter { job_id: Some(id), tenant_id, ..JobFilter::default() };
    jobs(gateway, &filter, 1).await?.pop().ok_or(Error::NotFound("job"))
}

async fn tenant_of(gateway: &Ground, wanted: Wanted) -> Result<TenantId, Error> {
    let queue = gateway.databases().queue.client().await?;
    store::look_up::tenant_of(&queue, wanted).await?.ok_or(Error::NotFound(wanted.kind()))
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
    let tenant = tenants::by_id(gateway, id).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, id).await?;
    let requests = store::request::list_of_tenant(&tx, limit).await?;
    Ok(TenantReport { tenant, requests, evidence: store::tenant::evidence(&tx, None, limit).await? })
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

/// One request, found in whichever tenant it is: the queue says in which, and only that one is opened.
pub async fn request(gateway: &Ground, id: RequestId) -> Result<RequestReport, Error> {
    let tenant_id = tenant_of(gateway, Wanted::Request(id)).await?;
    let mut client = gateway.databases().tenant.client().await?;
    report_of(gateway, TenantTx::begin(&mut client, tenant_id).await?, id).await
}

/// The request that a run carries out, found and read in one transaction of its tenant.
pub async fn request_of_run(gateway: &Ground, id: RunId) -> Result<RequestReport, Error> {
    let tenant_id = tenant_of(gateway, Wanted::Run(id)).await?;
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant_id).await?;
    let request = store::run::request_of(&tx, id).await?.ok_or(Error::NotFound("request of this run"))?;
    report_of(gateway, tx, request).await
}

async fn report_of(gateway: &Ground, tx: TenantTx<'_>, id: RequestId) -> Result<RequestReport, Error> {
    let tenant_id = tx.tenant();
    let request = store::request::read(&tx, id).await?.ok_or(Error::NotFound("request"))?;
    let accounts = store::provider_call::account_counts(&tx, id).await?;
    let (steps, receipt) = match &request.run {
        Some(run) => {
            let receipt = store::receipt::of_run(&tx, run.run_id).await?.map(|(_, _, jws)| jws);
            (store::plan::executed(&tx, run.run_id).await?, receipt)
        }
        None => (Vec::new(), None),
    };
    drop(tx);
    let filter = JobFilter { tenant_id: Some(tenant_id), request_id: Some(id), ..JobFilter::default() };
    let jobs = jobs(gateway, &filter, 100).await?;
    Ok(RequestReport { tenant_id, request, steps, accounts, jobs, receipt })
}

/// How events have ended.
pub async fn balance(gateway: &Ground) -> Result<Balance, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::event::balance(&queue).await?)
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
