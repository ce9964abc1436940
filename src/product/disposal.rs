//! What is done with the rows that a batch has chosen, whoever they belong to.

use crate::domain::plan::{Disposal, Step};

use super::{
    predicate::{NewValue, ROW, new_value},
    scope::TenantScope,
    statement::{self, Statement},
};

/// `disposed AS (…)`: deletes or rewrites the rows whose keys stand in `chosen`. Without a pseudonym no column may become one.
pub(super) fn dispose_of_chosen<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    step: &'a Step,
    key: &[String],
    pseudonym: Option<&'a str>,
) {
    let table = scope.table(&step.table);
    statement.line("disposed AS (");
    match &step.disposal {
        Disposal::DeleteRows | Disposal::DeleteUnlessOwned { .. } => {
            statement.line(format!("DELETE FROM {table} AS {ROW}"));
            statement.line("USING chosen");
        }
        Disposal::RewriteColumns { columns } => {
            let set = columns.iter().map(|rewritten| {
                let value = match new_value(&rewritten.rewrite, pseudonym) {
                    NewValue::Text(text) => statement.text(text),
                    NewValue::Null | NewValue::NotYetKnown => String::from("NULL"),
                };
                format!("{} = {value}", statement::quoted(&rewritten.column))
            });
            let set: Vec<String> = set.collect();
            statement.line(format!("UPDATE {table} AS {ROW}"));
            statement.line(format!("SET {}", set.join(",\n")));
            statement.line("FROM chosen");
        }
    }
    statement.line(format!("WHERE {}", statement::same_key(key, ROW, "chosen")));
    statement.line("RETURNING 1");
    statement.line(")");
}
