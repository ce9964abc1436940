//! Senders that several tenants share: whose an event is, and that nobody else's rows move.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{registry, support::replay},
    domain::{SourceKind, TenantId, reply::SenderReply, request::RequestState},
    signature::{Rejection, SecretBytes, issue},
    store::event::EventFilter,
};
use serde_json::{Value, json};

use crate::harness::{
    KeyServer, Manner, Person, Post, Tenant, World,
    senders::{CLIENT_KEY, SHARED_SECRET, background_event, cloud_event, connect_claims},
    user_deleted,
};

const INSTALLED: &str = include_str!("../vectors/connect/installed.json");
const DISABLED: &str = include_str!("../vectors/connect/disabled.json");
const UNINSTALLED: &str = include_str!("../vectors/connect/uninstalled.json");

/// So many hours after the world's beginning.
fn hours(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

/// Outcomes of all events of a tenant, or of none, in the order in which they came.
async fn outcomes(world: &World, tenant: TenantId) -> Vec<String> {
    let sql = format!(
        "SELECT string_agg(concat_ws(' ', type_word, outcome, outcome_reason), ', ' ORDER BY received_at, event_id)
         FROM gateway.event WHERE tenant_id = '{}'",
        tenant.uuid()
    );
    world.text(&sql).await.unwrap_or_default().split(", ").filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

const ROUTED: &str = "user_deleted applied routed_to_tenants";
const STARTED: &str = "user_deleted applied offboarding_started";

struct Shared {
    acme: Tenant,
    globex: Tenant,
    paula: Person,
}

/// A project whose accounts may belong to either of two tenants; Paula is Acme's.
async fn a_shared_project(world: &World) -> Shared {
    let acme = world.a_tenant("acme").await;
    let globex = world.a_tenant("globex").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    world.a_portal_user(&globex, "peter").await;
    world.a_firebase_source(None).await;
    Shared { acme, globex, paula }
}

#[tokio::test]
async fn an_account_that_one_tenant_knows_concerns_that_tenant_alone() {
    let world = World::new().await;
    let Shared { acme, globex, paula } = a_shared_project(&world).await;

    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;

    assert_eq!(outcomes(&world, TenantId::PLATFORM).await, [ROUTED]);
    assert_eq!(outcomes(&world, acme.id).await, [STARTED]);
    assert_eq!(outcomes(&world, globex.id).await, [""; 0]);
    assert!(!world.may_use_the_portal(&paula).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_two_tenants_know_leaves_both() {
    let world = World::new().await;
    let Shared { acme, globex, paula } = a_shared_project(&world).await;
    let again = world.the_same_portal_user(&globex, "paula", &paula.account_id).await;

    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;

    assert_eq!(outcomes(&world, TenantId::PLATFORM).await, [ROUTED]);
    for (tenant, person) in [(&acme, &paula), (&globex, &again)] {
        assert_eq!(outcomes(&world, tenant.id).await, [STARTED]);
        assert!(!world.may_use_the_portal(person).await);
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_nobody_knows_is_ignored_and_leaves_nothing_behind() {
    let world = World::new().await;
    a_shared_project(&world).await;

    let outcome = world.firebase_tells(&background_event("delete", "uid-of-a-stranger", hours(0))).await;

    assert_eq!(outcome, "ignored: nobody_known");
    assert_eq!(world.number("SELECT count(*) FROM gateway.data_subject").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn after_an_erasure_the_account_is_behind_its_fence_and_a_return_opens_it() {
    let world = World::new().await;
    let Shared { acme, paula, .. } = a_shared_project(&world).await;
    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;
    world.days_pass(83).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);

    world.firebase_tells(&background_event("delete", &paula.account_id, hours(-1))).await;
    world.firebase_tells(&cloud_event("created", &paula.account_id, world.gateway.now())).await;

    assert_eq!(
        outcomes(&world, acme.id).await,
        [STARTED, "user_deleted ignored fenced", "user_created ignored nobody_known"],
        "the fence is opened, and the product knows nobody of this account yet"
    );
    let returned = "SELECT count(returned_at) FROM gateway.fence";
    assert_eq!(world.number(returned).await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn both_generations_of_one_deletion_are_one_offboarding() {
    let world = World::new().await;
    let Shared { acme, paula, .. } = a_shared_project(&world).await;

    for event in
        [background_event("delete", &paula.account_id, hours(0)), cloud_event("deleted", &paula.account_id, hours(0))]
    {
        world.firebase_tells(&event).await;
    }

    assert_eq!(outcomes(&world, acme.id).await, [STARTED, "user_deleted ignored superseded"]);
    assert_eq!(world.requests(&acme).await.len(), 1);
    world.days_pass(83).await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.receipt").await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_portal_user_and_a_user_of_the_delivery_app_are_told_apart_and_the_erasure_takes_exactly_one() {
    let world = World::new().await;
    let Shared { acme, paula, .. } = a_shared_project(&world).await;
    let dora = world.a_delivery_user(&acme, "dora").await;
    let drew = world.a_delivery_user(&acme, "drew").await;
    world.a_team_member(&acme, "ann", &paula).await;
    let is_about = |person: &Person, row: &str| person.identifiers().iter().any(|identifier| row.contains(identifier));
    let before = world.product_rows().await;

    world.firebase_tells(&cloud_event("deleted", &dora.account_id, hours(0))).await;
    world.days_pass(83).await;

    assert_eq!(world.text("SELECT kind FROM gateway.data_subject").await.as_deref(), Some("delivery_app_user"));
    assert_eq!(world.rows_about(&dora).await, [].into());
    let expected: Vec<_> = before.into_iter().filter(|(_, row)| !is_about(&dora, row)).collect();
    assert_eq!(world.product_rows().await, expected, "somebody else's rows have changed");
    assert_eq!(world.rows_about(&drew).await.len(), 2);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_of_two_kinds_of_people_waits_for_a_person() {
    let world = World::new().await;
    let Shared { acme, paula, .. } = a_shared_project(&world).await;
    let sql = format!(
        "INSERT INTO milestone.delivery_user
         VALUES ('{}', '{}', '{}', NULL, NULL, '2026-01-01T00:00:00Z')",
        acme.key, paula.row_id, paula.account_id
    );
    world.admin.batch_execute(&sql).await.unwrap();

    world.firebase_tells(&cloud_event("deleted", &paula.account_id, hours(0))).await;

    let expected = "user_deleted dead_lettered ambiguous_identity";
    assert_eq!(outcomes(&world, acme.id).await, [expected]);
    assert!(world.may_use_the_portal(&paula).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_emulators_send_without_a_signature_is_believed_under_the_development_switch_only() {
    for trusts in [false, true] {
        let world = if trusts { World::with_emulators().await } else { World::new().await };
        let acme = world.a_tenant("acme").await;
        let paula = world.a_portal_user(&acme, "paula").await;
        world.a_cloudevents_source(Some(&acme)).await;
        let event = cloud_event("deleted", &paula.account_id, hours(0));
        let post = Post::new(SourceKind::GoogleEvents, "cloudevents", event.to_string())
            .with("content-type", "application/cloudevents+json; charset=UTF-8");
        let unsigned_token = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.";

        let bare = world.receives(&post).await;
        let with_token = world.receives(&post.clone().with("authorization", unsigned_token)).await;
        world.the_worker_drains().await;

        for (accepted, why) in [(bare, Rejection::MissingToken), (with_token, Rejection::ForbiddenAlgorithm)] {
            let expected = if trusts { SenderReply::Accepted } else { SenderReply::Unauthorized };
            assert_eq!((accepted.reply, accepted.rejection), (expected, (!trusts).then_some(why)));
        }
        assert_eq!(world.may_use_the_portal(&paula).await, !trusts);
        world.ends_cleanly().await;
    }
}

/// `interpret.after_routing`: tenants have their events, and the platform's own has not ended.
#[tokio::test]
async fn a_crash_after_routing_routes_nothing_twice() {
    let world = World::new().await;
    let Shared { acme, globex, paula } = a_shared_project(&world).await;
    world.the_same_portal_user(&globex, "paula", &paula.account_id).await;
    world.crash.arm("interpret.after_routing", 1);

    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;
    for _ in 0..3 {
        world.the_lease_runs_out().await;
        world.time_passes(SignedDuration::from_mins(15));
        world.the_worker_drains().await;
    }

    assert!(!world.crash.is_armed("interpret.after_routing"));
    assert_eq!(outcomes(&world, TenantId::PLATFORM).await, [ROUTED]);
    for tenant in [&acme, &globex] {
        assert_eq!(outcomes(&world, tenant.id).await, [STARTED]);
    }
    world.ends_cleanly().await;
}

/// Everything in the gateway's tables that is the secret, however it is written.
async fn places_of_the_secret(world: &World) -> Vec<String> {
    let shapes = [SHARED_SECRET.to_owned(), hex::encode(SHARED_SECRET)];
    let memory = world.memory_of_the_gateway().await;
    memory.lines().filter(|line| shapes.iter().any(|shape| line.contains(shape))).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_connect_app_is_installed_bound_used_and_uninstalled() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.a_connect_source().await;
    let early = world.receives(&world.connect_post("webhook", user_deleted(&ann, hours(0)).to_string())).await;
    assert_eq!((early.reply, early.rejection), (SenderReply::Unauthorized, Some(Rejection::UnknownSource)));

    let installed = world.receives(&world.connect_install_post("installed", INSTALLED)).await;
    world.the_worker_drains().await;
    assert_eq!(installed.reply, SenderReply::Accepted);
    let unbound = world.outcome_of(installed).await;
    assert!(unbound.starts_with("dead_lettered: unbound_installation"), "{unbound}");
    assert_eq!(places_of_the_secret(&world).await, [""; 0]);
    assert_eq!(keys.asked(), [("/connect/key-1".to_owned(), 1)].into());

    registry::bind(&world.gateway, &world.tester, "connect", CLIENT_KEY, &acme.key).await.unwrap();
    let filter = EventFilter { outcome: Some("dead_lettered".to_owned()), ..EventFilter::default() };
    replay::execute(&world.gateway, &world.tester, "bound", &filter).await.unwrap();
    world.the_worker_drains().await;
    assert_eq!(outcomes(&world, acme.id).await, ["installed applied tenant_evidence_recorded"]);

    let webhook = world.connect_post("webhook", user_deleted(&ann, hours(0)).to_string());
    assert_eq!(
        world.receives(&webhook.with("x-atlassian-webhook-identifier", "b8a5-1")).await.reply,
        SenderReply::Accepted
    );
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    world.time_passes(SignedDuration::from_hours(1));
    world.receives(&world.connect_install_post("uninstalled", UNINSTALLED)).await;
    world.the_worker_drains().await;
    assert_eq!(
        outcomes(&world, acme.id).await.pop().as_deref(),
        Some("uninstalled applied tenant_offboarding_started")
    );

    let before = (world.product_rows().await, world.rows_of_schema("gateway").await);
    let late = Post::new(SourceKind::Connect, "connect", DISABLED).at("disabled");
    let refused = world.receives(&late).await;
    world.the_worker_drains().await;
    assert_eq!((refused.reply, refused.rejection), (SenderReply::Unauthorized, Some(Rejection::MissingToken)));
    assert_eq!((world.product_rows().await, world.rows_of_schema("gateway").await), before);
    assert_eq!(places_of_the_secret(&world).await, [""; 0]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn one_installations_secret_signs_for_that_installation_alone() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    world.a_connect_source().await;
    world.receives(&world.connect_install_post("installed", INSTALLED)).await;
    let mut claims: Value = connect_claims("installed", world.gateway.now());
    claims["iss"] = json!("another-client");
    let body = INSTALLED.replace(CLIENT_KEY, "another-client").replace(SHARED_SECRET, "another-secret-also-long");
    let install = Post::new(SourceKind::Connect, "connect", body).at("installed");
    let token = crate::harness::senders::rs256(&claims);
    world.receives(&install.with("authorization", format!("JWT {token}"))).await;

    let signed = |iss: &str, secret: &str| {
        let mut claims = connect_claims("webhook", world.gateway.now());
        claims["iss"] = json!(iss);
        let token = issue::sign_hs256(&claims, &SecretBytes::new(secret.as_bytes().to_vec())).unwrap();
        Post::new(SourceKind::Connect, "connect", "{}").at("webhook").with("authorization", format!("JWT {token}"))
    };
    let own = world.receives(&signed("another-client", "another-secret-also-long")).await;
    let foreign = world.receives(&signed("another-client", SHARED_SECRET)).await;

    assert_eq!(own.reply, SenderReply::Accepted);
    assert_eq!((foreign.reply, foreign.rejection), (SenderReply::Unauthorized, Some(Rejection::Mismatch)));
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

/// A webhook that says nothing, signed with this secret.
fn webhook_under(world: &World, secret: &str) -> Post {
    let secret = SecretBytes::new(secret.as_bytes().to_vec());
    let token = issue::sign_hs256(&connect_claims("webhook", world.gateway.now()), &secret).unwrap();
    let body = json!({"webhookEvent": "sprint_closed", "number": world.next_number()});
    let post = Post::new(SourceKind::Connect, "connect", body.to_string()).at("webhook");
    post.with("authorization", format!("JWT {token}"))
}

#[tokio::test]
async fn an_installation_that_is_given_another_secret_is_believed_under_it_at_once() {
    let keys = KeyServer::start(Manner::Well).await;
    let mut world = World::with_key_server(&keys).await;
    world.a_connect_source().await;
    let another = "another-secret-also-long";
    world.receives(&world.connect_install_post("installed", INSTALLED)).await;
    assert_eq!(world.receives(&webhook_under(&world, SHARED_SECRET)).await.reply, SenderReply::Accepted);
    assert_eq!(world.receives(&webhook_under(&world, another)).await.rejection, Some(Rejection::Mismatch));

    // Within one second Atlassian would make the same token, and under one token only one secret can be brought.
    let changed = INSTALLED.replace(SHARED_SECRET, another);
    let under_the_same_token = world.receives(&world.connect_install_post("installed", changed.clone())).await;
    assert_eq!(under_the_same_token.rejection, Some(Rejection::Replayed));
    let mut otherwise_written = world.connect_install_post("installed", INSTALLED.replace(SHARED_SECRET, another));
    for (name, value) in &mut otherwise_written.headers {
        if name == "authorization" {
            value[..3].copy_from_slice(b"jwt");
        }
    }
    assert_eq!(world.receives(&otherwise_written).await.rejection, Some(Rejection::Replayed), "however it is written");
    assert_eq!(world.receives(&webhook_under(&world, another)).await.rejection, Some(Rejection::Mismatch));
    world.time_passes(SignedDuration::from_secs(1));
    world.receives(&world.connect_install_post("installed", changed)).await;

    assert_eq!(world.receives(&webhook_under(&world, another)).await.reply, SenderReply::Accepted);
    assert_eq!(world.receives(&webhook_under(&world, SHARED_SECRET)).await.reply, SenderReply::Accepted, "for a day");
    world.time_passes(SignedDuration::from_hours(25));
    world.restarts();
    assert_eq!(world.receives(&webhook_under(&world, SHARED_SECRET)).await.rejection, Some(Rejection::Mismatch));
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}
