//! What the source of an account said of it last, remembered in the target under a keyed digest. Whoever reads or writes it
//! holds the lock of the person's digests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};

use super::{
    error::TargetError,
    fence::Digest,
    scope::{TargetTx, TenantScope},
    statement::Statement,
};
use crate::domain::{IdentityKind, profile::ProfileAttribute};

/// When each thing was said, in source time, and what follows from it for access.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Remembered {
    /// Attributes that a value was said of.
    pub(super) said_at: BTreeMap<ProfileAttribute, Timestamp>,
    /// When it was said whether the account can be used.
    pub(super) active_at: Option<Timestamp>,
    /// While the account is deactivated: what the restricted column is set to for it.
    pub(super) deactivated_at: Option<Timestamp>,
}

/// Reads what is remembered. After a rotation of the digest keys it may stand under an older digest.
pub(super) async fn read(
    tx: &TargetTx<'_, '_>,
    anchor: IdentityKind,
    digests: &[Digest],
) -> Result<Remembered, TargetError> {
    let failed = |source| TargetError::Rectify { source };
    let mut statement = Statement::default();
    let identity = is_of(&mut statement, tx.scope(), anchor, digests);
    statement.line("SELECT max(profile.display_name_at), max(profile.email_at), max(profile.active_at),");
    statement.line("max(profile.deactivated_at)");
    statement.line("FROM milestone_gateway.profile AS profile");
    statement.line(format!("WHERE {identity}"));
    let rows = tx.rows(&statement).await.map_err(failed)?;
    let remembered = |row: &Row| {
        let mut said_at = BTreeMap::new();
        for (place, attribute) in [(0, ProfileAttribute::DisplayName), (1, ProfileAttribute::Email)] {
            if let Some(at) = row.try_get::<_, Option<Timestamp>>(place)? {
                said_at.insert(attribute, at);
            }
        }
        Ok(Remembered { said_at, active_at: row.try_get(2)?, deactivated_at: row.try_get(3)? })
    };
    let row = rows.first().map(remembered).transpose();
    row.map(Option::unwrap_or_default).map_err(|error: tokio_postgres::Error| failed(error.into()))
}

/// Remembers, under the digest key in use; what stood under older ones goes.
pub(super) async fn write(
    tx: &TargetTx<'_, '_>,
    anchor: IdentityKind,
    digests: &[Digest],
    remembered: &Remembered,
) -> Result<(), TargetError> {
    let failed = |source| TargetError::Rectify { source };
    let mut before = Statement::default();
    let identity = is_of(&mut before, tx.scope(), anchor, digests);
    before.line("DELETE FROM milestone_gateway.profile AS profile");
    before.line(format!("WHERE {identity}"));
    tx.change(&before).await.map_err(failed)?;
    let (key_id, digest) = digests.first().ok_or(TargetError::NoDigest)?;
    let mut statement = Statement::default();
    let tenant = statement.bind(tx.scope().tenant_key, Type::TEXT);
    let kind = statement.bind(anchor.as_str(), Type::TEXT);
    let key_id = statement.bind(*key_id, Type::INT4);
    let digest = statement.bind(digest.as_slice(), Type::BYTEA);
    let times = [
        remembered.said_at.get(&ProfileAttribute::DisplayName).copied(),
        remembered.said_at.get(&ProfileAttribute::Email).copied(),
        remembered.active_at,
        remembered.deactivated_at,
    ];
    let times = times.map(|at| statement.bind(at, Type::TIMESTAMPTZ)).join(", ");
    statement.line("INSERT INTO milestone_gateway.profile");
    statement.line(
        "(tenant_key, identity_kind, digest_key_id, digest, display_name_at, email_at, active_at, deactivated_at)",
    );
    statement.line(format!("VALUES ({tenant}, {kind}, {key_id}, {digest}, {times})"));
    tx.change(&statement).await.map_err(failed).map(|_| ())
}

fn is_of<'a>(
    statement: &mut Statement<'a>,
    scope: TenantScope<'a>,
    anchor: IdentityKind,
    digests: &[Digest],
) -> String {
    let (keys, bytes): (Vec<i32>, Vec<Vec<u8>>) = digests.iter().map(|(key, digest)| (*key, digest.to_vec())).unzip();
    let tenant = statement.bind(scope.tenant_key, Type::TEXT);
    let kind = statement.bind(anchor.as_str(), Type::TEXT);
    let keys = statement.bind(keys, Type::INT4_ARRAY);
    let bytes = statement.bind(bytes, Type::BYTEA_ARRAY);
    format!(
        "profile.tenant_key = {tenant}\nAND profile.identity_kind = {kind}\n\
         AND (profile.digest_key_id, profile.digest) IN (\n\
         SELECT d.key_id, d.digest\nFROM unnest({keys}, {bytes}) AS d (key_id, digest)\n)"
    )
}
