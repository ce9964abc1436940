//! What goes wrong for longer than a moment: outages, panics, work that kills its workers, jobs that were lost.

use jiff::SignedDuration;
use milestone_gateway::testing::{
    app::{
        Databases, Gateway,
        jobs::run_job,
        support::{replay, report},
        upkeep::{sweep, swept},
    },
    domain::{
        JobId,
        job::{ATTEMPTS_HARD_MAX, JobKind, JobSubject, Lane},
        request::RequestState,
    },
    store::{self, TenantTx, job::JobFilter},
};
use uuid::Uuid;

use crate::harness::{Person, Tenant, World, data_map, drain, pool_to_nowhere, user_deleted, user_updated, worklog};

/// More than any bound on attempts, at the longest wait between two.
const ROUNDS_OF_AN_OUTAGE: usize = 30;
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

/// A process that cannot reach the product database.
fn without_product(world: &World) -> Gateway {
    world.another_gateway_with(data_map(), Databases { product: pool_to_nowhere(), ..world.pools() })
}

async fn kept_dead_letters(world: &World) -> i64 {
    world.number("SELECT count(*) FROM gateway.dead_letter_body").await
}

#[tokio::test]
async fn an_outage_of_many_attempts_ends_neither_jobs_nor_events() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let away = without_product(&world);
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let hours = world.jira_sends(&acme, &worklog(&ann, "5", "1", 1, world.gateway.now())).await;

    for _ in 0..ROUNDS_OF_AN_OUTAGE {
        drain(&away).await;
        world.time_passes(LONGEST_WAIT);
    }

    assert!(world.event(hours.event_id.unwrap()).await.attempt > 20);
    let jobs = world.jobs_of(world.request(&acme).await.request_id).await;
    assert!(
        jobs.iter().any(|job| job.kind == "revoke_access" && job.state == "pending" && job.failures > 20),
        "{jobs:?}"
    );
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(hours).await, "applied: hours_recorded_unlinked");
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_event_is_given_up_after_a_fortnight_of_outage_and_its_body_is_kept() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let away = without_product(&world);
    let hours = world.jira_sends(&acme, &worklog(&ann, "5", "1", 1, world.gateway.now())).await;
    drain(&away).await;

    world.time_passes(SignedDuration::from_hours(14 * 24));
    drain(&away).await;

    assert!(world.outcome_of(hours).await.starts_with("dead_lettered: gave_up: "));
    assert_eq!(kept_dead_letters(&world).await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_job_whose_attempt_panics_comes_again_without_waiting_for_its_lease() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.crash.arm("revoke_access.after_product", 1);
    world.the_worker_drains().await;
    let lost = "SELECT count(*) FROM gateway.job WHERE lost_attempts = 1 AND lease_until IS NULL AND state = 'pending'";
    assert_eq!(world.number(lost).await, 1);

    world.time_passes(LONGEST_WAIT);
    world.the_worker_drains().await;

    assert!(world.request(&acme).await.offboarding.unwrap().access_revoked_at.is_some());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_event_whose_attempts_always_panic_becomes_a_dead_letter() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let event = world.jira_sends(&acme, &user_updated(&ann, world.gateway.now())).await;

    for _ in 0..20 {
        world.crash.arm("interpret.after_claim", 1);
        world.the_worker_drains().await;
        world.time_passes(LONGEST_WAIT);
    }

    assert_eq!(world.outcome_of(event).await, "dead_lettered: gave_up: an attempt panicked");
    assert_eq!(kept_dead_letters(&world).await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_lease_that_runs_out_is_counted_and_work_that_was_taken_too_often_waits_for_a_person() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let event = world.jira_sends(&acme, &user_updated(&ann, world.gateway.now())).await;
    for expected in [0, 1, 2] {
        let taken = milestone_gateway::testing::app::interpretation::queue::claim(&world.gateway, 1).await.unwrap();
        assert_eq!(taken[0].lost_attempts, expected);
        world.the_lease_runs_out().await;
    }

    world.admin.execute("UPDATE gateway.event SET lost_attempts = $1", &[&ATTEMPTS_HARD_MAX]).await.unwrap();
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(event).await, "dead_lettered: taken_too_often");
    assert_eq!(kept_dead_letters(&world).await, 1);

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let spoil = format!(
        "CREATE FUNCTION pg_temp.spoil() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.lost_attempts := {ATTEMPTS_HARD_MAX}; RETURN NEW; END $$;
         CREATE TRIGGER spoil BEFORE INSERT ON gateway.job FOR EACH ROW EXECUTE FUNCTION pg_temp.spoil()"
    );
    world.admin.batch_execute(&spoil).await.unwrap();
    world.the_worker_drains().await;
    let request = world.request(&acme).await.request_id;
    let parked = world.jobs_of(request).await.into_iter().find(|job| job.kind == "revoke_access").unwrap();
    assert_eq!((parked.state.as_str(), parked.failure_reason.as_deref()), ("parked", Some("taken_too_often")));
    assert_eq!(parked.parked_code.as_deref(), Some("taken_too_often"));

    replay::retry_job(&world.gateway, &world.tester, parked.job_id).await.unwrap();
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_job_waits_once_for_whatever_it_works_for_and_is_parked_when_its_kind_does_not_fit() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let now = world.gateway.now();
    let subjects = [JobSubject::Tenant, JobSubject::Rule("sessions.90_days".to_owned())];
    let mut client = world.gateway.databases().tenant.client().await.unwrap();
    let tx = TenantTx::begin(&mut client, acme.id).await.unwrap();
    for (number, subject) in subjects.iter().chain(&subjects).enumerate() {
        let id = JobId::from_uuid(Uuid::from_u128(number as u128));
        let is_new = store::job::insert(&tx, id, JobKind::Erasure, subject.clone(), now, now).await.unwrap();
        assert_eq!(is_new, number < subjects.len(), "{subject}");
    }
    tx.commit().await.unwrap();

    assert!(run_job::claim_in_lane(&world.gateway, Lane::Quick, 4).await.unwrap().is_empty());
    let claimed = run_job::claim_in_lane(&world.gateway, Lane::Long, 4).await.unwrap();
    assert!(subjects.iter().all(|subject| claimed.iter().any(|job| job.subject == *subject)), "{claimed:?}");
    for job in &claimed {
        let failure = run_job::run(&world.gateway, job).await.expect_err("an erasure works for a request");
        assert!(run_job::leave_unfinished(&world.gateway, job, &failure).await.unwrap());
    }
    let parked = JobFilter { state: Some("parked".to_owned()), ..JobFilter::default() };
    let parked = report::jobs(&world.gateway, &parked, 4).await.unwrap();
    assert_eq!(parked.len(), 2);
    assert!(parked.iter().all(|job| job.parked_code.as_deref() == Some("wrong_subject")), "{parked:?}");
    world.ends_with_work_left();
}

