//! A request, a run or a job is found by its id alone, and it costs the same at any number of tenants.

use milestone_gateway::testing::{
    app::{
        Databases, Gateway,
        support::{
            pages::{self, Paging},
            replay, report,
        },
    },
    domain::{JobId, RequestId, RunId, TenantId},
    store::{
        TenantTx,
        job::JobFilter,
        look_up::{self, RequestFilter, Wanted},
    },
};
use uuid::Uuid;

use crate::harness::{Tenant, World, data_map, user_deleted};

/// A tenant with an open request of one person.
async fn a_request(world: &World, name: &str) -> (Tenant, RequestId) {
    let tenant = world.a_tenant(name).await;
    let paula = world.a_portal_user(&tenant, "paula").await;
    let ann = world.a_team_member(&tenant, "ann", &paula).await;
    world.jira_sends(&tenant, &user_deleted(&ann, world.gateway.now())).await;
    world.the_worker_drains().await;
    let request = world.request(&tenant).await.request_id;
    (tenant, request)
}

async fn more_tenants(world: &World, count: i32) {
    let sql = "INSERT INTO gateway.tenant (tenant_id, stable_key, created_at)
        SELECT gen_random_uuid(), gen_random_uuid(), now() FROM generate_series(1, $1)";
    world.admin.execute(sql, &[&count]).await.unwrap();
}

/// The run that carries this request out; its day has come.
async fn a_run_of(world: &World, request: RequestId) -> RunId {
    report::request(&world.gateway, request).await.unwrap().request.run.expect("its day has come").run_id
}

/// A gateway that has one connection of each role, so that the connection's own count is that of everything it does.
fn gateway_of_single_connections(world: &World) -> Gateway {
    let databases = Databases {
        queue: world.database.pool_of("gw_queue", 1),
        tenant: world.database.pool_of("gw_tenant", 1),
        product: world.database.pool_of("gw_tenant", 1),
    };
    world.another_gateway_with(data_map(), databases)
}

/// How many transactions the connections of the queue and of tenants have begun: a backend numbers its own.
async fn transactions_begun(gateway: &Gateway) -> i64 {
    let sql = "SELECT split_part(virtualtransaction, '/', 2)::bigint FROM pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'virtualxid'";
    let mut begun = 0;
    for pool in [&gateway.databases().queue, &gateway.databases().tenant] {
        begun += pool.client().await.unwrap().query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    }
    begun
}

/// What a look-up costs, once its statements are prepared and the catalog is read.
async fn cost_of(gateway: &Gateway, look_up: impl AsyncFn()) -> i64 {
    look_up().await;
    let before = transactions_begun(gateway).await;
    look_up().await;
    transactions_begun(gateway).await - before
}

