//! What is said of a key that was asked for.

use std::sync::Arc;

use crate::domain::key_set::PublicKey;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAnswer {
    /// Its publisher says that this is the key.
    Key(Arc<PublicKey>),
    /// Its publisher has just said that there is no such key.
    Unknown,
    /// The publisher could not be asked, or not as often as this: nothing is known, and asking later may help.
    Unavailable,
}
