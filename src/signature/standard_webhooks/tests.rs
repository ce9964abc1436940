//! Signed deliveries of our forwarder, honest and forged.

use proptest::prelude::*;

use super::*;

const AT: i64 = 1_649_367_553;
const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";

#[derive(serde::Deserialize)]
struct Vectors {
    hmac_v1: Vector,
    header_example_two_schemes: std::collections::BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct Vector {
    secret: String,
    msg_id: String,
    timestamp: i64,
    payload: String,
    signature: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/standard_webhooks.json")).expect("the vectors are JSON")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a second of this age")
}

fn secret() -> SecretBytes {
    StandardSecret::parse(&vectors().hmac_v1.secret).expect("a published secret")
}

fn headers(id: &str, timestamp: &str, signatures: &str) -> Headers {
    let all = [("Webhook-Id", id), ("Webhook-Timestamp", timestamp), ("Webhook-Signature", signatures)];
    all.into_iter().map(|(name, value)| (name, value.as_bytes())).collect()
}

fn verify(headers: &Headers, body: &[u8], now: i64) -> Result<Verified, Rejection> {
    let mut verifier = StandardSignature::begin(headers, [&secret()], at(now))?;
    verifier.update(body);
    verifier.finish()
}

fn rejection_of(id: &str, timestamp: &str, signatures: &str) -> Option<Rejection> {
    verify(&headers(id, timestamp, signatures), b"{}", AT).err()
}

fn signed(body: &[u8]) -> String {
    sign(&secret(), ID, at(AT), body)
}

#[test]
fn the_published_vector_verifies_and_no_other_body_does() {
    let vector = vectors().hmac_v1;
    let headers = headers(&vector.msg_id, &vector.timestamp.to_string(), &vector.signature);
    assert_eq!(sign(&secret(), &vector.msg_id, at(vector.timestamp), vector.payload.as_bytes()), vector.signature);
    assert!(verify(&headers, vector.payload.as_bytes(), vector.timestamp).is_ok());
    assert_eq!(verify(&headers, b"{}", vector.timestamp), Err(Rejection::Mismatch));
}

#[test]
fn signatures_of_other_versions_mean_nothing_beside_one_that_we_know() {
    let example = vectors().header_example_two_schemes;
    let example: Headers = example.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(verify(&example, b"{}", 1_674_087_231), Err(Rejection::Mismatch));

    let ours = signed(b"{}");
    let other = sign(&SecretBytes::new(vec![7; 32]), ID, at(AT), b"{}");
    for list in [format!("v1a,x {ours} v2,y"), format!("{other} {ours}"), format!("  {ours}")] {
        assert!(verify(&headers(ID, &AT.to_string(), &list), b"{}", AT).is_ok(), "{list}");
    }
}

#[test]
fn every_other_form_of_the_headers_is_refused_with_its_reason() {
    let ours = signed(b"{}");
    let second = AT.to_string();
    let digest = ours.strip_prefix("v1,").expect("our version");
    let table: &[(&str, &str, &str, Rejection)] = &[
        ("", &second, &ours, Rejection::MissingSignature),
        (ID, "", &ours, Rejection::MissingSignature),
        (ID, &second, "", Rejection::MissingSignature),
        ("a.b", &second, &ours, Rejection::MalformedSignature),
        ("a b", &second, &ours, Rejection::MalformedSignature),
        ("\u{e9}", &second, &ours, Rejection::MalformedSignature),
        (&"x".repeat(257), &second, &ours, Rejection::MalformedSignature),
        (ID, "1649367553.0", &ours, Rejection::MalformedSignature),
        (ID, "+1649367553", &ours, Rejection::MalformedSignature),
        (ID, "-1649367553", &ours, Rejection::MalformedSignature),
        (ID, "01649367553", &ours, Rejection::MalformedSignature),
        (ID, " 1649367553", &ours, Rejection::MalformedSignature),
        (ID, "2022-04-07T21:39:13Z", &ours, Rejection::MalformedSignature),
        (ID, "1649367553000000", &ours, Rejection::MalformedSignature),
        (ID, "1649367553000", &ours, Rejection::MalformedSignature),
        (ID, "1649367852", &ours, Rejection::Mismatch),
        ("msg_other", &second, &ours, Rejection::Mismatch),
        (ID, &second, digest, Rejection::UnsupportedMethod),
        (ID, &second, &format!("V1,{digest}"), Rejection::UnsupportedMethod),
        (ID, &second, &format!("v1a,{digest}"), Rejection::UnsupportedMethod),
        (ID, &second, &format!("v1={digest}"), Rejection::UnsupportedMethod),
        (ID, &second, " ", Rejection::UnsupportedMethod),
        (ID, &second, "v1,", Rejection::MalformedSignature),
        (ID, &second, "v1,AAAA", Rejection::MalformedSignature),
        (ID, &second, &format!("{ours}AAAA"), Rejection::MalformedSignature),
        (ID, &second, ours.trim_end_matches('='), Rejection::MalformedSignature),
        (ID, &second, &format!("{ours},{ours}"), Rejection::MalformedSignature),
        (ID, &second, &[ours.as_str(); 9].join(" "), Rejection::MalformedSignature),
        (ID, &second, &format!("{ours} v2,{}", "A".repeat(2048)), Rejection::MalformedSignature),
    ];
    for (id, timestamp, signatures, reason) in table {
        assert_eq!(rejection_of(id, timestamp, signatures), Some(*reason), "{id} {timestamp} {signatures}");
    }
    assert_eq!(rejection_of(ID, &second, &[ours.as_str(); 8].join(" ")), None);
}

