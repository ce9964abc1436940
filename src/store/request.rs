//! Privacy requests, of people and of whole tenants, each with its timeline and its erasure run where it has them.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    StoreError, TenantTx,
    offboarding::{self, Offboarding},
    run, statements,
};
use crate::domain::{
    EventId, RequestId, SubjectId,
    request::{Origin, RequestScope, RequestState, Right},
    run::{Phase, Run, Stage},
};

statements! {
    INSERT = "INSERT INTO gateway.privacy_request
            (tenant_id, request_id, right_word, scope, subject_id, origin, actor, origin_event_id, state, received_at,
             opened_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    LIVING = "SELECT request_id
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id = $2 AND right_word = 'erasure' AND ended_at IS NULL
        FOR UPDATE";
    LIVING_OF_TENANT = "SELECT request_id
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND scope = 'tenant' AND right_word = 'erasure' AND ended_at IS NULL
        FOR UPDATE";
    // An instant at which no request was opened that writes into the same rows: what revoking access writes must tell whose
    // it is.
    FREE_INSTANT = "SELECT greatest($2::timestamptz, max(opened_at) + interval '1 microsecond')
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND opened_at >= $2 AND ($3 OR scope = 'tenant')";
    OPENINGS = "SELECT opened_at
        FROM gateway.privacy_request
        WHERE tenant_id = $1 AND subject_id = $2
        ORDER BY opened_at
        LIMIT 1000";
    // What was verified completes on its own; it needs nothing of the product database any more.
    SUPERSEDE = "UPDATE gateway.privacy_request AS r
        SET state = 'superseded', superseded_by = $2, ended_at = $3
        WHERE r.tenant_id = $1 AND r.scope = 'person' AND r.ended_at IS NULL
            AND NOT EXISTS (
                SELECT 1
                FROM gateway.run u
                WHERE u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.verified_at IS NOT NULL)
        RETURNING r.request_id";
    UNFINISHED_OF_PEOPLE = "SELECT count(*)
        FROM gateway.privacy_request r
        JOIN gateway.run u ON u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.kind = 'erasure'
        WHERE r.tenant_id = $1 AND r.scope = 'person' AND r.state = 'running' AND u.verified_at IS NOT NULL";
    READ = "SELECT r.request_id, r.right_word, r.subject_id, r.origin, r.actor, r.origin_event_id, r.state, r.received_at,
               r.opened_at, r.due_at, r.extended_until, r.extension_reason,
               r.refused_code, r.superseded_by, r.ended_at,
               o.anchor_at, o.latest_departure_at, o.revoke_access_due_at, o.flag_due_at, o.erasure_start_at,
               o.erasure_due_at, o.access_revoked_at, o.flagged_at,
               u.run_id, u.phase, u.planned_at, u.fenced_at, u.executed_at, u.verification_failed_at, u.verified_at,
               u.told_at, u.key_destroyed_at, u.certified_at, u.verification
        FROM gateway.privacy_request r
        LEFT JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        LEFT JOIN gateway.run u ON u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.kind = 'erasure'
        WHERE r.tenant_id = $1 AND r.request_id = $2";
    LIST = "SELECT r.request_id, r.right_word, r.subject_id, r.origin, r.actor, r.origin_event_id, r.state, r.received_at,
               r.opened_at, r.due_at, r.extended_until, r.extension_reason,
               r.refused_code, r.superseded_by, r.ended_at,
               o.anchor_at, o.latest_departure_at, o.revoke_access_due_at, o.flag_due_at, o.erasure_start_at,
               o.erasure_due_at, o.access_revoked_at, o.flagged_at,
               u.run_id, u.phase, u.planned_at, u.fenced_at, u.executed_at, u.verification_failed_at, u.verified_at,
               u.told_at, u.key_destroyed_at, u.certified_at, u.verification
        FROM gateway.privacy_request r
        LEFT JOIN gateway.offboarding o ON o.tenant_id = r.tenant_id AND o.request_id = r.request_id
        LEFT JOIN gateway.run u ON u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.kind = 'erasure'
        WHERE r.tenant_id = $1
            AND ($2::uuid IS NULL OR r.subject_id = $2)
            AND ($3::text IS NULL OR r.state = $3)
            AND ($4::text IS NULL OR r.scope = $4)
        ORDER BY r.opened_at DESC, r.request_id DESC
        LIMIT $5";
    LOCK_STATE = "SELECT state FROM gateway.privacy_request WHERE tenant_id = $1 AND request_id = $2 FOR UPDATE";
    LOCK_STAGE = "SELECT r.state, u.phase
        FROM gateway.privacy_request r
        LEFT JOIN gateway.run u ON u.tenant_id = r.tenant_id AND u.request_id = r.request_id AND u.kind = 'erasure'
        WHERE r.tenant_id = $1 AND r.request_id = $2
        FOR UPDATE OF r";
    ADVANCE = "UPDATE gateway.privacy_request
        SET state = $4, ended_at = $5
        WHERE tenant_id = $1 AND request_id = $2 AND state = $3";
}

/// A privacy request with its timeline and its run.
#[derive(Debug, Clone)]
pub struct RequestRow {
    /// Its id.
    pub request_id: RequestId,
    /// The right that is exercised.
    pub right: Right,
    /// Whom it is about.
    pub scope: RequestScope,
    /// Where it came from.
    pub origin: Origin,
    /// Who has opened it, in the audit's words.
    pub actor: String,
    /// The event that opened it, if one did.
    pub origin_event_id: Option<EventId>,
    /// How far it is.
    pub state: RequestState,
    /// When it came in.
    pub received_at: Timestamp,
    /// What the revocation of access writes into the product; see the migration.
    pub opened_at: Timestamp,
    /// When it has to be carried out.
    pub due_at: Timestamp,
    /// Until when that was extended.
    pub extended_until: Option<Timestamp>,
    /// Why it was extended, as a word.
    pub extension_reason: Option<String>,
    /// Why it was refused, as a word.
    pub refused_code: Option<String>,
    /// The tenant's request whose fence has ended it.
    pub superseded_by: Option<RequestId>,
    /// When it ended, however it did.
    pub ended_at: Option<Timestamp>,
    /// The timeline of a departure.
    pub offboarding: Option<Offboarding>,
    /// Its erasure, once that has begun.
    pub run: Option<Run>,
}

impl RequestRow {
    /// Source time up to which its fence covers everything: the latest departure, or when the request came in.
    pub fn covers_until(&self) -> Timestamp {
        self.offboarding.map_or(self.received_at, |offboarding| offboarding.latest_departure_at)
    }

    /// When its erasure may begin.
    pub fn erasure_start_at(&self) -> Timestamp {
        self.offboarding.map_or(self.received_at, |offboarding| offboarding.timeline.erasure_start_at)
    }

    /// The phase of its erasure, once that has begun.
    pub fn phase(&self) -> Option<Phase> {
        self.run.as_ref().map(|run| run.phase.word())
    }
}

/// A request that is to be opened.
#[derive(Debug, Clone)]
pub struct NewRequest<'a> {
    /// Its id.
    pub request_id: RequestId,
    /// The right that is exercised.
    pub right: Right,
    /// Whom it is about.
    pub scope: RequestScope,
    /// Where it came from.
    pub origin: Origin,
    /// Who opens it, in the audit's words.
    pub actor: &'a str,
    /// The event that opens it, if one does.
    pub origin_event_id: Option<EventId>,
    /// Where it begins.
    pub state: RequestState,
    /// When it came in.
    pub received_at: Timestamp,
    /// What the revocation of access will write, see [`free_instant`].
    pub opened_at: Timestamp,
    /// When it has to be carried out.
    pub due_at: Timestamp,
}

