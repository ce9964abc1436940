//! Verification must be able to read: what it cannot see it does not certify, and what is left it names.

use milestone_gateway::testing::{
    app::support::replay,
    domain::{JobId, job::JobKind, request::RequestState, run::Phase},
    proof,
};

use crate::harness::{DATASET, Person, Tenant, World, data_map, data_map_of, user_deleted, worklog};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    world.a_team_member(&acme, "bob", &paula).await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

/// Ann has left and the erasure has been tried.
async fn ann_is_erased(world: &World, acme: &Tenant, ann: &Person) {
    world.jira_sends(acme, &user_deleted(ann, world.gateway.now())).await;
    world.days_pass(83).await;
}

/// The erasure's job that waits for a person, and why.
async fn parked_erasure(world: &World, acme: &Tenant) -> (JobId, String) {
    let jobs = world.jobs_of(world.request(acme).await.request_id).await;
    let job = jobs.into_iter().find(|job| job.kind == JobKind::Erasure.as_str()).expect("an erasure");
    assert_eq!(job.state, "parked", "{job:?}");
    assert!(job.parked_code.is_some(), "{job:?}");
    (job.job_id, job.failure_reason.unwrap())
}

/// Nothing is certified, and the key that the reader needs lives.
async fn nothing_is_certified(world: &World, acme: &Tenant) {
    let request = world.request(acme).await;
    assert_eq!(request.state, RequestState::Running);
    assert!(request.run.expect("a run").phase.has_failed_verification());
    assert_eq!(world.receipt(acme).await, None);
    assert_eq!(world.number("SELECT count(*) FROM gateway.subject_key WHERE wrapped IS NOT NULL").await, 1);
}

async fn a_person_lets_it_run_again(world: &World, job: JobId) {
    replay::retry_job(&world.gateway, &world.tester, job).await.unwrap();
    world.the_worker_drains().await;
}

#[tokio::test]
async fn a_reader_from_whom_one_table_is_hidden_certifies_nothing_and_names_the_table() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let hide = "ALTER POLICY one_tenant ON milestone.activity_log TO gw_tenant";
    world.admin.batch_execute(hide).await.unwrap();

    ann_is_erased(&world, &acme, &ann).await;

    let (job, reason) = parked_erasure(&world, &acme).await;
    assert!(reason.contains("activity_log"), "{reason}");
    nothing_is_certified(&world, &acme).await;

    world.admin.batch_execute("ALTER POLICY one_tenant ON milestone.activity_log TO PUBLIC").await.unwrap();
    a_person_lets_it_run_again(&world, job).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_reader_whose_tenant_setting_is_dropped_certifies_nothing() {
    for (using, named) in [
        // The reader's policy asks for a setting that nobody sets: an error.
        ("tenant_id = current_setting('milestone.reader_tenant')::uuid", "42704"),
        // It asks in a forgiving manner: everything looks empty, and the tenant's own row is missing too.
        ("tenant_id = current_setting('milestone.reader_tenant', true)::uuid", "tenant"),
    ] {
        let world = World::new().await;
        let (acme, ann) = acme_with_ann(&world).await;
        let tables =
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'milestone'::regnamespace AND relkind = 'r'";
        for row in world.admin.query(tables, &[]).await.unwrap() {
            let table: &str = row.get(0);
            let sql = format!(
                "ALTER POLICY one_tenant ON milestone.{table} TO gw_tenant;
                 CREATE POLICY for_the_reader ON milestone.{table} TO gw_verify USING ({using})"
            );
            world.admin.batch_execute(&sql).await.unwrap();
        }

        ann_is_erased(&world, &acme, &ann).await;

        let (_, reason) = parked_erasure(&world, &acme).await;
        assert!(reason.contains(named), "{reason}");
        nothing_is_certified(&world, &acme).await;
        world.events_balance().await;
        world.ends_with_work_left();
    }
}

/// The shipped dataset with the activity log's bond to its actor taken out: somebody thought that it may stay.
fn without_the_actor_of_the_activity_log() -> String {
    let bond = "            - {by: actor_account_id, role: accessed}\n";
    let field = "          - name: actor_account_id
            data_categories: [user.unique_id]
            fides_meta:
              references: [{dataset: milestone, field: team_member.account_id, direction: from}]
              masking_strategy_override: {strategy: erasure_pseudonym}
";
    assert!(DATASET.contains(bond) && DATASET.contains(field), "the dataset has changed; so must this test");
    let (free_text, kept) =
        ("        # Written by people", "        retained: {activity_log.actor_account_id: a slip}\n");
    let without = "          - {name: actor_account_id, data_categories: [user.unique_id]}\n";
    DATASET.replace(bond, "").replace(field, without).replace(free_text, &format!("{kept}{free_text}"))
}