#[test]
fn a_header_that_came_twice_is_ambiguous() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = headers(ID, &AT.to_string(), &signed(b"{}"));
        headers.push(name, b"x");
        assert_eq!(verify(&headers, b"{}", AT), Err(Rejection::AmbiguousSignature), "{name}");
    }
}

#[test]
fn a_delivery_is_good_for_five_minutes_both_ways() {
    let headers = headers(ID, &AT.to_string(), &signed(b"{}"));
    for (now, is_good) in [(AT - 301, false), (AT - 300, true), (AT + 300, true), (AT + 301, false)] {
        let verdict = verify(&headers, b"{}", now).map(drop);
        assert_eq!(verdict, if is_good { Ok(()) } else { Err(Rejection::StaleTimestamp) }, "{now}");
    }
}

#[test]
fn during_a_rotation_either_secret_verifies_and_none_is_our_inability() {
    let headers = headers(ID, &AT.to_string(), &signed(b"{}"));
    let verify = |secrets: &[SecretBytes]| {
        let mut verifier = StandardSignature::begin(&headers, secrets, at(AT))?;
        verifier.update(b"{}");
        verifier.finish().map(Verified::credential_index)
    };
    let other = || SecretBytes::new(vec![7; 32]);
    assert_eq!(verify(&[secret(), other()]), Ok(0));
    assert_eq!(verify(&[other(), secret()]), Ok(1));
    assert_eq!(verify(&[other()]), Err(Rejection::Mismatch));
    assert_eq!(verify(&[]), Err(Rejection::NoCredential));
    assert_eq!(verify(&[SecretBytes::new(Vec::new())]), Err(Rejection::NoCredential));
    assert_eq!(verify(&[other(), other(), other(), other(), secret()]), Err(Rejection::TooManyCredentials));
}

#[test]
fn a_secret_has_its_prefix_and_its_strength() {
    let of = |length: usize| format!("whsec_{}", STANDARD.encode(vec![1_u8; length]));
    for length in [24, 32, 64] {
        assert_eq!(StandardSecret::parse(&of(length)).expect("a secret").expose().len(), length);
        assert!(StandardSecret::parse(of(length).trim_end_matches('=')).is_ok());
    }
    let bare = of(32).replace("whsec_", "");
    for text in
        ["", "whsec_", &of(23), &of(65), &bare, "whsec_!", &of(32).replace("whsec_", "WHSEC_"), &format!("{} ", of(32))]
    {
        assert_eq!(StandardSecret::parse(text).err(), Some(MalformedSecret), "{text}");
    }
}

proptest! {
    #[test]
    fn a_body_verifies_however_it_is_cut(body in proptest::collection::vec(any::<u8>(), 0..600), piece in 1_usize..97) {
        let headers = headers(ID, &AT.to_string(), &signed(&body));
        let mut verifier = StandardSignature::begin(&headers, [&secret()], at(AT)).expect("our own form");
        body.chunks(piece).for_each(|bytes| verifier.update(bytes));
        prop_assert!(verifier.finish().is_ok());
    }

    #[test]
    fn arbitrary_lists_and_secrets_never_panic(timestamp in "[0-9.]{0,14}", signatures in ".{0,90}") {
        let _ = verify(&headers(ID, &timestamp, &signatures), b"{}", AT);
        let _ = StandardSecret::parse(&signatures);
        let _ = StandardSecret::parse(&format!("whsec_{signatures}"));
    }

    #[test]
    fn arbitrary_bytes_in_headers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
        let all = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| (name, bytes.as_slice()));
        let _ = verify(&all.into_iter().collect(), b"{}", AT);
    }
}
