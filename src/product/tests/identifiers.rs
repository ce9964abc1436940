//! The identifiers of everybody, page by page, and many asked about at a time.

use std::collections::BTreeSet;

use crate::{
    domain::{IdentityKind, Personal},
    product::{IdentifierPosition, identifiers_page, known_among},
};

use super::{harness::in_a_database, sample::*};

/// Nine portal users more of the tenant whose id ends with this letter, one of them with a uid that both tenants have.
fn portal_users(tenant: char) -> String {
    format!(
        "INSERT INTO milestone.portal_user
         SELECT '00000000-0000-0000-0000-00000000000{tenant}', gen_random_uuid(), md5('client')::uuid,
             CASE n WHEN 9 THEN 'uid-of-both' ELSE 'uid-{tenant}-' || n END, NULL, NULL, now()
         FROM generate_series(1, 9) AS n;"
    )
}

fn uid(text: &str) -> Personal<String> {
    Personal::new(text.to_owned())
}

#[tokio::test]
async fn every_identifier_of_the_tenant_is_read_whatever_the_size_of_a_page() {
    in_a_database(|world| async move {
        world.seed(&format!("{}{}{}", people(), portal_users('a'), portal_users('b'))).await;
        let (map, mut client) = (map(), world.tenant().await);
        let expected: BTreeSet<_> =
            (1..9).map(|n| uid(&format!("uid-a-{n}"))).chain([uid(CAROL), uid("uid-of-both")]).collect();

        for (rows, pages_expected) in [(1, 11), (3, 4), (10, 2), (11, 1)] {
            let (mut found, mut at, mut pages) = (Vec::new(), Some(IdentifierPosition::default()), 0);
            while let Some(position) = at {
                let page = identifiers_page(&mut client, scope(&map), IdentityKind::FirebaseUid, &position, rows);
                let page = page.await.unwrap();
                found.extend(page.values);
                at = page.next;
                pages += 1;
            }
            assert_eq!((found.len(), pages), (10, pages_expected), "pages of {rows}");
            assert!(found.into_iter().collect::<BTreeSet<_>>() == expected);
        }
    })
    .await;
}

#[tokio::test]
async fn those_that_stand_on_somebodys_own_row_of_the_tenant_are_told_from_all_others() {
    in_a_database(|world| async move {
        world.seed(&format!("{}{}{}", people(), portal_users('a'), portal_users('b'))).await;
        let (map, mut client) = (map(), world.tenant().await);
        let asked = [uid("uid-of-both"), uid("uid-a-1"), uid("uid-b-1"), uid("UID-A-1"), uid("nobody")];

        let known = known_among(&mut client, scope(&map), IdentityKind::FirebaseUid, &asked).await.unwrap();
        let nobody = known_among(&mut client, scope(&map), IdentityKind::FirebaseUid, &[]).await.unwrap();

        assert!(known == BTreeSet::from([uid("uid-of-both"), uid("uid-a-1")]));
        assert!(nobody.is_empty());
        assert!(!format!("{known:?}").contains("uid"));
    })
    .await;
}
