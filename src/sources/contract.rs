//! The contract of one kind of sender: everything that intake, the edge and the command line have to know of it.
//!
//! Each sender writes its contract down in its own file, and `senders` lists them. Whoever needs to know something of a kind
//! reads it here instead of asking which kind it is.

use std::fmt;

use jiff::Timestamp;

use super::{
    admission::{Admitted, NotAdmitted},
    settings::{SettingOption, SourceSettings},
};
use crate::{
    domain::{
        Headers,
        caller::{ConnectCaller, ForgeCaller, TokenUse},
        event::{LifecycleEvent, Malformed},
    },
    signature::{
        SecretBytes, connect_jwt::ConnectInstallExpectation, forge_fit::ForgeExpectation,
        google_oidc::GoogleExpectation,
    },
};

/// The largest body of any sender, in bytes: Jira's (Atlassian: larger ones are not delivered).
pub const BODY_BYTES_MAX: usize = 25 * 1024 * 1024;
/// A mebibyte.
pub(super) const MIB: usize = 1024 * 1024;
/// The longest secret accepted, in bytes.
pub const SECRET_BYTES_MAX: usize = 1_024;
/// The shortest secret accepted, in bytes: 16 random bytes in hexadecimal.
pub const SECRET_BYTES_MIN: usize = 16;

/// Reads a time out of a body, if it has a believable one.
type ReadTime = fn(&[u8]) -> Option<Timestamp>;

/// What is agreed with one kind of sender.
#[derive(Debug)]
pub struct Contract {
    /// What it is called in a sentence, with its article.
    pub called: &'static str,
    /// Its word on the command line.
    pub word: &'static str,
    /// What it is, for `sources add --help`.
    pub about: &'static str,
    /// How its deliveries arrive; `None` for a kind that receives nothing.
    pub inbound: Option<Inbound>,
    /// What proves a delivery.
    pub authentication: Authentication,
    /// The same in words, for `sources show`.
    pub scheme: &'static str,
    /// The secret that a registration shares with its sender.
    pub secret: Secret,
    /// Whose its events are.
    pub tenancy: Tenancy,
    /// Reads the body's own time, which the signature covers; `None` where a registration can have no replay window.
    pub own_time: Option<ReadTime>,
    /// What a registration has to know beside its name, as options of `sources add`.
    pub settings: &'static [SettingOption],
    /// Reads stored settings. Fails for what this version did not write; checks no value.
    pub read_settings: fn(&serde_json::Value) -> Result<SourceSettings, super::settings::BadSettings>,
    /// Which events a delivery holds.
    pub admission: Admission,
    /// What an event means, from what was stored of it.
    pub interpret: fn(&Stored<'_>) -> Result<LifecycleEvent, Malformed>,
    /// Whether and for what the sender is asked.
    pub polling: Polling,
}

/// How deliveries arrive and how they are answered.
#[derive(Debug)]
pub struct Inbound {
    /// The part of the path after `/webhooks/`; the source's name follows.
    pub route: &'static str,
    /// What may stand after the source's name; nothing when there are none.
    pub tails: &'static [Tail],
    /// True when `OPTIONS` answers the handshake of a `CloudEvents` sender.
    pub answers_handshake: bool,
    /// The headers that are read. All others stay at the edge.
    pub headers: &'static [HeaderRead],
    /// The largest body, in bytes: what the sender can send, with room for wrapping.
    pub body_bytes_max: usize,
    /// The status that says "committed".
    pub accepted: u16,
    /// What makes the sender send again.
    pub retries: Retries,
    /// How the route is described to machines.
    pub described: Described,
}

impl Inbound {
    /// The path that a source of this name receives at.
    pub fn path(&self, source: &str) -> String {
        format!("/webhooks/{}/{source}", self.route)
    }
}

/// One of several addresses below a source's own.
#[derive(Debug)]
pub struct Tail {
    /// The last part of the path.
    pub word: &'static str,
    /// What is called there, for `send --help`.
    pub about: &'static str,
}

/// A header that is read. Names are lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderRead {
    /// This one.
    Named(&'static str),
    /// Every one that begins so.
    Prefixed(&'static str),
    /// This one, which is a credential: it is never kept with an event.
    Credential(&'static str),
}

/// After which answers a sender sends again, by its own documentation.
#[derive(Debug)]
pub struct Retries {
    /// True for a status that makes it repeat.
    pub after: fn(u16) -> bool,
    /// The same as a sentence about what it does then.
    pub sentence: &'static str,
}

/// A route in the description for machines.
#[derive(Debug)]
pub struct Described {
    /// The operation's id.
    pub operation: &'static str,
    /// What one call is.
    pub summary: &'static str,
    /// Headers that a caller may want to know of, beside its credential.
    pub headers: &'static [DescribedHeader],
    /// Media types of the body.
    pub media_types: &'static [&'static str],
}

/// A header in the description for machines.
#[derive(Debug)]
pub struct DescribedHeader {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The longest value, in characters.
    pub length_max: usize,
}

/// What proves a delivery. Intake matches it exhaustively.
#[derive(Debug, Clone, Copy)]
pub enum Authentication {
    /// Nothing: this kind receives nothing.
    Nothing,
    /// A signature over the body, computed as the bytes arrive.
    BodySignature(BodySignature),
    /// A token, verified before a byte of the body is read.
    Token(TokenScheme),
}

/// How a body is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodySignature {
    /// `X-Hub-Signature`: an HMAC of the body.
    HubHmac,
    /// Standard Webhooks: an HMAC of id, time and body.
    StandardWebhooks,
}

/// What a token is. Each scheme is told by the source's settings whom to expect; `None` is nobody.
#[derive(Debug, Clone, Copy)]
pub enum TokenScheme {
    /// A Forge invocation token.
    ForgeFit {
        /// Which app and environment.
        expected: fn(&SourceSettings) -> Option<ForgeExpectation>,
    },
    /// Google's OIDC token.
    GoogleOidc {
        /// Which audience and account.
        expected: fn(&SourceSettings) -> Option<GoogleExpectation>,
    },
    /// A Connect app's JWT: under Atlassian's key, or under the secret of an installation.
    ConnectJwt {
        /// Which audience, under Atlassian's key.
        expected: fn(&SourceSettings) -> Option<ConnectInstallExpectation>,
        /// True for an address whose calls Atlassian's own key signs.
        is_signed_by_key: fn(&str) -> bool,
    },
}

/// The secret that a registration shares with its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// There is none.
    None,
    /// Each registration has one.
    Shared {
        /// The shortest, in bytes.
        bytes_min: usize,
        /// The longest, in bytes.
        bytes_max: usize,
        /// How it is written down.
        form: SecretForm,
    },
    /// Each installation brings its own; the registration may have one besides.
    OfInstallations {
        /// The shortest, in bytes.
        bytes_min: usize,
        /// The longest, in bytes.
        bytes_max: usize,
    },
}

