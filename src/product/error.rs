//! What can go wrong in a product database. Promises that no error carries a value of the product's data.

use crate::domain::{IdentityKind, SubjectKind, job::Verdict};

pub(super) use crate::domain::database::DatabaseFailure as DatabaseError;

/// Why an operation in a product database did not happen. Nothing of a failed operation is committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    /// The transaction could not be opened or the tenant could not be set.
    #[error("cannot open a transaction for the tenant")]
    Begin {
        /// The cause.
        source: DatabaseError,
    },
    /// The commit did not answer well. It may have happened: repeat the operation, which is safe.
    #[error("cannot commit")]
    Commit {
        /// The cause.
        source: DatabaseError,
    },
    /// The catalog could not be read.
    #[error("cannot read the catalog")]
    ReadCatalog {
        /// The cause.
        source: DatabaseError,
    },
    /// The schema has no table, or does not exist.
    #[error("schema {schema} has no tables")]
    EmptySchema {
        /// The schema.
        schema: String,
    },
    /// The identities on the person's own row could not be read.
    #[error("cannot read the person's identities")]
    CollectIdentifiers {
        /// The cause.
        source: DatabaseError,
    },
    /// Access could not be revoked or restored, or a row could not be flagged for deletion.
    #[error("cannot change access")]
    ChangeAccess {
        /// The cause.
        source: DatabaseError,
    },
    /// The fence could not be written.
    #[error("cannot write the fence")]
    WriteFence {
        /// The cause.
        source: DatabaseError,
    },
    /// The fence could not be read under its lock.
    #[error("cannot read the fence")]
    ReadFence {
        /// The cause.
        source: DatabaseError,
    },
    /// The hours could not be written.
    #[error("cannot write the worklog")]
    WriteWorklog {
        /// The cause.
        source: DatabaseError,
    },
    /// The versions of the hours could not be read.
    #[error("cannot read the worklogs")]
    ReadWorklogs {
        /// The cause.
        source: DatabaseError,
    },
    /// What was told of an account could not be written.
    #[error("cannot correct what is stored of the person")]
    Rectify {
        /// The cause.
        source: DatabaseError,
    },
    /// More rows had to be corrected than one run may. The next run goes on.
    #[error("table {table} has more rows of the person than one run corrects")]
    Unfinished {
        /// The table.
        table: String,
    },
    /// A batch failed as a whole.
    #[error("cannot run a batch on table {table}")]
    RunBatch {
        /// The step's table.
        table: String,
        /// The cause.
        source: DatabaseError,
    },
    /// Markers could not be read.
    #[error("cannot read markers")]
    Markers {
        /// The cause.
        source: DatabaseError,
    },
    /// A step needed more batches than it may.
    #[error("step {step} did not end")]
    StepUnended {
        /// The step's number in the plan.
        step: u32,
    },
    /// A worker with a larger fencing token has worked on this plan: this one must stop.
    #[error("another worker has taken over the job")]
    StaleWorker,
    /// The person has no identity of the kind that the data map anchors them by, so nothing could be found.
    #[error("no identity of kind {kind} was given for the person")]
    NoAnchorIdentity {
        /// The anchor's kind.
        kind: IdentityKind,
    },
    /// The fence cannot be asked without a digest.
    #[error("no digest was given")]
    NoDigest,
    /// The data map does not know the kind of person.
    #[error("the data map has no subject kind {kind}")]
    UnknownSubjectKind {
        /// The kind.
        kind: SubjectKind,
    },
    /// The data map does not say what is needed about a collection.
    #[error("the data map lacks {what} of collection {collection}")]
    MapGap {
        /// The collection.
        collection: String,
        /// What is missing, in our own words.
        what: &'static str,
    },
    /// The product database could not be brought up to this version.
    #[error("cannot migrate the product database")]
    Migrate {
        /// The cause.
        source: DatabaseError,
    },
    /// The migrations applied there are not those of this version.
    #[error("the product database was migrated by another version")]
    DivergentMigrations,
    /// The data map has no place for hours.
    #[error("the data map has no worklog sink")]
    NoWorklogSink,
    /// The plan was made for another dataset, schema or kind of person, or a bound of it was passed.
    #[error("the plan cannot be run: {what}")]
    PlanRefused {
        /// What is wrong, in our own words.
        what: &'static str,
    },
}

impl ProductError {
    /// What must become of a job that failed with this error.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Begin { source }
            | Self::Commit { source }
            | Self::ReadCatalog { source }
            | Self::CollectIdentifiers { source }
            | Self::ChangeAccess { source }
            | Self::WriteFence { source }
            | Self::ReadFence { source }
            | Self::WriteWorklog { source }
            | Self::ReadWorklogs { source }
            | Self::Rectify { source }
            | Self::RunBatch { source, .. }
            | Self::Markers { source } => {
                if source.is_transient() {
                    Verdict::Retry
                } else {
                    Verdict::Park
                }
            }
            Self::Unfinished { .. } => Verdict::Retry,
            Self::StaleWorker => Verdict::Discard,
            Self::EmptySchema { .. }
            | Self::StepUnended { .. }
            | Self::NoAnchorIdentity { .. }
            | Self::NoDigest
            | Self::UnknownSubjectKind { .. }
            | Self::MapGap { .. }
            | Self::Migrate { .. }
            | Self::DivergentMigrations
            | Self::NoWorklogSink
            | Self::PlanRefused { .. } => Verdict::Park,
        }
    }
}
