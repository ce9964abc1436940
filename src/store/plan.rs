//! Plans as they were run, and how far each step is.

use jiff::Timestamp;

use super::{StoreError, TenantTx, statements};
use crate::domain::{PlanId, RunId};

statements! {
    // Later than every plan before it, even within one instant of the calendar: the latest plan is the one that runs.
    INSERT_PLAN = "INSERT INTO gateway.plan (tenant_id, plan_id, run_id, digest, plan, created_at)
        SELECT $1::uuid, $2::uuid, $3::uuid, $4::bytea, $5::jsonb,
               greatest($6::timestamptz, max(before.created_at) + interval '1 microsecond')
        FROM gateway.plan before
        WHERE before.tenant_id = $1 AND before.run_id = $3";
    INSERT_STEP = "INSERT INTO gateway.step (tenant_id, plan_id, step_number, table_name, disposal)
        VALUES ($1, $2, $3, $4, $5)";
    LATEST_OF_RUN = "SELECT plan_id, digest, plan
        FROM gateway.plan
        WHERE tenant_id = $1 AND run_id = $2
        ORDER BY created_at DESC, plan_id DESC
        LIMIT 1";
    EXECUTED = "SELECT s.table_name, s.disposal, s.row_count
        FROM gateway.plan p
        JOIN gateway.step s ON s.tenant_id = p.tenant_id AND s.plan_id = p.plan_id
        WHERE p.tenant_id = $1 AND p.run_id = $2 AND s.row_count IS NOT NULL
        ORDER BY p.created_at, p.plan_id, s.step_number";
    FINISH_STEP = "UPDATE gateway.step
        SET row_count = $4, finished_at = $5
        WHERE tenant_id = $1 AND plan_id = $2 AND step_number = $3";
}

/// A stored plan.
#[derive(Debug, Clone)]
pub struct PlanRow {
    /// Its id.
    pub plan_id: PlanId,
    /// Digest of the plan.
    pub digest: Vec<u8>,
    /// The plan as JSON.
    pub plan: serde_json::Value,
}

/// Stores a plan with its steps (number, table, disposal).
pub async fn insert(
    tx: &TenantTx<'_>,
    run: RunId,
    plan: &PlanRow,
    steps: &[(i32, &str, &str)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().uuid();
    tx.execute_one(
        "insert_plan",
        INSERT_PLAN,
        &[&tenant, &plan.plan_id.uuid(), &run.uuid(), &plan.digest, &plan.plan, &at],
    )
    .await?;
    for (number, table, disposal) in steps {
        tx.execute_one("insert_step", INSERT_STEP, &[&tenant, &plan.plan_id.uuid(), number, table, disposal]).await?;
    }
    Ok(())
}

/// The latest plan of a run.
pub async fn latest_of_run(tx: &TenantTx<'_>, run: RunId) -> Result<Option<PlanRow>, StoreError> {
    let row = tx.query_opt("latest_plan", LATEST_OF_RUN, &[&tx.tenant().uuid(), &run.uuid()]).await?;
    Ok(row.map(|row| PlanRow { plan_id: PlanId::from_uuid(row.get(0)), digest: row.get(1), plan: row.get(2) }))
}

/// Records a step's final count. Safe to repeat with the same count.
pub async fn finish_step(
    tx: &TenantTx<'_>,
    plan: PlanId,
    step_number: i32,
    row_count: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one("finish_step", FINISH_STEP, &[&tx.tenant().uuid(), &plan.uuid(), &step_number, &row_count, &at])
        .await
}

/// What every finished step of a run has done, in order: table, disposal, rows.
pub async fn executed(tx: &TenantTx<'_>, run: RunId) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = tx.query("executed_steps", EXECUTED, &[&tx.tenant().uuid(), &run.uuid()]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}