/// How a secret is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// Its bytes are its text.
    Plain,
    /// `whsec_` and base64, as Standard Webhooks writes it.
    StandardWebhooks,
}

/// Whose the events of a source are.
#[derive(Debug, Clone, Copy)]
pub enum Tenancy {
    /// The one tenant that it is registered for.
    OfRegistration,
    /// The tenant that it is registered for, or, without one, every tenant that knows whom an event is about.
    Shared,
    /// The tenant whose key each delivery's credential names. An installation's credentials are kept under that key.
    OfDelivery,
    /// The tenant that the installation was assigned to by an operator. Tells the installation from what was stored of an event.
    OfInstallation(fn(&[u8]) -> Option<String>),
}

/// Whether and for what a sender is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// It is never asked.
    Never,
    /// Which accounts were closed or changed, for the whole platform.
    ReportedAccounts,
    /// The worklogs of the one site that the source is about.
    Worklogs,
    /// The worklogs of each installation's site, and whether silent installations are still there.
    Installations,
}

/// Which events a delivery holds.
#[derive(Debug, Clone, Copy)]
pub enum Admission {
    /// None: this kind receives nothing.
    Nothing,
    /// The delivery as it is, is the event of the source's own tenant. Nothing of it is copied.
    Whole {
        /// The header whose value is kept with the body.
        signature: &'static str,
        /// The header that may make it the same when it comes again.
        identifier: &'static str,
        /// The identifier, when it can be believed.
        believed: for<'a> fn(Option<&'a [u8]>) -> Option<&'a [u8]>,
    },
    /// What the sender's own file finds in it.
    Events(Events),
}

/// How a sender's own file takes deliveries apart.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// The events of a verified delivery.
    pub admit: fn(&Received<'_>) -> Result<Vec<Admitted>, NotAdmitted>,
    /// The event of an authentic delivery that nobody understands; without it, the headers that are no credentials are kept.
    pub unread: Option<fn(&Received<'_>) -> Option<Admitted>>,
    /// The token that is used up by the delivery.
    pub used_up: fn(&Received<'_>) -> Option<TokenUse>,
    /// What the delivery brings beside its events.
    pub brought: for<'a> fn(&Received<'a>) -> Result<Brought<'a>, NotAdmitted>,
}

/// For senders whose tokens may be used again.
pub(super) const fn nothing_used_up(_: &Received<'_>) -> Option<TokenUse> {
    None
}

/// For senders that bring nothing beside events.
#[expect(clippy::unnecessary_wraps, reason = "it stands where another sender's may fail")]
pub(super) const fn nothing_brought<'a>(_: &Received<'a>) -> Result<Brought<'a>, NotAdmitted> {
    Ok(Brought::Nothing)
}

/// Who has proven to be who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The sender of the source, of whom nothing more is known.
    Source,
    /// An installation of our Forge app.
    Forge(ForgeCaller),
    /// An installation of our Connect app.
    Connect(ConnectCaller),
}

/// A verified delivery.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// Who sent it.
    pub caller: &'a Caller,
    /// The headers that are read.
    pub headers: &'a Headers,
    /// What stands after the source's name in the path.
    pub tail: &'a str,
    /// The query, without its question mark.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The present time.
    pub now: Timestamp,
}

/// Headers, query and body may hold credentials and name people, so none is printed.
impl fmt::Debug for Received<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Received").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What a delivery brings beside its events. It is kept only with a new event.
#[derive(Debug)]
pub enum Brought<'a> {
    /// Nothing.
    Nothing,
    /// The secret by which an installation's later calls are signed.
    HolderSecret {
        /// The installation's own word for itself.
        holder: &'a str,
        /// The secret.
        secret: SecretBytes,
    },
    /// The token by which our app may ask an installation's site for a while.
    SiteToken {
        /// The site's cloud id.
        cloud_id: &'a str,
        /// The token, which is never printed.
        token: SecretText<'a>,
    },
}

/// A text that is never printed.
#[derive(Clone, Copy)]
pub struct SecretText<'a>(pub &'a str);

impl fmt::Debug for SecretText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// What was stored of an event, and what its source says.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// What the sender's own file kept beside the body.
    pub context: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// The site that the source is registered for.
    pub site_host: Option<&'a str>,
    /// The Firebase project that the source is registered for, or nothing.
    pub project: &'a str,
}

/// Bodies name people, so nothing is printed.
impl fmt::Debug for Stored<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stored").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}
