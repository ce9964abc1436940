//! Keys at work: body keys of days, epochs of tenants, keys of subjects.
//!
//! Promises: a destroyed key is never answered from memory once [`Vault::forget_body_keys`] has run, subject and tenant
//! keys are never kept in memory at all, and two processes that need the same new key agree on one.

mod open_key;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use open_key::OpenKey;

use crate::{
    app::ground::error::Error,
    domain::{Entropy, IdentityKind, Issuer, RequestId, SourceId, SubjectId, TenantId},
    sealing::{
        Aad, KeyPurpose, KeyRing, KeyedDigest, Normalised, OpenError, SecretKey, Wrapped, unwrap_under, wrap_under,
    },
    store::{
        self, TenantTx,
        keys::{BodyKeyPurpose, KeyOwner, OldKey, WrappedEpoch},
    },
};

/// How much longer than the policy says a raw delivery is kept for an event that is still pending. It was acknowledged: it
/// may be lost only when nobody has mended what keeps it pending for as long as this.
pub(in crate::app) const PENDING_BODY_DAYS_MAX: i64 = 30;

/// The most body keys kept in memory; more than the longest retention in days, twice.
const BODY_KEYS_MAX: usize = 128;

/// How often a key is looked for that a rotation may be moving; one rotation a month makes the second reading the last.
const READINGS_MAX: usize = 3;

/// Opens and makes the keys below the master.
pub struct Vault {
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    intake: store::Pool,
    body_keys: Mutex<HashMap<(BodyKeyPurpose, Date), Arc<OpenKey>>>,
}

impl Vault {
    /// The digests of an identity under every live key, current first.
    pub(in crate::app) fn digest_identity_all(
        &self,
        tenant: TenantId,
        kind: IdentityKind,
        issuer: &Issuer,
        identity: &Normalised,
    ) -> Vec<KeyedDigest> {
        self.ring.digest_identity_all(tenant, kind, issuer, identity)
    }

    /// The digests of a tenant's key under every live key, current first.
    pub(in crate::app) fn digest_tenant_all(&self, tenant: TenantId, stable_key: &str) -> Vec<KeyedDigest> {
        self.ring.digest_tenant_all(tenant, stable_key)
    }

    /// The digest of what identifies a delivery, under the current key.
    pub(in crate::app) fn digest_delivery(&self, source: SourceId, identifier: &[u8]) -> KeyedDigest {
        self.ring.digest_delivery(source, identifier)
    }

    /// The same under every live key, current first.
    pub(in crate::app) fn digest_delivery_all(&self, source: SourceId, identifier: &[u8]) -> Vec<KeyedDigest> {
        self.ring.digest_delivery_all(source, identifier)
    }

    /// The digests of a delivery's bytes under every live key, current first.
    pub(in crate::app) fn digest_body_all(&self, source: SourceId, body: &[u8]) -> Vec<KeyedDigest> {
        self.ring.digest_body_all(source, body)
    }

    /// A digest that only this key can make.
    pub(in crate::app) fn digest_under(&self, key: &OpenKey, value: &str) -> KeyedDigest {
        self.ring.digest_of_subject(key.secret(), value)
    }

    /// Seals a source's credential for its slot.
    pub(in crate::app) fn seal_credential(&self, slot: &Aad, credential: &[u8]) -> Wrapped {
        self.ring.seal_credential(slot, credential, self.entropy.as_ref())
    }

    /// Opens a source's credential.
    pub(in crate::app) fn open_credential(
        &self,
        master_id: i32,
        slot: &Aad,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.ring.open_credential(master_id, slot, sealed)
    }

    /// A vault over a key ring; body keys are read and made with the intake role.
    pub fn new(ring: Arc<KeyRing>, entropy: Arc<dyn Entropy>, intake: store::Pool) -> Self {
        Self { ring, entropy, intake, body_keys: Mutex::default() }
    }

    /// The key of a day, made if `may_make` and there is none. `None` when it is destroyed or was never made.
    pub async fn body_key(
        &self,
        purpose: BodyKeyPurpose,
        day: Date,
        may_make: bool,
    ) -> Result<Option<Arc<OpenKey>>, Error> {
        if let Some(key) = self.body_keys.lock().unwrap_or_else(PoisonError::into_inner).get(&(purpose, day)) {
            return Ok(Some(Arc::clone(key)));
        }
        let client = self.intake.client().await?;
        let aad = Aad::new("body_key", None, format!("{}/{day}", purpose.as_str()).as_bytes(), "wrapped");
        let mut found = store::keys::body_key(&client, purpose, day).await?;
        if found.is_none() && may_make {
            let wrapped = self.ring.wrap(
                KeyPurpose::BodyDay,
                &aad,
                &SecretKey::generate(self.entropy.as_ref()),
                self.entropy.as_ref(),
            );
            // Two processes may both come here: the first row wins and both read it.
            store::keys::insert_body_key(&client, purpose, day, wrapped.master_id, &wrapped.bytes).await?;
            found = store::keys::body_key(&client, purpose, day).await?;
        }
        let Some((master_id, wrapped)) = found else { return Ok(None) };
        let key = Arc::new(OpenKey::new(self.ring.unwrap(KeyPurpose::BodyDay, master_id, &aad, &wrapped)?));
        let mut kept = self.body_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= BODY_KEYS_MAX {
            kept.clear();
        }
        kept.insert((purpose, day), Arc::clone(&key));
        Ok(Some(key))
    }

