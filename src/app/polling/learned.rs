//! What was learned by asking becomes an event, in the shape in which the sender would have told it.

use crate::{
    app::{
        ground::error::Error,
        intake::{
            keep::{Kept, Verified, keep},
            raw::RawDelivery,
        },
        polling::Polling,
    },
    domain::{SourceId, TenantId, reason::WaitReason},
};

/// Something that was learned by asking.
pub(in crate::app) struct Learned<'a> {
    /// The source that was asked, and whose it is.
    pub(in crate::app) whose: (SourceId, TenantId),
    /// What makes it the same when it is learned again.
    pub(in crate::app) identifier: &'a str,
    /// What the kind's interpretation has to know beside the body.
    pub(in crate::app) context: &'a [u8],
    /// In the shape in which the sender would have told it.
    pub(in crate::app) body: &'a [u8],
}

/// Makes an event of what was learned. True when it is new; safe to repeat. Returns when it is durable.
pub(in crate::app) async fn keep_learned(gateway: &Polling, learned: Learned<'_>) -> Result<bool, Error> {
    let (source_id, tenant_id) = learned.whose;
    let identifier = learned.identifier.as_bytes();
    let verified = Verified {
        source_id,
        tenant_id,
        identifier: Some(identifier),
        is_identity: true,
        token: None,
        original_received_at: None,
        raw: RawDelivery::of(learned.context, identifier, learned.body),
    };
    match keep(gateway.intake(), verified).await? {
        Kept::New(_) => Ok(true),
        Kept::Before(_) => Ok(false),
        Kept::Replayed | Kept::Unavailable => Err(Error::later(WaitReason::NotKept)),
    }
}
