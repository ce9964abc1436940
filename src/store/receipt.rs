//! Signed receipts.

use jiff::Timestamp;

use super::{StoreError, TenantTx, statements};
use crate::domain::{ReceiptId, RequestId};

statements! {
    INSERT = "INSERT INTO gateway.receipt (tenant_id, receipt_id, request_id, issued_at, jws)
        VALUES ($1, $2, $3, $4, $5)";
    OF_REQUEST = "SELECT receipt_id, issued_at, jws FROM gateway.receipt WHERE tenant_id = $1 AND request_id = $2";
}

/// Stores a receipt. A request has one.
pub async fn insert(
    tx: &TenantTx<'_>,
    receipt: ReceiptId,
    request: RequestId,
    issued_at: Timestamp,
    jws: &str,
) -> Result<(), StoreError> {
    tx.execute_one("insert_receipt", INSERT, &[&tx.tenant().uuid(), &receipt.uuid(), &request.uuid(), &issued_at, &jws])
        .await
}

/// The receipt of a request: id, time and token.
pub async fn of_request(
    tx: &TenantTx<'_>,
    request: RequestId,
) -> Result<Option<(ReceiptId, Timestamp, String)>, StoreError> {
    let row = tx.query_opt("receipt_of_request", OF_REQUEST, &[&tx.tenant().uuid(), &request.uuid()]).await?;
    Ok(row.map(|row| (ReceiptId::from_uuid(row.get(0)), row.get(1), row.get(2))))
}
