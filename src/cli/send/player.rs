//! What `send` has to know to play one kind of sender. Each sender's own file has one of these; `players` lists them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{credential::Credential, delivery::HeaderList, options::SenderArgs};
use crate::{
    cli::exit::{Exit, Stop},
    domain::{Entropy, SourceKind},
    signature::SecretBytes,
    sources::{SourceSettings, settings::Settings},
};

/// Makes a sender of what was given, what the source has registered, and the body.
type MakeSender = fn(&SenderArgs, &SourceSettings, &[u8]) -> Result<Box<dyn Sender>, Stop>;

/// How one kind of sender is played.
pub(super) struct Player {
    /// The kind.
    pub(super) kind: SourceKind,
    /// The options of single senders that say something to it.
    pub(super) options: &'static [&'static str],
    /// Makes the sender of what was given, what the source has registered, and the body.
    pub(super) sender: MakeSender,
    /// Sets the body's own time. False when it has none that could be set.
    pub(super) set_time: fn(&mut Map<String, Value>, Timestamp) -> bool,
    /// Plays a source of which only the secret is known; `None` when more of it is part of a delivery.
    pub(super) by_secret: Option<BySecret>,
}

/// A sender of which only the secret is known.
pub(super) struct BySecret {
    /// How its secrets begin, when only its secrets begin so.
    pub(super) prefix: Option<&'static [u8]>,
    /// What is known of it: settings of which nothing is part of a delivery, and the secret's bytes.
    pub(super) known: fn(SecretBytes) -> anyhow::Result<(SourceSettings, SecretBytes)>,
}

/// A sender with everything of its own.
pub(super) trait Sender {
    /// True when a published key signs, false when a shared secret does.
    fn signs_by_key(&self) -> bool;

    /// What is called below the source's own address.
    fn tail(&self) -> Option<&'static str> {
        None
    }

    /// Headers and body of one attempt, proof included.
    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)>;
}

/// One attempt: what differs and what does not.
pub(super) struct Attempt<'a> {
    pub(super) source: &'a str,
    pub(super) credential: &'a Credential,
    /// The same in every attempt.
    pub(super) identifier: &'a str,
    pub(super) is_identifier_given: bool,
    pub(super) body: &'a [u8],
    /// The gateway's time when the first attempt was made ready.
    pub(super) began_at: Timestamp,
    /// The gateway's time now.
    pub(super) now: Timestamp,
    /// 0 for the first attempt.
    pub(super) retry: u32,
    pub(super) entropy: &'a dyn Entropy,
}

/// The headers with a token, where there is one.
pub(super) fn with_token(mut headers: HeaderList, token: Option<String>) -> HeaderList {
    headers.extend(token.map(|token| ("Authorization", token)));
    headers
}

/// The settings as the type of the player's own kind.
pub(super) fn own<T: Settings>(settings: &SourceSettings) -> Result<&T, Stop> {
    settings.get().ok_or_else(|| {
        let hint = "`sources show` tells a source's kind";
        Stop::new(Exit::Refused, "the source's settings are those of another kind", hint)
    })
}

/// Sets Atlassian's `timestamp`, in milliseconds: as a text when `is_text`, or when it is one already.
pub(super) fn set_milliseconds(object: &mut Map<String, Value>, at: Timestamp, is_text: bool) -> bool {
    let milliseconds = at.as_millisecond();
    let is_text = is_text || object.get("timestamp").is_some_and(Value::is_string);
    let value = if is_text { milliseconds.to_string().into() } else { milliseconds.into() };
    object.insert("timestamp".to_owned(), value);
    true
}

/// Sets every time of a Firebase event that says when it happened.
pub(super) fn set_times(object: &mut Map<String, Value>, at: Timestamp) -> bool {
    let mut has_time = replace(object, "time", at) | replace(object, "timestamp", at);
    if let Some(Value::Object(context)) = object.get_mut("context") {
        has_time |= replace(context, "timestamp", at);
    }
    has_time
}

fn replace(object: &mut Map<String, Value>, name: &str, at: Timestamp) -> bool {
    object.get_mut(name).map(|value| *value = at.to_string().into()).is_some()
}
