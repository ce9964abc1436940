//! Provider calls: the identity provider is told what was decided here, as often as it takes, and nothing more.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::{
        interpretation::{dispatch, queue},
        registry,
    },
    domain::{crash::CRASH_POINTS, evidence::EvidenceKind, request::RequestState, run::Phase},
    signature::SecretBytes,
};
use serde_json::Value;

use crate::{
    harness::{Firebase, Person, Tenant, World, senders::background_event},
    tenant::{it_is_told, keys_and_people, own_request},
};

/// Long enough for any job to be tried again.
const LATER: SignedDuration = SignedDuration::from_hours(2);

/// Acme with its portal user Paula, whose account the identity provider has, and provider credentials.
async fn acme_with_paula(world: &World, firebase: &Firebase) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    firebase.has_an_account(&paula, hours(-500));
    let source = world.a_firebase_source(None).await;
    world.has_provider_credentials(&source, firebase).await;
    (acme, paula)
}

/// So many hours after the world's beginning.
fn hours(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

fn deleted(person: &Person, at: Timestamp) -> Value {
    background_event("delete", &person.account_id, at)
}

fn created(person: &Person, at: Timestamp) -> Value {
    background_event("create", &person.account_id, at)
}

/// `firebase_disable done 1, …`: each call, how it ended, after how many attempts.
async fn calls(world: &World) -> String {
    let sql = "SELECT string_agg(concat_ws(' ', kind, state, attempts), ', ' ORDER BY kind)
        FROM gateway.provider_call
        WHERE source_id IS NOT NULL";
    world.text(sql).await.unwrap_or_default()
}

async fn outcomes_of_attempts(world: &World) -> String {
    let sql = "SELECT string_agg(outcome, ' ' ORDER BY began_at, attempt)
        FROM gateway.provider_call_attempt
        JOIN gateway.provider_call USING (tenant_id, call_id)
        WHERE source_id IS NOT NULL";
    world.text(sql).await.unwrap_or_default()
}

#[tokio::test]
async fn access_that_is_revoked_here_is_revoked_at_the_identity_provider_and_the_erasure_deletes_the_account() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;
    let uid = &paula.account_id;
    let [lookup, disable, revoke, delete] =
        ["lookup", "disable", "revoke", "delete"].map(|what| format!("{what} {uid}"));
    assert_eq!(firebase.was_asked(), [&*lookup, &disable, &lookup, &revoke]);
    assert_eq!(calls(&world).await, "firebase_disable done 1, firebase_revoke done 1");

    world.days_pass(30).await;
    assert_eq!(firebase.was_asked(), [""; 0]);
    world.days_pass(53).await;

    assert_eq!(firebase.was_asked(), [lookup, delete]);
    assert_eq!(firebase.accounts(), 0);
    assert_eq!(calls(&world).await, "firebase_delete done 1, firebase_disable done 1, firebase_revoke done 1");
    assert_eq!(outcomes_of_attempts(&world).await, "done done done");
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    // All of it in one instant of the calendar: only the transactions tell what came first.
    let order = "SELECT string_agg(DISTINCT (told.xmin::text::bigint < later.xmin::text::bigint)::text, ' ')
        FROM gateway.audit_entry told, gateway.audit_entry later
        WHERE (told.action, later.action) IN (('provider_call.ended', 'erasure.told'), ('erasure.told', 'key.destroyed'))";
    assert_eq!(world.text(order).await.as_deref(), Some("true"));
    let told = "SELECT count(*) FROM gateway.audit_entry WHERE action IN ('provider_call.ended', 'erasure.told')";
    assert_eq!(world.number(told).await, 4);
    assert!(!world.memory_of_the_gateway().await.contains("CANARY"));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_identity_provider_that_fails_is_asked_again_and_the_key_waits_for_it() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    firebase.is_down(true);

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;
    assert_eq!(calls(&world).await, "firebase_disable pending 1, firebase_revoke pending 0");
    assert!(!world.may_use_the_portal(&paula).await, "our own side does not wait");
    firebase.is_down(false);
    world.time_passes(LATER);
    world.the_worker_drains().await;
    assert_eq!(calls(&world).await, "firebase_disable done 2, firebase_revoke done 1");

    firebase.is_down(true);
    world.days_pass(83).await;
    assert_eq!(world.request(&acme).await.phase(), Some(Phase::Verified));
    assert_eq!(world.number("SELECT count(wrapped) FROM gateway.subject_key").await, 1);
    firebase.is_down(false);
    world.time_passes(LATER);
    world.the_worker_drains().await;

    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.number("SELECT count(wrapped) FROM gateway.subject_key").await, 0);
    assert_eq!(outcomes_of_attempts(&world).await, "server_failed_503 done done server_failed_503 done");
    assert_eq!(firebase.accounts(), 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_is_gone_already_is_as_good_as_deleted() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    firebase.forgets_everybody();

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.days_pass(83).await;

    let gone = "firebase_delete already_gone 1, firebase_disable already_gone 1, firebase_revoke already_gone 1";
    assert_eq!(calls(&world).await, gone);
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_was_made_after_the_departure_is_somebody_elses_and_stays() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;
    firebase.has_an_account(&paula, hours(240));
    firebase.was_asked();
    world.days_pass(83).await;

    assert_eq!(firebase.was_asked(), [format!("lookup {}", paula.account_id)]);
    assert_eq!(firebase.accounts(), 1);
    assert!(calls(&world).await.starts_with("firebase_delete withdrawn 1"));
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

/// Its own creation may be told later than the deletion before it; nobody would enable it again.
#[tokio::test]
async fn an_account_that_another_tenants_people_use_is_left_to_the_last_of_them() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, globex) = (world.a_tenant("acme").await, world.a_tenant("globex").await);
    let paula = world.a_portal_user(&acme, "paula").await;
    world.the_same_portal_user(&globex, "paula", &paula.account_id).await;
    firebase.has_an_account(&paula, hours(-500));
    // Acme's own source: nobody tells Globex of it.
    let source = world.a_firebase_source(Some(&acme)).await;
    world.has_provider_credentials(&source, &firebase).await;

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;
    world.days_pass(84).await;

    assert_eq!(calls(&world).await, "firebase_delete shared 1, firebase_disable shared 1, firebase_revoke shared 1");
    assert_eq!(firebase.accounts(), 1);
    assert!(firebase.was_asked().iter().all(|asked| asked.starts_with("lookup ")));
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_account_that_came_back_before_access_went_off_is_not_disabled() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    firebase.has_an_account(&paula, hours(1));

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;

    assert_eq!(calls(&world).await, "firebase_disable withdrawn 1, firebase_revoke withdrawn 1");
    assert!(!firebase.was_asked().iter().any(|call| call.starts_with("disable")));
    assert_eq!(world.state_of_request(&acme).await, RequestState::Scheduled);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn credentials_that_are_replaced_are_used_by_the_next_attempt() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (_, paula) = acme_with_paula(&world, &firebase).await;
    let elsewhere = SecretBytes::new(br#"{"emulator": "http://127.0.0.1:9"}"#.to_vec());
    registry::set_provider_credentials(&world.gateway, &world.tester, "firebase", &elsewhere).await.unwrap();
    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;
    assert_eq!(outcomes_of_attempts(&world).await, "unavailable");

    world.has_provider_credentials("firebase", &firebase).await;
    world.time_passes(LATER);
    world.the_worker_drains().await;

    assert_eq!(calls(&world).await, "firebase_disable done 2, firebase_revoke done 1");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_return_withdraws_what_was_not_told_yet() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    firebase.is_down(true);
    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.time_passes(LATER);

    let back = world.receives(&world.firebase_post(created(&paula, hours(1)).to_string())).await;
    // The platform's event and then the tenant's, before any worker takes up the calls again.
    for _ in 0..2 {
        let event = queue::claim(&world.gateway, 1).await.unwrap().pop().unwrap();
        dispatch::interpret(world.gateway.polling(), &event).await.unwrap();
    }
    firebase.is_down(false);
    firebase.was_asked();
    for _ in 0..3 {
        world.the_worker_drains().await;
        world.time_passes(LATER);
    }

    let outcomes = "SELECT string_agg(outcome_reason, ' ' ORDER BY received_at, outcome_reason) FROM gateway.event";
    assert!(back.event_id.is_some());
    assert_eq!(
        world.text(outcomes).await.unwrap(),
        "offboarding_started routed_to_tenants offboarding_cancelled routed_to_tenants"
    );
    assert_eq!(calls(&world).await, "firebase_disable withdrawn 1, firebase_revoke withdrawn 0");
    assert_eq!(firebase.was_asked(), [""; 0]);
    assert_eq!(world.state_of_request(&acme).await, RequestState::Cancelled);
    assert!(world.may_use_the_portal(&paula).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn without_the_development_switch_no_emulator_is_called() {
    let firebase = Firebase::start().await;
    let world = World::new().await;
    let (_, paula) = acme_with_paula(&world, &firebase).await;

    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.the_worker_drains().await;

    assert_eq!(firebase.was_asked(), [""; 0]);
    assert_eq!(outcomes_of_attempts(&world).await, "not_sendable");
    assert_eq!(world.number("SELECT count(*) FROM gateway.job WHERE state = 'parked'").await, 1);
    world.ends_with_work_left();
}

/// The whole tenant is erased while the identity provider has not been told of Paula, whose request its fence ends.
#[tokio::test]
async fn the_erasure_of_a_tenant_tells_what_was_not_told_yet_before_the_keys_go() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    it_is_told(&world, &acme, EvidenceKind::Uninstalled, hours(0)).await;
    world.days_pass(82).await;
    firebase.is_down(true);
    world.firebase_tells(&deleted(&paula, hours(24 * 82))).await;
    world.the_worker_drains().await;
    assert_eq!(calls(&world).await, "firebase_disable pending 1, firebase_revoke pending 0");

    world.days_pass(1).await;
    assert_eq!(own_request(&world, &acme).await.phase(), Some(Phase::Verified), "it waits for the identity provider");
    assert!(keys_and_people(&world, &acme).await > 0);
    let waits = "SELECT max(failure_reason) FROM gateway.job WHERE kind = 'erasure' AND state = 'pending'";
    let reason = world.text(waits).await.unwrap();
    assert!(reason.starts_with("provider_calls_"), "{reason}");

    firebase.is_down(false);
    firebase.was_asked();
    world.time_passes(LATER);
    world.the_worker_drains().await;
    assert_eq!(own_request(&world, &acme).await.state, RequestState::Completed);
    assert!(firebase.was_asked().contains(&format!("disable {}", paula.account_id)));
    let told = calls(&world).await;
    assert!(told.starts_with("firebase_disable done ") && told.ends_with("firebase_revoke done 1"), "{told}");
    assert_eq!(keys_and_people(&world, &acme).await, 0);
    world.ends_cleanly().await;
}

/// Paula's own erasure is verified, and her account not deleted yet, when the whole tenant's comes to its keys.
#[tokio::test]
async fn the_erasure_of_a_tenant_waits_for_a_person_whose_account_is_not_deleted_yet() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let (acme, paula) = acme_with_paula(&world, &firebase).await;
    world.firebase_tells(&deleted(&paula, hours(0))).await;
    world.time_passes(SignedDuration::from_hours(1));
    it_is_told(&world, &acme, EvidenceKind::Uninstalled, hours(1)).await;
    world.days_pass(82).await;
    firebase.is_down(true);
    world.time_passes(SignedDuration::from_hours(23));
    world.the_worker_drains().await;
    world.time_passes(LATER);
    world.the_worker_drains().await;

    let states = || async {
        let requests = world.requests(&acme).await;
        requests.iter().map(|request| request.state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [RequestState::Running, RequestState::Running]);
    assert!(world.requests(&acme).await.iter().all(|request| request.phase() == Some(Phase::Verified)));
    assert_eq!((firebase.accounts(), world.number("SELECT count(*) FROM gateway.receipt").await), (1, 0));
    assert!(keys_and_people(&world, &acme).await > 0);
    firebase.is_down(false);
    for _ in 0..3 {
        world.time_passes(LATER);
        world.the_worker_drains().await;
    }

    assert_eq!(states().await, [RequestState::Completed, RequestState::Completed]);
    assert_eq!((firebase.accounts(), world.number("SELECT count(*) FROM gateway.receipt").await), (0, 2));
    // Her own erasure and the tenant's may ask at the same moment; then one of them finds the account gone already.
    let told = calls(&world).await;
    let is_told = ["firebase_delete done ", "firebase_delete already_gone "].iter().any(|word| told.starts_with(word));
    assert!(is_told, "{told}");
    assert_eq!(keys_and_people(&world, &acme).await, 0);
    world.ends_cleanly().await;
}

/// All that must be the same whether or not something died on the way. A call whose answer was lost is made again, and then
/// the account may be gone already.
#[derive(Debug, PartialEq, Eq)]
struct End {
    product: Vec<(String, String)>,
    state: RequestState,
    audited: Vec<String>,
    told: Option<String>,
    accounts: usize,
    receipts: i64,
}

async fn the_story_of(world: &World, firebase: &Firebase) -> End {
    let (acme, paula) = acme_with_paula(world, firebase).await;
    world.receives(&world.firebase_post(deleted(&paula, hours(0)).to_string())).await;
    for days in [0, 30, 53] {
        world.time_passes(SignedDuration::from_hours(24 * days));
        for _ in 0..4 {
            world.the_worker_drains().await;
            world.the_lease_runs_out().await;
            world.time_passes(SignedDuration::from_mins(15));
        }
    }
    let mut audited = world.audited(acme.id).await;
    audited.sort();
    let told = "SELECT string_agg(kind || CASE WHEN state IN ('done', 'already_gone') THEN ' told' ELSE state END, ', '
            ORDER BY kind)
        FROM gateway.provider_call
        WHERE source_id IS NOT NULL";
    End {
        product: world.product_rows().await,
        state: world.state_of_request(&acme).await,
        audited,
        told: world.text(told).await,
        accounts: firebase.accounts(),
        receipts: world.number("SELECT count(*) FROM gateway.receipt").await,
    }
}

#[tokio::test]
async fn a_crash_around_any_call_ends_as_if_nothing_had_happened() {
    let firebase = Firebase::start().await;
    let calm = World::with_emulators().await;
    let expected = the_story_of(&calm, &firebase).await;
    calm.ends_cleanly().await;
    assert_eq!((expected.state, expected.accounts, expected.receipts), (RequestState::Completed, 0, 1));
    assert_eq!(expected.told.as_deref(), Some("firebase_delete told, firebase_disable told, firebase_revoke told"));

    for point in CRASH_POINTS.iter().copied().filter(|point| point.contains("call")) {
        let visits = if point.starts_with("provider_call.") { 3 } else { 1 };
        for visit in 1..=visits {
            let firebase = Firebase::start().await;
            let world = World::with_emulators().await;
            world.crash.arm(point, visit);

            let end = the_story_of(&world, &firebase).await;

            assert!(!world.crash.is_armed(point), "{point} is never reached {visit} times");
            assert_eq!(end, expected, "after a crash at visit {visit} of {point}");
            world.ends_cleanly().await;
        }
    }
}
