//! Whether the product knows somebody, and as what.

use tokio_postgres::Client;

use super::{
    error::ProductError,
    person::{PersonKey, is_own_row},
    scope::{TenantScope, begin_read},
    statement::Statement,
};
use crate::domain::{IdentityKind, Personal, SubjectKind};

/// The kinds of person whose own row of this tenant carries the identity; empty when the product knows nobody of it here.
/// Reads only.
pub async fn kinds_known(
    client: &mut Client,
    scope: TenantScope<'_>,
    kind: IdentityKind,
    value: &Personal<String>,
) -> Result<Vec<SubjectKind>, ProductError> {
    let tx = begin_read(client, scope).await?;
    let mut known = Vec::new();
    for (subject, root) in scope.map.subjects.iter().filter(|(_, root)| root.anchor == kind) {
        let person = PersonKey { kind: subject.clone(), identities: vec![(kind, value.clone())] };
        let mut statement = Statement::default();
        let own_row = is_own_row(&mut statement, scope, &person, "t")?;
        statement.line(format!("SELECT 1 FROM {} AS t", scope.table(&root.collection)));
        statement.line(format!("WHERE {own_row}"));
        statement.line("LIMIT 1");
        let rows = tx.rows(&statement).await.map_err(|source| ProductError::CollectIdentifiers { source })?;
        if !rows.is_empty() {
            known.push(subject.clone());
        }
    }
    Ok(known)
}
