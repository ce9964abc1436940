//! Nobody comes back: after an erasure everything older than an explicit return is refused, or applied without the person.

use jiff::{SignedDuration, Timestamp};
use milestone_gateway::testing::{
    app::support::replay,
    domain::{EventId, request::RequestState},
    store::event::EventFilter,
};

use crate::harness::{Person, Tenant, World, issue_of, user_created, user_deleted, user_updated, worklog};

fn days(count: i64) -> Timestamp {
    crate::harness::BEGINNING.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * count)
}

/// Ann was seen, has worked, has left and is erased; 85 days have gone.
async fn an_erased_person(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.jira_sends(&acme, &user_created(&ann, days(-1))).await;
    world.jira_sends(&acme, &worklog(&ann, "900", &issue_of(&ann), 1, days(-1))).await;
    world.the_worker_drains().await;
    world.jira_sends(&acme, &user_deleted(&ann, days(0))).await;
    world.days_pass(85).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    (acme, ann)
}

async fn the_author_of(world: &World, worklog: &str) -> Option<String> {
    world.text(&format!("SELECT author_account_id FROM milestone.hours_entry WHERE worklog_id = '{worklog}'")).await
}

async fn the_fence_stands(world: &World) -> bool {
    world.number("SELECT count(*) FROM gateway.fence WHERE returned_at IS NULL").await > 0
        && world.number("SELECT count(*) FROM milestone_gateway.fence WHERE returned_at IS NULL").await > 0
}

