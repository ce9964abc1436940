//! How events have ended.

use serde::Serialize;

use crate::store::event::Balance;

/// The balance of events.
#[derive(Debug, Serialize)]
pub struct BalanceView {
    accepted: i64,
    pending: i64,
    applied: i64,
    ignored: i64,
    dead_lettered: i64,
    /// True when every accepted event is pending or has one outcome.
    pub is_balanced: bool,
}

impl From<Balance> for BalanceView {
    fn from(balance: Balance) -> Self {
        let Balance { accepted, pending, applied, ignored, dead_lettered } = balance;
        let is_balanced = accepted == pending + applied + ignored + dead_lettered;
        Self { accepted, pending, applied, ignored, dead_lettered, is_balanced }
    }
}
