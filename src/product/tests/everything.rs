//! A whole tenant's rows, page by page and along the key.

use crate::{
    domain::plan::{Disposal, Plan, Reach, Step},
    product::{
        ProductError, RootRow, VerifyError, WholeBatch, WholeBatchResult, front, run_whole_batch, verify_tenant,
    },
};

use super::{harness::in_a_database, sample::*};

fn plan() -> Plan {
    let step =
        Step { number: 1, table: "activity_log".to_owned(), reach: Reach::Tenant, disposal: Disposal::DeleteRows };
    Plan { dataset: "milestone".to_owned(), schema: "milestone".to_owned(), subject_kind: None, steps: vec![step] }
}

/// So many activities of the tenant whose id ends with this letter, and fresh statistics.
fn activities(tenant: char, count: u32) -> String {
    format!(
        "INSERT INTO milestone.activity_log SELECT '00000000-0000-0000-0000-00000000000{tenant}', gen_random_uuid(), 'x',
            NULL, 'opened', '{{}}', now() FROM generate_series(1, {count}); ANALYZE milestone.activity_log"
    )
}

const OWN: &str = "SELECT count(*) FROM milestone.activity_log WHERE tenant_id::text LIKE '%a'";
const OTHERS: &str = "SELECT count(*) FROM milestone.activity_log WHERE tenant_id::text LIKE '%b'";

async fn batch(
    client: &mut tokio_postgres::Client,
    (number, rows): (i32, u32),
    at: &crate::product::Position,
    token: i64,
) -> Result<WholeBatchResult, ProductError> {
    let (map, plan) = (map(), plan());
    let step = &plan.steps[0];
    let batch = WholeBatch { plan: &plan, step, job: job(1), token, batch_number: number, batch_rows: rows, at };
    run_whole_batch(client, scope(&map), &batch).await
}

/// Runs the step to its end; returns the rows of each batch.
async fn to_the_end(client: &mut tokio_postgres::Client, rows: u32) -> Vec<u64> {
    let (map, plan) = (map(), plan());
    let mut at = front(client, scope(&map), &plan.steps[0], rows).await.unwrap();
    let mut done = Vec::new();
    for number in 1..1_000 {
        let result = batch(client, (number, rows), &at, 1).await.unwrap();
        done.push(result.rows);
        if result.is_last {
            return done;
        }
        at = result.position.expect("a batch that ran now tells where the next begins");
    }
    panic!("the step does not end");
}

#[tokio::test]
async fn a_tenant_that_owns_little_of_a_table_goes_along_the_key_in_exact_batches() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world.seed(&activities('b', 5_000)).await;
        world.seed(&activities('a', 6)).await;
        let mut client = world.tenant().await;

        let done = to_the_end(&mut client, 3).await;

        assert_eq!(done, [3, 3, 1]);
        assert_eq!((world.number(OWN).await, world.number(OTHERS).await), (0, 5_001));
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_owns_much_of_a_table_goes_page_by_page_and_nobody_else_does() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world.seed(&activities('a', 2_000)).await;
        world.seed(&activities('b', 2_000)).await;
        world.seed(&activities('a', 2_000)).await;
        let mut client = world.tenant().await;

        let done = to_the_end(&mut client, 400).await;

        assert!(done.len() > 5 && done.iter().all(|rows| *rows <= 5 * 400), "{done:?}");
        assert_eq!(done.iter().sum::<u64>(), 4_001);
        assert_eq!((world.number(OWN).await, world.number(OTHERS).await), (0, 2_001));
    })
    .await;
}

#[tokio::test]
async fn a_batch_runs_once_a_stale_worker_none_and_a_persons_plan_never() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world.seed(&activities('a', 10)).await;
        let (map, mut client) = (map(), world.tenant().await);
        let at = front(&mut client, scope(&map), &plan().steps[0], 3).await.unwrap();

        let first = batch(&mut client, (1, 3), &at, 2).await.unwrap();
        let again = batch(&mut client, (1, 3), &at, 2).await.unwrap();
        let stale = batch(&mut client, (2, 3), &at, 1).await;

        assert_eq!((again.rows, again.is_last, again.position), (first.rows, first.is_last, None));
        assert_eq!(stale, Err(ProductError::StaleWorker));
        let persons = member_plan();
        let step = &persons.steps[0];
        let batch = WholeBatch { plan: &persons, step, job: job(1), token: 3, batch_number: 1, batch_rows: 3, at: &at };
        let refused = run_whole_batch(&mut client, scope(&map), &batch).await;
        assert!(matches!(refused, Err(ProductError::PlanRefused { .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn the_reader_counts_what_is_left_and_must_see_the_tenants_own_row_first() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut reader) = (map(), world.reader().await);

        let report = verify_tenant(&mut reader, scope(&map), RootRow::MustBeThere).await.unwrap();

        let left: Vec<_> = report.left.iter().map(|found| (found.column.as_str(), found.rows)).collect();
        assert!(left.contains(&("milestone.message.tenant_id", 3)), "{left:?}");
        assert!(!left.iter().any(|(column, _)| *column == "milestone.tenant.tenant_id"), "{left:?}");
        let report = verify_tenant(&mut reader, scope(&map), RootRow::MustBeGone).await.unwrap();
        assert!(report.left.iter().any(|found| found.column == "milestone.tenant.tenant_id"));
        world.admin().await.batch_execute("ALTER POLICY one_tenant ON milestone.tenant TO gw_tenant").await.unwrap();
        let blind = verify_tenant(&mut reader, scope(&map), RootRow::MustBeThere).await;
        assert_eq!(blind, Err(VerifyError::Blind { table: "tenant".to_owned() }));
    })
    .await;
}
