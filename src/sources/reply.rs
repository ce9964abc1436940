//! The status that each sender's contract expects for an answer.
//!
//! | sender | repeats after | stops after |
//! |---|---|---|
//! | Jira and Connect webhooks | 408, 409, 425, 429, 5xx | everything else |
//! | Forge | anything but 2xx, four times, 60 s apart | 2xx |
//! | Pub/Sub push, Eventarc | anything but 102, 200, 201, 204 | those |
//! | `CloudEvents` webhooks | 429, 5xx | 2xx, 410, 415 |
//! | the forwarder function (Standard Webhooks) | anything but 2xx, since it throws | 2xx |

use super::contract::{Contract, Inbound};
use crate::domain::reply::SenderReply;

/// What "committed" is called where a contract says nothing else. Never 202: Pub/Sub's emulator takes it for a rejection and
/// repeats for ever.
const ACCEPTED: u16 = 200;

impl Contract {
    /// The status and the seconds of `Retry-After` for an answer to a sender of this kind.
    ///
    /// A 413 is final on purpose: the same body would be as large the next time. Pub/Sub knows no status that means "stop",
    /// so it repeats a message that is too large until the subscription's dead-letter policy takes it.
    pub const fn reply_status(&self, reply: SenderReply) -> (u16, Option<u32>) {
        match reply {
            SenderReply::Accepted => match self.inbound {
                Some(Inbound { accepted, .. }) => (accepted, None),
                None => (ACCEPTED, None),
            },
            SenderReply::Unauthorized => (401, None),
            SenderReply::Unavailable { retry_after_seconds } => (503, Some(retry_after_seconds)),
            SenderReply::TooLarge => (413, None),
            SenderReply::TooSlow => (408, None),
        }
    }
}
