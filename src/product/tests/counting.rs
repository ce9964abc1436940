//! Counts by the conditions that execution uses, without doing anything.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::{
    domain::plan::Plan,
    product::{PersonKey, TenantScope, begin, predicate::Question, scope::ProductTx, statement::Statement},
};

/// How many rows each step of the plan would dispose of. A row in which the person stands twice (as author and as reviewer) is
/// counted by both of its steps.
pub(super) async fn of_steps(client: &mut Client, scope: TenantScope<'_>, plan: &Plan, person: &PersonKey) -> Vec<u64> {
    let question = Question { scope, plan, person, pseudonym: None };
    question.check().unwrap();
    let tx = begin(client, scope).await.unwrap();
    let mut counts = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let mut statement = Statement::default();
        statement.line("SELECT count(*)");
        question.rows_of_step(&mut statement, step).unwrap();
        counts.push(count(&tx, &statement).await);
    }
    counts
}

/// How many rows of each table refer to the person, each row once.
pub(super) async fn of_tables(
    client: &mut Client,
    scope: TenantScope<'_>,
    plan: &Plan,
    person: &PersonKey,
) -> BTreeMap<String, u64> {
    let question = Question { scope, plan, person, pseudonym: None };
    question.check().unwrap();
    let tx = begin(client, scope).await.unwrap();
    let mut counts = BTreeMap::new();
    for table in plan.steps.iter().map(|step| &step.table) {
        let mut statement = Statement::default();
        statement.line("SELECT count(*)");
        question.rows_about(&mut statement, table).unwrap();
        counts.insert(table.clone(), count(&tx, &statement).await);
    }
    counts
}

async fn count(tx: &ProductTx<'_, '_>, statement: &Statement<'_>) -> u64 {
    tx.rows(statement).await.unwrap()[0].get::<_, i64>(0).unsigned_abs()
}
