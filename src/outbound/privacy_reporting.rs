//! Atlassian's personal data reporting: which accounts, of those that we hold data about, were closed or changed.
//!
//! Source: Atlassian, "User privacy guide for app developers". At most 90 accounts per call, each no more often than its
//! cycle (seven days unless the answer says otherwise); both are the caller's to schedule.

use std::{collections::BTreeSet, time::Duration};

use jiff::{Span, SpanRelativeTo, Timestamp};
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};

use super::{
    Answer, Authorization, BaseAddress, CallFailure,
    call::{Call, Payload, call, header, object, successful},
};
use crate::domain::Personal;

/// The most accounts of one report.
pub const ACCOUNTS_PER_REPORT_MAX: usize = 90;
/// The longest account id, in bytes.
pub const ACCOUNT_ID_BYTES_MAX: usize = 128;
/// The only cycles that an answer is believed to ask for, in days.
const CYCLE_DAYS: std::ops::RangeInclusive<u64> = 1..=30;
const DAY: Duration = Duration::from_hours(24);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The longest word for an error that is logged, in bytes. It is letters and underscores, so no id of an account.
const ERROR_TYPE_BYTES_MAX: usize = 40;
/// The id that Atlassian's documents forbid to report.
const PLACEHOLDER: &str = "unknown";

/// What Atlassian says about the accounts of one report. An account in neither list needs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Closed: their owner's right to be forgotten.
    pub closed: Vec<Personal<String>>,
    /// Changed: what is held about them is out of date.
    pub updated: Vec<Personal<String>>,
    /// The reporting cycle that the answer asks for in place of seven days, if it does.
    pub cycle: Option<Duration>,
    /// Entries about accounts that were not asked about. Ignored, but somebody should know.
    pub foreign_count: usize,
    /// Entries with a status that this version does not know. Ignored, but somebody should know.
    pub unknown_status_count: usize,
}

/// Reports accounts, each with the oldest time at which a personal datum still held about it was retrieved. Repeating is
/// safe but counts against the cycle. Fails before calling for more than [`ACCOUNTS_PER_REPORT_MAX`] accounts and for ids
/// that are none; an empty report is answered without a call.
pub async fn report(
    client: &Client,
    base: &BaseAddress,
    authorization: &Authorization,
    accounts: &[(&Personal<String>, Timestamp)],
) -> Result<Report, CallFailure> {
    if accounts.is_empty() {
        return Ok(Report::default());
    }
    // The path ends in a slash, as Atlassian writes it.
    let request = Call {
        method: Method::POST,
        url: base.below(&["app", "report-accounts", ""]),
        authorization: Some(authorization),
        payload: Payload::Json(body_of(accounts)?),
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let answer = call(client, request).await?;
    if answer.status == 400 {
        let error_type = error_type(&answer.body).unwrap_or_default();
        tracing::warn!(error_type, accounts = accounts.len(), "the report of accounts was refused");
    }
    let answer = successful(answer)?;
    let cycle = header(&answer, "cycle-period").and_then(cycle);
    let said = match answer.status {
        204 => Vec::new(),
        _ => said(&answer)?,
    };
    Ok(Report { cycle, ..sorted(said, accounts) })
}

#[derive(Serialize)]
struct Reported<'a> {
    accounts: Vec<ReportedAccount<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportedAccount<'a> {
    account_id: &'a str,
    updated_at: Timestamp,
}

#[derive(Deserialize)]
struct Answered {
    accounts: Vec<AnsweredAccount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnsweredAccount {
    account_id: String,
    status: String,
}

fn body_of(accounts: &[(&Personal<String>, Timestamp)]) -> Result<Vec<u8>, CallFailure> {
    if accounts.len() > ACCOUNTS_PER_REPORT_MAX {
        return Err(CallFailure::NotSendable { what: "too many accounts for one report" });
    }
    let accounts = accounts.iter().map(|(id, at)| {
        let account_id = id.expose_for("reporting this account").as_str();
        let is_id = (1..=ACCOUNT_ID_BYTES_MAX).contains(&account_id.len()) && account_id != PLACEHOLDER;
        if !is_id {
            return Err(CallFailure::NotSendable { what: "it is no id of an account" });
        }
        // Cut to the millisecond: finer digits are not in Atlassian's form, and earlier is the careful direction.
        let updated_at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(*at);
        Ok(ReportedAccount { account_id, updated_at })
    });
    let reported = Reported { accounts: accounts.collect::<Result<_, _>>()? };
    serde_json::to_vec(&reported).map_err(|_| CallFailure::NotSendable { what: "it cannot be written as JSON" })
}

/// The word for what is wrong with a report, if it is one that cannot carry anybody's id or words.
fn error_type(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Refused {
        error_type: String,
    }
    let Refused { error_type } = object(body).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_lowercase() || byte == b'_';
    ((1..=ERROR_TYPE_BYTES_MAX).contains(&error_type.len()) && error_type.bytes().all(is_plain)).then_some(error_type)
}

fn said(answer: &Answer) -> Result<Vec<AnsweredAccount>, CallFailure> {
    Ok(object::<Answered>(&answer.body)?.accounts)
}

/// Sorts the entries. Each account counts once, and closed outranks updated.
fn sorted(said: Vec<AnsweredAccount>, asked: &[(&Personal<String>, Timestamp)]) -> Report {
    let asked: BTreeSet<&Personal<String>> = asked.iter().map(|(id, _)| *id).collect();
    let (mut closed, mut updated) = (BTreeSet::new(), BTreeSet::new());
    let mut report = Report::default();
    for AnsweredAccount { account_id, status } in said {
        let id = Personal::new(account_id);
        match (asked.contains(&id), status.as_str()) {
            (false, _) => report.foreign_count += 1,
            (true, "closed") => drop(closed.insert(id)),
            (true, "updated") => drop(updated.insert(id)),
            (true, _) => report.unknown_status_count += 1,
        }
    }
    updated.retain(|id| !closed.contains(id));
    Report { closed: closed.into_iter().collect(), updated: updated.into_iter().collect(), ..report }
}

/// Reads `Cycle-Period`. Atlassian does not state its unit, so only what can hardly mean anything else is believed: a whole
/// number from 1 to 30 as days, or an ISO 8601 duration between one and thirty days. Anything else is ignored, and the
/// default cycle stays.
fn cycle(value: &str) -> Option<Duration> {
    let value = value.trim();
    let period = if let Ok(days) = value.parse::<u32>() {
        DAY.checked_mul(days)?
    } else if value.starts_with('P') {
        let span: Span = value.parse().ok()?;
        Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()?
    } else {
        return None;
    };
    let (least, most) = (DAY.as_secs() * CYCLE_DAYS.start(), DAY.as_secs() * CYCLE_DAYS.end());
    (least..=most).contains(&period.as_secs()).then_some(period)
}

#[cfg(test)]
mod tests;
