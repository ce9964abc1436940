//! Signed receipts.

use jiff::Timestamp;

use super::{StoreError, TenantTx, statements};
use crate::domain::{ReceiptId, RunId};

statements! {
    INSERT = "INSERT INTO gateway.receipt (tenant_id, receipt_id, run_id, issued_at, jws)
        VALUES ($1, $2, $3, $4, $5)";
    OF_RUN = "SELECT receipt_id, issued_at, jws FROM gateway.receipt WHERE tenant_id = $1 AND run_id = $2";
}

/// Stores a receipt. A run has one.
pub async fn insert(
    tx: &TenantTx<'_>,
    receipt: ReceiptId,
    run: RunId,
    issued_at: Timestamp,
    jws: &str,
) -> Result<(), StoreError> {
    tx.execute_one("insert_receipt", INSERT, &[&tx.tenant().uuid(), &receipt.uuid(), &run.uuid(), &issued_at, &jws])
        .await
}

/// The receipt of a run: id, time and token.
pub async fn of_run(tx: &TenantTx<'_>, run: RunId) -> Result<Option<(ReceiptId, Timestamp, String)>, StoreError> {
    let row = tx.query_opt("receipt_of_run", OF_RUN, &[&tx.tenant().uuid(), &run.uuid()]).await?;
    Ok(row.map(|row| (ReceiptId::from_uuid(row.get(0)), row.get(1), row.get(2))))
}
