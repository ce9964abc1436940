//! Pools and the transaction that carries its tenant.

use std::time::Duration;

use deadpool_postgres::{Manager, Object, Runtime, Timeouts, Transaction};
use tokio_postgres::{Row, types::ToSql};

use super::error::StoreError;
use crate::domain::TenantId;

/// A connection of one of the gateway's roles.
pub type Client = Object;

/// Connections of one role. Which role a function needs is said in its own documentation.
#[derive(Clone)]
pub struct Pool(deadpool_postgres::Pool);

/// How long a caller waits for a connection, a connect or a recycle before it is told to come back later.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);

impl Pool {
    /// A pool of at most `size` connections. Connects on first use.
    pub fn new(manager: Manager, size: usize) -> Self {
        let timeouts = Timeouts { wait: Some(POOL_TIMEOUT), create: Some(POOL_TIMEOUT), recycle: Some(POOL_TIMEOUT) };
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(size)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a runtime is given, which is all that build checks");
        Self(pool)
    }

    /// A connection. Fails when none can be had within five seconds.
    pub async fn client(&self) -> Result<Client, StoreError> {
        self.0.get().await.map_err(|_| StoreError::NoConnection)
    }
}

/// A transaction of role `gw_tenant` whose tenant is set. Without one no tenant's row can be touched.
pub struct TenantTx<'a> {
    tx: Transaction<'a>,
    tenant: TenantId,
}

impl<'a> TenantTx<'a> {
    /// Begins a transaction for one tenant. Dropping it rolls back.
    pub async fn begin(client: &'a mut Client, tenant: TenantId) -> Result<Self, StoreError> {
        const SQL: &str = "SELECT set_config('gateway.tenant_id', $1, true)";
        let tx = client.transaction().await.map_err(StoreError::of("begin"))?;
        let statement = tx.prepare_cached(SQL).await.map_err(StoreError::of("set_tenant"))?;
        tx.query_one(&statement, &[&tenant.uuid().to_string()]).await.map_err(StoreError::of("set_tenant"))?;
        Ok(Self { tx, tenant })
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await.map_err(StoreError::of("commit"))
    }

    /// Takes a lock that ends with the transaction, named by 64 bits (a digest's beginning).
    pub async fn lock(&self, name: i64) -> Result<(), StoreError> {
        self.execute("lock", "SELECT pg_advisory_xact_lock($1)", &[&name]).await.map(|_| ())
    }

    /// As [`TenantTx::lock`], beside others who take it this way; whoever takes it alone waits for all of them.
    pub async fn lock_shared(&self, name: i64) -> Result<(), StoreError> {
        self.execute("lock_shared", "SELECT pg_advisory_xact_lock_shared($1)", &[&name]).await.map(|_| ())
    }

    pub(super) async fn query(
        &self,
        name: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.tx.prepare_cached(sql).await.map_err(StoreError::of(name))?;
        self.tx.query(&statement, params).await.map_err(StoreError::of(name))
    }

    pub(super) async fn query_opt(
        &self,
        name: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, StoreError> {
        let mut rows = self.query(name, sql, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            many => Err(StoreError::RowCount { statement: name, expected: 1, actual: many as u64 }),
        }
    }

    pub(super) async fn execute(
        &self,
        name: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, StoreError> {
        let statement = self.tx.prepare_cached(sql).await.map_err(StoreError::of(name))?;
        self.tx.execute(&statement, params).await.map_err(StoreError::of(name))
    }

    /// Executes a write that must concern exactly one row.
    pub(super) async fn execute_one(
        &self,
        name: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        match self.execute(name, sql, params).await? {
            1 => Ok(()),
            actual => Err(StoreError::RowCount { statement: name, expected: 1, actual }),
        }
    }
}

/// Runs a prepared query on a connection that has no tenant (roles `gw_intake` and `gw_queue`).
pub(super) async fn query(
    client: &Client,
    name: &'static str,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, StoreError> {
    let statement = client.prepare_cached(sql).await.map_err(StoreError::of(name))?;
    client.query(&statement, params).await.map_err(StoreError::of(name))
}

/// Runs a prepared write on a connection that has no tenant. Returns the number of rows.
pub(super) async fn execute(
    client: &Client,
    name: &'static str,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(sql).await.map_err(StoreError::of(name))?;
    client.execute(&statement, params).await.map_err(StoreError::of(name))
}
