//! A small part of the reference product: its data map and a plan, made by hand, and a few people.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    datamap::map::{
        Collection, DataMap, Field, FieldReference, Ownership, Role, Session, SessionLink, SubjectRoot, TenantRoot,
        WorklogLink, WorklogSink,
    },
    domain::{
        IdentityKind, Personal, PlanId, SubjectKind,
        plan::{ColumnRewrite, Disposal, Plan, Reach, Rewrite, Step},
    },
    product::{
        PersonKey, ProductError, Selection, StepRun, TenantScope,
        batch::{Batch, Position},
        marker::Committed,
        step::run_batch,
    },
};

pub(super) const TENANT: &str = "00000000-0000-0000-0000-00000000000a";
pub(super) const OTHER_TENANT: &str = "00000000-0000-0000-0000-00000000000b";
pub(super) const ANN: &str = "557058:ann-0001";
pub(super) const ANN_EMAIL: &str = "ann@msp.example";
pub(super) const CAROL: &str = "uid-carol";
pub(super) const PSEUDONYM: &str = "erased-0123456789abcdef";

/// Two tenants with the same people: Ann and Bob (members, one mailbox), Carol (portal user). Ann has a role, a session, two
/// notifications with deliveries, three messages (with Carol, alone, alone), two hours, an activity and a request.
pub(super) const PEOPLE: &str = "
SELECT set_config('test.tenant', '00000000-0000-0000-0000-00000000000$', FALSE);
INSERT INTO milestone.tenant VALUES (current_setting('test.tenant')::uuid, 'MSP', 'msp.example', now());
INSERT INTO milestone.client VALUES (current_setting('test.tenant')::uuid, md5('client')::uuid, 'Client', now());
INSERT INTO milestone.team_member VALUES
    (current_setting('test.tenant')::uuid, md5('ann')::uuid, '557058:ann-0001', 'Ann', 'ann@msp.example', now()),
    (current_setting('test.tenant')::uuid, md5('bob')::uuid, '557058:bob-0002', 'Bob', 'bob@msp.example', now());
INSERT INTO milestone.role_assignment VALUES (current_setting('test.tenant')::uuid, md5('ann')::uuid, 'lead', now());
INSERT INTO milestone.portal_user VALUES
    (current_setting('test.tenant')::uuid, md5('carol')::uuid, md5('client')::uuid, 'uid-carol', 'carol@client.example', 'Carol', now());
INSERT INTO milestone.service_request (tenant_id, request_id, client_id, issue_id, summary, requester_id, requester_name,
    assignee_id, assignee_name, status, created_at)
VALUES (current_setting('test.tenant')::uuid, md5('request')::uuid, md5('client')::uuid, '10001', 'Printer',
    md5('carol')::uuid, 'Carol', md5('ann')::uuid, 'Ann', 'open', now());
INSERT INTO milestone.message VALUES
    (current_setting('test.tenant')::uuid, md5('m1')::uuid, md5('request')::uuid, md5('ann')::uuid, 'Ann', md5('carol')::uuid, 'Carol', 'member', 'Hello', now()),
    (current_setting('test.tenant')::uuid, md5('m2')::uuid, md5('request')::uuid, md5('ann')::uuid, 'Ann', NULL, NULL, 'member', 'Note', now()),
    (current_setting('test.tenant')::uuid, md5('m3')::uuid, md5('request')::uuid, md5('ann')::uuid, 'Ann', NULL, NULL, 'member', 'Note', now());
INSERT INTO milestone.hours_entry (tenant_id, worklog_id, issue_id, author_account_id, seconds, work_day, source_updated_at)
SELECT current_setting('test.tenant')::uuid, n::text, '10001', '557058:ann-0001', 60, '2026-01-01', '2026-01-01T00:00:00Z'
FROM generate_series(1, 2) AS n;
INSERT INTO milestone.activity_log VALUES
    (current_setting('test.tenant')::uuid, md5('a1')::uuid, '557058:ann-0001', NULL, 'opened', '{}', now());
INSERT INTO milestone.session VALUES
    (current_setting('test.tenant')::uuid, md5('s1')::uuid, md5('ann')::uuid, NULL, NULL, 'digest', '192.0.2.1', now()),
    (current_setting('test.tenant')::uuid, md5('s2')::uuid, md5('bob')::uuid, NULL, NULL, 'digest', '192.0.2.2', now());
INSERT INTO milestone.notification VALUES
    (current_setting('test.tenant')::uuid, md5('n1')::uuid, md5('ann')::uuid, NULL, 'Due', now()),
    (current_setting('test.tenant')::uuid, md5('n2')::uuid, md5('ann')::uuid, NULL, 'Due', now());
INSERT INTO milestone.notification_delivery VALUES
    (current_setting('test.tenant')::uuid, md5('d1')::uuid, md5('n1')::uuid, 'ann@msp.example', now()),
    (current_setting('test.tenant')::uuid, md5('d2')::uuid, md5('n2')::uuid, 'ann@msp.example', now());
