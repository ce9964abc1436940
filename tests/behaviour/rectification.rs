//! Corrections: what Atlassian says of an account replaces what the product has copied of it, and nothing else.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::domain::{SourceKind, evidence::EvidenceKind::*, request::RequestState};
use serde_json::{Value, json};

use crate::{
    harness::{
        Answered, Asked, Cloud, Person, Tenant, World, answered, drain, empty, user_created, user_deleted, user_updated,
    },
    tenant::it_is_told,
};

/// Columns that hold a copy of a team member's name or address.
const COPIES: [(&str, &str); 4] = [
    ("team_member.display_name", "member_id"),
    ("team_member.email", "member_id"),
    ("service_request.assignee_name", "assignee_id"),
    ("message.member_name", "member_id"),
];

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

/// The update that says what the account is called, and whether it can be used.
fn updated(person: &Person, at: Timestamp, name: &str, is_active: bool) -> Value {
    let mut body = user_updated(person, at);
    body["user"]["displayName"] = json!(name);
    body["user"]["active"] = json!(is_active);
    body
}

/// What each column says of the person: every value that stands there, once.
async fn copies_of(world: &World, person: &Person) -> Vec<(&'static str, String)> {
    let mut copies = Vec::new();
    for (path, by) in COPIES {
        let (table, column) = path.split_once('.').unwrap();
        let sql = format!(
            "SELECT string_agg(DISTINCT coalesce({column}, '(nothing)'), ', ') FROM milestone.{table}
             WHERE tenant_id = '{}' AND {by} = '{}'",
            person.tenant_key, person.row_id
        );
        copies.push((path, world.text(&sql).await.unwrap()));
    }
    copies
}

fn called(name: &str, email: &str) -> Vec<(&'static str, String)> {
    let value = |path: &str| if path.ends_with("email") { email } else { name };
    COPIES.iter().map(|(path, _)| (*path, value(path).to_owned())).collect()
}

/// The product without what is said of this person in those columns.
async fn everything_else(world: &World, person: &Person) -> Vec<(String, String)> {
    let mut rows = world.product_rows().await;
    rows.retain(|(_, row)| !row.contains(&person.row_id));
    rows
}

