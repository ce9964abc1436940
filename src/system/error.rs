//! Why the system could not be put together.

use crate::{
    datamap::Finding, embedded::EmbeddedError, outbound::OutboundError, product::ProductError, store::StoreError,
};

/// Why the system could not be put together. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The private PostgreSQL did not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// A connection string or a connection is no good.
    #[error("{0}")]
    Connect(String),
    /// The key ring is missing, damaged, or another one.
    #[error("{0}")]
    KeyRing(String),
    /// Data map or policy have mistakes.
    #[error("the policy cannot be used:{}", lines(.0))]
    Policy(Vec<Finding>),
    /// A policy file could not be read.
    #[error("{0}")]
    PolicyFile(String),
    /// The database is not what it must be.
    #[error("{0}")]
    Refused(String),
    /// Our database failed.
    #[error("the gateway's database failed")]
    Store(#[from] StoreError),
    /// The keys of senders' parties cannot be asked for.
    #[error("keys cannot be asked for")]
    Outbound(#[from] OutboundError),
    /// The product database failed.
    #[error("the product database failed")]
    Product(#[from] ProductError),
}

/// Every finding on a line of its own: file, line, what is wrong and what to do.
fn lines(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |text, finding| text + "\n  " + &finding.to_string())
}
