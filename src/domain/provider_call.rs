//! Calls to identity providers: what they are told, and how far each call is.

use super::words::closed_words;

closed_words! {
    /// What is told.
    pub enum CallKind {
        /// The Firebase account cannot sign in any more.
        FirebaseDisable = "firebase_disable",
        /// The Firebase account's sessions end.
        FirebaseRevoke = "firebase_revoke",
        /// The Firebase account is deleted.
        FirebaseDelete = "firebase_delete",
    }
}

closed_words! {
    /// How far a call is. A call of one person's own request is never `Ambiguous`.
    pub enum CallState {
        /// Attempts go on until it succeeds.
        Pending = "pending",
        /// The other side has done it.
        Done = "done",
        /// The other side knows nobody of this name (any more).
        AlreadyGone = "already_gone",
        /// The person is back, or the account was made after the departure; nothing has to be told any more.
        Withdrawn = "withdrawn",
        /// Another tenant knows the account, which therefore stays.
        Shared = "shared",
        /// Several projects have an account of this name, and nobody knows which is meant: all of them stay.
        Ambiguous = "ambiguous",
        /// Nobody has given us credentials of the account's project, or a person has said that nobody can be told.
        Unreachable = "unreachable",
    }
}
