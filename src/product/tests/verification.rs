//! The independent reader: what it finds, what it excuses, and when it says that it cannot see.

use crate::{
    datamap::map::Session,
    domain::{
        IdentityKind, Personal,
        verification::{ColumnFinding, VerificationReport},
    },
    product::{VerifyError, verify},
};

use super::{
    harness::{World, in_a_database},
    sample::*,
};

fn identifiers() -> Vec<(IdentityKind, Personal<String>)> {
    vec![
        (IdentityKind::AtlassianAccountId, Personal::new(ANN.to_owned())),
        (IdentityKind::Email, Personal::new(ANN_EMAIL.to_owned())),
    ]
}

async fn read(world: &World) -> Result<VerificationReport, VerifyError> {
    verify(&mut world.reader().await, scope(&map()), &identifiers()).await
}

async fn erase(world: &World) {
    let worker = Worker { plan_id: plan_id(1), token: 1, rows: 100 };
    worker.runs_plan(&mut world.tenant().await, &member_plan(), &ann()).await;
}

fn finding(column: &str, rows: u64) -> ColumnFinding {
    ColumnFinding { column: format!("milestone.{column}"), rows }
}

#[tokio::test]
async fn a_complete_erasure_reads_clean_and_an_absent_one_does_not() {
    in_a_database(|world| async move {
        world.seed(&people()).await;

        let before = read(&world).await.unwrap();
        erase(&world).await;
        let after = read(&world).await.unwrap();

        let expected = [
            finding("activity_log.actor_account_id", 1),
            finding("hours_entry.author_account_id", 2),
            finding("notification_delivery.recipient_email", 2),
            finding("team_member.account_id", 1),
            finding("team_member.email", 1),
        ];
        assert_eq!(before.left, expected);
        assert_eq!(after.left, []);
        assert_eq!((after.held_by_another.len(), after.mentioned.len()), (0, 0));
        assert_eq!((after.tables_read, after.columns_read), (before.tables_read, before.columns_read));
        assert_eq!(after.tables_read, 14);
    })
    .await;
}

#[tokio::test]
async fn leftovers_are_found_in_every_kind_of_column_mapped_or_not() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        erase(&world).await;
        world
            .seed(&format!(
                r#"CREATE DOMAIN milestone.words AS text;
                CREATE COLLATION milestone.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = FALSE);
                CREATE TABLE milestone.forgotten (tenant_id uuid, a text, b varchar(99), c json, d jsonb, e text[], f bytea,
                    g milestone.words, h xml, i jsonb[], j char(40), k tsvector, l bytea[], m int, n name,
                    o text COLLATE milestone.any_case);
                GRANT SELECT ON milestone.forgotten TO gw_verify;
                INSERT INTO milestone.forgotten VALUES ('{TENANT}', 'by ANN@msp.example.', 'x:{ANN}', '"ann\u0040msp.example"',
                    '"line\nann@msp.example"', '{{x,"to ann@msp.example"}}', '\xc3'::bytea || 'ann@msp.example', '<ann@msp.example>',
                    '<a>{ANN}</a>', ARRAY['"ann@msp.example"'::jsonb], 'ann@msp.example', to_tsvector('simple', 'ann@msp.example'),
                    ARRAY['ann@msp.example'::bytea], 1, 'ann@msp.example', 'ann@msp.example');
                INSERT INTO milestone.forgotten (tenant_id, a) VALUES ('{OTHER_TENANT}', '{ANN}');
                CREATE TABLE milestone.everybodys (note text);
                GRANT SELECT ON milestone.everybodys TO gw_verify;
                INSERT INTO milestone.everybodys VALUES ('{ANN}');"#
            ))
            .await;

        let report = read(&world).await.unwrap();

        let mut expected = vec![finding("everybodys.note", 1)];
        expected.extend("abcdefghijklno".chars().map(|column| finding(&format!("forgotten.{column}"), 1)));
        assert_eq!(report.left, expected);
    })
    .await;
}

