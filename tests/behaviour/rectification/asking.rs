//! What Atlassian's report says has changed is asked for at the tenant's own site.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::domain::SourceKind;
use serde_json::json;

use super::{acme_with_ann, called, copies_of, minutes, updated};
use crate::harness::{Answered, Cloud, Person, ReceivedCall, Tenant, World, answered, empty, user_created};

/// Atlassian as a tenant's site and the reporting API: Ann's data has changed.
struct Atlassian {
    world: World,
    acme: Tenant,
    ann: Person,
    /// What Acme's site answers about an account.
    site: Arc<Mutex<Answered>>,
    cloud: Cloud,
}

async fn atlassian_says_that_ann_has_changed() -> Atlassian {
    let world = World::with_emulators().await;
    // A real clock is finer than what a database remembers.
    world.time_passes(SignedDuration::from_nanos(123_456_789));
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    let (site, account) = (Arc::new(Mutex::new(empty(503))), ann.account_id.clone());
    let behaviour = Arc::clone(&site);
    let cloud = Cloud::that(move |asked: &ReceivedCall| match asked.path.as_str() {
        "/app/report-accounts/" => answered(200, json!({"accounts": [{"accountId": account, "status": "updated"}]})),
        path if path.starts_with("/rest/api/3/user?accountId=") => behaviour.lock().unwrap().clone(),
        _ => empty(404),
    })
    .await;
    let reporting = world.a_platform_source("reporting", SourceKind::AtlassianReport, json!({})).await;
    world.asks(reporting, &cloud).await;
    Atlassian { world, acme, ann, site, cloud }
}

impl Atlassian {
    fn the_site_says(&self, answer: Answered) {
        *self.site.lock().unwrap() = answer;
    }

    async fn is_asked_and_worked_on(&self) {
        self.world.everything_is_asked().await;
        self.world.the_worker_drains().await;
    }

    fn times_the_site_was_asked(&self) -> usize {
        self.cloud.asked_of("/rest/api/3/user").len()
    }
}

#[tokio::test]
async fn an_account_whose_data_has_changed_is_asked_about_at_the_tenants_site() {
    let told = atlassian_says_that_ann_has_changed().await;
    let Atlassian { world, acme, ann, .. } = &told;
    world.asks(&acme.source, &told.cloud).await;
    world.time_passes(minutes(60));
    told.the_site_says(answered(
        200,
        json!({"accountId": ann.account_id, "displayName": "Ann Newname", "emailAddress": "new@example.invalid",
               "active": true}),
    ));

    told.is_asked_and_worked_on().await;

    assert_eq!(copies_of(world, ann).await, called("Ann Newname", "new@example.invalid"));
    assert_eq!(told.times_the_site_was_asked(), 1);
    assert_eq!(told.cloud.asked_of("/rest/api/3/user")[0].authorization, "Bearer a-token");
    assert_eq!(world.requests(acme).await.len(), 0);

    // What was asked for again is reported as of then: Atlassian tells what has changed since.
    world.time_passes(SignedDuration::from_hours(24 * 8));
    told.is_asked_and_worked_on().await;
    let since =
        |asked: &ReceivedCall| asked.body["accounts"][0]["updatedAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let reports: Vec<Timestamp> = told.cloud.asked_of("/app/report-accounts/").iter().map(since).collect();
    assert_eq!(reports.len(), 2);
    assert!(reports[1] > reports[0], "{reports:?}");
    told.world.ends_cleanly().await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_or_nobody_knows_the_account_its_copies_are_emptied() {
    for (has_credentials, answer) in
        [(false, empty(503)), (true, empty(401)), (true, answered(404, json!({"errorMessages": []})))]
    {
        let told = atlassian_says_that_ann_has_changed().await;
        let Atlassian { world, acme, ann, .. } = &told;
        if has_credentials {
            world.asks(&acme.source, &told.cloud).await;
        }
        told.the_site_says(answer);
        let before = world.gateway.now() - minutes(1);

        told.is_asked_and_worked_on().await;

        assert_eq!(copies_of(world, ann).await, called("(nothing)", "(nothing)"));
        assert_eq!(told.times_the_site_was_asked(), usize::from(has_credentials));
        assert!(world.may_sign_in(ann).await);
        // A name that was told before and arrives now is more than nothing.
        world.jira_sends(acme, &updated(ann, before, "Ann Newname", true)).await;
        world.the_worker_drains().await;
        assert_eq!(copies_of(world, ann).await, called("Ann Newname", "(nothing)"));
        told.world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn while_the_site_or_the_directory_behind_it_is_away_the_correction_waits() {
    let fallback = json!({"accountId": "0", "displayName": "Former user"});
    for away in [empty(503), answered(200, fallback), answered(404, json!("a page")), empty(302)] {
        let told = atlassian_says_that_ann_has_changed().await;
        let Atlassian { world, acme, ann, .. } = &told;
        world.asks(&acme.source, &told.cloud).await;
        told.the_site_says(away);
        let before = copies_of(world, ann).await;
        told.is_asked_and_worked_on().await;
        assert_eq!(copies_of(world, ann).await, before);

        told.the_site_says(answered(200, json!({"accountId": ann.account_id, "displayName": "Ann Newname"})));
        world.time_passes(minutes(20));
        world.the_worker_drains().await;

        assert_eq!(copies_of(world, ann).await, called("Ann Newname", "(nothing)"));
        told.world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn a_site_that_stays_away_for_a_day_leaves_the_copies_empty() {
    let told = atlassian_says_that_ann_has_changed().await;
    let Atlassian { world, acme, ann, .. } = &told;
    world.asks(&acme.source, &told.cloud).await;
    told.is_asked_and_worked_on().await;
    for _ in 0..23 {
        world.time_passes(minutes(60));
        world.the_worker_drains().await;
    }
    assert_eq!(copies_of(world, ann).await, called(&ann.display_name, &ann.email));

    world.time_passes(minutes(90));
    world.the_worker_drains().await;

    assert_eq!(copies_of(world, ann).await, called("(nothing)", "(nothing)"));
    told.world.ends_cleanly().await;
}
