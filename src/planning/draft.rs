//! A step before it has its place, and when it comes among the steps of its table.

use crate::domain::plan::{Disposal, Reach};

/// A step before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft<'m> {
    pub(super) table: &'m str,
    pub(super) turn: Turn,
    pub(super) reach: Reach,
    pub(super) disposal: Disposal,
}

/// When a step comes among the steps of its own table. The numbers are positions of bonds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Rewrite(usize),
    CoOwnedDelete(usize),
    CoOwnedRewrite(usize),
    Delete(usize),
    OwnRow,
}

impl Turn {
    /// The place within the table. Co-owned bonds come one after the other, each deletion before its own rewrite: a row
    /// that one person co-owns twice is then deleted at the second bond, because the first one is null by that time.
    pub(super) const fn place(self) -> (u8, usize, u8) {
        match self {
            Self::Rewrite(bond) => (0, bond, 0),
            Self::CoOwnedDelete(bond) => (1, bond, 0),
            Self::CoOwnedRewrite(bond) => (1, bond, 1),
            Self::Delete(bond) => (2, bond, 0),
            Self::OwnRow => (3, 0, 0),
        }
    }
}
