//! Events as the commands list them.

use crate::cli::table::Columns;

/// The columns of an event in a list.
pub(in crate::cli) const COLUMNS: Columns<'static> = &[
    ("EVENT", "event_id"),
    ("RECEIVED", "received_at"),
    ("TYPE", "type"),
    ("STATE", "state"),
    ("OUTCOME", "outcome"),
    ("REASON", "reason"),
    ("REPLAY OF", "replay_of"),
];
