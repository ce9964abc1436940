//! Hours: versions, removals, links, and authors who were erased.

use jiff::{Timestamp, civil::date};

use crate::{
    datamap::policy::BehindFence,
    domain::{
        Personal,
        worklog::{WorklogChange, WorklogEntry},
    },
    product::{
        WorklogWritten, mirror_fence, open_generation, settle_issue_hours, worklog_versions,
        worklog_versions::WorklogVersion, write_worklog,
    },
};

use super::{
    fences::{DIGESTS, day, fence},
    harness::{World, in_a_database},
    sample::*,
};

const LINKED: WorklogWritten = WorklogWritten::Applied { linked: true };

fn logged(id: &str, issue: &str, seconds: i64, updated_at: Timestamp) -> WorklogChange {
    WorklogChange::Logged(WorklogEntry {
        worklog_id: id.to_owned(),
        issue_id: issue.to_owned(),
        author_account_id: Personal::new(ANN.to_owned()),
        seconds,
        work_day: date(2026, 3, 1),
        updated_at,
    })
}

fn removed(id: &str, removed_at: Timestamp) -> WorklogChange {
    WorklogChange::Removed { worklog_id: id.to_owned(), removed_at }
}

async fn write(world: &World, change: WorklogChange, behind_fence: BehindFence) -> WorklogWritten {
    let mut client = world.tenant().await;
    write_worklog(&mut client, scope(&map()), &change, &DIGESTS, behind_fence).await.unwrap()
}

async fn arrives(world: &World, change: WorklogChange) -> WorklogWritten {
    write(world, change, BehindFence::CutOut).await
}

async fn row(world: &World, id: &str) -> Option<String> {
    let columns = "issue_id, author_account_id, seconds, work_day, removed_at::date, request_id IS NOT NULL";
    world
        .text(&format!(
            "SELECT concat_ws('/', {columns}) FROM milestone.hours_entry WHERE tenant_id::text LIKE '%a' AND worklog_id = '{id}'"
        ))
        .await
}

#[tokio::test]
async fn only_a_strictly_newer_version_of_hours_is_written() {
    in_a_database(|world| async move {
        world.seed(&people()).await;

        assert_eq!(arrives(&world, logged("9", "10001", 60, day(5))).await, LINKED);
        assert_eq!(arrives(&world, logged("9", "10001", 61, day(5))).await, WorklogWritten::Stale);
        assert_eq!(arrives(&world, logged("9", "10001", 62, day(4))).await, WorklogWritten::Stale);
        assert_eq!(row(&world, "9").await.unwrap(), "10001/557058:ann-0001/60/2026-03-01/t");
        let unlinked = arrives(&world, logged("9", "77", 63, day(6))).await;
        assert_eq!(unlinked, WorklogWritten::Applied { linked: false });
        assert_eq!(row(&world, "9").await.unwrap(), "77/557058:ann-0001/63/2026-03-01/f");
    })
    .await;
}

#[tokio::test]
async fn a_removal_outranks_every_version_before_and_after_it() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        arrives(&world, logged("9", "10001", 60, day(5))).await;

        assert_eq!(arrives(&world, removed("9", day(4))).await, LINKED);
        assert_eq!(arrives(&world, removed("9", day(6))).await, WorklogWritten::Stale);
        assert_eq!(arrives(&world, logged("9", "10001", 60, day(7))).await, WorklogWritten::Stale);
        assert_eq!(row(&world, "9").await.unwrap(), "10001/0/2026-03-01/2026-03-04/t");

        let never_seen = arrives(&world, removed("10", day(4))).await;
        assert_eq!(never_seen, WorklogWritten::Applied { linked: false });
        assert_eq!(arrives(&world, logged("10", "10001", 60, day(7))).await, WorklogWritten::Stale);
        assert_eq!(row(&world, "10").await.unwrap(), "unknown/0/2026-03-04/2026-03-04/f");
    })
    .await;
}

async fn settle(world: &World, issue: &str, gone_since: Option<Timestamp>) -> u64 {
    let mut client = world.tenant().await;
    settle_issue_hours(&mut client, scope(&map()), &[issue.to_owned()], gone_since).await.unwrap()
}