";

/// The seed of both tenants.
pub(super) fn people() -> String {
    format!("{}{}", PEOPLE.replace('$', "a"), PEOPLE.replace('$', "b"))
}

pub(super) fn scope(map: &DataMap) -> TenantScope<'_> {
    TenantScope { map, tenant_key: TENANT }
}

pub(super) fn kind(word: &str) -> SubjectKind {
    SubjectKind::parse(word).unwrap()
}

pub(super) fn ann() -> PersonKey {
    let identities = vec![(IdentityKind::AtlassianAccountId, Personal::new(ANN.to_owned()))];
    PersonKey { kind: kind("msp_team_member"), identities }
}

pub(super) fn carol() -> PersonKey {
    let identities = vec![(IdentityKind::FirebaseUid, Personal::new(CAROL.to_owned()))];
    PersonKey { kind: kind("portal_user"), identities }
}

pub(super) fn plan_id(number: u128) -> PlanId {
    PlanId::from_uuid(Uuid::from_u128(number))
}

fn subject(collection: &str, anchor: IdentityKind, column: &str) -> SubjectRoot {
    SubjectRoot {
        collection: collection.to_owned(),
        identities: BTreeMap::from([(anchor, column.to_owned()), (IdentityKind::Email, "email".to_owned())]),
        anchor,
        restricted_column: "restricted_at".to_owned(),
        flagged_column: "marked_for_deletion_at".to_owned(),
        sessions: Vec::new(),
        profile: BTreeMap::new(),
    }
}

fn field(references: Option<(&str, &str)>) -> Field {
    let references = references
        .map(|(collection, column)| FieldReference { collection: collection.to_owned(), column: column.to_owned() });
    Field { data_categories: Vec::new(), references, rewrite: None, is_free_text: false }
}

/// A collection with its key, its bonds `(column, collection, column)` and its free text.
fn collection(key: &[&str], bonds: &[(&str, &str, &str)], free_text: &[&str]) -> Collection {
    let mut fields: BTreeMap<String, Field> =
        bonds.iter().map(|(by, parent, column)| ((*by).to_owned(), field(Some((parent, column))))).collect();
    for name in free_text {
        fields.insert((*name).to_owned(), Field { is_free_text: true, ..field(None) });
    }
    let ownership =
        bonds.iter().map(|(by, ..)| Ownership { by: (*by).to_owned(), role: Role::Owned, also_rewrites: Vec::new() });
    let primary_key = std::iter::once("tenant_id").chain(key.iter().copied()).map(str::to_owned).collect();
    Collection { fields, primary_key, ownership: ownership.collect() }
}

pub(super) fn map() -> DataMap {
    let member = ("member_id", "team_member", "member_id");
    let portal_user = ("portal_user_id", "portal_user", "portal_user_id");
    let author = ("author_account_id", "team_member", "account_id");
    let actor = ("actor_account_id", "team_member", "account_id");
    let notification = ("notification_id", "notification", "notification_id");
    let mut members = subject("team_member", IdentityKind::AtlassianAccountId, "account_id");
    members.sessions.push(SessionLink { collection: "session".to_owned(), column: "member_id".to_owned() });
    let collections = [
        ("tenant", collection(&[], &[], &[])),
        ("team_member", collection(&["member_id"], &[], &[])),
        ("portal_user", collection(&["portal_user_id"], &[], &[])),
        ("role_assignment", collection(&["member_id", "role"], &[member], &[])),
        ("service_request", collection(&["request_id"], &[], &["summary", "content"])),
        ("message", collection(&["message_id"], &[member, portal_user], &["body"])),
        ("hours_entry", collection(&["worklog_id"], &[author], &[])),
        ("activity_log", collection(&["activity_id"], &[actor], &[])),
        ("session", collection(&["session_id"], &[member, portal_user], &[])),
        ("notification", collection(&["notification_id"], &[member, portal_user], &[])),
        ("notification_delivery", collection(&["delivery_id"], &[notification], &[])),
    ];
    DataMap {
        dataset: "milestone".to_owned(),
        schema: "milestone".to_owned(),
        session: Session::Setting { name: "milestone.tenant_id".to_owned() },
        tenant_root: TenantRoot { collection: "tenant".to_owned(), column: "tenant_id".to_owned() },
        tenant_column: "tenant_id".to_owned(),
        subjects: BTreeMap::from([
            (kind("msp_team_member"), members),
            (kind("portal_user"), subject("portal_user", IdentityKind::FirebaseUid, "firebase_uid")),
        ]),
        collections: collections.into_iter().map(|(name, it)| (name.to_owned(), it)).collect(),
        worklog_sink: Some(sink()),
    }
}

