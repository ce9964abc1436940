//! How a token is taken out of its header, and what no token may be whatever it is for.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::signature::tests::tokens::{self, HS256, RS256};

fn headers(values: &[&[u8]]) -> Headers {
    values.iter().map(|value| ("authorization", *value)).collect()
}

#[test]
fn one_header_of_the_scheme_gives_its_token() {
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c"] {
        assert_eq!(authorization(&headers(&[value.as_bytes()]), "Bearer"), Ok(&b"a.b.c"[..]), "{value}");
    }
}

#[test]
fn no_header_two_headers_and_another_form_are_three_reasons() {
    assert_eq!(authorization(&headers(&[]), "Bearer"), Err(Rejection::MissingToken));
    assert_eq!(authorization(&headers(&[b""]), "Bearer"), Err(Rejection::MissingToken));
    assert_eq!(authorization(&headers(&[b"Bearer a", b"Bearer a"]), "Bearer"), Err(Rejection::AmbiguousToken));
    for value in ["Bearer", "Bearera.b.c", "Bearer\ta.b.c", " Bearer a.b.c", "JWT a.b.c", "Basic YTpi", "a.b.c"] {
        assert_eq!(authorization(&headers(&[value.as_bytes()]), "Bearer"), Err(Rejection::MalformedToken), "{value}");
    }
    for value in ["Bearer  a.b.c", "Bearer a.b.c ", "Bearer a.b.c, Bearer a.b.c", "Bearer "] {
        let token = authorization(&headers(&[value.as_bytes()]), "Bearer").map(<[u8]>::to_vec);
        assert_eq!(token.and_then(|token| UnverifiedToken::parse(&token).map(drop)), Err(Rejection::MalformedToken));
    }
}

#[test]
fn a_token_may_leave_out_what_says_nothing() {
    let claims = json!({"exp": 1});
    for header in [r#"{"alg":"RS256","kid":"k"}"#, r#"{"alg":"RS256","kid":"k","typ":"jwt","x5t":"y"}"#] {
        let token =
            UnverifiedToken::parse(RS256.forge(header, &claims.to_string()).as_bytes()).expect("a plain header");
        assert!(token.algorithm_is(TokenAlgorithm::Rs256) && !token.algorithm_is(TokenAlgorithm::Hs256));
    }
    let token = UnverifiedToken::parse(HS256.forge(r#"{"alg":"HS256"}"#, "{}").as_bytes()).expect("a plain header");
    assert!(token.hs256().is_ok());
}

#[test]
fn a_token_that_names_no_key_finds_none() {
    let token = UnverifiedToken::parse(RS256.forge(r#"{"alg":"RS256"}"#, "{}").as_bytes()).expect("well-formed");
    assert_eq!(token.rs256().err(), Some(Rejection::BadKeyId));
}

#[test]
fn the_largest_token_is_read_and_one_byte_more_is_not() {
    let token = |size: usize| {
        // Four bytes of claims leave room for a signature that is base64 at both sizes.
        let text = RS256.forge(r#"{"alg":"RS256","kid":"k"}"#, "{}  ");
        let (message, _) = text.rsplit_once('.').expect("a signature");
        format!("{message}.{}", "A".repeat(size - message.len() - 1))
    };
    assert!(UnverifiedToken::parse(token(TOKEN_BYTES_MAX).as_bytes()).is_ok());
    let larger = token(TOKEN_BYTES_MAX + 1);
    assert!(decoded(larger.rsplit('.').next().expect("a signature")).is_ok());
    assert_eq!(UnverifiedToken::parse(larger.as_bytes()).err(), Some(Rejection::MalformedToken));
}

fn verified(key: &PublicKey) -> Result<(), Rejection> {
    let token = RS256.token(&json!({"exp": 1}));
    UnverifiedToken::parse(token.as_bytes()).and_then(UnverifiedToken::rs256)?.verify(key).map(drop)
}

#[test]
fn a_key_is_the_same_by_its_numbers_and_as_a_document() {
    assert_eq!(verified(&tokens::public_key()), Ok(()));
    assert_eq!(verified(&tokens::public_pem()), Ok(()));
    assert_eq!(verified(&tokens::foreign_key()), Err(Rejection::Mismatch));
}

#[test]
fn a_document_that_is_no_public_key_is_our_inability() {
    let certificate = String::from_utf8_lossy(tokens::PUBLIC_PEM).replace("PUBLIC KEY", "CERTIFICATE");
    let half = &tokens::PUBLIC_PEM[..100];
    for document in [&b""[..], b"<html>403</html>", tokens::PRIVATE_PEM, certificate.as_bytes(), half] {
        assert_eq!(verified(&PublicKey::RsaPem(document.to_vec())), Err(Rejection::KeyUnavailable));
    }
}

#[test]
fn a_key_of_no_strength_verifies_nothing() {
    let PublicKey::Rsa { modulus, exponent } = tokens::public_key() else { panic!("numbers") };
    for (modulus, exponent) in [(vec![], exponent.clone()), (modulus[..128].to_vec(), exponent), (modulus, vec![])] {
        assert_eq!(verified(&PublicKey::Rsa { modulus, exponent }), Err(Rejection::Mismatch));
    }
}

#[test]
fn a_token_shows_nowhere() {
    let token = UnverifiedToken::parse(RS256.token(&json!({"sub": "somebody"})).as_bytes()).expect("well-formed");
    let shown = format!("{token:?}");
    assert!(shown.starts_with("UnverifiedToken(") && !shown.contains("ey"), "{shown}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = UnverifiedToken::parse(&bytes);
        let _ = authorization(&headers(&[&bytes]), "Bearer");
    }

    #[test]
    fn arbitrary_headers_and_claims_never_panic(header in ".{0,80}", claims in ".{0,80}") {
        if let Ok(token) = UnverifiedToken::parse(HS256.forge(&header, &claims).as_bytes()) {
            let secret = [SecretBytes::new(tokens::SECRET.to_vec())];
            let _ = token.hs256().map(|token| token.verify(&secret).map(drop));
        }
    }

    #[test]
    fn one_changed_character_never_verifies(index in any::<proptest::sample::Index>(), other in "[A-Za-z0-9_.-]") {
        let secret = [SecretBytes::new(tokens::SECRET.to_vec())];
        let mut token = HS256.token(&json!({"exp": 1})).into_bytes();
        let index = index.index(token.len());
        prop_assume!(token[index] != other.as_bytes()[0]);
        token[index] = other.as_bytes()[0];
        let verdict = UnverifiedToken::parse(&token).and_then(UnverifiedToken::hs256)
            .and_then(|token| token.verify(&secret).map(drop));
        prop_assert!(verdict.is_err());
    }
}
