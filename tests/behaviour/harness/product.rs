//! The reference product's rows: who is seeded, what is left of them, and what everybody else's rows look like.

use std::collections::BTreeMap;

use super::World;

/// An MSP with its source.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    /// `acme`
    pub(crate) name: String,
    /// The cloudId, as the product stores it.
    pub(crate) key: String,
    /// The name of its source.
    pub(crate) source: String,
    /// Our id.
    pub(crate) id: milestone_gateway::testing::domain::TenantId,
}

/// A person of the product, of whichever kind.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) tenant_key: String,
    /// The key of the person's own row.
    pub(crate) row_id: String,
    /// Account id or uid.
    pub(crate) account_id: String,
    pub(crate) email: String,
    pub(crate) display_name: String,
}

impl Person {
    fn new(tenant: &Tenant, name: &str, account_id: String) -> Self {
        Self {
            tenant_key: tenant.key.clone(),
            row_id: uuid_of(&[&tenant.name, name]),
            account_id,
            email: format!("{name}@{}.example", tenant.name),
            display_name: format!("{name} Of-{}", tenant.name),
        }
    }

    /// Everything that tells who it is.
    pub(crate) fn identifiers(&self) -> [&str; 4] {
        [&self.row_id, &self.account_id, &self.email, &self.display_name]
    }
}

/// A uuid that the same words always give, so that two worlds hold the same rows.
pub(crate) fn uuid_of(words: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(words.join("/").as_bytes());
    uuid::Builder::from_random_bytes(digest[..16].try_into().unwrap()).into_uuid().to_string()
}

const TENANT: &str = "
INSERT INTO milestone.tenant VALUES ('$tenant', '$name Ltd', '$name.atlassian.net', '2026-01-01T00:00:00Z');
INSERT INTO milestone.client VALUES
    ('$tenant', '$client', 'First client of $name', '2026-01-01T00:00:00Z'),
    ('$tenant', '$other_client', 'Second client of $name', '2026-01-01T00:00:00Z');";

const PORTAL_USER: &str = "
INSERT INTO milestone.portal_user VALUES
    ('$tenant', '$person', '$client', '$account', '$email', '$full_name', '2026-01-01T00:00:00Z');
INSERT INTO milestone.session VALUES
    ('$tenant', '$session', NULL, '$person', NULL, 'digest', '192.0.2.9', '2026-01-02T00:00:00Z');
INSERT INTO milestone.notification VALUES ('$tenant', '$note', NULL, '$person', 'An answer', '2026-01-02T00:00:00Z');
INSERT INTO milestone.notification_delivery VALUES ('$tenant', '$sent', '$note', '$email', '2026-01-02T00:00:00Z');
INSERT INTO milestone.activity_log VALUES
    ('$tenant', '$activity', NULL, '$person', 'request_opened', '{}', '2026-01-02T00:00:00Z');";

const DELIVERY_USER: &str = "
INSERT INTO milestone.delivery_user VALUES
    ('$tenant', '$person', '$account', '$email', '$full_name', '2026-01-01T00:00:00Z');
INSERT INTO milestone.session VALUES
    ('$tenant', '$session', NULL, NULL, '$person', 'digest', '192.0.2.7', '2026-01-02T00:00:00Z');";

/// A row in every table that can name a team member, and two where one row more makes a difference.
const TEAM_MEMBER: &str = "
INSERT INTO milestone.team_member VALUES
    ('$tenant', '$person', '$account', '$full_name', '$email', '2026-01-01T00:00:00Z');
INSERT INTO milestone.role_assignment VALUES
    ('$tenant', '$person', 'agent', '2026-01-01T00:00:00Z'), ('$tenant', '$person', 'lead', '2026-01-01T00:00:00Z');
INSERT INTO milestone.service_request VALUES
    ('$tenant', '$request', '$client', '$issue', 'A printer', 'It is on fire', '$portal', '$portal_name',
     '$person', '$full_name', 'open', '2026-01-02T00:00:00Z', NULL);
INSERT INTO milestone.message VALUES
    ('$tenant', '$shared', '$request', '$person', '$full_name', '$portal', '$portal_name', 'member', 'On my way',
     '2026-01-02T00:00:00Z'),
    ('$tenant', '$alone', '$request', '$person', '$full_name', NULL, NULL, 'member', 'A note to self',
     '2026-01-02T00:00:00Z');
INSERT INTO milestone.hours_entry (tenant_id, worklog_id, issue_id, request_id, author_account_id, seconds, work_day,
    source_updated_at)
SELECT '$tenant', '$issue' || n, '$issue', '$request', '$account', 600 * n, '2026-01-02', '2026-01-02T00:00:00Z'
FROM generate_series(1, 3) AS n;
INSERT INTO milestone.sla_metric VALUES ('$tenant', '$request', 'first_answer', '$person', 3600, 1200);
INSERT INTO milestone.activity_log VALUES
    ('$tenant', '$activity', '$account', NULL, 'request_assigned', '{\"outcome\": \"done\"}', '2026-01-02T00:00:00Z');
INSERT INTO milestone.session VALUES
    ('$tenant', '$session', '$person', NULL, NULL, 'digest', '192.0.2.1', '2026-01-02T00:00:00Z');
INSERT INTO milestone.notification VALUES ('$tenant', '$note', '$person', NULL, 'A request', '2026-01-02T00:00:00Z');
INSERT INTO milestone.notification_delivery VALUES ('$tenant', '$sent', '$note', '$email', '2026-01-02T00:00:00Z');";

