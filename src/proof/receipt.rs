//! Receipts: claims as a compact JWS, signed with `EdDSA` and verified offline.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode, errors::ErrorKind};
use serde::Serialize;

use super::{ProofError, PublicKey, ReceiptClaims, SigningKey};

/// The issuer of every receipt.
pub const ISSUER: &str = "milestone-gateway";
/// The longest receipt that is looked at, in bytes: 500 steps with long names are well below.
pub const RECEIPT_BYTES_MAX: usize = 256 * 1024;

/// The media type of a receipt; no other token of ours is ever taken for one.
const TYPE: &str = "milestone-receipt+jws";

#[derive(Serialize)]
struct Issued<'a> {
    iss: &'static str,
    #[serde(flatten)]
    claims: &'a ReceiptClaims,
}

/// Signs a receipt. Signing the same claims again gives the same text (Ed25519 is deterministic). Fails with
/// [`ProofError::NotClean`] when verification found something left.
pub fn sign(claims: &ReceiptClaims, key: &SigningKey) -> Result<String, ProofError> {
    if claims.verification.left != 0 {
        return Err(ProofError::NotClean);
    }
    let header = Header {
        typ: Some(TYPE.to_owned()),
        kid: Some(key.public_key().key_id().to_owned()),
        ..Header::new(Algorithm::EdDSA)
    };
    encode(&header, &Issued { iss: ISSUER, claims }, &key.encoding).map_err(|_| ProofError::Sign)
}

