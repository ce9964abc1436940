//! Rejections that have not been written out yet.

use crate::{domain::SourceKind, signature::Rejection};
use jiff::{Timestamp, civil::Date};
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::app) struct Rejected {
    /// The kind of sender that its route is for.
    pub(in crate::app) kind: SourceKind,
    /// The source's name when it is a registered one of that kind; what else callers write into a path is not kept.
    pub(in crate::app) source: Option<String>,
}

/// Rejections that have not been written out.
#[derive(Default)]
pub(in crate::app) struct Rejections(pub(super) Mutex<Waiting>);

#[derive(Default)]
pub(super) struct Waiting {
    pub(super) counts: HashMap<(Rejected, Rejection, Date), (u32, Timestamp)>,
    pub(super) latest: VecDeque<(Rejected, Rejection, Timestamp)>,
}
