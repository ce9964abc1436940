//! What is polled.

/// One thing that a source is asked for, with its own place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PollFeed {
    /// Which accounts were closed or changed.
    Accounts,
    /// Worklogs that were created or changed.
    WorklogsUpdated,
    /// Worklogs that were deleted.
    WorklogsDeleted,
}

impl PollFeed {
    /// Every feed.
    pub const ALL: [Self; 3] = [Self::Accounts, Self::WorklogsUpdated, Self::WorklogsDeleted];

    /// The word used in SQL, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::WorklogsUpdated => "worklogs_updated",
            Self::WorklogsDeleted => "worklogs_deleted",
        }
    }

    /// The feed with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.as_str() == text)
    }
}
