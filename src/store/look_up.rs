//! What the queue may learn of tenants' rows without a tenant: whose an id is, and the ids of one page of a list.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Client, StoreError, statements, tx};
use crate::domain::{JobId, RequestId, RunId, SubjectId, TenantId, request::RequestState};

statements! {
    TENANT_OF = "SELECT gateway.tenant_of($1, $2)";
    PAGE_OF_REQUESTS = "SELECT tenant_id, request_id, opened_at
        FROM gateway.page_of_requests($1, $2, $3, $4, $5, $6)";
}

/// Something that is looked up by its id alone.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// A privacy request.
    Request(RequestId),
    /// One execution, for a request or a rule.
    Run(RunId),
    /// A job.
    Job(JobId),
}

impl Wanted {
    /// What it is called, in SQL and to people.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Run(_) => "run",
            Self::Job(_) => "job",
        }
    }

    const fn uuid(self) -> Uuid {
        match self {
            Self::Request(id) => id.uuid(),
            Self::Run(id) => id.uuid(),
            Self::Job(id) => id.uuid(),
        }
    }
}

/// Which requests: every filter that is set must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestFilter {
    /// Requests of one tenant.
    pub tenant_id: Option<TenantId>,
    /// Requests about one person.
    pub subject_id: Option<SubjectId>,
    /// Requests in one state.
    pub state: Option<RequestState>,
}

/// Where a request stands in the list over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedRequest {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id.
    pub request_id: RequestId,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Whose it is, if there is such a thing. Role `gw_queue`.
pub async fn tenant_of(client: &Client, wanted: Wanted) -> Result<Option<TenantId>, StoreError> {
    let rows = tx::query(client, "tenant_of", TENANT_OF, &[&wanted.kind(), &wanted.uuid()]).await?;
    Ok(rows.first().and_then(|row| row.get::<_, Option<Uuid>>(0)).map(TenantId::from_uuid))
}

/// Requests that match, newest first, at most `limit`, after a place in the list. Role `gw_queue`.
pub async fn page_of_requests(
    client: &Client,
    filter: &RequestFilter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<ListedRequest>, StoreError> {
    let (after_time, after_id) = after.unzip();
    let rows = tx::query(
        client,
        "page_of_requests",
        PAGE_OF_REQUESTS,
        &[
            &filter.tenant_id.map(|id| id.uuid()),
            &filter.subject_id.map(|id| id.uuid()),
            &filter.state.map(RequestState::as_str),
            &after_time,
            &after_id,
            &limit,
        ],
    )
    .await?;
    Ok(rows
        .iter()
        .map(|row| ListedRequest {
            tenant_id: TenantId::from_uuid(row.get(0)),
            request_id: RequestId::from_uuid(row.get(1)),
            opened_at: row.get(2),
        })
        .collect())
}
