//! Sources: who sends, and what is known of each; `credential` and `holder` are what each has.

pub(super) mod credential;
pub(super) mod holder;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use credential::{
    CredentialDates, CredentialSlot, Purpose, SealedCredential, credential_dates, credentials,
    forget_ended_credentials, renew_credential, rotate_credential,
};
pub use holder::{
    Holder, HolderRow, bind_holder, forget_installations, holder_tenant, holders, holders_of_tenant, unbind,
};

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{SourceId, SourceKind, TenantId};

statements! {
    FOR_INTAKE = "SELECT source_id, tenant_id, kind, settings, replay_window_seconds,
               credential_id, master_id, sealed
        FROM gateway.source_for_intake($1, $2, $3)";
    INSERT = "INSERT INTO gateway.source
            (source_id, name, kind, tenant_id, site_host, settings, replay_window_seconds, expected_every_seconds, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    FIND_BY_NAME = "SELECT source_id, tenant_id, disabled_at FROM gateway.source WHERE name = $1";
    ENABLE = "UPDATE gateway.source SET disabled_at = NULL WHERE source_id = $1 AND disabled_at IS NOT NULL";
    FIND_BY_ID = "SELECT name, kind, tenant_id, site_host, settings FROM gateway.source WHERE source_id = $1";
    LIST = "SELECT s.source_id, s.name, s.kind, s.tenant_id, s.site_host, s.settings, s.replay_window_seconds,
               s.expected_every_seconds, s.created_at, s.disabled_at,
               (SELECT max(e.received_at) FROM gateway.event e WHERE e.source_id = s.source_id) AS last_seen_at
        FROM gateway.source s
        WHERE $1::text IS NULL OR s.name = $1
        ORDER BY s.name
        LIMIT 10000";
}

/// A source as intake sees it, with its credentials still sealed.
#[derive(Debug, Clone)]
pub struct IntakeSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose deliveries it brings; [`TenantId::PLATFORM`] when a delivery says that itself.
    pub tenant_id: TenantId,
    /// The kind of sender.
    pub kind: SourceKind,
    /// What the kind has to know.
    pub settings: Value,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window_seconds: Option<i32>,
    /// Current credential first, then the previous one while it is valid.
    pub credentials: Vec<SealedCredential>,
}

/// A source as interpretation needs it.
#[derive(Debug, Clone)]
pub struct SourceFacts {
    /// Its name.
    pub name: String,
    /// The kind of sender.
    pub kind: SourceKind,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The site that its deliveries must speak of, lower case.
    pub site_host: Option<String>,
    /// What the kind has to know.
    pub settings: Value,
}

/// A source as operators see it.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Its id.
    pub source_id: SourceId,
    /// Its name, kind, tenant, site and settings.
    pub facts: SourceFacts,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window_seconds: Option<i32>,
    /// How long it may be silent.
    pub expected_every_seconds: Option<i32>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub disabled_at: Option<Timestamp>,
    /// When its latest event arrived.
    pub last_seen_at: Option<Timestamp>,
}

/// A source as it is found by its name.
#[derive(Debug, Clone, Copy)]
pub struct NamedSource {
    /// Its id.
    pub source_id: SourceId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Since when it is refused.
    pub disabled_at: Option<Timestamp>,
}

/// A source to be recorded.
#[derive(Debug)]
pub struct NewSource<'a> {
    /// Its id.
    pub source_id: SourceId,
    /// Its name.
    pub name: &'a str,
    /// The kind of sender.
    pub kind: SourceKind,
    /// The site that its deliveries must speak of, lower case.
    pub site_host: Option<&'a str>,
    /// What the kind has to know; an object.
    pub settings: &'a Value,
    /// How old, by the body's own timestamp, a delivery may be.
    pub replay_window_seconds: Option<i32>,
    /// How long it may be silent.
    pub expected_every_seconds: Option<i32>,
}

fn kind(word: &str) -> Result<SourceKind, StoreError> {
    SourceKind::parse(word).ok_or(StoreError::UnknownValue { column: "source.kind" })
}

/// The source with this name, with the holder's credentials that are valid at `at`. Role `gw_intake`.
pub async fn for_intake(
    client: &Client,
    name: &str,
    holder: &str,
    at: Timestamp,
) -> Result<Option<IntakeSource>, StoreError> {
    let rows = tx::query(client, "source_for_intake", FOR_INTAKE, &[&name, &holder, &at]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let credentials = rows
        .iter()
        .filter_map(|row| {
            row.get::<_, Option<Uuid>>("credential_id").map(|credential_id| SealedCredential {
                credential_id,
                master_id: row.get("master_id"),
                sealed: row.get("sealed"),
            })
        })
        .collect();
    Ok(Some(IntakeSource {
        source_id: SourceId::from_uuid(first.get("source_id")),
        tenant_id: TenantId::from_uuid(first.get("tenant_id")),
        kind: kind(first.get("kind"))?,
        settings: first.get("settings"),
        replay_window_seconds: first.get("replay_window_seconds"),
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
            &source.kind.as_str(),
            &tx.tenant().uuid(),
            &source.site_host,
            &source.settings,
            &source.replay_window_seconds,
            &source.expected_every_seconds,
            &created_at,
        ],
    )
    .await
}

/// The source with this name, disabled or not. Role `gw_queue`.
pub async fn find_by_name(client: &Client, name: &str) -> Result<Option<NamedSource>, StoreError> {
    let rows = tx::query(client, "find_source", FIND_BY_NAME, &[&name]).await?;
    Ok(rows.first().map(|row| NamedSource {
        source_id: SourceId::from_uuid(row.get(0)),
        tenant_id: TenantId::from_uuid(row.get(1)),
        disabled_at: row.get(2),
    }))
}

/// Takes a disabled source of the transaction's tenant into use again. False when it is in use.
pub async fn enable(tx: &TenantTx<'_>, source: SourceId) -> Result<bool, StoreError> {
    Ok(tx.execute("enable_source", ENABLE, &[&source.uuid()]).await? == 1)
}

/// What is known of a source. Role `gw_queue`.
pub async fn find(client: &Client, source: SourceId) -> Result<Option<SourceFacts>, StoreError> {
    let rows = tx::query(client, "read_source", FIND_BY_ID, &[&source.uuid()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(SourceFacts {
        name: row.get(0),
        kind: kind(row.get(1))?,
        tenant_id: TenantId::from_uuid(row.get(2)),
        site_host: row.get(3),
        settings: row.get(4),
    }))
}

/// Every source, or the one with this name. Role `gw_queue`.
pub async fn list(client: &Client, name: Option<&str>) -> Result<Vec<SourceRow>, StoreError> {
    let rows = tx::query(client, "list_sources", LIST, &[&name]).await?;
    rows.iter()
        .map(|row| {
            Ok(SourceRow {
                source_id: SourceId::from_uuid(row.get("source_id")),
                facts: SourceFacts {
                    name: row.get("name"),
                    kind: kind(row.get("kind"))?,
                    tenant_id: TenantId::from_uuid(row.get("tenant_id")),
                    site_host: row.get("site_host"),
                    settings: row.get("settings"),
                },
                replay_window_seconds: row.get("replay_window_seconds"),
                expected_every_seconds: row.get("expected_every_seconds"),
                created_at: row.get("created_at"),
                disabled_at: row.get("disabled_at"),
                last_seen_at: row.get("last_seen_at"),
            })
        })
        .collect()
}
