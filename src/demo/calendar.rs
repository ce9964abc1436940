//! Two countdowns on one calendar.

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};

use super::stage::Stage;
use crate::{
    app::support::report,
    cli::output::remark,
    domain::{RequestId, request::RequestState},
};

/// The day of the mark.
const MARK_DAY: i64 = 30;
/// The last day.
const LAST_DAY: i64 = 90;
/// Days that are looked at; from the first of the last ones on every day is.
const DAYS_BEFORE: [i64; 4] = [MARK_DAY - 1, MARK_DAY, 45, 60];
const FIRST_OF_EVERY_DAY: i64 = 75;

/// Moves the clock until every request is complete; returns the day of each, counted from its own beginning. Fails when one
/// is marked on another day than the thirtieth, or not complete on day 90.
pub(super) async fn until_complete<const N: usize>(
    stage: &Stage,
    requests: [(RequestId, Timestamp); N],
) -> anyhow::Result<[i64; N]> {
    let mut finished: [Option<i64>; N] = [None; N];
    let mut today = 0;
    for day in DAYS_BEFORE.into_iter().chain(FIRST_OF_EVERY_DAY..=LAST_DAY) {
        stage.advance(SignedDuration::from_hours(24 * (day - today))).await?;
        stage.settle().await?;
        today = day;
        for ((request, left_at), finished) in requests.iter().zip(&mut finished) {
            *finished = look(stage, *request, *left_at, day).await?;
        }
        if day == MARK_DAY {
            remark("   day 30: both are marked for deletion");
        }
        if finished.iter().all(Option::is_some) {
            return Ok(finished.map(Option::unwrap_or_default));
        }
    }
    bail!("not every erasure was finished on day {LAST_DAY}")
}

/// The day on which the request was completed, if it is.
async fn look(stage: &Stage, id: RequestId, left_at: Timestamp, day: i64) -> anyhow::Result<Option<i64>> {
    let request = report::request(&stage.gateway, id).await?.request;
    if request.offboarding.is_some_and(|timeline| timeline.flagged_at.is_some()) != (day >= MARK_DAY) {
        bail!("day {day}: the flag is not as promised");
    }
    if request.run.is_some_and(|run| run.phase.has_failed_verification()) {
        bail!("the verification has found something: `requests show {id}`");
    }
    match request.state {
        RequestState::Completed => {
            let ended_at = request.ended_at.context("a completed request has its time")?;
            Ok(Some(left_at.duration_until(ended_at).as_hours() / 24))
        }
        ended if ended.is_ended() => bail!("the request is {ended}"),
        _ => Ok(None),
    }
}
