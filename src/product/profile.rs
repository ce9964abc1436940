//! What the source of an account said of it last, remembered in the product database under a keyed digest. Whoever reads or writes it
//! holds the lock of the person's digests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};

use super::{
    error::ProductError,
    fence::{Digest, is_identity},
    scope::ProductTx,
    statement::Statement,
};
use crate::domain::{IdentityKind, profile::ProfileAttribute};

/// When each thing was said, in source time, and what follows from it for access.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Remembered {
    /// Of each attribute that a value was said of, when.
    pub(super) attributes: BTreeMap<ProfileAttribute, Timestamp>,
    /// When it was said whether the account can be used.
    pub(super) active_at: Option<Timestamp>,
    /// While the account is deactivated: what the restricted column is set to for it.
    pub(super) deactivated_at: Option<Timestamp>,
}

/// Reads what is remembered. After a rotation of the digest keys it may stand under an older digest.
pub(super) async fn read(
    tx: &ProductTx<'_, '_>,
    anchor: IdentityKind,
    digests: &[Digest],
) -> Result<Remembered, ProductError> {
    let failed = |source| ProductError::Rectify { source };
    let mut statement = Statement::default();
    let identity = is_identity(&mut statement, tx.scope(), "profile", (anchor.into(), digests));
    statement.line("SELECT max(profile.display_name_at), max(profile.email_at), max(profile.active_at),");
    statement.line("max(profile.deactivated_at)");
    statement.line("FROM milestone_gateway.profile AS profile");
    statement.line(format!("WHERE {identity}"));
    let rows = tx.rows(&statement).await.map_err(failed)?;
    let remembered = |row: &Row| {
        let mut attributes = BTreeMap::new();
        for (place, attribute) in [(0, ProfileAttribute::DisplayName), (1, ProfileAttribute::Email)] {
            if let Some(at) = row.try_get::<_, Option<Timestamp>>(place)? {
                attributes.insert(attribute, at);
            }
        }
        Ok(Remembered { attributes, active_at: row.try_get(2)?, deactivated_at: row.try_get(3)? })
    };
    let row = rows.first().map(remembered).transpose();
    row.map(Option::unwrap_or_default).map_err(|error: tokio_postgres::Error| failed(error.into()))
}

/// Remembers, under the digest key in use; what stood under older ones goes.
pub(super) async fn write(
    tx: &ProductTx<'_, '_>,
    anchor: IdentityKind,
    digests: &[Digest],
    remembered: &Remembered,
) -> Result<(), ProductError> {
    let failed = |source| ProductError::Rectify { source };
    let mut before = Statement::default();
    let identity = is_identity(&mut before, tx.scope(), "profile", (anchor.into(), digests));
    before.line("DELETE FROM milestone_gateway.profile AS profile");
    before.line(format!("WHERE {identity}"));
    tx.change(&before).await.map_err(failed)?;
    let (key_id, digest) = digests.first().ok_or(ProductError::NoDigest)?;
    let mut statement = Statement::default();
    let tenant = statement.bind(tx.scope().tenant_key, Type::TEXT);
    let kind = statement.bind(anchor.as_str(), Type::TEXT);
    let key_id = statement.bind(*key_id, Type::INT4);
    let digest = statement.bind(digest.as_slice(), Type::BYTEA);
    let times = [
        remembered.attributes.get(&ProfileAttribute::DisplayName).copied(),
        remembered.attributes.get(&ProfileAttribute::Email).copied(),
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
