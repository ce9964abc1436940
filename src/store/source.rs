//! Sources and their sealed credentials.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{SourceId, TenantId};

statements! {
    FOR_INTAKE = "SELECT source_id, tenant_id, replay_window_seconds, credential_id, master_id, sealed
        FROM gateway.source_for_intake($1, $2)";
    INSERT = "INSERT INTO gateway.source (source_id, name, kind, tenant_id, site_host, replay_window_seconds, created_at)
        VALUES ($1, $2, 'jira_admin', $3, $4, $5, $6)";
    END_CURRENT_CREDENTIAL = "UPDATE gateway.source_credential
        SET valid_until = $2
        WHERE source_id = $1 AND valid_until IS NULL";
    END_PREVIOUS_CREDENTIALS = "UPDATE gateway.source_credential
        SET valid_until = $2
        WHERE source_id = $1 AND valid_until > $2";
    INSERT_CREDENTIAL = "INSERT INTO gateway.source_credential
            (source_id, credential_id, master_id, sealed, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    FIND_BY_NAME = "SELECT source_id, tenant_id FROM gateway.source WHERE name = $1";
    SITE_HOST = "SELECT name, site_host FROM gateway.source WHERE source_id = $1";
    LIST = "SELECT source_id, name, kind, tenant_id, disabled_at IS NOT NULL FROM gateway.source ORDER BY name LIMIT 10000";
    CREDENTIALS = "SELECT credential_id, master_id, sealed
        FROM gateway.source_credential
        WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2)
        ORDER BY valid_until DESC NULLS FIRST
        LIMIT 4";
}

/// A source as intake sees it, with its credentials still sealed.
#[derive(Debug, Clone)]
pub struct IntakeSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose deliveries it brings.
    pub tenant_id: TenantId,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window_seconds: Option<i32>,
    /// Current credential first, then the previous one while it is valid.
    pub credentials: Vec<SealedCredential>,
}

/// A sealed secret.
#[derive(Debug, Clone)]
pub struct SealedCredential {
    /// Its id, part of the seal's authenticated data.
    pub credential_id: Uuid,
    /// The master key whose derived key seals it.
    pub master_id: i32,
    /// The sealed secret.
    pub sealed: Vec<u8>,
}

/// A source as operators see it.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Its id.
    pub source_id: SourceId,
    /// Its name, which is the last part of its route.
    pub name: String,
    /// The kind of sender.
    pub kind: String,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// True when it is refused.
    pub is_disabled: bool,
}

/// A source to be recorded.
#[derive(Debug)]
pub struct NewSource<'a> {
    /// Its id.
    pub source_id: SourceId,
    /// Its name.
    pub name: &'a str,
    /// The site that its deliveries must speak of, lower case.
    pub site_host: Option<&'a str>,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window_seconds: Option<i32>,
}

/// The source with this name, with the credentials that are valid at `at`. Role `gw_intake`.
pub async fn for_intake(client: &Client, name: &str, at: Timestamp) -> Result<Option<IntakeSource>, StoreError> {
    let rows = tx::query(client, "source_for_intake", FOR_INTAKE, &[&name, &at]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let credentials = rows
        .iter()
        .filter_map(|row| {
            row.get::<_, Option<Uuid>>(3).map(|credential_id| SealedCredential {
                credential_id,
                master_id: row.get(4),
                sealed: row.get(5),
            })
        })
        .collect();
    Ok(Some(IntakeSource {
        source_id: SourceId::from_uuid(first.get(0)),
        tenant_id: TenantId::from_uuid(first.get(1)),
        replay_window_seconds: first.get(2),
        credentials,
    }))
}

/// Records a source of the transaction's tenant. Fails by constraint when the name is taken.
pub async fn insert(tx: &TenantTx<'_>, source: &NewSource<'_>, created_at: Timestamp) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_source",
        INSERT,
        &[
            &source.source_id.uuid(),
            &source.name,
            &tx.tenant().uuid(),
            &source.site_host,
            &source.replay_window_seconds,
            &created_at,
        ],
    )
    .await
}

/// Makes `credential` the current one; the one before stays valid until `previous_valid_until`, older ones end now.
pub async fn rotate_credential(
    tx: &TenantTx<'_>,
    source: SourceId,
    credential: &SealedCredential,
    now: Timestamp,
    previous_valid_until: Timestamp,
) -> Result<(), StoreError> {
    tx.execute("end_previous_credentials", END_PREVIOUS_CREDENTIALS, &[&source.uuid(), &now]).await?;
    tx.execute("end_current_credential", END_CURRENT_CREDENTIAL, &[&source.uuid(), &previous_valid_until]).await?;
    tx.execute_one(
        "insert_credential",
        INSERT_CREDENTIAL,
        &[&source.uuid(), &credential.credential_id, &credential.master_id, &credential.sealed, &now],
    )
    .await
}

/// The id and tenant of a named source. Role `gw_queue`.
pub async fn find_by_name(client: &Client, name: &str) -> Result<Option<(SourceId, TenantId)>, StoreError> {
    let rows = tx::query(client, "find_source", FIND_BY_NAME, &[&name]).await?;
    Ok(rows.first().map(|row| (SourceId::from_uuid(row.get(0)), TenantId::from_uuid(row.get(1)))))
}

/// The name of a source of the transaction's tenant and the site its deliveries must speak of.
pub async fn site_host(tx: &TenantTx<'_>, source: SourceId) -> Result<Option<(String, Option<String>)>, StoreError> {
    let row = tx.query_opt("site_host", SITE_HOST, &[&source.uuid()]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// The valid credentials of a source of the transaction's tenant, current first (used by `send`, which signs).
pub async fn credentials(
    tx: &TenantTx<'_>,
    source: SourceId,
    at: Timestamp,
) -> Result<Vec<SealedCredential>, StoreError> {
    let rows = tx.query("credentials", CREDENTIALS, &[&source.uuid(), &at]).await?;
    Ok(rows
        .iter()
        .map(|row| SealedCredential { credential_id: row.get(0), master_id: row.get(1), sealed: row.get(2) })
        .collect())
}

/// Every source. Role `gw_queue`.
pub async fn list(client: &Client) -> Result<Vec<SourceRow>, StoreError> {
    let rows = tx::query(client, "list_sources", LIST, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| SourceRow {
            source_id: SourceId::from_uuid(row.get(0)),
            name: row.get(1),
            kind: row.get(2),
            tenant_id: TenantId::from_uuid(row.get(3)),
            is_disabled: row.get(4),
        })
        .collect())
}
