//! Two workers with the same job: the one whose lease ran out commits nothing.

use milestone_gateway::testing::{
    app::{
        Databases,
        interpretation::{dispatch, queue},
        jobs::run_job,
    },
    domain::{job::JobKind, request::RequestState},
    store::job::ClaimedJob,
};

use crate::harness::{Person, Tenant, World, data_map, user_created, user_deleted};

/// The jobs of a timeline; calls to other systems have a story of their own.
const TIMELINE: [JobKind; 4] =
    [JobKind::RevokeAccess, JobKind::RestoreAccess, JobKind::FlagForDeletion, JobKind::Erasure];

/// Ann's story up to the moment at which a job of this kind is due.
async fn until_due(world: &World, kind: JobKind) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let event_ends = async || {
        let event = queue::claim(&world.gateway, 1).await.unwrap().pop().unwrap();
        dispatch::interpret(world.gateway.polling(), &event).await.unwrap();
    };
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    event_ends().await;
    let later = |days: i64| world.time_passes(jiff::SignedDuration::from_hours(24 * days));
    match kind {
        JobKind::RevokeAccess | JobKind::ProviderCalls => {}
        JobKind::RestoreAccess => {
            world.the_worker_drains().await;
            later(1);
            world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
            event_ends().await;
        }
        JobKind::FlagForDeletion => {
            world.the_worker_drains().await;
            later(30);
        }
        JobKind::Erasure => {
            world.days_pass(30).await;
            later(53);
        }
    }
    (acme, ann)
}

async fn claims(world: &World, kind: JobKind) -> ClaimedJob {
    run_job::claim(&world.gateway, &[kind], 1).await.unwrap().pop().expect("a due job")
}

/// The last entry that each kind writes.
fn action_of(kind: JobKind) -> &'static str {
    match kind {
        JobKind::RevokeAccess => "access.revoked",
        JobKind::RestoreAccess => "access.restored",
        JobKind::FlagForDeletion => "data.flagged",
        JobKind::Erasure => "request.completed",
        JobKind::ProviderCalls => "provider_call.ended",
    }
}

async fn was_done_once(world: &World, acme: &Tenant, ann: &Person, kind: JobKind) {
    let done = world.audited(acme.id).await.into_iter().filter(|action| action == action_of(kind)).count();
    assert_eq!(done, 1, "{kind}");
    let job = world.jobs_of(world.request(acme).await.request_id).await;
    let completed = job.iter().filter(|job| job.kind == kind.as_str() && job.state == "completed").count();
    assert_eq!(completed, 1, "{kind}");
    assert_eq!(world.may_sign_in(ann).await, kind == JobKind::RestoreAccess);
    if kind == JobKind::Erasure {
        assert_eq!(world.state_of_request(acme).await, RequestState::Completed);
        assert_eq!(world.rows_about(ann).await, [].into());
    }
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_commits_nothing_whenever_it_wakes_up() {
    for kind in TIMELINE {
        for stale_is_first in [true, false] {
            let world = World::new().await;
            let (acme, ann) = until_due(&world, kind).await;
            let stale = claims(&world, kind).await;
            world.the_lease_runs_out().await;
            let fresh = claims(&world, kind).await;
            assert_eq!((stale.attempt, fresh.attempt), (1, 2));

            if stale_is_first {
                run_job::run(&world.gateway, &stale).await.expect_err("a stale worker");
                run_job::run(&world.gateway, &fresh).await.unwrap();
            } else {
                run_job::run(&world.gateway, &fresh).await.unwrap();
                let failure = run_job::run(&world.gateway, &stale).await.expect_err("a stale worker");
                let recorded = run_job::leave_unfinished(&world.gateway, &stale, &failure).await.unwrap();
                assert!(!recorded, "a stale worker changed the job");
            }
            assert!(!run_job::heartbeat(&world.gateway, &stale).await.unwrap());

            was_done_once(&world, &acme, &ann, kind).await;
            world.ends_cleanly().await;
        }
    }
}

#[tokio::test]
async fn two_workers_with_one_erasure_at_the_same_time_end_in_one_receipt() {
    let world = World::new().await;
    let (acme, ann) = until_due(&world, JobKind::Erasure).await;
    let stale = claims(&world, JobKind::Erasure).await;
    world.the_lease_runs_out().await;
    let fresh = claims(&world, JobKind::Erasure).await;

    let (one, other) = tokio::join!(run_job::run(&world.gateway, &stale), run_job::run(&world.gateway, &fresh));

    assert!(one.is_err());
    if let Err(failure) = other {
        // The stale one may have held a row for a moment; the job is simply tried again.
        run_job::leave_unfinished(&world.gateway, &fresh, &failure).await.unwrap();
        world.days_pass(1).await;
    }
    was_done_once(&world, &acme, &ann, JobKind::Erasure).await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.receipt").await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_event_taken_by_two_workers_has_its_consequences_once() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let stale = queue::claim(&world.gateway, 1).await.unwrap().pop().unwrap();
    world.the_lease_runs_out().await;
    let fresh = queue::claim(&world.gateway, 1).await.unwrap().pop().unwrap();

    let (one, other) = tokio::join!(
        dispatch::interpret(world.gateway.polling(), &stale),
        dispatch::interpret(world.gateway.polling(), &fresh)
    );

    assert_eq!(one.unwrap(), None);
    assert!(other.unwrap().is_some());
    world.the_worker_drains().await;
    assert_eq!(world.requests(&acme).await.len(), 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_revocation_that_the_erasure_overtakes_leaves_nothing_behind() {
    let world = World::new().await;
    let (acme, ann) = until_due(&world, JobKind::RevokeAccess).await;
    world.time_passes(jiff::SignedDuration::from_hours(24 * 83));
    let slow = world.another_gateway_with(
        data_map(),
        Databases { product: world.database.pool_of("gw_tenant", 1), ..world.pools() },
    );
    let job = claims(&world, JobKind::RevokeAccess).await;
    let only_connection = slow.databases().product.client().await.unwrap();

    let the_erasure_runs = async {
        // The slow worker has read the request long before it gets its connection to the product database.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        world.the_worker_drains().await;
        assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
        drop(only_connection);
    };
    let (ended, ()) = tokio::join!(run_job::run(&slow, &job), the_erasure_runs);
    assert!(ended.is_ok());
    world.the_worker_drains().await;

    let kinds: Vec<_> =
        world.jobs_of(world.request(&acme).await.request_id).await.into_iter().map(|job| job.kind).collect();
    assert!(!kinds.contains(&"restore_access".to_owned()), "{kinds:?}");
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}
