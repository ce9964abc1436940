//! Kinds of senders. A source is one registration of one kind.

use serde::{Deserialize, Serialize};

/// What kind of system sends, and so which contract its deliveries follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Webhooks that a Jira administrator registered, signed with a shared secret.
    JiraAdmin,
    /// Our Forge app's remote: one registration for all sites that installed it.
    Forge,
    /// Our Connect app, for installations that have not moved to Forge.
    Connect,
    /// Pub/Sub push, wrapped or unwrapped, with Google's OIDC token.
    GooglePubsub,
    /// `CloudEvents` (Eventarc and the like) with Google's OIDC token.
    GoogleEvents,
    /// Our own forwarder function, by Standard Webhooks.
    FirebaseFunction,
    /// What we learned by asking Atlassian, not by a delivery: closed accounts and changed worklogs.
    AtlassianReport,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::JiraAdmin,
        Self::Forge,
        Self::Connect,
        Self::GooglePubsub,
        Self::GoogleEvents,
        Self::FirebaseFunction,
        Self::AtlassianReport,
    ];

    /// The word used in SQL, JSON, metrics and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JiraAdmin => "jira_admin",
            Self::Forge => "forge",
            Self::Connect => "connect",
            Self::GooglePubsub => "google_pubsub",
            Self::GoogleEvents => "google_events",
            Self::FirebaseFunction => "firebase_function",
            Self::AtlassianReport => "atlassian_report",
        }
    }

    /// The kind with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_its_word() {
        for kind in SourceKind::ALL {
            assert_eq!(SourceKind::parse(kind.as_str()), Some(kind));
        }
    }
}
