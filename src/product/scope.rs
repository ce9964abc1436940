//! The only door to tenant rows: a transaction in which the tenant is set.

use tokio_postgres::{Client, IsolationLevel, Row, Transaction, types::Type};

use crate::{
    datamap::map::{Collection, DataMap, Session, SubjectRoot},
    domain::SubjectKind,
};

use super::{
    error::{DatabaseError, ProductError},
    statement::{self, Statement},
};

/// The longest a statement on tenant rows may run, in milliseconds.
const STATEMENT_TIMEOUT_MS: u32 = 30_000;
/// The longest a statement may wait for a lock, in milliseconds. The job is tried again later.
const LOCK_TIMEOUT_MS: u32 = 5_000;
/// The longest the independent reader may read one table, in milliseconds: it reads every row of the tenant.
const VERIFY_STATEMENT_TIMEOUT_MS: u32 = 900_000;

/// Which tenant of which product.
#[derive(Debug, Clone, Copy)]
pub struct TenantScope<'a> {
    /// The product's compiled data map.
    pub map: &'a DataMap,
    /// The tenant's key as the product stores it (for Milestone the cloudId).
    pub tenant_key: &'a str,
}

impl<'a> TenantScope<'a> {
    /// The quoted table of a collection.
    pub(super) fn table(&self, collection: &str) -> String {
        statement::table(&self.map.schema, collection)
    }

    /// `alias.tenant_column = $n`, stated besides row level security so that a missing policy cannot widen a statement.
    pub(super) fn is_tenants(&self, statement: &mut Statement<'a>, alias: &str) -> String {
        format!("{} = {}", statement::column(alias, &self.map.tenant_column), statement.text(self.tenant_key))
    }

    pub(super) fn collection(&self, name: &str) -> Result<&'a Collection, ProductError> {
        let gap = || ProductError::MapGap { collection: name.to_owned(), what: "the description" };
        self.map.collections.get(name).ok_or_else(gap)
    }

    pub(super) fn subject_root(&self, kind: &SubjectKind) -> Result<&'a SubjectRoot, ProductError> {
        self.map.subjects.get(kind).ok_or_else(|| ProductError::UnknownSubjectKind { kind: kind.clone() })
    }
}

/// A transaction in which the tenant is set. Dropped without [`ProductTx::commit`] it rolls back.
pub struct ProductTx<'c, 's> {
    transaction: Transaction<'c>,
    scope: TenantScope<'s>,
}

/// Opens a transaction for one tenant: sets the product's session setting, `milestone_gateway.tenant_key`, a statement and
/// a lock time-out, all for this transaction only, so that a pooled connection carries nothing over. Two round trips.
pub async fn begin<'c, 's>(client: &'c mut Client, scope: TenantScope<'s>) -> Result<ProductTx<'c, 's>, ProductError> {
    open(client, scope, Access::Write).await.map_err(|source| ProductError::Begin { source })
}

/// As [`begin`], read only.
pub async fn begin_read<'c, 's>(
    client: &'c mut Client,
    scope: TenantScope<'s>,
) -> Result<ProductTx<'c, 's>, ProductError> {
    open(client, scope, Access::Read).await.map_err(|source| ProductError::Begin { source })
}

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// Read only, each statement on a snapshot of its own.
    Read,
    /// Read only, one snapshot for the whole transaction, with the reader's longer time-out.
    ReadOneSnapshot,
}

pub(super) async fn open<'c, 's>(
    client: &'c mut Client,
    scope: TenantScope<'s>,
    access: Access,
) -> Result<ProductTx<'c, 's>, DatabaseError> {
    // Each function of this room relies on one isolation level, whatever default the product database's administrator has set.
    let isolation =
        if access == Access::ReadOneSnapshot { IsolationLevel::RepeatableRead } else { IsolationLevel::ReadCommitted };
    let builder = client.build_transaction().isolation_level(isolation).read_only(access != Access::Write);
    let transaction = builder.start().await?;
    let tx = ProductTx { transaction, scope };
    let timeout_ms = if access == Access::ReadOneSnapshot { VERIFY_STATEMENT_TIMEOUT_MS } else { STATEMENT_TIMEOUT_MS };
    let Session::Setting { name } = &scope.map.session;
    let mut statement = Statement::default();
    let name = statement.bind(name, Type::TEXT);
    let key = statement.bind(scope.tenant_key, Type::TEXT);
    let statement_timeout = statement.bind(timeout_ms.to_string(), Type::TEXT);
    let lock_timeout = statement.bind(LOCK_TIMEOUT_MS.to_string(), Type::TEXT);
    statement.line("SELECT");
    statement.line(format!("set_config({name}, {key}, TRUE),"));
    statement.line(format!("set_config('milestone_gateway.tenant_key', {key}, TRUE),"));
    statement.line(format!("set_config('statement_timeout', {statement_timeout}, TRUE),"));
    statement.line(format!("set_config('lock_timeout', {lock_timeout}, TRUE)"));
    tx.rows(&statement).await?;
    Ok(tx)
}

impl<'c, 's> ProductTx<'c, 's> {
    /// Commits. When the answer is lost the commit may still have happened: repeat the operation, which is safe.
    pub async fn commit(self) -> Result<(), ProductError> {
        self.transaction.commit().await.map_err(|error| ProductError::Commit { source: error.into() })
    }

    /// The tenant that is set.
    pub fn scope(&self) -> TenantScope<'s> {
        self.scope
    }

    /// The driver's own transaction.
    pub fn raw(&self) -> &Transaction<'c> {
        &self.transaction
    }

    /// Runs a statement and returns its rows. The message is sent when the future is first polled.
    pub(super) async fn rows(&self, statement: &Statement<'_>) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.transaction.query_typed(statement.sql(), &statement.parameters()).await?)
    }

    /// Runs a statement and returns how many rows it has changed.
    pub(super) async fn change(&self, statement: &Statement<'_>) -> Result<u64, DatabaseError> {
        Ok(self.transaction.execute_typed(statement.sql(), &statement.parameters()).await?)
    }
}
