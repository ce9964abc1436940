//! Privacy requests and offboarding timelines, of people and of whole tenants.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{
    EventId, OffboardingId, RequestId, SubjectId,
    request::{RequestScope, RequestState, Timeline},
};

statements! {
    INSERT_REQUEST = "INSERT INTO gateway.privacy_request
            (tenant_id, request_id, subject_id, right_word, origin, origin_event_id, state, opened_at)
        VALUES ($1, $2, $3, 'erasure', 'offboarding', $4, 'open', $5)";
    INSERT_OFFBOARDING = "INSERT INTO gateway.offboarding
            (tenant_id, offboarding_id, request_id, subject_id, anchor_at, latest_departure_at, access_off_due_at,
             mark_due_at, purge_start_at, purge_due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    MOVE_OFFBOARDING = "UPDATE gateway.offboarding
        SET anchor_at = $3, latest_departure_at = $4, access_off_due_at = $5, mark_due_at = $6, purge_start_at = $7,
            purge_due_at = $8
        WHERE tenant_id = $1 AND request_id = $2";
    LIVING = "SELECT request_id
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id = $2 AND right_word = 'erasure'
            AND state <> 'cancelled' AND state <> 'completed'
        FOR UPDATE";
    LIVING_OF_TENANT = "SELECT request_id
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id IS NULL AND right_word = 'erasure'
            AND state <> 'cancelled' AND state <> 'completed'
        FOR UPDATE";
    // An instant at which no request was opened that writes into the same rows: what access-off writes must tell whose it is.
    FREE_INSTANT = "SELECT greatest($2::timestamptz, max(opened_at) + interval '1 microsecond')
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND opened_at >= $2 AND ($3 OR subject_id IS NULL)";
    OPENINGS = "SELECT opened_at
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id = $2
        ORDER BY opened_at
        LIMIT 1000";
    OPENINGS_OF_TENANT = "SELECT r.opened_at, o.marked_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND r.subject_id IS NULL
        ORDER BY r.opened_at
        LIMIT 1000";
    // What was verified completes on its own; it needs nothing of the product database any more.
    SUPERSEDE = "UPDATE gateway.privacy_request
        SET state = 'cancelled', cancelled_at = $3, superseded_by = $2
        WHERE tenant_id = $1 AND subject_id IS NOT NULL
            AND state IN ('open', 'fenced', 'executed', 'verification_failed')
        RETURNING request_id";
    UNFINISHED_OF_PEOPLE = "SELECT count(*)
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id IS NOT NULL AND state IN ('verified', 'key_destroyed')";
    KEEP_REPORT = "UPDATE gateway.privacy_request
        SET verification = $3
        WHERE tenant_id = $1 AND request_id = $2 AND state = 'executed'";
    READ = "SELECT r.request_id, r.subject_id, r.state, r.opened_at, r.cancelled_at, r.fenced_at, r.executed_at,
               r.verified_at, r.key_destroyed_at, r.completed_at, r.verification, r.origin_event_id,
               o.anchor_at, o.latest_departure_at, o.access_off_due_at, o.mark_due_at, o.purge_start_at, o.purge_due_at,
               o.access_off_at, o.marked_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND r.request_id = $2";
    LIST = "SELECT r.request_id, r.subject_id, r.state, r.opened_at, r.cancelled_at, r.fenced_at, r.executed_at,
               r.verified_at, r.key_destroyed_at, r.completed_at, r.verification, r.origin_event_id,
               o.anchor_at, o.latest_departure_at, o.access_off_due_at, o.mark_due_at, o.purge_start_at, o.purge_due_at,
               o.access_off_at, o.marked_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND ($2::uuid IS NULL OR r.subject_id = $2) AND ($3::text IS NULL OR r.state = $3)
        ORDER BY r.opened_at DESC, r.request_id DESC
        LIMIT $4";
    LIST_OF_TENANT = "SELECT r.request_id, r.subject_id, r.state, r.opened_at, r.cancelled_at, r.fenced_at, r.executed_at,
               r.verified_at, r.key_destroyed_at, r.completed_at, r.verification, r.origin_event_id,
               o.anchor_at, o.latest_departure_at, o.access_off_due_at, o.mark_due_at, o.purge_start_at, o.purge_due_at,
               o.access_off_at, o.marked_at
        FROM gateway.privacy_request r
        JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        WHERE r.tenant_id = $1 AND r.subject_id IS NULL
        ORDER BY r.opened_at DESC, r.request_id DESC
        LIMIT $2";
    LOCK_STATE = "SELECT state FROM gateway.privacy_request WHERE tenant_id = $1 AND request_id = $2 FOR UPDATE";
    ADVANCE = "UPDATE gateway.privacy_request
        SET state = $3,
            cancelled_at = CASE WHEN $3 = 'cancelled' THEN $4 ELSE cancelled_at END,
            fenced_at = CASE WHEN $3 = 'fenced' THEN $4 ELSE fenced_at END,
            executed_at = CASE WHEN $3 = 'executed' THEN $4 ELSE executed_at END,
            verified_at = CASE WHEN $3 = 'verified' THEN $4 ELSE verified_at END,
            key_destroyed_at = CASE WHEN $3 = 'key_destroyed' THEN $4 ELSE key_destroyed_at END,
            completed_at = CASE WHEN $3 = 'completed' THEN $4 ELSE completed_at END,
            verification = coalesce($5, verification)
        WHERE tenant_id = $1 AND request_id = $2 AND state = $6";
    SET_ACCESS_OFF = "UPDATE gateway.offboarding
        SET access_off_at = coalesce(access_off_at, $3)
        WHERE tenant_id = $1 AND request_id = $2";
    SET_MARKED = "UPDATE gateway.offboarding
        SET marked_at = coalesce(marked_at, $3)
        WHERE tenant_id = $1 AND request_id = $2";
    BEGIN_MARK = "UPDATE gateway.offboarding
        SET marked_at = coalesce(marked_at, $3)
        WHERE tenant_id = $1 AND request_id = $2
        RETURNING marked_at";
}

/// A privacy request with its timeline.
#[derive(Debug, Clone)]
pub struct RequestRow {
    /// Its id.
    pub request_id: RequestId,
    /// Whom it is about.
    pub scope: RequestScope,
    /// How far it is.
    pub state: RequestState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// When the fence was committed.
    pub fenced_at: Option<Timestamp>,
    /// When the plan had run.
    pub executed_at: Option<Timestamp>,
    /// When the independent reader found nothing.
    pub verified_at: Option<Timestamp>,
    /// When the subject's key was destroyed.
    pub key_destroyed_at: Option<Timestamp>,
    /// When the receipt was signed.
    pub completed_at: Option<Timestamp>,
    /// The last verification report, as JSON.
    pub verification: Option<serde_json::Value>,
    /// The event that opened it, if one did.
    pub origin_event_id: Option<EventId>,
    /// The due times.
    pub timeline: Timeline,
    /// The latest departure in source time; the fence will cover up to here.
    pub latest_departure_at: Timestamp,
    /// When access was taken away in the product database.
    pub access_off_at: Option<Timestamp>,
    /// When the data was marked in the product database.
    pub marked_at: Option<Timestamp>,
}

/// Opens a request with its timeline.
pub async fn insert(
    tx: &TenantTx<'_>,
    ids: (RequestId, OffboardingId),
    scope: RequestScope,
    origin: Option<EventId>,
    timeline: &Timeline,
    latest_departure_at: Timestamp,
    opened_at: Timestamp,
) -> Result<(), StoreError> {
    let (request, offboarding) = ids;
    let subject = scope.subject().map(|id| id.uuid());
    tx.execute_one(
        "insert_request",
        INSERT_REQUEST,
        &[&tx.tenant().uuid(), &request.uuid(), &subject, &origin.map(|id| id.uuid()), &opened_at],
    )
    .await?;
    tx.execute_one(
        "insert_offboarding",
        INSERT_OFFBOARDING,
        &[
            &tx.tenant().uuid(),
            &offboarding.uuid(),
            &request.uuid(),
            &subject,
            &timeline.anchor_at,
            &latest_departure_at,
            &timeline.access_off_due_at,
            &timeline.mark_due_at,
            &timeline.purge_start_at,
            &timeline.purge_due_at,
        ],
    )
    .await
}

/// Gives a timeline other due times (an earlier departure became known, or a later one replaces it).
pub async fn move_timeline(
    tx: &TenantTx<'_>,
    request: RequestId,
    timeline: &Timeline,
    latest_departure_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(
        "move_offboarding",
        MOVE_OFFBOARDING,
        &[
            &tx.tenant().uuid(),
            &request.uuid(),
            &timeline.anchor_at,
            &latest_departure_at,
            &timeline.access_off_due_at,
            &timeline.mark_due_at,
            &timeline.purge_start_at,
            &timeline.purge_due_at,
        ],
    )
    .await
}

/// The living erasure request of a person or of the tenant, locked.
pub async fn living(tx: &TenantTx<'_>, scope: RequestScope) -> Result<Option<RequestId>, StoreError> {
    let tenant = tx.tenant().uuid();
    let row = match scope {
        RequestScope::Subject(subject) => tx.query_opt("living_request", LIVING, &[&tenant, &subject.uuid()]).await?,
        RequestScope::Tenant => tx.query_opt("living_request", LIVING_OF_TENANT, &[&tenant]).await?,
    };
    Ok(row.map(|row| RequestId::from_uuid(row.get(0))))
}

/// The instant at which a request may be opened: `now`, or the next one at which neither the tenant's own requests nor, for
/// the tenant, a person's was opened. What access-off writes into the product database is that instant, and tells whose it is.
pub async fn free_instant(tx: &TenantTx<'_>, scope: RequestScope, now: Timestamp) -> Result<Timestamp, StoreError> {
    let is_tenant = scope == RequestScope::Tenant;
    let row = tx.query_opt("free_instant", FREE_INSTANT, &[&tx.tenant().uuid(), &now, &is_tenant]).await?;
    Ok(row.map_or(now, |row| row.get(0)))
}

/// When each of a person's requests was opened, which is what access-off writes.
pub async fn openings(tx: &TenantTx<'_>, subject: SubjectId) -> Result<Vec<Timestamp>, StoreError> {
    let rows = tx.query("openings", OPENINGS, &[&tx.tenant().uuid(), &subject.uuid()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What the tenant's own requests have written into the product: when each was opened, and when each has marked.
pub async fn marks_of_tenant(tx: &TenantTx<'_>) -> Result<(Vec<Timestamp>, Vec<Timestamp>), StoreError> {
    let rows = tx.query("openings_of_tenant", OPENINGS_OF_TENANT, &[&tx.tenant().uuid()]).await?;
    let marked = rows.iter().filter_map(|row| row.get(1)).collect();
    Ok((rows.iter().map(|row| row.get(0)).collect(), marked))
}

/// Cancels every living request about a person that is not verified yet, in favour of the tenant's own. Returns them.
pub async fn supersede_people(tx: &TenantTx<'_>, by: RequestId, at: Timestamp) -> Result<Vec<RequestId>, StoreError> {
    let rows = tx.query("supersede_requests", SUPERSEDE, &[&tx.tenant().uuid(), &by.uuid(), &at]).await?;
    Ok(rows.iter().map(|row| RequestId::from_uuid(row.get(0))).collect())
}

/// How many requests about people are verified and not complete: the tenant's own does not supersede them.
pub async fn unfinished_of_people(tx: &TenantTx<'_>) -> Result<i64, StoreError> {
    let row = tx.query_opt("unfinished_of_people", UNFINISHED_OF_PEOPLE, &[&tx.tenant().uuid()]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Keeps the reader's report of a request that is executed and not verified to its end yet.
pub async fn keep_report(tx: &TenantTx<'_>, request: RequestId, report: &serde_json::Value) -> Result<(), StoreError> {
    tx.execute_one("keep_report", KEEP_REPORT, &[&tx.tenant().uuid(), &request.uuid(), report]).await
}

/// One request.
pub async fn read(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<RequestRow>, StoreError> {
    let row = tx.query_opt("read_request", READ, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    row.as_ref().map(request_row).transpose()
}

/// Requests of the transaction's tenant, newest first, at most `limit`.
pub async fn list(
    tx: &TenantTx<'_>,
    subject: Option<SubjectId>,
    state: Option<RequestState>,
    limit: i64,
) -> Result<Vec<RequestRow>, StoreError> {
    let rows = tx
        .query(
            "list_requests",
            LIST,
            &[&tx.tenant().uuid(), &subject.map(|id| id.uuid()), &state.map(RequestState::as_str), &limit],
        )
        .await?;
    rows.iter().map(request_row).collect()
}

/// Requests about the transaction's tenant itself, newest first, at most `limit`.
pub async fn list_of_tenant(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<RequestRow>, StoreError> {
    let rows = tx.query("list_requests_of_tenant", LIST_OF_TENANT, &[&tx.tenant().uuid(), &limit]).await?;
    rows.iter().map(request_row).collect()
}

/// The state of a request, locked until the transaction ends.
pub async fn lock_state(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<RequestState>, StoreError> {
    let row = tx.query_opt("lock_request", LOCK_STATE, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    row.map(|row| parse_state(row.get(0))).transpose()
}

/// Moves a request from `from` to `to`. Fails when it is not in `from`.
pub async fn advance(
    tx: &TenantTx<'_>,
    request: RequestId,
    from: RequestState,
    to: RequestState,
    at: Timestamp,
    verification: Option<&serde_json::Value>,
) -> Result<(), StoreError> {
    debug_assert!(from.may_become(to), "{} may not become {}", from.as_str(), to.as_str());
    tx.execute_one(
        "advance_request",
        ADVANCE,
        &[&tx.tenant().uuid(), &request.uuid(), &to.as_str(), &at, &verification, &from.as_str()],
    )
    .await
}

/// Records when access was taken away; the first time counts.
pub async fn set_access_off(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("set_access_off", SET_ACCESS_OFF, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Records when the data was marked; the first time counts.
pub async fn set_marked(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one("set_marked", SET_MARKED, &[&tx.tenant().uuid(), &request.uuid(), &at]).await
}

/// Says that the data is being marked, and answers with which instant; the first time counts.
pub async fn begin_mark(tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<Timestamp, StoreError> {
    let row = tx.query_opt("begin_mark", BEGIN_MARK, &[&tx.tenant().uuid(), &request.uuid(), &at]).await?;
    row.map(|row| row.get(0)).ok_or(StoreError::RowCount { statement: "begin_mark", expected: 1, actual: 0 })
}

fn parse_state(word: &str) -> Result<RequestState, StoreError> {
    RequestState::parse(word).ok_or(StoreError::UnknownValue { column: "privacy_request.state" })
}

fn request_row(row: &tokio_postgres::Row) -> Result<RequestRow, StoreError> {
    Ok(RequestRow {
        request_id: RequestId::from_uuid(row.get(0)),
        scope: row
            .get::<_, Option<Uuid>>(1)
            .map_or(RequestScope::Tenant, |id| RequestScope::Subject(SubjectId::from_uuid(id))),
        state: parse_state(row.get(2))?,
        opened_at: row.get(3),
        cancelled_at: row.get(4),
        fenced_at: row.get(5),
        executed_at: row.get(6),
        verified_at: row.get(7),
        key_destroyed_at: row.get(8),
        completed_at: row.get(9),
        verification: row.get(10),
        origin_event_id: row.get::<_, Option<Uuid>>(11).map(EventId::from_uuid),
        timeline: Timeline {
            anchor_at: row.get(12),
            access_off_due_at: row.get(14),
            mark_due_at: row.get(15),
            purge_start_at: row.get(16),
            purge_due_at: row.get(17),
        },
        latest_departure_at: row.get(13),
        access_off_at: row.get(18),
        marked_at: row.get(19),
    })
}
