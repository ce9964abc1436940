//! What a verified delivery brings: one event, or several.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::{Personal, event::Malformed};

/// The longest identifier, in bytes.
pub const IDENTIFIER_BYTES_MAX: usize = 512;

/// Why a delivery with a good credential is not taken as it stands. Names fields of our own documentation, never values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// The body speaks for somebody else than the credential: refused as if the credential were wrong.
    #[error("body_disagrees: {0}")]
    BodyDisagrees(&'static str),
    /// The body cannot be taken apart. Repeating would not help, so the caller keeps it as a dead letter and accepts.
    #[error("unreadable: {0}")]
    Unreadable(&'static str),
    /// More events in one delivery than are believed.
    #[error("too_many_events")]
    TooMany,
}

impl From<Malformed> for NotAdmitted {
    fn from(malformed: Malformed) -> Self {
        Self::Unreadable(match malformed {
            Malformed::NotUtf8 => "body_not_utf8",
            Malformed::NotJson => "body_not_json",
            Malformed::MissingField(field) | Malformed::InvalidField(field) | Malformed::ForeignSite(field) => field,
        })
    }
}

/// Whose an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRef {
    /// The tenant that its source was registered for.
    Source,
    /// The tenant that the product knows by this key, which a verified credential named (Milestone: the cloudId).
    Key(String),
    /// Of no tenant yet: who it is about decides whose it is (an identity project that several tenants share).
    Platform,
}

/// One event within a verified delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What makes it the same event when it comes again; `None` where only the bytes can tell.
    pub identifier: Option<Vec<u8>>,
    /// True when whatever comes under the identifier is the same event, although its bytes differ (a retry is wrapped
    /// differently). False when other bytes under it are a conflict.
    pub is_identity: bool,
    /// Whose it is.
    pub tenant: TenantRef,
    /// What interpretation has to know beside the body, as this source's own JSON. Never a credential; sealed with the body.
    pub context: Vec<u8>,
    /// The event's own bytes; `None` when they are the delivery's.
    pub body: Option<Personal<Vec<u8>>>,
}

impl Admitted {
    /// The delivery itself, of the source's own tenant.
    pub fn whole(identifier: Option<&[u8]>) -> Self {
        Self {
            identifier: identifier.map(<[u8]>::to_vec),
            is_identity: false,
            tenant: TenantRef::Source,
            context: Vec::new(),
            body: None,
        }
    }
}

/// Identifier and context name people, so neither is printed.
impl fmt::Debug for Admitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Admitted")
            .field("identifier_bytes", &self.identifier.as_ref().map(Vec::len))
            .field("is_identity", &self.is_identity)
            .field("tenant", &self.tenant)
            .field("context_bytes", &self.context.len())
            .field("body", &self.body)
            .finish()
    }
}

/// An identifier of several parts, which no other parts give: their JSON, or its digest where that would be too long.
pub(super) fn identifier_of(parts: &[&str]) -> Vec<u8> {
    let json = serde_json::to_vec(parts).expect("texts are JSON");
    if json.len() <= IDENTIFIER_BYTES_MAX { json } else { hex::encode(Sha256::digest(json)).into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_keeps_its_parts_apart_and_never_grows_too_long() {
        assert_ne!(identifier_of(&["a", "bc"]), identifier_of(&["ab", "c"]));
        assert_ne!(identifier_of(&["a\",\"b"]), identifier_of(&["a", "b"]));
        let long = "x".repeat(IDENTIFIER_BYTES_MAX);
        assert_eq!(identifier_of(&[&long]).len(), 64);
        assert_ne!(identifier_of(&[&long, "1"]), identifier_of(&[&long, "2"]));
    }

    #[test]
    fn nothing_of_an_event_is_printed() {
        let admitted = Admitted {
            context: b"CANARY".to_vec(),
            body: Some(Personal::new(b"CANARY".to_vec())),
            ..Admitted::whole(Some(b"CANARY"))
        };
        let printed = format!("{admitted:?}");
        assert!(!printed.contains("CANARY") && !printed.contains("67, 65"), "{printed}");
    }
}