#[tokio::test]
async fn a_look_up_by_id_costs_the_same_with_three_tenants_and_with_forty() {
    let world = World::new().await;
    let (acme, request) = a_request(&world, "acme").await;
    more_tenants(&world, 2).await;
    let job = world.jobs_of(request).await.first().expect("a job").job_id;
    world.days_pass(84).await;
    let run = a_run_of(&world, request).await;
    let gateway = gateway_of_single_connections(&world);
    let by_run = async || {
        let found = report::request_of_run(&gateway, run).await.unwrap();
        assert_eq!((found.tenant_id, found.request.request_id), (acme.id, request));
    };
    let by_request = async || {
        let found = report::request(&gateway, request).await.unwrap();
        assert_eq!((found.tenant_id, found.request.request_id), (acme.id, request));
        assert!(!found.jobs.is_empty());
    };
    let by_job = async || {
        let found = report::job(&gateway, job).await.unwrap();
        assert_eq!((found.tenant_id, found.job_id), (acme.id, job));
    };
    let listed = async || {
        let page = pages::requests(&gateway, &RequestFilter::default(), &Paging::new(50, None)).await.unwrap();
        assert_eq!(page.rows.len(), 1);
    };
    let costs = async || {
        [
            cost_of(&gateway, by_request).await,
            cost_of(&gateway, by_run).await,
            cost_of(&gateway, by_job).await,
            cost_of(&gateway, listed).await,
        ]
    };

    let of_three = costs().await;
    more_tenants(&world, 37).await;
    let of_forty = costs().await;

    assert!(of_three.iter().all(|cost| *cost > 0), "{of_three:?}: nothing was counted");
    assert_eq!(of_three[0], of_three[1], "by its run a request costs what it costs by its id");
    assert_eq!(of_three, of_forty, "transactions of: a request, a run, a job, a page of requests");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_queue_learns_whose_an_id_is_and_nothing_of_an_id_that_nobody_has() {
    let world = World::new().await;
    let (acme, request) = a_request(&world, "acme").await;
    let (globex, other) = a_request(&world, "globex").await;
    world.days_pass(84).await;
    let queue = world.gateway.databases().queue.client().await.unwrap();
    let tenant_of = async |wanted| look_up::tenant_of(&queue, wanted).await.unwrap();
    let job = world.jobs_of(other).await.first().expect("a job").job_id;
    let run = a_run_of(&world, other).await;
    let whose_receipt = "SELECT gateway.tenant_of('receipt', receipt_id) = tenant_id FROM gateway.receipt";
    let receipts = world.admin.query(whose_receipt, &[]).await.unwrap();

    assert_eq!(tenant_of(Wanted::Request(request)).await, Some(acme.id));
    assert_eq!(tenant_of(Wanted::Request(other)).await, Some(globex.id));
    assert_eq!(tenant_of(Wanted::Run(run)).await, Some(globex.id));
    assert_eq!(report::request_of_run(&world.gateway, run).await.unwrap().request.request_id, other);
    assert_eq!(tenant_of(Wanted::Job(job)).await, Some(globex.id));
    assert_eq!(receipts.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [true, true]);
    assert_eq!(tenant_of(Wanted::Request(RequestId::from_uuid(job.uuid()))).await, None, "a job is no request");
    assert_eq!(tenant_of(Wanted::Job(JobId::from_uuid(Uuid::nil()))).await, None);
    let unknown = queue.query("SELECT gateway.tenant_of('identity', $1)", &[&request.uuid()]).await;
    assert!(unknown.is_err(), "only what is on the list can be looked up");
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_is_looked_up_in_vain_is_not_found() {
    let world = World::new().await;
    let _ = a_request(&world, "acme").await;
    let nobody = Uuid::from_u128(1);

    let request = report::request(&world.gateway, RequestId::from_uuid(nobody)).await.err().expect("no request");
    let job = report::job(&world.gateway, JobId::from_uuid(nobody)).await.unwrap_err();
    let retried = replay::retry_job(&world.gateway, &world.tester, JobId::from_uuid(nobody)).await.unwrap_err();
    let tenant = report::tenant(&world.gateway, TenantId::from_uuid(nobody), 10).await.err().expect("no tenant");
    let platform = report::tenant(&world.gateway, TenantId::PLATFORM, 10).await.err().expect("the platform is none");

    let said = [request, job, retried, tenant, platform].map(|error| error.to_string());
    let expected = ["request", "job", "job", "tenant", "tenant"].map(|what| format!("there is no such {what}"));
    assert_eq!(said, expected);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn the_functions_that_look_across_tenants_let_nobody_else_do_so() {
    let world = World::new().await;
    let (acme, request) = a_request(&world, "acme").await;
    let globex = world.a_tenant("globex").await;
    let mut client = world.gateway.databases().tenant.client().await.unwrap();

    let tx = TenantTx::begin(&mut client, globex.id).await.unwrap();
    let seen = milestone_gateway::testing::store::request::read(&tx, request).await.unwrap();
    assert!(seen.is_none(), "a request of another tenant was read");
    drop(tx);
    let queue = world.database.connected_as("gw_queue").await;
    let columns = queue.query("SELECT * FROM gateway.page_of_requests(NULL, NULL, NULL, NULL, NULL, 9)", &[]).await;
    let columns = columns.unwrap();
    let names: Vec<&str> = columns[0].columns().iter().map(tokio_postgres::Column::name).collect();
    assert_eq!(names, ["tenant_id", "request_id", "opened_at"]);
    assert_eq!(columns[0].get::<_, Uuid>(0), acme.id.uuid());
    let jobs = report::jobs(&world.gateway, &JobFilter { tenant_id: Some(globex.id), ..JobFilter::default() }, 5).await;
    assert!(jobs.unwrap().is_empty());
    world.ends_cleanly().await;
}
