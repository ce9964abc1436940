//! Identities of one person in one tenant: found by digest, sealed under the person's key, made when new.
//!
//! Whoever is about to write something about a person holds the lock of `fence::person` first.

use crate::{
    app::ground::{Ground, error::Error, vault::OpenKey},
    domain::{IdentityId, IdentityKind, Issuer, Personal, SubjectId, SubjectKind, reason::WaitReason},
    sealing::{Aad, KeyedDigest, Normalised, normalise},
    store::{self, TenantTx, subject::SealedIdentity},
};

/// A normalised identity with its digests under every live key, current first.
pub(in crate::app) struct Named {
    pub(in crate::app) kind: IdentityKind,
    pub(in crate::app) issuer: Issuer,
    pub(in crate::app) identity: Normalised,
    pub(in crate::app) digests: Vec<KeyedDigest>,
}

impl Named {
    pub(in crate::app) fn new(
        gateway: &Ground,
        tenant: crate::domain::TenantId,
        kind: IdentityKind,
        issuer: &Issuer,
        identity: Normalised,
    ) -> Self {
        let digests = gateway.vault().digest_identity_all(tenant, kind, issuer, &identity);
        Self { kind, issuer: issuer.clone(), identity, digests }
    }

    /// Digests as the product database wants them.
    pub(in crate::app) fn product_digests(&self) -> Vec<(i32, [u8; 32])> {
        self.digests.iter().map(|digest| (digest.key_id, digest.digest)).collect()
    }

    pub(in crate::app) fn digest_bytes(&self) -> Vec<&[u8]> {
        self.digests.iter().map(|digest| digest.digest.as_slice()).collect()
    }
}

/// The kind of a subject that is known already. The lock must be held.
pub(in crate::app) async fn known_kind(tx: &TenantTx<'_>, named: &Named) -> Result<Option<SubjectKind>, Error> {
    let found = store::subject::find_by_anchor(tx, named.kind, &named.issuer, &named.digest_bytes()).await?;
    let Some((subject, _)) = found else { return Ok(None) };
    Ok(store::subject::read(tx, subject).await?.map(|row| row.kind))
}

/// The subject with its key, made when it is new. The lock must be held.
pub(in crate::app) async fn find_or_make(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    named: &Named,
    kind: &SubjectKind,
    generation: i32,
) -> Result<(SubjectId, OpenKey), Error> {
    let found = store::subject::find_by_anchor(tx, named.kind, &named.issuer, &named.digest_bytes()).await?;
    if let Some((subject, found_generation)) = found {
        if found_generation < generation {
            // The person is back while the erasure before is still running: their rows would go with it.
            return Err(Error::later(WaitReason::ErasureUnfinished));
        }
        let key = gateway.vault().subject_key(tx, subject).await?.ok_or(Error::Missing("the subject's key"))?;
        return Ok((subject, key));
    }
    let now = gateway.now();
    let subject = SubjectId::new(gateway.clock(), gateway.entropy());
    store::subject::insert(tx, subject, kind, generation, now).await?;
    let key = gateway.vault().make_subject_key(tx, subject, now).await?;
    add_identity(gateway, tx, subject, &key, named, true).await?;
    Ok((subject, key))
}

/// Records an identity of a subject, sealed under its key. Safe to repeat.
pub(in crate::app) async fn add_identity(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    subject: SubjectId,
    key: &OpenKey,
    named: &Named,
    is_anchor: bool,
) -> Result<(), Error> {
    let current = named.digests.first().ok_or(Error::Missing("a digest key"))?;
    let value = named.identity.value().expose_for("sealing under the subject's key").as_bytes();
    let sealed = key.seal(&identity_aad(tx, subject, named.kind), value, gateway.entropy());
    let identity = SealedIdentity {
        identity_id: IdentityId::new(gateway.clock(), gateway.entropy()),
        kind: named.kind,
        issuer: named.issuer.clone(),
        is_anchor,
        norm_version: named.identity.version(),
        digest_key_id: current.key_id,
        digest: current.digest.to_vec(),
        sealed,
    };
    store::subject::insert_identity(tx, subject, &identity).await?;
    Ok(())
}

/// Records a further identity exactly as the product has written it, for the reader to search for. Safe to repeat.
///
/// It is found by its normalised form where it has one; a value that has none is kept under a digest that only this
/// subject's key can make, so it is searched for and never looked up.
pub(in crate::app) async fn add_spelling(
    gateway: &Ground,
    tx: &TenantTx<'_>,
    subject: SubjectId,
    key: &OpenKey,
    kind: IdentityKind,
    value: &Personal<String>,
) -> Result<(), Error> {
    let text = value.expose_for("sealing under the subject's key");
    let (digest, norm_version) = match normalise(kind, text) {
        Ok(identity) => {
            let named = Named::new(gateway, tx.tenant(), kind, &Issuer::Universal, identity);
            let current = *named.digests.first().ok_or(Error::Missing("a digest key"))?;
            (current, named.identity.version())
        }
        Err(_) => (gateway.vault().digest_under(key, text), 0),
    };
    let identity = SealedIdentity {
        identity_id: IdentityId::new(gateway.clock(), gateway.entropy()),
        kind,
        issuer: Issuer::Universal,
        is_anchor: false,
        norm_version,
        digest_key_id: digest.key_id,
        digest: digest.digest.to_vec(),
        sealed: key.seal(&identity_aad(tx, subject, kind), text.as_bytes(), gateway.entropy()),
    };
    store::subject::insert_identity(tx, subject, &identity).await?;
    Ok(())
}

/// An identity opened for one operation.
pub(in crate::app) struct OpenIdentity {
    pub(in crate::app) kind: IdentityKind,
    pub(in crate::app) issuer: Issuer,
    pub(in crate::app) is_anchor: bool,
    pub(in crate::app) value: Personal<String>,
}

/// Every identity of a subject, opened with its key.
pub(in crate::app) async fn open_identities(
    tx: &TenantTx<'_>,
    subject: SubjectId,
    key: &OpenKey,
) -> Result<Vec<OpenIdentity>, Error> {
    let sealed = store::subject::identities(tx, subject).await?;
    sealed.iter().map(|identity| open_identity(tx, subject, key, identity)).collect()
}

/// One identity of a subject, opened with its key.
pub(in crate::app) fn open_identity(
    tx: &TenantTx<'_>,
    subject: SubjectId,
    key: &OpenKey,
    identity: &SealedIdentity,
) -> Result<OpenIdentity, Error> {
    let bytes = key.open(&identity_aad(tx, subject, identity.kind), &identity.sealed)?;
    let value = String::from_utf8(bytes.to_vec()).map_err(|_| Error::Unserializable { what: "the identity" })?;
    Ok(OpenIdentity {
        kind: identity.kind,
        issuer: identity.issuer.clone(),
        is_anchor: identity.is_anchor,
        value: Personal::new(value),
    })
}

fn identity_aad(tx: &TenantTx<'_>, subject: SubjectId, kind: IdentityKind) -> Aad {
    Aad::new("identity", Some(tx.tenant().uuid()), subject.uuid().as_bytes(), kind.as_str())
}
