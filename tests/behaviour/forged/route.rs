//! A route that takes tokens, and what none of them may believe.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use milestone_gateway::testing::{domain::SourceKind, signature::Rejection};
use serde_json::{Value, json};

use super::CANARY;
use crate::harness::{
    Post,
    key_server::{KEY_ID, PRIVATE_PEM, PUBLIC_PEM},
    senders::SHARED_SECRET,
};

/// A forged delivery: what is wrong with it, and which rule must notice.
pub(super) struct Attempt {
    pub(super) what: String,
    pub(super) post: Post,
    pub(super) why: Rejection,
}

/// A route that takes tokens, with a delivery that only lacks one.
pub(super) struct Route {
    pub(super) scheme: &'static str,
    pub(super) algorithm: Algorithm,
    pub(super) claims: Value,
    pub(super) post: Post,
}

impl Route {
    pub(super) fn is_rsa(&self) -> bool {
        self.algorithm == Algorithm::RS256
    }

    /// A key id is part of a path only where each key is a document of its own.
    pub(super) fn is_install(&self) -> bool {
        self.post.kind == SourceKind::Connect && self.is_rsa()
    }

    pub(super) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": if self.is_rsa() { "RS256" } else { "HS256" }, "kid": KEY_ID})
    }

    /// A token with a signature that holds, whatever stands in it.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        signed(&message(header, claims), self.algorithm, &self.key())
    }

    pub(super) fn key(&self) -> EncodingKey {
        if self.is_rsa() {
            EncodingKey::from_rsa_pem(PRIVATE_PEM).unwrap()
        } else {
            EncodingKey::from_secret(SHARED_SECRET.as_bytes())
        }
    }

    pub(super) fn with(&self, token: &str) -> Post {
        self.post.clone().with("authorization", format!("{} {token}", self.scheme))
    }

    pub(super) fn good(&self) -> Post {
        self.with(&self.token(&self.header().to_string(), &self.claims.to_string()))
    }

    pub(super) fn attempt(&self, what: &str, post: Post, why: Rejection) -> Attempt {
        debug_assert_eq!(post.kind, self.post.kind);
        Attempt { what: format!("{}: {what}", post.path()), post, why }
    }

    pub(super) fn with_header(&self, what: &str, header: &Value, why: Rejection) -> Attempt {
        self.attempt(what, self.with(&self.token(&header.to_string(), &self.claims.to_string())), why)
    }

    pub(super) fn with_claims(&self, what: &str, why: Rejection, change: impl FnOnce(&mut Value)) -> Attempt {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.with_claims_text(what, &claims.to_string(), why)
    }

    pub(super) fn with_claims_text(&self, what: &str, claims: &str, why: Rejection) -> Attempt {
        self.attempt(what, self.with(&self.token(&self.header().to_string(), claims)), why)
    }

    /// What no route may believe, whatever its claims are.
    pub(super) fn forged(&self, trap: &str) -> Vec<Attempt> {
        let mut all = self.forged_algorithms();
        all.extend(self.forged_headers(trap));
        all.extend(self.forged_forms());
        all.extend(self.forged_claims());
        all
    }

    pub(super) fn forged_algorithms(&self) -> Vec<Attempt> {
        let claims = self.claims.to_string();
        let unsigned = |name: &str| {
            let mut header = self.header();
            header["alg"] = json!(name);
            message(&header.to_string(), &claims)
        };
        let mut all = vec![self.attempt(
            "none, unsigned",
            self.with(&format!("{}.", unsigned("none"))),
            Rejection::ForbiddenAlgorithm,
        )];
        for name in ["none", "None", "rs256", "RS384", "ES256", "EdDSA", ""] {
            let token = signed(&unsigned(name), self.algorithm, &self.key());
            all.push(self.attempt(&format!("algorithm {name:?}"), self.with(&token), Rejection::ForbiddenAlgorithm));
        }
        let rsa = EncodingKey::from_rsa_pem(PRIVATE_PEM).unwrap();
        for (name, algorithm) in [("RS512", Algorithm::RS512), ("PS256", Algorithm::PS256)] {
            let token = signed(&unsigned(name), algorithm, &rsa);
            all.push(self.attempt(&format!("{name}, truly"), self.with(&token), Rejection::ForbiddenAlgorithm));
        }
        let public = EncodingKey::from_secret(PUBLIC_PEM.as_bytes());
        let why = if self.is_rsa() { Rejection::ForbiddenAlgorithm } else { Rejection::Mismatch };
        let confused = signed(&unsigned("HS256"), Algorithm::HS256, &public);
        all.push(self.attempt("HS256 with the public key as secret", self.with(&confused), why));
        let disguised = signed(&message(&self.header().to_string(), &claims), Algorithm::HS256, &public);
        all.push(self.attempt("the same, disguised", self.with(&disguised), Rejection::Mismatch));
        let other = if self.is_rsa() {
            signed(&unsigned("HS256"), Algorithm::HS256, &EncodingKey::from_secret(SHARED_SECRET.as_bytes()))
        } else {
            signed(&unsigned("RS256"), Algorithm::RS256, &rsa)
        };
        all.push(self.attempt("the other way to sign", self.with(&other), Rejection::ForbiddenAlgorithm));
        all
    }

    pub(super) fn forged_headers(&self, trap: &str) -> Vec<Attempt> {
        let with = |name: &str, value: Value| {
            let mut header = self.header();
            header[name] = value;
            header
        };
        let mut all = Vec::new();
        for (name, value) in [
            ("jku", json!(format!("{trap}/forge/jwks.json"))),
            ("x5u", json!(format!("{trap}/google/certs"))),
            ("x5c", json!([CANARY])),
            ("jwk", json!({"kty": "RSA", "kid": KEY_ID, "n": CANARY, "e": "AQAB"})),
            ("crit", json!(["exp"])),
        ] {
            all.push(self.with_header(name, &with(name, value), Rejection::ForbiddenHeader));
        }
        for kid in [json!("x".repeat(300)), json!("a b"), json!(" "), json!(""), json!(7), json!("a\r\nhost: b")] {
            all.push(self.with_header(&format!("kid {kid}"), &with("kid", kid), Rejection::BadKeyId));
        }
        if self.is_rsa() {
            let mut without = self.header();
            without.as_object_mut().unwrap().remove("kid");
            all.push(self.with_header("no kid", &without, Rejection::BadKeyId));
            all.push(self.with_header("an unknown kid", &with("kid", json!(CANARY)), Rejection::UnknownKey));
            let hostile = if self.is_install() { Rejection::BadKeyId } else { Rejection::UnknownKey };
            let url = format!("{trap}/connect/key-1");
            for kid in ["../google/certs", "..", "../../key-1", "key-1/../key-1", "key-1?x", "key-1%2f..", &url] {
                all.push(self.with_header(&format!("kid {kid}"), &with("kid", json!(kid)), hostile));
            }
        }
        all
    }

    pub(super) fn forged_forms(&self) -> Vec<Attempt> {
        let (header, claims) = (self.header().to_string(), self.claims.to_string());
        let good = self.token(&header, &claims);
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let other_scheme = if self.scheme == "JWT" { "Bearer" } else { "JWT" };
        let raw = |value: String| self.post.clone().with("authorization", value);
        vec![
            self.attempt("no token", self.post.clone(), Rejection::MissingToken),
            self.attempt("an empty header", raw(String::new()), Rejection::MissingToken),
            self.attempt(
                "two tokens",
                self.with(&good).with("authorization", "Bearer a.b.c"),
                Rejection::AmbiguousToken,
            ),
            self.attempt("another scheme", raw(format!("{other_scheme} {good}")), Rejection::MalformedToken),
            self.attempt("basic", raw("Basic Y2FuYXJ5OmNhbmFyeQ==".to_owned()), Rejection::MalformedToken),
            self.attempt("no scheme", raw(good.clone()), Rejection::MalformedToken),
            self.attempt("a space behind", self.with(&format!("{good} ")), Rejection::MalformedToken),
            self.attempt("two spaces", self.with(&format!(" {good}")), Rejection::MalformedToken),
            self.attempt("a comma", self.with(&format!("{good},{good}")), Rejection::MalformedToken),
            self.attempt("four parts", self.with(&format!("{good}.e30")), Rejection::MalformedToken),
            self.attempt(
                "a giant",
                self.with(&format!("{signed}.{}", "A".repeat(9 * 1024))),
                Rejection::MalformedToken,
            ),
            self.attempt(
                "another signature",
                self.with(&format!("{signed}.{first}{}", &signature[1..])),
                Rejection::Mismatch,
            ),
            self.attempt("no signature", self.with(&format!("{signed}.")), Rejection::Mismatch),
            self.attempt(
                "other claims under the signature",
                self.with(&format!("{}.{signature}", message(&header, &claims.replace(':', " :")))),
                Rejection::Mismatch,
            ),
        ]
    }

    pub(super) fn forged_claims(&self) -> Vec<Attempt> {
        let now = self.claims["iat"].as_i64().unwrap();
        let inner = self.claims.to_string();
        let inner = inner.strip_prefix('{').unwrap();
        let mut all = vec![
            self.with_claims("no exp", Rejection::MissingExpiry, |claims| {
                claims.as_object_mut().unwrap().remove("exp");
            }),
            self.with_claims("expired", Rejection::Expired, |claims| {
                claims["iat"] = json!(now - 3_600);
                claims["nbf"] = json!(now - 3_600);
                claims["exp"] = json!(now - 3_500);
            }),
            self.with_claims("iat in the future", Rejection::NotYetValid, |claims| {
                claims["iat"] = json!(now + 120);
                claims["exp"] = json!(now + 140);
            }),
            self.with_claims("nbf in the future", Rejection::NotYetValid, |claims| {
                claims["nbf"] = json!(now + 120);
                claims["exp"] = json!(now + 140);
            }),
            self.with_claims_text("a claim twice", &format!("{{\"exp\":1,{inner}"), Rejection::MalformedClaims),
            self.with_claims_text(
                "200 levels",
                &format!("{{\"x\":{}{},{inner}", "[".repeat(200), "]".repeat(200)),
                Rejection::MalformedClaims,
            ),
            self.with_claims_text("no object", "[]", Rejection::MalformedClaims),
        ];
        for exp in [json!("1790005302"), json!(1.5), json!(-1), Value::Null, json!(true), json!([1])] {
            let what = format!("exp {exp}");
            all.push(self.with_claims(&what, Rejection::MalformedClaims, |claims| claims["exp"] = exp));
        }
        all
    }
}

pub(super) fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

pub(super) fn signed(message: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    format!("{message}.{}", crypto::sign(message.as_bytes(), key, algorithm).unwrap())
}
