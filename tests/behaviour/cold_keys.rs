//! Keys of senders that are not there yet, or not any more: one reading for all who wait, and no sender refused for it.

use std::time::Duration;

use milestone_gateway::testing::{
    app::intake::delivery::RETRY_AFTER_SECONDS, domain::reply::SenderReply, signature::Rejection,
};
use serde_json::json;

use crate::harness::{
    KeyServer, Manner, Post, World,
    key_server::PRIVATE_PEM,
    senders::{APP, forge_claims, forge_event},
};

const FORGE_KEYS: &str = "/forge/jwks.json";
/// As long as a set of keys has the last word about ids that are not in it. It is counted by the monotonic clock, which no
/// test can move, so these tests wait for it.
const LAST_WORD: Duration = Duration::from_millis(5_100);
/// The pause after the first failure while nothing is held.
const FIRST_PAUSE: Duration = Duration::from_millis(1_100);

const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

/// The removal of a worklog that nobody has, so that many of them are different events that change nothing.
fn removal(world: &World, cloud_id: &str, number: usize) -> Post {
    let worklog = json!({"worklog": {"id": (50_000 + number).to_string()}});
    let event = forge_event("avi:jira:deleted:worklog", world.gateway.now(), &worklog);
    world.forge_post(cloud_id, "events", event.to_string())
}

/// The same under a key that is published nowhere.
fn under_unknown_key(world: &World, cloud_id: &str) -> Post {
    let claims = forge_claims(cloud_id, world.gateway.now(), &format!("unknown-{}", world.next_number()));
    assert_eq!(claims["aud"], APP);
    let token = milestone_gateway::testing::signature::issue::sign_rs256(&claims, "key-2", PRIVATE_PEM).unwrap();
    let mut post = removal(world, cloud_id, 0);
    post.headers = vec![("authorization".to_owned(), format!("Bearer {token}").into_bytes())];
    post
}

#[tokio::test]
async fn sixty_four_cold_verifications_at_once_are_one_reading_and_all_are_accepted() {
    let keys = KeyServer::start(Manner::Slow(Duration::from_millis(300))).await;
    let world = World::with_key_server(&keys).await;
    let acme = world.a_tenant("acme").await;
    world.a_forge_source().await;
    let posts: Vec<Post> = (0..64).map(|number| removal(&world, &acme.key, number)).collect();

    let accepted = futures_util::future::join_all(posts.iter().map(|post| world.receives(post))).await;
    world.the_worker_drains().await;

    assert!(accepted.iter().all(|each| each.reply == SenderReply::Accepted && !each.is_duplicate), "{accepted:?}");
    assert_eq!(world.number("SELECT count(*) FROM gateway.event").await, 64);
    assert_eq!(keys.asked(), [(FORGE_KEYS.to_owned(), 1)].into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn while_the_key_server_is_away_known_keys_verify_and_an_unknown_one_is_asked_to_come_back() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let acme = world.a_tenant("acme").await;
    world.a_forge_source().await;
    world.receives(&removal(&world, &acme.key, 1)).await;
    tokio::time::sleep(LAST_WORD).await;

    for manner in [Manner::Down, Manner::Garbage] {
        keys.does(manner);
        let known = world.receives(&removal(&world, &acme.key, 2)).await;
        let unknown = world.receives(&under_unknown_key(&world, &acme.key)).await;

        assert_eq!(known.reply, SenderReply::Accepted, "{manner:?}");
        assert_eq!((unknown.reply, unknown.rejection), (UNAVAILABLE, Some(Rejection::KeyUnavailable)), "{manner:?}");
    }
    assert_eq!(keys.asked()[FORGE_KEYS], 2, "a failure too is the last word for five seconds");

    keys.does(Manner::Well);
    tokio::time::sleep(LAST_WORD).await;
    let refused = world.receives(&under_unknown_key(&world, &acme.key)).await;
    assert_eq!((refused.reply, refused.rejection), (SenderReply::Unauthorized, Some(Rejection::UnknownKey)));
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_gateway_that_begins_while_the_key_server_is_away_refuses_nobody_and_works_when_it_is_back() {
    for manner in [Manner::Down, Manner::Garbage] {
        let keys = KeyServer::start(manner).await;
        let world = World::with_key_server(&keys).await;
        let acme = world.a_tenant("acme").await;
        world.a_forge_source().await;
        let post = removal(&world, &acme.key, 1);

        let early = world.receives(&post).await;
        let still = world.receives(&post).await;
        keys.does(Manner::Well);
        tokio::time::sleep(FIRST_PAUSE).await;
        let back = world.receives(&post).await;

        assert_eq!((early.reply, still.reply), (UNAVAILABLE, UNAVAILABLE), "{manner:?}");
        assert_eq!((back.reply, back.is_duplicate), (SenderReply::Accepted, false), "{manner:?}");
        assert_eq!(keys.asked(), [(FORGE_KEYS.to_owned(), 2)].into());
        world.the_worker_drains().await;
        world.ends_cleanly().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_whose_key_cannot_be_had_is_answered_503_and_told_when_to_come_back() {
    let keys = KeyServer::start(Manner::Down).await;
    let world = World::with_key_server(&keys).await;
    let acme = world.a_tenant("acme").await;
    world.a_forge_source().await;
    let server = world.serves_http();

    let answered = server.answers(&removal(&world, &acme.key, 1)).await;

    assert_eq!((answered.status, answered.body.len()), (503, 0));
    assert!(answered.headers.contains(&("retry-after".to_owned(), RETRY_AFTER_SECONDS.to_string())));
    server.stops().await;
    world.ends_cleanly().await;
}
