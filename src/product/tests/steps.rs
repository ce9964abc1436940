//! Whole steps: from the last marker to the end, in the same loop for a person and for a tenant.

use std::sync::Mutex;

use tokio_postgres::Client;

use crate::{
    domain::plan::{Disposal, Plan, Reach, Rewrite, Step},
    product::{
        Moment, PersonKey, ProductError, Selection,
        batch::{BATCH_ROWS_MAX, Batch, Position},
        markers, run_batches,
        step::run_batch,
    },
};

use super::{
    harness::{World, in_a_database},
    sample::*,
};

/// A plan for everything in one table of the tenant.
fn of_tenant(table: &str, disposal: Disposal) -> Plan {
    let step = Step { number: 1, table: table.to_owned(), reach: Reach::Tenant, disposal };
    Plan { dataset: "milestone".to_owned(), schema: "milestone".to_owned(), subject_kind: None, steps: vec![step] }
}

/// A plan for Ann's messages.
fn of_ann(disposal: Disposal) -> Plan {
    let reach = through("member_id", "team_member", "member_id", by_account("account_id"));
    plan("msp_team_member", vec![("message", reach, disposal)])
}

fn by(token: i64, rows: u32) -> Worker {
    Worker { plan_id: plan_id(1), token, rows }
}

fn ours(person: &PersonKey) -> Selection<'_> {
    Selection::Person { key: person, pseudonym: PSEUDONYM }
}

/// Runs the plan's only step; returns the rows that it has disposed of, and what the caller was told meanwhile.
async fn run(
    client: &mut Client,
    worker: Worker,
    plan: &Plan,
    selection: Selection<'_>,
) -> (Result<u64, ProductError>, Vec<Moment>) {
    let moments = Mutex::new(Vec::new());
    let reached = |moment| moments.lock().unwrap().push(moment);
    let rows = run_batches(client, scope(&map()), &worker.run_of(plan, 1, selection), &reached).await;
    (rows, moments.into_inner().unwrap())
}

async fn numbers(client: &mut Client) -> Vec<(i32, u64, bool)> {
    let markers = markers(client, scope(&map()), plan_id(1)).await.unwrap();
    markers.iter().map(|marker| (marker.batch, marker.rows, marker.is_last)).collect()
}

const MESSAGES: &str = "SELECT count(*) FROM milestone.message WHERE tenant_id::text LIKE '%a'";

#[tokio::test]
async fn a_step_goes_on_behind_its_last_marker_and_counts_the_rows_of_all_attempts() {
    for is_tenant in [false, true] {
        in_a_database(move |world| async move {
            world.seed(&people()).await;
            let (ann, mut client) = (ann(), world.tenant().await);
            let (plan, selection) = if is_tenant {
                (of_tenant("message", Disposal::DeleteRows), Selection::Tenant)
            } else {
                (of_ann(Disposal::DeleteRows), ours(&ann))
            };
            let map = map();
            let died_behind = Batch { run: by(1, 2).run_of(&plan, 1, selection), number: 1, at: &Position::Front };
            let first = run_batch(&mut client, scope(&map), &died_behind).await.unwrap();
            assert_eq!((first.committed.rows, first.committed.is_last), (2, false));
            drop(client);

            let mut client = world.tenant().await;
            let (rows, moments) = run(&mut client, by(2, 2), &plan, selection).await;

            assert_eq!(rows, Ok(3));
            assert_eq!(moments, [Moment::BeforeBatch, Moment::AfterBatch]);
            assert_eq!(numbers(&mut client).await, [(1, 2, false), (2, 1, true)]);
            assert_eq!(world.number(MESSAGES).await, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_step_that_ended_is_taken_up_again_with_what_came_late() {
    for is_tenant in [false, true] {
        in_a_database(move |world| async move {
            world.seed(&people()).await;
            let (ann, mut client) = (ann(), world.tenant().await);
            let (plan, selection) = if is_tenant {
                (of_tenant("message", Disposal::DeleteRows), Selection::Tenant)
            } else {
                (of_ann(Disposal::DeleteRows), ours(&ann))
            };
            assert_eq!(run(&mut client, by(1, 10), &plan, selection).await.0, Ok(3));
            let late = "INSERT INTO milestone.message (tenant_id, message_id, request_id, member_id, sent_by, body, sent_at)
                SELECT '00000000-0000-0000-0000-00000000000a', md5('late')::uuid, md5('request')::uuid, md5('ann')::uuid,
                    'member', 'Late', now()";
            world.seed(late).await;

            let (rows, moments) = run(&mut client, by(2, 10), &plan, selection).await;

            assert_eq!(rows, Ok(4), "of both attempts");
            assert_eq!(moments, [Moment::BeforeBatch, Moment::AfterBatch]);
            assert_eq!(world.number(MESSAGES).await, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_stale_worker_stops_before_its_batch_is_done() {
    for is_tenant in [false, true] {
        in_a_database(move |world| async move {
            world.seed(&people()).await;
            let (ann, mut client) = (ann(), world.tenant().await);
            let (plan, selection) = if is_tenant {
                (of_tenant("message", Disposal::DeleteRows), Selection::Tenant)
            } else {
                (of_ann(Disposal::DeleteRows), ours(&ann))
            };
            assert_eq!(run(&mut client, by(7, 10), &plan, selection).await.0, Ok(3));

            let late = run(&mut client, by(6, 10), &plan, selection).await;

            assert_eq!(late, (Err(ProductError::StaleWorker), vec![Moment::BeforeBatch]));
            assert_eq!(numbers(&mut client).await.len(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_batch_outside_its_bounds_is_refused_for_a_person_and_for_a_tenant() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (ann, mut client) = (ann(), world.tenant().await);
        let plans = [
            (of_tenant("message", Disposal::DeleteRows), Selection::Tenant),
            (of_ann(Disposal::DeleteRows), ours(&ann)),
        ];

        for (plan, selection) in &plans {
            for rows in [0, BATCH_ROWS_MAX + 1] {
                let (refused, _) = run(&mut client, by(1, rows), plan, *selection).await;
                assert!(matches!(refused, Err(ProductError::PlanRefused { .. })), "{refused:?}");
            }
        }

        assert_eq!(world.number(MESSAGES).await, 3);
    })
    .await;
}

async fn refused_for_a_tenant(world: &World, disposal: Disposal) {
    let plan = of_tenant("message", disposal);
    let (refused, _) = run(&mut world.tenant().await, by(1, 10), &plan, Selection::Tenant).await;
    assert!(matches!(refused, Err(ProductError::PlanRefused { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_tenants_columns_are_emptied_along_the_key_and_what_only_a_persons_plan_may_do_is_refused() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let emptied =
            of_tenant("message", rewrite(&[("member_name", Rewrite::Null), ("portal_user_name", Rewrite::Null)]));
        let mut client = world.tenant().await;

        let (rows, _) = run(&mut client, by(1, 2), &emptied, Selection::Tenant).await;

        assert_eq!(rows, Ok(3));
        assert_eq!(numbers(&mut client).await, [(1, 2, false), (2, 1, true)]);
        let named = "SELECT count(*) FROM milestone.message WHERE coalesce(member_name, portal_user_name) IS NOT NULL";
        assert_eq!(world.number(named).await, 3, "of the other tenant");
        refused_for_a_tenant(&world, unless_owned("portal_user_id")).await;
        refused_for_a_tenant(&world, rewrite(&[("member_name", Rewrite::ErasurePseudonym)])).await;
        refused_for_a_tenant(&world, rewrite(&[])).await;
        assert_eq!(world.number(MESSAGES).await, 3);
    })
    .await;
}
