//! Keyed digests: how a person or a delivery is found again without its name being kept in the clear.

use hmac::Mac as _;

use super::{
    KeyRing, Normalised, SecretKey,
    aad::length_prefix,
    key_ring::RingKey,
    mac::{hmac, keyed},
};
use crate::domain::{IdentityKind, Issuer, SourceId, TenantId};

/// A digest and the key it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedDigest {
    /// The digest key's id, stored beside the digest.
    pub key_id: i32,
    /// HMAC-SHA256.
    pub digest: [u8; 32],
}

const IDENTITY_LABEL: &[u8] = b"milestone-gateway/digest/v1/identity";
const TENANT_LABEL: &[u8] = b"milestone-gateway/digest/v1/tenant";
const DELIVERY_LABEL: &[u8] = b"milestone-gateway/digest/v1/delivery";
const SUBJECT_LABEL: &[u8] = b"milestone-gateway/digest/v1/subject";
const BODY_LABEL: &[u8] = b"milestone-gateway/digest/v1/body";

impl KeyRing {
    /// The digests under which an identity may have been stored: one for every live key, the current first. `issuer` tells
    /// apart equal values of different senders.
    pub fn digest_identity_all(
        &self,
        tenant: TenantId,
        kind: IdentityKind,
        issuer: &Issuer,
        identity: &Normalised,
    ) -> Vec<KeyedDigest> {
        self.newest_first().map(|key| identity_digest(key, tenant, kind, issuer, identity)).collect()
    }

    /// The digests of a tenant's key, by which its fence is known: one for every live key, the current first.
    pub fn digest_tenant_all(&self, tenant: TenantId, stable_key: &str) -> Vec<KeyedDigest> {
        let uuid = tenant.uuid();
        let parts: &[&[u8]] = &[TENANT_LABEL, uuid.as_bytes(), stable_key.as_bytes()];
        self.newest_first().map(|key| digest(key, parts)).collect()
    }

    /// The digest of a sender's own name for a delivery: the key by which duplicates are known.
    pub fn digest_delivery(&self, source: SourceId, identifier: &[u8]) -> KeyedDigest {
        delivery_digest(self.current_digest(), source, identifier)
    }

    /// The same under every live key, the current first.
    pub fn digest_delivery_all(&self, source: SourceId, identifier: &[u8]) -> Vec<KeyedDigest> {
        self.newest_first().map(|key| delivery_digest(key, source, identifier)).collect()
    }

    /// The digests of a raw body, by which the same delivery with another body is noticed: one for every live key, the
    /// current first.
    pub fn digest_body_all(&self, source: SourceId, body: &[u8]) -> Vec<KeyedDigest> {
        self.newest_first().map(|key| body_digest(key, source, body)).collect()
    }

    /// A digest of a value that has no normalised form, under its subject's own key: equal values of one subject are
    /// recognized, and nobody is ever found by it. It carries the current key's id, which any live row may.
    pub fn digest_of_subject(&self, key: &SecretKey, value: &str) -> KeyedDigest {
        let mut message = SUBJECT_LABEL.to_vec();
        message.extend_from_slice(value.as_bytes());
        KeyedDigest { key_id: self.current_digest().id, digest: hmac(key, &message) }
    }

    fn current_digest(&self) -> &RingKey {
        self.digest.last().expect("a key ring has a digest key")
    }

    fn newest_first(&self) -> impl Iterator<Item = &RingKey> {
        self.digest.iter().rev()
    }
}

fn identity_digest(
    key: &RingKey,
    tenant: TenantId,
    kind: IdentityKind,
    issuer: &Issuer,
    identity: &Normalised,
) -> KeyedDigest {
    // An identity of an unknown issuer is neither stored nor found, whatever its digest.
    let issuer = issuer.text().unwrap_or_default();
    let (tenant, version) = (tenant.uuid(), identity.version().to_be_bytes());
    let parts: &[&[u8]] = &[
        IDENTITY_LABEL,
        tenant.as_bytes(),
        kind.as_str().as_bytes(),
        issuer.as_bytes(),
        &version,
        identity.value().expose_for("the digest it is found by").as_bytes(),
    ];
    digest(key, parts)
}

