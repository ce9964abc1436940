//! Nobody stands in anybody's way: what has waited longest comes first, and what cannot be read keeps no other waiting.

use jiff::SignedDuration;
use milestone_gateway::testing::{domain::IdentityId, store};
use uuid::Uuid;

use super::atlassian::{Shared, are_known, atlassian, reported, reporting_to, somebody};

#[tokio::test]
async fn the_accounts_that_have_waited_longest_are_found_first() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let acme = world.a_tenant("acme").await;
    are_known(&world, &acme, 0..4).await;
    let ids = world.admin.query("SELECT identity_id FROM gateway.identity ORDER BY identity_id", &[]).await.unwrap();
    let ids: Vec<Uuid> = ids.iter().map(|row| row.get(0)).collect();
    // The order of their ids would be the wrong one, and the last one is not due.
    for (id, hours) in ids.iter().zip([-1, -2, -3, 1]) {
        let due_at = world.gateway.now() + SignedDuration::from_hours(hours);
        let sql = "UPDATE gateway.identity SET report_due_at = $2 WHERE identity_id = $1";
        assert_eq!(world.admin.execute(sql, &[id, &due_at]).await.unwrap(), 1);
    }
    let queue = world.pools().queue.client().await.unwrap();

    let found = store::reported_account::due(&queue, world.gateway.now(), 2).await.unwrap();

    assert_eq!(found, [ids[2], ids[1]].map(|id| (acme.id, IdentityId::from_uuid(id))));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn one_account_that_cannot_be_opened_keeps_no_other_from_being_reported() {
    let cloud = atlassian(&Shared::default()).await;
    let world = reporting_to(&cloud).await;
    let (acme, globex) = (world.a_tenant("acme").await, world.a_tenant("globex").await);
    are_known(&world, &acme, 0..3).await;
    are_known(&world, &globex, 3..5).await;
    // Turns one bit of what is sealed; done again, it turns it back.
    let turn_a_bit = "UPDATE gateway.identity
        SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)
        WHERE identity_id = (SELECT identity_id FROM gateway.identity ORDER BY identity_id LIMIT 1)";
    assert_eq!(world.admin.execute(turn_a_bit, &[]).await.unwrap(), 1);

    let polled = world.everything_is_asked().await;

    assert_eq!((polled.accounts_reported, polled.failures), (4, 0), "{polled:?}");
    // It is not looked at in every round, or it would stand in the way of others for ever.
    let looked_at = "SELECT count(*) FROM gateway.identity WHERE report_due_at <= $1";
    let due: i64 = world.admin.query_one(looked_at, &[&world.gateway.now()]).await.unwrap().get(0);
    assert_eq!(due, 0);
    world.admin.execute(turn_a_bit, &[]).await.unwrap();
    world.time_passes(SignedDuration::from_hours(24));
    assert_eq!(world.whoever_is_due_is_asked().await.accounts_reported, 1);
    let mut all = reported(&cloud);
    all.sort();
    let expected: Vec<String> = (0..5).map(|number| somebody(number).account_id).collect();
    assert_eq!(all, expected, "each once, and nobody lost");
    world.ends_cleanly().await;
}
