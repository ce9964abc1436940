//! The one table of the senders that `send` can play.

use super::{
    connect, forge, forwarder, google, jira,
    player::{BySecret, Player},
};
use crate::domain::SourceKind;

const PLAYERS: &[&Player] =
    &[&jira::PLAYER, &forge::PLAYER, &connect::PLAYER, &google::PUBSUB, &google::EVENTS, &forwarder::PLAYER];

/// Who is played when only a secret of no particular form, or nothing at all, is known of a source.
pub(super) const UNKNOWN: &Player = &jira::PLAYER;

/// How this kind is played; `None` for one that nobody sends to.
pub(super) fn of(kind: SourceKind) -> Option<&'static Player> {
    PLAYERS.iter().copied().find(|player| player.kind == kind)
}

/// Whose secret it is: some are written in a form of their own.
pub(super) fn of_secret(secret: &[u8]) -> Option<&'static BySecret> {
    let by_secret = || PLAYERS.iter().filter_map(|player| player.by_secret.as_ref());
    let has_prefix = |each: &&BySecret| each.prefix.is_some_and(|prefix| secret.starts_with(prefix));
    by_secret().find(has_prefix).or(UNKNOWN.by_secret.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::contracts;

    #[test]
    fn every_kind_that_receives_can_be_played() {
        for (kind, contract) in contracts() {
            assert_eq!(of(kind).is_some(), contract.inbound.is_some(), "{kind:?}");
        }
    }
}
