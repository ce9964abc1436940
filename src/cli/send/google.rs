//! Google's services with their OIDC token: Pub/Sub push, wrapped and bare, and `CloudEvents` (Google Cloud, "Push
//! subscriptions"; `CloudEvents` 1.0, "HTTP Protocol Binding").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    delivery::HeaderList,
    options::{SenderArgs, needed},
    player::{Attempt, Player, Sender, own, set_times, with_token},
};
use crate::{
    cli::exit::{Exit, Stop},
    domain::SourceKind,
    sources::{SourceSettings, google::GoogleSettings},
};

/// How a push of Pub/Sub is played. Its token is used again by a retry.
pub(super) static PUBSUB: Player = Player {
    kind: SourceKind::GooglePubsub,
    options: &["--development-key", "--unwrapped", "--ce-type", "--ce-source", "--ce-subject"],
    sender: pubsub,
    set_time: set_times,
    by_secret: None,
};

/// How a `CloudEvent` is played. Its token is used again by a retry.
pub(super) static EVENTS: Player = Player {
    kind: SourceKind::GoogleEvents,
    options: &["--development-key", "--ce-type", "--ce-source", "--ce-subject"],
    sender: events,
    set_time: set_times,
    by_secret: None,
};

struct Push {
    settings: GoogleSettings,
    is_unwrapped: bool,
    attributes: Option<Attributes>,
}

fn pubsub(given: &SenderArgs, settings: &SourceSettings, _: &[u8]) -> Result<Box<dyn Sender>, Stop> {
    let settings = own::<GoogleSettings>(settings)?.clone();
    Ok(Box::new(Push { settings, is_unwrapped: given.unwrapped, attributes: Attributes::of(given) }))
}

impl Sender for Push {
    fn signs_by_key(&self) -> bool {
        true
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Self { settings, is_unwrapped, attributes } = self;
        let Attempt { source, identifier, began_at: published_at, body: data, .. } = *attempt;
        let message = Message { settings, source, identifier, attributes: attributes.as_ref(), published_at, data };
        let (headers, body) = if *is_unwrapped { message.unwrapped() } else { message.wrapped()? };
        let token = attempt.credential.token("Bearer", &claims(settings, published_at))?;
        Ok((with_token(headers, token), body))
    }
}

struct Event {
    settings: GoogleSettings,
    attributes: Option<Attributes>,
}

fn events(given: &SenderArgs, settings: &SourceSettings, _: &[u8]) -> Result<Box<dyn Sender>, Stop> {
    let settings = own::<GoogleSettings>(settings)?.clone();
    let attributes = Attributes::of(given);
    if let Some(attributes) = &attributes {
        attributes.require_source()?;
    }
    Ok(Box::new(Event { settings, attributes }))
}

impl Sender for Event {
    fn signs_by_key(&self) -> bool {
        true
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Attempt { identifier, is_identifier_given, began_at, body, .. } = *attempt;
        let (headers, body) = event(self.attributes.as_ref(), identifier, is_identifier_given, began_at, body)?;
        let token = attempt.credential.token("Bearer", &claims(&self.settings, began_at))?;
        Ok((with_token(headers, token), body))
    }
}

/// How long a token lives, in seconds, as Google's own do.
const LIFETIME_SECONDS: i64 = 3_600;
/// The service account's number, which nobody looks at.
const ACCOUNT_NUMBER: &str = "100000000000000000000";

/// What stands beside the body instead of in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attributes {
    event_type: String,
    source: Option<String>,
    subject: Option<String>,
}

impl Attributes {
    /// Those that were given; `None` when the body is the whole event.
    fn of(args: &SenderArgs) -> Option<Self> {
        let event_type = args.ce_type.clone()?;
        Some(Self { event_type, source: args.ce_source.clone(), subject: args.ce_subject.clone() })
    }

    /// A `CloudEvent` of its own needs a source; an attribute of a message need not have one.
    fn require_source(&self) -> Result<(), Stop> {
        if self.source.is_some() { Ok(()) } else { Err(needed("--ce-source", "a CloudEvent names its source")) }
    }

