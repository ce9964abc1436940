//! Bounded batches, their markers, and workers that stop or come too late.

use crate::{
    domain::{IdentityKind, Personal, plan::Rewrite},
    product::{BatchResult, MarkerRow, PersonKey, ProductError, begin, markers, preview, rows_about},
};

use super::{harness::in_a_database, sample::*};

fn worker(token: i64, rows: u32) -> Worker {
    Worker { job: job(1), token, rows }
}

#[tokio::test]
async fn preview_counts_what_execution_then_does_and_nobody_else_changes() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, plan, mut client) = (map(), member_plan(), world.tenant().await);
        let fingerprint = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (\
            SELECT t::text FROM milestone.team_member AS t WHERE tenant_id::text LIKE '%b' OR account_id LIKE '%bob%' \
            UNION ALL SELECT t::text FROM milestone.message AS t WHERE tenant_id::text LIKE '%b' \
            UNION ALL SELECT t::text FROM milestone.hours_entry AS t WHERE tenant_id::text LIKE '%b' \
            UNION ALL SELECT t::text FROM milestone.session AS t WHERE tenant_id::text LIKE '%b' \
            UNION ALL SELECT t::text FROM milestone.portal_user AS t) AS t";
        let before = world.text(fingerprint).await;

        let expected: Vec<u64> =
            preview(&mut client, scope(&map), &plan, &ann()).await.unwrap().iter().map(|step| step.rows).collect();
        let done = worker(1, 1).runs_plan(&mut client, &plan, &ann()).await;

        assert_eq!(expected, [2, 2, 1, 1, 1, 2, 1, 2, 1, 1]);
        assert_eq!(done, expected);
        assert_eq!(world.text(fingerprint).await, before);
        let about = rows_about(&mut client, scope(&map), &plan, &ann()).await.unwrap();
        assert!(about.iter().all(|table| table.rows == 0), "{about:?}");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_died_goes_on_from_its_markers() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, plan, mut client) = (map(), member_plan(), world.tenant().await);
        let first = worker(1, 1).runs_batch(&mut client, &plan, &ann(), (1, 1)).await.unwrap();
        drop(client);

        let mut client = world.tenant().await;
        let again = worker(2, 1).runs_batch(&mut client, &plan, &ann(), (1, 1)).await.unwrap();

        assert_eq!(first, BatchResult { rows: 1, is_last: false });
        assert_eq!(again, first);
        assert_eq!(world.number("SELECT count(*) FROM milestone.notification_delivery").await, 3);
        let known = markers(&mut client, scope(&map), job(1)).await.unwrap();
        assert_eq!(known, [MarkerRow { step: 1, batch: 1, rows: 1, is_last: false }]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_fails_leaves_no_trace() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, plan, mut client) = (map(), member_plan(), world.tenant().await);

        let too_early = worker(1, 10).runs_batch(&mut client, &plan, &ann(), (10, 1)).await.unwrap_err();

        let ProductError::RunBatch { source, .. } = &too_early else { panic!("{too_early:?}") };
        assert_eq!(source.sqlstate.as_deref(), Some("23503"));
        assert!(markers(&mut client, scope(&map), job(1)).await.unwrap().is_empty());
        assert_eq!(world.number("SELECT count(*) FROM milestone.team_member").await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_stale_worker_changes_nothing() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (plan, mut client) = (member_plan(), world.tenant().await);
        worker(7, 1).runs_batch(&mut client, &plan, &ann(), (1, 1)).await.unwrap();

        let late = worker(6, 10).runs_batch(&mut client, &plan, &ann(), (1, 2)).await;

        assert_eq!(late, Err(ProductError::StaleWorker));
        assert_eq!(world.number("SELECT count(*) FROM milestone.notification_delivery").await, 3);
        assert_eq!(world.number("SELECT token FROM milestone_gateway.job_token").await, 7);
    })
    .await;
}

