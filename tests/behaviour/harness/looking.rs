//! What a test looks at, without row level security and without the code under test where that matters.

use std::collections::BTreeSet;

use milestone_gateway::testing::{
    app::{
        self,
        support::{
            pages::{self, Paging},
            report,
        },
    },
    domain::{EventId, RequestId, TenantId, request::RequestState},
    store::{
        event::EventRow,
        job::{JobFilter, JobRow},
        look_up::RequestFilter,
        request::RequestRow,
    },
};

use super::{Person, Tenant, World};

impl World {
    /// The single number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The single text that a query answers.
    pub(crate) async fn text(&self, sql: &str) -> Option<String> {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The event's row, however it ended.
    pub(crate) async fn event(&self, id: EventId) -> EventRow {
        report::event(&self.gateway, id).await.unwrap()
    }

    /// `applied: offboarding_started`
    pub(crate) async fn outcome_of(&self, accepted: app::intake::delivery::Accepted) -> String {
        let event = self.event(accepted.event_id.expect("an accepted delivery")).await;
        format!("{}: {}", event.outcome.unwrap_or_default(), event.outcome_reason.unwrap_or_default())
    }

    /// All requests of a tenant, oldest first.
    pub(crate) async fn requests(&self, tenant: &Tenant) -> Vec<RequestRow> {
        let filter = RequestFilter { tenant_id: Some(tenant.id), ..RequestFilter::default() };
        let mut found = pages::requests(&self.gateway, &filter, &Paging::new(100, None)).await.unwrap().rows;
        found.reverse();
        found.into_iter().map(|(_, request)| request).collect()
    }

    /// The tenant's youngest request.
    pub(crate) async fn request(&self, tenant: &Tenant) -> RequestRow {
        self.requests(tenant).await.pop().expect("a request")
    }

    pub(crate) async fn state_of_request(&self, tenant: &Tenant) -> RequestState {
        self.request(tenant).await.state
    }

    pub(crate) async fn jobs_of(&self, request: RequestId) -> Vec<JobRow> {
        let filter = JobFilter { request_id: Some(request), ..JobFilter::default() };
        report::jobs(&self.gateway, &filter, 100).await.unwrap()
    }

    /// The receipt of the tenant's youngest request.
    pub(crate) async fn receipt(&self, tenant: &Tenant) -> Option<String> {
        let request = self.request(tenant).await.request_id;
        report::request(&self.gateway, request).await.unwrap().receipt
    }

    /// True when the product's sign-in still lets the person in.
    pub(crate) async fn may_sign_in(&self, person: &Person) -> bool {
        let sql = format!(
            "SELECT count(*) FROM milestone.member_with_access WHERE tenant_id = '{}' AND account_id = '{}'",
            person.tenant_key, person.account_id
        );
        self.number(&sql).await == 1
    }

    /// True while nothing keeps a portal user out of the product.
    pub(crate) async fn may_use_the_portal(&self, person: &Person) -> bool {
        let sql = format!(
            "SELECT count(*) FROM milestone.portal_user
             WHERE tenant_id = '{}' AND firebase_uid = '{}' AND restricted_at IS NULL",
            person.tenant_key, person.account_id
        );
        self.number(&sql).await == 1
    }

    /// What was recorded for a tenant, oldest first.
    pub(crate) async fn audited(&self, tenant: TenantId) -> Vec<String> {
        let mut entries = pages::audit(&self.gateway, tenant, &Paging::new(1_000, None)).await.unwrap().rows;
        entries.reverse();
        entries.into_iter().map(|entry| entry.action).collect()
    }

    /// Who has done something for a tenant, each actor once.
    pub(crate) async fn who_did(&self, tenant: TenantId, action: &str) -> BTreeSet<String> {
        let entries = pages::audit(&self.gateway, tenant, &Paging::new(1_000, None)).await.unwrap().rows;
        entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.actor).collect()
    }

    /// Everything the gateway itself remembers, as one text. Bytes stand there in hexadecimal.
    pub(crate) async fn memory_of_the_gateway(&self) -> String {
        let mut rows = self.rows_of_schema("gateway").await;
        rows.extend(self.rows_of_schema("milestone_gateway").await);
        rows.into_iter().map(|(table, row)| format!("{table}: {row}")).collect::<Vec<_>>().join("\n")
    }

    pub(super) async fn nothing_is_left_to_do(&self) {
        let (events, jobs) = report::backlog(&self.gateway).await.unwrap();
        assert_eq!((events, jobs), (0, 0), "the test leaves pending events or due jobs behind");
        let leased = "SELECT (SELECT count(*) FROM gateway.event WHERE lease_until IS NOT NULL)
            + (SELECT count(*) FROM gateway.job WHERE lease_until IS NOT NULL)";
        assert_eq!(self.number(leased).await, 0, "the test leaves leased work behind");
        let stuck = "SELECT count(*) FROM gateway.job WHERE state = 'parked'";
        assert_eq!(self.number(stuck).await, 0, "the test leaves parked jobs behind");
        self.events_balance().await;
    }

    pub(crate) async fn events_balance(&self) {
        let balance = report::balance(&self.gateway).await.unwrap();
        let ended = balance.applied + balance.ignored + balance.dead_lettered;
        assert_eq!(balance.accepted, balance.pending + ended, "{balance:?}");
    }
}
