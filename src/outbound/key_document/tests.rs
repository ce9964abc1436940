//! Documents as publishers write them, and as nobody should.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A JWK whose modulus has this many bits and ends in this byte.
fn jwk(kid: &str, bits: usize, last: u8) -> Value {
    let mut modulus = vec![0x5a; bits.div_ceil(8)];
    modulus[0] = if bits.is_multiple_of(8) { 0x80 } else { 1 << (bits % 8 - 1) };
    *modulus.last_mut().expect("some bits") = last;
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
}

fn good(kid: &str) -> Value {
    jwk(kid, 2_048, 1)
}

fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().expect("an object").remove(member);
    jwk
}

fn parsed(keys: &[Value]) -> Result<Vec<String>, KeyDocumentError> {
    let keys = parse_set(json!({"keys": keys}).to_string().as_bytes())?;
    let mut ids: Vec<String> = keys.keys().map(|kid| kid.as_str().to_owned()).collect();
    ids.sort();
    Ok(ids)
}

fn pem(modulus_bytes: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0x5a_u8; modulus_bytes];
    modulus[0] = 0x80;
    modulus[modulus_bytes - 1] = 1;
    let numbers = rsa::PublicKeyComponents { n: modulus, e: exponent.to_vec() };
    to_pem(numbers.as_der().expect("numbers of a key").as_ref())
}

