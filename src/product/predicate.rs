//! Which rows a step of a person's plan concerns: the one builder that counting and execution share, so that they cannot
//! disagree.
//!
//! A row that two people own is disposed of by two kinds of step. The rewrite leaves out rows whose other owners are all
//! gone, and the deletion takes just those. So the last owner's rewrite never strands a row that nobody owns any more, even
//! when two owners are erased at the same moment: the row's lock decides who was first.

use crate::domain::plan::{ColumnRewrite, Disposal, Plan, Reach, Rewrite, Step};

use super::{
    error::ProductError,
    person::{PersonKey, is_identity},
    scope::TenantScope,
    statement::{self, Statement},
};

/// The most tables between a row and the person.
const REACH_DEPTH_MAX: usize = 16;
/// The alias of the step's table.
pub(super) const ROW: &str = "t";

/// Whose rows, by which plan.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) scope: TenantScope<'a>,
    pub(super) plan: &'a Plan,
    pub(super) person: &'a PersonKey,
    /// Unknown while rows are only counted: none can hold it yet.
    pub(super) pseudonym: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// Refuses a plan that was made for another schema or another kind of person.
    pub(super) fn check(&self) -> Result<(), ProductError> {
        if self.plan.schema != self.scope.map.schema || self.plan.dataset != self.scope.map.dataset {
            return Err(ProductError::PlanRefused { what: "it was made for another dataset or schema" });
        }
        if self.plan.subject_kind.as_ref() != Some(&self.person.kind) {
            return Err(ProductError::PlanRefused { what: "it was made for another kind of person" });
        }
        Ok(())
    }

    /// `FROM … WHERE …` for the rows that `step` still has to dispose of.
    pub(super) fn rows_of_step(&self, statement: &mut Statement<'a>, step: &'a Step) -> Result<(), ProductError> {
        self.table_of_tenant(statement, &step.table)?;
        let reached = self.reached(statement, &step.reach)?;
        statement.line(format!("AND {reached}"));
        match &step.disposal {
            Disposal::DeleteRows => {}
            Disposal::DeleteUnlessOwned { other_owner_columns } => {
                for owner in other_owner_columns {
                    statement.line(format!("AND {} IS NULL", statement::column(ROW, owner)));
                }
            }
            Disposal::RewriteColumns { columns } => {
                if let Some(others) = self.owners_beside(step) {
                    statement.line(format!("AND ({})", any_is_set(others)));
                }
                if let Some(guard) = self.not_yet_rewritten(statement, &step.reach, columns) {
                    statement.line(format!("AND ({guard})"));
                }
            }
        }
        Ok(())
    }

    /// `FROM … WHERE …` for the rows of a table that any of its steps reaches, each row once.
    #[cfg(any(test, feature = "demo"))]
    pub(super) fn rows_about(&self, statement: &mut Statement<'a>, table: &str) -> Result<(), ProductError> {
        self.table_of_tenant(statement, table)?;
        let mut reaches = Vec::new();
        for step in self.plan.steps.iter().filter(|step| step.table == table) {
            reaches.push(self.reached(statement, &step.reach)?);
        }
        statement.line(format!("AND ({})", reaches.join("\nOR ")));
        Ok(())
    }

    fn table_of_tenant(&self, statement: &mut Statement<'a>, table: &str) -> Result<(), ProductError> {
        self.scope.collection(table)?;
        let tenant = self.scope.is_tenants(statement, ROW);
        statement.line(format!("FROM {} AS {ROW}", self.scope.table(table)));
        statement.line(format!("WHERE {tenant}"));
        Ok(())
    }

    fn reached(&self, statement: &mut Statement<'a>, reach: &'a Reach) -> Result<String, ProductError> {
        self.reached_at(statement, reach, ROW, 1)
    }

    fn reached_at(
        &self,
        statement: &mut Statement<'a>,
        reach: &'a Reach,
        alias: &str,
        depth: usize,
    ) -> Result<String, ProductError> {
        if depth > REACH_DEPTH_MAX {
            return Err(ProductError::PlanRefused { what: "a reach is deeper than the bound" });
        }
        match reach {
            Reach::Identity { column, kind } => {
                is_identity(statement, self.scope, self.person, *kind, &statement::column(alias, column))
            }
            Reach::Through { column, parent_table, parent_column, parent } => {
                let above = format!("p{depth}");
                let tenant = self.scope.is_tenants(statement, &above);
                let reached = self.reached_at(statement, parent, &above, depth + 1)?;
                Ok(format!(
                    "{} IN (\nSELECT {}\nFROM {} AS {above}\nWHERE {tenant}\nAND {reached}\n)",
                    statement::column(alias, column),
                    statement::column(&above, parent_column),
                    self.scope.table(parent_table),
                ))
            }
            Reach::Tenant => Err(ProductError::PlanRefused { what: "a person's plan reaches for everybody" }),
        }
    }

    /// The other owners of a co-owned row, when the plan also deletes rows of this table by the same bond.
    fn owners_beside(&self, step: &Step) -> Option<&'a [String]> {
        self.plan.steps.iter().find_map(|other| match &other.disposal {
            Disposal::DeleteUnlessOwned { other_owner_columns }
                if other.table == step.table && other.reach == step.reach =>
            {
                Some(other_owner_columns.as_slice())
            }
            Disposal::DeleteUnlessOwned { .. } | Disposal::DeleteRows | Disposal::RewriteColumns { .. } => None,
        })
    }

    /// A condition that a rewritten row no longer meets. `None` when the reach itself stops finding it, because the column
    /// it looks at is among the rewritten ones. Without it a step would find its own work again and never end.
    fn not_yet_rewritten(
        &self,
        statement: &mut Statement<'a>,
        reach: &Reach,
        columns: &'a [ColumnRewrite],
    ) -> Option<String> {
        match reach {
            Reach::Identity { column: looked_at, .. } | Reach::Through { column: looked_at, .. } => {
                if columns.iter().any(|rewritten| rewritten.column == *looked_at) {
                    return None;
                }
            }
            Reach::Tenant => {}
        }
        let guards = columns.iter().map(|rewritten| {
            let column = statement::column(ROW, &rewritten.column);
            match new_value(&rewritten.rewrite, self.pseudonym) {
                NewValue::Null => format!("{column} IS NOT NULL"),
                NewValue::Text(text) => format!("{column} IS DISTINCT FROM {}", statement.text(text)),
                NewValue::NotYetKnown => String::from("TRUE"),
            }
        });
        Some(guards.collect::<Vec<_>>().join(" OR "))
    }
}

/// What a column becomes.
pub(super) enum NewValue<'a> {
    Null,
    Text(&'a str),
    /// The pseudonym, while rows are only counted.
    NotYetKnown,
}

pub(super) fn new_value<'a>(rewrite: &'a Rewrite, pseudonym: Option<&'a str>) -> NewValue<'a> {
    match rewrite {
        Rewrite::Null => NewValue::Null,
        Rewrite::Fixed { text } => NewValue::Text(text),
        Rewrite::ErasurePseudonym => pseudonym.map_or(NewValue::NotYetKnown, NewValue::Text),
    }
}

fn any_is_set(columns: &[String]) -> String {
    if columns.is_empty() {
        return String::from("FALSE");
    }
    let set: Vec<String> = columns.iter().map(|name| format!("{} IS NOT NULL", statement::column(ROW, name))).collect();
    set.join(" OR ")
}