#[tokio::test]
async fn an_identifier_is_found_as_a_whole_token_only() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        erase(&world).await;
        world.seed("CREATE TABLE milestone.texts (note text); GRANT SELECT ON milestone.texts TO gw_verify;").await;
        let found = [
            "ann@msp.example",
            "Ann@MSP.Example",
            "mail ann@msp.example.",
            "(ann@msp.example)",
            "mailto:ann@msp.example",
            "ann@msp.example: hi",
            "a=ann@msp.example&b",
            "ann@msp.example,bob",
            "'ann@msp.example'",
            "ann@msp.example...",
            "user:ann@msp.example:login",
            "ann@msp.example-",
            "-ann@msp.example",
            "557058:ann-0001",
            "actor:557058:ann-0001.",
            "/users/557058:ann-0001/",
            "ann@msp.example\nnext",
        ];
        let not_found = [
            "joann@msp.example",
            "jo.ann@msp.example",
            "jo-ann@msp.example",
            "jo+ann@msp.example",
            "ann@msp.example.au",
            "ann@msp.example-x.com",
            "ann@msp.examples",
            "ann+tag@msp.example",
            "1557058:ann-0001",
            "557058:ann-00012",
            "557058:ANN-0001",
            "12:557058:ann-0001",
            "ann@mspXexample",
            "557058:ann-0001-b",
        ];
        let admin = world.admin().await;
        for (texts, expected) in [(&found[..], 1), (&not_found[..], 0)] {
            for text in texts {
                admin.execute("TRUNCATE milestone.texts", &[]).await.unwrap();
                admin.execute("INSERT INTO milestone.texts VALUES ($1)", &[text]).await.unwrap();
                assert_eq!(read(&world).await.unwrap().left_rows(), expected, "{text:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_shared_mailbox_is_held_by_another_and_free_text_is_a_mention() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        erase(&world).await;
        world
            .seed(&format!(
                "UPDATE milestone.team_member SET email = 'Ann@msp.example' WHERE tenant_id = '{TENANT}' AND account_id LIKE '%bob%';
                 UPDATE milestone.service_request SET summary = 'ask {ANN}' WHERE tenant_id = '{TENANT}';
                 INSERT INTO milestone.notification VALUES
                    ('{TENANT}', md5('bobs')::uuid, md5('bob')::uuid, NULL, 'Due', now()),
                    ('{TENANT}', md5('carols')::uuid, NULL, md5('carol')::uuid, 'Due', now());
                 INSERT INTO milestone.notification_delivery VALUES
                    ('{TENANT}', md5('bobs')::uuid, md5('bobs')::uuid, 'ann@msp.example', now()),
                    ('{TENANT}', md5('carols')::uuid, md5('carols')::uuid, 'ann@msp.example', now());
                 INSERT INTO milestone.activity_log VALUES
                    ('{TENANT}', md5('b1')::uuid, '557058:bob-0002', NULL, 'x', '{{\"to\": \"ann@msp.example\"}}', now()),
                    ('{TENANT}', md5('b2')::uuid, '557058:bob-0002', NULL, 'x', '{{\"to\": \"ann@msp.example {ANN}\"}}', now());"
            ))
            .await;

        let report = read(&world).await.unwrap();

        let held = [
            finding("activity_log.detail", 1),
            finding("notification_delivery.recipient_email", 1),
            finding("team_member.email", 1),
        ];
        assert_eq!(report.held_by_another, held);
        assert_eq!(report.mentioned, [finding("service_request.summary", 1)]);
        let left = [finding("activity_log.detail", 1), finding("notification_delivery.recipient_email", 1)];
        assert_eq!(report.left, left);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_cannot_see_says_so() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        let mut client = world.reader().await;
        let (mut without_setting, map) = (map(), map());
        without_setting.session = Session::Setting { name: "milestone.nobody_reads_this".to_owned() };
        let elsewhere = crate::product::TenantScope { map: &map, tenant_key: "00000000-0000-0000-0000-00000000000c" };

        let dropped = verify(&mut client, scope(&without_setting), &identifiers()).await;
        let unknown_tenant = verify(&mut client, elsewhere, &identifiers()).await;
        let no_identifier = verify(&mut client, scope(&map), &[]).await;

        assert!(matches!(dropped, Err(VerifyError::Begin { .. })), "{dropped:?}");
        assert_eq!(unknown_tenant, Err(VerifyError::Unreadable { table: "tenant".to_owned() }));
        assert_eq!(no_identifier, Err(VerifyError::NothingToSearch));
    })
    .await;
}

#[tokio::test]
async fn a_table_that_row_level_security_empties_is_not_clean() {
    in_a_database(|world| async move {
        world.seed(&people()).await;
        world
            .seed(
                "CREATE TABLE milestone.hidden (note text);
                 ALTER TABLE milestone.hidden ENABLE ROW LEVEL SECURITY;
                 GRANT SELECT ON milestone.hidden TO gw_verify;
                 CREATE POLICY tenants ON milestone.hidden TO gw_tenant USING (TRUE);",
            )
            .await;
        let hidden = read(&world).await;
        world.seed("DROP TABLE milestone.hidden; CREATE TABLE milestone.ungranted (note text)").await;
        let ungranted = read(&world).await;

        assert_eq!(hidden, Err(VerifyError::Unreadable { table: "hidden".to_owned() }));
        let Err(VerifyError::Search { table, source }) = ungranted else { panic!("{ungranted:?}") };
        assert_eq!((table.as_str(), source.sqlstate.as_deref()), ("ungranted", Some("42501")));
    })
    .await;
}
