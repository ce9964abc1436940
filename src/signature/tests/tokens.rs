//! Tokens for tests: signed by the committed test key or by a secret, with whatever header and claims a forger would
//! like.

use std::sync::LazyLock;

use aws_lc_rs::{
    rsa::{self, KeyPair, KeySize, PublicKeyComponents},
    signature::KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Value, json};

use crate::domain::{Headers, key_set::PublicKey};
use crate::signature::Rejection;

pub(in crate::signature) const PRIVATE_PEM: &[u8] =
    include_bytes!("../../../tests/vectors/keys/test-only-rsa-2048.private.pem");
pub(in crate::signature) const PUBLIC_PEM: &[u8] =
    include_bytes!("../../../tests/vectors/keys/test-only-rsa-2048.public.pem");
/// The secret of the tests' tenant, as in the published vector.
pub(in crate::signature) const SECRET: &[u8] = b"secret";

/// What a verifier must refuse: what is wrong with it, the token, the reason.
pub(in crate::signature) type Forged = (String, String, Rejection);

/// The test key by its numbers.
pub(in crate::signature) fn public_key() -> PublicKey {
    let key = DecodingKey::from_rsa_pem(PUBLIC_PEM).expect("the committed key");
    let key = rsa::PublicKey::from_der(key.try_get_as_bytes().expect("DER")).expect("an RSA key");
    numbers(&key)
}

/// The test key as a document.
pub(in crate::signature) fn public_pem() -> PublicKey {
    PublicKey::RsaPem(PUBLIC_PEM.to_vec())
}

/// A key that has signed none of the tokens.
pub(in crate::signature) fn foreign_key() -> PublicKey {
    static KEY: LazyLock<PublicKey> =
        LazyLock::new(|| numbers(KeyPair::generate(KeySize::Rsa2048).expect("a key is made").public_key()));
    KEY.clone()
}

fn numbers(key: &rsa::PublicKey) -> PublicKey {
    let PublicKeyComponents { n, e } = key.into();
    PublicKey::Rsa { modulus: n, exponent: e }
}

pub(in crate::signature) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a second of this age")
}

pub(in crate::signature) fn authorized(scheme: &str, token: &str) -> Headers {
    [("Authorization", format!("{scheme} {token}").as_bytes())].into_iter().collect()
}

/// A copy of the claims with one change.
pub(in crate::signature) fn with(claims: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims.clone();
    change(&mut claims);
    claims
}

/// A copy of the claims without one of them.
pub(in crate::signature) fn without(claims: &Value, name: &str) -> Value {
    with(claims, |claims| assert!(claims.as_object_mut().expect("an object").remove(name).is_some()))
}

/// A way to sign.
#[derive(Clone, Copy)]
pub(in crate::signature) struct Signer {
    pub(in crate::signature) algorithm: &'static str,
    pub(in crate::signature) sign: fn(&str) -> String,
}

pub(in crate::signature) const RS256: Signer =
    Signer { algorithm: "RS256", sign: |message| rsa_signed(message, Algorithm::RS256) };
pub(in crate::signature) const HS256: Signer =
    Signer { algorithm: "HS256", sign: |message| hmac_signed(message, SECRET, Algorithm::HS256) };

impl Signer {
    /// An honest token.
    pub(in crate::signature) fn token(self, claims: &Value) -> String {
        self.forge(&self.header().to_string(), &claims.to_string())
    }

    /// A token of any header and any claims, with a signature that holds.
    pub(in crate::signature) fn forge(self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", (self.sign)(&message))
    }

    fn header(self) -> Value {
        json!({"typ": "JWT", "alg": self.algorithm, "kid": "key-1"})
    }

    /// Every forged token that this kind of verifier must refuse whatever its claims are for, made of good claims.
    pub(in crate::signature) fn forged(self, claims: &Value) -> Vec<Forged> {
        let mut all = self.forged_algorithms(claims);
        all.extend(self.forged_headers(claims));
        all.extend(self.forged_forms(claims));
        all.extend(self.forged_claims(claims));
        all
    }

    fn forged_algorithms(self, claims: &Value) -> Vec<Forged> {
        let claims = claims.to_string();
        let named = |name: &str| format!("{}.{}", part(&header_of(name)), part(&claims));
        let mut all = vec![
            ("none, unsigned".to_owned(), format!("{}.", named("none")), Rejection::ForbiddenAlgorithm),
            ("none, signed".to_owned(), self.forge(&header_of("none"), &claims), Rejection::ForbiddenAlgorithm),
        ];
        for name in ["None", "", "rs256", "hs256", "RS256 ", "RS512", "PS256", "ES256", "EdDSA", "HS512"] {
            all.push((name.to_owned(), self.forge(&header_of(name), &claims), Rejection::ForbiddenAlgorithm));
        }
        let rsa = [("RS256", Algorithm::RS256), ("RS384", Algorithm::RS384), ("PS256", Algorithm::PS256)];
        for (name, algorithm) in rsa.into_iter().filter(|(name, _)| *name != self.algorithm) {
            let token = format!("{}.{}", named(name), rsa_signed(&named(name), algorithm));
            all.push((format!("{name}, truly"), token, Rejection::ForbiddenAlgorithm));
        }
        // The old trick: the published key as the secret of an HMAC, under its own name and under the expected one.
        let confused = hmac_signed(&named("HS256"), PUBLIC_PEM, Algorithm::HS256);
        let reason = if self.algorithm == "HS256" { Rejection::Mismatch } else { Rejection::ForbiddenAlgorithm };
        all.push(("the public key as secret".to_owned(), format!("{}.{confused}", named("HS256")), reason));
        let disguised = hmac_signed(&named(self.algorithm), PUBLIC_PEM, Algorithm::HS256);
        let token = format!("{}.{disguised}", named(self.algorithm));
        all.push(("the public key as secret, disguised".to_owned(), token, Rejection::Mismatch));
        all
    }