/// Opens a request.
pub async fn insert(tx: &TenantTx<'_>, new: &NewRequest<'_>) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_request",
        INSERT,
        &[
            &tx.tenant().uuid(),
            &new.request_id.uuid(),
            &new.right.as_str(),
            &new.scope.as_str(),
            &new.scope.subject().map(|id| id.uuid()),
            &new.origin.as_str(),
            &new.actor,
            &new.origin_event_id.map(|id| id.uuid()),
            &new.state.as_str(),
            &new.received_at,
            &new.opened_at,
            &new.due_at,
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
/// the tenant, a person's was opened. What revoking access writes into the product database is that instant, and tells whose
/// it is.
pub async fn free_instant(tx: &TenantTx<'_>, scope: RequestScope, now: Timestamp) -> Result<Timestamp, StoreError> {
    let is_tenant = scope == RequestScope::Tenant;
    let row = tx.query_opt("free_instant", FREE_INSTANT, &[&tx.tenant().uuid(), &now, &is_tenant]).await?;
    Ok(row.map_or(now, |row| row.get(0)))
}

/// When each of a person's requests was opened, which is what revoking access writes.
pub async fn openings(tx: &TenantTx<'_>, subject: SubjectId) -> Result<Vec<Timestamp>, StoreError> {
    let rows = tx.query("openings", OPENINGS, &[&tx.tenant().uuid(), &subject.uuid()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Ends every living request about a person whose erasure is not verified yet, in favour of the tenant's own. Returns them.
pub async fn supersede_people(tx: &TenantTx<'_>, by: RequestId, at: Timestamp) -> Result<Vec<RequestId>, StoreError> {
    let rows = tx.query("supersede_requests", SUPERSEDE, &[&tx.tenant().uuid(), &by.uuid(), &at]).await?;
    Ok(rows.iter().map(|row| RequestId::from_uuid(row.get(0))).collect())
}

/// How many erasures of people are verified and not complete: the tenant's own does not supersede them.
pub async fn unfinished_of_people(tx: &TenantTx<'_>) -> Result<i64, StoreError> {
    let row = tx.query_opt("unfinished_of_people", UNFINISHED_OF_PEOPLE, &[&tx.tenant().uuid()]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
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
    select(tx, subject, state, None, limit).await
}

/// Requests about the transaction's tenant itself, newest first, at most `limit`.
pub async fn list_of_tenant(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<RequestRow>, StoreError> {
    select(tx, None, None, Some(RequestScope::Tenant.as_str()), limit).await
}

async fn select(
    tx: &TenantTx<'_>,
    subject: Option<SubjectId>,
    state: Option<RequestState>,
    scope: Option<&str>,
    limit: i64,
) -> Result<Vec<RequestRow>, StoreError> {
    let (subject, state) = (subject.map(|id| id.uuid()), state.map(RequestState::as_str));
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tx.tenant().uuid(), &subject, &state, &scope, &limit];
    let rows = tx.query("list_requests", LIST, params).await?;
    rows.iter().map(request_row).collect()
}

/// The state of a request, locked until the transaction ends.
pub async fn lock_state(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<RequestState>, StoreError> {
    let row = tx.query_opt("lock_request", LOCK_STATE, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    row.map(|row| state_of(row.get(0))).transpose()
}

/// Where a request stands, locked until the transaction ends. `None` when it is neither scheduled nor running.
pub async fn lock_stage(tx: &TenantTx<'_>, request: RequestId) -> Result<Option<Stage>, StoreError> {
    let row = tx.query_opt("lock_stage", LOCK_STAGE, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    let Some(row) = row else { return Ok(None) };
    let phase = row.get::<_, Option<&str>>(1).map(str::parse::<Phase>).transpose();
    let phase = phase.map_err(|_| StoreError::UnknownValue { column: "run.phase" })?;
    Ok(match state_of(row.get(0))? {
        RequestState::Scheduled => Some(Stage::Scheduled),
        RequestState::Running => phase.map(Stage::Running),
        _ => None,
    })
}

/// Moves a request from one state to another, at whose end it is over or not. Fails when it is not in `from`.
pub async fn advance(
    tx: &TenantTx<'_>,
    request: RequestId,
    (from, to): (RequestState, RequestState),
    at: Timestamp,
) -> Result<(), StoreError> {
    debug_assert!(from.may_become(to), "{from} may not become {to}");
    let ended_at = to.is_ended().then_some(at);
    let tenant = tx.tenant().uuid();
    tx.execute_one("advance_request", ADVANCE, &[&tenant, &request.uuid(), &from.as_str(), &to.as_str(), &ended_at])
        .await
}

fn state_of(word: &str) -> Result<RequestState, StoreError> {
    word.parse().map_err(|_| StoreError::UnknownValue { column: "privacy_request.state" })
}

fn request_row(row: &Row) -> Result<RequestRow, StoreError> {
    let unknown = |column| StoreError::UnknownValue { column };
    Ok(RequestRow {
        request_id: RequestId::from_uuid(row.get("request_id")),
        right: row.get::<_, &str>("right_word").parse().map_err(|_| unknown("privacy_request.right_word"))?,
        scope: row
            .get::<_, Option<Uuid>>("subject_id")
            .map_or(RequestScope::Tenant, |id| RequestScope::Subject(SubjectId::from_uuid(id))),
        origin: row.get::<_, &str>("origin").parse().map_err(|_| unknown("privacy_request.origin"))?,
        actor: row.get("actor"),
        origin_event_id: row.get::<_, Option<Uuid>>("origin_event_id").map(EventId::from_uuid),
        state: state_of(row.get("state"))?,
        received_at: row.get("received_at"),
        opened_at: row.get("opened_at"),
        due_at: row.get("due_at"),
        extended_until: row.get("extended_until"),
        extension_reason: row.get("extension_reason"),
        refused_code: row.get("refused_code"),
        superseded_by: row.get::<_, Option<Uuid>>("superseded_by").map(RequestId::from_uuid),
        ended_at: row.get("ended_at"),
        offboarding: offboarding::joined(row),
        run: run::joined(row)?,
    })
}
