//! What the demo tells next: a whole tenant goes, comes back and goes for good, and in another one a portal user deletes
//! their Firebase account. Afterwards nothing of the two is left, of everybody else everything.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    calendar,
    portal::{PortalFigures, PortalUser},
    senders::{APP, Forge, Forwarder},
    stage::{MSPS, Msp, Stage},
};
use crate::{
    app::support::report,
    cli::{output::remark, send::forge::Route},
    domain::request::RequestState,
    product::{self, Fingerprints},
    store::request::RequestRow,
};

/// How long the demo waits for anything before it says what did not happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// The tenant's installation, and the one that takes its place.
const INSTALLATIONS: [&str; 2] = ["0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e", "0b0b0b0b-1b1b-4c2c-8d3d-4e4e4e4e4e4e"];
/// The day on which the tenant comes back.
const RETURN_DAY: i64 = 10;

/// The figures of the two stories, appended to those of the first.
#[derive(Debug, Serialize)]
pub(super) struct TenantFigures {
    /// Real milliseconds from the answer until the product's own views let nobody of the tenant in any more.
    pub(super) tenant_access_revoked_ms: f64,
    /// True when installing again ended the first countdown and restored everybody's access.
    pub(super) tenant_reinstall_stopped_the_clock: bool,
    /// The tenant's rows, over all tables.
    pub(super) tenant_rows_before: u64,
    /// Its rows after the erasure.
    pub(super) tenant_rows_after: u64,
    /// Rows of other tenants that changed, beyond those of the portal user who left there.
    pub(super) tenant_others_changed: u64,
    /// The day, counted from the last departure, on which the erasure was finished.
    pub(super) tenant_erasure_finished_on_day: i64,
    /// The request, for looking further.
    pub(super) tenant_request: String,
    /// The portal user's.
    #[serde(flatten)]
    pub(super) portal: PortalFigures,
}

/// Tells both stories on one calendar and returns their figures. Fails when one is not as promised.
pub(super) async fn tell(stage: &Stage, private_pem: &[u8]) -> anyhow::Result<TenantFigures> {
    let (bystander, msp, portals) = (&MSPS[0], &MSPS[1], &MSPS[2]);
    let forge = Forge::register(stage, private_pem).await?;
    let forwarder = Forwarder::register(stage).await?;
    let user = PortalUser::of(stage, portals).await?;
    let bystander_before = user.fingerprints_at(stage, bystander).await?;
    let before = everything(stage, msp).await?;
    let people = stage.people_with_access(msp).await?;
    ensure!(people > 0, "nobody can sign in before the uninstallation; the demo proves nothing");

    let tenant_access_revoked_ms = leave_for_the_first_time(stage, &forge, msp, people).await?;
    let tenant_reinstall_stopped_the_clock = come_back(stage, &forge, msp, (&before, people)).await?;
    ensure!(tenant_reinstall_stopped_the_clock, "installing again did not give everything back");

    remark("\n9. The app is uninstalled for good");
    uninstall(&forge, msp, INSTALLATIONS[1]).await?;
    let left_at = stage.gateway.now();
    stage.settle().await?;
    let request = own_request(stage, msp).await?;
    ensure!(request.state == RequestState::Scheduled, "no new countdown began: {:?}", request.state);
    ensure!(stage.people_with_access(msp).await? == 0, "somebody of the tenant can still sign in");
    let leaving = user.leave(stage, &forwarder).await?;

    remark("\n11. The calendar moves on");
    let wanted = [(request.request_id, left_at), (leaving.request, leaving.left_at)];
    let [tenant_day, portal_day] = calendar::until_complete(stage, wanted).await?;
    let rows_after = everything(stage, msp).await?.len() as u64 + stage.rows_left(msp).await?;
    ensure!(rows_after == 0, "{rows_after} rows of the tenant are left");
    let bystander_after = user.fingerprints_at(stage, bystander).await?;
    let changed: u64 = product::changed_beyond_declared(&bystander_before, &bystander_after).values().sum();
    let portal = user.figures(stage, leaving, portal_day).await?;
    let tenant_others_changed = changed + portal.firebase_other_people_changed;
    ensure!(tenant_others_changed == 0, "{tenant_others_changed} rows of other tenants have changed");
    remark(&format!("   the tenant is gone on day {tenant_day}, the portal user on day {portal_day}"));
    balance(stage).await?;
    Ok(TenantFigures {
        tenant_access_revoked_ms,
        tenant_reinstall_stopped_the_clock,
        tenant_rows_before: before.len() as u64,
        tenant_rows_after: rows_after,
        tenant_others_changed,
        tenant_erasure_finished_on_day: tenant_day,
        tenant_request: request.request_id.to_string(),
        portal,
    })
}

