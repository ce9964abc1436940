//! The file format of the key ring.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    SecretKey,
    key_ring::{KEYS_MAX, KeyRing, KeyRingError, RECEIPT_KEY_ID_CHARS_MAX, RingKey},
};

const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    master: Vec<FileKey>,
    digest: Vec<FileKey>,
    receipt_signing: FileSeed,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct FileKey {
    id: i32,
    key: String,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct FileSeed {
    id: String,
    seed: String,
}

impl KeyRing {
    /// Reads the file format. See the committed example `tests/vectors/key_ring.json`.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        parse(text)
    }

    /// Writes the file format, to be kept where only the gateway reads it.
    pub fn to_json(&self) -> Zeroizing<String> {
        to_json(self)
    }
}

fn parse(text: &str) -> Result<KeyRing, KeyRingError> {
    // The parser's own message can quote what it found, which may be a key in the wrong place: only where is passed on.
    let file: File = serde_json::from_str(text)
        .map_err(|error| KeyRingError::Shape { line: error.line(), column: error.column() })?;
    if file.version != VERSION {
        return Err(KeyRingError::UnknownVersion { found: file.version });
    }
    let mut seen = Vec::new();
    let master = keys("master", &file.master, &mut seen)?;
    let digest = keys("digest", &file.digest, &mut seen)?;
    let receipt_key_id = file.receipt_signing.id.clone();
    if !is_plain_id(&receipt_key_id) {
        return Err(KeyRingError::BadReceiptKeyId);
    }
    let receipt_seed = key("receipt_signing", 1, &file.receipt_signing.seed, &mut seen)?;
    Ok(KeyRing { master, digest, receipt_key_id, receipt_seed })
}

fn to_json(ring: &KeyRing) -> Zeroizing<String> {
    // Wiping covers only the final buffer, so it must not grow: 128 bytes an entry are more than any needs.
    let entries = ring.master.len() + ring.digest.len() + 4;
    let mut json = Zeroizing::new(String::with_capacity(128 * entries));
    let _ = write!(json, "{{\n  \"version\": {VERSION},");
    for (list, keys) in [("master", &ring.master), ("digest", &ring.digest)] {
        let _ = write!(json, "\n  \"{list}\": [");
        for (index, entry) in keys.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let key = Zeroizing::new(STANDARD.encode(entry.key.bytes()));
            let _ = write!(json, "{comma}\n    {{ \"id\": {}, \"key\": \"{}\" }}", entry.id, key.as_str());
        }
        json.push_str("\n  ],");
    }
    let seed = Zeroizing::new(STANDARD.encode(ring.receipt_seed.bytes()));
    let id = &ring.receipt_key_id;
    let _ = writeln!(json, "\n  \"receipt_signing\": {{ \"id\": \"{id}\", \"seed\": \"{}\" }}\n}}", seed.as_str());
    json
}

fn keys(list: &'static str, entries: &[FileKey], seen: &mut Vec<SecretKey>) -> Result<Vec<RingKey>, KeyRingError> {
    if entries.is_empty() {
        return Err(KeyRingError::NoKey { list });
    }
    if entries.len() > KEYS_MAX {
        return Err(KeyRingError::TooManyKeys { list });
    }
    let mut last_id = 0;
    let mut keys = Vec::with_capacity(entries.len());
    for (position, entry) in (1..).zip(entries) {
        if entry.id <= last_id {
            return Err(KeyRingError::IdsOutOfOrder { list, entry: position });
        }
        last_id = entry.id;
        keys.push(RingKey { id: entry.id, key: key(list, position, &entry.key, seen)? });
    }
    Ok(keys)
}

fn key(list: &'static str, entry: usize, base64: &str, seen: &mut Vec<SecretKey>) -> Result<SecretKey, KeyRingError> {
    let bytes = Zeroizing::new(STANDARD.decode(base64).map_err(|_| KeyRingError::BadKey { list, entry })?);
    let key = SecretKey::from_slice(&bytes)
        .filter(|key| key.bytes().iter().any(|byte| *byte != 0))
        .ok_or(KeyRingError::BadKey { list, entry })?;
    if seen.contains(&key) {
        return Err(KeyRingError::RepeatedKey { list, entry });
    }
    seen.push(key.clone());
    Ok(key)
}

fn is_plain_id(id: &str) -> bool {
    (1..=RECEIPT_KEY_ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::testing::Counting;

    const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const OTHER: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    const SEED: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

    fn file(master: &str, digest: &str, id: &str) -> String {
        format!(
            r#"{{"version":1,"master":[{master}],"digest":[{digest}],"receipt_signing":{{"id":"{id}","seed":"{SEED}"}}}}"#
        )
    }

    fn entry(id: i32, key: &str) -> String {
        format!(r#"{{"id":{id},"key":"{key}"}}"#)
    }

    fn rejection(text: &str) -> KeyRingError {
        KeyRing::parse(text).err().expect("the ring should be refused")
    }

    #[test]
    fn a_generated_ring_reads_back_from_its_file() {
        let ring = KeyRing::generate(&Counting::default());
        let json = ring.to_json();
        let again = KeyRing::parse(&json).expect("our own format");
        assert_eq!(again.to_json(), json);
        assert_eq!(again.receipt_signing(), ring.receipt_signing());
    }

    #[test]
    fn every_fault_of_a_ring_is_named_without_its_keys() {
        let (one, two) = (entry(1, KEY), entry(1, OTHER));
        let many = (1..=65).map(|id| entry(id, KEY)).collect::<Vec<_>>().join(",");
        let faults = [
            (file("", &two, "r"), KeyRingError::NoKey { list: "master" }),
            (file(&one, "", "r"), KeyRingError::NoKey { list: "digest" }),
            (file(&one, &many, "r"), KeyRingError::TooManyKeys { list: "digest" }),
            (file(&entry(0, KEY), &two, "r"), KeyRingError::IdsOutOfOrder { list: "master", entry: 1 }),
            (file(&format!("{one},{two}"), &two, "r"), KeyRingError::IdsOutOfOrder { list: "master", entry: 2 }),
            (file(&entry(1, "AAAA"), &two, "r"), KeyRingError::BadKey { list: "master", entry: 1 }),
            (file(&entry(1, &"A".repeat(43)), &two, "r"), KeyRingError::BadKey { list: "master", entry: 1 }),
            (
                file(&one, &entry(1, &format!("{}=", "A".repeat(43))), "r"),
                KeyRingError::BadKey { list: "digest", entry: 1 },
            ),
            (file(&one, &one, "r"), KeyRingError::RepeatedKey { list: "digest", entry: 1 }),
            (file(&one, &two, ""), KeyRingError::BadReceiptKeyId),
            (file(&one, &two, "a b"), KeyRingError::BadReceiptKeyId),
            (file(&one, &two, "r").replace(":1,\"master", ":2,\"master"), KeyRingError::UnknownVersion { found: 2 }),
        ];
        for (text, expected) in faults {
            let found = rejection(&text);
            assert_eq!(found, expected);
            assert!(!found.to_string().contains(KEY) && !found.to_string().contains("AAAA"));
        }
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_quoted_back() {
        let text = format!(r#"{{"version":"{KEY}"}}"#);
        let found = rejection(&text);
        assert!(matches!(found, KeyRingError::Shape { line: 1, .. }));
        assert!(!format!("{found} {found:?}").contains(KEY));
    }
}
