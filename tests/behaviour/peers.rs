//! Real peers: the Firebase Auth emulator with our forwarder in it, Google's Pub/Sub emulator, and deliveries made by npm
//! packages. Held against somebody else's reading of the specifications, and against real HTTP.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use milestone_gateway::testing::{
    app::{self, registry::Registration},
    domain::{evidence::EvidenceKind, request::RequestState},
    outbound,
    signature::SecretBytes,
    sources::{
        SourceSettings, firebase_function::contract::FirebaseSettings, google::GoogleSettings, google_events, pubsub,
    },
};
use serde_json::{Value, json};

use crate::{
    harness::{
        KeyServer, Manner, Person, Tenant, World,
        key_server::{KEY_ID, PRIVATE_PEM},
        peers::{Emulator, delivers, node},
        senders::{BASE_URL, CLIENT_KEY, SHARED_SECRET},
        user_deleted,
    },
    tenant::{it_is_told, own_request},
};

const PROJECT: &str = "demo-milestone";
const SECRET: [u8; 32] = *b"a secret of thirty-two bytes ok!";
/// How long a real peer may take.
const PATIENCE: Duration = Duration::from_secs(90);

fn secret_text() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(SECRET))
}

/// A shared Firebase project whose deletions our forwarder tells.
async fn a_portal(world: &World) {
    let secret = SecretBytes::new(SECRET.to_vec());
    let settings = SourceSettings::from(FirebaseSettings { project: PROJECT.to_owned() });
    let registration = Registration { secret: Some(&secret), ..Registration::of("portal", None, settings) };
    app::registry::register(&world.gateway, &world.tester, &registration).await.unwrap();
}

async fn google_source(world: &World, name: &str, settings: fn(GoogleSettings) -> SourceSettings) {
    let google = GoogleSettings {
        audience: format!("https://gateway.example/{name}"),
        email: "push@demo-milestone.iam.gserviceaccount.com".to_owned(),
        project: PROJECT.to_owned(),
    };
    let registration = Registration::of(name, None, settings(google));
    app::registry::register(&world.gateway, &world.tester, &registration).await.unwrap();
}

/// Tokens and signatures of real peers carry the real time.
#[expect(clippy::disallowed_methods, reason = "real peers live in the real time")]
fn the_calendar_shows_today(world: &World) {
    world.time_passes(world.gateway.now().duration_until(Timestamp::now()));
}

fn client() -> reqwest::Client {
    outbound::client(outbound::Timeouts::default()).unwrap()
}

