//! What a call about a person's account and one about a whole tenant's have in common.

use jiff::Timestamp;

use crate::{
    app::accounts::Accounts,
    domain::JobId,
    outbound::{CallFailure, identity_toolkit::Account},
};

pub(in crate::app) fn failure_word(failure: &CallFailure) -> String {
    match failure {
        CallFailure::Refused { status } => format!("refused_{status}"),
        CallFailure::Throttled { .. } => "throttled".to_owned(),
        CallFailure::Paced { .. } => "paced".to_owned(),
        CallFailure::ServerFailed { status, .. } => format!("server_failed_{status}"),
        CallFailure::Unavailable { .. } => "unavailable".to_owned(),
        CallFailure::BadAnswer { .. } => "bad_answer".to_owned(),
        CallFailure::NotSendable { .. } => "not_sendable".to_owned(),
        CallFailure::NoToken { .. } => "no_token".to_owned(),
        CallFailure::CircuitOpen { .. } => "circuit_open".to_owned(),
    }
}

/// Why a customer's purge waits.
pub(in crate::app) const UNFINISHED: &str = "call-backs of people are not finished";

/// An account that was made after the person had left is somebody else's, or a return: nobody would enable it again.
pub(in crate::app) fn is_anothers(account: &Account, departure: Timestamp) -> bool {
    account.created_at.is_some_and(|at| at > departure)
}

pub(in crate::app) fn new_id(gateway: &Accounts) -> uuid::Uuid {
    JobId::new(gateway.clock(), gateway.entropy()).uuid()
}
