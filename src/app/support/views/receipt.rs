//! Receipts. What a receipt claims is `proof::ReceiptClaims`, which is public as it is signed; this is the signed text.

use serde::Serialize;

/// A signed receipt.
#[derive(Debug, Serialize)]
pub struct ReceiptView<'a> {
    /// The compact token.
    pub receipt: &'a str,
}