async fn accounts(auth: std::net::SocketAddr, call: &str, body: Value) -> Value {
    let url = format!("http://{auth}/identitytoolkit.googleapis.com/v1/projects/{PROJECT}/accounts{call}");
    let answer = client().post(url).bearer_auth("owner").json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn events_arrive(world: &World, at_least: i64) {
    let began = Instant::now();
    while world.number("SELECT count(*) FROM gateway.event").await < at_least {
        assert!(began.elapsed() < PATIENCE, "the peer has delivered nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn portal_user_may_sign_in(world: &World, person: &Person) -> bool {
    let sql = format!(
        "SELECT count(*) FROM milestone.portal_user WHERE firebase_uid = '{}' AND restricted_at IS NULL",
        person.account_id
    );
    world.number(&sql).await == 1
}

/// By the emulator's batch deletion.
async fn a_whole_tenants_erasure_deletes_an_account(world: &World, auth: std::net::SocketAddr, acme: &Tenant) {
    let petra = world.a_portal_user(acme, "petra").await;
    accounts(auth, "", json!({ "localId": petra.account_id, "email": petra.email })).await;
    it_is_told(world, acme, EvidenceKind::Uninstalled, world.gateway.now()).await;
    world.days_pass(83).await;

    assert_eq!(own_request(world, acme).await.state, RequestState::Completed);
    let looked_up = accounts(auth, ":lookup", json!({ "localId": [petra.account_id] })).await;
    assert!(looked_up.get("users").is_none(), "the tenant's erasure has deleted the account: {looked_up}");
    let ended =
        "SELECT string_agg(state || ' ' || attempts, ', ') FROM gateway.provider_call WHERE uid_digest IS NOT NULL";
    assert_eq!(world.text(ended).await.as_deref(), Some("done 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auth_emulator_deletes_a_user_and_our_erasure_deletes_one_in_the_emulator() {
    let Some(node) = node("the_auth_emulator") else { return };
    let world = World::with_emulators().await;
    the_calendar_shows_today(&world);
    a_portal(&world).await;
    let acme: Tenant = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let peter = world.a_portal_user(&acme, "peter").await;
    let gateway = world.serves_http();
    let target = format!("http://{}/webhooks/firebase/portal", gateway.address());
    let environment = [("GATEWAY_TARGET_URL", target.as_str()), ("GATEWAY_WEBHOOK_SECRET", &secret_text())];
    let Some(emulator) = Emulator::start(&node, "auth-emulator.mjs", &["start"], &environment).await else {
        gateway.stops().await;
        return world.ends_cleanly().await;
    };
    let auth = emulator.address("auth");
    let credentials = SecretBytes::new(json!({ "emulator": format!("http://{auth}") }).to_string().into_bytes());
    app::registry::set_provider_credentials(&world.gateway, &world.tester, "portal", &credentials).await.unwrap();
    for person in [&paula, &peter] {
        accounts(auth, "", json!({ "localId": person.account_id, "email": person.email })).await;
    }
    events_arrive(&world, 2).await;

    // Somebody deletes Paula's account; the forwarder tells it.
    the_calendar_shows_today(&world);
    accounts(auth, ":delete", json!({ "localId": paula.account_id })).await;
    events_arrive(&world, 3).await;
    world.the_worker_drains().await;

    assert_eq!(world.requests(&acme).await.len(), 1);
    assert_eq!(world.state_of_request(&acme).await, RequestState::Scheduled);
    assert!(!portal_user_may_sign_in(&world, &paula).await);
    assert!(portal_user_may_sign_in(&world, &peter).await);

    // Peter's deletion is told by a package of somebody else's, while his account still exists.
    the_calendar_shows_today(&world);
    let at = world.gateway.now();
    let event = json!({ "eventId": "peter-leaves", "eventType": "google.firebase.auth.user.delete",
        "resource": { "service": "firebaseauth.googleapis.com", "name": format!("projects/{PROJECT}") },
        "timestamp": at.to_string(), "data": { "uid": peter.account_id } });
    let parameters = json!({ "url": target, "secret": secret_text(), "id": "peter-leaves", "body": event });
    assert_eq!(delivers(&node, "standardwebhooks", parameters.clone()).await, 200);
    assert_eq!(delivers(&node, "standardwebhooks", parameters).await, 200, "a repetition is acknowledged again");
    world.the_worker_drains().await;
    assert_eq!(world.requests(&acme).await.len(), 2);
    let looked_up = accounts(auth, ":lookup", json!({ "localId": [peter.account_id] })).await;
    assert_eq!(looked_up["users"][0]["disabled"], true, "access is off at the identity provider too");

    world.days_pass(30).await;
    world.days_pass(60).await;

    for request in world.requests(&acme).await {
        assert_eq!(request.state, RequestState::Completed);
    }
    let looked_up = accounts(auth, ":lookup", json!({ "localId": [peter.account_id] })).await;
    assert!(looked_up.get("users").is_none(), "the erasure has deleted the account: {looked_up}");
    let ended = "SELECT string_agg(DISTINCT kind || ' ' || state, ', ')
        FROM gateway.provider_call
        WHERE kind = 'firebase_delete' AND source_id IS NOT NULL";
    assert_eq!(world.text(ended).await.as_deref(), Some("firebase_delete already_gone, firebase_delete done"));
    assert_eq!(world.number("SELECT count(*) FROM milestone.portal_user").await, 0);
    a_whole_tenants_erasure_deletes_an_account(&world, auth, &acme).await;
    drop(emulator);
    gateway.stops().await;
    world.ends_cleanly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pubsub_emulator_pushes_and_is_answered_so_that_it_does_not_push_again() {
    let Some(node) = node("the_pubsub_emulator") else { return };
    let world = World::with_emulators().await;
    the_calendar_shows_today(&world);
    google_source(&world, "push", pubsub::contract::settings).await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let gateway = world.serves_http();
    let Some(emulator) = Emulator::start(&node, "pubsub-emulator.mjs", &["start"], &[]).await else {
        gateway.stops().await;
        return world.ends_cleanly().await;
    };
    let base = format!("http://{}/v1/projects/{PROJECT}", emulator.address("endpoint"));
    let client = client();
    let put = async |path: &str, body: Value| {
        assert!(client.put(format!("{base}/{path}")).json(&body).send().await.unwrap().status().is_success(), "{path}");
    };
    put("topics/deletions", json!({})).await;
    let endpoint = format!("http://{}/webhooks/pubsub/push", gateway.address());
    let topic = format!("projects/{PROJECT}/topics/deletions");
    put("subscriptions/wrapped", json!({ "topic": topic, "pushConfig": { "pushEndpoint": endpoint } })).await;
    let unwrapped = json!({ "pushEndpoint": endpoint, "noWrapper": { "writeMetadata": true } });
    put("subscriptions/unwrapped", json!({ "topic": topic, "pushConfig": unwrapped })).await;
    let attributes = json!({ "ce-specversion": "1.0", "ce-id": "evt-1", "ce-type": "google.firebase.auth.user.v1.deleted",
        "ce-source": format!("//firebaseauth.googleapis.com/projects/{PROJECT}"),
        "ce-subject": format!("users/{}", paula.account_id), "ce-time": world.gateway.now().to_string(),
        "content-type": "application/json" });
    let data = BASE64_STANDARD.encode(json!({ "uid": paula.account_id }).to_string());
    let message = json!({ "messages": [{ "data": data, "attributes": attributes }] });
    let published = client.post(format!("{base}/topics/deletions:publish")).json(&message).send().await.unwrap();
    assert!(published.status().is_success());

    events_arrive(&world, 2).await;
    world.the_worker_drains().await;
    // Whatever is not acknowledged comes again about every second.
    tokio::time::sleep(Duration::from_secs(3)).await;

    assert_eq!(world.number("SELECT coalesce(sum(duplicate_count), 0)::int8 FROM gateway.event_key").await, 0);
    assert_eq!(world.requests(&acme).await.len(), 1, "both subscriptions have told one deletion");
    assert!(!portal_user_may_sign_in(&world, &paula).await);
    drop(emulator);
    gateway.stops().await;
    world.ends_cleanly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudevents_made_by_the_npm_package_are_accepted_in_every_mode() {
    let Some(node) = node("cloudevents") else { return };
    let world = World::with_emulators().await;
    the_calendar_shows_today(&world);
    google_source(&world, "events", google_events::contract::settings).await;
    let acme = world.a_tenant("acme").await;
    let people = [
        world.a_portal_user(&acme, "paula").await,
        world.a_portal_user(&acme, "peter").await,
        world.a_portal_user(&acme, "petra").await,
    ];
    let gateway = world.serves_http();
    let url = format!("http://{}/webhooks/cloudevents/events", gateway.address());
    let deletion = |person: &Person| {
        json!({ "id": format!("deleted-{}", person.row_id), "type": "google.firebase.auth.user.v2.deleted",
            "source": format!("//identitytoolkit.googleapis.com/projects/{PROJECT}"),
            "subject": format!("users/{}", person.account_id), "time": world.gateway.now().to_string(),
            "data": { "oldValue": { "uid": person.account_id } } })
    };

    let binary = json!({ "url": url, "event": deletion(&people[0]) });
    assert_eq!(delivers(&node, "cloudevents-binary", binary).await, 204);
    let structured = json!({ "url": url, "event": deletion(&people[1]) });
    assert_eq!(delivers(&node, "cloudevents-structured", structured).await, 204);
    let batch = json!({ "url": url, "events": [deletion(&people[2]), deletion(&people[1])] });
    assert_eq!(delivers(&node, "cloudevents-batch", batch).await, 204);
    world.the_worker_drains().await;

    assert_eq!(world.requests(&acme).await.len(), 3, "one for each person, although one was told twice");
    gateway.stops().await;
    world.ends_cleanly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_installation_that_the_npm_package_signs_for_is_believed_from_install_to_uninstall() {
    let Some(node) = node("atlassian_jwt") else { return };
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    the_calendar_shows_today(&world);
    world.a_connect_source().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    app::registry::bind(&world.gateway, &world.tester, "connect", CLIENT_KEY, &acme.key).await.unwrap();
    let gateway = world.serves_http();
    let base = format!("http://{}/webhooks/connect/connect", gateway.address());
    let call = async |tail: &str, credential: Value, body: Value| {
        let claims = json!({ "iss": CLIENT_KEY, "aud": [BASE_URL] });
        let mut parameters =
            json!({ "url": format!("{base}/{tail}"), "base_url": base, "claims": claims, "body": body });
        parameters.as_object_mut().unwrap().extend(credential.as_object().unwrap().clone());
        delivers(&node, "atlassian-jwt", parameters).await
    };
    let atlassian = json!({ "private_key": String::from_utf8_lossy(PRIVATE_PEM), "key_id": KEY_ID });
    let installation = json!({ "secret": SHARED_SECRET });
    let lifecycle = |event: &str| {
        json!({ "key": "com.example.gateway", "clientKey": CLIENT_KEY, "sharedSecret": SHARED_SECRET,
            "baseUrl": "https://acme.atlassian.net", "productType": "jira", "eventType": event })
    };

    assert_eq!(call("installed", installation.clone(), lifecycle("installed")).await, 401, "not Atlassian's own key");
    assert_eq!(call("installed", atlassian.clone(), lifecycle("installed")).await, 200);
    assert_eq!(call("enabled", installation.clone(), lifecycle("enabled")).await, 200);
    let left = user_deleted(&ann, world.gateway.now());
    assert_eq!(call("webhook", json!({ "secret": "a secret that nobody has" }), left.clone()).await, 401);
    assert_eq!(call("webhook", installation, left).await, 200);
    world.the_worker_drains().await;

    assert_eq!(world.requests(&acme).await.len(), 1);
    assert!(!world.may_sign_in(&ann).await);
    assert_eq!(call("uninstalled", atlassian, lifecycle("uninstalled")).await, 200);
    world.the_worker_drains().await;
    assert_eq!(world.requests(&acme).await.len(), 2, "the tenant's own offboarding");
    assert!(!portal_user_may_sign_in(&world, &paula).await);
    gateway.stops().await;
    world.ends_cleanly().await;
}
