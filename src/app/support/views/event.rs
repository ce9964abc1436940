//! Events.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    app::support::replay::Preview,
    domain::{
        EventId, SourceId, TenantId,
        reason::{code_of, entry_of},
    },
    store::event::EventRow,
};

/// An event in a list.
#[derive(Debug, Serialize)]
pub struct EventView {
    event_id: EventId,
    source_id: SourceId,
    tenant_id: TenantId,
    received_at: Timestamp,
    original_received_at: Timestamp,
    replay_of: Option<EventId>,
    #[serde(rename = "type")]
    type_word: Option<String>,
    state: String,
    outcome: Option<String>,
    reason: Option<String>,
    reason_code: Option<&'static str>,
    finished_at: Option<Timestamp>,
    attempts: i32,
    body_bytes: i32,
    body_event_id: EventId,
}

impl From<&EventRow> for EventView {
    fn from(event: &EventRow) -> Self {
        Self {
            event_id: event.event_id,
            source_id: event.source_id,
            tenant_id: event.tenant_id,
            received_at: event.received_at,
            original_received_at: event.original_received_at,
            replay_of: event.replay_of,
            type_word: event.type_word.clone(),
            state: event.state.clone(),
            outcome: event.outcome.clone(),
            reason: event.outcome_reason.clone(),
            reason_code: event.outcome_reason.as_deref().and_then(code_of),
            finished_at: event.finished_at,
            attempts: event.attempt,
            body_bytes: event.body_bytes,
            body_event_id: event.body_event_id,
        }
    }
}

/// One event, and in short how it ended.
#[derive(Debug, Serialize)]
pub struct EventDetails {
    #[serde(flatten)]
    event: EventView,
    explanation: &'static str,
}

impl From<&EventRow> for EventDetails {
    fn from(event: &EventRow) -> Self {
        Self { event: event.into(), explanation: explanation(event) }
    }
}

/// What a replay would repeat.
#[derive(Debug, Serialize)]
pub struct ReplayPreviewView {
    is_dry_run: bool,
    /// How many events match.
    pub matching: i64,
    /// The first of them.
    pub sample: Vec<EventView>,
}

impl ReplayPreviewView {
    /// Several selections as one.
    pub fn of(previews: &[Preview]) -> Self {
        Self {
            is_dry_run: true,
            matching: previews.iter().map(|preview| preview.matching).sum(),
            sample: previews.iter().flat_map(|preview| &preview.sample).map(EventView::from).collect(),
        }
    }
}

/// An event and its replay.
#[derive(Debug, Serialize)]
pub struct ReplayedView {
    original: EventId,
    replay: EventId,
}

/// What a replay has repeated.
#[derive(Debug, Serialize)]
pub struct ReplayDoneView {
    is_dry_run: bool,
    /// Each event with its replay.
    pub replayed: Vec<ReplayedView>,
}

impl ReplayDoneView {
    /// From pairs of original and replay.
    pub fn of(pairs: Vec<(EventId, EventId)>) -> Self {
        let replayed = pairs.into_iter().map(|(original, replay)| ReplayedView { original, replay }).collect();
        Self { is_dry_run: false, replayed }
    }
}

/// How the event ended, in a sentence for somebody who has not read the documentation.
fn explanation(event: &EventRow) -> &'static str {
    let reason = event.outcome_reason.as_deref().unwrap_or_default();
    match event.outcome.as_deref() {
        None => "it waits for a worker, or is being worked on",
        Some("applied") => "its consequences are committed; the reason names them",
        Some("dead_lettered") => entry_of(reason)
            .map_or("it could not be applied; correct what the reason names, then replay it", |entry| entry.advice),
        Some(_) => entry_of(reason).map_or("nothing followed from it", |entry| entry.sentence),
    }
}