#[tokio::test]
async fn a_column_whose_mapping_was_removed_is_found_and_named_and_the_right_map_completes_the_work() {
    let mut world = World::with_map(data_map_of(&without_the_actor_of_the_activity_log())).await;
    let (acme, ann) = acme_with_ann(&world).await;

    ann_is_erased(&world, &acme, &ann).await;

    let (job, reason) = parked_erasure(&world, &acme).await;
    assert_eq!(reason, "verification_failed: milestone.activity_log.actor_account_id (1 rows)");
    nothing_is_certified(&world, &acme).await;
    let report = world.request(&acme).await.run.unwrap().phase.report().cloned().unwrap();
    assert_eq!(report.left[0].column, "milestone.activity_log.actor_account_id");

    // Letting it run again without correcting anything changes nothing.
    a_person_lets_it_run_again(&world, job).await;
    nothing_is_certified(&world, &acme).await;

    world.restarts_with_map(data_map());
    a_person_lets_it_run_again(&world, job).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    let receipt = world.receipt(&acme).await.unwrap();
    let claims = proof::verify(&receipt, world.signing_key().public_key()).unwrap();
    let rows = |table: &str| claims.steps.iter().filter(|step| step.table == table).map(|step| step.rows).sum::<u64>();
    assert_eq!((rows("team_member"), rows("activity_log")), (1, 1), "the receipt counts what both plans did");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_table_that_the_map_does_not_know_stops_the_plan_or_is_found_by_the_reader() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let sql = format!(
        "CREATE TABLE milestone.search_cache (tenant_id uuid NOT NULL, entry jsonb NOT NULL);
         ALTER TABLE milestone.search_cache OWNER TO gw_owner;
         GRANT SELECT ON milestone.search_cache TO gw_verify;
         INSERT INTO milestone.search_cache VALUES ('{}', '{{\"who\": [\"{}\"]}}')",
        acme.key, ann.email
    );
    world.admin.batch_execute(&sql).await.unwrap();

    ann_is_erased(&world, &acme, &ann).await;

    let (job, reason) = parked_erasure(&world, &acme).await;
    assert!(reason.contains("search_cache"), "{reason}");
    assert_eq!(world.receipt(&acme).await, None);
    world.admin.batch_execute("DROP TABLE milestone.search_cache").await.unwrap();
    a_person_lets_it_run_again(&world, job).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn somebody_elses_text_that_mentions_the_person_is_reported_and_does_not_stop_the_work() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let mention = format!(
        "UPDATE milestone.service_request SET content = 'ask {} about it' WHERE assignee_name LIKE 'bob%'",
        ann.email
    );
    world.admin.batch_execute(&mention).await.unwrap();

    ann_is_erased(&world, &acme, &ann).await;

    let request = world.request(&acme).await;
    assert_eq!(request.state, RequestState::Completed);
    let run = request.run.unwrap();
    let report = run.phase.report().unwrap();
    assert_eq!(report.mentioned[0].column, "milestone.service_request.content");
    let claims = proof::verify(&world.receipt(&acme).await.unwrap(), world.signing_key().public_key()).unwrap();
    assert!(serde_json::to_string(&claims).unwrap().contains("milestone.service_request.content"));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_mailbox_shared_with_a_living_person_stays_theirs() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let share = format!("UPDATE milestone.team_member SET email = '{}'", ann.email);
    world.admin.batch_execute(&share).await.unwrap();

    ann_is_erased(&world, &acme, &ann).await;

    let request = world.request(&acme).await;
    assert_eq!(request.state, RequestState::Completed);
    assert_eq!(request.run.unwrap().phase.report().unwrap().held_by_another[0].column, "milestone.team_member.email");
    let kept = format!("SELECT count(*) FROM milestone.team_member WHERE email = '{}'", ann.email);
    assert_eq!(world.number(&kept).await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_row_that_the_product_adds_behind_a_finished_step_goes_too() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.crash.arm("erasure.after_execute", 1);
    ann_is_erased(&world, &acme, &ann).await;
    assert_eq!(world.request(&acme).await.phase(), Some(Phase::Fenced));

    let late = format!(
        "INSERT INTO milestone.activity_log VALUES ('{}', gen_random_uuid(), '{}', NULL, 'late', '{{}}', now())",
        acme.key, ann.account_id
    );
    world.admin.batch_execute(&late).await.unwrap();
    let hours = world.jira_sends(&acme, &worklog(&ann, "1", "1", 1, world.gateway.now())).await;
    world.time_passes(jiff::SignedDuration::from_mins(15));
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(hours).await, "applied: hours_recorded_without_person");
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}
