//! Which project an account is of, and whose credentials reach it.

use milestone_gateway::testing::{
    app::{accounts::give_up, registry, support::replay},
    domain::{provider_call::CallState::*, run::Phase},
    signature::SecretBytes,
};

use super::{LATER, accounts_told, acme, audited_as, is_erased, leaves, portal_user_with_account};
use crate::{
    harness::{
        Firebase, World,
        senders::{PROJECT, background_event},
    },
    tenant::{days, hours, keys_and_people, own_request},
};

/// A second project, with credentials of its own.
const OTHER_PROJECT: &str = "demo-other";

#[tokio::test]
async fn of_several_projects_an_account_goes_where_only_one_has_it_or_where_its_own_events_came_from() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let other = world.a_cloudevents_source_of(OTHER_PROJECT, None).await;
    world.has_provider_credentials(&other, &firebase).await;
    portal_user_with_account(&world, &firebase, &acme, "here").await;
    let there = world.a_portal_user(&acme, "there").await;
    let both = portal_user_with_account(&world, &firebase, &acme, "both").await;
    let named = portal_user_with_account(&world, &firebase, &acme, "named").await;
    for person in [&there, &both, &named] {
        firebase.has_an_account_in(OTHER_PROJECT, person, hours(-500));
    }
    world.a_portal_user(&acme, "nowhere").await;
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(82).await;
    world.firebase_tells(&background_event("delete", &named.account_id, days(82))).await;
    world.the_worker_drains().await;

    world.days_pass(1).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.uids_in(PROJECT), [&*both.account_id]);
    assert_eq!(firebase.uids_in(OTHER_PROJECT), [&*both.account_id, &named.account_id]);
    assert_eq!(accounts_told(&world, &acme).await, [(AlreadyGone, 1), (Ambiguous, 1), (Done, 3)]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn while_one_project_cannot_be_looked_into_nobody_says_where_an_account_is() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    // Somebody has registered it, and nobody has given us credentials for it.
    world.a_cloudevents_source_of(OTHER_PROJECT, None).await;
    let paula = portal_user_with_account(&world, &firebase, &acme, "paula").await;

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(84).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(accounts_told(&world, &acme).await, [(Unreachable, 1)]);
    assert_eq!(firebase.uids_in(PROJECT), [paula.account_id]);
    assert_eq!(firebase.was_asked(), [""; 0]);
    world.ends_cleanly().await;
}

/// Its events have named a project for which nobody has given us credentials: it must not be looked for in another one.
#[tokio::test]
async fn an_account_of_a_project_that_cannot_be_reached_stays_and_is_counted() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = world.a_tenant("acme").await;
    world.a_firebase_source(None).await;
    let other = world.a_cloudevents_source_of(OTHER_PROJECT, None).await;
    world.has_provider_credentials(&other, &firebase).await;
    let paula = world.a_portal_user(&acme, "paula").await;
    firebase.has_an_account_in(OTHER_PROJECT, &paula, hours(-500));
    world.firebase_tells(&background_event("delete", &paula.account_id, hours(0))).await;
    leaves(&world, &acme, hours(0)).await;

    world.days_pass(83).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!((firebase.was_asked().len(), firebase.accounts()), (0, 1));
    assert_eq!(accounts_told(&world, &acme).await, [(Unreachable, 1)]);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn without_credentials_of_their_own_nobody_is_told_and_the_erasure_goes_on() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = world.a_tenant("acme").await;
    let globex = world.a_tenant("globex").await;
    // Another tenant's credentials for the very same project are not ours to use.
    let source = world.a_firebase_source(Some(&globex)).await;
    world.has_provider_credentials(&source, &firebase).await;
    portal_user_with_account(&world, &firebase, &acme, "paula").await;

    leaves(&world, &acme, hours(0)).await;
    world.days_pass(83).await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!((firebase.was_asked().len(), firebase.accounts()), (0, 1));
    assert_eq!(accounts_told(&world, &acme).await, []);
    let collected = audited_as(&world, &acme, "tenant.accounts_collected").await;
    assert_eq!(collected, [r#"accounts 0, credentials "none""#]);
    assert_eq!(keys_and_people(&world, &acme).await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_project_that_is_away_keeps_no_account_of_another_from_its_turn() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    let other = world.a_cloudevents_source_of(OTHER_PROJECT, None).await;
    let nowhere = SecretBytes::new(br#"{"emulator": "http://127.0.0.1:9"}"#.to_vec());
    registry::set_provider_credentials(&world.gateway, &world.tester, &other, &nowhere).await.unwrap();
    let named = portal_user_with_account(&world, &firebase, &acme, "named").await;
    let anywhere = portal_user_with_account(&world, &firebase, &acme, "anywhere").await;
    leaves(&world, &acme, hours(0)).await;
    world.days_pass(82).await;
    world.firebase_tells(&background_event("delete", &named.account_id, days(82))).await;
    world.the_worker_drains().await;

    world.days_pass(1).await;

    assert_eq!(own_request(&world, &acme).await.phase(), Some(Phase::Verified));
    assert_eq!(firebase.uids_in(PROJECT), [&*anywhere.account_id], "it may be in the project that is away");
    assert_eq!(accounts_told(&world, &acme).await, [(Done, 1), (Pending, 1)]);
    world.has_provider_credentials(&other, &firebase).await;
    world.time_passes(LATER);
    world.the_worker_drains().await;

    assert!(is_erased(&world, &acme).await);
    assert_eq!(firebase.accounts(), 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_project_that_lets_us_in_no_longer_waits_for_a_person_who_may_give_it_up() {
    let firebase = Firebase::start().await;
    let world = World::with_emulators().await;
    let acme = acme(&world, &firebase).await;
    portal_user_with_account(&world, &firebase, &acme, "paula").await;
    leaves(&world, &acme, hours(0)).await;
    firebase.lets_nobody_in(true);

    world.days_pass(83).await;
    let request = own_request(&world, &acme).await;
    assert_eq!(request.phase(), Some(Phase::Verified));
    let parked = || async {
        let jobs = world.jobs_of(request.request_id).await;
        jobs.into_iter().find(|job| job.kind == "erasure" && job.state == "parked")
    };
    let job = parked().await.expect("a parked job");
    assert!(keys_and_people(&world, &acme).await > 0, "whoever could be told must stay known");

    let who = (acme.id, request.request_id);
    assert_eq!(give_up::preview_give_up(&world.gateway, who.0, who.1).await.unwrap(), 1);
    assert_eq!(accounts_told(&world, &acme).await, [(Pending, 1)]);
    let given_up = give_up::give_up(&world.gateway, &world.tester, "sup-1042", who.0, who.1).await.unwrap();
    replay::retry_job(&world.gateway, &world.tester, job.job_id).await.unwrap();
    world.the_worker_drains().await;

    assert_eq!(given_up, 1);
    assert!(is_erased(&world, &acme).await);
    assert_eq!(accounts_told(&world, &acme).await, [(Unreachable, 1)]);
    assert_eq!(audited_as(&world, &acme, "provider_calls.given_up").await, [r#"calls 1, reason "sup-1042""#]);
    assert_eq!(keys_and_people(&world, &acme).await, 0);
    world.ends_cleanly().await;
}
