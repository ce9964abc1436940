//! The erasure of a whole tenant: what it ends, what stops it, and that it may die at any line.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{ground::fence::tenant as tenant_fence, jobs::run_job, registry, support::replay},
    domain::{
        JobId,
        crash::CRASH_POINTS,
        evidence::EvidenceKind::*,
        job::JobKind,
        reply::SenderReply,
        request::{RequestScope, RequestState},
    },
    store::{TenantTx, job::JobRow},
};

use crate::{
    harness::{
        Firebase, KeyServer, Manner, Tenant, World, issue_of,
        senders::{CLIENT_KEY, PROJECT},
        user_created, user_deleted, worklog,
    },
    tenant::{Acme, acme_and_globex, days, hours, it_is_told, keys_and_people, own_request, receipt_of, rows_apart},
};

/// Points that are visited for each of many things; dying at the second visit is another story than at the first.
const VISITED_OFTEN: &[&str] = &[
    "revoke_access.after_product",
    "tenant_erasure.before_batch",
    "tenant_erasure.after_batch",
    "tenant_erasure.after_account_page",
];

async fn deletion_of(world: &World, tenant: &Tenant) -> JobRow {
    let request = own_request(world, tenant).await.request_id;
    let jobs = world.jobs_of(request).await;
    jobs.into_iter().find(|job| job.kind == JobKind::Erasure.as_str()).expect("a deletion")
}

async fn a_person_lets_it_run_again(world: &World, job: JobId) {
    replay::retry_job(&world.gateway, &world.tester, job).await.unwrap();
    world.the_worker_drains().await;
}

async fn is_gone(world: &World, tenant: &Tenant, at: Timestamp) -> bool {
    let mut client = world.gateway.databases().tenant.client().await.unwrap();
    let tx = TenantTx::begin(&mut client, tenant.id).await.unwrap();
    tenant_fence::standing(&tx, at).await.unwrap().is_gone()
}

/// Jobs run until the tenant is erased; events wait.
async fn the_erasure_overtakes_the_events(world: &World, tenant: &Tenant) {
    while own_request(world, tenant).await.state != RequestState::Completed {
        for job in run_job::claim(&world.gateway, &JobKind::ALL, 4).await.unwrap() {
            if let Err(failure) = run_job::run(&world.gateway, &job).await {
                run_job::leave_unfinished(&world.gateway, &job, &failure).await.unwrap();
            }
        }
    }
}

/// Fences of people, here and in the product database.
async fn fences_of_people(world: &World) -> (i64, i64) {
    let count = |schema: &str| format!("SELECT count(*) FROM {schema}.fence WHERE identity_kind <> 'tenant'");
    (world.number(&count("gateway")).await, world.number(&count("milestone_gateway")).await)
}

