//! Refused calls: which rule failed, counted by day and kept in a bounded ring. Never a token, a body or a caller's text.
//!
//! Callers decide how often this happens, so nothing here waits and nothing grows: rejections are added up in memory and
//! written out every few seconds, the latest few of them with their time.

use super::waiting_rejections::Rejected;
use crate::app::ground::Ground;
use crate::{
    app::{ground::error::Error, intake::Intake},
    signature::Rejection,
    store::{
        self,
        rejection::{CountRow, RejectionRow},
    },
};
use jiff::{ToSpan as _, civil::Date};
use std::sync::PoisonError;

/// Kinds of rejections that are told apart between two writes; registered names only, so there are few.
const COUNTS_MAX: usize = 4_096;

/// Rejections with their time between two writes.
const LATEST_MAX: usize = 100;

/// How long counts are kept.
const COUNT_DAYS: i64 = 90;

/// Remembers a rejection. Never waits.
pub(in crate::app) fn remember(gateway: &Intake, rejected: Rejected, rejection: Rejection) {
    let now = gateway.now();
    let mut waiting = gateway.rejections().0.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (rejected.clone(), rejection, gateway.today());
    if waiting.counts.len() < COUNTS_MAX || waiting.counts.contains_key(&key) {
        let count = waiting.counts.entry(key).or_insert((0, now));
        *count = (count.0.saturating_add(1), now);
    }
    if waiting.latest.len() == LATEST_MAX {
        waiting.latest.pop_front();
    }
    waiting.latest.push_back((rejected, rejection, now));
}

/// Writes out what was remembered. What cannot be written is lost: rejections are a diagnosis and no record.
pub async fn write_out(gateway: &Intake) -> Result<(), Error> {
    let waiting = std::mem::take(&mut *gateway.rejections().0.lock().unwrap_or_else(PoisonError::into_inner));
    if waiting.counts.is_empty() {
        return Ok(());
    }
    let counts: Vec<CountRow> = waiting
        .counts
        .into_iter()
        .map(|((rejected, rejection, day), (refused, last_at))| CountRow {
            day,
            source_name: rejected.source.unwrap_or_default(),
            source_kind: rejected.kind.as_str().to_owned(),
            reason: rejection.as_str().to_owned(),
            refused: refused.into(),
            last_at,
        })
        .collect();
    let latest: Vec<RejectionRow> = waiting
        .latest
        .into_iter()
        .map(|(rejected, rejection, at)| RejectionRow {
            at,
            source_name: rejected.source.unwrap_or_default(),
            source_kind: rejected.kind.as_str().to_owned(),
            reason: rejection.as_str().to_owned(),
            reply: if rejection.is_our_inability() { "unavailable" } else { "unauthorized" }.to_owned(),
        })
        .collect();
    let client = gateway.intake_pool().client().await?;
    store::rejection::add_counts(&client, &counts).await?;
    store::rejection::add_latest(&client, &latest).await?;
    Ok(())
}

/// Rejections by source, kind and reason since a day; the most recent first.
pub async fn counts(gateway: &Ground, source: Option<&str>, since: Date) -> Result<Vec<CountRow>, Error> {
    let queue = gateway.databases().queue.client().await?;
    Ok(store::rejection::counts(&queue, source, since).await?)
}

/// Forgets what is too old to explain anything.
pub(in crate::app) async fn forget(gateway: &Ground) -> Result<u64, Error> {
    let before = gateway.today().saturating_sub(COUNT_DAYS.days());
    let queue = gateway.databases().queue.client().await?;
    Ok(store::rejection::forget_before(&queue, before).await?)
}
