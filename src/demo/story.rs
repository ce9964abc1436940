//! What the demo tells: one person leaves, and afterwards nothing of them is left, of everybody else everything.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    reference::SeededMember,
    sender::{Answer, Delivery, Sender},
    stage::{MSPS, Msp, Stage},
};
use crate::{
    app::{self, support::report},
    cli::output::remark,
    domain::{Actor, RequestId, request::RequestState},
    product::{self, Fingerprints},
    store::event::EventFilter,
};

/// How long the demo waits for anything before it says what did not happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// The figures of one demo, as the last line of `--once --json` prints them.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    /// Deliveries posted over HTTP.
    pub(super) deliveries_sent: u32,
    /// Answered 200 as new events.
    pub(super) accepted: u32,
    /// Answered 200 although they had been committed before.
    pub(super) duplicates: u32,
    /// Answered 401.
    pub(super) rejected: u32,
    /// Real milliseconds from the answer until the product's own view no longer let the person in.
    pub(super) access_revoked_ms: f64,
    /// Rows that referred to the person.
    pub(super) rows_before: u64,
    /// Rows that refer to the person after the erasure.
    pub(super) rows_after: u64,
    /// Rows in which the independent reader still finds an identifier.
    pub(super) identifiers_left: u64,
    /// Rows of other people, or undeclared columns, that changed.
    pub(super) other_people_changed: u64,
    /// The day, counted from the departure, on which the erasure was finished.
    pub(super) erasure_finished_on_day: i64,
    /// Rows that came back by redelivery and replay after the erasure.
    pub(super) resurrected_by_replay: u64,
    /// The request, for looking further.
    pub(super) request: String,
}

