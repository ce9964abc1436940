//! The accounts of a leaving tenant's people: those that nobody else knows go with the tenant, and only those.

mod projects;

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{
        jobs::run_job,
        support::{
            pages::{self, Paging},
            replay, report,
        },
    },
    domain::{
        evidence::EvidenceKind::*,
        job::JobKind,
        provider_call::CallState::{self, *},
        request::RequestState,
        run::Phase,
    },
};

use serde_json::Value;

use crate::{
    harness::{
        Firebase, Person, Tenant, World,
        senders::{PROJECT, background_event},
    },
    tenant::{days, hours, it_is_told, keys_and_people, own_request, receipt_of},
};

/// Long enough for any job to be tried again.
const LATER: SignedDuration = SignedDuration::from_hours(2);

/// Acme, and credentials for the identity provider that all tenants share.
async fn acme(world: &World, firebase: &Firebase) -> Tenant {
    let acme = world.a_tenant("acme").await;
    let source = world.a_firebase_source(None).await;
    world.has_provider_credentials(&source, firebase).await;
    acme
}

async fn portal_user_with_account(world: &World, firebase: &Firebase, tenant: &Tenant, name: &str) -> Person {
    let person = world.a_portal_user(tenant, name).await;
    firebase.has_an_account(&person, hours(-500));
    person
}

async fn leaves(world: &World, tenant: &Tenant, at: Timestamp) {
    it_is_told(world, tenant, Uninstalled, at).await;
    world.the_worker_drains().await;
}

/// How many accounts of the tenant's latest request are in each state.
async fn accounts_told(world: &World, tenant: &Tenant) -> Vec<(CallState, u64)> {
    let request = own_request(world, tenant).await.request_id;
    report::request(&world.gateway, request).await.unwrap().accounts
}

/// What the audit entries of this action say, each as one text.
async fn audited_as(world: &World, tenant: &Tenant, action: &str) -> Vec<String> {
    let entries = pages::audit(&world.gateway, tenant.id, &Paging::new(1_000, None)).await.unwrap().rows.into_iter();
    let said = entries.filter(|entry| entry.action == action).map(|entry| {
        let entry: Value = serde_json::from_str(&entry.entry).unwrap();
        let facts = entry["detail"].as_object().unwrap().iter();
        let value = |fact: &Value| fact.as_object().unwrap().values().next().unwrap().clone();
        facts.map(|(name, fact)| format!("{name} {}", value(fact))).collect::<Vec<_>>().join(", ")
    });
    said.collect()
}

async fn outcomes_of_attempts(world: &World) -> String {
    let sql = "SELECT string_agg(coalesce(outcome, 'none'), ' ' ORDER BY began_at, attempt, outcome)
        FROM gateway.provider_call_attempt
        JOIN gateway.provider_call USING (tenant_id, call_id)
        WHERE uid_digest IS NOT NULL";
    world.text(sql).await.unwrap_or_default()
}

async fn is_erased(world: &World, tenant: &Tenant) -> bool {
    own_request(world, tenant).await.state == RequestState::Completed
}

/// Nowhere in the gateway's memory, neither in the clear nor as bytes in hexadecimal.
async fn nobody_is_named(world: &World, people: &[&Person]) {
    let memory = world.memory_of_the_gateway().await;
    for person in people {
        assert!(!memory.contains(&person.account_id), "{}", person.account_id);
        assert!(!memory.contains(&hex::encode(&person.account_id)), "{}", person.account_id);
    }
    assert!(!memory.contains("CANARY"));
}