    /// Drops body keys from memory; the living ones are read again when they are needed.
    pub fn forget_body_keys(&self) {
        self.body_keys.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A subject's key, or `None` once it is destroyed.
    pub async fn subject_key(&self, tx: &TenantTx<'_>, subject: SubjectId) -> Result<Option<OpenKey>, Error> {
        self.key_of(tx, KeyOwner::Subject(subject)).await
    }

    /// Makes and records the key of a new subject.
    pub async fn make_subject_key(
        &self,
        tx: &TenantTx<'_>,
        subject: SubjectId,
        at: Timestamp,
    ) -> Result<OpenKey, Error> {
        self.make_key_of(tx, KeyOwner::Subject(subject), at).await
    }

    async fn key_of(&self, tx: &TenantTx<'_>, owner: KeyOwner) -> Result<Option<OpenKey>, Error> {
        for _ in 0..READINGS_MAX {
            let Some((epoch, wrapped)) = store::keys::subject_key(tx, owner).await? else { return Ok(None) };
            // Between the two readings a rotation may have taken the key along to the next epoch: read it there.
            let Some(epoch) = store::keys::epoch(tx, epoch).await? else { continue };
            let epoch_key = self.open_epoch(tx, &epoch)?;
            return Ok(Some(OpenKey::new(unwrap_under(&epoch_key, &key_aad(tx, owner.uuid()), &wrapped)?)));
        }
        Err(Error::Missing("the tenant's key epoch"))
    }

    async fn make_key_of(&self, tx: &TenantTx<'_>, owner: KeyOwner, at: Timestamp) -> Result<OpenKey, Error> {
        let epoch = self.current_epoch(tx, at).await?;
        let epoch_key = self.open_epoch(tx, &epoch)?;
        let key = SecretKey::generate(self.entropy.as_ref());
        let wrapped = wrap_under(&epoch_key, &key_aad(tx, owner.uuid()), &key, self.entropy.as_ref());
        store::keys::insert_subject_key(tx, owner, epoch.epoch, &wrapped, at).await?;
        Ok(OpenKey::new(key))
    }

    /// The key of what is kept for one request and of no single person, or `None` when there is none or it is destroyed.
    pub async fn request_key(&self, tx: &TenantTx<'_>, request: RequestId) -> Result<Option<OpenKey>, Error> {
        self.key_of(tx, KeyOwner::Request(request)).await
    }

    /// The same, made when there is none. Only one worker at a time may ask for it: whoever holds the request's job.
    pub async fn find_or_make_request_key(
        &self,
        tx: &TenantTx<'_>,
        request: RequestId,
        at: Timestamp,
    ) -> Result<OpenKey, Error> {
        match self.request_key(tx, request).await? {
            Some(key) => Ok(key),
            None => self.make_key_of(tx, KeyOwner::Request(request), at).await,
        }
    }

    /// Destroys the key of a request. Repeating is safe.
    pub async fn destroy_request_key(&self, tx: &TenantTx<'_>, request: RequestId, at: Timestamp) -> Result<(), Error> {
        store::keys::destroy_subject_key(tx, KeyOwner::Request(request), at).await?;
        Ok(())
    }

    /// The tenant's living epoch, made when there is none. It is not destroyed before the transaction ends.
    pub async fn current_epoch(&self, tx: &TenantTx<'_>, at: Timestamp) -> Result<WrappedEpoch, Error> {
        for _ in 0..READINGS_MAX {
            if let Some(epoch) = store::keys::epoch_for_use(tx).await? {
                return Ok(epoch);
            }
        }
        self.begin_epoch(tx, at).await
    }

    /// Makes the next epoch.
    pub async fn begin_epoch(&self, tx: &TenantTx<'_>, at: Timestamp) -> Result<WrappedEpoch, Error> {
        let number = store::keys::last_epoch(tx).await? + 1;
        let key = SecretKey::generate(self.entropy.as_ref());
        let wrapped = self.ring.wrap(KeyPurpose::TenantEpoch, &epoch_aad(tx, number), &key, self.entropy.as_ref());
        let epoch =
            WrappedEpoch { epoch: number, master_id: wrapped.master_id, wrapped: wrapped.bytes, created_at: at };
        if store::keys::insert_epoch(tx, &epoch).await? {
            return Ok(epoch);
        }
        // Another transaction made the same number and has committed it: use theirs.
        store::keys::current_epoch(tx).await?.ok_or(Error::Missing("the tenant's key epoch"))
    }

    /// Wraps a living key under a newer epoch.
    pub async fn rewrap(&self, tx: &TenantTx<'_>, key: OldKey, to: &WrappedEpoch) -> Result<(), Error> {
        let OldKey { owner, epoch, wrapped } = key;
        let from = store::keys::epoch(tx, epoch).await?.ok_or(Error::Missing("the tenant's key epoch"))?;
        let aad = key_aad(tx, owner);
        let key = unwrap_under(&self.open_epoch(tx, &from)?, &aad, &wrapped)?;
        let wrapped = wrap_under(&self.open_epoch(tx, to)?, &aad, &key, self.entropy.as_ref());
        store::keys::rewrap_subject_key(tx, owner, to.epoch, &wrapped).await?;
        Ok(())
    }

    fn open_epoch(&self, tx: &TenantTx<'_>, epoch: &WrappedEpoch) -> Result<SecretKey, Error> {
        let aad = epoch_aad(tx, epoch.epoch);
        Ok(self.ring.unwrap(KeyPurpose::TenantEpoch, epoch.master_id, &aad, &epoch.wrapped)?)
    }
}

fn epoch_aad(tx: &TenantTx<'_>, epoch: i32) -> Aad {
    Aad::new("tenant_key", Some(tx.tenant().uuid()), &epoch.to_be_bytes(), "wrapped")
}

fn key_aad(tx: &TenantTx<'_>, owner: Uuid) -> Aad {
    Aad::new("subject_key", Some(tx.tenant().uuid()), owner.as_bytes(), "wrapped")
}