    fn forged_headers(self, claims: &Value) -> Vec<Forged> {
        let alg = self.algorithm;
        let mut all = Vec::new();
        for name in ["jku", "x5u", "x5c", "jwk", "crit", "b64"] {
            let mut header = self.header();
            header[name] = json!("https://keys.example.invalid/");
            all.push((header.to_string(), Rejection::ForbiddenHeader));
            header[name] = Value::Null;
            all.push((header.to_string(), Rejection::ForbiddenHeader));
        }
        for kind in [json!("at+jwt"), json!("JWT "), json!(1), Value::Null] {
            all.push((with(&self.header(), |header| header["typ"] = kind).to_string(), Rejection::ForbiddenHeader));
        }
        for id in [json!(""), json!("a b"), json!("a\n"), json!("ë"), json!("x".repeat(257)), json!(7), Value::Null] {
            all.push((with(&self.header(), |header| header["kid"] = id).to_string(), Rejection::BadKeyId));
        }
        for header in [
            "{}".to_owned(),
            "[]".to_owned(),
            "{\"alg\":null}".to_owned(),
            format!("{{\"alg\":[\"{alg}\"],\"kid\":\"key-1\"}}"),
            format!("{{\"alg\":\"none\",\"alg\":\"{alg}\",\"kid\":\"key-1\"}}"),
            format!("{{\"alg\":\"{alg}\",\"kid\":\"key-1\",\"x\":{{\"y\":1,\"y\":1}}}}"),
            format!("{{\"alg\":\"{alg}\",\"kid\":\"key-1\"}} x"),
            format!("{{\"alg\":\"{alg}\",\"kid\":\"key-1\",\"x\":\"{}\"}}", "x".repeat(1024)),
        ] {
            all.push((header, Rejection::MalformedToken));
        }
        let claims = claims.to_string();
        let token = |header: &str| self.forge(header, &claims);
        all.into_iter().map(|(header, reason)| (header.clone(), token(&header), reason)).collect()
    }

    fn forged_forms(self, claims: &Value) -> Vec<Forged> {
        let good = self.token(claims);
        let parts: Vec<&str> = good.split('.').collect();
        let [header, body, signature] = parts[..] else { panic!("three parts") };
        let malformed = [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            format!("{header}.{body}"),
            format!("{good}.{signature}"),
            format!("{good}."),
            format!("{good} "),
            format!(" {good}"),
            format!("{good}\n"),
            format!("{good}="),
            format!("{header}=.{body}.{signature}"),
            format!("{header}.{body}==.{signature}"),
            format!("{header}.{body}.{signature}!"),
            format!("{header}.{body}.+/{signature}"),
            format!("{header}..{}", "A".repeat(8 * 1024)),
        ];
        let changed_header = part(&format!("{} ", self.header()));
        let changed_claims = part(&format!("{claims} "));
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let mismatched = [
            format!("{changed_header}.{body}.{signature}"),
            format!("{header}.{changed_claims}.{signature}"),
            format!("{header}.{body}.{first}{}", &signature[1..]),
            format!("{header}.{body}."),
            format!("{header}.{body}.{}", &signature[..40]),
            format!("{header}.{body}.{signature}AAAA"),
        ];
        let of = |reason: Rejection| move |token: String| (token.clone(), token, reason);
        let malformed = malformed.into_iter().map(of(Rejection::MalformedToken));
        malformed.chain(mismatched.into_iter().map(of(Rejection::Mismatch))).collect()
    }

    fn forged_claims(self, claims: &Value) -> Vec<Forged> {
        let mut all = Vec::new();
        let inner = claims.to_string();
        let inner = inner.strip_prefix('{').expect("an object");
        for opening in [
            "{\"x\":1,\"x\":1,".to_owned(),
            "{\"exp\":1,".to_owned(),
            "{\"x\":{\"y\":1,\"y\":1},".to_owned(),
            "{\"x\":[{\"y\":{},\"\\u0079\":1}],".to_owned(),
            format!("{{\"x\":{}1{},", "[".repeat(16), "]".repeat(16)),
            format!("{{\"x\":{}{},", "[".repeat(2000), "]".repeat(2000)),
            format!("{{\"x\":[{}0],", "0,".repeat(250)),
            "[{".to_owned(),
            "{\"x\":1}{".to_owned(),
            "{\"x\":\"\\ud800\",".to_owned(),
        ] {
            let claims = format!("{opening}{inner}");
            all.push((claims.clone(), self.forge(&self.header().to_string(), &claims), Rejection::MalformedClaims));
        }
        for time in [json!(1e9), json!("1790005302"), json!(-1), json!(7_289_654_401_i64), json!([]), Value::Null] {
            for name in ["exp", "iat", "nbf"] {
                let claims = with(claims, |claims| claims[name] = time.clone());
                all.push((format!("{name} {time}"), self.token(&claims), Rejection::MalformedClaims));
            }
        }
        all.push(("no exp".to_owned(), self.token(&without(claims, "exp")), Rejection::MissingExpiry));
        all
    }
}

fn header_of(algorithm: &str) -> String {
    json!({"typ": "JWT", "alg": algorithm, "kid": "key-1"}).to_string()
}

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn rsa_signed(message: &str, algorithm: Algorithm) -> String {
    let key = EncodingKey::from_rsa_pem(PRIVATE_PEM).expect("the committed key");
    crypto::sign(message.as_bytes(), &key, algorithm).expect("the key signs")
}

fn hmac_signed(message: &str, secret: &[u8], algorithm: Algorithm) -> String {
    crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), algorithm).expect("a secret signs")
}