#[tokio::test]
async fn two_workers_with_the_same_batch_do_it_once() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (plan, person) = (member_plan(), ann());
        let (mut one, mut two) = (world.tenant().await, world.tenant().await);

        let (first, second) = tokio::join!(
            worker(1, 1).runs_batch(&mut one, &plan, &person, (1, 1)),
            worker(1, 1).runs_batch(&mut two, &plan, &person, (1, 1)),
        );

        assert_eq!(first, second);
        assert_eq!(world.number("SELECT count(*) FROM milestone.notification_delivery").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_rewrite_that_leaves_the_reach_alone_comes_to_its_end() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let steps = vec![
            (
                "activity_log",
                by_account("actor_account_id"),
                rewrite(&[
                    ("action", Rewrite::Fixed { text: "erased".to_owned() }),
                    ("detail", Rewrite::Fixed { text: "{\"a\": 1}".to_owned() }),
                ]),
            ),
            (
                "hours_entry",
                by_account("author_account_id"),
                rewrite(&[("request_id", Rewrite::Null), ("issue_id", Rewrite::ErasurePseudonym)]),
            ),
        ];
        let (plan, mut client) = (plan("msp_team_member", steps), world.tenant().await);

        let done = worker(1, 1).runs_plan(&mut client, &plan, &ann()).await;

        assert_eq!(done, [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn an_erasure_without_the_anchor_is_refused_rather_than_empty() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let nobody = PersonKey { kind: kind("msp_team_member"), identities: Vec::new() };
        let (plan, mut client) = (member_plan(), world.tenant().await);

        let refused = worker(1, 10).runs_batch(&mut client, &plan, &nobody, (10, 1)).await;
        let wrong_kind = worker(1, 10).runs_batch(&mut client, &plan, &carol(), (10, 1)).await;

        assert!(matches!(refused, Err(ProductError::NoAnchorIdentity { .. })), "{refused:?}");
        assert!(matches!(wrong_kind, Err(ProductError::PlanRefused { .. })), "{wrong_kind:?}");
    })
    .await;
}

#[tokio::test]
async fn a_person_with_two_account_ids_goes_with_both() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (plan, mut client, mut person) = (member_plan(), world.tenant().await, ann());
        person.identities.push((IdentityKind::AtlassianAccountId, Personal::new("557058:bob-0002".to_owned())));

        let done = worker(1, 100).runs_plan(&mut client, &plan, &person).await;

        assert_eq!(done, [2, 2, 2, 1, 1, 2, 1, 2, 1, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_ended_can_be_taken_up_again_with_the_next_batch() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (plan, mut client) = (member_plan(), world.tenant().await);
        let ended = worker(1, 10).runs_batch(&mut client, &plan, &ann(), (3, 1)).await.unwrap();
        world
            .seed(&format!(
                "INSERT INTO milestone.session SELECT tenant_id, md5('late')::uuid, member_id, NULL, NULL, 'digest', NULL, now() \
                 FROM milestone.team_member WHERE tenant_id = '{TENANT}' AND account_id = '{ANN}'"
            ))
            .await;

        let taken_up = worker(1, 10).runs_batch(&mut client, &plan, &ann(), (3, 2)).await.unwrap();

        assert_eq!((ended, taken_up), (BatchResult { rows: 1, is_last: true }, BatchResult { rows: 1, is_last: true }));
    })
    .await;
}

#[tokio::test]
async fn a_connection_given_back_carries_no_tenant() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut client) = (map(), world.tenant().await);
        begin(&mut client, scope(&map)).await.unwrap().commit().await.unwrap();
        drop(begin(&mut client, scope(&map)).await.unwrap());

        let outside = client.query("SELECT account_id FROM milestone.team_member", &[]).await;

        assert!(outside.is_err());
        let timeout: String = client.query_one("SHOW statement_timeout", &[]).await.unwrap().get(0);
        assert_eq!(timeout, "0");
    })
    .await;
}

#[tokio::test]
async fn an_error_of_the_database_carries_no_value() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let steps = vec![(
            "team_member",
            by_account("account_id"),
            rewrite(&[("account_id", Rewrite::Fixed { text: "557058:bob-0002".to_owned() })]),
        )];
        let (plan, mut client) = (plan("msp_team_member", steps), world.tenant().await);

        let violation = worker(1, 10).runs_batch(&mut client, &plan, &ann(), (1, 1)).await.unwrap_err();

        let ProductError::RunBatch { source, .. } = &violation else { panic!("{violation:?}") };
        assert_eq!(source.constraint.as_deref(), Some("team_member_tenant_id_account_id_key"));
        let shown = format!("{violation:?} {violation} {source:?} {source}");
        assert!(!shown.contains("557058") && !shown.contains(TENANT), "{shown}");
    })
    .await;
}
