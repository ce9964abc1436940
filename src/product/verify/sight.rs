//! Whether the reader sees at all: what it must see before it may say that nothing is left.

use tokio_postgres::types::Type;

use super::{
    super::{
        scope::ProductTx,
        statement::{self, Statement},
    },
    error::VerifyError,
};

/// Emptiness must not look like success: row level security that hides everything answers like a table without rows.
pub(super) async fn see_the_tenant(tx: &ProductTx<'_, '_>) -> Result<(), VerifyError> {
    let begin = |source| VerifyError::Begin { source };
    let scope = tx.scope();
    let root = &scope.map.tenant_root;
    let mut statement = Statement::default();
    let key = statement.text(scope.tenant_key);
    statement.line("SELECT 1");
    statement.line(format!("FROM {} AS t", scope.table(&root.collection)));
    statement.line(format!("WHERE {} = {key}", statement::column("t", &root.column)));
    statement.line("LIMIT 2");
    if tx.rows(&statement).await.map_err(begin)?.len() != 1 {
        return Err(VerifyError::Unreadable { table: root.collection.clone() });
    }
    see_every_table(tx).await
}

/// No table of the schema may be hidden from this role by row level security.
pub(super) async fn see_every_table(tx: &ProductTx<'_, '_>) -> Result<(), VerifyError> {
    let begin = |source| VerifyError::Begin { source };
    let scope = tx.scope();
    let mut statement = Statement::default();
    let schema = statement.bind(scope.map.schema.as_str(), Type::TEXT);
    statement.line(HIDDEN_TABLE.replace("$schema", &schema));
    match tx.rows(&statement).await.map_err(begin)?.first() {
        Some(row) => Err(VerifyError::Unreadable { table: row.try_get(0).map_err(|error| begin(error.into()))? }),
        None => Ok(()),
    }
}

/// A table whose row level security applies to this role while no permissive policy lets it read: always empty for us.
const HIDDEN_TABLE: &str = "\
SELECT c.relname::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $schema
AND c.relkind IN ('r', 'p')
AND NOT c.relispartition
AND row_security_active(c.oid)
AND NOT EXISTS (
SELECT 1
FROM pg_catalog.pg_policy AS p
WHERE p.polrelid = c.oid
AND p.polpermissive
AND p.polcmd IN ('*', 'r')
AND EXISTS (
SELECT 1
FROM unnest(p.polroles) AS r (role)
WHERE r.role = 0 OR pg_has_role(r.role, 'USAGE')
)
)
ORDER BY c.relname
LIMIT 1";
