//! When a found e-mail address is not a leftover: it also belongs to another living person (a shared mailbox).
//!
//! Only e-mail can be shared. An account id or a uid is one person's, wherever it is found.

use crate::{
    datamap::map::SubjectRoot,
    domain::{IdentityKind, catalog::Catalog},
};

use super::{
    super::{
        predicate::ROW,
        scope::TenantScope,
        statement::{self, Statement},
    },
    token,
};

/// The most bonds followed from a row to a person.
const BONDS_MAX: usize = 4;

/// Builds the condition under which a row's e-mail address is another living person's.
pub(super) struct Excuse<'a, 'b> {
    pub(super) scope: TenantScope<'a>,
    pub(super) catalog: &'b Catalog,
    /// Placeholder of the e-mail patterns.
    pub(super) emails: &'b str,
    /// Placeholder of the patterns of every other identity.
    pub(super) others: &'b str,
}

impl<'a> Excuse<'a, '_> {
    /// The condition on `ROW`, or `None` when no row of the table can be excused: the row is a living person's own and
    /// carries the same address, or a bond leads from it to such a row.
    pub(super) fn of_row(&self, statement: &mut Statement<'a>, table: &str) -> Option<String> {
        self.at(statement, table, ROW, 0)
    }

    fn at(&self, statement: &mut Statement<'a>, table: &str, alias: &str, depth: usize) -> Option<String> {
        let mut ways: Vec<String> = Vec::new();
        for root in self.scope.map.subjects.values().filter(|root| root.collection == table) {
            ways.extend(self.own_row(root, alias));
        }
        let collection = self.scope.map.collections.get(table)?;
        for (number, bond) in collection.ownership.iter().enumerate() {
            if depth >= BONDS_MAX {
                break;
            }
            let Some(reference) = collection.fields.get(&bond.by).and_then(|field| field.references.as_ref()) else {
                continue;
            };
            let is_live = self.has(table, &bond.by)
                && self.has(&reference.collection, &reference.column)
                && self.has(&reference.collection, &self.scope.map.tenant_column);
            if !is_live {
                continue;
            }
            let above = format!("{alias}_{number}");
            let Some(inner) = self.at(statement, &reference.collection, &above, depth + 1) else { continue };
            let tenant = self.scope.is_tenants(statement, &above);
            ways.push(format!(
                "EXISTS (\nSELECT 1\nFROM {} AS {above}\nWHERE {tenant}\nAND {} = {}\nAND ({inner})\n)",
                self.scope.table(&reference.collection),
                statement::column(&above, &reference.column),
                statement::column(alias, &bond.by),
            ));
        }
        (!ways.is_empty()).then(|| ways.join(" OR "))
    }

    fn own_row(&self, root: &SubjectRoot, alias: &str) -> Option<String> {
        let email = root.identities.get(&IdentityKind::Email)?;
        let anchor = root.identities.get(&root.anchor)?;
        if !self.has(&root.collection, email) || !self.has(&root.collection, anchor) {
            return None;
        }
        // The erased person's own row, if it is still there, excuses nothing.
        Some(format!(
            "{} ~ ANY({}) AND NOT COALESCE({}, '') ~ ANY({})",
            token::raw_text(&statement::column(alias, email), "text"),
            self.emails,
            token::raw_text(&statement::column(alias, anchor), "text"),
            self.others,
        ))
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.catalog.tables.get(table).is_some_and(|live| live.columns.contains_key(column))
    }
}