#[tokio::test]
async fn what_overtakes_the_installation_that_brings_a_tenant_back_is_not_lost_and_whoever_was_erased_stays_so() {
    let world = World::new().await;
    let Acme { tenant, ann, bob } = acme_and_globex(&world).await;
    world.jira_sends(&tenant, &user_deleted(&ann, hours(0))).await;
    world.the_worker_drains().await;
    world.days_pass(83).await;
    assert_eq!(fences_of_people(&world).await, (1, 1));
    it_is_told(&world, &tenant, Uninstalled, days(83)).await;
    world.the_worker_drains().await;
    // These have happened after the return, and come before the sender tells of it.
    world.time_passes(SignedDuration::from_hours(24 * 83));
    let at = days(166) - SignedDuration::from_mins(10);
    let logged = [
        world.jira_sends(&tenant, &worklog(&ann, "77", &issue_of(&ann), 2, at)).await,
        world.jira_sends(&tenant, &worklog(&bob, "78", &issue_of(&bob), 2, at)).await,
    ];
    the_erasure_overtakes_the_events(&world, &tenant).await;
    world.the_worker_drains().await;
    assert_eq!(fences_of_people(&world).await, (1, 1), "an erasure forgets nobody who was erased");

    it_is_told(&world, &tenant, Installed, at - SignedDuration::from_mins(10)).await;
    let insert = format!("INSERT INTO milestone.tenant VALUES ('{}', 'acme', 'acme.atlassian.net', now())", tenant.key);
    world.admin.batch_execute(&insert).await.unwrap();
    world.time_passes(SignedDuration::from_hours(1));
    world.the_worker_drains().await;

    let [of_ann, of_bob] = logged;
    assert_eq!(world.outcome_of(of_ann).await, "applied: hours_recorded_without_person");
    assert!(world.outcome_of(of_bob).await.starts_with("applied: hours_recorded"));
    let named = format!("SELECT count(*) FROM milestone.hours_entry e WHERE e::text LIKE '%{}%'", ann.account_id);
    assert_eq!(world.number(&format!("{named} AND tenant_id = '{}'", tenant.key)).await, 0);
    world.days_pass(60).await;
    world.the_sweep_runs().await;
    assert_eq!(fences_of_people(&world).await, (0, 0), "its own term is over");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_an_installation_has_brought_to_a_shared_source_goes_with_the_tenant() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let Acme { tenant, .. } = acme_and_globex(&world).await;
    let other = world.a_tenant("initech").await;
    world.a_forge_source().await;
    world.a_connect_source().await;
    for site in [&tenant, &other] {
        let alive = world.forge_post(&site.key, "heartbeat", "{}").with("x-forge-oauth-system", "a-token");
        assert_eq!(world.receives(&alive).await.reply, SenderReply::Accepted);
    }
    let installed = include_str!("../vectors/connect/installed.json");
    registry::bind(&world.gateway, &world.tester, "connect", CLIENT_KEY, &tenant.key).await.unwrap();
    assert_eq!(world.receives(&world.connect_install_post("installed", installed)).await.reply, SenderReply::Accepted);
    world.the_worker_drains().await;
    let kept = "SELECT string_agg(holder, ' ' ORDER BY holder) FROM gateway.source_credential WHERE holder <> ''";
    assert_eq!(world.text(kept).await.unwrap().split(' ').count(), 3);
    world.time_passes(SignedDuration::from_hours(1));

    it_is_told(&world, &tenant, Uninstalled, hours(1)).await;
    world.days_pass(83).await;

    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    assert_eq!(world.text(kept).await, Some(other.key.clone()), "another tenant's token stays");
    assert_eq!(world.number("SELECT count(*) FROM gateway.source_holder").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_erasure_ends_what_was_under_way_about_the_tenants_people() {
    let world = World::new().await;
    let Acme { tenant, ann, bob } = acme_and_globex(&world).await;
    world.jira_sends(&tenant, &user_deleted(&ann, hours(0))).await;
    world.the_worker_drains().await;
    // Ann's own erasure is parked, because somebody has hidden a table from the reader.
    let hide = "ALTER POLICY one_tenant ON milestone.activity_log TO gw_tenant";
    world.admin.batch_execute(hide).await.unwrap();
    world.days_pass(83).await;
    world.admin.batch_execute("ALTER POLICY one_tenant ON milestone.activity_log TO PUBLIC").await.unwrap();
    it_is_told(&world, &tenant, Uninstalled, days(83)).await;
    world.jira_sends(&tenant, &user_deleted(&bob, days(83))).await;
    world.the_worker_drains().await;

    world.days_pass(83).await;

    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    let requests = world.requests(&tenant).await;
    let about_people = requests.iter().filter(|request| request.scope != RequestScope::Tenant);
    for request in about_people {
        let is_over = matches!(request.state, RequestState::Superseded | RequestState::Completed);
        assert!(is_over, "{request:?}");
        for job in world.jobs_of(request.request_id).await {
            assert!(!matches!(job.state.as_str(), "pending" | "parked"), "{job:?}");
        }
    }
    let (left, _) = rows_apart(&world, &tenant).await;
    assert_eq!(left, []);
    assert_eq!(keys_and_people(&world, &tenant).await, 0);
    assert!(world.audited(tenant.id).await.contains(&"request.superseded".to_owned()));
    // Ann was behind her own fence, Bob perhaps behind his: they get the term of a finished erasure, and go then.
    let (here, there) = fences_of_people(&world).await;
    assert!(here >= 1 && here == there, "{here} {there}");
    world.days_pass(123).await;
    world.the_sweep_runs().await;
    assert_eq!(fences_of_people(&world).await, (0, 0));
    assert!(is_gone(&world, &tenant, world.gateway.now()).await, "the tenant's own fence stands until it is back");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn behind_the_fence_nothing_of_the_tenant_counts_until_it_is_installed_again() {
    let world = World::new().await;
    let Acme { tenant, ann, .. } = acme_and_globex(&world).await;
    world.jira_sends(&tenant, &worklog(&ann, "77", &issue_of(&ann), 2, hours(0))).await;
    world.jira_sends(&tenant, &user_created(&ann, hours(0))).await;
    world.the_worker_drains().await;
    it_is_told(&world, &tenant, Uninstalled, hours(0)).await;
    // What was delivered and not yet interpreted when the erasure begins.
    world.time_passes(SignedDuration::from_hours(24 * 83));
    let late = [
        world.jira_sends(&tenant, &user_created(&ann, days(83))).await,
        world.jira_sends(&tenant, &worklog(&ann, "78", &issue_of(&ann), 2, days(83))).await,
    ];
    the_erasure_overtakes_the_events(&world, &tenant).await;
    world.the_worker_drains().await;
    for accepted in &late {
        let event = world.event(accepted.event_id.unwrap()).await;
        assert_eq!(event.outcome, None, "whether the tenant is back may only not be known yet");
    }
    world.days_pass(1).await;
    for accepted in late {
        assert_eq!(world.outcome_of(accepted).await, "ignored: tenant_gone");
    }
    assert_eq!(rows_apart(&world, &tenant).await.0, []);
    assert_eq!(keys_and_people(&world, &tenant).await, 0);
    assert!(is_gone(&world, &tenant, days(84)).await);

    for (kind, at) in [(Heartbeat, days(83)), (Upgraded, days(83)), (Installed, hours(0)), (Uninstalled, days(83))] {
        assert_eq!(it_is_told(&world, &tenant, kind, at).await, "tenant_gone", "{kind:?}");
    }
    world.days_pass(10).await;
    assert_eq!(it_is_told(&world, &tenant, Installed, days(93)).await, "tenant_evidence_recorded");
    assert!(is_gone(&world, &tenant, days(92)).await, "what is older than the return stays refused");
    assert!(!is_gone(&world, &tenant, days(93)).await);
    assert!(world.audited(tenant.id).await.contains(&"tenant.returned".to_owned()));
    assert_eq!(world.number("SELECT count(*) FROM gateway.tenant WHERE erased_at IS NOT NULL").await, 0);

    world.days_pass(1).await;
    let gone_again = it_is_told(&world, &tenant, Uninstalled, days(94)).await;
    assert_eq!(gone_again, "tenant_offboarding_started");
    world.the_worker_drains().await;
    let insert = format!("INSERT INTO milestone.tenant VALUES ('{}', 'acme', 'acme.atlassian.net', now())", tenant.key);
    world.admin.batch_execute(&insert).await.unwrap();
    world.days_pass(83).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    assert_eq!(world.number("SELECT max(generation)::int8 FROM gateway.fence").await, 2);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_reader_that_cannot_see_is_a_failure_and_the_tenants_own_row_stays() {
    let world = World::new().await;
    let Acme { tenant, .. } = acme_and_globex(&world).await;
    let root = format!("SELECT count(*) FROM milestone.tenant WHERE tenant_id = '{}'", tenant.key);
    it_is_told(&world, &tenant, Uninstalled, hours(0)).await;

    for (table, shown) in [("tenant", "tenant"), ("hours_entry", "hours_entry")] {
        let hide = format!("ALTER POLICY one_tenant ON milestone.{table} TO gw_tenant");
        world.admin.batch_execute(&hide).await.unwrap();
        if table == "tenant" {
            world.days_pass(83).await;
        } else {
            a_person_lets_it_run_again(&world, deletion_of(&world, &tenant).await.job_id).await;
        }
        let job = deletion_of(&world, &tenant).await;
        assert_eq!(job.state, "parked");
        assert!(job.failure_reason.clone().unwrap().contains(shown), "{job:?}");
        let run = own_request(&world, &tenant).await.run.expect("a run");
        assert!(run.phase.has_failed_verification() && job.parked_code.as_deref() == Some("verification_failed"));
        assert_eq!(world.number(&root).await, 1);
        let show = format!("ALTER POLICY one_tenant ON milestone.{table} TO PUBLIC");
        world.admin.batch_execute(&show).await.unwrap();
    }
    assert!(keys_and_people(&world, &tenant).await > 0);

    a_person_lets_it_run_again(&world, deletion_of(&world, &tenant).await.job_id).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    assert_eq!(world.number(&root).await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_table_that_the_map_does_not_know_stops_the_erasure_before_its_first_row() {
    let world = World::new().await;
    let Acme { tenant, .. } = acme_and_globex(&world).await;
    let (before, _) = rows_apart(&world, &tenant).await;
    let sql = "CREATE TABLE milestone.invoice (tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id));
        ALTER TABLE milestone.invoice OWNER TO gw_owner";
    world.admin.batch_execute(sql).await.unwrap();

    it_is_told(&world, &tenant, Uninstalled, hours(0)).await;
    world.days_pass(83).await;

    let job = deletion_of(&world, &tenant).await;
    assert_eq!(job.state, "parked");
    assert!(job.failure_reason.clone().unwrap().contains("invoice"), "{job:?}");
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Scheduled);
    assert_eq!(rows_apart(&world, &tenant).await.0.len(), before.len() - 3, "only the sessions are gone");
    world.admin.batch_execute("DROP TABLE milestone.invoice").await.unwrap();
    a_person_lets_it_run_again(&world, job.job_id).await;
    assert_eq!(own_request(&world, &tenant).await.state, RequestState::Completed);
    world.ends_cleanly().await;
}

/// All that must be the same whether or not something died on the way.
#[derive(Debug, PartialEq, Eq)]
struct End {
    product: Vec<(String, String)>,
    states: Vec<RequestState>,
    audited: Vec<String>,
    receipts: i64,
    fences: i64,
    remembered: i64,
    steps_of_receipt: Vec<(String, String, u64)>,
    /// Accounts that are left at the identity provider.
    accounts: Vec<String>,
    told: Option<String>,
    sealed_uids: i64,
}

/// Workers die and others come, until nothing is left to do.
async fn workers_come_and_go(world: &World) {
    for _ in 0..4 {
        world.the_worker_drains().await;
        world.the_lease_runs_out().await;
        // A worker that panics gives its work back for later.
        world.time_passes(SignedDuration::from_mins(15));
    }
    world.the_worker_drains().await;
}

/// A call whose answer was lost is made again, and then the account may be gone already.
const TOLD: &str = "SELECT string_agg(word, ' ' ORDER BY word)
    FROM (
        SELECT CASE WHEN state IN ('done', 'already_gone') THEN 'told' ELSE state END AS word
        FROM gateway.provider_call
        WHERE uid_digest IS NOT NULL
    ) AS accounts";

/// Petra has an account for Acme alone, Dora one that Initech knows too, and Lina one that was made after Acme had left.
async fn people_with_accounts(world: &World, firebase: &Firebase, acme: &Tenant) {
    let source = world.a_firebase_source(None).await;
    world.has_provider_credentials(&source, firebase).await;
    let initech = world.a_tenant("initech").await;
    let petra = world.a_portal_user(acme, "petra").await;
    let dora = world.a_delivery_user(acme, "dora").await;
    world.the_same_portal_user(&initech, "dora", &dora.account_id).await;
    let late = world.a_portal_user(acme, "lina").await;
    for (person, made_at) in [(&petra, hours(-500)), (&dora, hours(-500)), (&late, days(9))] {
        firebase.has_an_account(person, made_at);
    }
}

async fn the_story_of(world: &World) -> End {
    let firebase = Firebase::start().await;
    let Acme { tenant, ann, bob } = acme_and_globex(world).await;
    people_with_accounts(world, &firebase, &tenant).await;
    world.jira_sends(&tenant, &worklog(&bob, "77", &issue_of(&bob), 2, hours(0))).await;
    world.time_passes(SignedDuration::from_hours(24 * 8));
    it_is_told(world, &tenant, Uninstalled, days(8)).await;
    workers_come_and_go(world).await;
    // Ann leaves a day later: her own erasure would be due after the tenant's.
    world.time_passes(SignedDuration::from_hours(24));
    world.jira_sends(&tenant, &user_deleted(&ann, world.gateway.now())).await;
    workers_come_and_go(world).await;
    for days in [30_i64, 52] {
        world.time_passes(SignedDuration::from_hours(24 * days));
        workers_come_and_go(world).await;
    }
    let requests = world.requests(&tenant).await;
    let mut audited = world.audited(tenant.id).await;
    audited.sort();
    let claims = receipt_of(world, &tenant).await;
    End {
        product: world.product_rows().await,
        states: requests.iter().map(|request| request.state).collect(),
        audited,
        receipts: world.number("SELECT count(*) FROM gateway.receipt").await,
        fences: world.number("SELECT count(*) FROM gateway.fence").await,
        remembered: keys_and_people(world, &tenant).await,
        steps_of_receipt: claims.steps.into_iter().map(|step| (step.table, step.disposal, step.rows)).collect(),
        accounts: firebase.uids_in(PROJECT),
        told: world.text(TOLD).await,
        sealed_uids: world.number("SELECT count(sealed) FROM gateway.provider_call").await,
    }
}

async fn crashing_at_each_of(points: impl Iterator<Item = &'static str>) {
    let calm = World::with_emulators().await;
    let expected = the_story_of(&calm).await;
    calm.ends_cleanly().await;
    assert_eq!(expected.states, [RequestState::Completed, RequestState::Superseded]);
    assert_eq!((expected.receipts, expected.fences, expected.remembered, expected.sealed_uids), (1, 1, 0, 0));
    // Paula never had an account.
    assert_eq!((expected.accounts.len(), expected.told.as_deref()), (2, Some("shared told told withdrawn")));
    for point in points {
        let visits = if VISITED_OFTEN.contains(&point) { 2 } else { 1 };
        for visit in 1..=visits {
            let world = World::with_emulators().await;
            world.crash.arm(point, visit);

            let end = the_story_of(&world).await;

            assert!(!world.crash.is_armed(point), "{point} is never reached {visit} times");
            assert_eq!(end, expected, "after a crash at visit {visit} of {point}");
            world.ends_cleanly().await;
        }
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_tenants_small_jobs_ends_as_if_nothing_had_happened() {
    let small = ["revoke_access.after_product", "tenant_flag.after_begin", "flag.after_product"];
    crashing_at_each_of(CRASH_POINTS.iter().copied().filter(|point| small.contains(point))).await;
}

#[tokio::test]
async fn a_crash_anywhere_in_the_erasure_of_a_tenant_ends_as_if_nothing_had_happened() {
    crashing_at_each_of(CRASH_POINTS.iter().copied().filter(|point| point.starts_with("tenant_erasure."))).await;
}
