//! What the gateway keeps, and for how long: raw deliveries, dead letters, key epochs, the chain of its audit.

use jiff::{SignedDuration, ToSpan, civil::Date};
use milestone_gateway::testing::{
    app::{
        support::{replay, verify_audit},
        upkeep::{key_epochs, sweep, swept},
    },
    domain::{SubjectId, request::RequestState},
    proof::audit::{chain_hash, chain_start},
    store::{TenantTx, event::EventFilter, keys::BodyKeyPurpose},
};

use crate::harness::{Delivery, Person, Tenant, World, secret_of, user_deleted, worklog};

async fn acme_with_ann(world: &World) -> (Tenant, Person) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    (acme, ann)
}

async fn opens(world: &World, purpose: BodyKeyPurpose, day: Date) -> bool {
    world.gateway.vault().body_key(purpose, day, false).await.unwrap().is_some()
}

async fn reasons(
    world: &World,
    replayed: &[(milestone_gateway::testing::domain::EventId, milestone_gateway::testing::domain::EventId)],
) -> Vec<String> {
    let mut reasons = Vec::new();
    for (_, again) in replayed {
        reasons.push(world.event(*again).await.outcome_reason.unwrap());
    }
    reasons.sort();
    reasons
}

#[tokio::test]
async fn raw_deliveries_are_destroyed_after_a_fortnight_and_dead_letters_after_a_month() {
    for had_partitions in [true, false] {
        let world = World::new().await;
        let (acme, ann) = acme_with_ann(&world).await;
        if had_partitions {
            world.the_sweep_runs().await;
        }
        let first_day = world.gateway.today();
        world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
        let bad = Delivery::signed("{}", Some("bad"), &secret_of("acme"));
        world.delivers(&acme.source, &bad).await;
        world.the_worker_drains().await;
        let bodies =
            "SELECT (SELECT count(*) FROM gateway.event_body) * 10 + (SELECT count(*) FROM gateway.dead_letter_body)";

        for (days, kept, day_key, dead_letter_key) in
            [(14, 21, true, true), (1, 1, false, true), (15, 1, false, true), (1, 0, false, false)]
        {
            world.days_pass(days).await;
            world.the_sweep_runs().await;
            assert_eq!(world.number(bodies).await, kept, "{days} days on");
            assert_eq!(opens(&world, BodyKeyPurpose::Delivery, first_day).await, day_key);
            assert_eq!(opens(&world, BodyKeyPurpose::DeadLetter, first_day).await, dead_letter_key);
        }
        let destroyed = "SELECT count(*) FROM gateway.body_key WHERE body_day = $1 AND wrapped IS NULL AND destroyed_at IS NOT NULL";
        let rows: i64 = world.admin.query_one(destroyed, &[&first_day]).await.unwrap().get(0);
        assert_eq!(rows, 2);
        let partition = "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_20260105'";
        assert_eq!(world.number(partition).await, 0);
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn an_acknowledged_event_is_not_forgotten_when_nobody_worked_for_a_month() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    let left = world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    let bad = world.delivers(&acme.source, &Delivery::signed("{}", Some("bad"), &secret_of("acme"))).await;
    world.time_passes(SignedDuration::from_hours(24 * 40));

    world.the_sweep_runs().await;
    world.the_worker_drains().await;

    assert_eq!(world.outcome_of(left).await, "applied: offboarding_started");
    assert_eq!(world.outcome_of(bad).await, "dead_lettered: missing_field: webhookEvent");
    assert!(!world.may_sign_in(&ann).await);
    world.the_sweep_runs().await;
    assert_eq!(world.number("SELECT count(*) FROM gateway.event_body").await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_replay_without_its_raw_body_reads_the_minimized_record_while_the_persons_key_lives() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &worklog(&ann, "5", "1", 1, world.gateway.now())).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.jira_sends(&acme, &serde_json::json!({"webhookEvent": "comment_created"})).await;
    world.the_worker_drains().await;
    let originals = EventFilter { until: Some(world.gateway.now() + 1.second()), ..EventFilter::default() };
    world.days_pass(20).await;
    world.the_sweep_runs().await;

    let minimized = replay::execute(&world.gateway, &world.tester, "sup-1", &originals).await.unwrap();
    world.the_worker_drains().await;
    world.days_pass(63).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    let forgotten = replay::execute(&world.gateway, &world.tester, "sup-2", &originals).await.unwrap();
    world.the_worker_drains().await;

    assert_eq!(reasons(&world, &minimized).await, ["forgotten", "stale_version", "superseded"]);
    assert_eq!(reasons(&world, &forgotten).await, ["forgotten", "forgotten", "forgotten"]);
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_new_key_epoch_takes_the_living_keys_along_and_destroys_the_old_one() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    let wrapped = "SELECT encode(wrapped, 'hex') FROM gateway.subject_key";
    let before = world.text(wrapped).await;

    world.days_pass(29).await;
    assert_eq!(world.the_sweep_runs().await.epochs_destroyed, 0);
    world.days_pass(1).await;
    assert_eq!(world.the_sweep_runs().await.epochs_destroyed, 1);

    assert_ne!(world.text(wrapped).await, before);
    let epochs = "SELECT string_agg(epoch || ':' || (wrapped IS NULL), ' ' ORDER BY epoch) FROM gateway.tenant_key";
    assert_eq!(world.text(epochs).await.as_deref(), Some("1:true 2:false"));
    assert_eq!(world.number("SELECT count(*) FROM gateway.subject_key WHERE epoch = 2").await, 1);
    // The identities still open: the erasure needs them, two epochs later.
    world.days_pass(30).await;
    assert_eq!(world.the_sweep_runs().await.epochs_destroyed, 1);
    world.days_pass(23).await;
    assert_eq!(world.state_of_request(&acme).await, RequestState::Completed);
    assert_eq!(world.rows_about(&ann).await, [].into());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_epoch_is_not_destroyed_under_a_key_that_is_just_being_made() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &worklog(&ann, "5", "1", 1, world.gateway.now())).await;
    world.the_worker_drains().await;
    world.time_passes(SignedDuration::from_hours(24 * 31));
    let subject = SubjectId::new(world.gateway.clock(), world.gateway.entropy());
    let mut client = world.gateway.databases().tenant.client().await.unwrap();
    let tx = TenantTx::begin(&mut client, acme.id).await.unwrap();
    world.gateway.vault().make_subject_key(&tx, subject, world.gateway.now()).await.unwrap();

    let commits_late = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        tx.commit().await.unwrap();
    };
    let (rotated, ()) = tokio::join!(key_epochs::rotate_epoch(&world.gateway, acme.id), commits_late);

    rotated.unwrap();
    let mut client = world.gateway.databases().tenant.client().await.unwrap();
    let tx = TenantTx::begin(&mut client, acme.id).await.unwrap();
    assert!(world.gateway.vault().subject_key(&tx, subject).await.unwrap().is_some());
    drop(tx);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_audit_chain_links_every_entry_and_any_change_breaks_it() {
    let world = World::new().await;
    let (acme, ann) = acme_with_ann(&world).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.days_pass(40).await;
    let first = world.the_sweep_runs().await.entries_linked;
    world.days_pass(43).await;
    let second = world.the_sweep_runs().await.entries_linked;

    let entries = world.audited(acme.id).await.len() as u64;
    assert_eq!(first + second, entries);
    assert!(first > 0 && second > 0);
    assert_eq!(world.the_sweep_runs().await.entries_linked, 0);
    assert!(the_chain_holds(&world, &acme).await);
    let tamper = "UPDATE gateway.audit_entry SET entry = replace(entry, 'data.flagged', 'data.flogged')";
    world.admin.batch_execute(tamper).await.unwrap();
    assert!(!the_chain_holds(&world, &acme).await);
    world.ends_cleanly().await;
}

