//! Every list is read page by page: each row once, whatever the size of a page and whatever arrives meanwhile.

use std::fmt::Debug;

use milestone_gateway::testing::{
    app::{
        ground::error::Error,
        intake::rejections,
        support::{
            cursor::{List, SortKey},
            pages::{self, Page, Paging},
        },
    },
    store::{event::EventFilter, job::JobFilter, look_up::RequestFilter},
};
use serde_json::json;

use crate::harness::{Delivery, Tenant, World, user_deleted};

/// Three tenants with requests, jobs, events and audit entries, many of them of the same instant; and rejected calls.
async fn a_busy_world() -> (World, Vec<Tenant>) {
    let world = World::new().await;
    let mut tenants = Vec::new();
    for name in ["acme", "globex", "initech"] {
        let tenant = world.a_tenant(name).await;
        let paula = world.a_portal_user(&tenant, "paula").await;
        let ann = world.a_team_member(&tenant, "ann", &paula).await;
        world.jira_sends(&tenant, &user_deleted(&ann, world.gateway.now())).await;
        tenants.push(tenant);
    }
    for tenant in &tenants {
        let bob = world.a_team_member(tenant, "bob", &world.a_portal_user(tenant, "petra").await).await;
        world.jira_sends(tenant, &user_deleted(&bob, world.gateway.now())).await;
        world
            .delivers(&tenant.source, &Delivery::signed("{}", Some("forged"), &crate::harness::secret_of("nobody")))
            .await;
    }
    rejections::write_out(world.gateway.intake()).await.unwrap();
    world.the_worker_drains().await;
    (world, tenants)
}

/// Walks a list by pages of `size`; `meanwhile` happens after each page.
async fn walk<T, K: SortKey>(
    list: List,
    size: i64,
    read: impl AsyncFn(Paging<K>) -> Result<Page<T>, Error>,
    meanwhile: impl AsyncFn(),
) -> Vec<T> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = read(Paging::new(size, after)).await.unwrap();
        assert!(page.rows.len() <= usize::try_from(size).unwrap());
        rows.extend(page.rows);
        // As a caller would: by the text that was printed.
        let Some(next) = page.next.map(|next| next.to_string()) else { return rows };
        after =
            Some(next.parse::<milestone_gateway::testing::app::support::cursor::Cursor>().unwrap().key(list).unwrap());
        meanwhile().await;
    }
}

/// Pages of every size hold what one page of everything holds, in the same order.
async fn every_size_holds_the_same<T, K: SortKey, N: Debug + PartialEq>(
    list: List,
    read: impl AsyncFn(Paging<K>) -> Result<Page<T>, Error>,
    name: impl Fn(T) -> N,
) -> usize {
    let whole = read(Paging::new(1_000, None)).await.unwrap();
    assert!(whole.next.is_none(), "{list:?}: there is no other page");
    let whole: Vec<N> = whole.rows.into_iter().map(&name).collect();
    for size in 1..=i64::try_from(whole.len()).unwrap() + 1 {
        let walked: Vec<N> = walk(list, size, &read, async || ()).await.into_iter().map(&name).collect();
        assert_eq!(walked, whole, "{list:?} by {size}");
    }
    whole.len()
}

