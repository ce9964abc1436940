//! Sources and their sealed credentials.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Client, StoreError, TenantTx, statements, tx};
use crate::domain::{SourceId, SourceKind, TenantId};

statements! {
    FOR_INTAKE = "SELECT source_id, tenant_id, kind, site_host, settings, replay_window_seconds,
               credential_id, master_id, sealed
        FROM gateway.source_for_intake($1, $2, $3)";
    INSERT = "INSERT INTO gateway.source
            (source_id, name, kind, tenant_id, site_host, settings, replay_window_seconds, expected_every_seconds, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    END_CURRENT_CREDENTIAL = "UPDATE gateway.source_credential
        SET valid_until = $4
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until IS NULL";
    END_PREVIOUS_CREDENTIALS = "UPDATE gateway.source_credential
        SET valid_until = $4
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until > $4";
    INSERT_CREDENTIAL = "INSERT INTO gateway.source_credential
            (source_id, credential_id, purpose, holder, master_id, sealed, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    RENEW_CREDENTIAL = "UPDATE gateway.source_credential
        SET credential_id = $5, master_id = $6, sealed = $7, created_at = $8
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND credential_id = $4 AND valid_until IS NULL";
    FORGET_ENDED_CREDENTIALS = "DELETE FROM gateway.source_credential
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND valid_until <= $4";
    FIND_BY_NAME = "SELECT source_id, tenant_id, disabled_at FROM gateway.source WHERE name = $1";
    ENABLE = "UPDATE gateway.source SET disabled_at = NULL WHERE source_id = $1 AND disabled_at IS NOT NULL";
    FIND_BY_ID = "SELECT name, kind, tenant_id, site_host, settings FROM gateway.source WHERE source_id = $1";
    LIST = "SELECT s.source_id, s.name, s.kind, s.tenant_id, s.site_host, s.settings, s.replay_window_seconds,
               s.expected_every_seconds, s.created_at, s.disabled_at,
               (SELECT max(e.received_at) FROM gateway.event e WHERE e.source_id = s.source_id)
        FROM gateway.source s
        WHERE $1::text IS NULL OR s.name = $1
        ORDER BY s.name
        LIMIT 10000";
    CREDENTIALS = "SELECT credential_id, master_id, sealed
        FROM gateway.source_credential
        WHERE source_id = $1 AND purpose = $2 AND holder = $3 AND (valid_until IS NULL OR valid_until > $4)
        ORDER BY valid_until DESC NULLS FIRST
        LIMIT 4";
    CREDENTIAL_DATES = "SELECT purpose, holder, created_at, valid_until
        FROM gateway.source_credential
        WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2)
        ORDER BY purpose, holder, created_at DESC
        LIMIT 1000";
    BIND_HOLDER = "INSERT INTO gateway.source_holder (source_id, holder, tenant_id, bound_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (source_id, holder) DO NOTHING";
    HOLDER_TENANT = "SELECT tenant_id FROM gateway.source_holder WHERE source_id = $1 AND holder = $2";
    HOLDERS = "SELECT holder, tenant_id, bound_at
        FROM gateway.source_holder
        WHERE source_id = $1
        ORDER BY bound_at, holder
        LIMIT 10000";
    HOLDERS_OF_TENANT = "SELECT source_id, holder
        FROM gateway.source_holder
        WHERE tenant_id = $1
        ORDER BY source_id, holder
        LIMIT $2";
    // At a Forge app the tenant's key is the holder; elsewhere a binding says whose a holder is.
    FORGET_INSTALLATIONS = "DELETE FROM gateway.source_credential AS c
        USING gateway.source AS s
        WHERE s.tenant_id = $1 AND c.source_id = s.source_id
            AND ((s.kind = 'forge' AND c.holder = $2)
                OR (c.source_id, c.holder) IN (SELECT * FROM unnest($3::uuid[], $4::text[])))";
    UNBIND = "DELETE FROM gateway.source_holder
        WHERE tenant_id = $1 AND (source_id, holder) IN (SELECT * FROM unnest($2::uuid[], $3::text[]))";
}

/// A source, and an installation's own word for itself there.
pub type Holder = (SourceId, String);

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Checking what the sender says.
    Verify,
    /// Calling the sender's own system.
    CallBack,
}

