//! Projects, issues and worklogs as a tree. Deleting one is told for the topmost only, so children follow by our own ledger.

use jiff::Timestamp;

/// Something that happened to an issue or a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeChange {
    /// An issue belongs to a project.
    IssueSeen {
        /// The issue's numeric id, as text.
        issue_id: String,
        /// The project's numeric id, as text.
        project_id: String,
        /// When, by the source's clock.
        at: Timestamp,
    },
    /// An issue is gone, and its worklogs with it.
    IssueDeleted {
        /// The issue's id.
        issue_id: String,
        /// Its project, where the source said so.
        project_id: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A project is gone (for good, or into the bin), and everything in it.
    ProjectDeleted {
        /// The project's id.
        project_id: String,
        /// When.
        at: Timestamp,
    },
    /// A project came back from the bin, with everything that went with it.
    ProjectRestored {
        /// The project's id.
        project_id: String,
        /// When.
        at: Timestamp,
    },
}

impl TreeChange {
    /// When, by the source's clock.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::IssueSeen { at, .. }
            | Self::IssueDeleted { at, .. }
            | Self::ProjectDeleted { at, .. }
            | Self::ProjectRestored { at, .. } => *at,
        }
    }

    /// The type word recorded on the event.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::IssueSeen { .. } => "issue_seen",
            Self::IssueDeleted { .. } => "issue_deleted",
            Self::ProjectDeleted { .. } => "project_deleted",
            Self::ProjectRestored { .. } => "project_restored",
        }
    }
}
