//! What a caller of a use case can act on.

use std::borrow::Cow;

use crate::{
    domain::{
        Reason,
        job::{ParkCode, Verdict},
        reason::{Cause, InputReason, WaitReason, WorkReason},
    },
    planning::PlanError,
    product::{ProductError, VerifyError},
    proof::ProofError,
    sealing::OpenError,
    store::StoreError,
};

/// A use case failed. Nothing was half done: the transaction was rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Our database refused or was away.
    #[error("the gateway's database failed")]
    Store(#[from] StoreError),
    /// A product database refused or was away.
    #[error("the product database failed")]
    Product(#[from] ProductError),
    /// The independent reader could not read.
    #[error("verification failed")]
    Verify(#[from] VerifyError),
    /// A sealed value did not open: wrong key ring, or damage.
    #[error("a sealed value did not open")]
    Open(#[from] OpenError),
    /// No plan can be made.
    #[error("no plan can be made")]
    Plan(#[from] PlanError),
    /// A receipt could not be signed.
    #[error("the receipt could not be signed")]
    Proof(#[from] ProofError),
    /// Something asked for does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// What was asked for is not allowed now, or not like this.
    #[error("{0}")]
    Rejected(Reason),
    /// Something else has to end first; the same call succeeds later.
    #[error("{0}")]
    Later(Reason),
    /// A row that must be there is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// What we store cannot be written in its form, or what was stored cannot be read by this version.
    #[error("{what} cannot be written or read")]
    Unserializable {
        /// What it is.
        what: &'static str,
    },
}

impl Error {
    /// True when the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(source) => source.is_transient(),
            Self::Product(source) => source.verdict() == Verdict::Retry,
            Self::Verify(source) => source.is_transient(),
            Self::Later(_) => true,
            Self::Open(_)
            | Self::Plan(_)
            | Self::Proof(_)
            | Self::NotFound(_)
            | Self::Rejected(_)
            | Self::Missing(_)
            | Self::Unserializable { .. } => false,
        }
    }

    /// What was asked for is rejected.
    pub fn rejected(reason: InputReason) -> Self {
        Self::Rejected(reason.into())
    }

    /// Something else has to end first.
    pub fn later(reason: WaitReason) -> Self {
        Self::Later(reason.into())
    }

    /// The same as a reason: with a code, and with the whole chain of causes.
    pub fn reason(&self) -> Reason {
        let is_transient = self.is_transient();
        match self {
            Self::Store(error) => {
                let cause = Cause::chain_of(error);
                if is_transient {
                    WorkReason::GatewayDatabaseAway { cause }.into()
                } else {
                    WorkReason::GatewayDatabaseRefuses { cause }.into()
                }
            }
            Self::Product(error) => {
                let cause = Cause::chain_of(error);
                if is_transient {
                    WorkReason::ProductDatabaseAway { cause }.into()
                } else {
                    WorkReason::ProductDatabaseRefuses { cause }.into()
                }
            }
            Self::Verify(error) => {
                let cause = Cause::chain_of(error);
                if is_transient {
                    WorkReason::ReaderAway { cause }.into()
                } else {
                    WorkReason::ReaderCannotRead { cause }.into()
                }
            }
            Self::Open(error) => WorkReason::SealedValueUnreadable { cause: Cause::chain_of(error) }.into(),
            Self::Plan(error) => WorkReason::PlanNotUsable { cause: Cause::chain_of(error) }.into(),
            Self::Proof(error) => WorkReason::ReceiptNotSigned { cause: Cause::chain_of(error) }.into(),
            Self::NotFound(what) => WorkReason::NotFound { what }.into(),
            Self::Missing(what) => WorkReason::RowMissing { what }.into(),
            Self::Unserializable { what } => WorkReason::Unserializable { what }.into(),
            Self::Rejected(reason) | Self::Later(reason) => reason.clone(),
        }
    }

    /// The chain of causes on one line. Holds ids, names and SQLSTATEs, never values.
    pub fn chain(&self) -> String {
        Cause::chain_of(self).to_string()
    }
}

/// Why an attempt of a job did not complete, with what must become of the job.
#[derive(Debug)]
pub struct JobFailure {
    /// What must become of the job.
    pub end: AttemptEnd,
    /// Why, as it is stored (at most 300 bytes): a reason's code, and after a colon its parameters.
    pub reason: String,
}

/// Why a job failed, as it is stored. Made of a [`Reason`] and of nothing else.
#[derive(Debug)]
pub struct StoredReason(Cow<'static, str>);

impl<R: Into<Reason>> From<R> for StoredReason {
    fn from(reason: R) -> Self {
        Self(reason.into().stored())
    }
}

/// What must become of a job whose attempt did not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// It is tried again later, as often as it takes.
    Retry,
    /// It is parked: a person has to look.
    Park(ParkCode),
    /// It has nothing to do any more.
    Discard,
}

impl JobFailure {
    /// A failure that waiting can mend.
    pub fn retry(reason: impl Into<StoredReason>) -> Self {
        Self { end: AttemptEnd::Retry, reason: reason.into().0.into_owned() }
    }

    /// A failure that waits for a person.
    pub fn park(code: ParkCode, reason: impl Into<StoredReason>) -> Self {
        Self { end: AttemptEnd::Park(code), reason: reason.into().0.into_owned() }
    }

    /// There is nothing to do any more.
    pub fn discard(reason: impl Into<StoredReason>) -> Self {
        Self { end: AttemptEnd::Discard, reason: reason.into().0.into_owned() }
    }
}

impl<E: Into<Error>> From<E> for JobFailure {
    fn from(error: E) -> Self {
        let error = error.into();
        let code = match &error {
            Error::Product(product) => match product.verdict() {
                Verdict::Retry => return Self::retry(error.reason()),
                // Recording a verdict is guarded by the attempt, so this one is never that of a stale worker: the product
                // database knows a later attempt than we do (our database was restored), and a person has to look.
                Verdict::Discard | Verdict::Park => ParkCode::ProductDatabaseRefuses,
            },
            // A statement that is wrong stays wrong; another number of rows is a race that was lost.
            Error::Store(StoreError::Statement { source, .. }) if !source.is_transient() => {
                ParkCode::GatewayDatabaseRefuses
            }
            Error::Store(_) | Error::Later(_) => return Self::retry(error.reason()),
            // A reader that cannot see says nothing about what is there: a person has to look.
            Error::Verify(source) if source.is_transient() => return Self::retry(error.reason()),
            Error::Verify(_) => ParkCode::ReaderCannotRead,
            Error::Open(_) => ParkCode::SealedValueUnreadable,
            Error::Plan(_) => ParkCode::PlanNotUsable,
            Error::Proof(_) => ParkCode::ReceiptNotSigned,
            Error::Unserializable { .. } => ParkCode::Unserializable,
            Error::Missing(_) | Error::NotFound(_) => ParkCode::RowMissing,
            Error::Rejected(_) => ParkCode::NotAllowed,
        };
        Self::park(code, error.reason())
    }
}

/// The beginning of a text that is stored where only so many bytes fit.
pub(in crate::app) fn shorten(text: &str, bytes: usize) -> String {
    let end = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= bytes).last();
    text[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{database::DatabaseFailure, reason::code_of};

    fn statement(sqlstate: &str) -> Error {
        let source = DatabaseFailure { sqlstate: Some(sqlstate.to_owned()), constraint: None, table: None };
        StoreError::Statement { statement: "insert_plan", source }.into()
    }

    #[test]
    fn why_a_job_failed_begins_with_a_code_and_says_what_must_become_of_it() {
        let stored = |error: Error| {
            let failure = JobFailure::from(error);
            (failure.end, code_of(&failure.reason), failure.reason)
        };
        let (end, code, text) = stored(statement("57P01"));
        assert_eq!((end, code), (AttemptEnd::Retry, Some("gateway_database_away")));
        assert_eq!(text, "gateway_database_away: statement insert_plan failed: SQLSTATE 57P01");
        let (end, code, _) = stored(statement("42P01"));
        assert_eq!((end, code), (AttemptEnd::Park(ParkCode::GatewayDatabaseRefuses), Some("gateway_database_refuses")));
        let (end, _, text) = stored(Error::Missing("the plan"));
        assert_eq!((end, text.as_str()), (AttemptEnd::Park(ParkCode::RowMissing), "row_missing: the plan"));
        let (end, _, text) = stored(Error::later(WaitReason::ErasureUnfinished));
        assert_eq!((end, text.as_str()), (AttemptEnd::Retry, "erasure_unfinished"));
        let (end, _, text) = stored(Error::Unserializable { what: "the plan" });
        assert_eq!((end, text.as_str()), (AttemptEnd::Park(ParkCode::Unserializable), "unserializable: the plan"));
    }

    #[test]
    fn an_error_and_its_reason_say_the_same() {
        for error in [
            Error::NotFound("job"),
            Error::Missing("the plan"),
            Error::Unserializable { what: "the plan" },
            Error::rejected(InputReason::SourceInUse),
            Error::later(WaitReason::TurnTaken),
        ] {
            assert_eq!(error.to_string(), error.reason().to_string());
        }
    }
}
