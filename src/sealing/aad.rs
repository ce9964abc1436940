//! The place a sealed value belongs to, as authenticated data.

use uuid::Uuid;

/// Where a sealed value lives. Sealing binds it, so a value copied into another row, column or tenant does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aad(Vec<u8>);

const LABEL: &[u8] = b"milestone-gateway/aad/v1";

impl Aad {
    /// Names a place. `tenant` is `None` for the tables of intake, which know no tenant; `row` is the row's key in any
    /// form that the caller keeps to, commonly the 16 bytes of its UUID.
    pub fn new(table: &str, tenant: Option<Uuid>, row: &[u8], column: &str) -> Self {
        let tenant = tenant.map(Uuid::into_bytes);
        let tenant: &[u8] = tenant.as_ref().map_or(&[], |bytes| bytes);
        Self(length_prefixed(&[LABEL, table.as_bytes(), tenant, row, column.as_bytes()]))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Joins parts so that no two lists of parts give the same bytes: each is preceded by its length (u64, big-endian).
pub(super) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&length_prefix(part));
        joined.extend_from_slice(part);
    }
    joined
}

/// The eight bytes that stand before a part.
pub(super) fn length_prefix(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_share_their_bytes() {
        let tenant = Some(Uuid::from_u128(1));
        let places = [
            Aad::new("ab", tenant, b"c", "d"),
            Aad::new("a", tenant, b"bc", "d"),
            Aad::new("ab", None, b"c", "d"),
            Aad::new("ab", tenant, b"", "cd"),
            Aad::new("ab", Some(Uuid::from_u128(2)), b"c", "d"),
            Aad::new("ab", Some(Uuid::nil()), b"c", "d"),
        ];
        for (index, place) in places.iter().enumerate() {
            assert!(places.iter().skip(index + 1).all(|other| other != place));
        }
    }
}