#[tokio::test]
async fn a_name_that_was_changed_in_jira_is_changed_everywhere_in_the_product() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let pia = world.a_portal_user(&acme, "pia").await;
    world.a_team_member(&acme, "bob", &pia).await;
    let others = everything_else(&world, &ann).await;

    let accepted = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(accepted).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    assert_eq!(everything_else(&world, &ann).await, others);
    assert!(world.may_sign_in(&ann).await);
    assert!(world.audited(acme.id).await.contains(&"profile.rectified".to_owned()));
    let kept = world.memory_of_the_gateway().await;
    assert!(!kept.contains("Newname") && !kept.contains(&hex::encode("Newname")), "a name stands in the clear");
    assert_eq!(world.requests(&acme).await.len(), 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn however_many_copies_there_are_all_are_corrected() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let many = "INSERT INTO milestone.message
            (tenant_id, message_id, request_id, member_id, member_name, sent_by, body, sent_at)
        SELECT m.tenant_id, md5(n::text)::uuid, m.request_id, m.member_id, m.member_name, 'member', 'On my way', m.sent_at
        FROM (SELECT * FROM milestone.message WHERE portal_user_id IS NULL) AS m, generate_series(1, 2500) AS n";
    assert_eq!(world.admin.execute(many, &[]).await.unwrap(), 2500);

    world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;
    world.the_worker_drains().await;

    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    let counted = "SELECT (entry::jsonb #>> '{detail,rows,count}')::bigint
        FROM gateway.audit_entry WHERE action = 'profile.rectified'";
    assert_eq!(world.number(counted).await, 2504);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_is_older_by_the_source_changes_nothing_however_late_or_often_it_comes() {
    let mut world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    let newer = updated(&ann, now, "Ann Second", true);
    world.jira_sends(&acme, &newer).await;
    world.the_worker_drains().await;
    // By whichever digest key it was remembered.
    world.restarts_with_another_digest_key();

    let older = world.jira_sends(&acme, &updated(&ann, now - minutes(5), "Ann First", false)).await;
    let again = world.jira_sends(&acme, &newer).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(older).await, "ignored: stale_version");
    assert_eq!(world.outcome_of(again).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Second", &ann.email));
    assert!(world.may_sign_in(&ann).await);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 1);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_deactivated_account_loses_access_until_it_is_activated_or_made_again() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let sessions = "SELECT count(*) FROM milestone.session WHERE member_id IS NOT NULL";
    let now = world.gateway.now();
    let comebacks = [updated(&ann, now + minutes(2), "Ann", true), user_created(&ann, now + minutes(4))];
    for (turn, comeback) in (0..).zip(&comebacks) {
        let at = now + minutes(2 * turn + 1);
        world.time_passes(minutes(2 * turn + 2));

        world.jira_sends(&acme, &updated(&ann, at, "Ann", false)).await;
        world.the_worker_drains().await;
        assert!(!world.may_sign_in(&ann).await);
        assert_eq!(world.number(sessions).await, 0);
        assert_eq!(world.requests(&acme).await.len(), 0, "nobody is on the way out");

        world.jira_sends(&acme, comeback).await;
        world.the_worker_drains().await;
        assert!(world.may_sign_in(&ann).await, "turn {turn}");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_restriction_that_the_product_has_set_itself_outlives_an_activation() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let restrict = "UPDATE milestone.team_member SET restricted_at = '2026-01-03T00:00:00Z'";
    world.admin.execute(restrict, &[]).await.unwrap();
    let now = world.gateway.now();

    world.jira_sends(&acme, &updated(&ann, now, "Ann", false)).await;
    world.time_passes(minutes(5));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", true)).await;
    world.the_worker_drains().await;

    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_row_that_the_product_writes_at_that_moment_is_corrected_too() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let mut product = world.database.admin().await;
    let writing = product.transaction().await.unwrap();
    writing.execute("UPDATE milestone.message SET body = body || '!'", &[]).await.unwrap();
    world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", true)).await;

    let gateway = world.gateway.clone();
    let correcting = tokio::spawn(async move { drain(&gateway).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%message%'";
    while world.number(waits).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    writing.commit().await.unwrap();
    correcting.await.unwrap();

    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_customer_who_leaves_and_returns_lets_nobody_in_whose_account_is_deactivated() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    it_is_told(&world, &acme, Uninstalled, now).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    world.time_passes(minutes(10));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", false)).await;
    world.the_worker_drains().await;
    it_is_told(&world, &acme, Installed, now + minutes(5)).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await, "deactivated while the customer was away");

    world.jira_sends(&acme, &updated(&ann, now + minutes(6), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_activation_lets_nobody_in_while_the_whole_customer_is_leaving() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now - minutes(9), "Ann", false)).await;
    world.the_worker_drains().await;
    it_is_told(&world, &acme, Uninstalled, now).await;
    world.the_worker_drains().await;

    world.time_passes(minutes(10));
    world.jira_sends(&acme, &updated(&ann, now + minutes(1), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);

    it_is_told(&world, &acme, Installed, now + minutes(5)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_return_that_is_older_than_a_deactivation_lets_nobody_in() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &user_deleted(&ann, now)).await;
    world.the_worker_drains().await;
    world.time_passes(minutes(10));

    world.jira_sends(&acme, &updated(&ann, now + minutes(4), "Ann", false)).await;
    world.jira_sends(&acme, &user_created(&ann, now + minutes(2))).await;
    world.the_worker_drains().await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Cancelled);
    assert!(!world.may_sign_in(&ann).await);

    world.jira_sends(&acme, &updated(&ann, now + minutes(6), "Ann", true)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_activation_gives_no_access_back_to_whoever_is_leaving() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now - minutes(9), "Ann", false)).await;
    world.jira_sends(&acme, &user_deleted(&ann, now - minutes(5))).await;
    world.the_worker_drains().await;

    // Both are older than the departure, so she stays on her way out.
    for late in [user_created(&ann, now - minutes(7)), updated(&ann, now - minutes(6), "Ann", true)] {
        world.jira_sends(&acme, &late).await;
        world.the_worker_drains().await;
        assert!(!world.may_sign_in(&ann).await);
    }

    world.time_passes(minutes(1));
    world.jira_sends(&acme, &user_created(&ann, now)).await;
    world.the_worker_drains().await;
    assert!(world.may_sign_in(&ann).await, "she is back");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_was_told_of_somebody_goes_with_them_and_brings_nobody_back() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let now = world.gateway.now();
    world.jira_sends(&acme, &updated(&ann, now, "Ann", false)).await;
    world.jira_sends(&acme, &user_deleted(&ann, now)).await;
    world.the_worker_drains().await;
    world.days_pass(84).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 0);
    let gone = world.product_rows().await;

    let late = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(late).await, "ignored: fenced");
    assert_eq!(world.product_rows().await, gone);
    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.profile").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn somebody_whom_the_product_does_not_know_leaves_no_trace() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let stranger = Person { account_id: "712020:00000000-0000-4000-8000-0000000000ff".to_owned(), ..ann };

    let accepted = world.jira_sends(&acme, &updated(&stranger, world.gateway.now(), "Canary", true)).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(accepted).await, "ignored: nobody_known");
    let subjects =
        "SELECT (SELECT count(*) FROM gateway.data_subject) + (SELECT count(*) FROM milestone_gateway.profile)";
    assert_eq!(world.number(subjects).await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_crash_after_the_correction_corrects_once() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.crash.arm("rectify.after_target", 1);

    let accepted = world.jira_sends(&acme, &updated(&ann, world.gateway.now(), "Ann Newname", false)).await;
    for _ in 0..3 {
        world.the_lease_runs_out().await;
        world.time_passes(minutes(15));
        world.the_worker_drains().await;
    }

    assert!(!world.crash.is_armed("rectify.after_target"));
    assert_eq!(world.outcome_of(accepted).await, "applied: rectified");
    assert_eq!(copies_of(&world, &ann).await, called("Ann Newname", &ann.email));
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}

/// Atlassian as two customers' sites and the reporting API: Ann's data has changed.
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
    let cloud = Cloud::that(move |asked: &Asked| match asked.path.as_str() {
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
async fn an_account_whose_data_has_changed_is_asked_about_at_the_customers_site() {
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
    let since = |asked: &Asked| asked.body["accounts"][0]["updatedAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
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