#[tokio::test]
async fn pages_of_evidence_hold_every_sign_once_also_where_two_are_of_the_same_instant() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let signs =
        "INSERT INTO gateway.tenant_evidence (tenant_id, evidence_id, kind, installation, source_at, arrived_at)
        SELECT $1, gen_random_uuid(), 'installed', 'installation-' || n, now() - n / 2 * interval '1 hour', now()
        FROM generate_series(1, 5) n";
    world.admin.execute(signs, &[&acme.id.uuid()]).await.unwrap();

    let read = async |page: Paging<_>| pages::evidence(&world.gateway, acme.id, &page).await;
    let count = every_size_holds_the_same(List::Evidence, read, |row| row.evidence_id).await;

    assert_eq!(count, 5);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn pages_of_any_size_hold_every_row_exactly_once() {
    let (world, tenants) = a_busy_world().await;
    let gateway = &world.gateway;
    let (requests, jobs, events) = (RequestFilter::default(), JobFilter::default(), EventFilter::default());
    let of_acme = RequestFilter { tenant_id: Some(tenants[0].id), ..requests };

    let counted = [
        every_size_holds_the_same(
            List::Requests,
            async |page| pages::requests(gateway, &requests, &page).await,
            |(_, row)| row.request_id,
        )
        .await,
        every_size_holds_the_same(
            List::Requests,
            async |page| pages::requests(gateway, &of_acme, &page).await,
            |(_, row)| row.request_id,
        )
        .await,
        every_size_holds_the_same(
            List::Events,
            async |page| pages::events(gateway, &events, &page).await,
            |row| row.event_id,
        )
        .await,
        every_size_holds_the_same(
            List::Sources,
            async |page| pages::sources(gateway, &page).await,
            |row| row.facts.name,
        )
        .await,
        every_size_holds_the_same(
            List::Tenants,
            async |page| pages::tenants(gateway, &page).await,
            |row| row.tenant_id,
        )
        .await,
        every_size_holds_the_same(
            List::Rejections,
            async |page| pages::rejections(gateway, None, &page).await,
            |row| row,
        )
        .await,
    ];
    let jobs =
        every_size_holds_the_same(List::Jobs, async |page| pages::jobs(gateway, &jobs, &page).await, |row| row.job_id);
    let audited = every_size_holds_the_same(
        List::Audit,
        async |page| pages::audit(gateway, tenants[1].id, &page).await,
        |row| row.audit_id,
    );

    assert_eq!(counted, [6, 2, 6, 3, 3, 3]);
    let sql = |table: &str| format!("SELECT count(*) FROM gateway.{table}");
    assert_eq!(i64::try_from(jobs.await).unwrap(), world.number(&sql("job")).await);
    let entries = format!("audit_entry WHERE tenant_id = '{}'", tenants[1].id.uuid());
    assert_eq!(i64::try_from(audited.await).unwrap(), world.number(&sql(&entries)).await);
    world.ends_cleanly().await;
}

#[tokio::test]
async fn what_arrives_while_somebody_reads_moves_no_row_from_its_page() {
    let (world, tenants) = a_busy_world().await;
    let gateway = &world.gateway;
    let everything = Paging::new(1_000, None);
    let (events, requests) = (EventFilter::default(), RequestFilter::default());
    let events_before: Vec<_> =
        pages::events(gateway, &events, &everything).await.unwrap().rows.iter().map(|row| row.event_id).collect();
    let requests_before: Vec<_> = pages::requests(gateway, &requests, &everything).await.unwrap().rows;
    let requests_before: Vec<_> = requests_before.iter().map(|(_, row)| row.request_id).collect();
    let somebody_leaves = async || {
        let number = world.number("SELECT count(*) FROM gateway.event").await;
        world.time_passes(jiff::SignedDuration::from_secs(1));
        let tenant = &tenants[usize::try_from(number).unwrap() % tenants.len()];
        let (portal, member) = (format!("portal-{number}"), format!("member-{number}"));
        let person = world.a_team_member(tenant, &member, &world.a_portal_user(tenant, &portal).await).await;
        world.jira_sends(tenant, &user_deleted(&person, world.gateway.now())).await;
        world.jira_sends(tenant, &json!({ "number": number })).await;
        world.the_worker_drains().await;
    };

    let read = async |page| pages::events(gateway, &events, &page).await;
    let walked: Vec<_> = walk(List::Events, 2, read, &somebody_leaves).await.iter().map(|row| row.event_id).collect();
    assert_eq!(walked, events_before);
    let read = async |page| pages::requests(gateway, &requests, &page).await;
    let walked = walk(List::Requests, 1, read, &somebody_leaves).await;
    let walked: Vec<_> = walked.iter().map(|(_, row)| row.request_id).collect();
    let arrived = walked.len() - requests_before.len();
    assert_eq!(walked[arrived..], requests_before, "rows of before stand in their order, once each");
    assert!(world.number("SELECT count(*) FROM gateway.privacy_request").await > 8, "nothing has arrived meanwhile");
    world.ends_cleanly().await;
}
