//! The worker as it runs in production: lanes, sweeps, several processes over one database.

use std::time::Duration;

use milestone_gateway::{app::sweep, domain::request::RequestState, worker};
use tokio::sync::oneshot;

use crate::harness::{World, data_map, user_deleted, user_updated};

/// Thirty seconds of real time, in short looks.
const LOOKS_MAX: usize = 1_500;
/// After so many looks the calendar moves on: on a busy machine an attempt may have been given back, and comes again then.
const LOOKS_PER_MOVE: usize = 50;

#[tokio::test]
async fn a_running_worker_takes_access_off_without_being_asked_and_stops_when_told() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let settings = worker::Settings { poll_every: Duration::from_millis(50), ..worker::Settings::default() };
    let running = tokio::spawn(worker::run(world.gateway.clone(), settings, async { drop(stopped.await) }));

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let mut looks = 0;
    while world.may_sign_in(&ann).await || world.request(&acme).await.access_off_at.is_none() {
        looks += 1;
        assert!(looks < LOOKS_MAX, "access is not taken away");
        if looks.is_multiple_of(LOOKS_PER_MOVE) {
            world.time_passes(jiff::SignedDuration::from_mins(1));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    running.await.unwrap();

    assert_eq!(world.state_of_request(&acme).await, RequestState::Open);
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
        futures_util::future::join3(
            world.the_worker_drains(),
            crate::harness::drain(&others[0]),
            crate::harness::drain(&others[1]),
        )
        .await;
        let swept = futures_util::future::join_all(
            [&world.gateway, &others[0], &others[1]].map(|gateway| sweep::run(gateway, sweep::Depth::Recent)),
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