fn delivery_digest(key: &RingKey, source: SourceId, identifier: &[u8]) -> KeyedDigest {
    digest(key, &[DELIVERY_LABEL, source.uuid().as_bytes(), identifier])
}

fn body_digest(key: &RingKey, source: SourceId, body: &[u8]) -> KeyedDigest {
    digest(key, &[BODY_LABEL, source.uuid().as_bytes(), body])
}

/// Streams the parts, so that a body of many megabytes is not copied.
fn digest(key: &RingKey, parts: &[&[u8]]) -> KeyedDigest {
    let mut hmac = keyed(&key.key);
    for part in parts {
        hmac.update(&length_prefix(part));
        hmac.update(part);
    }
    KeyedDigest { key_id: key.id, digest: hmac.finalize().into_bytes().into() }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;
    use crate::sealing::{normalise, testing::fixed_ring};

    #[derive(Deserialize)]
    struct Vectors {
        identities: Vec<IdentityVector>,
        deliveries: Vec<BytesVector>,
        bodies: Vec<BytesVector>,
    }

    #[derive(Deserialize)]
    struct IdentityVector {
        tenant: Uuid,
        kind: IdentityKind,
        issuer: String,
        value: String,
        digests: Vec<(i32, String)>,
    }

    #[derive(Deserialize)]
    struct BytesVector {
        source: Uuid,
        text: String,
        digests: Vec<(i32, String)>,
    }

    fn printed(digests: &[KeyedDigest]) -> Vec<(i32, String)> {
        digests.iter().map(|digest| (digest.key_id, hex::encode(digest.digest))).collect()
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../tests/vectors/digests.json")).expect("the vectors are JSON")
    }

    #[test]
    fn identity_digests_are_those_of_the_committed_vectors_with_the_current_key_first() {
        let ring = fixed_ring();
        for vector in vectors().identities {
            let identity = normalise(vector.kind, &vector.value).expect("a usable identity");
            let tenant = TenantId::from_uuid(vector.tenant);
            let all = ring.digest_identity_all(tenant, vector.kind, &Issuer::parse(&vector.issuer), &identity);
            assert_eq!(printed(&all), vector.digests);
        }
    }

    #[test]
    fn delivery_and_body_digests_are_those_of_the_committed_vectors() {
        let ring = fixed_ring();
        let vectors = vectors();
        for vector in vectors.deliveries {
            let source = SourceId::from_uuid(vector.source);
            let all = ring.digest_delivery_all(source, vector.text.as_bytes());
            assert_eq!(printed(&all), vector.digests);
            assert_eq!(all.first(), Some(&ring.digest_delivery(source, vector.text.as_bytes())));
        }
        for vector in vectors.bodies {
            let source = SourceId::from_uuid(vector.source);
            let all = ring.digest_body_all(source, vector.text.as_bytes());
            assert_eq!(printed(&all), vector.digests);
        }
    }

    #[test]
    fn the_same_value_in_another_tenant_of_another_kind_or_from_another_issuer_has_another_digest() {
        let ring = fixed_ring();
        let (one, two) = (TenantId::from_uuid(Uuid::from_u128(1)), TenantId::from_uuid(Uuid::from_u128(2)));
        let uid = normalise(IdentityKind::FirebaseUid, "abc").expect("a usable uid");
        let digest = |tenant, kind, issuer| ring.digest_identity_all(tenant, kind, &Issuer::parse(issuer), &uid);
        let here = digest(one, IdentityKind::FirebaseUid, "project-a");
        assert_ne!(here, digest(two, IdentityKind::FirebaseUid, "project-a"));
        assert_ne!(here, digest(one, IdentityKind::FirebaseUid, "project-b"));
        assert_ne!(here, digest(one, IdentityKind::AtlassianAccountId, "project-a"));
        assert_ne!(ring.digest_tenant_all(one, "abc"), ring.digest_tenant_all(two, "abc"));
        assert_ne!(ring.digest_tenant_all(one, "abc"), ring.digest_tenant_all(one, "abd"));
    }
}