#[tokio::test]
async fn a_request_that_has_lost_its_jobs_gets_them_back_and_is_told_when_it_is_late() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    let die = "UPDATE gateway.job SET state = 'cancelled', finished_at = now(), failure_reason = 'lost', attempt = 7
        WHERE state = 'pending'";
    assert_eq!(world.admin.execute(die, &[]).await.unwrap(), 2);
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let telling = metrics::set_default_local_recorder(&recorder);

    assert_eq!(world.the_sweep_runs().await.jobs_restored, 2);
    assert_eq!(world.the_sweep_runs().await.jobs_restored, 0);

    let restored = world.audited(acme.id).await.into_iter().filter(|action| action == "job.restored").count();
    assert_eq!(restored, 2);
    assert_eq!(world.who_did(acme.id, "job.restored").await, ["sweep".to_owned()].into());
    // Fencing tokens never fall, or the product database would refuse the new job for ever.
    assert_eq!(world.number("SELECT min(attempt)::int8 FROM gateway.job WHERE state = 'pending'").await, 7);
    world.time_passes(SignedDuration::from_hours(24 * 91));
    world.the_sweep_runs().await;
    let told = metrics.render();
    for line in [
        "milestone_gateway_requests_overdue 1",
        "milestone_gateway_request_overdue_seconds_max 86400",
        "milestone_gateway_jobs_parked 0",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    drop(telling);
    world.the_worker_drains().await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_product_database_that_is_away_keeps_no_other_part_of_the_sweep_from_its_work() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.a_tenant("globex").await;
    world.jira_sends(&acme, &user_updated(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    world.time_passes(SignedDuration::from_hours(24 * 31));

    let swept = sweep::run(&without_product(&world), swept::Depth::Recent).await;

    assert_eq!(swept.failures, 2, "one for each tenant: {swept:?}");
    assert_eq!((swept.body_keys_destroyed, swept.epochs_destroyed, swept.event_keys_forgotten), (1, 1, 1));
    let unlinked = "SELECT (SELECT count(*) FROM gateway.audit_entry) - (SELECT count(*) FROM gateway.audit_link)";
    assert_eq!(world.number(unlinked).await, 0);
    world.ends_cleanly().await;
}
