//! Data subjects, their identities, their signals and the minimized events about them.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, TenantTx, statements};
use crate::domain::{EventId, IdentityId, IdentityKind, Issuer, SubjectId, SubjectKind, event::PersonSignal};

statements! {
    FIND_BY_ANCHOR = "SELECT i.subject_id, s.generation
        FROM gateway.identity i
        JOIN gateway.data_subject s ON s.tenant_id = i.tenant_id AND s.subject_id = i.subject_id
        WHERE i.tenant_id = $1 AND i.kind = $2 AND i.issuer = $3 AND i.digest = ANY($4) AND i.is_anchor
        ORDER BY s.generation DESC
        LIMIT 1";
    FIND_BY_DIGEST = "SELECT DISTINCT s.subject_id, s.kind, s.generation, s.erased_at
        FROM gateway.identity i
        JOIN gateway.data_subject s ON s.tenant_id = i.tenant_id AND s.subject_id = i.subject_id
        WHERE i.tenant_id = $1 AND i.kind = $2 AND i.digest = ANY($3)
        ORDER BY s.generation
        LIMIT 100";
    INSERT_SUBJECT = "INSERT INTO gateway.data_subject (tenant_id, subject_id, kind, generation, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    READ_SUBJECT = "SELECT kind, generation, erased_at
        FROM gateway.data_subject
        WHERE tenant_id = $1 AND subject_id = $2";
    INSERT_IDENTITY = "INSERT INTO gateway.identity
            (tenant_id, identity_id, subject_id, kind, issuer, is_anchor, norm_version, digest_key_id, digest, sealed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (tenant_id, subject_id, kind, digest_key_id, digest) DO NOTHING";
    IDENTITIES = "SELECT identity_id, kind, issuer, is_anchor, digest_key_id, digest, sealed
        FROM gateway.identity
        WHERE tenant_id = $1 AND subject_id = $2
        ORDER BY identity_id
        LIMIT 100";
    // By the primary key, from a place on, so that each page costs the same.
    ANCHORS_BEHIND = "SELECT identity_id, kind, issuer, is_anchor, digest_key_id, digest, sealed, subject_id
        FROM gateway.identity
        WHERE tenant_id = $1 AND kind = $2 AND is_anchor AND identity_id > $3
        ORDER BY identity_id
        LIMIT $4";
    FORGET_IDENTITIES = "DELETE FROM gateway.identity WHERE tenant_id = $1 AND subject_id = $2";
    MARK_ERASED = "UPDATE gateway.data_subject
        SET erased_at = $3
        WHERE tenant_id = $1 AND subject_id = $2 AND erased_at IS NULL";
    // What is told later may be about an earlier time.
    SET_REFRESHED = "UPDATE gateway.data_subject
        SET refreshed_at = greatest(refreshed_at, $3)
        WHERE tenant_id = $1 AND subject_id = $2";
    INSERT_SIGNAL = "INSERT INTO gateway.subject_signal (tenant_id, subject_id, signal, source_at, arrived_at, event_id)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, subject_id, signal, source_at) DO NOTHING";
    // One row for each kind of signal is enough to decide: the latest arrival, the departures since, the latest one.
    SIGNALS = "SELECT signal, source_at, arrived_at
        FROM gateway.subject_signal
        WHERE tenant_id = $1 AND subject_id = $2 AND signal <> 'user_updated'
        ORDER BY source_at DESC, signal
        LIMIT 1000";
    FORGET_SIGNALS = "DELETE FROM gateway.subject_signal WHERE tenant_id = $1 AND subject_id = $2";
    INSERT_MINIMIZED = "INSERT INTO gateway.minimized_event (tenant_id, event_id, subject_id, sealed)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, event_id, subject_id) DO NOTHING";
    MINIMIZED = "SELECT subject_id, sealed
        FROM gateway.minimized_event
        WHERE tenant_id = $1 AND event_id = $2
        LIMIT 10";
    FORGET_SOME_MINIMIZED = "DELETE FROM gateway.minimized_event
        WHERE tenant_id = $1 AND (event_id, subject_id) IN (
            SELECT event_id, subject_id FROM gateway.minimized_event WHERE tenant_id = $1 LIMIT $2
        )";
    FORGET_SOME_SIGNALS = "DELETE FROM gateway.subject_signal
        WHERE tenant_id = $1 AND (subject_id, signal, source_at) IN (
            SELECT subject_id, signal, source_at FROM gateway.subject_signal WHERE tenant_id = $1 LIMIT $2
        )";
    FORGET_SOME_IDENTITIES = "DELETE FROM gateway.identity
        WHERE tenant_id = $1 AND identity_id IN (
            SELECT identity_id FROM gateway.identity WHERE tenant_id = $1 LIMIT $2
        )";
    MARK_ALL_ERASED = "UPDATE gateway.data_subject
        SET erased_at = $2
        WHERE tenant_id = $1 AND erased_at IS NULL";
    FORGET_MINIMIZED = "DELETE FROM gateway.minimized_event WHERE tenant_id = $1 AND subject_id = $2";
}

/// A data subject.
#[derive(Debug, Clone)]
pub struct SubjectRow {
    /// Its id.
    pub subject_id: SubjectId,
    /// The kind of person.
    pub kind: SubjectKind,
    /// 1, and one more for every return behind a fence.
    pub generation: i32,
    /// When it was erased.
    pub erased_at: Option<Timestamp>,
}

/// An identity with its value still sealed.
#[derive(Debug, Clone)]
pub struct SealedIdentity {
    /// Its id.
    pub identity_id: IdentityId,
    /// Its kind.
    pub kind: IdentityKind,
    /// Who gives it out; never an unknown one.
    pub issuer: Issuer,
    /// True for the identity that sources name the person by.
    pub is_anchor: bool,
    /// Normalisation version.
    pub norm_version: i16,
    /// The digest key.
    pub digest_key_id: i32,
    /// The keyed digest.
    pub digest: Vec<u8>,
    /// The sealed value.
    pub sealed: Vec<u8>,
}

/// A signal about a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalRow {
    /// What happened.
    pub signal: PersonSignal,
    /// When, by the source's clock, never later than the arrival.
    pub source_at: Timestamp,
    /// When it arrived.
    pub arrived_at: Timestamp,
}

