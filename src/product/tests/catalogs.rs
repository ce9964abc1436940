//! What the catalog says about tables of unusual make.

use crate::product::{ProductError, read_catalog};

use super::harness::in_a_database;

#[tokio::test]
async fn the_catalog_lists_tables_and_partitioned_tables_and_nothing_else() {
    in_a_database(|world| async move {
        world
            .seed(
                "CREATE DOMAIN milestone.address AS varchar(80);
                 CREATE DOMAIN milestone.checked_address AS milestone.address CHECK (VALUE <> '');
                 CREATE TABLE milestone.\"Odd Name\" (id bigint, day date, mail milestone.checked_address, tags text[],
                    shout text GENERATED ALWAYS AS (repeat('x', 2)) STORED, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
                 CREATE TABLE milestone.part PARTITION OF milestone.\"Odd Name\" DEFAULT;
                 CREATE TABLE milestone.pointing (day date, id bigint, FOREIGN KEY (day, id) REFERENCES milestone.\"Odd Name\" (day, id));
                 CREATE VIEW milestone.seen AS SELECT 1 AS one;",
            )
            .await;

        let catalog = read_catalog(&world.tenant().await, "milestone").await.unwrap();

        assert!(!catalog.tables.contains_key("part") && !catalog.tables.contains_key("seen"));
        let odd = &catalog.tables["Odd Name"];
        assert_eq!(odd.primary_key, ["day", "id"]);
        assert_eq!(odd.columns["mail"].data_type, "character varying(80)");
        assert!(odd.columns["mail"].holds_text() && odd.columns["tags"].holds_text() && !odd.columns["id"].holds_text());
        assert!(odd.columns["shout"].is_generated && !odd.row_security_forced);
        let pointing = &catalog.tables["pointing"].foreign_keys;
        assert_eq!(pointing.len(), 1);
        assert_eq!(pointing[0].references_table, "Odd Name");
        assert_eq!(pointing[0].columns, ["day", "id"]);
        let message = &catalog.tables["message"];
        assert_eq!((message.foreign_keys.len(), message.row_security_forced), (3, true));
        assert!(message.columns["member_name"].is_nullable && !message.columns["body"].is_nullable);
        let missing = read_catalog(&world.tenant().await, "elsewhere").await;
        assert_eq!(missing, Err(ProductError::EmptySchema { schema: "elsewhere".to_owned() }));
    })
    .await;
}