fn sink() -> WorklogSink {
    WorklogSink {
        collection: "hours_entry".to_owned(),
        worklog_id: "worklog_id".to_owned(),
        issue_id: "issue_id".to_owned(),
        author: "author_account_id".to_owned(),
        seconds: "seconds".to_owned(),
        work_day: "work_day".to_owned(),
        updated_at: "source_updated_at".to_owned(),
        removed_at: "removed_at".to_owned(),
        link: Some(WorklogLink {
            column: "request_id".to_owned(),
            collection: "service_request".to_owned(),
            issue_id: "issue_id".to_owned(),
            key: "request_id".to_owned(),
        }),
    }
}

pub(super) fn by_account(column: &str) -> Reach {
    Reach::Identity { column: column.to_owned(), kind: IdentityKind::AtlassianAccountId }
}

pub(super) fn through(column: &str, parent_table: &str, parent_column: &str, parent: Reach) -> Reach {
    Reach::Through {
        column: column.to_owned(),
        parent_table: parent_table.to_owned(),
        parent_column: parent_column.to_owned(),
        parent: Box::new(parent),
    }
}

fn by_member(column: &str) -> Reach {
    through(column, "team_member", "member_id", by_account("account_id"))
}

pub(super) fn rewrite(columns: &[(&str, Rewrite)]) -> Disposal {
    let columns = columns
        .iter()
        .map(|(column, rewrite)| ColumnRewrite { column: (*column).to_owned(), rewrite: rewrite.clone() });
    Disposal::RewriteColumns { columns: columns.collect() }
}

pub(super) fn unless_owned(column: &str) -> Disposal {
    Disposal::DeleteUnlessOwned { other_owner_columns: vec![column.to_owned()] }
}

pub(super) fn plan(subject: &str, steps: Vec<(&str, Reach, Disposal)>) -> Plan {
    let steps = (1..).zip(steps).map(|(number, (table, reach, disposal))| Step {
        number,
        table: table.to_owned(),
        reach,
        disposal,
    });
    Plan {
        dataset: "milestone".to_owned(),
        schema: "milestone".to_owned(),
        subject_kind: Some(kind(subject)),
        steps: steps.collect(),
    }
}

pub(super) fn member_plan() -> Plan {
    let delivery = through("notification_id", "notification", "notification_id", by_member("member_id"));
    plan(
        "msp_team_member",
        vec![
            ("notification_delivery", delivery, Disposal::DeleteRows),
            ("notification", by_member("member_id"), Disposal::DeleteRows),
            ("session", by_member("member_id"), Disposal::DeleteRows),
            ("role_assignment", by_member("member_id"), Disposal::DeleteRows),
            (
                "message",
                by_member("member_id"),
                rewrite(&[("member_id", Rewrite::Null), ("member_name", Rewrite::ErasurePseudonym)]),
            ),
            ("message", by_member("member_id"), unless_owned("portal_user_id")),
            (
                "service_request",
                by_member("assignee_id"),
                rewrite(&[("assignee_id", Rewrite::Null), ("assignee_name", Rewrite::Null)]),
            ),
            (
                "hours_entry",
                by_account("author_account_id"),
                rewrite(&[("author_account_id", Rewrite::ErasurePseudonym)]),
            ),
            ("activity_log", by_account("actor_account_id"), rewrite(&[("actor_account_id", Rewrite::Null)])),
            ("team_member", by_account("account_id"), Disposal::DeleteRows),
        ],
    )
}

/// What one worker does with a plan: token and rows per batch.
#[derive(Clone, Copy)]
pub(super) struct Worker {
    pub(super) plan_id: PlanId,
    pub(super) token: i64,
    pub(super) rows: u32,
}

impl Worker {
    /// A step of the plan, by its number.
    pub(super) fn run_of<'a>(self, plan: &'a Plan, step: usize, selection: Selection<'a>) -> StepRun<'a> {
        let Self { plan_id, token, rows: batch_rows } = self;
        StepRun { plan, plan_id, step: &plan.steps[step - 1], selection, token, batch_rows }
    }

    pub(super) async fn runs_batch(
        self,
        client: &mut Client,
        plan: &Plan,
        person: &PersonKey,
        (step, batch_number): (usize, i32),
    ) -> Result<Committed, ProductError> {
        let run = self.run_of(plan, step, Selection::Person { key: person, pseudonym: PSEUDONYM });
        let batch = Batch { run, number: batch_number, at: &Position::Front };
        let done = run_batch(client, scope(&map()), &batch).await?;
        assert_eq!(done.next, None, "a person's batch always begins at the front");
        Ok(done.committed)
    }

    /// Runs every step from its first batch; returns the rows of each step.
    pub(super) async fn runs_plan(self, client: &mut Client, plan: &Plan, person: &PersonKey) -> Vec<u64> {
        let mut counts = Vec::new();
        for step in 1..=plan.steps.len() {
            let mut rows = 0;
            for batch in 1..100 {
                let result = self.runs_batch(client, plan, person, (step, batch)).await.unwrap();
                assert!(result.rows <= u64::from(self.rows));
                rows += result.rows;
                if result.is_last {
                    break;
                }
            }
            counts.push(rows);
        }
        counts
    }
}
