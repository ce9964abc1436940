//! The worker as it runs in production: lanes, sweeps, several processes over one database.

use std::time::Duration;

use jiff::Timestamp;
use milestone_gateway::testing::{
    app::{
        Gateway, Leases,
        interpretation::queue,
        upkeep::{sweep, swept},
    },
    domain::request::RequestState,
    worker::{self, Drained},
};
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_postgres::Client;

use crate::harness::{Tenant, World, data_map, drain, user_deleted, user_updated};

/// Thirty seconds of real time, in short looks.
const LOOKS_MAX: usize = 1_500;
/// After so many looks the calendar moves on: on a busy machine an attempt may have been given back, and comes again then.
const LOOKS_PER_MOVE: usize = 50;

#[tokio::test]
async fn a_running_worker_revokes_access_without_being_asked_and_stops_when_told() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let settings = worker::Settings { poll_every: Duration::from_millis(50), ..worker::Settings::default() };
    let running = tokio::spawn(worker::run(world.gateway.clone(), settings, async { drop(stopped.await) }));

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let mut looks = 0;
    while world.may_sign_in(&ann).await || world.request(&acme).await.offboarding.unwrap().access_revoked_at.is_none() {
        looks += 1;
        assert!(looks < LOOKS_MAX, "access is not taken away");
        if looks.is_multiple_of(LOOKS_PER_MOVE) {
            world.time_passes(jiff::SignedDuration::from_mins(1));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    running.await.unwrap();

    assert_eq!(world.state_of_request(&acme).await, RequestState::Scheduled);
    assert!(world.number("SELECT count(*) FROM gateway.audit_link").await > 0, "the worker sweeps too");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn several_processes_share_the_work_and_nothing_is_done_twice() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(world.a_team_member(&acme, &format!("person{number}"), &paula).await);
    }
    for person in &people {
        world.jira_sends(&acme, &user_updated(person, world.gateway.now())).await;
        world.jira_sends(&acme, &user_deleted(person, world.gateway.now())).await;
    }
    let others = [(); 2].map(|()| world.another_gateway_with(data_map(), world.pools()));

    for days in [0_i64, 30, 53, 0] {
        world.time_passes(jiff::SignedDuration::from_hours(24 * days));
        futures_util::future::join3(world.the_worker_drains(), drain(&others[0]), drain(&others[1])).await;
        let swept = futures_util::future::join_all(
            [&world.gateway, &others[0], &others[1]].map(|gateway| sweep::run(gateway, swept::Depth::Recent)),
        )
        .await;
        assert!(swept.iter().all(|each| each.failures == 0), "{swept:?}");
        // A job that lost a race for a lock comes again after a moment.
        world.time_passes(jiff::SignedDuration::from_hours(1));
        world.the_worker_drains().await;
    }

    for person in &people {
        assert_eq!(world.rows_about(person).await, [].into());
    }
    assert_eq!(world.requests(&acme).await.len(), 6);
    assert_eq!(world.number("SELECT count(*) FROM gateway.receipt").await, 6);
    let completed = world.audited(acme.id).await.into_iter().filter(|action| action == "request.completed").count();
    assert_eq!(completed, 6);
    world.ends_cleanly().await;
}

/// An event that a worker has taken and cannot end, because somebody keeps it from recording what it means.
struct HeldUp {
    world: World,
    acme: Tenant,
    /// Until when the worker has the event, before it has renewed anything.
    first_lease: Timestamp,
    working: JoinHandle<Drained>,
    holder: Client,
}

impl HeldUp {
    /// Ann's departure, being interpreted under a lease of so many seconds.
    async fn under_a_lease_of(event_seconds: f64) -> Self {
        let world = World::new().await;
        let acme = world.a_tenant("acme").await;
        let paula = world.a_portal_user(&acme, "paula").await;
        let ann = world.a_team_member(&acme, "ann", &paula).await;
        world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
        let holder = world.database.admin().await;
        holder.batch_execute("BEGIN; LOCK TABLE gateway.subject_signal").await.unwrap();
        let slow = world.another_gateway_with_leases(Leases { event_seconds, ..Leases::default() });
        let working = tokio::spawn(async move { drain(&slow).await });
        let mut first_lease = None;
        for _ in 0..LOOKS_MAX {
            first_lease = world.admin.query_one("SELECT lease_until FROM gateway.event", &[]).await.unwrap().get(0);
            if first_lease.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { world, acme, first_lease: first_lease.expect("the event is taken"), working, holder }
    }

    /// True once a lease that was never renewed would have run out some time ago.
    async fn is_longer_than_one_lease(&self) -> bool {
        let sql = "SELECT now() > $1::timestamptz + interval '0.5 seconds'";
        self.world.admin.query_one(sql, &[&self.first_lease]).await.unwrap().get(0)
    }

    async fn is_let_go(&self) {
        self.holder.batch_execute("ROLLBACK").await.unwrap();
    }

    async fn takes_nothing(&self, other: &Gateway) -> bool {
        queue::claim(other, 8).await.unwrap().is_empty()
    }

    /// Everything that the interpretation of a departure leaves behind.
    async fn consequences(&self) -> i64 {
        let tables = ["subject_signal", "data_subject", "privacy_request", "minimized_event"];
        let counts = tables.map(|table| format!("(SELECT count(*) FROM gateway.{table})"));
        self.world.number(&format!("SELECT {}", counts.join(" + "))).await
    }
}

#[tokio::test]
async fn an_event_whose_interpretation_outlasts_its_lease_is_not_taken_by_a_second_worker() {
    let held_up = HeldUp::under_a_lease_of(3.0).await;
    let other = held_up.world.another_gateway_with(data_map(), held_up.world.pools());

    while !held_up.is_longer_than_one_lease().await {
        assert!(held_up.takes_nothing(&other).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(held_up.takes_nothing(&other).await, "the lease was not renewed");
    held_up.is_let_go().await;
    let HeldUp { world, acme, working, .. } = held_up;
    working.await.unwrap();

    let ended = "SELECT concat_ws(' ', attempt, lost_attempts, outcome, outcome_reason) FROM gateway.event";
    assert_eq!(world.text(ended).await.as_deref(), Some("1 0 applied offboarding_started"));
    assert_eq!(world.requests(&acme).await.len(), 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_worker_that_has_lost_its_event_stops_at_once_and_commits_nothing() {
    let mut held_up = HeldUp::under_a_lease_of(0.6).await;
    // As another worker takes it whose lease is long.
    let taken = "UPDATE gateway.event SET attempt = attempt + 1, lease_until = now() + interval '1 hour'";
    held_up.world.admin.execute(taken, &[]).await.unwrap();

    // It is still kept from recording anything.
    let stopped = tokio::time::timeout(Duration::from_secs(10), &mut held_up.working).await;
    stopped.expect("the worker goes on with what another one has").unwrap();
    held_up.is_let_go().await;

    assert_eq!(held_up.consequences().await, 0);
    let kept = "SELECT count(*) FROM gateway.event
        WHERE state = 'pending' AND attempt = 2 AND failures = 0 AND lease_until > now() + interval '50 minutes'";
    assert_eq!(held_up.world.number(kept).await, 1, "the other worker's lease was touched");
    let HeldUp { world, acme, .. } = held_up;
    world.the_lease_runs_out().await;
    world.the_worker_drains().await;
    assert_eq!(world.requests(&acme).await.len(), 1);
    world.ends_cleanly().await;
}