impl World {
    pub(super) async fn seed_tenant(&self, name: &str, key: &String) {
        let (client, other) = (uuid_of(&[name, "client"]), uuid_of(&[name, "other client"]));
        let words = [("$tenant", key), ("$name", &name.to_owned()), ("$client", &client), ("$other_client", &other)];
        self.run_with(TENANT, &words).await;
    }

    /// An end client of the tenant's first client, with a session, a notification and an activity.
    pub(crate) async fn a_portal_user(&self, tenant: &Tenant, name: &str) -> Person {
        let person = Person::new(tenant, name, format!("uid-{name}-{}", tenant.name));
        self.run_for(PORTAL_USER, tenant, &person, None).await;
        person
    }

    /// The same person as a portal user of another tenant: one account of the identity project, two tenants.
    pub(crate) async fn the_same_portal_user(&self, tenant: &Tenant, name: &str, uid: &str) -> Person {
        let person = Person::new(tenant, name, uid.to_owned());
        self.run_for(PORTAL_USER, tenant, &person, None).await;
        person
    }

    /// A user of the delivery app, with a session.
    pub(crate) async fn a_delivery_user(&self, tenant: &Tenant, name: &str) -> Person {
        let person = Person::new(tenant, name, format!("uid-{name}-{}", tenant.name));
        self.run_for(DELIVERY_USER, tenant, &person, None).await;
        person
    }

    /// A team member with rows in every table that can name one; requests and a message are shared with `portal_user`.
    pub(crate) async fn a_team_member(&self, tenant: &Tenant, name: &str, portal_user: &Person) -> Person {
        self.a_team_member_as(tenant, name, account_id(&tenant.name, name), portal_user).await
    }

    /// The same under an account id that a sender's payload names.
    pub(crate) async fn a_team_member_as(
        &self,
        tenant: &Tenant,
        name: &str,
        account_id: String,
        portal_user: &Person,
    ) -> Person {
        let person = Person::new(tenant, name, account_id);
        self.run_for(TEAM_MEMBER, tenant, &person, Some(portal_user)).await;
        person
    }

    /// A team member of another tenant who is the same person at Atlassian.
    pub(crate) async fn the_same_team_member(&self, tenant: &Tenant, of: &Person, portal_user: &Person) -> Person {
        let person = Person::new(tenant, &of.row_id, of.account_id.clone());
        self.run_for(TEAM_MEMBER, tenant, &person, Some(portal_user)).await;
        person
    }

    async fn run_for(&self, sql: &str, tenant: &Tenant, person: &Person, portal_user: Option<&Person>) {
        let id = |what: &str| uuid_of(&[&tenant.name, &person.account_id, what]);
        let mut words: Vec<(&str, String)> = ["session", "note", "sent", "activity", "request", "shared", "alone"]
            .iter()
            .map(|what| (*what, id(what)))
            .collect();
        words.push(("client", uuid_of(&[&tenant.name, "client"])));
        words.push(("issue", issue_of(person)));
        words.push(("person", person.row_id.clone()));
        words.push(("account", person.account_id.clone()));
        words.push(("email", person.email.clone()));
        words.push(("full_name", person.display_name.clone()));
        words.push(("tenant", tenant.key.clone()));
        if let Some(portal_user) = portal_user {
            words.push(("portal_name", portal_user.display_name.clone()));
            words.push(("portal", portal_user.row_id.clone()));
        }
        let words: Vec<_> = words.into_iter().map(|(name, value)| (format!("${name}"), value)).collect();
        let words: Vec<_> = words.iter().map(|(name, value)| (name.as_str(), value)).collect();
        self.run_with(sql, &words).await;
    }

    async fn run_with(&self, sql: &str, words: &[(&str, &String)]) {
        let filled = words.iter().fold(sql.to_owned(), |text, (name, value)| text.replace(name, value));
        self.admin.batch_execute(&filled).await.unwrap();
    }

    /// Every row of the product's schema, as `table` and text, in order.
    pub(crate) async fn product_rows(&self) -> Vec<(String, String)> {
        self.rows_of_schema("milestone").await
    }

    /// Every row of a schema, as `table` and text, in order. Partitions are read through their parents.
    pub(crate) async fn rows_of_schema(&self, schema: &str) -> Vec<(String, String)> {
        let tables = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1";
        let mut rows = Vec::new();
        for table in self.admin.query(tables, &[&schema]).await.unwrap() {
            let table: String = table.get(0);
            let sql = format!("SELECT t::text FROM {schema}.{table} AS t ORDER BY 1");
            let found = self.admin.query(&sql, &[]).await.unwrap();
            rows.extend(found.iter().map(|row| (table.clone(), row.get(0))));
        }
        rows
    }

    /// How many rows of each table of the product tell of this person, by row id, account id, e-mail or name.
    pub(crate) async fn rows_about(&self, person: &Person) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (table, row) in self.product_rows().await {
            if person.identifiers().iter().any(|identifier| row.contains(identifier)) {
                *counts.entry(table).or_insert(0) += 1;
            }
        }
        counts
    }
}

/// The issue that the product's request of a team member belongs to: decimal digits, as Jira's are.
pub(crate) fn issue_of(person: &Person) -> String {
    let number = u32::from_str_radix(&uuid_of(&[&person.account_id, "issue"])[..6], 16).unwrap();
    (100_000 + number).to_string()
}

fn account_id(tenant: &str, name: &str) -> String {
    format!("712020:{}", uuid_of(&[tenant, name, "account"]))
}
