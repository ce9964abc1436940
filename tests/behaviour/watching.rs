//! Installations that fall silent are asked about; silence alone starts nothing.

use jiff::SignedDuration;
use milestone_gateway::testing::{
    app::offboarding::evidence::record_evidence,
    domain::{SourceKind, evidence::EvidenceKind},
};
use serde_json::{Value, json};

use crate::harness::{Cloud, Person, Tenant, World, answered, empty};

async fn a_forge_app(world: &World) -> &'static str {
    let settings =
        json!({"app_id": "ari:cloud:ecosystem::app/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "environment": "production"});
    world.a_platform_source("milestone-app", SourceKind::Forge, settings).await
}

async fn acme_with_the_app(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    it_shows(world, &acme, EvidenceKind::Installed).await;
    it_shows(world, &acme, EvidenceKind::Heartbeat).await;
    (acme, ann)
}

async fn it_shows(world: &World, tenant: &Tenant, kind: EvidenceKind) -> String {
    let outcome = record_evidence(&world.gateway, tenant.id, kind, None, world.gateway.now()).await.unwrap();
    world.the_worker_drains().await;
    outcome.reason().into_owned()
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// What is known of a tenant's installation, oldest first.
async fn evidence(world: &World, tenant: &Tenant) -> String {
    let sql = format!(
        "SELECT string_agg(kind, ' ' ORDER BY source_at, kind DESC) FROM gateway.tenant_evidence WHERE tenant_id = '{}'",
        tenant.id.uuid()
    );
    world.text(&sql).await.unwrap_or_default()
}

fn server_information() -> Value {
    json!({"baseUrl": "https://acme.atlassian.net", "deploymentType": "Cloud"})
}

#[tokio::test]
async fn a_silent_site_that_is_gone_is_offboarded_and_a_heartbeat_stops_it() {
    let world = World::with_emulators().await;
    let cloud = Cloud::that(|_| empty(404)).await;
    let app = a_forge_app(&world).await;
    world.asks(app, &cloud).await;
    let (acme, ann) = acme_with_the_app(&world).await;
    world.time_passes(hours(71));
    assert_eq!(world.whoever_is_due_is_asked().await.installations_silent, 0);
    world.time_passes(hours(1));

    let polled = world.whoever_is_due_is_asked().await;
    world.the_worker_drains().await;

    assert_eq!((polled.installations_silent, polled.installations_probed, polled.failures), (1, 1, 0));
    assert_eq!(cloud.asked()[0].path, format!("/ex/jira/{}/rest/api/3/serverInfo", acme.key));
    assert_eq!(evidence(&world, &acme).await, "installed heartbeat silence probe_gone");
    assert!(!world.may_sign_in(&ann).await);
    world.time_passes(SignedDuration::from_mins(10));
    assert_eq!(it_shows(&world, &acme, EvidenceKind::Heartbeat).await, "tenant_offboarding_stopped");
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn nobody_is_looked_at_more_often_than_every_six_hours_and_the_same_answer_is_no_news() {
    let world = World::with_emulators().await;
    let cloud = Cloud::that(|_| empty(401)).await;
    let app = a_forge_app(&world).await;
    world.asks(app, &cloud).await;
    let (acme, _) = acme_with_the_app(&world).await;
    world.time_passes(hours(100));

    for _ in 0..24 {
        world.everything_is_asked().await;
        world.time_passes(hours(1));
    }
    world.the_worker_drains().await;

    assert!((3..=4).contains(&cloud.asked().len()), "{}", cloud.asked().len());
    assert_eq!(evidence(&world, &acme).await, "installed heartbeat silence probe_refused");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_silent_site_that_answers_is_there_and_one_that_cannot_be_asked_is_left_alone() {
    let world = World::with_emulators().await;
    let cloud = Cloud::that(|_| answered(200, server_information())).await;
    let app = a_forge_app(&world).await;
    let (acme, ann) = acme_with_the_app(&world).await;
    world.time_passes(hours(73));

    let without = world.everything_is_asked().await;
    assert_eq!((without.installations_silent, without.installations_probed), (1, 0));
    assert_eq!(evidence(&world, &acme).await, "installed heartbeat silence");
    world.asks(app, &cloud).await;
    world.time_passes(hours(7));
    let with = world.everything_is_asked().await;

    assert_eq!((with.installations_silent, with.installations_probed), (1, 1));
    assert_eq!(evidence(&world, &acme).await, "installed heartbeat silence probe_alive");
    world.time_passes(hours(7));
    assert_eq!(world.everything_is_asked().await.installations_silent, 0, "an answer is a sign of life");
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_site_that_fails_says_nothing_and_one_that_told_of_its_removal_is_not_asked() {
    let world = World::with_emulators().await;
    let cloud = Cloud::that(|_| empty(503)).await;
    let app = a_forge_app(&world).await;
    world.asks(app, &cloud).await;
    let (acme, _) = acme_with_the_app(&world).await;
    let globex = world.a_tenant("globex").await;
    it_shows(&world, &globex, EvidenceKind::Installed).await;
    it_shows(&world, &globex, EvidenceKind::Heartbeat).await;
    world.time_passes(hours(1));
    it_shows(&world, &globex, EvidenceKind::Uninstalled).await;
    world.time_passes(hours(80));

    let polled = world.everything_is_asked().await;
    world.the_worker_drains().await;

    assert_eq!((polled.installations_silent, polled.installations_probed), (1, 1));
    assert_eq!(evidence(&world, &acme).await, "installed heartbeat silence");
    assert_eq!(evidence(&world, &globex).await, "installed heartbeat uninstalled");
    world.ends_cleanly().await;
}
