//! Who is played, with what, to whom: everything that is the same in every attempt.

use jiff::Timestamp;
use url::Url;

use super::{
    connect,
    credential::Credential,
    delivery::{self, Delivery},
    forge, forwarder, google, jira,
};
use crate::{
    domain::{Entropy, SourceKind},
    sources::{
        connect::Lifecycle,
        settings::{ConnectSettings, ForgeSettings, GoogleSettings},
    },
};

/// Whom to play.
pub(super) enum Sender {
    Jira,
    Forwarder,
    Forge {
        settings: ForgeSettings,
        cloud_id: String,
        installation: String,
        route: forge::Route,
        token_id: Option<String>,
    },
    Connect {
        settings: ConnectSettings,
        route: Lifecycle,
        client_key: String,
    },
    Pubsub {
        settings: GoogleSettings,
        is_unwrapped: bool,
        attributes: Option<google::Attributes>,
    },
    Events {
        settings: GoogleSettings,
        attributes: Option<google::Attributes>,
    },
}

impl Sender {
    pub(super) const fn kind(&self) -> SourceKind {
        match self {
            Self::Jira => SourceKind::JiraAdmin,
            Self::Forwarder => SourceKind::FirebaseFunction,
            Self::Forge { .. } => SourceKind::Forge,
            Self::Connect { .. } => SourceKind::Connect,
            Self::Pubsub { .. } => SourceKind::GooglePubsub,
            Self::Events { .. } => SourceKind::GoogleEvents,
        }
    }

    /// True when a published key signs, false when a shared secret does.
    pub(super) fn signs_by_key(&self) -> bool {
        match self {
            Self::Jira | Self::Forwarder => false,
            Self::Connect { route, .. } => connect::is_signed_by_key(*route),
            Self::Forge { .. } | Self::Pubsub { .. } | Self::Events { .. } => true,
        }
    }

    /// What is called below the source's own address.
    fn tail(&self) -> Option<&'static str> {
        match self {
            Self::Forge { route, .. } => Some(route.path()),
            Self::Connect { route, .. } => Some(route.as_str()),
            Self::Jira | Self::Forwarder | Self::Pubsub { .. } | Self::Events { .. } => None,
        }
    }
}

/// A sender with everything it needs.
pub(super) struct Play {
    pub(super) sender: Sender,
    pub(super) source: String,
    pub(super) gateway: Url,
    pub(super) credential: Credential,
    /// The same in every attempt.
    pub(super) identifier: String,
    pub(super) is_identifier_given: bool,
    pub(super) body: Vec<u8>,
    /// The gateway's time when the first attempt was made ready.
    pub(super) began_at: Timestamp,
}

impl Play {
    pub(super) const fn kind(&self) -> SourceKind {
        self.sender.kind()
    }

    /// The first attempt (0) or a retry, made at `now`. Forge makes a new token for each attempt and the forwarder signs
    /// anew; Connect and Google use theirs again.
    pub(super) fn delivery(&self, retry: u32, now: Timestamp, entropy: &dyn Entropy) -> anyhow::Result<Delivery> {
        let Self { sender, source, gateway, credential, identifier, is_identifier_given, body, began_at } = self;
        let route = sender.kind().route().unwrap_or_default();
        let url = delivery::address(gateway, route, source, sender.tail())?;
        let ((mut headers, body), token) = match sender {
            Sender::Jira => {
                let headers = jira::headers(credential, identifier, body, retry)?;
                return Ok(Delivery { url, headers, body: body.clone() });
            }
            Sender::Forwarder => {
                let headers = forwarder::headers(credential, identifier, body, now)?;
                return Ok(Delivery { url, headers, body: body.clone() });
            }
            Sender::Forge { settings, cloud_id, installation, route, token_id } => {
                let call = forge::Call { settings, cloud_id, installation, route: *route };
                let token_id = token_id.clone().unwrap_or_else(|| delivery::identifier(entropy));
                let token = credential.token("Bearer", &call.claims(body, &token_id, now))?;
                ((vec![("Content-Type", "application/json".to_owned())], body.clone()), token)
            }
            Sender::Connect { settings, route, client_key } => {
                let token = credential.token("JWT", &connect::claims(settings, *route, client_key, *began_at))?;
                ((connect::headers(*route, identifier, retry), body.clone()), token)
            }
            Sender::Pubsub { settings, is_unwrapped, attributes } => {
                let (attributes, published_at) = (attributes.as_ref(), *began_at);
                let message = google::Message { settings, source, identifier, attributes, published_at, data: body };
                let made = if *is_unwrapped { message.unwrapped() } else { message.wrapped()? };
                (made, credential.token("Bearer", &google::claims(settings, *began_at))?)
            }
            Sender::Events { settings, attributes } => {
                let made = google::event(attributes.as_ref(), identifier, *is_identifier_given, *began_at, body)?;
                (made, credential.token("Bearer", &google::claims(settings, *began_at))?)
            }
        };
        headers.extend(token.map(|token| ("Authorization", token)));
        Ok(Delivery { url, headers, body })
    }
}

#[cfg(test)]
mod tests;
