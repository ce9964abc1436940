//! What a verified delivery brings: one event, or several.

use crate::domain::Personal;

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
