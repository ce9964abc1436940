//! Differences planted in the reference product's catalog, one at a time: each is reported on the line it is about.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{
    mistakes::line_of,
    reference_product::{DATASET, catalog, dataset},
};
use crate::datamap::lint_against_catalog;
use crate::domain::catalog::{Catalog, Column, ForeignKey, Table};

#[test]
fn a_table_without_forced_row_security_is_drift() {
    assert_drift(|catalog| table(catalog, "message").row_security_forced = false, "- name: message\n", "not forced");
}

#[test]
fn what_is_not_mapped_or_does_not_exist_is_drift_on_the_line_of_its_collection() {
    assert_drift(
        |catalog| {
            let column = Column { data_type: "text".to_owned(), is_nullable: true, is_generated: false };
            table(catalog, "client").columns.insert("contact_email".to_owned(), column);
        },
        "- name: client\n",
        "not mapped and its name looks personal",
    );
    assert_drift(|catalog| drop(catalog.tables.remove("session")), "- name: session\n", "no such table");
    assert_drift(|catalog| drop(table(catalog, "message").columns.remove("body")), "{name: body", "no such column");
    assert_drift(
        |catalog| drop(table(catalog, "session").primary_key.pop()),
        "- name: session\n",
        "primary key is (tenant_id)",
    );
    assert_drift(|catalog| drop(catalog.tables.insert("survey".to_owned(), Table::default())), "# What", "not mapped");
}

#[test]
fn a_rewrite_that_the_database_would_refuse_is_drift() {
    assert_drift(
        |catalog| column(catalog, "message", "member_name").is_nullable = false,
        "{name: member_name",
        "NOT NULL",
    );
    assert_drift(
        |catalog| column(catalog, "message", "member_name").is_generated = true,
        "{name: member_name",
        "computes it",
    );
    assert_drift(
        |catalog| column(catalog, "activity_log", "actor_account_id").data_type = "uuid".to_owned(),
        "- name: actor_account_id",
        "becomes a text, but the column is uuid",
    );
}

#[test]
fn a_copy_that_cannot_be_corrected_or_emptied_is_drift() {
    let needle = "nullable text that nothing computes";
    assert_drift(|catalog| column(catalog, "team_member", "email").is_nullable = false, "{name: email", needle);
    assert_drift(
        |catalog| column(catalog, "team_member", "display_name").data_type = "jsonb".to_owned(),
        "{name: display_name",
        needle,
    );
    assert_drift(
        |catalog| column(catalog, "team_member", "email").data_type = "character varying(64)".to_owned(),
        "{name: email",
        needle,
    );
}

#[test]
fn a_foreign_key_into_a_persons_rows_without_a_bond_is_drift() {
    assert_drift(
        |catalog| {
            table(catalog, "client").foreign_keys.push(ForeignKey {
                name: "client_manager".to_owned(),
                columns: vec!["tenant_id".to_owned(), "client_id".to_owned()],
                references_table: "team_member".to_owned(),
                references_columns: vec!["tenant_id".to_owned(), "member_id".to_owned()],
            });
        },
        "- name: client\n",
        "no bond disposes of it",
    );
}

fn assert_drift(change: impl FnOnce(&mut Catalog), needle: &str, message: &str) {
    let mut changed = catalog();
    change(&mut changed);
    let findings = lint_against_catalog(&dataset(), &changed);
    let start = DATASET.find(needle).unwrap();
    let line = line_of(DATASET, start, needle);
    let found = findings.iter().any(|finding| finding.line == line && finding.message.contains(message));
    assert!(found, "{message:?} is not on line {line} of {findings:#?}");
}

fn table<'c>(catalog: &'c mut Catalog, name: &str) -> &'c mut Table {
    catalog.tables.get_mut(name).unwrap()
}

fn column<'c>(catalog: &'c mut Catalog, name: &str, column: &str) -> &'c mut Column {
    table(catalog, name).columns.get_mut(column).unwrap()
}
