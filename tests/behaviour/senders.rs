//! Every delivery that senders document or were seen to send, posted to its route under its credential; how each ends is the
//! table of `docs/senders.md`, which is made here.

mod samples;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use milestone_gateway::testing::{
    app::registry,
    domain::{SourceKind, TenantId},
};

use crate::harness::{
    KeyServer, Manner, Post, Tenant, World,
    senders::{CLIENT_KEY, PROJECT},
};

use samples::{Credential, NO_DELIVERIES, SAMPLES, Sample};

const DOCUMENT: &str = "docs/senders.md";
const BEGIN: &str = "<!-- deliveries: made by tests/behaviour/senders.rs -->";
const END: &str = "<!-- end of deliveries -->";
const WORLDS_AT_ONCE: usize = 8;
/// After all documented payloads.
const TODAY: &str = "2026-11-22T12:00:00Z";
/// The accounts of the payloads.
const ACCOUNTS: [&str; 2] = ["5b10ac8d82e05b22cc7d4ef5", "712020:00000000-0000-4000-8000-000000000001"];
const UIDS: [&str; 5] = ["uid-1", "imp-1", "NhMIm127b26IXHlyctdKZ1SnLbsH", "uid-bob", "UUpby3s4spZre6kHsgVSPetzQ8l2"];

/// A world in which everybody of the payloads is known.
async fn the_documented_world(keys: &KeyServer) -> (World, Tenant) {
    let world = World::with_key_server(keys).await;
    let today: jiff::Timestamp = TODAY.parse().unwrap();
    world.time_passes(today.duration_since(world.gateway.now()));
    let tenant = world.the_documented_tenant().await;
    let mut portal_user = None;
    for (number, uid) in UIDS.iter().enumerate() {
        portal_user = Some(world.the_same_portal_user(&tenant, &format!("portal{number}"), uid).await);
    }
    for (number, account) in ACCOUNTS.iter().enumerate() {
        let name = format!("member{number}");
        world.a_team_member_as(&tenant, &name, (*account).to_owned(), portal_user.as_ref().unwrap()).await;
    }
    (world, tenant)
}

/// Registers the source of a sample, and does what comes before it.
async fn before(world: &World, tenant: &Tenant, sample: &Sample) {
    match sample.kind {
        SourceKind::JiraAdmin | SourceKind::AtlassianReport => {}
        SourceKind::Forge => drop(world.a_forge_source().await),
        SourceKind::GooglePubsub => drop(world.a_pubsub_source(Some(tenant)).await),
        SourceKind::GoogleEvents => drop(world.a_cloudevents_source_of(sample.project(), Some(tenant)).await),
        SourceKind::FirebaseFunction => drop(world.a_firebase_source_of(sample.project(), Some(tenant)).await),
        SourceKind::Connect => {
            let source = world.a_connect_source().await;
            registry::bind(&world.gateway, &world.tester, &source, CLIENT_KEY, &tenant.key).await.unwrap();
            if sample.tail != "installed" {
                let installed = include_str!("../vectors/connect/installed.json");
                world.receives(&world.connect_install_post("installed", installed)).await;
                world.the_worker_drains().await;
            }
        }
    }
}

fn post(world: &World, tenant: &Tenant, sample: &Sample) -> Post {
    let (headers, body) = sample.request();
    let post = match sample.credential {
        Credential::HubSignature => {
            let signature = milestone_gateway::testing::signature::hub_hmac::sign(
                &crate::harness::secret_of(&tenant.name),
                body.as_bytes(),
            );
            Post::new(sample.kind, &tenant.source, body).with("x-hub-signature", signature)
        }
        Credential::ForgeToken => world.forge_post(&tenant.key, sample.tail, body),
        Credential::AtlassiansKey => world.connect_install_post(sample.tail, body),
        Credential::InstallationsSecret => world.connect_post(sample.tail, body),
        Credential::GoogleToken => world.google_post(sample.kind, body),
        Credential::StandardWebhooks => world.firebase_post(body),
    };
    headers.into_iter().fold(post, |post, (name, value)| post.with(&name, value))
}

