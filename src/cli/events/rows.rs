//! Events as the commands list them.

use serde_json::{Value, json};

use crate::cli::table::Columns;
use crate::domain::reason::code_of;
use crate::store::event::EventRow;

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
/// Events as rows.
pub(in crate::cli) fn rows(events: &[EventRow]) -> Vec<Value> {
    events.iter().map(row).collect()
}

/// One event as a row.
pub(super) fn row(event: &EventRow) -> Value {
    json!({
        "event_id": event.event_id,
        "source_id": event.source_id,
        "tenant_id": event.tenant_id,
        "received_at": event.received_at,
        "original_received_at": event.original_received_at,
        "replay_of": event.replay_of,
        "type": event.type_word,
        "state": event.state,
        "outcome": event.outcome,
        "reason": event.outcome_reason,
        "reason_code": event.outcome_reason.as_deref().and_then(code_of),
        "finished_at": event.finished_at,
        "attempts": event.attempt,
        "body_bytes": event.body_bytes,
        "body_event_id": event.body_event_id,
    })
}
