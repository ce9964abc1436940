//! Events of the platform that a tenant gets long after they came: what they say is as old as their own arrival.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{intake::delivery::Accepted, registry, support::replay},
    store::event::EventFilter,
};

use crate::harness::{
    KeyServer, Manner, Tenant, World,
    senders::{CLIENT_KEY, background_event},
};

const INSTALLED: &str = include_str!("../vectors/connect/installed.json");
const UNINSTALLED: &str = include_str!("../vectors/connect/uninstalled.json");

/// So many hours after the world's beginning.
fn hours(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

fn hours_pass(world: &World, count: i64) {
    world.time_passes(SignedDuration::from_hours(count));
}

#[tokio::test]
async fn a_departure_that_is_routed_late_is_counted_from_its_own_arrival() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    world.a_firebase_source(None).await;
    let event = background_event("delete", &paula.account_id, hours(0));
    let told = world.receives(&world.firebase_post(event.to_string())).await;

    // Nobody works for longer than a signal may lie in the past.
    hours_pass(&world, 10 * 24);
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(told).await, "applied: routed_to_tenants");
    assert_eq!(world.request(&acme).await.offboarding.unwrap().timeline.anchor_at, hours(0));
    let arrival = "SELECT count(DISTINCT original_received_at) FROM gateway.event";
    assert_eq!(world.number(arrival).await, 1, "the tenant's own event is younger than what it was made of");
    world.ends_cleanly().await;
}

/// What an installation has told while nobody had said whose it is.
struct Unbound {
    acme: Tenant,
    uninstalled: Accepted,
    installed_again: Accepted,
}

/// Installed at the beginning, uninstalled after one hour, installed again after two.
async fn an_unbound_installation(world: &World) -> Unbound {
    let acme = world.a_tenant("acme").await;
    world.a_connect_source().await;
    world.receives(&world.connect_install_post("installed", INSTALLED)).await;
    hours_pass(world, 1);
    let uninstalled = world.receives(&world.connect_install_post("uninstalled", UNINSTALLED)).await;
    hours_pass(world, 1);
    let installed_again = world.receives(&world.connect_install_post("installed", INSTALLED)).await;
    world.the_worker_drains().await;
    for event in [uninstalled, installed_again] {
        let outcome = world.outcome_of(event).await;
        assert!(outcome.starts_with("dead_lettered: unbound_installation"), "{outcome}");
    }
    registry::bind(&world.gateway, &world.tester, "connect", CLIENT_KEY, &acme.key).await.unwrap();
    Unbound { acme, uninstalled, installed_again }
}

async fn is_replayed(world: &World, event: Accepted) {
    let filter = EventFilter { event_id: event.event_id, ..EventFilter::default() };
    replay::execute(&world.gateway, &world.tester, "bound", &filter).await.unwrap();
    world.the_worker_drains().await;
}

#[tokio::test]
async fn an_uninstall_that_is_routed_after_the_installation_that_followed_it_starts_nothing() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let Unbound { acme, uninstalled, installed_again } = an_unbound_installation(&world).await;

    is_replayed(&world, installed_again).await;
    hours_pass(&world, 10);
    is_replayed(&world, uninstalled).await;

    let evidence = "SELECT string_agg(kind, ' ' ORDER BY source_at) FROM gateway.tenant_evidence";
    assert_eq!(world.text(evidence).await.as_deref(), Some("uninstalled installed"));
    assert_eq!(world.requests(&acme).await.len(), 0, "an older departure outranks a younger return");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_departure_of_a_tenant_that_is_routed_late_is_counted_from_its_own_arrival() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let Unbound { acme, uninstalled, .. } = an_unbound_installation(&world).await;

    hours_pass(&world, 10 * 24);
    is_replayed(&world, uninstalled).await;

    assert_eq!(world.request(&acme).await.offboarding.unwrap().timeline.anchor_at, hours(1));
    world.ends_cleanly().await;
}