#[test]
fn every_usable_key_of_a_set_is_there_under_its_id() {
    let sparse = without(without(good("b"), "use"), "alg");
    assert_eq!(parsed(&[good("a"), sparse]), Ok(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn the_numbers_are_those_that_were_published() {
    let padded = with(with(good("a"), "e", json!("AAEAAQ")), "n", {
        let mut modulus = vec![0_u8; 257];
        (modulus[1], modulus[256]) = (0xff, 3);
        json!(URL_SAFE_NO_PAD.encode(modulus))
    });
    let keys = parse_set(json!({"keys": [padded]}).to_string().as_bytes()).expect("a set");
    let key = keys.get(&KeyId::parse("a").expect("visible ASCII")).expect("the key");
    let PublicKey::Rsa { modulus, exponent } = key.as_ref() else { panic!("numbers") };
    assert_eq!((modulus.len(), modulus[0], modulus[255]), (256, 0xff, 3));
    assert_eq!(exponent, &[1, 0, 1]);
}

#[test]
fn a_key_for_anything_else_is_skipped_and_does_not_spoil_the_set() {
    let strange = [
        with(good("x"), "kty", json!("EC")),
        with(good("x"), "kty", json!("oct")),
        with(good("x"), "use", json!("enc")),
        with(good("x"), "alg", json!("PS256")),
        with(good("x"), "alg", json!("HS256")),
        with(good("x"), "alg", json!("none")),
        without(good("x"), "kid"),
        with(good("x"), "kid", json!("")),
        with(good("x"), "kid", json!("with space")),
        with(good("x"), "kid", json!(7)),
        without(good("x"), "n"),
        with(good("x"), "n", json!("+/+/")),
        with(good("x"), "e", json!("AQAB=")),
        with(good("x"), "e", json!("AQ")),
        with(good("x"), "e", json!("")),
        with(good("x"), "e", json!("AA")),
        with(good("x"), "e", json!("Ag")),
        with(good("x"), "e", json!("AQAAAAE")),
        jwk("x", 2_047, 1),
        jwk("x", 8_193, 1),
        jwk("x", 2_048, 2),
        json!("a string"),
        json!(null),
        json!([]),
    ];
    for other in strange {
        assert_eq!(parsed(&[other.clone(), good("a")]), Ok(vec!["a".to_owned()]), "{other}");
        assert_eq!(parsed(std::slice::from_ref(&other)), Err(KeyDocumentError::NoUsableKey), "{other}");
    }
    assert!(parsed(&[jwk("x", 8_192, 1), with(good("y"), "e", json!("Aw"))]).is_ok_and(|ids| ids.len() == 2));
}

#[test]
fn a_member_that_stands_twice_in_a_key_spoils_the_key() {
    let twice = good("a").to_string().replacen("\"kid\":", "\"kid\":\"b\",\"kid\":", 1);
    let set = format!("{{\"keys\":[{twice}]}}");
    assert_eq!(parse_set(set.as_bytes()), Err(KeyDocumentError::NoUsableKey));
}

#[test]
fn an_id_that_means_two_keys_spoils_the_set_and_one_that_is_repeated_does_not() {
    let ambiguous = [good("b"), good("a"), jwk("a", 2_048, 3)];
    assert_eq!(parsed(&ambiguous), Err(KeyDocumentError::Ambiguous));
    assert_eq!(parsed(&[good("a"), good("a")]), Ok(vec!["a".to_owned()]));
    let other_kind = with(good("a"), "kty", json!("EC"));
    assert_eq!(parsed(&[good("a"), other_kind]), Ok(vec!["a".to_owned()]));
}

#[test]
fn what_is_no_set_is_refused() {
    for text in ["", "<html>Forbidden</html>", "[]", "{}", "null", "{\"keys\":{}}", "{\"keys\":[]", "{\"keys\":[]} x"] {
        assert_eq!(parse_set(text.as_bytes()), Err(KeyDocumentError::NotASet), "{text}");
    }
    assert_eq!(parsed(&[]), Err(KeyDocumentError::NoUsableKey));
    let many: Vec<Value> = (0..=KEYS_MAX).map(|number| good(&format!("k{number}"))).collect();
    assert_eq!(parsed(&many), Err(KeyDocumentError::TooManyKeys));
    assert!(parsed(&many[1..]).is_ok());
}

#[test]
fn one_pem_public_key_is_a_key() {
    let document = pem(256, &[1, 0, 1]);
    let windows = String::from_utf8_lossy(&document).replace('\n', "\r\n");
    assert_eq!(parse_pem(&document), Ok(PublicKey::RsaPem(document.clone())));
    assert_eq!(parse_pem(windows.as_bytes()), Ok(PublicKey::RsaPem(document)));
}

#[test]
fn what_was_not_checked_is_not_passed_on() {
    let good = pem(256, &[1, 0, 1]);
    let text = String::from_utf8_lossy(&good).replace("-----BEGIN PUBLIC KEY-----", "");
    let base64: String = text.replace("-----END PUBLIC KEY-----", "").split_whitespace().collect();
    let mut der = STANDARD.decode(base64).expect("our own PEM");
    der.extend_from_slice(b"and more");
    let document = [b"Comment: a key\n".to_vec(), to_pem(&der)].concat();
    assert_eq!(parse_pem(&document), Ok(PublicKey::RsaPem(good)));
}

#[test]
fn a_pem_document_of_anything_else_is_refused() {
    let good = pem(256, &[1, 0, 1]);
    let as_private = String::from_utf8_lossy(&good).replace("PUBLIC KEY", "PRIVATE KEY").into_bytes();
    let truncated = good[..good.len() / 2].to_vec();
    let elliptic = to_pem(&hex::decode(ELLIPTIC_KEY).expect("hexadecimal"));
    let html = b"<html><body>403 Forbidden</body></html>".to_vec();
    for document in [
        Vec::new(),
        html,
        as_private,
        truncated,
        elliptic,
        [good.clone(), good].concat(),
        pem(128, &[1, 0, 1]),
        to_pem(b"not DER"),
    ] {
        assert_eq!(
            parse_pem(&document),
            Err(KeyDocumentError::NotAPublicKey),
            "{}",
            String::from_utf8_lossy(&document)
        );
    }
}

/// A public key on the curve P-256 (its generator), as `SubjectPublicKeyInfo`.
const ELLIPTIC_KEY: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

proptest! {
    #[test]
    fn no_bytes_break_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse_set(&bytes);
        let _ = parse_pem(&bytes);
        let _ = parse_pem(&to_pem(&bytes));
    }

    #[test]
    fn no_member_of_a_key_breaks_the_parser(
        (kty, kid) in ("RSA|EC|", ".{0,8}"),
        (n, e) in ("[A-Za-z0-9_=-]{0,400}", "[A-Za-z0-9_=-]{0,9}"),
    ) {
        let set = json!({"keys": [{"kty": kty, "kid": kid, "n": n, "e": e}]}).to_string();
        let _ = parse_set(set.as_bytes());
    }

    #[test]
    fn a_damaged_set_never_gives_a_key_under_another_id(at in 0_usize..100, byte in any::<u8>()) {
        let mut set = json!({"keys": [good("a")]}).to_string().into_bytes();
        let at = at % set.len();
        set[at] = byte;
        if let Ok(keys) = parse_set(&set) {
            prop_assert_eq!(keys.len(), 1);
        }
    }
}
