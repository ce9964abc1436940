//! A whole tenant goes: evidence in any order, access revoked for everybody, and the way back.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::offboarding::{confirm_uninstalled, evidence},
    domain::{
        event::Outcome,
        evidence::EvidenceKind::{self, *},
        request::{Origin, RequestScope, RequestState, Right},
    },
    proof::{self, ReceiptScope},
    store::request::RequestRow,
};

use crate::harness::{Person, Tenant, World, issue_of, user_created, user_deleted, worklog};

pub(crate) struct Acme {
    pub(crate) tenant: Tenant,
    pub(crate) ann: Person,
    pub(crate) bob: Person,
}

/// Two tenants with the same people.
pub(crate) async fn acme_and_globex(world: &World) -> Acme {
    let globex = world.a_tenant("globex").await;
    let peter = world.a_portal_user(&globex, "peter").await;
    world.a_team_member(&globex, "ann", &peter).await;
    let tenant = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&tenant, "paula").await;
    let ann = world.a_team_member(&tenant, "ann", &paula).await;
    let bob = world.a_team_member(&tenant, "bob", &paula).await;
    Acme { tenant, ann, bob }
}

/// So many hours after the world's beginning.
pub(crate) fn hours(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

pub(crate) fn days(count: i64) -> Timestamp {
    hours(24 * count)
}

pub(crate) async fn it_is_told(world: &World, tenant: &Tenant, kind: EvidenceKind, at: Timestamp) -> String {
    let outcome = evidence::record_evidence(&world.gateway, tenant.id, kind, None, at).await.unwrap();
    outcome.reason().into_owned()
}

/// The tenant's own requests, oldest first.
pub(crate) async fn own_requests(world: &World, tenant: &Tenant) -> Vec<RequestRow> {
    let all = world.requests(tenant).await.into_iter();
    all.filter(|request| request.scope == RequestScope::Tenant).collect()
}

pub(crate) async fn own_request(world: &World, tenant: &Tenant) -> RequestRow {
    own_requests(world, tenant).await.pop().expect("a request about the tenant")
}

/// Rows of the product, of this tenant and of all others.
pub(crate) async fn rows_apart(world: &World, tenant: &Tenant) -> (Vec<(String, String)>, Vec<(String, String)>) {
    world.product_rows().await.into_iter().partition(|(_, row)| row.contains(&tenant.key))
}

/// How many people of the tenant have each of the two marks, over all kinds of people.
async fn marked(world: &World, tenant: &Tenant) -> (i64, i64) {
    let count = |column: &str| {
        let of =
            |table: &str| format!("(SELECT count({column}) FROM milestone.{table} WHERE tenant_id = '{}')", tenant.key);
        format!("SELECT {} + {} + {}", of("team_member"), of("portal_user"), of("delivery_user"))
    };
    (world.number(&count("restricted_at")).await, world.number(&count("marked_for_deletion_at")).await)
}

#[tokio::test]
async fn what_nobody_tells_a_person_may_say_and_a_later_sign_of_life_stops_it() {
    let world = World::new().await;
    let Acme { tenant, ann, .. } = acme_and_globex(&world).await;
    it_is_told(&world, &tenant, Heartbeat, hours(0)).await;
    world.days_pass(4).await;
    world.the_sweep_runs().await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await, "silence alone starts nothing");

    let said = |at| confirm_uninstalled::confirm_uninstalled(&world.gateway, &world.tester, "sup-1042", tenant.id, at);
    let preview = confirm_uninstalled::preview_confirmation(&world.gateway, tenant.id, hours(3)).await.unwrap();
    assert_eq!(said(hours(3)).await.unwrap().reason(), "tenant_offboarding_started");
    world.the_worker_drains().await;
    let due = own_request(&world, &tenant).await.offboarding.unwrap().timeline;
    assert_eq!(preview, confirm_uninstalled::Confirmation::Starts(due), "what was shown is what happens");
    let request = own_request(&world, &tenant).await;
    assert_eq!(
        (request.right, request.origin, request.actor.as_str()),
        (Right::Erasure, Origin::Operator, "command_line:tester")
    );
    assert_eq!((request.due_at, request.origin_event_id, request.run), (due.erasure_due_at, None, None));
    // To say it again would move the deadline.
    assert!(said(hours(90)).await.is_err());
    assert_eq!(own_request(&world, &tenant).await.offboarding.unwrap().timeline, due);

    assert!(!world.may_sign_in(&ann).await);
    assert!(world.audited(tenant.id).await.contains(&"tenant.uninstall_confirmed".to_owned()));
    it_is_told(&world, &tenant, Heartbeat, hours(95)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    let outdated = confirm_uninstalled::preview_confirmation(&world.gateway, tenant.id, hours(50)).await.unwrap();
    assert_eq!(outdated, confirm_uninstalled::Confirmation::Outdated);

    assert!(said(hours(96)).await.is_ok());
    world.days_pass(90).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    assert!(said(hours(97)).await.is_err(), "there is nothing left to say it of");
    let unexplained =
        confirm_uninstalled::confirm_uninstalled(&world.gateway, &world.tester, "no reason", tenant.id, hours(98))
            .await;
    assert!(unexplained.is_err());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_tenant_that_uninstalls_is_locked_out_at_once_flagged_on_day_30_and_gone_before_day_90() {
    let world = World::new().await;
    let Acme { tenant, ann, .. } = acme_and_globex(&world).await;
    world.jira_sends(&tenant, &worklog(&ann, "77", &issue_of(&ann), 2, hours(0))).await;
    world.the_worker_drains().await;
    let (own, others) = rows_apart(&world, &tenant).await;

    let started = it_is_told(&world, &tenant, Uninstalled, hours(0)).await;
    world.the_worker_drains().await;

    assert_eq!(started, "tenant_offboarding_started");
    assert!(!world.may_sign_in(&ann).await);
    assert_eq!(marked(&world, &tenant).await, (3, 0));
    let sessions = format!("SELECT count(*) FROM milestone.session WHERE tenant_id = '{}'", tenant.key);
    assert_eq!(world.number(&sessions).await, 0);
    world.days_pass(29).await;
    assert_eq!(marked(&world, &tenant).await, (3, 0));
    world.days_pass(1).await;
    assert_eq!(marked(&world, &tenant).await, (3, 3));
    world.days_pass(52).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Scheduled);
    world.days_pass(1).await;

    let request = own_request(&world, &tenant).await;
    assert_eq!(request.state, RequestState::Completed);
    assert!(request.ended_at.unwrap() < days(90));
    let (left, others_after) = rows_apart(&world, &tenant).await;
    assert_eq!(left, []);
    assert_eq!(others_after, others, "another tenant's rows have changed");
    assert_eq!(keys_and_people(&world, &tenant).await, 0);
    let claims = receipt_of(&world, &tenant).await;
    assert_eq!((claims.scope, claims.subject, claims.subject_kind), (ReceiptScope::Tenant, None, None));
    let deleted: u64 = claims.steps.iter().map(|step| step.rows).sum();
    assert_eq!(usize::try_from(deleted).unwrap(), own.len() - 3, "all but the three sessions, which went at once");
    assert_eq!(claims.verification.left, 0);
    world.ends_cleanly().await;
}

/// Living keys, identities, signals, minimized events and credentials of a tenant.
pub(crate) async fn keys_and_people(world: &World, tenant: &Tenant) -> i64 {
    let mut left = 0;
    for table in ["identity", "subject_signal", "minimized_event"] {
        let sql = format!("SELECT count(*) FROM gateway.{table} WHERE tenant_id = '{}'", tenant.id.uuid());
        left += world.number(&sql).await;
    }
    for table in ["subject_key", "tenant_key"] {
        let sql = format!("SELECT count(wrapped) FROM gateway.{table} WHERE tenant_id = '{}'", tenant.id.uuid());
        left += world.number(&sql).await;
    }
    let usable = format!(
        "SELECT (SELECT count(*) FROM gateway.source WHERE tenant_id = '{0}' AND disabled_at IS NULL)
            + (SELECT count(*) FROM gateway.source_credential c JOIN gateway.source s USING (source_id)
               WHERE s.tenant_id = '{0}')",
        tenant.id.uuid()
    );
    left + world.number(&usable).await
}

pub(crate) async fn receipt_of(world: &World, tenant: &Tenant) -> proof::ReceiptClaims {
    let request = own_request(world, tenant).await.request_id;
    let receipt = milestone_gateway::testing::app::support::report::request(&world.gateway, request)
        .await
        .unwrap()
        .receipt
        .unwrap();
    assert!(!receipt.contains(&tenant.key));
    proof::verify(&receipt, world.signing_key().public_key()).unwrap()
}

#[tokio::test]
async fn a_tenant_that_installs_again_keeps_everything_and_whoever_was_restricted_before_stays_so() {
    let world = World::new().await;
    let Acme { tenant, ann, bob } = acme_and_globex(&world).await;
    let suspend = "UPDATE milestone.portal_user SET restricted_at = '2025-12-01T00:00:00Z'
        WHERE full_name LIKE 'paula%'";
    world.admin.batch_execute(suspend).await.unwrap();
    world.jira_sends(&tenant, &user_deleted(&ann, hours(0))).await;
    world.the_worker_drains().await;
    let (before, _) = rows_apart(&world, &tenant).await;

    it_is_told(&world, &tenant, Uninstalling, hours(0)).await;
    world.days_pass(20).await;
    assert_eq!((marked(&world, &tenant).await.0, world.may_sign_in(&bob).await), (3, false));
    let stopped = it_is_told(&world, &tenant, Installed, days(20)).await;
    world.the_worker_drains().await;

    assert_eq!(stopped, "tenant_offboarding_stopped");
    assert!(world.audited(tenant.id).await.contains(&"tenant.offboarding_stopped".to_owned()));
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Cancelled);
    assert!(world.may_sign_in(&bob).await);
    assert!(!world.may_sign_in(&ann).await, "Ann has left by herself");
    let is_no_session = |row: &(String, String)| row.0 != "session";
    let (after, _) = rows_apart(&world, &tenant).await;
    assert!(after.iter().filter(|row| is_no_session(row)).eq(before.iter().filter(|row| is_no_session(row))));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_tenant_that_leaves_again_is_counted_anew_and_marks_are_taken_back_with_the_access() {
    let world = World::new().await;
    let Acme { tenant, bob, .. } = acme_and_globex(&world).await;
    it_is_told(&world, &tenant, Uninstalled, hours(0)).await;
    // At once, or revoking access and flagging would run into each other, and one of them come again after the calendar has moved.
    world.the_worker_drains().await;
    world.days_pass(40).await;
    assert_eq!(marked(&world, &tenant).await, (3, 3));
    it_is_told(&world, &tenant, Installed, days(40)).await;
    world.the_worker_drains().await;
    assert_eq!(marked(&world, &tenant).await, (0, 0));

    world.days_pass(10).await;
    it_is_told(&world, &tenant, Uninstalled, days(50)).await;
    world.the_worker_drains().await;

    assert!(!world.may_sign_in(&bob).await);
    let states: Vec<_> = own_requests(&world, &tenant).await.iter().map(|request| request.state).collect();
    assert_eq!(states, [RequestState::Cancelled, RequestState::Scheduled]);
    assert_eq!(own_request(&world, &tenant).await.offboarding.unwrap().timeline.anchor_at, days(50));
    world.days_pass(83).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn whoever_leaves_or_comes_back_while_the_tenant_is_leaving_ends_as_both_say() {
    let world = World::new().await;
    let Acme { tenant, ann, bob } = acme_and_globex(&world).await;
    world.jira_sends(&tenant, &user_deleted(&bob, hours(0))).await;
    it_is_told(&world, &tenant, Uninstalled, hours(0)).await;
    world.days_pass(1).await;

    world.jira_sends(&tenant, &user_created(&bob, days(1))).await;
    world.jira_sends(&tenant, &user_deleted(&ann, days(1))).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&bob).await, "Bob is back, but his employer is leaving");
    world.days_pass(1).await;
    it_is_told(&world, &tenant, Installed, days(2)).await;
    world.the_worker_drains().await;

    assert!(world.may_sign_in(&bob).await);
    assert!(!world.may_sign_in(&ann).await, "Ann has left meanwhile");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_late_sign_of_life_a_disabled_app_and_silence_alone_change_nothing() {
    let world = World::new().await;
    let Acme { tenant, bob, .. } = acme_and_globex(&world).await;
    world.time_passes(SignedDuration::from_hours(24 * 6));

    assert_eq!(it_is_told(&world, &tenant, Disabled, hours(1)).await, "tenant_disabled_recorded_only");
    assert_eq!(it_is_told(&world, &tenant, Heartbeat, hours(2)).await, "tenant_evidence_recorded");
    assert_eq!(it_is_told(&world, &tenant, Silence, hours(80)).await, "tenant_evidence_recorded");
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&bob).await);
    assert_eq!(it_is_told(&world, &tenant, ProbeRefused, hours(81)).await, "tenant_offboarding_started");
    assert_eq!(it_is_told(&world, &tenant, Uninstalling, hours(70)).await, "tenant_offboarding_moved");
    assert_eq!(own_request(&world, &tenant).await.offboarding.unwrap().timeline.anchor_at, hours(70));
    let broken = it_is_told(&world, &tenant, Heartbeat, hours(69)).await;
    assert_eq!(broken, "tenant_offboarding_moved", "there was no silence, and the removal stands");
    assert_eq!(own_request(&world, &tenant).await.offboarding.unwrap().latest_departure_at, hours(70));
    assert_eq!(it_is_told(&world, &tenant, Uninstalling, hours(70)).await, "superseded");
    let running_into_it = hours(70) + SignedDuration::from_mins(4);
    it_is_told(&world, &tenant, Heartbeat, running_into_it).await;
    world.the_worker_drains().await;

    assert!(!world.may_sign_in(&bob).await);
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Scheduled);
    let heartbeats = "SELECT count(*) FROM gateway.tenant_evidence WHERE kind = 'heartbeat'";
    assert_eq!(world.number(heartbeats).await, 1, "only the latest is kept");
    world.days_pass(90).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn silence_is_noticed_once_and_a_refused_probe_confirms_it() {
    let world = World::new().await;
    let Acme { tenant, bob, .. } = acme_and_globex(&world).await;
    it_is_told(&world, &tenant, Heartbeat, hours(0)).await;

    world.time_passes(SignedDuration::from_hours(71));
    assert_eq!(world.the_sweep_runs().await.silences_recorded, 0);
    world.time_passes(SignedDuration::from_hours(1));
    assert_eq!(world.the_sweep_runs().await.silences_recorded, 1);
    assert_eq!(world.the_sweep_runs().await.silences_recorded, 0);
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&bob).await);
    assert_eq!(own_requests(&world, &tenant).await.len(), 0);

    assert_eq!(it_is_told(&world, &tenant, ProbeGone, hours(72)).await, "tenant_offboarding_started");
    world.time_passes(SignedDuration::from_hours(1));
    assert_eq!(it_is_told(&world, &tenant, ProbeAlive, hours(73)).await, "tenant_offboarding_stopped");
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&bob).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn four_pieces_of_evidence_in_any_order_end_in_the_same_timeline() {
    let world = World::new().await;
    world.time_passes(SignedDuration::from_hours(24));
    let pieces = [(Uninstalling, 1), (Installed, 2), (Uninstalled, 4), (Heartbeat, 3)];
    let mut ends = Vec::new();
    for number in 0..24 {
        let mut left = pieces.to_vec();
        let tenant = world.a_tenant(&format!("t{number}")).await;
        let mut rest = number;
        while !left.is_empty() {
            let (kind, hour) = left.remove(rest % left.len());
            rest /= left.len() + 1;
            it_is_told(&world, &tenant, kind, hours(hour)).await;
            world.the_worker_drains().await;
        }
        let living: Vec<_> = own_requests(&world, &tenant).await;
        let living = living.iter().filter(|request| request.state == RequestState::Scheduled);
        ends.push(
            living
                .map(|request| request.offboarding.unwrap())
                .map(|due| (due.timeline, due.latest_departure_at))
                .collect::<Vec<_>>(),
        );
    }
    assert!(ends.iter().all(|end| *end == ends[0] && end.len() == 1), "{ends:#?}");
    assert_eq!((ends[0][0].0.anchor_at, ends[0][0].1), (hours(4), hours(4)));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn evidence_without_consequence_says_so() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let told = |kind| evidence::record_evidence(&world.gateway, acme.id, kind, Some("inst-1"), hours(0));
    assert_eq!(told(Installed).await.unwrap(), Outcome::Applied("tenant_evidence_recorded"));
    assert_eq!(told(Installed).await.unwrap().reason(), "superseded");
    let report = milestone_gateway::testing::app::support::report::tenant(&world.gateway, acme.id, 10).await.unwrap();
    assert_eq!((report.evidence.len(), report.requests.len(), report.tenant.erased_at), (1, 0, None));
    assert_eq!(report.evidence[0].evidence.installation.as_deref(), Some("inst-1"));
    world.ends_cleanly().await;
}
