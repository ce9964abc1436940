//! Drift: where the data map and the live catalog disagree. A gap on either side would leave a person's data behind, or
//! make an erasure fail half-way.

use std::collections::BTreeSet;

use super::{
    compiled::Compiled,
    finding::{Finding, Report},
    lookup::root_of,
    map::{Collection, ProfileColumn, Role},
    taxonomy::looks_personal,
};
use crate::domain::{
    catalog::{Catalog, Column, ForeignKey, Table},
    plan::Rewrite,
};

/// Every disagreement between a map and the catalog of its schema, with the line of the collection or column it is about.
pub fn lint_against_catalog(compiled: &Compiled, catalog: &Catalog) -> Vec<Finding> {
    let mut drift = Drift { compiled, report: Report::new(&compiled.file) };
    if catalog.schema != compiled.map.schema {
        let message = format!("the map is for schema {}, the catalog is of {}", compiled.map.schema, catalog.schema);
        drift.report.error(compiled.lines.of("@meta"), "schema", message);
    }
    for (name, table) in &catalog.tables {
        match compiled.map.collections.get(name) {
            Some(collection) => drift.table(name, table, collection),
            None => drift.unmapped_table(name, table),
        }
        for key in &table.foreign_keys {
            drift.foreign_key(name, key);
        }
    }
    for name in compiled.map.collections.keys().filter(|name| !catalog.tables.contains_key(*name)) {
        drift.at(name, "is mapped, but the database has no such table; remove it or correct the name");
    }
    drift.sink(catalog);
    drift.report.into_findings()
}

struct Drift<'c> {
    compiled: &'c Compiled,
    report: Report,
}