#[tokio::test]
async fn what_is_older_than_the_erasure_is_refused_however_it_comes() {
    let world = World::new().await;
    let (acme, ann) = an_erased_person(&world).await;
    assert!(the_fence_stands(&world).await);

    for signal in [
        user_created(&ann, days(-1)),
        user_created(&ann, days(0)),
        user_updated(&ann, days(84)),
        user_deleted(&ann, days(84)),
        serde_json::json!({"webhookEvent": "user_created", "user": {"accountId": ann.account_id}}),
    ] {
        let refused = world.jira_sends(&acme, &signal).await;
        world.the_worker_drains().await;
        assert_eq!(world.outcome_of(refused).await, "ignored: fenced", "{signal}");
    }

    assert_eq!(world.rows_about(&ann).await, [].into());
    assert_eq!(world.number("SELECT count(*) FROM gateway.identity").await, 0);
    assert!(the_fence_stands(&world).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn replayed_events_of_an_erased_person_resurrect_nothing() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    // Told late, so that the raw bodies are still kept when the person is erased.
    world.time_passes(SignedDuration::from_hours(24));
    world.jira_sends(&acme, &user_deleted(&ann, days(1))).await;
    world.days_pass(80).await;
    let hours = world.jira_sends(&acme, &worklog(&ann, "900", &issue_of(&ann), 1, days(80))).await;
    world.jira_sends(&acme, &user_updated(&ann, days(80))).await;
    // Before the erasure is due: hours that meet a beginning erasure are given back, and this calendar stands still.
    world.the_worker_drains().await;
    world.days_pass(5).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    let before = world.product_rows().await;

    let everything = EventFilter { tenant_id: Some(acme.id), ..EventFilter::default() };
    let preview = replay::preview(&world.gateway, &everything).await.unwrap();
    let replayed = replay::execute(&world.gateway, &world.tester, "sup-1042", &everything).await.unwrap();
    world.the_worker_drains().await;

    assert_eq!((preview.matching, replayed.len()), (3, 3));
    let outcome = async |id: EventId| world.event(id).await.outcome_reason.unwrap();
    for (original, again) in &replayed {
        let reason = outcome(*again).await;
        let is_hours = Some(*original) == hours.event_id;
        assert!(if is_hours { reason == "stale_version" } else { reason == "fenced" }, "{reason}");
        assert_eq!(world.event(*again).await.replay_of, Some(*original));
    }
    assert_eq!(world.product_rows().await, before);
    assert_eq!(world.audited(acme.id).await.iter().filter(|action| *action == "event.replayed").count(), 3);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn late_hours_of_an_erased_person_count_for_the_bill_without_the_person() {
    let world = World::new().await;
    let (acme, ann) = an_erased_person(&world).await;
    assert!(the_author_of(&world, "900").await.is_some_and(|author| author.starts_with("erased-")));

    let late = world.jira_sends(&acme, &worklog(&ann, "901", &issue_of(&ann), 2, days(10))).await;
    let changed = world.jira_sends(&acme, &worklog(&ann, "900", &issue_of(&ann), 3, days(11))).await;
    world.the_worker_drains().await;

    for applied in [late, changed] {
        assert_eq!(world.outcome_of(applied).await, "applied: hours_recorded_without_person");
    }
    let seconds = "SELECT sum(seconds)::bigint FROM milestone.hours_entry WHERE worklog_id IN ('900', '901')";
    assert_eq!(world.number(seconds).await, 5 * 1_800);
    assert_eq!(world.rows_about(&ann).await, [].into());
    assert_eq!(the_author_of(&world, "901").await, None);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_explicit_later_creation_opens_a_new_generation_and_nothing_older_passes_it() {
    let world = World::new().await;
    let (acme, ann) = an_erased_person(&world).await;

    let back = world.jira_sends(&acme, &user_created(&ann, days(85))).await;
    world.the_worker_drains().await;
    let new_hours = world.jira_sends(&acme, &worklog(&ann, "902", &issue_of(&ann), 1, days(85))).await;
    let old_hours = world.jira_sends(&acme, &worklog(&ann, "903", &issue_of(&ann), 1, days(84))).await;
    let old_signal = world.jira_sends(&acme, &user_deleted(&ann, days(84))).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(back).await, "applied: presence_recorded");
    assert_eq!(world.outcome_of(new_hours).await, "applied: hours_recorded");
    assert_eq!(the_author_of(&world, "902").await.as_ref(), Some(&ann.account_id));
    assert_eq!(world.outcome_of(old_hours).await, "applied: hours_recorded_without_person");
    assert_eq!(the_author_of(&world, "903").await, None);
    assert_eq!(world.outcome_of(old_signal).await, "ignored: fenced");
    let generations = "SELECT string_agg(generation || ':' || (erased_at IS NOT NULL), ' ' ORDER BY generation) FROM gateway.data_subject";
    assert_eq!(world.text(generations).await.as_deref(), Some("1:true 2:false"));

    // And the second generation can leave like the first.
    world.time_passes(SignedDuration::from_hours(48));
    world.jira_sends(&acme, &user_deleted(&ann, days(86))).await;
    world.days_pass(83).await;
    assert_eq!(world.requests(&acme).await.len(), 2);
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    let late = world.jira_sends(&acme, &worklog(&ann, "904", &issue_of(&ann), 1, days(85))).await;
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(late).await, "applied: hours_recorded_without_person");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn two_returns_in_either_order_open_the_fence_at_the_earlier_one() {
    for order in [[86, 87], [87, 86]] {
        let world = World::new().await;
        let (acme, ann) = an_erased_person(&world).await;
        world.time_passes(SignedDuration::from_hours(96));

        for day in order {
            world.jira_sends(&acme, &user_created(&ann, days(day))).await;
            world.the_worker_drains().await;
        }
        let between = days(86) + SignedDuration::from_hours(12);
        let hours = world.jira_sends(&acme, &worklog(&ann, "905", &issue_of(&ann), 1, between)).await;
        world.the_worker_drains().await;

        assert_eq!(world.outcome_of(hours).await, "applied: hours_recorded", "{order:?}");
        let returned = "SELECT count(DISTINCT returned_at) FROM
            (SELECT returned_at FROM gateway.fence UNION ALL SELECT returned_at FROM milestone_gateway.fence) AS f";
        assert_eq!(world.number(returned).await, 1, "both sides of the fence tell the same");
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn a_fence_of_one_tenant_does_not_concern_the_same_account_in_another() {
    let world = World::new().await;
    let (_, ann) = an_erased_person(&world).await;
    let globex = world.a_tenant("globex").await;

    let created = world.jira_sends(&globex, &user_created(&ann, days(-1))).await;
    let hours = world.jira_sends(&globex, &worklog(&ann, "900", "77", 1, days(-1))).await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(created).await, "applied: presence_recorded");
    assert_eq!(world.outcome_of(hours).await, "applied: hours_recorded_unlinked");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_fence_is_taken_away_when_no_backup_and_no_replay_can_bring_anything_back() {
    let world = World::new().await;
    let (acme, ann) = an_erased_person(&world).await;

    world.days_pass(122).await;
    assert_eq!(world.the_sweep_runs().await.fences_forgotten, 0);
    world.days_pass(2).await;
    assert_eq!(world.the_sweep_runs().await.fences_forgotten, 1);

    assert_eq!(world.number("SELECT count(*) FROM milestone_gateway.fence").await, 0);
    let new = world.jira_sends(&acme, &user_created(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    assert_eq!(world.outcome_of(new).await, "applied: presence_recorded");
    world.ends_cleanly().await;
}
