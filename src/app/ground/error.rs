//! What a caller of a use case can act on.

use crate::{
    domain::job::{ParkCode, Verdict},
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
    /// What was asked for is not allowed now.
    #[error("{0}")]
    Refused(String),
    /// Something else has to finish first; the same call succeeds later.
    #[error("{0}")]
    Busy(&'static str),
    /// A row that must be there is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Error {
    /// True when the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(source) => source.is_transient(),
            Self::Product(source) => source.verdict() == Verdict::Retry,
            Self::Verify(source) => source.is_transient(),
            Self::Busy(_) => true,
            Self::Open(_)
            | Self::Plan(_)
            | Self::Proof(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Missing(_) => false,
        }
    }

    /// The chain of causes on one line. Holds ids, names and SQLSTATEs, never values.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}

/// Why an attempt of a job did not complete, with what must become of the job.
#[derive(Debug)]
pub struct JobFailure {
    /// What must become of the job.
    pub end: AttemptEnd,
    /// A sentence without values, at most 300 bytes when stored.
    pub reason: String,
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
    pub fn retry(reason: impl Into<String>) -> Self {
        Self { end: AttemptEnd::Retry, reason: reason.into() }
    }

    /// A failure that waits for a person.
    pub fn park(code: ParkCode, reason: impl Into<String>) -> Self {
        Self { end: AttemptEnd::Park(code), reason: reason.into() }
    }

    /// There is nothing to do any more.
    pub fn discard(reason: impl Into<String>) -> Self {
        Self { end: AttemptEnd::Discard, reason: reason.into() }
    }
}

impl<E: Into<Error>> From<E> for JobFailure {
    fn from(error: E) -> Self {
        let error = error.into();
        let code = match &error {
            Error::Product(product) => match product.verdict() {
                Verdict::Retry => return Self::retry(error.chain()),
                // Recording a verdict is guarded by the attempt, so this one is never that of a stale worker: the product
                // database knows a later attempt than we do (our database was restored), and a person has to look.
                Verdict::Discard | Verdict::Park => ParkCode::ProductDatabaseRefuses,
            },
            // A statement that is wrong stays wrong; another number of rows is a race that was lost.
            Error::Store(StoreError::Statement { source, .. }) if !source.is_transient() => {
                ParkCode::GatewayDatabaseRefuses
            }
            Error::Store(_) | Error::Busy(_) => return Self::retry(error.chain()),
            // A reader that cannot see says nothing about what is there: a person has to look.
            Error::Verify(source) if source.is_transient() => return Self::retry(error.chain()),
            Error::Verify(_) => ParkCode::ReaderCannotRead,
            Error::Open(_) => ParkCode::SealedValueUnreadable,
            Error::Plan(_) => ParkCode::PlanNotUsable,
            Error::Proof(_) => ParkCode::ReceiptNotSigned,
            Error::Missing(_) | Error::NotFound(_) => ParkCode::RowMissing,
            Error::Refused(_) => ParkCode::NotAllowed,
        };
        Self::park(code, error.chain())
    }
}

pub(in crate::app) fn shorten(text: &str, bytes: usize) -> String {
    let end = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= bytes).last();
    text[..end.unwrap_or(0)].to_owned()
}