/// Tells the whole story and returns its figures.
pub(super) async fn tell(stage: &Stage) -> anyhow::Result<Figures> {
    let msp = &MSPS[0];
    let (person, colleague) = (stage.member(msp, 1).await?, stage.member(msp, 2).await?);
    let mut sender = Sender::new(stage.address, &stage.gateway).await?;
    remark("\n1. Hours arrive, signed by Jira, over HTTP");
    let left_at = stage.gateway.now();
    send_hours(&mut sender, msp, (&person, &colleague), left_at).await?;
    sender
        .post(msp, &delivery("user-updated-1", &user("user_updated", &person, left_at - hours(3))))
        .await?
        .expect_status(200)?;
    stage.settle().await?;
    let before = stage.fingerprints(msp, &person.account_id).await?;
    let others_before = stage.other_tenants(msp, &person.account_id).await?;
    let rows_before = about(&before);
    remark(&format!("   {} rows of {} refer to the person", rows_before, before.len()));

    remark("2. Jira says that the person was removed from the site");
    let (access_revoked_ms, request) = leave(stage, &mut sender, msp, &person, left_at).await?;
    remark(&format!("   access was revoked {access_revoked_ms:.1} ms after the answer; request {request}"));

    remark("3. A duplicate, a forgery, an unsigned and an unknown one, and one that comes late");
    disturb(&mut sender, msp, (&person, &colleague), left_at).await?;
    stage.settle().await?;

    remark("4. The calendar moves on");
    let finished_on_day = wait_for_erasure(stage, &request, left_at).await?;
    let after = stage.fingerprints(msp, &person.account_id).await?;
    let others_after = stage.other_tenants(msp, &person.account_id).await?;
    let mut changed = product::changed_beyond_declared(&before, &after);
    changed.extend(product::changed_beyond_declared(&others_before, &others_after));
    let identifiers_left = stage.identifiers_left(msp, &person).await?;
    remark(&format!("   erased on day {finished_on_day}; {} rows still refer to the person", about(&after)));

    remark("5. Old deliveries come again: from Jira, and replayed by support");
    come_again(stage, &mut sender, msp, &person, left_at).await?;
    let resurrected =
        about(&stage.fingerprints(msp, &person.account_id).await?) + stage.identifiers_left(msp, &person).await?;
    let balance = report::balance(&stage.gateway).await?;
    if balance.accepted != balance.applied + balance.ignored + balance.dead_lettered {
        bail!("events do not balance: {balance:?}");
    }
    let duplicates = u32::try_from(stage.duplicates().await?).unwrap_or(u32::MAX);
    Ok(Figures {
        deliveries_sent: sender.sent,
        accepted: sender.acknowledged.saturating_sub(duplicates),
        duplicates,
        rejected: sender.rejected,
        access_revoked_ms,
        rows_before,
        rows_after: about(&after),
        identifiers_left,
        other_people_changed: changed.values().sum(),
        erasure_finished_on_day: finished_on_day,
        resurrected_by_replay: resurrected,
        request: request.to_string(),
    })
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn about(rows: &Fingerprints) -> u64 {
    rows.values().filter(|row| row.is_about_person).count() as u64
}

/// The demo plays Jira, which names people in what it sends.
fn account_id(member: &SeededMember) -> &str {
    member.account_id.expose_for("the body of a delivery, as Jira would send it")
}

fn delivery(identifier: &str, body: &Value) -> Delivery {
    Delivery::signed(identifier, body)
}

fn user(event: &str, member: &SeededMember, at: Timestamp) -> Value {
    let account_id = account_id(member);
    json!({
        "timestamp": at.as_millisecond(),
        "webhookEvent": event,
        "user": {"accountId": account_id, "accountType": "atlassian", "active": true, "displayName": "Ada Moreau"},
    })
}

fn worklog(id: u32, member: &SeededMember, seconds: u32, at: Timestamp) -> Value {
    let account_id = account_id(member);
    // Jira writes offsets without a colon, which is not RFC 3339.
    let stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string();
    json!({
        "timestamp": at.as_millisecond(),
        "webhookEvent": "worklog_created",
        "worklog": {
            "id": id.to_string(), "issueId": "10014", "timeSpentSeconds": seconds, "timeSpent": "1h", "comment": "on site",
            "author": {"accountId": account_id, "displayName": "Ada Moreau", "timeZone": "Europe/Paris"},
            "created": stamp, "updated": stamp, "started": stamp,
        },
    })
}

async fn send_hours(
    sender: &mut Sender,
    msp: &Msp,
    (person, colleague): (&SeededMember, &SeededMember),
    now: Timestamp,
) -> anyhow::Result<()> {
    for (number, author) in [(1, person), (2, colleague), (3, person)] {
        let body = worklog(90_000 + number, author, 3_600, now - hours(2));
        sender.post(msp, &delivery(&format!("worklog-{number}"), &body)).await?.expect_status(200)?;
    }
    Ok(())
}

/// Sends the departure and watches the product's own view from the moment of the answer.
async fn leave(
    stage: &Stage,
    sender: &mut Sender,
    msp: &Msp,
    person: &SeededMember,
    at: Timestamp,
) -> anyhow::Result<(f64, RequestId)> {
    if !stage.may_sign_in(msp, &person.account_id).await? {
        bail!("the person could not sign in before leaving; the demo proves nothing");
    }
    sender.post(msp, &delivery("user-deleted-1", &user("user_deleted", person, at))).await?.expect_status(200)?;
    let answered = Instant::now();
    while stage.may_sign_in(msp, &person.account_id).await? {
        if answered.elapsed() > PATIENCE {
            bail!("access was not off after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let access_revoked_ms = answered.elapsed().as_secs_f64() * 1_000.0;
    stage.settle().await?;
    let requests = stage.open_requests(msp).await?;
    let [(_, request)] = requests.as_slice() else { bail!("one open request was expected, not {}", requests.len()) };
    Ok((access_revoked_ms, request.request_id))
}

async fn disturb(
    sender: &mut Sender,
    msp: &Msp,
    (person, colleague): (&SeededMember, &SeededMember),
    left_at: Timestamp,
) -> anyhow::Result<()> {
    let departure = delivery("user-deleted-1", &user("user_deleted", person, left_at));
    sender.post(msp, &departure).await?.expect_status(200)?;
    let other = user("user_deleted", colleague, left_at);
    sender.post(msp, &Delivery::forged("forged-1", &other)).await?.expect_status(401)?;
    sender.post(msp, &Delivery::unsigned("unsigned-1", &other)).await?.expect_status(401)?;
    sender.post_to("no-such-source", &Delivery::forged("unknown-1", &other)).await?.expect_status(401)?;
    // Happened a day before the departure, arrives after it: it must not stop the clock.
    let late = user("user_created", person, left_at - hours(24));
    sender.post(msp, &delivery("user-created-late", &late)).await?.expect_status(200)?;
    Ok(())
}

/// Moves the demo clock day by day until the request is complete; returns the day.
async fn wait_for_erasure(stage: &Stage, request: &RequestId, left_at: Timestamp) -> anyhow::Result<i64> {
    for day in 1..=90_i64 {
        stage.advance(hours(24)).await?;
        stage.settle().await?;
        let now = report::request(&stage.gateway, *request).await?;
        if day == 30 && now.request.offboarding.is_none_or(|timeline| timeline.flagged_at.is_none()) {
            bail!("nothing was flagged for deletion by day 30");
        }
        if day == 30 {
            remark("   day 30: marked for deletion");
        }
        if now.request.run.is_some_and(|run| run.phase.has_failed_verification()) {
            bail!("the verification has found something: `requests show {request}`");
        }
        match now.request.state {
            RequestState::Completed => {
                let ended_at = now.request.ended_at.context("a completed request has its time")?;
                return Ok(left_at.duration_until(ended_at).as_hours() / 24);
            }
            ended if ended.is_ended() => bail!("the request is {ended}"),
            _ => {}
        }
    }
    bail!("the erasure was not finished on day 90")
}

/// Everything that could bring the person back is tried.
async fn come_again(
    stage: &Stage,
    sender: &mut Sender,
    msp: &Msp,
    person: &SeededMember,
    left_at: Timestamp,
) -> anyhow::Result<()> {
    let old_create = user("user_created", person, left_at - hours(48));
    sender.post(msp, &delivery("user-created-again", &old_create)).await?.expect_status(200)?;
    let old_hours = worklog(90_009, person, 1_800, left_at - hours(5));
    sender.post(msp, &delivery("worklog-again", &old_hours)).await?.expect_status(200)?;
    let seen_before = worklog(90_001, person, 3_600, left_at - hours(2));
    sender.post(msp, &delivery("worklog-1-redelivered", &seen_before)).await?.expect_status(200)?;
    stage.settle().await?;
    let filter = EventFilter { tenant_id: Some(stage.tenant(msp).await?), ..EventFilter::default() };
    let replayed = app::support::replay::execute(&stage.gateway, &Actor::Demo, "demo-replay", &filter).await?;
    remark(&format!("   {} events were replayed", replayed.len()));
    stage.settle().await
}

impl Answer {
    /// Fails when the answer is another one than the sender's contract wants.
    pub(super) fn expect_status(&self, status: u16) -> anyhow::Result<()> {
        if self.status == status { Ok(()) } else { bail!("answered {} instead of {status}", self.status) }
    }
}
