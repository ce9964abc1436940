//! Calls to identity providers: what they are told, and how far each call is.

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// The Firebase account cannot sign in any more.
    FirebaseDisable,
    /// The Firebase account's sessions end.
    FirebaseRevoke,
    /// The Firebase account is deleted.
    FirebaseDelete,
}

impl CallKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::FirebaseDisable, Self::FirebaseRevoke, Self::FirebaseDelete];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirebaseDisable => "firebase_disable",
            Self::FirebaseRevoke => "firebase_revoke",
            Self::FirebaseDelete => "firebase_delete",
        }
    }

    /// The kind with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How far a call is. A call of one person's own request is never `Ambiguous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// Attempts go on until it succeeds.
    Pending,
    /// The other side has done it.
    Done,
    /// The other side knows nobody of this name (any more).
    AlreadyGone,
    /// The person is back, or the account was made after the departure; nothing has to be told any more.
    Withdrawn,
    /// Another tenant knows the account, which therefore stays.
    Shared,
    /// Several projects have an account of this name, and nobody knows which is meant: all of them stay.
    Ambiguous,
    /// Nobody has given us credentials of the account's project.
    Unreachable,
}

impl CallState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Done,
        Self::AlreadyGone,
        Self::Withdrawn,
        Self::Shared,
        Self::Ambiguous,
        Self::Unreachable,
    ];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::AlreadyGone => "already_gone",
            Self::Withdrawn => "withdrawn",
            Self::Shared => "shared",
            Self::Ambiguous => "ambiguous",
            Self::Unreachable => "unreachable",
        }
    }

    /// The state with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}
