//! What is told about each thing: its keys, which readers rely on, and nothing of a person.

use milestone_gateway::testing::{
    app::{
        intake::rejections,
        registry,
        support::{
            find_subject,
            pages::{self, Paging},
            report, verify_audit,
            views::{
                PageView,
                audit::{AuditView, ChainView},
                balance::BalanceView,
                event::{EventDetails, EventView},
                health::{HealthView, StuckJobView},
                job::JobView,
                request::{RequestDetails, RequestView},
                source::{RejectionView, SourceDetails, SourceView},
                subject::SubjectView,
                tenant::{TenantDetails, TenantView},
            },
        },
    },
    domain::{IdentityKind, Personal, evidence::EvidenceKind},
    store::{event::EventFilter, job::JobFilter, look_up::RequestFilter},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    harness::{Delivery, Person, Tenant, World, secret_of, user_deleted},
    tenant::{hours, it_is_told},
};

fn told(view: &impl Serialize) -> Value {
    serde_json::to_value(view).unwrap()
}

/// The keys of an object, and of the objects in its lists.
fn keys(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let named = fields.iter().map(|(key, value)| match value {
                Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                    format!("{key} [{}]", keys(&items[0]))
                }
                _ => key.clone(),
            });
            named.collect::<Vec<_>>().join(" ")
        }
        other => panic!("no object: {other}"),
    }
}

const EVENT: &str = "attempts body_bytes body_event_id event_id finished_at original_received_at outcome reason reason_code \
                     received_at replay_of source_id state tenant_id type";
const JOB: &str = "attempts belongs_to created_at failure_reason failures finished_at is_leased job_id kind not_before_at \
                   parked_code reason_code request_id rule run_at run_id state tenant_id";
const REQUEST: &str = "about access_revoked_at actor anchor_at due_at ended_at erasure_due_at erasure_start_at \
                       extended_until extension_reason flag_due_at flagged_at origin origin_event_id phase received_at \
                       refused_code request_id right run_id scope state subject_id superseded_by tenant_id \
                       verification_failed_at";
const SOURCE: &str = "expected_by is_disabled is_late kind last_seen_at name route source_id tenant_id";
const TENANT: &str = "erased_at stable_key tenant_id";

/// One tenant of which everything is known: a person's erasure that is complete, evidence, a rejected call.
async fn a_known_tenant(world: &World) -> (Tenant, [Person; 2]) {
    let acme = world.a_tenant("acme").await;
    let paula = world.a_portal_user(&acme, "paula").await;
    let ann = world.a_team_member(&acme, "ann", &paula).await;
    world.jira_sends(&acme, &user_deleted(&ann, world.gateway.now())).await;
    world.delivers(&acme.source, &Delivery::signed("{}", Some("forged"), &secret_of("nobody"))).await;
    rejections::write_out(world.gateway.intake()).await.unwrap();
    world.the_worker_drains().await;
    world.days_pass(84).await;
    it_is_told(world, &acme, EvidenceKind::Installed, hours(0)).await;
    world.the_worker_drains().await;
    (acme, [ann, paula])
}