    fn list(&self) -> Vec<(&'static str, &str)> {
        let optional = [("ce-source", self.source.as_deref()), ("ce-subject", self.subject.as_deref())];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        [("ce-type", self.event_type.as_str())].into_iter().chain(optional).collect()
    }
}

/// The claims of a token that was issued at `at`.
fn claims(settings: &GoogleSettings, at: Timestamp) -> Value {
    json!({
        "iss": "https://accounts.google.com",
        "aud": settings.audience,
        "azp": ACCOUNT_NUMBER,
        "sub": ACCOUNT_NUMBER,
        "email": settings.email,
        "email_verified": true,
        "iat": at.as_second(),
        "exp": at.as_second() + LIFETIME_SECONDS,
    })
}

/// A message that is pushed.
struct Message<'a> {
    settings: &'a GoogleSettings,
    source: &'a str,
    identifier: &'a str,
    attributes: Option<&'a Attributes>,
    published_at: Timestamp,
    data: &'a [u8],
}

impl Message<'_> {
    fn subscription(&self) -> String {
        format!("projects/{}/subscriptions/{}", self.settings.project, self.source)
    }

    /// Headers and body of a wrapped push.
    fn wrapped(&self) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let attributes: Map<String, Value> = self
            .attributes
            .map(Attributes::list)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let published_at = self.published_at.to_string();
        // Every real push has each of the two twice.
        let body = json!({
            "message": {
                "data": STANDARD.encode(self.data),
                "attributes": attributes,
                "messageId": self.identifier,
                "message_id": self.identifier,
                "publishTime": published_at,
                "publish_time": published_at,
            },
            "subscription": self.subscription(),
        });
        Ok((json_headers("application/json"), serde_json::to_vec(&body)?))
    }

    /// Headers and body of a bare push with its metadata.
    fn unwrapped(&self) -> (HeaderList, Vec<u8>) {
        let mut headers = json_headers("application/json");
        headers.extend([
            ("x-goog-pubsub-subscription-name", self.subscription()),
            ("x-goog-pubsub-message-id", self.identifier.to_owned()),
            ("x-goog-pubsub-publish-time", self.published_at.to_string()),
        ]);
        headers.extend(self.attributes.map(plain).unwrap_or_default());
        (headers, self.data.to_vec())
    }
}

/// Headers and body of a `CloudEvent`: binary with attributes, otherwise structured as the body is. An identifier that was
/// given becomes the event's id in either mode.
fn event(
    attributes: Option<&Attributes>,
    identifier: &str,
    is_identifier_given: bool,
    at: Timestamp,
    body: &[u8],
) -> anyhow::Result<(HeaderList, Vec<u8>)> {
    let Some(attributes) = attributes else {
        let body = if is_identifier_given { with_id(body, identifier)? } else { body.to_vec() };
        return Ok((json_headers("application/cloudevents+json; charset=utf-8"), body));
    };
    let mut headers = json_headers("application/json");
    headers.extend([("ce-specversion", "1.0".to_owned()), ("ce-id", encoded(identifier)), ("ce-time", at.to_string())]);
    headers.extend(attributes.list().into_iter().map(|(name, value)| (name, encoded(value))));
    Ok((headers, body.to_vec()))
}

fn json_headers(content_type: &str) -> HeaderList {
    vec![
        ("Content-Type", content_type.to_owned()),
        ("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)".to_owned()),
    ]
}

fn plain(attributes: &Attributes) -> HeaderList {
    attributes.list().into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

fn with_id(body: &[u8], identifier: &str) -> anyhow::Result<Vec<u8>> {
    let mut object: Map<String, Value> = serde_json::from_slice(body).map_err(|_| {
        let hint = "send it without --event-id, or give a payload that is one structured event";
        Stop::new(Exit::Refused, "the payload is not a JSON object, so its id cannot be set", hint)
    })?;
    object.insert("id".to_owned(), identifier.into());
    Ok(serde_json::to_vec(&object)?)
}

/// A header's value: whatever is not visible ASCII, and what would be read as an escape, is percent-encoded.
fn encoded(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'"') {
            value.push(char::from(byte));
        } else {
            value.push('%');
            value.push_str(&hex::encode_upper([byte]));
        }
    }
    value
}
