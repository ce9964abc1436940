//! Hours of work, minimized: ids, seconds, a local day and versions. Never a comment, a name or an avatar.

use jiff::{Timestamp, civil::Date};

use super::Personal;

/// The longest worklog, in seconds, that is believed: 366 days. Jira itself has no bound.
pub const WORKLOG_SECONDS_MAX: i64 = 366 * 24 * 3600;

/// A change of one Jira worklog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorklogChange {
    /// The worklog exists with these values.
    Logged(WorklogEntry),
    /// The worklog is gone. Worklog ids are not reused, so this outranks every version.
    Removed {
        /// The site's id of the worklog (decimal digits).
        worklog_id: String,
        /// Source time of the removal.
        removed_at: Timestamp,
    },
}

/// The values of a worklog that the product keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorklogEntry {
    /// The site's id of the worklog (decimal digits).
    pub worklog_id: String,
    /// The site's id of the issue (decimal digits).
    pub issue_id: String,
    /// Who did the work.
    pub author_account_id: Personal<String>,
    /// Seconds of work, 0 to [`WORKLOG_SECONDS_MAX`].
    pub seconds: i64,
    /// The local day of `started`, in the offset that `started` carries.
    pub work_day: Date,
    /// The worklog's own `updated`: its version. A smaller or equal one changes nothing.
    pub updated_at: Timestamp,
}
