//! The fence: who passes, who does not, and what happens when a writer and a fence meet.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    domain::IdentityKind,
    product::{
        Digest, Expired, FenceRow, TenantScope, begin,
        fence::{FenceVerdict, fence_verdict},
        forget_expired_fences, mirror_fence, open_generation,
    },
};

use super::{
    harness::{World, in_a_database},
    sample::*,
};

const KIND: IdentityKind = IdentityKind::AtlassianAccountId;
pub(super) const DIGESTS: [Digest; 2] = [(1, [7; 32]), (2, [9; 32])];

pub(super) fn day(day: i8) -> Timestamp {
    jiff::civil::date(2026, 3, day).at(0, 0, 0, 0).in_tz("UTC").unwrap().timestamp()
}

pub(super) fn fence(generation: i32, covers_until: Timestamp) -> FenceRow {
    let (digest_key_id, digest) = DIGESTS[1];
    FenceRow { kind: KIND.into(), digest_key_id, digest, generation, covers_until, expires_at: day(30) }
}

async fn verdict(world: &World, at: Timestamp) -> FenceVerdict {
    let (map, mut client) = (map(), world.tenant().await);
    let tx = begin(&mut client, scope(&map)).await.unwrap();
    fence_verdict(&tx, KIND, &DIGESTS, at).await.unwrap()
}

#[tokio::test]
async fn after_a_return_only_what_is_older_stays_refused() {
    in_a_database(|world| async move {
        let (map, mut client) = (map(), world.tenant().await);
        assert_eq!(verdict(&world, day(1)).await, FenceVerdict::Clear);
        for _ in 0..2 {
            mirror_fence(&mut client, scope(&map), &fence(1, day(10))).await.unwrap();
        }
        assert_eq!(verdict(&world, day(9)).await, FenceVerdict::Refused);
        assert_eq!(verdict(&world, day(20)).await, FenceVerdict::Refused);

        let too_old = open_generation(&mut client, scope(&map), KIND.into(), &DIGESTS, day(10)).await.unwrap();
        let opened = open_generation(&mut client, scope(&map), KIND.into(), &DIGESTS, day(15)).await.unwrap();

        assert_eq!((too_old, opened), (0, 1));
        assert_eq!(verdict(&world, day(14)).await, FenceVerdict::Refused);
        assert_eq!(verdict(&world, day(15)).await, FenceVerdict::Clear);

        mirror_fence(&mut client, scope(&map), &fence(2, day(20))).await.unwrap();
        assert_eq!(verdict(&world, day(25)).await, FenceVerdict::Refused);
        mirror_fence(&mut client, scope(&map), &fence(1, day(18))).await.unwrap();
        assert_eq!(open_generation(&mut client, scope(&map), KIND.into(), &DIGESTS, day(22)).await.unwrap(), 2);
        assert_eq!(verdict(&world, day(17)).await, FenceVerdict::Refused);
        assert_eq!(verdict(&world, day(22)).await, FenceVerdict::Clear);

        assert_eq!(forget_expired_fences(&mut client, scope(&map), Expired::Any, day(29)).await.unwrap(), 0);
        assert_eq!(forget_expired_fences(&mut client, scope(&map), Expired::Any, day(30)).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_fence_of_one_tenant_stops_nobody_in_another() {
    in_a_database(|world| async move {
        let (map, mut client) = (map(), world.tenant().await);
        let elsewhere = TenantScope { map: &map, tenant_key: OTHER_TENANT };

        mirror_fence(&mut client, elsewhere, &fence(1, day(10))).await.unwrap();

        assert_eq!(verdict(&world, day(9)).await, FenceVerdict::Clear);
    })
    .await;
}

#[tokio::test]
async fn a_fence_waits_for_the_writer_and_the_next_writer_reads_the_fence() {
    in_a_database(|world| async move {
        let (sample, mut writing) = (map(), world.tenant().await);
        let writer = begin(&mut writing, scope(&sample)).await.unwrap();
        assert_eq!(fence_verdict(&writer, KIND, &DIGESTS, day(9)).await.unwrap(), FenceVerdict::Clear);

        let mut fencing = world.tenant().await;
        let mut mirrored = tokio::spawn(async move {
            let map = map();
            mirror_fence(&mut fencing, scope(&map), &fence(1, day(10))).await
        });
        let early = tokio::time::timeout(Duration::from_millis(200), &mut mirrored).await;
        assert!(early.is_err(), "the fence did not wait for the writer");
        // This writer queues behind the fence, and must see it although it asked before the fence was committed.
        let asking = tokio::spawn({
            let world = world.clone();
            async move { verdict(&world, day(9)).await }
        });
        let queued = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        for _ in 0..500 {
            if world.number(queued).await == 2 {
                break;
            }
        }
        writer.commit().await.unwrap();

        mirrored.await.unwrap().unwrap();
        assert_eq!(asking.await.unwrap(), FenceVerdict::Refused);
    })
    .await;
}