#[tokio::test]
async fn the_mark_of_an_issue_that_is_gone_swallows_neither_a_newer_version_nor_a_removal() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        for id in ["9", "10", "11"] {
            arrives(&world, logged(id, "10077", 60, day(5))).await;
        }
        assert_eq!(settle(&world, "10077", Some(day(7))).await, 3);
        assert_eq!(settle(&world, "10077", Some(day(7))).await, 0);

        let newer = arrives(&world, logged("9", "10077", 61, day(6))).await;
        let moved = arrives(&world, logged("10", "10078", 62, day(6))).await;
        // At the very instant of the mark.
        let removal = arrives(&world, removed("11", day(7))).await;

        let applied = WorklogWritten::Applied { linked: false };
        assert_eq!([newer, moved, removal], [applied; 3]);
        assert_eq!(row(&world, "9").await.unwrap(), "10077/557058:ann-0001/61/2026-03-01/2026-03-07/f");
        assert_eq!(row(&world, "10").await.unwrap(), "10078/557058:ann-0001/62/2026-03-01/f");
        let versions = worklog_versions(&mut world.tenant().await, scope(&map()), &[9, 11]).await.unwrap();
        let version = |updated_at, is_removed| WorklogVersion { updated_at, is_removed };
        assert_eq!(versions, [(9, version(day(6), false)), (11, version(day(7), true))].into());

        assert_eq!(settle(&world, "10077", None).await, 1);
        assert_eq!(row(&world, "9").await.unwrap(), "10077/557058:ann-0001/61/2026-03-01/f");
        assert_eq!(row(&world, "11").await.unwrap(), "10077/0/2026-03-01/2026-03-07/f");
        assert_eq!(arrives(&world, logged("11", "10077", 60, day(8))).await, WorklogWritten::Stale);
    })
    .await;
}

#[tokio::test]
async fn late_hours_of_an_erased_person_are_cut_out_or_refused_and_never_name_them_again() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut client) = (map(), world.tenant().await);
        mirror_fence(&mut client, scope(&map), &fence(1, day(10))).await.unwrap();
        assert_eq!(arrives(&world, logged("2", "10001", 99, day(9))).await, WorklogWritten::AppliedWithoutPerson);
        assert_eq!(row(&world, "2").await.unwrap(), "10001/99/2026-03-01/t");
        let worker = Worker { plan_id: plan_id(1), token: 1, rows: 10 };
        worker.runs_plan(&mut client, &member_plan(), &ann()).await;

        let unseen = arrives(&world, logged("9", "10001", 60, day(9))).await;
        let newer = arrives(&world, logged("1", "10001", 61, day(12))).await;
        let refused = write(&world, logged("11", "10001", 60, day(9)), BehindFence::Refuse).await;
        let same = arrives(&world, logged("1", "10001", 62, day(12))).await;

        assert_eq!((unseen, newer), (WorklogWritten::AppliedWithoutPerson, WorklogWritten::AppliedWithoutPerson));
        assert_eq!((refused, same), (WorklogWritten::Refused, WorklogWritten::Stale));
        assert_eq!(row(&world, "9").await.unwrap(), "10001/60/2026-03-01/t");
        assert_eq!(row(&world, "1").await.unwrap(), format!("10001/{PSEUDONYM}/61/2026-03-01/t"));
        let named = "SELECT count(*) FROM milestone.hours_entry WHERE tenant_id::text LIKE '%a' AND author_account_id LIKE '%ann%'";
        assert_eq!(world.number(named).await, 0);

        open_generation(&mut client, scope(&map), crate::domain::IdentityKind::AtlassianAccountId.into(), &DIGESTS, day(15))
            .await
            .unwrap();
        assert_eq!(arrives(&world, logged("12", "10001", 60, day(16))).await, LINKED);
        let old = arrives(&world, logged("13", "10001", 60, day(14))).await;
        assert_eq!(old, WorklogWritten::AppliedWithoutPerson);
    })
    .await;
}

#[tokio::test]
async fn hours_and_an_erasure_that_race_never_leave_the_author_behind() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let writers = (100..160).map(|id: i32| {
            let world = world.clone();
            tokio::spawn(async move {
                let mut client = world.tenant().await;
                let change = logged(&id.to_string(), "10001", 60, day(9));
                write_worklog(&mut client, scope(&map()), &change, &DIGESTS, BehindFence::CutOut).await.unwrap();
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut client = world.tenant().await;
        mirror_fence(&mut client, scope(&map()), &fence(1, day(10))).await.unwrap();
        Worker { plan_id: plan_id(1), token: 1, rows: 10 }.runs_plan(&mut client, &member_plan(), &ann()).await;
        for writer in writers {
            writer.await.unwrap();
        }

        let named = "SELECT count(*) FROM milestone.hours_entry WHERE tenant_id::text LIKE '%a' AND author_account_id LIKE '%ann%'";
        assert_eq!(world.number(named).await, 0);
        assert_eq!(world.number("SELECT count(*) FROM milestone.hours_entry WHERE worklog_id::int >= 100").await, 60);
    })
    .await;
}
