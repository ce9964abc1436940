//! The status that each sender's contract expects for an answer.
//!
//! | sender | repeats after | stops after |
//! |---|---|---|
//! | Jira and Connect webhooks | 408, 409, 425, 429, 5xx | everything else |
//! | Forge | anything but 2xx, four times, 60 s apart | 2xx |
//! | Pub/Sub push, Eventarc | anything but 102, 200, 201, 204 | those |
//! | `CloudEvents` webhooks | 429, 5xx | 2xx, 410, 415 |
//! | the forwarder function (Standard Webhooks) | anything but 2xx, since it throws | 2xx |

use crate::domain::{reply::SenderReply, source::SourceKind};

/// The status and the seconds of `Retry-After` for an answer to a sender of this kind.
///
/// A 413 is final on purpose: the same body would be as large the next time. Pub/Sub knows no status that means "stop", so
/// it repeats a message that is too large until the subscription's dead-letter policy takes it.
pub const fn reply_status(kind: SourceKind, reply: SenderReply) -> (u16, Option<u32>) {
    match reply {
        SenderReply::Accepted => (accepted(kind), None),
        SenderReply::Unauthorized => (401, None),
        SenderReply::Unavailable { retry_after_seconds } => (503, Some(retry_after_seconds)),
        SenderReply::TooLarge => (413, None),
        SenderReply::TooSlow => (408, None),
    }
}

/// Never 202: Pub/Sub's emulator takes it for a refusal and repeats for ever.
const fn accepted(kind: SourceKind) -> u16 {
    match kind {
        SourceKind::GooglePubsub | SourceKind::GoogleEvents => 204,
        SourceKind::JiraAdmin
        | SourceKind::Forge
        | SourceKind::Connect
        | SourceKind::FirebaseFunction
        | SourceKind::AtlassianReport => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_accepted_is_answered_as_each_contract_wants_it() {
        for kind in SourceKind::ALL {
            let is_googles = matches!(kind, SourceKind::GooglePubsub | SourceKind::GoogleEvents);
            let expected = if is_googles { 204 } else { 200 };
            assert_eq!(reply_status(kind, SenderReply::Accepted), (expected, None), "{}", kind.as_str());
        }
    }

    #[test]
    fn refusals_and_inabilities_look_the_same_for_every_sender() {
        for kind in SourceKind::ALL {
            assert_eq!(reply_status(kind, SenderReply::Unauthorized), (401, None));
            assert_eq!(reply_status(kind, SenderReply::Unavailable { retry_after_seconds: 7 }), (503, Some(7)));
            assert_eq!(reply_status(kind, SenderReply::TooLarge), (413, None));
            assert_eq!(reply_status(kind, SenderReply::TooSlow), (408, None));
        }
    }
}
