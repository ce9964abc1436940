//! What a sender is told, in the terms of its own contract.

/// The answer to one delivery. Each source turns it into the status that its sender's contract expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderReply {
    /// Committed, or committed before (a duplicate).
    Accepted,
    /// The credential was loaded and the comparison failed, or the source certainly does not exist. All causes look alike.
    Unauthorized,
    /// We are unable just now; the sender should repeat after this many seconds.
    Unavailable {
        /// Seconds for the `Retry-After` header.
        retry_after_seconds: u32,
    },
    /// The body is larger than the source's limit.
    TooLarge,
    /// The body did not arrive within its deadline.
    TooSlow,
}
