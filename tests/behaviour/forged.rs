//! Forged deliveries, route by route: every one is told the same, kept nowhere, counted by its reason, and asks nobody but
//! the pinned publishers of keys.

mod attempts;
mod route;

use std::{collections::BTreeMap, time::Instant};

use milestone_gateway::testing::{
    app::{
        intake::rejections,
        support::pages::{self, Paging},
    },
    domain::{SourceKind, reply::SenderReply},
    signature::Rejection,
};
use serde_json::json;

use crate::harness::{KeyServer, Manner, Post, World};

use attempts::{everything_forged, forge_route, google_route, install_route, tenant_route};
use route::Attempt;

const FORGE_INSTALLED: &str = include_str!("../vectors/forge/lifecycle_installed_remote.json");
const USER_DELETED: &str = include_str!("../vectors/jira/user_deleted.json");
/// In whatever a forger writes: it must be nowhere afterwards.
const CANARY: &str = "canary-of-a-forger";

/// A world with a source of every kind, and an installation whose secret is known.
async fn every_source(keys: &KeyServer) -> World {
    let world = World::with_key_server(keys).await;
    let acme = world.a_tenant("acme").await;
    world.a_forge_source().await;
    world.a_pubsub_source(Some(&acme)).await;
    world.a_cloudevents_source(Some(&acme)).await;
    world.a_firebase_source(Some(&acme)).await;
    world.a_connect_source().await;
    assert_eq!(world.receives(&install_route(&world).good()).await.reply, SenderReply::Accepted);
    world.the_worker_drains().await;
    // An install's token works once, and within one second Atlassian would make the same.
    world.time_passes(jiff::SignedDuration::from_secs(1));
    world
}

/// How often each rule has refused, as it is kept.
async fn counted(world: &World) -> BTreeMap<String, i64> {
    rejections::write_out(world.gateway.intake()).await.unwrap();
    let rows = rejections::counts(&world.gateway, None, world.gateway.today()).await.unwrap();
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(format!("{} {} {}", row.source_kind, row.source_name, row.reason)).or_insert(0) += row.refused;
    }
    counts
}