/// Recomputes the chain from what is stored, in order of place.
async fn the_chain_holds(world: &World, tenant: &Tenant) -> bool {
    let sql = "SELECT l.place, l.chain_hash, e.entry
        FROM gateway.audit_link l
        JOIN gateway.audit_entry e USING (tenant_id, audit_id)
        WHERE l.tenant_id = $1
        ORDER BY l.place";
    let mut hash = chain_start(tenant.id);
    for (expected_place, row) in (1_i64..).zip(world.admin.query(sql, &[&tenant.id.uuid()]).await.unwrap()) {
        let (place, stored, entry): (i64, &[u8], &str) = (row.get(0), row.get(1), row.get(2));
        hash = chain_hash(&hash, entry.as_bytes());
        if place != expected_place || stored != hash {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_pending_event_keeps_its_body_beyond_the_fortnight_but_not_for_ever() {
    for (days, outcome) in [(43, "applied: offboarding_started"), (46, "ignored: forgotten")] {
        let world = World::new().await;
        let (acme, ann) = acme_with_ann(&world).await;
        let first_day = world.gateway.today();
        let event = world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;

        world.time_passes(SignedDuration::from_hours(24 * days));
        world.the_sweep_runs().await;

        assert_eq!(opens(&world, BodyKeyPurpose::Delivery, first_day).await, days == 43);
        world.the_worker_drains().await;
        assert_eq!(world.outcome_of(event).await, outcome);
        world.the_sweep_runs().await;
        assert!(!opens(&world, BodyKeyPurpose::Delivery, first_day).await);
        world.ends_cleanly().await;
    }
}

#[tokio::test]
async fn tables_of_keys_and_people_are_vacuumed_as_soon_as_something_in_them_is_dead() {
    let world = World::new().await;
    let quick = "SELECT string_agg(relname::text, ' ' ORDER BY relname)
        FROM pg_class
        WHERE relnamespace = 'gateway'::regnamespace
            AND reloptions @> '{autovacuum_vacuum_threshold=0,autovacuum_vacuum_scale_factor=0}'";

    let names = world.text(quick).await.unwrap();

    for name in ["body_key", "identity", "minimized_event", "subject_key", "subject_signal", "tenant_key"] {
        assert!(names.split(' ').any(|each| each == name), "{name} is not among {names}");
    }
    world.ends_cleanly().await;
}

/// An entry as it would stand there had it been made then.
async fn an_entry_is_dated(world: &World, tenant: &Tenant, at: &str) {
    let sql = format!(
        "INSERT INTO gateway.audit_entry (tenant_id, at, audit_id, actor, action, entry, hash)
         VALUES ($1, {at}, gen_random_uuid(), 'worker', 'test.entry', '{{}}', decode(repeat('00', 32), 'hex'))"
    );
    world.admin.execute(&sql, &[&tenant.id.uuid()]).await.unwrap();
}

#[tokio::test]
async fn history_ends_after_twelve_months_and_the_rest_of_the_chain_still_verifies() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    for (month, next) in [("2020-03", "2020-04"), ("2020-04", "2020-05")] {
        for parent in ["event", "audit_entry"] {
            let sql = format!(
                "CREATE TABLE gateway.{parent}_{digits} PARTITION OF gateway.{parent}
                 FOR VALUES FROM ('{month}-01T00:00:00Z') TO ('{next}-01T00:00:00Z');
                 ALTER TABLE gateway.{parent}_{digits} OWNER TO gw_owner",
                digits = month.replace('-', "")
            );
            world.admin.batch_execute(&sql).await.unwrap();
        }
    }
    an_entry_is_dated(&world, &acme, "'2020-03-05T00:00:00Z'").await;
    an_entry_is_dated(&world, &acme, "'2019-03-05T00:00:00Z'").await;

    let swept = world.the_sweep_runs().await;

    assert_eq!(swept.months_dropped, 4, "two months, of events and of entries");
    assert_eq!(world.number("SELECT count(*) FROM gateway.audit_entry WHERE at < '2025-01-01'").await, 0);
    let chain = verify_audit::verify(&world.gateway, acme.id).await.unwrap();
    assert_eq!((chain.gone, chain.broken_at, chain.waiting), (2, None, 0));
    assert!(chain.verified > 0);
    // A young entry that is gone is no retention.
    world.admin.batch_execute("DELETE FROM gateway.audit_entry").await.unwrap();
    assert_eq!(verify_audit::verify(&world.gateway, acme.id).await.unwrap().broken_at, Some(3));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_entry_that_is_committed_late_is_linked_by_the_next_sweep_and_a_very_late_one_by_a_whole_one() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    world.the_sweep_runs().await;
    an_entry_is_dated(&world, &acme, "'2026-01-05T08:30:00Z'").await;
    an_entry_is_dated(&world, &acme, "'2026-01-04T09:00:00Z'").await;

    assert_eq!(world.the_sweep_runs().await.entries_linked, 1);
    assert_eq!(verify_audit::verify(&world.gateway, acme.id).await.unwrap().waiting, 1);
    assert_eq!(sweep::run(&world.gateway, swept::Depth::Whole).await.entries_linked, 1);

    let chain = verify_audit::verify(&world.gateway, acme.id).await.unwrap();
    assert_eq!((chain.broken_at, chain.waiting), (None, 0));
    world.ends_cleanly().await;
}