/// Type and outcome of the event that a delivery became: the tenant's own where it was routed.
async fn outcome(world: &World, known_before: &BTreeSet<String>) -> (String, String) {
    let sql = "SELECT event_id::text, tenant_id = $1, coalesce(type_word, '—'), outcome || ': ' || outcome_reason
        FROM gateway.event ORDER BY received_at, event_id";
    let rows = world.admin.query(sql, &[&TenantId::PLATFORM.uuid()]).await.unwrap();
    let new = rows.iter().filter(|row| !known_before.contains(&row.get::<_, String>(0)));
    let mut ends: Vec<(bool, String, String)> = new.map(|row| (row.get(1), row.get(2), row.get(3))).collect();
    ends.sort_by_key(|(is_platforms, ..)| !is_platforms);
    let (_, event_type, last) = ends.last().expect("an event").clone();
    let is_routed = ends.len() == 2 && ends[0].2 == "applied: routed_to_tenants";
    assert!(ends.len() == 1 || is_routed, "{ends:?}");
    (event_type, last)
}

async fn events(world: &World) -> BTreeSet<String> {
    let rows = world.admin.query("SELECT event_id::text FROM gateway.event", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// One line of the table.
async fn line(keys: &KeyServer, sample: &Sample) -> String {
    let (world, tenant) = the_documented_world(keys).await;
    before(&world, &tenant, sample).await;
    let known_before = events(&world).await;
    let post = post(&world, &tenant, sample);
    let server = world.serves_http();

    let answered = server.answers(&post).await;
    server.stops().await;
    world.the_worker_drains().await;

    assert_eq!(answered.body, b"", "{}", sample.file);
    let (event_type, outcome) = outcome(&world, &known_before).await;
    world.ends_cleanly().await;
    let route = Post { source: "{source}".to_owned(), ..post }.path();
    format!(
        "| `{}`{} | `{route}` | {} | {} | {event_type} | {outcome} |",
        sample.file,
        sample.note(),
        sample.credential.words(),
        answered.status
    )
}

/// Every difference, line by line.
fn differences(is: &str, should_be: &str) -> String {
    let (is, should_be): (BTreeSet<&str>, BTreeSet<&str>) = (is.lines().collect(), should_be.lines().collect());
    let mut text = String::new();
    is.difference(&should_be).for_each(|line| writeln!(text, "- {line}").unwrap());
    should_be.difference(&is).for_each(|line| writeln!(text, "+ {line}").unwrap());
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_delivery_ends_as_the_document_says() {
    let keys = KeyServer::start(Manner::Well).await;
    let mut table =
        "| delivery | route | credential | answer | event type | outcome |\n|---|---|---|---|---|---|\n".to_owned();
    // A few worlds at once: each spends its time in stopping its server.
    for some in SAMPLES.chunks(WORLDS_AT_ONCE) {
        for line in futures_util::future::join_all(some.iter().map(|sample| line(&keys, sample))).await {
            writeln!(table, "{line}").unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let document = fs::read_to_string(&path).unwrap();
    let (head, rest) = document.split_once(BEGIN).expect("the document has the first marker");
    let (written, tail) = rest.split_once(END).expect("the document has the second marker");

    let generated = format!("\n{table}");
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(&path, format!("{head}{BEGIN}{generated}{END}{tail}")).unwrap();
        return;
    }
    assert!(
        written == generated,
        "{DOCUMENT} is out of date. Run: UPDATE_DOCS=1 scripts/with-postgres cargo test --all-features --test behaviour \
         every_documented_delivery\n{}",
        differences(written, &generated)
    );
}

#[test]
fn every_payload_is_a_delivery_or_it_is_said_why_it_is_none() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files = BTreeSet::new();
    for folder in ["atlassian", "connect", "firebase", "forge", "google", "jira"] {
        for file in fs::read_dir(vectors.join(folder)).unwrap() {
            files.insert(format!("{folder}/{}", file.unwrap().file_name().to_string_lossy()));
        }
    }
    let named = SAMPLES.iter().map(|sample| sample.file).chain(NO_DELIVERIES.iter().map(|(file, _)| *file));
    let named: BTreeSet<String> = named.filter(|file| file.contains('/')).map(str::to_owned).collect();
    assert_eq!(files, named);
    assert!(NO_DELIVERIES.iter().all(|(_, why)| !why.is_empty()));
    assert_eq!(PROJECT, "demo-test");
}
