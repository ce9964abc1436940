//! Deliveries: believed only when they are signed, committed once, and never lost for a reason of ours.

mod operated;

use jiff::SignedDuration;
use milestone_gateway::testing::{
    app::{self, Reserved, intake::delivery::Accepted, support::replay},
    domain::{EventId, reply::SenderReply},
    signature::{Rejection, SecretBytes},
    store::{self, TenantTx, event::EventFilter},
};

use crate::harness::{
    Delivery, Person, Tenant, World, deliver_to, pool_to_nowhere, secret_of, user_deleted, user_updated,
};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

async fn events(world: &World) -> i64 {
    world.number("SELECT count(*) FROM gateway.event").await
}

#[tokio::test]
async fn a_delivery_that_is_repeated_is_acknowledged_and_becomes_one_event() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let body = user_deleted(&ann, world.gateway.now()).to_string();
    let delivery = Delivery::signed(body, Some("same"), &secret_of("acme"));

    let first = world.delivers(&acme.source, &delivery).await;
    let again = world.delivers(&acme.source, &delivery).await;
    let (left, right) = tokio::join!(world.delivers(&acme.source, &delivery), world.delivers(&acme.source, &delivery));
    world.the_worker_drains().await;
    let after_it_was_applied = world.delivers(&acme.source, &delivery).await;

    for repeated in [again, left, right, after_it_was_applied] {
        assert_eq!((repeated.reply, repeated.is_duplicate), (SenderReply::Accepted, true));
        assert_eq!(repeated.event_id, first.event_id);
    }
    assert_eq!(events(&world).await, 1);
    assert_eq!(world.number("SELECT duplicate_count::bigint FROM gateway.event_key").await, 4);
    assert_eq!(world.number("SELECT count(*) FROM gateway.privacy_request").await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn many_deliveries_at_once_are_each_committed_once() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let deliveries: Vec<Delivery> = (0..40)
        .map(|number| {
            let body = user_updated(&ann, world.gateway.now()).to_string();
            Delivery::signed(body, Some(&format!("id-{}", number % 20)), &secret_of("acme"))
        })
        .collect();

    let sent = deliveries.iter().map(|delivery| world.delivers(&acme.source, delivery));
    let accepted: Vec<Accepted> = futures_util::future::join_all(sent).await;
    world.the_worker_drains().await;

    assert!(accepted.iter().all(|each| each.reply == SenderReply::Accepted));
    assert_eq!(accepted.iter().filter(|each| each.is_duplicate).count(), 20);
    assert_eq!(events(&world).await, 20);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_same_identifier_with_another_body_is_kept_and_flagged_and_never_runs() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let send = |body: String| Delivery::signed(body, Some("reused"), &secret_of("acme"));
    let harmless = send(user_updated(&ann, world.gateway.now()).to_string());
    let harmful = send(user_deleted(&ann, world.gateway.now()).to_string());

    world.delivers(&acme.source, &harmless).await;
    let kept = world.delivers(&acme.source, &harmful).await;
    let kept_again = world.delivers(&acme.source, &harmful).await;
    world.days_pass(90).await;

    assert_eq!(kept.reply, SenderReply::Accepted);
    assert_eq!(world.outcome_of(kept).await, "dead_lettered: identifier_reused_with_another_body");
    assert_eq!((kept_again.is_duplicate, kept_again.event_id), (true, kept.event_id));
    assert_eq!(world.number("SELECT max(conflict_count)::bigint FROM gateway.event_key").await, 2);
    assert_eq!(world.number("SELECT count(*) FROM gateway.event_body").await, 2);
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn without_a_usable_identifier_the_body_itself_tells_duplicates() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    let body = user_updated(&ann, now).to_string();
    let another = user_updated(&ann, now - SignedDuration::from_secs(1)).to_string();

    let first = world.delivers(&acme.source, &Delivery::signed(body.clone(), None, &secret_of("acme"))).await;
    let again = world.delivers(&acme.source, &Delivery::signed(body, Some("not usable"), &secret_of("acme"))).await;
    let other = world.delivers(&acme.source, &Delivery::signed(another, None, &secret_of("acme"))).await;
    world.the_worker_drains().await;

    assert_eq!((again.is_duplicate, again.event_id), (true, first.event_id));
    assert!(!other.is_duplicate);
    assert_eq!(events(&world).await, 2);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn one_source_cannot_use_up_the_identifiers_of_another() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let globex = world.a_tenant("globex").await;

    for tenant in [&acme, &globex] {
        let delivery = Delivery::signed("{}", Some("same"), &secret_of(&tenant.name));
        assert!(!world.delivers(&tenant.source, &delivery).await.is_duplicate);
    }
    world.the_worker_drains().await;

    assert_eq!(events(&world).await, 2);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_signature_the_sender_is_told_the_same() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let body = user_deleted(&ann, world.gateway.now()).to_string();
    let right = Delivery::signed(body.clone(), Some("id"), &secret_of("acme"));
    let forged = Delivery::signed(body.clone(), Some("id"), &SecretBytes::new(b"another secret, also long".to_vec()));
    let signature = right.signatures[0].clone();
    let with = |signatures: Vec<Vec<u8>>| Delivery { signatures, ..right.clone() };
    let sha1 = with(vec![signature.replace_method("sha1")]);
    let changed = Delivery { body: body.replace("user_deleted", "user_created").into_bytes(), ..right.clone() };
    let attempts = [
        (acme.source.as_str(), forged, Rejection::Mismatch),
        (&acme.source, with(vec![]), Rejection::MissingSignature),
        (&acme.source, with(vec![signature.clone(), signature.clone()]), Rejection::AmbiguousSignature),
        (&acme.source, sha1, Rejection::UnsupportedMethod),
        (&acme.source, with(vec![signature[..20].to_vec()]), Rejection::MalformedSignature),
        (&acme.source, changed, Rejection::Mismatch),
        ("nobody", right.clone(), Rejection::UnknownSource),
    ];

    for (source, delivery, why) in attempts {
        let refused = world.delivers(source, &delivery).await;
        assert_eq!((refused.reply, refused.rejection), (SenderReply::Unauthorized, Some(why)));
        assert_eq!((refused.event_id, refused.is_duplicate), (None, false));
    }
    assert_eq!(events(&world).await, 0);
    // A forged delivery must not have used up the identifier.
    assert!(!world.delivers(&acme.source, &right).await.is_duplicate);
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

trait ReplaceMethod {
    fn replace_method(&self, method: &str) -> Vec<u8>;
}

impl ReplaceMethod for Vec<u8> {
    fn replace_method(&self, method: &str) -> Vec<u8> {
        String::from_utf8(self.clone()).unwrap().replace("sha256", method).into_bytes()
    }
}

async fn reply(world: &World, acme: &Tenant, secret: &SecretBytes, identifier: &str) -> SenderReply {
    world.delivers(&acme.source, &Delivery::signed("{}", Some(identifier), secret)).await.reply
}

#[tokio::test]
async fn after_a_rotation_both_secrets_are_valid_for_a_day_and_then_the_new_one_alone() {
    let mut world = World::new().await;
    let (acme, _) = acme_with_ann(&world).await;
    let old = secret_of("acme");
    let new = SecretBytes::new(b"the next secret of acme, which is long".to_vec());
    let newest = SecretBytes::new(b"the one after that, which is long too".to_vec());

    app::registry::rotate(&world.gateway, &world.tester, &acme.source, &new).await.unwrap();
    assert_eq!(reply(&world, &acme, &new, "1").await, SenderReply::Accepted);
    assert_eq!(reply(&world, &acme, &old, "2").await, SenderReply::Accepted);
    let signed = app::registry::signing_secret(&world.gateway, &acme.source).await.unwrap();
    assert_eq!(signed.expose(), new.expose());

    app::registry::rotate(&world.gateway, &world.tester, &acme.source, &newest).await.unwrap();
    world.restarts();
    assert_eq!(reply(&world, &acme, &old, "3").await, SenderReply::Unauthorized, "only one previous secret is valid");
    assert_eq!(reply(&world, &acme, &new, "4").await, SenderReply::Accepted);
    world.time_passes(SignedDuration::from_hours(25));
    world.restarts();
    assert_eq!(reply(&world, &acme, &new, "5").await, SenderReply::Unauthorized);
    assert_eq!(reply(&world, &acme, &newest, "6").await, SenderReply::Accepted);
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_new_secret_works_while_the_old_one_is_still_believed() {
    let world = World::new().await;
    let (acme, _) = acme_with_ann(&world).await;
    let new = SecretBytes::new(b"the next secret of acme, which is long".to_vec());
    assert_eq!(reply(&world, &acme, &secret_of("acme"), "1").await, SenderReply::Accepted);
    app::registry::rotate(&world.gateway, &world.tester, &acme.source, &new).await.unwrap();

    assert_eq!(reply(&world, &acme, &new, "2").await, SenderReply::Accepted);
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_source_with_a_replay_window_refuses_what_is_older_or_does_not_tell_its_time() {
    let world = World::new().await;
    let acme = world.a_tenant_with("acme", Some(4_500)).await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let now = world.gateway.now();
    let minutes = |count| now - SignedDuration::from_mins(count);

    let fresh = world.jira_sends(&acme, &user_deleted(&ann, minutes(74))).await;
    let stale = world.jira_sends(&acme, &user_deleted(&ann, minutes(76))).await;
    let ahead = world.jira_sends(&acme, &user_deleted(&ann, minutes(-76))).await;
    let undated = world.jira_sends(&acme, &serde_json::json!({"webhookEvent": "user_deleted"})).await;
    world.the_worker_drains().await;

    assert_eq!(fresh.reply, SenderReply::Accepted);
    for refused in [stale, ahead, undated] {
        assert_eq!((refused.reply, refused.rejection), (SenderReply::Unauthorized, Some(Rejection::StaleTimestamp)));
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn while_the_database_is_away_a_delivery_is_unavailable_and_nothing_is_acknowledged() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let delivery =
        Delivery::signed(user_deleted(&ann, world.gateway.now()).to_string(), Some("id"), &secret_of("acme"));
    let away = Reserved { intake: pool_to_nowhere(), ..world.reserved() };
    let gateway = world.another_gateway_reserving(away);

    let right = deliver_to(&gateway, &acme.source, &delivery).await;
    let unknown = deliver_to(&gateway, "nobody", &delivery).await;
    let unsigned = deliver_to(&gateway, &acme.source, &Delivery { signatures: vec![], ..delivery.clone() }).await;
    let impossible = deliver_to(&gateway, "No_Such_Name", &delivery).await;

    for told in [right, unknown, unsigned] {
        assert!(matches!(told.reply, SenderReply::Unavailable { retry_after_seconds: 30 }), "{told:?}");
    }
    assert_eq!(impossible.rejection, Some(Rejection::UnknownSource), "it certainly does not exist, so nobody is asked");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn when_the_commit_is_refused_the_sender_repeats_and_nothing_is_lost() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let delivery =
        Delivery::signed(user_deleted(&ann, world.gateway.now()).to_string(), Some("id"), &secret_of("acme"));
    world.delivers(&acme.source, &Delivery::signed("{}", Some("before"), &secret_of("acme"))).await;

    world.admin.batch_execute("REVOKE INSERT ON gateway.event FROM gw_intake").await.unwrap();
    let refused = world.delivers(&acme.source, &delivery).await;
    world.admin.batch_execute("GRANT INSERT ON gateway.event TO gw_intake").await.unwrap();
    let repeated = world.delivers(&acme.source, &delivery).await;
    world.the_worker_drains().await;

    assert!(matches!(refused.reply, SenderReply::Unavailable { .. }));
    assert_eq!((repeated.reply, repeated.is_duplicate), (SenderReply::Accepted, false));
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_body_beyond_25_megabytes_is_too_large() {
    let world = World::new().await;
    let (acme, _) = acme_with_ann(&world).await;
    let exactly = vec![b' '; app::intake::delivery::EVENT_BODY_BYTES_MAX];
    let beyond = vec![b' '; app::intake::delivery::EVENT_BODY_BYTES_MAX + 1];

    let largest = world.delivers(&acme.source, &Delivery::signed(exactly, Some("1"), &secret_of("acme"))).await;
    let refused = world.delivers(&acme.source, &Delivery::signed(beyond, Some("2"), &secret_of("acme"))).await;
    world.the_worker_drains().await;

    assert_eq!(largest.reply, SenderReply::Accepted);
    assert_eq!(refused.reply, SenderReply::TooLarge);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_source_works_from_the_moment_it_is_added_though_it_was_called_before() {
    let world = World::new().await;
    let delivery = Delivery::signed("{}", Some("id"), &secret_of("acme"));

    let before = world.delivers("acme-jira", &delivery).await;
    world.a_tenant("acme").await;
    let after = world.delivers("acme-jira", &delivery).await;
    world.the_worker_drains().await;

    assert_eq!((before.reply, before.rejection), (SenderReply::Unauthorized, Some(Rejection::UnknownSource)));
    assert_eq!(after.reply, SenderReply::Accepted);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn verified_deliveries_are_committed_while_strangers_hold_every_connection_for_look_ups() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let send = |identifier: &str| Delivery::signed("{}", Some(identifier), &secret_of("acme"));
    world.delivers(&acme.source, &send("1")).await;

    let look_ups = world.gateway.intake_pool();
    let held = tokio::join!(look_ups.client(), look_ups.client(), look_ups.client());
    let accepted = world.delivers(&acme.source, &send("2")).await;
    drop(held);
    world.the_worker_drains().await;

    assert_eq!(accepted.reply, SenderReply::Accepted);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn after_a_rotation_of_digest_keys_a_redelivery_is_known_and_another_body_is_not_taken_for_it() {
    let mut world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let send = |body: String, identifier| Delivery::signed(body, identifier, &secret_of("acme"));
    let harmless = send(user_updated(&ann, world.gateway.now()).to_string(), Some("reused"));
    let harmful = send(user_deleted(&ann, world.gateway.now()).to_string(), Some("reused"));
    let unnamed = send("{}".to_owned(), None);
    let first = world.delivers(&acme.source, &harmless).await;
    let first_unnamed = world.delivers(&acme.source, &unnamed).await;

    world.restarts_with_another_digest_key();
    let again = world.delivers(&acme.source, &harmless).await;
    let again_unnamed = world.delivers(&acme.source, &unnamed).await;
    let kept = world.delivers(&acme.source, &harmful).await;
    let kept_again = world.delivers(&acme.source, &harmful).await;
    world.the_worker_drains().await;

    assert_eq!((again.is_duplicate, again.event_id), (true, first.event_id));
    assert_eq!((again_unnamed.is_duplicate, again_unnamed.event_id), (true, first_unnamed.event_id));
    assert_eq!((kept.reply, kept.is_duplicate), (SenderReply::Accepted, false));
    assert_eq!(world.outcome_of(kept).await, "dead_lettered: identifier_reused_with_another_body");
    assert_eq!((kept_again.is_duplicate, kept_again.event_id), (true, kept.event_id));
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_reused_an_identifier_with_another_body_is_not_replayed_either() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let send = |body: String| Delivery::signed(body, Some("reused"), &secret_of("acme"));
    world.delivers(&acme.source, &send(user_updated(&ann, world.gateway.now()).to_string())).await;
    let kept = world.delivers(&acme.source, &send(user_deleted(&ann, world.gateway.now()).to_string())).await;
    world.the_worker_drains().await;
    let flagged = EventFilter { event_id: kept.event_id, ..EventFilter::default() };

    let refused = replay::execute(&world.gateway, &world.tester, "sup-1", &flagged).await.unwrap_err();
    let replayed = replay::execute(&world.gateway, &world.tester, "sup-2", &EventFilter::default()).await.unwrap();
    let new_id = EventId::new(world.gateway.clock(), world.gateway.entropy());
    let mut client = world.gateway.databases().tenant.client().await.unwrap();
    let tx = TenantTx::begin(&mut client, acme.id).await.unwrap();
    let by_statement = store::event::replay(&tx, kept.event_id.unwrap(), new_id, world.gateway.now()).await;
    drop(tx);
    drop(client);
    world.days_pass(90).await;

    assert!(refused.to_string().contains("identifier_reused_with_another_body"), "{refused}");
    assert_eq!(replayed.len(), 1);
    assert!(by_statement.is_err());
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}