/// The youngest subject with this anchor, by any live version of its digest.
pub async fn find_by_anchor(
    tx: &TenantTx<'_>,
    kind: IdentityKind,
    issuer: &Issuer,
    digests: &[&[u8]],
) -> Result<Option<(SubjectId, i32)>, StoreError> {
    let row = tx
        .query_opt("find_by_anchor", FIND_BY_ANCHOR, &[&tx.tenant().uuid(), &kind.as_str(), &issuer.text(), &digests])
        .await?;
    Ok(row.map(|row| (SubjectId::from_uuid(row.get(0)), row.get(1))))
}

/// Records that everything which the product has copied of somebody is as its source says since a time. Safe to repeat.
pub async fn set_refreshed(tx: &TenantTx<'_>, subject: SubjectId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute("set_refreshed", SET_REFRESHED, &[&tx.tenant().uuid(), &subject.uuid(), &at]).await.map(|_| ())
}

/// Every subject with an identity of this digest.
pub async fn find_by_digest(
    tx: &TenantTx<'_>,
    kind: IdentityKind,
    digests: &[&[u8]],
) -> Result<Vec<SubjectRow>, StoreError> {
    let rows = tx.query("find_by_digest", FIND_BY_DIGEST, &[&tx.tenant().uuid(), &kind.as_str(), &digests]).await?;
    rows.iter()
        .map(|row| {
            Ok(SubjectRow {
                subject_id: SubjectId::from_uuid(row.get(0)),
                kind: subject_kind(row.get(1))?,
                generation: row.get(2),
                erased_at: row.get(3),
            })
        })
        .collect()
}

fn subject_kind(text: &str) -> Result<SubjectKind, StoreError> {
    SubjectKind::parse(text).map_err(|_| StoreError::UnknownValue { column: "data_subject.kind" })
}

/// Records a subject.
pub async fn insert(
    tx: &TenantTx<'_>,
    subject: SubjectId,
    kind: &SubjectKind,
    generation: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute_one(
        "insert_subject",
        INSERT_SUBJECT,
        &[&tx.tenant().uuid(), &subject.uuid(), &kind.as_str(), &generation, &at],
    )
    .await
}

/// A subject of the transaction's tenant.
pub async fn read(tx: &TenantTx<'_>, subject: SubjectId) -> Result<Option<SubjectRow>, StoreError> {
    let row = tx.query_opt("read_subject", READ_SUBJECT, &[&tx.tenant().uuid(), &subject.uuid()]).await?;
    row.map(|row| {
        Ok(SubjectRow {
            subject_id: subject,
            kind: subject_kind(row.get(0))?,
            generation: row.get(1),
            erased_at: row.get(2),
        })
    })
    .transpose()
}

/// Records an identity of a subject. Safe to repeat.
pub async fn insert_identity(
    tx: &TenantTx<'_>,
    subject: SubjectId,
    identity: &SealedIdentity,
) -> Result<(), StoreError> {
    tx.execute(
        "insert_identity",
        INSERT_IDENTITY,
        &[
            &tx.tenant().uuid(),
            &identity.identity_id.uuid(),
            &subject.uuid(),
            &identity.kind.as_str(),
            &identity.issuer.text(),
            &identity.is_anchor,
            &identity.norm_version,
            &identity.digest_key_id,
            &identity.digest,
            &identity.sealed,
        ],
    )
    .await
    .map(|_| ())
}

/// The identities of a subject.
pub async fn identities(tx: &TenantTx<'_>, subject: SubjectId) -> Result<Vec<SealedIdentity>, StoreError> {
    let rows = tx.query("identities", IDENTITIES, &[&tx.tenant().uuid(), &subject.uuid()]).await?;
    rows.iter().map(sealed_identity).collect()
}

