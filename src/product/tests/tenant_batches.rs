//! A whole tenant's rows, page by page and along the key.

use crate::{
    domain::plan::{Disposal, Plan, Reach, Step},
    product::{
        ProductError, RootRow, Selection, VerifyError,
        batch::{Batch, BatchResult, Position},
        step::{front, run_batch},
        verify_tenant,
    },
};

use super::{harness::in_a_database, sample::*};

fn plan() -> Plan {
    let step =
        Step { number: 1, table: "activity_log".to_owned(), reach: Reach::Tenant, disposal: Disposal::DeleteRows };
    Plan { dataset: "milestone".to_owned(), schema: "milestone".to_owned(), subject_kind: None, steps: vec![step] }
}

fn worker(token: i64, rows: u32) -> Worker {
    Worker { plan_id: plan_id(1), token, rows }
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
    at: &Position,
    token: i64,
) -> Result<BatchResult, ProductError> {
    let (map, plan) = (map(), plan());
    let run = worker(token, rows).run_of(&plan, 1, Selection::Tenant);
    run_batch(client, scope(&map), &Batch { run, number, at }).await
}

/// Runs the step to its end; returns the rows of each batch.
async fn to_the_end(client: &mut tokio_postgres::Client, rows: u32) -> Vec<u64> {
    let (map, plan) = (map(), plan());
    let run = worker(1, rows).run_of(&plan, 1, Selection::Tenant);
    let mut at = front(client, scope(&map), &run).await.unwrap();
    let mut done = Vec::new();
    for number in 1..1_000 {
        let result = batch(client, (number, rows), &at, 1).await.unwrap();
        done.push(result.committed.rows);
        if result.committed.is_last {
            return done;
        }
        at = result.next.expect("a batch that ran now tells where the next begins");
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
async fn a_batch_runs_once_a_stale_worker_none_and_the_plan_of_another_selection_never() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world.seed(&activities('a', 10)).await;
        let (map, mut client) = (map(), world.tenant().await);
        let plan = plan();
        let run = worker(1, 3).run_of(&plan, 1, Selection::Tenant);
        let at = front(&mut client, scope(&map), &run).await.unwrap();

        let first = batch(&mut client, (1, 3), &at, 2).await.unwrap();
        let again = batch(&mut client, (1, 3), &at, 2).await.unwrap();
        let stale = batch(&mut client, (2, 3), &at, 1).await;

        assert_eq!(again, BatchResult { committed: first.committed, next: None });
        assert_eq!(stale, Err(ProductError::StaleWorker));
        let persons = member_plan();
        let run = worker(3, 3).run_of(&persons, 1, Selection::Tenant);
        let refused = run_batch(&mut client, scope(&map), &Batch { run, number: 1, at: &at }).await;
        assert!(matches!(refused, Err(ProductError::PlanRefused { .. })), "{refused:?}");
        let ann = ann();
        let run = worker(3, 3).run_of(&plan, 1, Selection::Person { key: &ann, pseudonym: PSEUDONYM });
        let refused = run_batch(&mut client, scope(&map), &Batch { run, number: 1, at: &Position::Front }).await;
        assert!(matches!(refused, Err(ProductError::PlanRefused { .. })), "{refused:?}");
        assert_eq!(world.number(OWN).await, 11 - i64::try_from(first.committed.rows).unwrap());
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
        let unreadable = verify_tenant(&mut reader, scope(&map), RootRow::MustBeThere).await;
        assert_eq!(unreadable, Err(VerifyError::Unreadable { table: "tenant".to_owned() }));
    })
    .await;
}