impl Purpose {
    /// The word used in SQL and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::CallBack => "call_back",
        }
    }
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
    /// The site that its deliveries must speak of, lower case.
    pub site_host: Option<String>,
    /// What the kind has to know.
    pub settings: Value,
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

/// Whose credential, and for what.
#[derive(Debug, Clone, Copy)]
pub struct CredentialSlot<'a> {
    /// The source.
    pub source: SourceId,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is within the source; empty for the source's own.
    pub holder: &'a str,
}

/// When a credential was made and until when it is valid. Nothing of the credential itself.
#[derive(Debug, Clone)]
pub struct CredentialDates {
    /// What it is for.
    pub purpose: String,
    /// Whose it is within the source.
    pub holder: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when, when a newer one has replaced it.
    pub valid_until: Option<Timestamp>,
}

/// An installation and the tenant it belongs to.
#[derive(Debug, Clone)]
pub struct HolderRow {
    /// The installation, as the source names it.
    pub holder: String,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Since when.
    pub bound_at: Timestamp,
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
            row.get::<_, Option<Uuid>>(6).map(|credential_id| SealedCredential {
                credential_id,
                master_id: row.get(7),
                sealed: row.get(8),
            })
        })
        .collect();
    Ok(Some(IntakeSource {
        source_id: SourceId::from_uuid(first.get(0)),
        tenant_id: TenantId::from_uuid(first.get(1)),
        kind: kind(first.get(2))?,
        site_host: first.get(3),
        settings: first.get(4),
        replay_window_seconds: first.get(5),
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

/// Makes `credential` the current one; the one before stays valid until `previous_valid_until`, older ones end now.
pub async fn rotate_credential(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    credential: &SealedCredential,
    now: Timestamp,
    previous_valid_until: Timestamp,
) -> Result<(), StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    tx.execute("end_previous_credentials", END_PREVIOUS_CREDENTIALS, &[&source, &purpose, &slot.holder, &now]).await?;
    let until = previous_valid_until;
    tx.execute("end_current_credential", END_CURRENT_CREDENTIAL, &[&source, &purpose, &slot.holder, &until]).await?;
    let SealedCredential { credential_id, master_id, sealed } = credential;
    tx.execute_one(
        "insert_credential",
        INSERT_CREDENTIAL,
        &[&source, credential_id, &purpose, &slot.holder, master_id, sealed, &now],
    )
    .await
}

/// Puts a credential in the place of the current one if that is still `used`; nothing of it is left. False when it is not.
pub async fn renew_credential(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    used: Uuid,
    credential: &SealedCredential,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    let SealedCredential { credential_id, master_id, sealed } = credential;
    let renewed = tx
        .execute(
            "renew_credential",
            RENEW_CREDENTIAL,
            &[&source, &purpose, &slot.holder, &used, credential_id, master_id, sealed, &now],
        )
        .await?;
    Ok(renewed == 1)
}

/// Forgets the credentials of a slot that have ended. Repeating is safe.
pub async fn forget_ended_credentials(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (source, purpose) = (slot.source.uuid(), slot.purpose.as_str());
    tx.execute("forget_ended_credentials", FORGET_ENDED_CREDENTIALS, &[&source, &purpose, &slot.holder, &now]).await
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

/// The valid credentials of a slot within the transaction's tenant, current first.
pub async fn credentials(
    tx: &TenantTx<'_>,
    slot: CredentialSlot<'_>,
    at: Timestamp,
) -> Result<Vec<SealedCredential>, StoreError> {
    let purpose = slot.purpose.as_str();
    let rows = tx.query("credentials", CREDENTIALS, &[&slot.source.uuid(), &purpose, &slot.holder, &at]).await?;
    Ok(rows
        .iter()
        .map(|row| SealedCredential { credential_id: row.get(0), master_id: row.get(1), sealed: row.get(2) })
        .collect())
}

/// The dates of the valid credentials of a source of the transaction's tenant.
pub async fn credential_dates(
    tx: &TenantTx<'_>,
    source: SourceId,
    at: Timestamp,
) -> Result<Vec<CredentialDates>, StoreError> {
    let rows = tx.query("credential_dates", CREDENTIAL_DATES, &[&source.uuid(), &at]).await?;
    Ok(rows
        .iter()
        .map(|row| CredentialDates {
            purpose: row.get(0),
            holder: row.get(1),
            created_at: row.get(2),
            valid_until: row.get(3),
        })
        .collect())
}

/// Says that an installation is the transaction's tenant. False when it was bound before, to whomever.
pub async fn bind_holder(tx: &TenantTx<'_>, source: SourceId, holder: &str, at: Timestamp) -> Result<bool, StoreError> {
    let bound = tx.execute("bind_holder", BIND_HOLDER, &[&source.uuid(), &holder, &tx.tenant().uuid(), &at]).await?;
    Ok(bound == 1)
}

/// At most `limit` installations that are bound to the transaction's tenant.
pub async fn holders_of_tenant(tx: &TenantTx<'_>, limit: i64) -> Result<Vec<Holder>, StoreError> {
    let rows = tx.query("holders_of_tenant", HOLDERS_OF_TENANT, &[&tx.tenant().uuid(), &limit]).await?;
    Ok(rows.iter().map(|row| (SourceId::from_uuid(row.get(0)), row.get(1))).collect())
}

/// Forgets what the installations of a tenant have brought to sources of the transaction's tenant, which is the platform:
/// those that are named by the tenant's key, and those in `bound`. Returns how many credentials went. Safe to repeat.
pub async fn forget_installations(tx: &TenantTx<'_>, tenant_key: &str, bound: &[Holder]) -> Result<u64, StoreError> {
    let (sources, holders) = columns(bound);
    let tenant = tx.tenant().uuid();
    tx.execute("forget_installations", FORGET_INSTALLATIONS, &[&tenant, &tenant_key, &sources, &holders]).await
}

/// Forgets that these installations are the transaction's tenant. Safe to repeat.
pub async fn unbind(tx: &TenantTx<'_>, bound: &[Holder]) -> Result<u64, StoreError> {
    let (sources, holders) = columns(bound);
    tx.execute("unbind_holders", UNBIND, &[&tx.tenant().uuid(), &sources, &holders]).await
}

fn columns(bound: &[Holder]) -> (Vec<Uuid>, Vec<&str>) {
    bound.iter().map(|(source, holder)| (source.uuid(), holder.as_str())).unzip()
}

/// The tenant that an installation is bound to. Role `gw_queue`.
pub async fn holder_tenant(client: &Client, source: SourceId, holder: &str) -> Result<Option<TenantId>, StoreError> {
    let rows = tx::query(client, "holder_tenant", HOLDER_TENANT, &[&source.uuid(), &holder]).await?;
    Ok(rows.first().map(|row| TenantId::from_uuid(row.get(0))))
}

/// The installations of a source. Role `gw_queue`.
pub async fn holders(client: &Client, source: SourceId) -> Result<Vec<HolderRow>, StoreError> {
    let rows = tx::query(client, "holders", HOLDERS, &[&source.uuid()]).await?;
    Ok(rows
        .iter()
        .map(|row| HolderRow { holder: row.get(0), tenant_id: TenantId::from_uuid(row.get(1)), bound_at: row.get(2) })
        .collect())
}

/// Every source, or the one with this name. Role `gw_queue`.
pub async fn list(client: &Client, name: Option<&str>) -> Result<Vec<SourceRow>, StoreError> {
    let rows = tx::query(client, "list_sources", LIST, &[&name]).await?;
    rows.iter()
        .map(|row| {
            Ok(SourceRow {
                source_id: SourceId::from_uuid(row.get(0)),
                facts: SourceFacts {
                    name: row.get(1),
                    kind: kind(row.get(2))?,
                    tenant_id: TenantId::from_uuid(row.get(3)),
                    site_host: row.get(4),
                    settings: row.get(5),
                },
                replay_window_seconds: row.get(6),
                expected_every_seconds: row.get(7),
                created_at: row.get(8),
                disabled_at: row.get(9),
                last_seen_at: row.get(10),
            })
        })
        .collect()
}