#[tokio::test]
async fn whatever_is_forged_is_refused_with_its_own_reason_and_leaves_only_a_count_behind() {
    let keys = KeyServer::start(Manner::Well).await;
    let trap = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;
    let attempts = everything_forged(&world, trap.address());
    let known = ["forge", "pubsub", "cloudevents", "firebase", "connect", "acme-jira"];
    let before = world.number("SELECT count(*) FROM gateway.event").await;
    let mut expected = BTreeMap::new();
    let began = Instant::now();

    assert!(attempts.len() > 250, "{}", attempts.len());
    let mut mistakes = Vec::new();
    for Attempt { what, post, why } in &attempts {
        let refused = world.receives(post).await;

        if (refused.reply, refused.rejection, refused.event_id) != (SenderReply::Unauthorized, Some(*why), None) {
            mistakes.push(format!("{what}: {why:?} was expected, {refused:?} came"));
        }
        let is_named = known.contains(&post.source.as_str()) && *why != Rejection::UnknownSource;
        let is_tenants = post.kind == SourceKind::Connect && post.source == "connect";
        let source = if is_named || is_tenants { post.source.as_str() } else { "" };
        *expected.entry(format!("{} {source} {}", post.kind.as_str(), why.as_str())).or_insert(0) += 1;
    }
    let took = began.elapsed();

    assert!(mistakes.is_empty(), "{mistakes:#?}");
    assert_eq!(counted(&world).await, expected);
    assert_eq!(world.number("SELECT count(*) FROM gateway.event").await, before);
    assert_eq!(trap.asked(), [].into(), "a token has chosen where its key is");
    let pinned = ["/forge/jwks.json", "/google/certs", "/connect/key-1", &format!("/connect/{CANARY}")];
    let asked = keys.asked();
    assert!(asked.keys().all(|path| pinned.contains(&path.as_str())), "{asked:?}");
    let most = 1 + usize::try_from(took.as_secs() / 5).unwrap();
    assert!(asked.values().all(|times| *times <= most), "{asked:?} in {took:?}");
    let kept: Vec<_> = world.rows_of_schema("gateway").await;
    let told: Vec<_> = kept.iter().filter(|(table, _)| table.starts_with("rejection")).collect();
    assert!(!told.is_empty() && told.len() < attempts.len());
    assert!(!kept.iter().any(|(_, row)| row.contains("canary")), "something that a forger wrote was kept");
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_same_deliveries_truly_signed_are_accepted() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;

    for route in [
        forge_route(&world),
        google_route(&world, SourceKind::GooglePubsub),
        google_route(&world, SourceKind::GoogleEvents),
        install_route(&world),
        tenant_route(&world),
    ] {
        let accepted = world.receives(&route.good()).await;
        assert_eq!((accepted.reply, accepted.rejection), (SenderReply::Accepted, None), "{}", route.post.path());
    }
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_forge_token_works_once_also_when_it_comes_many_times_at_once() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;
    let post = forge_route(&world).good();

    let first = world.receives(&post).await;
    let again = world.receives(&post).await;
    let other_body = Post { body: FORGE_INSTALLED.replace("9.0.0", "10.0.0").into_bytes(), ..post.clone() };
    let reused = world.receives(&other_body).await;
    let another = forge_route(&world).good();
    let at_once = futures_util::future::join_all((0..8).map(|_| world.receives(&another))).await;

    assert_eq!((first.reply, first.rejection), (SenderReply::Accepted, None));
    for replayed in [again, reused] {
        assert_eq!((replayed.reply, replayed.rejection), (SenderReply::Unauthorized, Some(Rejection::Replayed)));
    }
    assert_eq!(at_once.iter().filter(|each| each.reply == SenderReply::Accepted).count(), 1);
    let replayed = at_once.iter().filter(|each| each.rejection == Some(Rejection::Replayed));
    assert_eq!(replayed.count(), 7);
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_every_route_a_rejection_is_the_same_bytes_without_a_body() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;
    let server = world.serves_http();
    let mut posts: Vec<Post> = [
        forge_route(&world),
        google_route(&world, SourceKind::GooglePubsub),
        google_route(&world, SourceKind::GoogleEvents),
        install_route(&world),
        tenant_route(&world),
    ]
    .iter()
    .flat_map(|route| {
        let mut expired = route.claims.clone();
        expired["exp"] = json!(1);
        let token = route.token(&route.header().to_string(), &expired.to_string());
        [route.post.clone(), route.with(&token), Post { source: "nobody".to_owned(), ..route.good() }]
    })
    .collect();
    posts.push(Post::new(SourceKind::JiraAdmin, "acme-jira", USER_DELETED));
    posts.push(Post::new(SourceKind::FirebaseFunction, "firebase", "{}"));

    let mut answers = Vec::new();
    for post in &posts {
        answers.push((post.path(), server.answers(post).await));
    }

    let (_, first) = &answers[0];
    assert_eq!((first.status, first.body.len()), (401, 0));
    for (path, answered) in &answers {
        assert_eq!(answered, first, "{path}");
    }
    server.stops().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_flood_of_rejections_is_counted_in_full_and_remembered_in_a_ring() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;
    let unsigned = Post::new(SourceKind::Forge, "forge", CANARY).at("events");

    for _ in 0..12 {
        for _ in 0..99 {
            world.receives(&unsigned).await;
        }
        rejections::write_out(world.gateway.intake()).await.unwrap();
    }

    assert_eq!(counted(&world).await, [("forge forge missing_token".to_owned(), 12 * 99)].into());
    assert_eq!(world.number("SELECT count(*) FROM gateway.rejection").await, 1_000);
    let latest = pages::rejections(&world.gateway, Some("forge"), &Paging::new(10, None)).await.unwrap().rows;
    assert_eq!((latest.len(), latest[0].reply.as_str()), (10, "unauthorized"));
    world.ends_cleanly().await;
}

/// Bodies that nobody's parser should like, under credentials that are good.
#[tokio::test]
async fn a_hostile_body_under_a_good_credential_is_kept_for_a_person_or_refused_and_harms_nothing() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = every_source(&keys).await;
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
    let bodies: [Vec<u8>; 8] = [
        Vec::new(),
        b"\xff\xfe".to_vec(),
        b"null".to_vec(),
        deep(200),
        deep(50_000),
        br#"{"eventType":"a","eventType":"b","clientKey":"a","clientKey":"b","message":{},"message":{}}"#.to_vec(),
        format!("{{\"eventType\":\"{}\"}}", "x".repeat(100_000)).into_bytes(),
        br#"{"eventType":7,"timestamp":{},"user":[],"message":"x","subscription":1,"specversion":"1.0"}"#.to_vec(),
    ];
    let before = world.product_rows().await;

    for body in bodies {
        for post in [
            forge_route(&world).good(),
            google_route(&world, SourceKind::GooglePubsub).good(),
            google_route(&world, SourceKind::GoogleEvents).good(),
            install_route(&world).good(),
            tenant_route(&world).good(),
        ] {
            let path = post.path();
            let accepted = world.receives(&Post { body: body.clone(), ..post }).await;

            let is_refused = accepted.rejection == Some(Rejection::BodyDisagrees) && path.contains("/connect/");
            assert!(is_refused || accepted.reply == SenderReply::Accepted, "{path}: {accepted:?}");
        }
    }
    world.the_worker_drains().await;

    assert_eq!(world.product_rows().await, before);
    let applied = "SELECT count(*) FROM gateway.event WHERE outcome NOT IN ('dead_lettered', 'ignored')";
    assert_eq!(world.number(applied).await, 0);
    world.ends_cleanly().await;
}
