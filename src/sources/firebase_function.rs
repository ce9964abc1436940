//! Our own forwarder function, which signs what Firebase told it by Standard Webhooks.
//!
//! The delivery is the event; what it means is read by [`super::firebase::interpret`] with an empty context.

pub mod contract;

use super::admission::{Admitted, NotAdmitted};
use crate::domain::delivery::Headers;

/// The longest `webhook-id` that is believed, in bytes.
pub const WEBHOOK_ID_BYTES_MAX: usize = 256;

/// The event of a verified delivery. Its `webhook-id` is signed and stays the same over retries, so another body under it is
/// a conflict.
pub fn admit(headers: &Headers, _body: &[u8]) -> Result<Admitted, NotAdmitted> {
    headers
        .only("webhook-id")
        .filter(|id| (1..=WEBHOOK_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic))
        .map(|id| Admitted::whole(Some(id)))
        .ok_or(NotAdmitted::Unreadable("webhook-id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::TenantRef;

    #[test]
    fn a_forwarded_event_is_the_same_under_its_signed_id() {
        let headers: Headers = [("webhook-id", &b"3b36529e-ee74"[..])].into_iter().collect();
        let admitted = admit(&headers, b"{}").expect("a good id");
        assert_eq!(admitted.identifier.as_deref(), Some(&b"3b36529e-ee74"[..]));
        assert!(!admitted.is_identity && admitted.body.is_none() && admitted.context.is_empty());
        assert_eq!(admitted.tenant, TenantRef::Source);
    }

    #[test]
    fn an_absent_repeated_or_odd_id_is_named() {
        let long = [b'x'; WEBHOOK_ID_BYTES_MAX + 1];
        let cases: [&[&[u8]]; 5] = [&[], &[b"a", b"b"], &[b""], &[b"a b"], &[&long]];
        for values in cases {
            let headers: Headers = values.iter().map(|value| ("webhook-id", *value)).collect();
            assert_eq!(admit(&headers, b"{}"), Err(NotAdmitted::Unreadable("webhook-id")));
        }
    }
}