/// Checks a receipt with a public key alone, without network or database. The algorithm is `EdDSA` whatever the
/// receipt says of itself; key id, type and issuer must be ours. A receipt has no expiry.
pub fn verify(token: &str, key: &PublicKey) -> Result<ReceiptClaims, ProofError> {
    if token.len() > RECEIPT_BYTES_MAX {
        return Err(ProofError::NotAReceipt);
    }
    let header = decode_header(token).map_err(|_| ProofError::NotAReceipt)?;
    if header.alg != Algorithm::EdDSA {
        return Err(ProofError::BadSignature);
    }
    if header.typ.as_deref() != Some(TYPE) {
        return Err(ProofError::NotAReceipt);
    }
    if header.kid.as_deref() != Some(key.key_id()) {
        return Err(ProofError::OtherKey);
    }
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::from(["iss".to_owned()]);
    validation.set_issuer(&[ISSUER]);
    let decoded = decode::<ReceiptClaims>(token, &key.decoding(), &validation).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => ProofError::BadSignature,
        ErrorKind::InvalidToken | ErrorKind::Base64(_) => ProofError::NotAReceipt,
        _ => ProofError::UnknownClaims,
    })?;
    Ok(decoded.claims)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{AuditId, ReceiptId, RequestId, SubjectId, SubjectKind, TenantId, verification::ColumnFinding},
        proof::{AuditReference, ReceiptScope, StepCount, VerificationSummary, claims::Withheld},
    };

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed("receipt-1", &[number; 32]).expect("a seed")
    }

    fn claims() -> ReceiptClaims {
        let id = Uuid::from_u128(9);
        let at = Timestamp::from_second(1_790_200_000).expect("a time");
        ReceiptClaims {
            jti: ReceiptId::from_uuid(id),
            request: RequestId::from_uuid(id),
            tenant: TenantId::from_uuid(id),
            scope: ReceiptScope::Person,
            subject: Some(SubjectId::from_uuid(id)),
            subject_kind: Some(SubjectKind::parse("msp_team_member").expect("a kind")),
            dataset: "milestone".to_owned(),
            policy: "milestone".to_owned(),
            plan_digest: "ab".repeat(32),
            steps: vec![StepCount { table: "worklog".to_owned(), disposal: "rewrite".to_owned(), rows: 23 }],
            withheld: vec![Withheld { table: "invoice".to_owned(), ground: "billing".to_owned(), rows: 1 }],
            verification: VerificationSummary {
                tables_read: 12,
                columns_read: 80,
                left: 0,
                held_by_another: Vec::new(),
                mentioned: vec![ColumnFinding { column: "milestone.comment.body".to_owned(), rows: 2 }],
            },
            key_destroyed_at: at,
            logical_at: at,
            physical_by: at,
            backup_horizon_days: 35,
            audit: AuditReference { entry_id: AuditId::from_uuid(id), hash: "cd".repeat(32) },
            issued_at: at,
        }
    }

    fn with_part(token: &str, index: usize, edit: impl Fn(String) -> String) -> String {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let decoded = URL_SAFE_NO_PAD.decode(&parts[index]).expect("base64url");
        parts[index] = URL_SAFE_NO_PAD.encode(edit(String::from_utf8(decoded).expect("UTF-8")));
        parts.join(".")
    }

    #[test]
    fn a_receipt_verifies_offline_with_the_published_key_alone() {
        let token = sign(&claims(), &key(1)).expect("clean");
        let published = PublicKey::from_jwk(&key(1).public_key().to_jwk()).expect("our own form");
        assert_eq!(verify(&token, &published), Ok(claims()));
        assert_eq!(sign(&claims(), &key(1)).as_ref(), Ok(&token));
    }

    #[test]
    fn a_tenants_receipt_names_no_person_and_an_older_one_is_about_a_person() {
        let tenants = ReceiptClaims { scope: ReceiptScope::Tenant, subject: None, subject_kind: None, ..claims() };
        let token = sign(&tenants, &key(1)).expect("clean");
        assert_eq!(verify(&token, key(1).public_key()), Ok(tenants.clone()));
        let json = serde_json::to_string(&tenants).expect("JSON");
        assert!(!json.contains("subject"), "{json}");
        let mut older = serde_json::to_value(claims()).expect("JSON");
        older.as_object_mut().expect("an object").remove("scope");
        assert_eq!(serde_json::from_value::<ReceiptClaims>(older).ok(), Some(claims()));
    }

    #[test]
    fn an_erasure_that_left_something_is_never_certified() {
        let mut claims = claims();
        claims.verification.left = 1;
        assert_eq!(sign(&claims, &key(1)), Err(ProofError::NotClean));
    }

    #[test]
    fn changed_claims_break_the_signature() {
        let token = sign(&claims(), &key(1)).expect("clean");
        for (from, to) in [("23", "24"), ("milestone-gateway", "milestone-gatewaz"), ("invoice", "invoicf")] {
            let changed = with_part(&token, 1, |text| text.replacen(from, to, 1));
            assert_ne!(changed, token);
            assert_eq!(verify(&changed, key(1).public_key()), Err(ProofError::BadSignature));
        }
    }

    #[test]
    fn another_key_under_the_same_id_and_another_id_are_both_refused() {
        let token = sign(&claims(), &key(1)).expect("clean");
        assert_eq!(verify(&token, key(2).public_key()), Err(ProofError::BadSignature));
        let other = SigningKey::from_seed("receipt-2", &[1; 32]).expect("a seed");
        assert_eq!(verify(&token, other.public_key()), Err(ProofError::OtherKey));
    }

    #[test]
    fn a_receipt_cannot_choose_its_own_algorithm_or_type() {
        let token = sign(&claims(), &key(1)).expect("clean");
        for algorithm in ["HS256", "RS256", "ES256"] {
            let changed = with_part(&token, 0, |text| text.replace("EdDSA", algorithm));
            assert_eq!(verify(&changed, key(1).public_key()), Err(ProofError::BadSignature));
        }
        let unsigned = with_part(&token, 0, |text| text.replace("EdDSA", "none"));
        assert_eq!(verify(&unsigned, key(1).public_key()), Err(ProofError::NotAReceipt));
        let retyped = with_part(&token, 0, |text| text.replace("milestone-receipt", "checkpoint"));
        assert_eq!(verify(&retyped, key(1).public_key()), Err(ProofError::NotAReceipt));
    }

    #[test]
    fn a_rightly_signed_token_of_another_issuer_or_content_is_not_understood() {
        #[derive(Serialize)]
        struct Foreign {
            iss: &'static str,
        }
        let header =
            Header { typ: Some(TYPE.to_owned()), kid: Some("receipt-1".to_owned()), ..Header::new(Algorithm::EdDSA) };
        for iss in ["somebody-else", ISSUER] {
            let token = encode(&header, &Foreign { iss }, &key(1).encoding).expect("a token");
            assert_eq!(verify(&token, key(1).public_key()), Err(ProofError::UnknownClaims));
        }
    }

    #[test]
    fn garbage_is_not_a_receipt() {
        for garbage in ["", "a.b.c", "....", &"x".repeat(RECEIPT_BYTES_MAX + 1)] {
            assert_eq!(verify(garbage, key(1).public_key()), Err(ProofError::NotAReceipt));
        }
        let token = sign(&claims(), &key(1)).expect("clean");
        assert!(verify(&token[..token.len() - 2], key(1).public_key()).is_err());
    }
}