/// Installed, alive, uninstalled: returns how long, in real milliseconds, anybody could still sign in.
async fn leave_for_the_first_time(stage: &Stage, forge: &Forge<'_>, msp: &Msp, people: u64) -> anyhow::Result<f64> {
    remark("\n6. Another MSP installs the Forge app, and the app reports that it lives");
    forge.call(msp, INSTALLATIONS[0], Route::Lifecycle, &installed(msp, INSTALLATIONS[0])).await?;
    forge.call(msp, INSTALLATIONS[0], Route::Heartbeat, &json!({})).await?;
    stage.settle().await?;

    remark("7. Its administrator uninstalls the app");
    uninstall(forge, msp, INSTALLATIONS[0]).await?;
    let answered = Instant::now();
    while stage.people_with_access(msp).await? > 0 {
        if answered.elapsed() > PATIENCE {
            bail!("somebody could still sign in after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let access_revoked_ms = answered.elapsed().as_secs_f64() * 1_000.0;
    stage.settle().await?;
    let request = own_request(stage, msp).await?;
    ensure!(request.state == RequestState::Scheduled, "no countdown began: {:?}", request.state);
    remark(&format!("   evidence: {}", evidence(stage, msp).await?));
    let due = request.offboarding.context("a departure has a timeline")?.timeline;
    let days = due.anchor_at.duration_until(due.erasure_due_at).as_hours() / 24;
    remark(&format!(
        "   access of {people} people was revoked {access_revoked_ms:.1} ms after the answer; {days} days are left"
    ));
    Ok(access_revoked_ms)
}

/// True when the countdown has stopped, everybody's access is back, and every row is as it was: all but the sessions, which
/// ended at once.
async fn come_back(
    stage: &Stage,
    forge: &Forge<'_>,
    msp: &Msp,
    (before, people): (&Fingerprints, u64),
) -> anyhow::Result<bool> {
    remark(&format!("\n8. On day {RETURN_DAY} the app is installed again"));
    stage.advance(SignedDuration::from_hours(24 * RETURN_DAY)).await?;
    stage.settle().await?;
    forge.call(msp, INSTALLATIONS[1], Route::Lifecycle, &installed(msp, INSTALLATIONS[1])).await?;
    stage.settle().await?;
    let request = own_request(stage, msp).await?;
    let (back, now) = (stage.people_with_access(msp).await?, everything(stage, msp).await?);
    let kept = before.iter().filter(|((table, _), _)| !stage.is_session(table));
    let is_same = kept.eq(now.iter().filter(|((table, _), _)| !stage.is_session(table)));
    remark(&format!("   the countdown is {}; access of {back} people is back", request.state.as_str()));
    remark(&format!("   every row is as it was before, but for {} sessions: {is_same}", before.len() - now.len()));
    Ok(request.state == RequestState::Cancelled && back == people && is_same)
}

fn installed(msp: &Msp, installation: &str) -> Value {
    json!({
        "eventType": "avi:forge:installed:app",
        "id": installation,
        "context": format!("ari:cloud:jira::site/{}", msp.cloud_id),
        "app": {"id": APP, "version": "1.0.0", "name": "Milestone"},
        "installerAccountId": "712020:00000000-0000-4000-8000-000000000001",
    })
}

async fn uninstall(forge: &Forge<'_>, msp: &Msp, installation: &str) -> anyhow::Result<()> {
    let body = json!({"context": {"cloudId": msp.cloud_id, "moduleKey": "gateway-pre-uninstall"}});
    forge.call(msp, installation, Route::PreUninstall, &body).await
}

/// Every row of a tenant, with regard to nobody in particular.
async fn everything(stage: &Stage, msp: &Msp) -> anyhow::Result<Fingerprints> {
    let nobody = Stage::portal_person(&crate::domain::Personal::new("nobody".to_owned()))?;
    stage.fingerprints_for(msp, &nobody).await
}

/// The latest request about the tenant itself.
async fn own_request(stage: &Stage, msp: &Msp) -> anyhow::Result<RequestRow> {
    let found = report::tenant(&stage.gateway, stage.tenant(msp).await?, 10).await?;
    let Some(request) = found.requests.into_iter().next() else { bail!("no countdown began") };
    Ok(request)
}

/// What is known of the installation, in the order in which it was told.
async fn evidence(stage: &Stage, msp: &Msp) -> anyhow::Result<String> {
    let mut found = report::tenant(&stage.gateway, stage.tenant(msp).await?, 10).await?.evidence;
    found.reverse();
    let words: Vec<&str> = found.iter().map(|row| row.evidence.kind.as_str()).collect();
    Ok(words.join(", "))
}

async fn balance(stage: &Stage) -> anyhow::Result<()> {
    let balance = report::balance(&stage.gateway).await?;
    let ended = balance.applied + balance.ignored + balance.dead_lettered;
    ensure!(balance.accepted == ended, "events do not balance: {balance:?}");
    ensure!(balance.dead_lettered == 0, "{} events were not understood", balance.dead_lettered);
    Ok(())
}