impl Drift<'_> {
    fn at(&mut self, path: &str, message: impl Into<String>) {
        self.report.error(self.compiled.lines.of(path), path, message);
    }

    fn unmapped_table(&mut self, name: &str, table: &Table) {
        self.at(name, "this table of the database is not mapped; add a collection");
        for column in table.columns.keys().filter(|column| looks_personal(column)) {
            self.at(&format!("{name}.{column}"), "this column looks personal and is not mapped; map its table");
        }
    }

    fn table(&mut self, name: &str, table: &Table, collection: &Collection) {
        for column in table.columns.keys().filter(|column| !collection.fields.contains_key(*column)) {
            let looks = if looks_personal(column) { " and its name looks personal" } else { "" };
            let message = format!("this column of the database is not mapped{looks}; add a field");
            self.at(&format!("{name}.{column}"), message);
        }
        for column in collection.fields.keys().filter(|column| !table.columns.contains_key(*column)) {
            let message = "is mapped, but the table has no such column; remove it or correct the name";
            self.at(&format!("{name}.{column}"), message);
        }
        let mapped: BTreeSet<&String> = collection.primary_key.iter().collect();
        if mapped != table.primary_key.iter().collect() {
            let message = format!("the database's primary key is ({}); map the same", table.primary_key.join(", "));
            self.at(name, message);
        }
        if !table.row_security_forced {
            let message = "row level security is not forced, so one tenant's session could see another's rows; \
                           ALTER TABLE … ENABLE and FORCE ROW LEVEL SECURITY";
            self.at(name, message);
        }
        for bond in collection.ownership.iter().filter(|bond| bond.role != Role::Owned) {
            for column in [&bond.by].into_iter().chain(&bond.also_rewrites) {
                self.rewritten(name, table, collection, column);
            }
        }
        self.marks(name, table);
        self.profile(name, table);
    }

    /// A copy of what a source says must be able to hold it, and to hold nothing.
    fn profile(&mut self, name: &str, table: &Table) {
        let columns = self.compiled.map.subjects.values().flat_map(|root| root.profile.values().flatten());
        for ProfileColumn { column, .. } in columns.filter(|column| column.collection == name) {
            let Some(found) = table.columns.get(column) else { continue };
            if !holds_words(found) || is_short(found) || !found.is_nullable || found.is_generated {
                let message = "is corrected when its source says so; make it a nullable text that nothing computes and that \
                               holds 255 characters";
                self.at(&format!("{name}.{column}"), message);
            }
        }
    }

    fn rewritten(&mut self, name: &str, table: &Table, collection: &Collection, column: &str) {
        let Some(found) = table.columns.get(column) else { return };
        let Some(rewrite) = collection.fields.get(column).and_then(|field| field.rewrite.as_ref()) else { return };
        let path = format!("{name}.{column}");
        if found.is_generated {
            self.at(&path, "is rewritten, but the database computes it; rewrite the columns that it is computed from");
        }
        let is_key = table.primary_key.iter().any(|key| key == column);
        let rejection = match rewrite {
            Rewrite::Null => (!found.is_nullable).then(|| {
                "becomes null, but the column is NOT NULL; choose another strategy or drop NOT NULL".to_owned()
            }),
            Rewrite::Fixed { .. } if is_key => {
                Some("becomes a fixed text, but belongs to the primary key; use erasure_pseudonym".to_owned())
            }
            Rewrite::Fixed { .. } | Rewrite::ErasurePseudonym => (!holds_words(found))
                .then(|| format!("becomes a text, but the column is {}; use null_rewrite", found.data_type)),
        };
        if let Some(rejection) = rejection {
            self.at(&path, rejection);
        }
    }

    /// The columns that revoking access and flagging set must take a time and be empty before.
    fn marks(&mut self, name: &str, table: &Table) {
        let Some(root) = root_of(&self.compiled.map, name) else { return };
        for column in [&root.restricted_column, &root.flagged_column] {
            let Some(found) = table.columns.get(column) else { continue };
            if !found.data_type.starts_with("timestamp") || !found.is_nullable {
                let message =
                    "is set to a time when access is revoked or the row is flagged; make it a nullable timestamptz";
                self.at(&format!("{name}.{column}"), message);
            }
        }
    }

    /// A foreign key into rows that go must have a bond that disposes of it first, else the deletion would fail.
    fn foreign_key(&mut self, name: &str, key: &ForeignKey) {
        let parent = &key.references_table;
        let map = &self.compiled.map;
        let parent_owned =
            map.collections.get(parent).is_some_and(|it| it.ownership.iter().any(|bond| bond.role != Role::Accessed));
        if root_of(map, parent).is_none() && !parent_owned {
            return;
        }
        let bond = map.collections.get(name).and_then(|collection| {
            collection.ownership.iter().find(|bond| {
                let target = collection.fields.get(&bond.by).and_then(|field| field.references.as_ref());
                key.columns.contains(&bond.by) && target.is_some_and(|target| target.collection == *parent)
            })
        });
        let columns = key.columns.join(", ");
        let Some(bond) = bond else {
            let message = format!(
                "foreign key {} ({columns}) refers to {parent}, whose rows are deleted, and no bond disposes of it; \
                 add one under ownership.{name}",
                key.name
            );
            self.at(name, message);
            return;
        };
        let by = bond.by.clone();
        let rewrite = map.collections.get(name).and_then(|it| it.fields.get(&by)).and_then(|it| it.rewrite.clone());
        if bond.role != Role::Owned && rewrite != Some(Rewrite::Null) {
            let message = format!("foreign key {} would refuse the rewritten value; use null_rewrite", key.name);
            self.at(&format!("{name}.{by}"), message);
        }
    }

    fn sink(&mut self, catalog: &Catalog) {
        let Some(sink) = self.compiled.map.worklog_sink.as_ref() else { return };
        let Some(table) = catalog.tables.get(&sink.collection) else { return };
        let expected = [
            (&sink.worklog_id, "text", false),
            (&sink.issue_id, "text", false),
            (&sink.author, "text", true),
            (&sink.seconds, "bigint", false),
            (&sink.work_day, "date", false),
            (&sink.updated_at, "timestamp with time zone", false),
            (&sink.removed_at, "timestamp with time zone", true),
        ];
        for (column, data_type, must_be_nullable) in expected {
            let Some(found) = table.columns.get(column) else { continue };
            if found.data_type != data_type || (must_be_nullable && !found.is_nullable) {
                let nullable = if must_be_nullable { " and nullable" } else { "" };
                let message = format!("is {}; the worklog sink needs {data_type}{nullable}", found.data_type);
                self.at(&format!("{}.{column}", sink.collection), message);
            }
        }
    }
}

/// True for a type that cannot hold every name and address: `character varying(64)`.
fn is_short(column: &Column) -> bool {
    let limit = column.data_type.split_once('(').and_then(|(_, rest)| rest.trim_end_matches(')').parse::<u32>().ok());
    limit.is_some_and(|limit| limit < 255)
}

/// True for a type that takes any text.
fn holds_words(column: &Column) -> bool {
    matches!(column.data_type.as_str(), "text" | "citext" | "bpchar" | "name")
        || column.data_type.starts_with("character")
}
