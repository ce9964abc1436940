//! The reference product for tests: its files as they are shipped, and its catalog read from its own migration.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::datamap::{
    self, Compiled, Finding, SourceFile, compile_dataset,
    finding::Report,
    lint,
    promises::{self, Keeping, Promise},
    tree,
    walk::Cursor,
};
use crate::domain::catalog::{Catalog, Column, ForeignKey, Table};

pub(crate) const DATASET: &str = include_str!("../../../policies/milestone/dataset.yaml");
pub(crate) const POLICY: &str = include_str!("../../../policies/milestone/policy.yaml");
pub(crate) const PRIVACY_POLICY: &str = include_str!("../../../policies/milestone/privacy-policy.md");
const MIGRATION: &str = include_str!("../../../migrations/milestone/V0001__reference_product.sql");

pub(crate) fn dataset() -> Compiled {
    let (compiled, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: DATASET }, false);
    compiled.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// Reads the migration's CREATE TABLE statements, which are written one column or constraint per line.
pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog { schema: "milestone".to_owned(), tables: [].into() };
    let mut open: Option<(String, Table)> = None;
    for line in MIGRATION.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE milestone.") {
            let name = rest.trim_end_matches(" (").to_owned();
            open = Some((name, Table { row_security_forced: true, ..Table::default() }));
        } else if line == ");" {
            catalog.tables.extend(open.take());
        } else if let Some((name, table)) = &mut open {
            read_line(name, table, line.trim().trim_end_matches(','));
        }
    }
    catalog
}

fn read_line(name: &str, table: &mut Table, line: &str) {
    if let Some(rest) = line.strip_prefix("PRIMARY KEY ") {
        table.primary_key = columns_in(rest);
    } else if let Some(rest) = line.strip_prefix("FOREIGN KEY ") {
        let (columns, target) = rest.split_once(" REFERENCES milestone.").unwrap();
        add_key(name, table, columns_in(columns), target);
    } else if !line.starts_with("UNIQUE ") {
        let mut words = line.split(' ');
        let (column, data_type) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let data_type = if data_type == "timestamptz" { "timestamp with time zone" } else { data_type };
        let is_key = line.contains("PRIMARY KEY");
        let is_nullable = !line.contains("NOT NULL") && !is_key;
        if is_key {
            table.primary_key = vec![column.clone()];
        }
        if let Some((_, target)) = line.split_once(" REFERENCES milestone.") {
            add_key(name, table, vec![column.clone()], target);
        }
        table.columns.insert(column, Column { data_type: data_type.to_owned(), is_nullable, is_generated: false });
    }
}

fn add_key(name: &str, table: &mut Table, columns: Vec<String>, target: &str) {
    let (references_table, references_columns) = target.split_once(' ').unwrap();
    table.foreign_keys.push(ForeignKey {
        name: format!("{name}_{}_fkey", columns.join("_")),
        columns,
        references_table: references_table.to_owned(),
        references_columns: columns_in(references_columns),
    });
}

fn columns_in(text: &str) -> Vec<String> {
    let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
    inner.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reference_product_is_mapped_without_findings() {
    let (compiled, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: DATASET }, false);

    assert_eq!(findings, []);
    let compiled = compiled.unwrap();
    assert_eq!(compiled.map.collections.len(), 14);
    let mut report = Report::new(&compiled.file);
    lint::check(&compiled, &mut report);
    assert_eq!(report.into_findings(), []);
}

#[test]
fn the_reference_product_has_no_drift_against_its_own_migration() {
    let catalog = catalog();
    assert_eq!(catalog.tables.len(), 14);
    assert_eq!(catalog.tables["message"].foreign_keys.len(), 3);

    assert_eq!(datamap::lint_against_catalog(&dataset(), &catalog), []);
}

#[test]
fn the_reference_policy_keeps_every_statement_of_its_privacy_policy() {
    let file = SourceFile { name: "policy.yaml", text: POLICY };
    let privacy = SourceFile { name: "privacy-policy.md", text: PRIVACY_POLICY };

    let (policy, findings) = datamap::compile_policy(file, privacy, &dataset().map);

    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(shown, Vec::<String>::new());
    assert_eq!(policy.unwrap().jira_subject.as_str(), "msp_team_member");
    let (promises, findings) = read_promises(file);
    assert_eq!(findings, []);
    assert!(promises.len() > 20);
}

/// The promises of a policy file. Findings of other sections are not reported here.
fn read_promises(file: SourceFile<'_>) -> (Vec<Promise>, Vec<Finding>) {
    let mut report = Report::new(file.name);
    let mut found = Vec::new();
    if let Some(root) = tree::parse(file, &mut report)
        && let Some(mapping) = Cursor::root(&root).open_mapping(&mut report)
        && let Some(list) = mapping.required(&mut report, "promises")
    {
        found = promises::promises_of(&list, &mut report);
    }
    (found, report.into_findings())
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let (promises, _) = read_promises(SourceFile { name: "policy.yaml", text: POLICY });
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    for promise in promises {
        if let Keeping::Mechanism { test: Some(test), .. } = promise.keeping {
            assert!(sources.contains(&format!("fn {test}(")), "policy.yaml:{}: no test {test}", promise.line);
        }
    }
}
