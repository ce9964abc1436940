//! What the migrated schema promises, read from the catalog: keys begin with the tenant, row level security is forced, and
//! each role may do what it must and nothing else.

mod kept_schema;

use milestone_gateway::testing::store;
use tokio_postgres::error::SqlState;

use crate::harness::{World, user_deleted};

/// Tables without a tenant, and why that is right.
const WITHOUT_TENANT: &[(&str, &str)] = &[
    ("deployment", "one row about the database itself"),
    ("demo_clock", "one row about the database itself"),
    ("key_check", "check values of master keys"),
    ("body_key", "day keys; deliveries of all tenants share a day"),
    ("gateway_schema_history", "the migrations that were applied"),
    ("event_key", "intake knows the source before it knows anything else"),
    ("source_credential", "belongs to its source, whose policy it asks"),
    ("token_use", "intake knows the source before it knows anything else"),
    ("rejection", "whoever is refused has no tenant"),
    ("rejection_count", "whoever is refused has no tenant"),
    ("reported_account", "an account is reported once, however many tenants know it"),
    ("poll_cursor", "belongs to its source; places in time and nothing of a tenant"),
];
/// Tables with a tenant whose key begins with the source: they are written before anybody has set a tenant.
const KEYED_BY_SOURCE: &[&str] = &["event", "event_body", "dead_letter_body", "source_holder"];
/// `tenant` and `source` are found by names that are unique over all tenants; an id of ours is its own key.
const KEYED_OTHERWISE: &[&str] = &["tenant", "source"];

