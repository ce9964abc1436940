//! What cannot be understood: a dead letter that names the field, and a body that is kept to be looked at.

use milestone_gateway::testing::{
    app::support::replay,
    domain::reply::SenderReply,
    store::{event::EventFilter, keys::BodyKeyPurpose},
};

use crate::harness::{Delivery, World, secret_of};

const NESTED: usize = 100_000;

fn deep() -> Vec<u8> {
    let mut body = br#"{"webhookEvent":"user_deleted","user":"#.to_vec();
    body.extend(std::iter::repeat_n(b'[', NESTED));
    body.extend(std::iter::repeat_n(b']', NESTED));
    body.push(b'}');
    body
}

#[tokio::test]
async fn each_malformed_event_becomes_a_dead_letter_that_names_the_field_and_keeps_its_body() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let at = world.gateway.now().as_millisecond();
    let user =
        |inner: &str| format!(r#"{{"timestamp":{at},"webhookEvent":"user_deleted","user":{inner}}}"#).into_bytes();
    let log = |inner: &str| {
        format!(r#"{{"timestamp":{at},"webhookEvent":"worklog_created","worklog":{inner}}}"#).into_bytes()
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\xff\xfe".to_vec(), "body_not_utf8"),
        (b"".to_vec(), "body_not_json"),
        (br#"{"webhookEvent":"user_del"#.to_vec(), "body_not_json"),
        (b"[]".to_vec(), "invalid_field: body"),
        (b"{}".to_vec(), "missing_field: webhookEvent"),
        (br#"{"webhookEvent":7}"#.to_vec(), "invalid_field: webhookEvent"),
        (br#"{"webhookEvent":"user_deleted"}"#.to_vec(), "missing_field: user"),
        (deep(), "invalid_field: user"),
        (user("{}"), "missing_field: user.accountId"),
        (user(r#"{"accountId":"a b"}"#), "invalid_field: user.accountId"),
        (user(r#"{"self":"https://evil.atlassian.net/rest/api/2/user","accountId":"a"}"#), "foreign_site: user.self"),
        (log("{}"), "missing_field: worklog.author"),
        (log(r#"{"author":{"accountId":"a"}}"#), "missing_field: worklog.started"),
    ];

    for (number, (body, field)) in cases.iter().enumerate() {
        let delivery = Delivery::signed(body.clone(), Some(&format!("bad-{number}")), &secret_of("acme"));
        let accepted = world.delivers(&acme.source, &delivery).await;
        world.the_worker_drains().await;

        assert_eq!(accepted.reply, SenderReply::Accepted, "a signed event is a fact");
        assert_eq!(world.outcome_of(accepted).await, format!("dead_lettered: {field}"));
    }

    let kept = i64::try_from(cases.len()).unwrap();
    assert_eq!(world.number("SELECT count(*) FROM gateway.dead_letter_body").await, kept);
    let key = world.gateway.vault().body_key(BodyKeyPurpose::DeadLetter, world.gateway.today(), false).await.unwrap();
    assert!(key.is_some(), "dead letters have a day key of their own");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_dead_letter_can_be_replayed_after_the_raw_delivery_is_gone_and_names_the_field_again() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let delivery = Delivery::signed("{}", Some("bad"), &secret_of("acme"));
    let original = world.delivers(&acme.source, &delivery).await;
    world.the_worker_drains().await;
    world.days_pass(20).await;
    world.the_sweep_runs().await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.event_body").await, 0);

    let dead = EventFilter { outcome: Some("dead_lettered".to_owned()), ..EventFilter::default() };
    let replayed = replay::execute(&world.gateway, &world.tester, "sup-1", &dead).await.unwrap();
    world.the_worker_drains().await;

    assert_eq!(replayed[0].0, original.event_id.unwrap());
    let again = world.event(replayed[0].1).await;
    assert_eq!(again.outcome_reason.as_deref(), Some("missing_field: webhookEvent"));
    assert_eq!(world.number("SELECT count(*) FROM gateway.dead_letter_body").await, 1, "one body serves both");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn types_that_say_nothing_to_us_are_ignored_with_a_reason() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let cases = [
        (r#"{"webhookEvent":"jira:issue_deleted"}"#, "ignored: not_a_lifecycle_signal"),
        (r#"{"webhookEvent":"comment_created"}"#, "ignored: not_a_lifecycle_signal"),
        (r#"{"webhookEvent":"something_of_the_future"}"#, "ignored: unknown_type"),
        (r#"{"webhookEvent":"user_deleted","user":{"accountId":"unknown"}}"#, "ignored: placeholder_account"),
    ];

    for (number, (body, outcome)) in cases.into_iter().enumerate() {
        let delivery = Delivery::signed(body, Some(&format!("n-{number}")), &secret_of("acme"));
        let accepted = world.delivers(&acme.source, &delivery).await;
        world.the_worker_drains().await;
        assert_eq!(world.outcome_of(accepted).await, outcome);
    }

    assert_eq!(world.number("SELECT count(*) FROM gateway.data_subject").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM gateway.dead_letter_body").await, 0);
    world.ends_cleanly().await;
}