/// Every view, of what is known of this tenant and person.
async fn every_view(world: &World, acme: &Tenant, ann: &Person) -> [Value; 16] {
    let gateway = &world.gateway;
    let request = world.request(acme).await.request_id;
    let events = pages::events(gateway, &EventFilter::default(), &Paging::new(1, None)).await.unwrap();
    let event = report::event(gateway, events.rows[0].event_id).await.unwrap();
    let jobs = pages::jobs(gateway, &JobFilter::default(), &Paging::new(1, None)).await.unwrap();
    let requests = pages::requests(gateway, &RequestFilter::default(), &Paging::new(1, None)).await.unwrap();
    let entries = pages::audit(gateway, acme.id, &Paging::new(1, None)).await.unwrap();
    let sources = pages::sources(gateway, &Paging::new(1, None)).await.unwrap();
    let (credentials, holders) = registry::details(gateway, &sources.rows[0]).await.unwrap();
    let counts = rejections::counts(gateway, None, "2026-01-01".parse().unwrap()).await.unwrap();
    let rejected = pages::rejections(gateway, None, &Paging::new(1, None)).await.unwrap();
    let tenants = pages::tenants(gateway, &Paging::new(1, None)).await.unwrap();
    let account = Personal::new(ann.account_id.clone());
    let found = find_subject::find(gateway, None, IdentityKind::AtlassianAccountId, None, &account).await.unwrap();
    let balance = BalanceView::from(report::balance(gateway).await.unwrap());
    let stuck: Vec<StuckJobView> = jobs.rows.iter().map(StuckJobView::from).collect();

    [
        told(&PageView::of(&events, |row| EventView::from(row))),
        told(&EventDetails::from(&event)),
        told(&PageView::of(&jobs, |row| JobView::from(row))),
        told(&PageView::of(&requests, |(tenant, row)| RequestView::new(*tenant, row))),
        told(&RequestDetails::new(&report::request(gateway, request).await.unwrap(), gateway.now())),
        told(&PageView::of(&entries, |row| AuditView::from(row))),
        told(&ChainView::new(acme.id, &verify_audit::verify(gateway, acme.id).await.unwrap())),
        told(&PageView::of(&sources, |row| SourceView::new(row, gateway.now()))),
        told(&SourceDetails::new(&sources.rows[0], &credentials, &holders, &counts, gateway.now())),
        told(&PageView::of(&rejected, |row| RejectionView::from(row))),
        told(&PageView::of(&tenants, |row| TenantView::from(row))),
        told(&TenantDetails::from(&report::tenant(gateway, acme.id, 5).await.unwrap())),
        told(&found.iter().flat_map(SubjectView::all_of).next().unwrap()),
        told(&balance),
        told(&HealthView::new((0, 0), &balance, &stuck)),
        told(&stuck[0]),
    ]
}

fn expected_keys() -> [String; 16] {
    [
        format!("items [{EVENT}] next"),
        EVENT.replace("event_id finished_at", "event_id explanation finished_at"),
        format!("items [{JOB}] next"),
        format!("items [{REQUEST}] next"),
        REQUEST
            .replace("access_revoked_at", "access_revoked_at accounts")
            .replace("flagged_at", &format!("flagged_at jobs [{JOB}]"))
            .replace("phase", "phase receipt")
            .replace("state subject_id", "state steps [disposal rows table] subject_id")
            .replace("tenant_id verification", "tenant_id timeline [done_at due_at standing step] verification verification"),
        "items [action actor at audit_id detail object] next".to_owned(),
        "broken_at_place conclusion gone head is_intact tenant_id verified waiting".to_owned(),
        format!("items [{SOURCE}] next"),
        "created_at credentials [created_at credential installation purpose valid_until] disabled_at expected_by \
         installations is_disabled is_late kind last_seen_at name refused [day last_at reason refused] \
         replay_window_seconds route scheme settings site_host source_id tenant_id"
            .to_owned(),
        "items [at reason reply source_kind source_name] next".to_owned(),
        format!("items [{TENANT}] next"),
        "erased_at evidence [arrived_at event_id evidence_id installation kind source_at] requests stable_key standing \
         tenant_id"
            .to_owned(),
        "fence request_id requests standing subject_id tenant_id".to_owned(),
        "accepted applied dead_lettered ignored is_balanced pending".to_owned(),
        "data_map database events_balance events_waiting jobs_due jobs_that_need_a_person keys".to_owned(),
        "code job reason_code why".to_owned(),
    ]
}

#[tokio::test]
async fn views_keep_their_keys_and_tell_nothing_of_a_person() {
    let world = World::new().await;
    let (acme, people) = a_known_tenant(&world).await;

    let all = every_view(&world, &acme, &people[0]).await;

    assert_eq!(all.each_ref().map(keys), expected_keys());
    for personal in people.iter().flat_map(|person| [&person.account_id, &person.email, &person.display_name]) {
        let tells: Vec<String> = all.iter().map(Value::to_string).filter(|text| text.contains(personal)).collect();
        assert!(tells.is_empty(), "{personal}: {tells:?}");
    }
    let event = &all[0]["items"][0];
    let received_at: jiff::Timestamp = event["received_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(event["received_at"], received_at.to_string(), "RFC 3339");
    world.ends_cleanly().await;
}
