//! Erasure runs: their phases, each reached by compare-and-set and carrying its time.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{
    RequestId, RunId,
    run::{Phase, PhaseTimes, Run, RunKind, RunPhase},
    verification::VerificationReport,
};

statements! {
    INSERT = "INSERT INTO gateway.run (tenant_id, run_id, kind, request_id, phase, planned_at)
        VALUES ($1, $2, $3, $4, 'planned', $5)";
    // A clock that is a little behind must not bring the phases out of order.
    ADVANCE = "UPDATE gateway.run
        SET phase = $4,
            fenced_at = CASE WHEN $4 = 'fenced' THEN greatest($5, planned_at) ELSE fenced_at END,
            executed_at = CASE WHEN $4 = 'executed' THEN greatest($5, fenced_at) ELSE executed_at END,
            verified_at = CASE WHEN $4 = 'verified' THEN greatest($5, executed_at) ELSE verified_at END,
            told_at = CASE WHEN $4 = 'told' THEN greatest($5, verified_at) ELSE told_at END,
            key_destroyed_at = CASE WHEN $4 = 'key_destroyed' THEN greatest($5, told_at) ELSE key_destroyed_at END,
            certified_at = CASE WHEN $4 = 'certified' THEN greatest($5, key_destroyed_at) ELSE certified_at END,
            verification = coalesce($6, verification),
            verification_failed_at = NULL
        WHERE tenant_id = $1 AND run_id = $2 AND phase = $3";
    REQUEST_OF = "SELECT request_id
        FROM gateway.run
        WHERE tenant_id = $1 AND run_id = $2";
    KEEP_REPORT = "UPDATE gateway.run
        SET verification = $3
        WHERE tenant_id = $1 AND run_id = $2 AND phase = 'executed'";
    FAIL_VERIFICATION = "UPDATE gateway.run
        SET verification = $3,
            verification_failed_at = $4
        WHERE tenant_id = $1 AND run_id = $2 AND phase = 'executed'";
}

/// The request that a run carries out. `None` for a run of a rule, and when there is no such run.
pub async fn request_of(tx: &TenantTx<'_>, run: RunId) -> Result<Option<RequestId>, StoreError> {
    let row = tx.query_opt("request_of", REQUEST_OF, &[&tx.tenant().uuid(), &run.uuid()]).await?;
    Ok(row.and_then(|row| row.get::<_, Option<Uuid>>(0)).map(RequestId::from_uuid))
}

/// Begins a run of a request.
pub async fn insert(
    tx: &TenantTx<'_>,
    run: RunId,
    kind: RunKind,
    request: RequestId,
    planned_at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tenant, &run.uuid(), &kind.as_str(), &request.uuid(), &planned_at];
    tx.execute_one("insert_run", INSERT, params).await
}

/// Moves a run from one phase to another, with the reader's report where there is one. Fails when it is not in `from`.
pub async fn advance(
    tx: &TenantTx<'_>,
    run: RunId,
    (from, to): (Phase, Phase),
    at: Timestamp,
    report: Option<&serde_json::Value>,
) -> Result<(), StoreError> {
    debug_assert!(from.may_become(to), "{from} may not become {to}");
    let tenant = tx.tenant().uuid();
    tx.execute_one("advance_run", ADVANCE, &[&tenant, &run.uuid(), &from.as_str(), &to.as_str(), &at, &report]).await
}

/// Keeps the reader's report of a run that is executed and not verified to its end yet.
pub async fn keep_report(tx: &TenantTx<'_>, run: RunId, report: &serde_json::Value) -> Result<(), StoreError> {
    tx.execute_one("keep_report", KEEP_REPORT, &[&tx.tenant().uuid(), &run.uuid(), report]).await
}

/// Records that the reader has found something: the run stays executed, and has to be executed again.
pub async fn fail_verification(
    tx: &TenantTx<'_>,
    run: RunId,
    report: &serde_json::Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one("fail_verification", FAIL_VERIFICATION, &[&tx.tenant().uuid(), &run.uuid(), report, &at]).await
}

/// The erasure run in a row that was joined with `gateway.run`, if there is one.
pub(super) fn joined(row: &Row) -> Result<Option<Run>, StoreError> {
    let Some(run_id) = row.get::<_, Option<Uuid>>("run_id") else { return Ok(None) };
    let unknown = |column| StoreError::UnknownValue { column };
    let phase = row.get::<_, &str>("phase").parse().map_err(|_| unknown("run.phase"))?;
    let times = PhaseTimes {
        planned_at: row.get("planned_at"),
        fenced_at: row.get("fenced_at"),
        executed_at: row.get("executed_at"),
        verification_failed_at: row.get("verification_failed_at"),
        verified_at: row.get("verified_at"),
        told_at: row.get("told_at"),
        key_destroyed_at: row.get("key_destroyed_at"),
        certified_at: row.get("certified_at"),
    };
    let report = row.get::<_, Option<serde_json::Value>>("verification");
    let report = report.map(serde_json::from_value::<VerificationReport>).transpose();
    let report = report.map_err(|_| unknown("run.verification"))?;
    let phase = RunPhase::read(phase, &times, report).ok_or_else(|| unknown("run.phase"))?;
    Ok(Some(Run { run_id: RunId::from_uuid(run_id), phase }))
}
