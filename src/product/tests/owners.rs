//! Rows with two owners: the first who leaves detaches, the last one takes the row along.

use crate::domain::{
    IdentityKind,
    plan::{Disposal, Plan, Reach, Rewrite},
};

use super::{harness::in_a_database, sample::*};

fn member_messages(rewrite_first: bool) -> Plan {
    let reach = || through("member_id", "team_member", "member_id", by_account("account_id"));
    messages("msp_team_member", &reach, ("member_id", "member_name"), "portal_user_id", rewrite_first)
}

fn portal_user_messages(rewrite_first: bool) -> Plan {
    let uid = || Reach::Identity { column: "firebase_uid".to_owned(), kind: IdentityKind::FirebaseUid };
    let reach = || through("portal_user_id", "portal_user", "portal_user_id", uid());
    messages("portal_user", &reach, ("portal_user_id", "portal_user_name"), "member_id", rewrite_first)
}

fn messages(subject: &str, reach: &dyn Fn() -> Reach, own: (&str, &str), other: &str, rewrite_first: bool) -> Plan {
    let rewritten: (&str, Reach, Disposal) =
        ("message", reach(), rewrite(&[(own.0, Rewrite::Null), (own.1, Rewrite::ErasurePseudonym)]));
    let deleted = ("message", reach(), unless_owned(other));
    plan(subject, if rewrite_first { vec![rewritten, deleted] } else { vec![deleted, rewritten] })
}

const OF_THE_TENANT: &str = "SELECT count(*) FROM milestone.message WHERE tenant_id::text LIKE '%a'";

#[tokio::test]
async fn a_message_stays_until_its_last_owner_goes_in_either_order_of_steps() {
    for rewrite_first in [true, false] {
        in_a_database(move |world| async move {
            world.seed(&people()).await;
            let mut client = world.tenant().await;

            Worker { plan_id: plan_id(1), token: 1, rows: 5 }
                .runs_plan(&mut client, &member_messages(rewrite_first), &ann())
                .await;

            assert_eq!(world.number(OF_THE_TENANT).await, 1);
            let name =
                "SELECT member_name FROM milestone.message WHERE tenant_id::text LIKE '%a' AND member_id IS NULL";
            assert_eq!(world.text(name).await.as_deref(), Some(PSEUDONYM));

            Worker { plan_id: plan_id(2), token: 1, rows: 5 }
                .runs_plan(&mut client, &portal_user_messages(rewrite_first), &carol())
                .await;

            assert_eq!(world.number(OF_THE_TENANT).await, 0);
            assert_eq!(world.number("SELECT count(*) FROM milestone.message").await, 3);
        })
        .await;
    }
}

#[tokio::test]
async fn two_owners_who_leave_at_the_same_moment_leave_no_message_without_owner() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world
            .seed(
                "INSERT INTO milestone.message (tenant_id, message_id, request_id, member_id, portal_user_id, sent_by, body, sent_at) \
                 SELECT '00000000-0000-0000-0000-00000000000a', md5('x' || n)::uuid, md5('request')::uuid, md5('ann')::uuid, \
                 md5('carol')::uuid, 'member', 'Hello', now() FROM generate_series(1, 60) AS n",
            )
            .await;
        let (mut one, mut two) = (world.tenant().await, world.tenant().await);
        let (by_member, by_portal_user, ann, carol) = (member_messages(true), portal_user_messages(true), ann(), carol());

        tokio::join!(
            Worker { plan_id: plan_id(1), token: 1, rows: 3 }.runs_plan(&mut one, &by_member, &ann),
            Worker { plan_id: plan_id(2), token: 1, rows: 2 }.runs_plan(&mut two, &by_portal_user, &carol),
        );

        assert_eq!(world.number(OF_THE_TENANT).await, 0);
    })
    .await;
}