#[tokio::test]
async fn accounts_that_nobody_else_knows_go_with_the_tenant_and_all_others_stay() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let globex = world.a_tenant("globex").await;
    let peter = portal_user_with_account(&world, &firebase, &acme, "peter").await;
    let dora = world.a_delivery_user(&acme, "dora").await;
    firebase.has_an_account(&dora, hours(-500));
    let shared = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    world.the_same_portal_user(&globex, "paula", &shared.account_id).await;
    let gone = world.a_portal_user(&acme, "gwen").await;
    let late = world.a_portal_user(&acme, "lina").await;
    firebase.has_an_account(&late, hours(1));
    let people = [&peter, &dora, &shared, &gone, &late];

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(82).await;
    assert_eq!(firebase.was_asked(), [""; 0], "access is revoked in the product only");
    world.days_pass(1).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.uids_in(PROJECT), [&*late.account_id, &shared.account_id]);
    let asked = firebase.was_asked();
    assert_eq!(asked.len(), 2, "one look-up and one deletion: {asked:?}");
    assert!(!asked.iter().any(|call| call.contains(&shared.account_id)), "{asked:?}");
    let told = accounts_told(&world, &acme).await;
    assert_eq!(told, [(AlreadyGone, 1), (Done, 2), (Shared, 1), (Withdrawn, 1)]);
    assert_eq!(outcomes_of_attempts(&world).await, "already_gone done done withdrawn");
    let counts = "already_gone 1, ambiguous 0, deleted 2, shared 1, unreachable 0, withdrawn 1";
    assert_eq!(audited_as(&world, &acme, "tenant.accounts_told").await, [counts]);
    let collected = audited_as(&world, &acme, "tenant.accounts_collected").await;
    assert_eq!(collected, [r#"accounts 5, credentials "given""#]);
    receipt_of(&world, &acme).await;
    assert_eq!(world.number("SELECT count(sealed) FROM gateway.provider_call").await, 0);
    nobody_is_named(&world, &people).await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_erased_tenant_that_is_back_silently_keeps_its_peoples_accounts() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let globex = world.a_tenant("globex").await;
    leaves(&world, &globex, hours(0)).await;
    world.days_pass(84).await;
    assert!(is_erased(&world, &globex).await);
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    let back = format!(
        "INSERT INTO milestone.tenant VALUES ('{0}', 'Globex', 'globex.example', now());
         INSERT INTO milestone.client VALUES ('{0}', '{0}', 'A client', now());
         INSERT INTO milestone.portal_user VALUES ('{0}', '{0}', '{0}', '{1}', NULL, NULL, now())",
        globex.key, paula.account_id
    );
    world.admin.batch_execute(&back).await.unwrap();

    leaves(&world, &acme, days(84)).await;
    world.days_pass(84).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(accounts_told(&world, &acme).await, [(Shared, 1)]);
    assert_eq!(firebase.uids_in(PROJECT), [paula.account_id]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_the_provider_does_not_delete_is_tried_again_and_the_keys_wait_for_it() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    let peter = portal_user_with_account(&world, &firebase, &acme, "peter").await;
    firebase.keeps(&paula, true);

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;

    assert_eq!(own_request(&world, &acme).await.phase(), Some(Phase::Verified));
    assert_eq!(firebase.uids_in(PROJECT), [&*paula.account_id]);
    assert_eq!(accounts_told(&world, &acme).await, [(Done, 1), (Pending, 1)]);
    assert!(keys_and_people(&world, &acme).await > 0);
    let audited = world.audited(acme.id).await;
    let closing = ["tenant.accounts_told", "tenant.keys_destroyed", "request.completed"];
    assert!(!audited.iter().any(|action| closing.contains(&action.as_str())), "{audited:?}");
    assert_eq!(world.number("SELECT count(*) FROM gateway.receipt").await, 0);
    assert_eq!(world.number("SELECT count(sealed) FROM gateway.provider_call").await, 1);
    nobody_is_named(&world, &[&paula, &peter]).await;
    firebase.keeps(&paula, false);
    world.time_passes(LATER);
    world.the_worker_drains().await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!((firebase.accounts(), keys_and_people(&world, &acme).await), (0, 0));
    assert_eq!(outcomes_of_attempts(&world).await, "done not_deleted done");
    assert_eq!(audited_as(&world, &acme, "tenant.accounts_told").await.len(), 1);
    world.ends_cleanly().await;
}

/// Weeks may pass, in which the tenant's key epochs are rotated: the uids must still open then.
#[tokio::test]
async fn a_provider_that_is_away_for_weeks_is_told_when_it_is_back() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    firebase.is_down(true);
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;
    let epoch = format!("SELECT max(epoch)::int8 FROM gateway.tenant_key WHERE tenant_id = '{}'", acme.id.uuid());
    let before = world.number(&epoch).await;

    world.time_passes(SignedDuration::from_hours(24 * 31));
    world.the_sweep_runs().await;
    world.the_worker_drains().await;
    assert!(world.number(&epoch).await > before);
    assert!(!is_erased(&world, &acme).await);
    firebase.is_down(false);
    world.time_passes(LATER);
    world.the_worker_drains().await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    let outcomes = outcomes_of_attempts(&world).await;
    assert!(outcomes.starts_with("server_failed_503 ") && outcomes.ends_with(" done"), "{outcomes}");
    nobody_is_named(&world, &[&paula]).await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_person_whose_own_request_the_erasure_has_overtaken_loses_the_account_too() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(80).await;
    world.firebase_tells(&background_event("delete", &paula.account_id, days(80))).await;
    world.the_worker_drains().await;
    assert_eq!(firebase.accounts(), 1, "disabled, and not deleted yet");

    world.days_pass(3).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    assert_eq!(accounts_told(&world, &acme).await, [(Done, 1)], "her identity and her row are one account");
    nobody_is_named(&world, &[&paula]).await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn somebody_whose_row_the_product_has_deleted_is_known_by_our_own_memory() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;
    leaves(&world, &acme, hours(0)).await;
    let by_itself = "DELETE FROM milestone.notification_delivery;
        DELETE FROM milestone.notification;
        DELETE FROM milestone.session;
        DELETE FROM milestone.portal_user";
    world.admin.batch_execute(by_itself).await.unwrap();

    world.days_pass(83).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_tenant_that_is_back_before_the_erasure_has_lost_no_account() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(82).await;
    it_is_told(&world, &acme, Installed, days(82)).await;
    world.days_pass(30).await;

    assert_eq!(own_request(&world, &acme).await.state, RequestState::Cancelled);
    assert_eq!((firebase.was_asked().len(), firebase.accounts()), (0, 1));
    assert_eq!(world.number("SELECT count(*) FROM gateway.provider_call").await, 0);
    assert!(world.may_use_the_portal(&paula).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_two_leaving_tenants_share_goes_with_the_last_of_them() {
    for days_later in [0, 20] {
        let firebase = Firebase::start().await;
        let world = World::with_emulators().await;
        let acme = acme(&world, &firebase).await;
        let globex = world.a_tenant("globex").await;
        let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
        world.the_same_portal_user(&globex, "paula", &paula.account_id).await;
        leaves(&world, &acme, hours(0)).await;
        world.days_pass(days_later).await;
        leaves(&world, &globex, days(days_later)).await;

        world.days_pass(83 - days_later).await;
        assert!(is_erased(&world, &acme).await);
        if days_later > 0 {
            assert_eq!(accounts_told(&world, &acme).await, [(Shared, 1)], "whoever is leaving may return");
            assert_eq!(firebase.accounts(), 1);
        }
        world.days_pass(days_later).await;

        assert!(is_erased(&world, &globex).await);
        assert_eq!(firebase.accounts(), 0);
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn many_people_are_noted_page_by_page_and_asked_about_a_hundred_at_a_time() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;
    let many = format!(
        "INSERT INTO milestone.portal_user
         SELECT tenant_id, gen_random_uuid(), client_id, 'uid-' || n, NULL, NULL, created_at
         FROM milestone.portal_user, generate_series(1, 1049) AS n
         WHERE firebase_uid = '{}'",
        paula.account_id
    );
    world.admin.batch_execute(&many).await.unwrap();

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(accounts_told(&world, &acme).await, [(AlreadyGone, 1_049), (Done, 1)]);
    let asked = firebase.was_asked();
    assert_eq!(asked.iter().filter(|call| call.starts_with("lookup ")).count(), 11);
    assert_eq!(world.number("SELECT count(*) FROM gateway.provider_call_attempt WHERE outcome IS NULL").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_the_product_has_added_before_a_second_plan_is_told_of_too() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    portal_user_with_account(&world, &firebase, &acme, "paula").await;
    let reader = |roles: &str| format!("ALTER POLICY one_tenant ON milestone.hours_entry TO {roles}");
    world.admin.batch_execute(&reader("gw_tenant")).await.unwrap();
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;
    assert!(own_request(&world, &acme).await.run.unwrap().phase.has_failed_verification());
    world.admin.batch_execute(&reader("PUBLIC")).await.unwrap();
    let dora = world.a_delivery_user(&acme, "dora").await;
    firebase.has_an_account(&dora, hours(-500));

    let request = own_request(&world, &acme).await.request_id;
    let parked = world.jobs_of(request).await.into_iter().find(|job| job.state == "parked").unwrap();
    replay::retry_job(&world.gateway, &world.tester, parked.job_id).await.unwrap();
    world.the_worker_drains().await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    assert_eq!(accounts_told(&world, &acme).await, [(Done, 2)]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_worker_that_has_lost_the_job_tells_nobody() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    portal_user_with_account(&world, &firebase, &acme, "paula").await;
    firebase.is_down(true);
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;
    world.time_passes(LATER);
    let claims = async || run_job::claim(&world.gateway, &[JobKind::Erasure], 1).await.unwrap().pop().expect("a job");
    let stale = claims().await;
    world.the_lease_runs_out().await;
    let fresh = claims().await;
    firebase.is_down(false);
    firebase.was_asked();

    run_job::run(&world.gateway, &stale).await.expect_err("a stale worker");
    assert_eq!(firebase.was_asked(), [""; 0]);
    run_job::run(&world.gateway, &fresh).await.unwrap();

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    world.ends_cleanly().await;
}
