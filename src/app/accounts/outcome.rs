//! What became of an attempt at a provider call: as a word, as the end of the call, and for the job that made it.

use jiff::Timestamp;

use crate::{
    app::ground::error::JobFailure,
    domain::{
        job::ParkCode,
        provider_call::CallState,
        reason::{Cause, JobReason},
    },
    outbound::{CallFailure, identity_toolkit::Account},
};

/// How an attempt at one call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) enum Outcome {
    /// There is nothing to tell any more.
    Ended(CallState),
    /// It has to be tried again; why, as a word.
    Failed(String),
}

impl Outcome {
    /// The outcome of a call that ended or failed.
    pub(in crate::app) fn of(made: &Result<CallState, CallFailure>) -> Self {
        match made {
            Ok(state) => Self::Ended(*state),
            Err(failure) => Self::Failed(failure_word(failure)),
        }
    }

    /// The word that is recorded of the attempt.
    pub(in crate::app) fn word(&self) -> &str {
        match self {
            Self::Ended(state) => state.as_str(),
            Self::Failed(word) => word,
        }
    }

    /// How the call has ended, if it has.
    pub(in crate::app) const fn state(&self) -> Option<CallState> {
        match self {
            Self::Ended(state) => Some(*state),
            Self::Failed(_) => None,
        }
    }
}

/// Why a call failed, as a closed word.
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

/// A job whose call failed. What waiting can mend is tried again; everything else waits for a person.
pub(in crate::app) fn job_failure(failure: &CallFailure) -> JobFailure {
    let cause = Cause::of(failure);
    if failure.is_transient() {
        JobFailure::retry(JobReason::ProviderAway { cause })
    } else {
        JobFailure::park(ParkCode::ProviderRefuses, JobReason::ProviderRefuses { cause })
    }
}

/// A job that has calls left to make; why, where that is known. What waiting can mend is tried again.
pub(in crate::app) fn unfinished(reason: Option<&str>, is_transient: bool) -> JobFailure {
    let reason = reason.map_or(JobReason::ProviderCallsUnfinished, |cause| {
        let cause = cause.to_owned();
        JobReason::ProviderCallsFailed { cause }
    });
    if is_transient { JobFailure::retry(reason) } else { JobFailure::park(ParkCode::ProviderRefuses, reason) }
}

/// An account that was made after the person had left is somebody else's, or a return: nobody would enable it again.
pub(in crate::app) fn is_anothers(account: &Account, departure: Timestamp) -> bool {
    account.created_at.is_some_and(|at| at > departure)
}
