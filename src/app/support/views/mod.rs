//! What is told about each thing, once: serializable types that the command line prints as JSON and an admin API can answer with.
//!
//! A view is made of stored rows and knows nothing of a terminal. Ids are prefixed, times are RFC 3339 in UTC. Promises: no
//! view holds anything personal; a field that a later version adds breaks no reader, and none is renamed or taken away.

pub mod audit;
pub mod balance;
pub mod event;
pub mod health;
pub mod job;
pub mod receipt;
pub mod request;
pub mod source;
pub mod source_change;
pub mod subject;
pub mod tenant;

use serde::Serialize;

use super::{cursor::Cursor, pages::Page};

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct PageView<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub next: Option<Cursor>,
}

impl<T> PageView<T> {
    /// A page, each row seen by `view`.
    pub fn of<R>(page: &Page<R>, view: impl FnMut(&R) -> T) -> Self {
        Self { items: page.rows.iter().map(view).collect(), next: page.next.clone() }
    }
}
