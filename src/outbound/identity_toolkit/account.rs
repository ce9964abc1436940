//! An account of a project, and what a change of one came to.

use jiff::Timestamp;

use crate::domain::Personal;

/// The longest uid, in characters, as Firebase bounds it.
pub const UID_CHARS_MAX: usize = 128;

/// What the provider has answered to a change of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// It was done.
    Done,
    /// There is no such account, so there is nothing to do.
    AlreadyGone,
}

/// An account as a look-up shows it; the rest of the answer is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its uid, one of those asked about.
    pub uid: Personal<String>,
    /// True when it cannot sign in.
    pub is_disabled: bool,
    /// Tokens issued before this second are void; `None` where the answer does not say.
    pub valid_since_seconds: Option<i64>,
    /// When it was made; `None` where the answer does not say. A later time than a deletion's means another account under
    /// the same uid.
    pub created_at: Option<Timestamp>,
}