#[tokio::test]
async fn every_key_of_a_tenants_table_begins_with_the_tenant() {
    let world = World::new().await;
    let keys = "SELECT c.relname::text, k.conname::text, k.contype::text, a.attname::text
        FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
        WHERE c.relnamespace = 'gateway'::regnamespace AND k.contype IN ('p', 'u', 'f') AND NOT c.relispartition
        UNION ALL
        SELECT c.relname::text, x.indexrelid::regclass::text, 'i', a.attname::text
        FROM pg_index x
        JOIN pg_class c ON c.oid = x.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
        WHERE c.relnamespace = 'gateway'::regnamespace AND x.indisunique AND NOT c.relispartition";
    let mut findings = Vec::new();

    for row in world.admin.query(keys, &[]).await.unwrap() {
        let (table, key, kind, first): (&str, &str, &str, &str) = (row.get(0), row.get(1), row.get(2), row.get(3));
        let expected = if KEYED_BY_SOURCE.contains(&table) { "source_id" } else { "tenant_id" };
        let is_excepted = WITHOUT_TENANT.iter().any(|(excepted, _)| *excepted == table);
        let is_named = KEYED_OTHERWISE.contains(&table);
        if first != expected && !is_excepted && !is_named {
            findings.push(format!("{table}: {key} ({kind}) begins with {first}"));
        }
    }

    assert!(findings.is_empty(), "{findings:#?}");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn every_table_with_a_tenant_forces_row_level_security_and_every_other_has_a_reason() {
    let world = World::new().await;
    let tables = "SELECT c.relname::text,
               c.relrowsecurity AND c.relforcerowsecurity,
               EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'),
               EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'one_tenant')
        FROM pg_class c
        WHERE c.relnamespace = 'gateway'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    let mut findings = Vec::new();

    for row in world.admin.query(tables, &[]).await.unwrap() {
        let (table, is_forced, has_tenant): (&str, bool, bool) = (row.get(0), row.get(1), row.get(2));
        let has_policy: bool = row.get(3);
        let is_excepted = WITHOUT_TENANT.iter().any(|(excepted, _)| *excepted == table);
        if has_tenant && !is_forced {
            findings.push(format!("{table} does not force row level security"));
        }
        if has_tenant && !has_policy {
            findings.push(format!("{table} has no policy `one_tenant`"));
        }
        if has_tenant == is_excepted {
            findings.push(format!("{table} belongs to no tenant, or is excepted for nothing"));
        }
    }

    assert!(findings.is_empty(), "{findings:#?}");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn every_constraint_has_a_name_that_somebody_has_chosen() {
    let world = World::new().await;
    // PostgreSQL's own names end in these words. A primary key keeps its own; what is NOT NULL stands with its column.
    let names = r"SELECT k.conrelid::regclass::text, k.conname::text
        FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid
        WHERE c.relnamespace IN ('gateway'::regnamespace, 'milestone_gateway'::regnamespace) AND k.contype <> 'n'
            AND CASE k.contype
                WHEN 'p' THEN k.conname <> c.relname || '_pkey'
                ELSE k.conname ~ '_(check|key|fkey|excl)\d*$'
            END";
    let mut findings = Vec::new();

    for row in world.admin.query(names, &[]).await.unwrap() {
        findings.push(format!("{}: {}", row.get::<_, &str>(0), row.get::<_, &str>(1)));
    }

    assert!(findings.is_empty(), "{findings:#?}");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn no_partition_can_be_read_around_its_parent_and_no_foreign_key_points_at_a_partitioned_table() {
    let world = World::new().await;
    world.the_sweep_runs().await;

    let pointing = "SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid
        WHERE k.contype = 'f' AND (c.relkind = 'p' OR c.relispartition)";
    assert_eq!(world.number(pointing).await, 0);
    let granted = "SELECT count(*)
        FROM pg_class c, unnest(ARRAY['gw_intake', 'gw_queue', 'gw_tenant', 'gw_verify']) AS r (role)
        WHERE c.relispartition AND c.relnamespace = 'gateway'::regnamespace AND c.relkind = 'r'
            AND has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE')";
    assert_eq!(world.number(granted).await, 0);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn no_role_of_ours_is_powerful_and_none_can_become_another() {
    let world = World::new().await;

    let powerful = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'gw\\_%'
        AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)";
    assert_eq!(world.number(powerful).await, 0);
    let members =
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'gw\\_%'";
    assert_eq!(world.number(members).await, 0);
    let open_to_all = "SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'gateway'::regnamespace AND p.prosecdef
        AND (has_function_privilege('public', p.oid, 'EXECUTE') OR p.proconfig IS NULL)";
    assert_eq!(world.number(open_to_all).await, 0, "a SECURITY DEFINER function is open or has no search_path");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn without_a_tenant_a_query_is_an_error_and_with_one_it_sees_that_tenant_alone() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let globex = world.a_tenant("globex").await;
    let client = world.database.connected_as("gw_tenant").await;
    let reader = world.database.connected_as("gw_verify").await;

    for sql in ["SELECT * FROM gateway.tenant", "SELECT * FROM gateway.audit_entry", "SELECT * FROM milestone.client"] {
        assert!(client.query(sql, &[]).await.is_err(), "{sql}");
    }
    assert!(reader.query("SELECT * FROM milestone.client", &[]).await.is_err());
    let set = format!("SELECT set_config('gateway.tenant_id', '{}', false)", acme.id.uuid());
    client.query(&set, &[]).await.unwrap();
    let seen = client.query("SELECT stable_key FROM gateway.tenant", &[]).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [acme.key]);
    let planted = format!("INSERT INTO gateway.tenant VALUES ('{}', 'planted', now())", globex.id.uuid());
    assert!(client.execute(&planted, &[]).await.is_err(), "a row of another tenant was written");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn on_a_connection_that_had_a_tenant_before_no_tenant_is_still_an_error() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let client = world.database.connected_as("gw_tenant").await;
    let plan = "EXPLAIN SELECT * FROM milestone_gateway.marker WHERE job_id = gen_random_uuid()";

    client.batch_execute("BEGIN").await.unwrap();
    client.query("SELECT set_config('milestone_gateway.tenant_key', $1, true)", &[&acme.key]).await.unwrap();
    client.batch_execute("SET LOCAL enable_seqscan = off").await.unwrap();
    let lines: Vec<String> = client.query(plan, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(lines.iter().any(|line| line.contains("Index Cond: (") && line.contains("tenant_key = ")), "{lines:#?}");
    client.batch_execute("COMMIT").await.unwrap();

    let left = client.query_one("SELECT current_setting('milestone_gateway.tenant_key')", &[]).await.unwrap();
    assert_eq!(left.get::<_, &str>(0), "", "the setting is not missing any more");
    for sql in [
        "SELECT * FROM milestone_gateway.fence",
        "DELETE FROM milestone_gateway.marker",
        "INSERT INTO milestone_gateway.job_token VALUES ('', gen_random_uuid(), 1)",
    ] {
        let error = client.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code(), Some(&SqlState::UNDEFINED_OBJECT), "{sql}");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_queue_learns_which_digest_keys_people_are_found_by_and_nothing_else_about_them() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    let queue = world.gateway.databases().queue.client().await.unwrap();
    assert!(store::deployment::digest_keys_in_use(&queue).await.unwrap().is_empty());

    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;

    assert_eq!(store::deployment::digest_keys_in_use(&queue).await.unwrap(), world.ring().digest_ids());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_queue_can_destroy_a_body_key_and_not_exchange_it() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    world.jira_sends(&acme, &serde_json::json!({})).await;
    world.the_worker_drains().await;
    let queue = world.database.connected_as("gw_queue").await;

    for (sql, is_done) in [
        ("UPDATE gateway.body_key SET wrapped = '\\x00'", false),
        ("UPDATE gateway.body_key SET wrapped = NULL, destroyed_at = now()", true),
        ("UPDATE gateway.body_key SET wrapped = '\\x00', destroyed_at = NULL", false),
        ("UPDATE gateway.body_key SET destroyed_at = '2000-01-01'", false),
    ] {
        let result = queue.execute(sql, &[]).await;
        match result {
            Ok(count) => assert_eq!((count > 0, is_done), (true, true), "{sql}"),
            Err(error) => {
                let code = Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
                assert_eq!((error.code(), is_done), (code, false), "{sql}");
            }
        }
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn whoever_may_make_and_drop_partitions_cannot_name_days_far_away_or_to_come() {
    let world = World::new().await;
    let queue = world.database.connected_as("gw_queue").await;

    queue.batch_execute("SELECT gateway.ensure_partitions('4000-01-01')").await.unwrap();
    queue.batch_execute("SELECT gateway.ensure_partitions('1900-01-01')").await.unwrap();
    let far = "SELECT count(*) FROM pg_class WHERE relname ~ '^event_(4000|1900)'";
    assert_eq!(world.number(far).await, 0);
    assert!(world.number("SELECT count(*) FROM pg_class WHERE relname ~ '^event_body_[0-9]{8}$'").await >= 6);
    for bounds in ["current_date - 1, current_date + 2", "current_date + 2, current_date - 1", "NULL, current_date - 1"]
    {
        let sql = format!("SELECT gateway.drop_bodies_before({bounds})");
        let error = queue.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code(), Some(&SqlState::INVALID_PARAMETER_VALUE), "{sql}");
    }
    world.ends_cleanly().await;
}

/// Role, statement, and what it would betray.
const FORBIDDEN: &[(&str, &str)] = &[
    ("gw_intake", "SELECT sealed FROM gateway.event_body"),
    ("gw_intake", "SELECT * FROM gateway.event"),
    ("gw_intake", "SELECT sealed FROM gateway.source_credential"),
    ("gw_intake", "SELECT name FROM gateway.source"),
    ("gw_intake", "SELECT * FROM gateway.identity"),
    ("gw_intake", "UPDATE gateway.body_key SET wrapped = NULL"),
    ("gw_intake", "DELETE FROM gateway.event_key"),
    ("gw_intake", "UPDATE gateway.event_key SET body_digest = key_digest"),
    ("gw_intake", "UPDATE gateway.event_key SET event_id = source_id"),
    ("gw_intake", "SELECT gateway.digest_keys_in_use()"),
    ("gw_intake", "SELECT gateway.isolate('gateway.event')"),
    ("gw_queue", "SELECT gateway.isolate('gateway.event')"),
    ("gw_tenant", "SELECT gateway.isolate('gateway.event')"),
    ("gw_tenant", "SELECT gateway.vacuum_at_once('gateway.event')"),
    ("gw_tenant", "SELECT milestone_gateway.isolate('milestone_gateway.fence')"),
    ("gw_verify", "SELECT milestone_gateway.isolate('milestone_gateway.fence')"),
    ("gw_queue", "SELECT * FROM gateway.identity"),
    ("gw_queue", "SELECT * FROM gateway.minimized_event"),
    ("gw_queue", "SELECT * FROM gateway.subject_signal"),
    ("gw_queue", "SELECT * FROM gateway.subject_key"),
    ("gw_queue", "SELECT sealed FROM gateway.event_body"),
    ("gw_queue", "SELECT sealed FROM gateway.dead_letter_body"),
    ("gw_queue", "SELECT sealed FROM gateway.source_credential"),
    ("gw_queue", "UPDATE gateway.body_key SET master_id = 1"),
    ("gw_queue", "UPDATE gateway.body_key SET body_day = body_day + 1"),
    ("gw_queue", "UPDATE gateway.event SET outcome = 'applied'"),
    ("gw_queue", "UPDATE gateway.event SET tenant_id = NULL"),
    ("gw_queue", "INSERT INTO gateway.job DEFAULT VALUES"),
    ("gw_queue", "SELECT * FROM milestone.team_member"),
    ("gw_tenant", "DELETE FROM gateway.audit_entry"),
    ("gw_tenant", "UPDATE gateway.audit_entry SET action = 'x'"),
    ("gw_tenant", "UPDATE gateway.audit_link SET place = 1"),
    ("gw_tenant", "UPDATE gateway.receipt SET jws = ''"),
    ("gw_tenant", "DELETE FROM gateway.receipt"),
    ("gw_tenant", "DELETE FROM gateway.privacy_request"),
    ("gw_tenant", "UPDATE gateway.deployment SET is_demo = true"),
    ("gw_queue", "SELECT sealed FROM gateway.provider_call"),
    ("gw_queue", "SELECT * FROM gateway.provider_call_attempt"),
    ("gw_intake", "SELECT * FROM gateway.provider_call"),
    ("gw_tenant", "UPDATE gateway.provider_call SET uid_digest = sealed"),
    ("gw_tenant", "UPDATE gateway.provider_call SET issuer = 'x'"),
    ("gw_tenant", "UPDATE gateway.provider_call SET source_id = NULL"),
    ("gw_tenant", "UPDATE gateway.provider_call_attempt SET attempt = 1"),
    ("gw_tenant", "DELETE FROM gateway.provider_call"),
    ("gw_tenant", "DELETE FROM gateway.provider_call_attempt"),
    ("gw_verify", "SELECT * FROM gateway.provider_call"),
    ("gw_verify", "UPDATE milestone.team_member SET email = NULL"),
    ("gw_verify", "SELECT * FROM gateway.identity"),
    ("gw_verify", "SELECT * FROM gateway.event"),
];

#[tokio::test]
async fn each_role_is_refused_what_is_not_its_business() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let mut findings = Vec::new();

    for (role, sql) in FORBIDDEN {
        let client = world.database.connected_as(role).await;
        for setting in [("gateway.tenant_id", acme.id.uuid().to_string()), ("milestone.tenant_id", acme.key.clone())] {
            client.query("SELECT set_config($1, $2, false)", &[&setting.0, &setting.1]).await.unwrap();
        }
        match client.batch_execute(sql).await {
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {}
            other => findings.push(format!("{role}: {sql}: {other:?}")),
        }
    }

    assert!(findings.is_empty(), "{findings:#?}");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_demo_mark_cannot_be_set_later() {
    let world = World::new().await;

    for sql in ["UPDATE gateway.deployment SET is_demo = true", "DELETE FROM gateway.deployment"] {
        assert!(world.admin.batch_execute(sql).await.is_err(), "{sql}");
    }
    let queue = world.database.connected_as("gw_queue").await;
    assert!(queue.batch_execute("INSERT INTO gateway.demo_clock (offset_seconds) VALUES (5)").await.is_err());
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_event_cannot_be_half_done_and_a_request_cannot_lie_about_its_state() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;

    for sql in [
        "UPDATE gateway.event SET outcome = NULL",
        "UPDATE gateway.event SET state = 'pending'",
        "UPDATE gateway.privacy_request SET state = 'completed'",
        "UPDATE gateway.privacy_request SET state = 'refused', ended_at = now()",
        "UPDATE gateway.privacy_request SET state = 'superseded', ended_at = now()",
        "UPDATE gateway.privacy_request SET ended_at = now()",
        "UPDATE gateway.privacy_request SET scope = 'tenant'",
        "UPDATE gateway.privacy_request SET extended_until = due_at + interval '1 day'",
        "INSERT INTO gateway.run (tenant_id, run_id, kind, request_id, phase, planned_at, fenced_at, executed_at)
            SELECT tenant_id, request_id, 'erasure', request_id, 'verified', now(), now(), now()
            FROM gateway.privacy_request",
        "INSERT INTO gateway.run (tenant_id, run_id, kind, request_id, phase, planned_at, fenced_at)
            SELECT tenant_id, request_id, 'erasure', request_id, 'fenced', now(), now() - interval '1 second'
            FROM gateway.privacy_request",
        "INSERT INTO gateway.run (tenant_id, run_id, kind, phase, planned_at)
            SELECT tenant_id, request_id, 'minimization', 'planned', now() FROM gateway.privacy_request",
        "UPDATE gateway.job SET state = 'parked', failure_reason = 'why'",
        "UPDATE gateway.job SET belongs_to = 'tenant'",
        "UPDATE gateway.job SET belongs_to = 'run'",
        "UPDATE gateway.job SET state = 'completed' WHERE state = 'pending'",
        "UPDATE gateway.offboarding SET erasure_due_at = anchor_at",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, uid_digest, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', decode(repeat('00', 32), 'hex'), 'pending', opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, uid_digest, sealed, state, created_at, finished_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', decode(repeat('00', 32), 'hex'), 'kept', 'done', opened_at, opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, uid_digest, sealed, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_disable', decode(repeat('00', 32), 'hex'), 'kept', 'pending', opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', 'pending', opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, source_id, uid_digest, sealed, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', request_id, decode(repeat('00', 32), 'hex'), 'kept', 'pending', opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, source_id, sealed, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', request_id, 'kept', 'pending', opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, source_id, state, created_at, finished_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', request_id, 'ambiguous', opened_at, opened_at FROM gateway.privacy_request",
        "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, source_id, state, created_at)
            SELECT tenant_id, request_id, request_id, 'firebase_delete', request_id, 'done', opened_at FROM gateway.privacy_request",
    ] {
        let error = world.admin.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{sql}");
    }
    world.ends_cleanly().await;
}

#[tokio::test]
async fn a_provider_call_stands_once_for_a_person_and_kind_and_once_for_an_account() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    let of_person = |kind: &str| {
        format!(
            "INSERT INTO gateway.provider_call (tenant_id, call_id, request_id, kind, source_id, state, created_at)
             SELECT tenant_id, gen_random_uuid(), request_id, '{kind}', request_id, 'pending', opened_at
             FROM gateway.privacy_request"
        )
    };
    let of_account = |issuer: &str| {
        format!(
            "INSERT INTO gateway.provider_call
                (tenant_id, call_id, request_id, kind, issuer, uid_digest, sealed, state, created_at)
             SELECT tenant_id, gen_random_uuid(), request_id, 'firebase_delete', {issuer}, decode(repeat('00', 32), 'hex'),
                    'kept', 'pending', opened_at
             FROM gateway.privacy_request"
        )
    };

    for sql in [
        of_person("firebase_disable"),
        of_person("firebase_delete"),
        of_account("NULL"),
        of_account("''"),
        of_account("'a-project'"),
    ] {
        world.admin.batch_execute(&sql).await.expect(&sql);
        let again = world.admin.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(again.code(), Some(&SqlState::UNIQUE_VIOLATION), "{sql}");
    }
    world.ends_with_work_left();
}