/// At most `limit` anchors of one kind, of whichever subjects of the tenant, in the order of their ids: those behind `behind`,
/// the last one of the page before. `None` begins at the front.
pub async fn anchors_behind(
    tx: &TenantTx<'_>,
    kind: IdentityKind,
    behind: Option<IdentityId>,
    limit: i64,
) -> Result<Vec<(SubjectId, SealedIdentity)>, StoreError> {
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&tx.tenant().uuid(), &kind.as_str(), &behind.map_or_else(Uuid::nil, |id| id.uuid()), &limit];
    let rows = tx.query("anchors_behind", ANCHORS_BEHIND, params).await?;
    rows.iter().map(|row| Ok((SubjectId::from_uuid(row.get("subject_id")), sealed_identity(row)?))).collect()
}

fn sealed_identity(row: &tokio_postgres::Row) -> Result<SealedIdentity, StoreError> {
    Ok(SealedIdentity {
        identity_id: IdentityId::from_uuid(row.get("identity_id")),
        kind: row.get::<_, &str>("kind").parse().map_err(|_| StoreError::UnknownValue { column: "identity.kind" })?,
        issuer: Issuer::parse(row.get("issuer")),
        is_anchor: row.get("is_anchor"),
        norm_version: 0,
        digest_key_id: row.get("digest_key_id"),
        digest: row.get("digest"),
        sealed: row.get("sealed"),
    })
}

/// Forgets all that is kept of a subject but its id: identities, signals and minimized events. Safe to repeat.
pub async fn forget(tx: &TenantTx<'_>, subject: SubjectId, at: Timestamp) -> Result<(), StoreError> {
    let (tenant, id) = (tx.tenant().uuid(), subject.uuid());
    tx.execute("forget_minimized", FORGET_MINIMIZED, &[&tenant, &id]).await?;
    tx.execute("forget_signals", FORGET_SIGNALS, &[&tenant, &id]).await?;
    tx.execute("forget_identities", FORGET_IDENTITIES, &[&tenant, &id]).await?;
    tx.execute("mark_erased", MARK_ERASED, &[&tenant, &id, &at]).await.map(|_| ())
}

/// Forgets some of what is kept of the tenant's people, at most `limit` rows of each kind. Returns how many rows went; zero
/// when nothing is left.
pub async fn forget_some_of_everybody(tx: &TenantTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for (name, sql) in [
        ("forget_some_minimized", FORGET_SOME_MINIMIZED),
        ("forget_some_signals", FORGET_SOME_SIGNALS),
        ("forget_some_identities", FORGET_SOME_IDENTITIES),
    ] {
        forgotten += tx.execute(name, sql, &[&tx.tenant().uuid(), &limit]).await?;
    }
    Ok(forgotten)
}

/// Says of every subject of the tenant that it is erased. Safe to repeat.
pub async fn mark_all_erased(tx: &TenantTx<'_>, at: Timestamp) -> Result<(), StoreError> {
    tx.execute("mark_all_erased", MARK_ALL_ERASED, &[&tx.tenant().uuid(), &at]).await.map(|_| ())
}

/// Records a signal. Safe to repeat.
pub async fn insert_signal(
    tx: &TenantTx<'_>,
    subject: SubjectId,
    signal: SignalRow,
    event: EventId,
) -> Result<(), StoreError> {
    tx.execute(
        "insert_signal",
        INSERT_SIGNAL,
        &[
            &tx.tenant().uuid(),
            &subject.uuid(),
            &signal.signal.as_str(),
            &signal.source_at,
            &signal.arrived_at,
            &event.uuid(),
        ],
    )
    .await
    .map(|_| ())
}

/// The signals that decide a subject's timeline, latest first.
pub async fn signals(tx: &TenantTx<'_>, subject: SubjectId) -> Result<Vec<SignalRow>, StoreError> {
    let rows = tx.query("signals", SIGNALS, &[&tx.tenant().uuid(), &subject.uuid()]).await?;
    rows.iter()
        .map(|row| {
            let word: &str = row.get(0);
            let signal = PersonSignal::ALL
                .into_iter()
                .find(|signal| signal.as_str() == word)
                .ok_or(StoreError::UnknownValue { column: "subject_signal.signal" })?;
            Ok(SignalRow { signal, source_at: row.get(1), arrived_at: row.get(2) })
        })
        .collect()
}

/// Keeps the minimized event, sealed under the subject's key. Safe to repeat.
pub async fn insert_minimized(
    tx: &TenantTx<'_>,
    event: EventId,
    subject: SubjectId,
    sealed: &[u8],
) -> Result<(), StoreError> {
    tx.execute("insert_minimized", INSERT_MINIMIZED, &[&tx.tenant().uuid(), &event.uuid(), &subject.uuid(), &sealed])
        .await
        .map(|_| ())
}

/// The minimized records of an event, one for each person it is about.
pub async fn minimized(tx: &TenantTx<'_>, event: EventId) -> Result<Vec<(SubjectId, Vec<u8>)>, StoreError> {
    let rows = tx.query("minimized", MINIMIZED, &[&tx.tenant().uuid(), &event.uuid()]).await?;
    Ok(rows.iter().map(|row| (SubjectId::from_uuid(row.get(0)), row.get(1))).collect())
}
