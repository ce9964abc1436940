//! Nothing personal and nothing secret is ever told: not in logs at the finest level, not in what is stored in plain, not
//! in errors, not in metrics. Canary values are seeded and everything that is told is searched for them.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use milestone_gateway::testing::{
    app::{
        interpretation::{dispatch, queue},
        support::replay,
        upkeep::{sweep, swept},
    },
    domain::{evidence::EvidenceKind, request::RequestState, run::Phase},
    signature::SecretBytes,
    store::event::EventFilter,
    telemetry::{self, LogFormat},
};
use serde_json::json;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

use crate::{
    harness::{
        Delivery, Firebase, Person, Tenant, World, secret_of, user_created, user_deleted, user_updated, worklog,
    },
    tenant::{hours, it_is_told, own_request},
};

/// Everything that was logged by this process.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'writer> MakeWriter<'writer> for Captured {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

const BODY: &str = "CanaryMessageBody";
const COMMENT: &str = "what was done, and for whom";
const GUESSED_SECRET: &str = "CanaryGuessedSecret-0123456789";

/// The forms in which a canary would be noticed.
fn forms(canary: &str) -> [String; 3] {
    [canary.to_owned(), hex::encode(canary), STANDARD.encode(canary)]
}

fn assert_unmentioned(what: &str, told: &str, canaries: &[String]) {
    for (number, canary) in canaries.iter().enumerate() {
        for form in forms(canary) {
            assert!(!told.contains(&form), "{what} tells canary {number}: {canary}");
        }
    }
}

/// Things go wrong in ways whose messages hold values: a unique key in DETAIL, a trigger that quotes the row.
const TRAPS: &str = "
CREATE UNIQUE INDEX one_entry_per_author ON milestone.hours_entry (tenant_id, author_account_id) WHERE issue_id = '77';
CREATE FUNCTION milestone.complain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'not %', OLD USING DETAIL = OLD::text, HINT = OLD::text, ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER complains_on_change BEFORE UPDATE ON milestone.team_member FOR EACH ROW EXECUTE FUNCTION milestone.complain();
CREATE TRIGGER complains_on_removal BEFORE DELETE ON milestone.team_member FOR EACH ROW EXECUTE FUNCTION milestone.complain();";

#[tokio::test]
async fn canary_values_are_never_told_anywhere() {
    let captured = Captured::default();
    // For the whole process: other tests' lines come along, which only makes the net wider.
    let subscriber = telemetry::subscriber(captured.clone(), LogFormat::Json, Some("trace")).unwrap();
    subscriber.try_init().expect("no other test sets up logging");
    let metrics = telemetry::install_recorder().expect("no other test installs a recorder");
    let world = World::with_emulators().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "canarypaula").await;
    let ann = world.a_team_member(&acme, "canaryann", &paula).await;
    world.admin.batch_execute(&format!("UPDATE milestone.message SET body = '{BODY}'")).await.unwrap();
    let mut told = String::new();

    world.admin.batch_execute(TRAPS).await.unwrap();
    told += &everything_goes_wrong(&world, &acme, &ann).await;
    told += &world.memory_of_the_gateway().await;
    let traps = "DROP INDEX milestone.one_entry_per_author; DROP TRIGGER complains_on_change ON milestone.team_member";
    world.admin.batch_execute(traps).await.unwrap();
    world.days_pass(83).await;
    told += &world.memory_of_the_gateway().await;
    let held = "SELECT count(*) FROM gateway.job WHERE failures > 0";
    assert!(world.number(held).await > 0, "the trap for the erasure has not caught anything");
    world.admin.batch_execute("DROP TRIGGER complains_on_removal ON milestone.team_member").await.unwrap();
    for job in world.jobs_of(world.request(&acme).await.request_id).await {
        drop(replay::retry_job(&world.gateway, &world.tester, job.job_id).await);
    }
    world.days_pass(1).await;
    replay::execute(&world.gateway, &world.tester, "sup-1", &EventFilter::default()).await.unwrap();
    world.the_worker_drains().await;
    assert_eq!(sweep::run(&world.gateway, swept::Depth::Whole).await.failures, 0);

    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    told += &world.memory_of_the_gateway().await;
    told += &the_tenant_leaves(&world, &acme, &paula).await;
    let mut canaries: Vec<String> =
        ann.identifiers().iter().chain(&paula.identifiers()).map(ToString::to_string).collect();
    canaries.extend([BODY, COMMENT, GUESSED_SECRET].map(str::to_owned));
    canaries.push(String::from_utf8(secret_of("acme").expose().to_vec()).unwrap());
    let logged = captured.text();
    assert!(logged.contains("event ended") && logged.contains("job not completed"), "nothing was captured");
    assert!(logged.contains("SQLSTATE 23505"), "no unique violation was forced");
    assert_unmentioned("the log", &logged, &canaries);
    assert_unmentioned("what is stored or returned", &told, &canaries);
    let rendered = metrics.render();
    assert!(rendered.contains("milestone_gateway_events_total"), "{rendered}");
    assert_unmentioned("the metrics", &rendered, &canaries);
    world.ends_cleanly().await;
}

