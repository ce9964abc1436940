//! Access revoked, restored, and the flag of day 30.

use jiff::Timestamp;

use crate::{
    domain::{IdentityKind, Personal},
    product::{
        access::RevokedAccess, begin, collect_identifiers, flag_for_deletion, leaving_since, restore_access,
        restore_access_of_tenant, revoke_access, revoke_access_of_tenant,
    },
};

use super::{harness::in_a_database, sample::*};

/// What Ann is remembered under.
const DIGESTS: &[(i32, [u8; 32])] = &[(1, [7; 32])];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn access_is_revoked_once_and_restored_whole() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut client) = (map(), world.tenant().await);
        let restricted = "SELECT restricted_at AT TIME ZONE 'UTC' || '/' || marked_for_deletion_at::date FROM milestone.team_member \
            WHERE tenant_id::text LIKE '%a' AND account_id LIKE '%ann%'";

        let first = revoke_access(&mut client, scope(&map), (&ann(), DIGESTS), at("2026-02-01T00:00:00Z"), &[]).await.unwrap();
        let again = revoke_access(&mut client, scope(&map), (&ann(), DIGESTS), at("2026-02-02T00:00:00Z"), &[]).await.unwrap();
        let marked = flag_for_deletion(&mut client, scope(&map), &ann(), at("2026-03-03T00:00:00Z")).await.unwrap();
        let marked_again = flag_for_deletion(&mut client, scope(&map), &ann(), at("2026-03-04T00:00:00Z")).await.unwrap();

        assert_eq!((first, again), (RevokedAccess { people: 1, sessions: 1 }, RevokedAccess::default()));
        assert_eq!((marked, marked_again), (1, 0));
        assert_eq!(world.text(restricted).await.as_deref(), Some("2026-02-01 00:00:00/2026-03-03"));
        assert_eq!(world.number("SELECT count(*) FROM milestone.session").await, 3);
        assert_eq!(world.number("SELECT count(*) FROM milestone.team_member WHERE restricted_at IS NULL").await, 3);

        let (ours, of_another) = ([at("2026-02-01T00:00:00Z")], [at("2026-01-15T00:00:00Z")]);
        assert_eq!(restore_access(&mut client, scope(&map), (&ann(), DIGESTS), &of_another).await.unwrap(), 1, "the mark is ours");
        assert_eq!(world.number("SELECT count(*) FROM milestone.team_member WHERE restricted_at IS NULL").await, 3);
        assert_eq!(restore_access(&mut client, scope(&map), (&ann(), DIGESTS), &ours).await.unwrap(), 1);
        assert_eq!(restore_access(&mut client, scope(&map), (&ann(), DIGESTS), &ours).await.unwrap(), 0);
        assert_eq!(world.text(restricted).await, None);
    })
    .await;
}

#[tokio::test]
async fn the_identities_on_the_own_row_are_known_before_the_deletion() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut client) = (map(), world.tenant().await);
        let tx = begin(&mut client, scope(&map)).await.unwrap();

        let found = collect_identifiers(&tx, &ann()).await.unwrap();

        let expected = vec![
            (IdentityKind::AtlassianAccountId, Personal::new(ANN.to_owned())),
            (IdentityKind::Email, Personal::new(ANN_EMAIL.to_owned())),
        ];
        assert!(found == expected);
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_was_late_revokes_nothing_of_a_tenant_that_is_back() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let (map, mut client) = (map(), world.tenant().await);
        let left = at("2026-02-01T00:00:00Z");
        let restricted = "SELECT count(*) FROM milestone.team_member WHERE restricted_at IS NOT NULL";
        revoke_access_of_tenant(&mut client, scope(&map), left).await.unwrap();
        assert_eq!(world.number(restricted).await, 2, "of this tenant");

        restore_access_of_tenant(&mut client, scope(&map), &[left], &[]).await.unwrap();
        revoke_access_of_tenant(&mut client, scope(&map), left).await.unwrap();

        assert_eq!(world.number(restricted).await, 0);
        assert_eq!(leaving_since(&mut client, scope(&map)).await.unwrap(), None);
    })
    .await;
}