/// The identity provider fails in words that name the account, and then no more. Returns what was kept meanwhile and after.
async fn the_tenant_leaves(world: &World, acme: &Tenant, paula: &Person) -> String {
    let firebase = Firebase::start().await;
    let source = world.a_firebase_source(None).await;
    world.has_provider_credentials(&source, &firebase).await;
    firebase.has_an_account(paula, hours(-500));
    firebase.keeps(paula, true);
    it_is_told(world, acme, EvidenceKind::Uninstalled, world.gateway.now()).await;
    world.days_pass(83).await;
    let waiting = world.memory_of_the_gateway().await;
    assert_eq!((own_request(world, acme).await.phase(), firebase.accounts()), (Some(Phase::Verified), 1));
    firebase.keeps(paula, false);
    world.days_pass(1).await;
    assert_eq!((own_request(world, acme).await.state, firebase.accounts()), (RequestState::Completed, 0));
    waiting + &world.memory_of_the_gateway().await
}

/// Returns whatever a caller was told.
async fn everything_goes_wrong(world: &World, acme: &Tenant, ann: &Person) -> String {
    let now = world.gateway.now();
    let mut told = Vec::new();
    for body in [
        user_created(ann, now),
        user_updated(ann, now),
        worklog(ann, "1", "77", 1, now),
        worklog(ann, "2", "77", 1, now),
        user_deleted(ann, now),
        json!({"webhookEvent": "user_deleted", "user": {"accountId": {"value": ann.account_id}, "emailAddress": ann.email}}),
        json!({"webhookEvent": "worklog_updated", "worklog": {"comment": BODY, "author": {"accountId": ann.email}}}),
        json!({"webhookEvent": ann.display_name}),
    ] {
        told.push(format!("{:?}", world.jira_sends(acme, &body).await));
    }
    let guessed = SecretBytes::new(GUESSED_SECRET.as_bytes().to_vec());
    let forged = Delivery::signed(user_deleted(ann, now).to_string(), Some(&ann.email), &guessed);
    told.push(format!("{:?}", world.delivers(&acme.source, &forged).await));
    told.push(format!("{:?}", world.delivers(&ann.email, &forged).await));
    let malformed = Delivery { signatures: vec![GUESSED_SECRET.into()], ..forged };
    told.push(format!("{:?}", world.delivers(&acme.source, &malformed).await));
    for _ in 0..4 {
        // The errors themselves, before the worker reduces them to a line.
        for event in queue::claim(&world.gateway, 10).await.unwrap() {
            match dispatch::interpret(world.gateway.polling(), &event).await {
                Ok(outcome) => told.push(format!("{outcome:?}")),
                Err(error) => told.push(format!("{error:?} {error} {}", error.chain())),
            }
        }
        world.the_lease_runs_out().await;
        world.the_worker_drains().await;
        world.time_passes(SignedDuration::from_secs(60));
    }
    told.join("\n")
}
