//! What only some senders are asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{credential::SignatureChoice, forge::Route};
use crate::{
    cli::exit::{Exit, Stop},
    domain::SourceKind,
    sources::connect::Lifecycle,
};

/// What only some senders are asked for.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of single senders")]
pub(super) struct SenderArgs {
    /// Forge: the site that calls, by its cloudId
    #[arg(long, value_name = "CLOUDID")]
    pub(super) tenant_key: Option<String>,
    /// Forge and Connect: which of the app's addresses is called; for Forge `events` unless given
    #[arg(long, value_enum)]
    pub(super) route: Option<RouteWord>,
    /// Forge: the installation, by default one that follows from the cloudId; Connect: its client key, by default the body's
    #[arg(long, value_name = "ID")]
    pub(super) installation: Option<String>,
    /// Forge: the token's own id, which works once; random unless given
    #[arg(long, value_name = "ID")]
    pub(super) token_id: Option<String>,
    /// The private key that tokens are signed with; by default the one that `development key-server` has made
    #[arg(long, value_name = "FILE")]
    pub(super) development_key: Option<PathBuf>,
    /// Pub/Sub: push the message bare, with its metadata in headers
    #[arg(long)]
    pub(super) unwrapped: bool,
    /// Pub/Sub and `CloudEvents`: the event's type, as an attribute beside the body; without it the body is the whole event
    #[arg(long, value_name = "TYPE")]
    pub(super) ce_type: Option<String>,
    /// The event's source, as an attribute
    #[arg(long, value_name = "SOURCE", requires = "ce_type")]
    pub(super) ce_source: Option<String>,
    /// What the event is about, as an attribute
    #[arg(long, value_name = "SUBJECT", requires = "ce_type")]
    pub(super) ce_subject: Option<String>,
}

/// The addresses below an app's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RouteWord {
    /// Forge: product events
    Events,
    /// Forge: the app was installed or upgraded
    Lifecycle,
    /// Forge: an uninstallation has begun
    PreUninstall,
    /// Forge: the hourly sign of life
    Heartbeat,
    /// Connect: the app was installed, with its secret
    Installed,
    /// Connect: the app was enabled
    Enabled,
    /// Connect: the app was disabled
    Disabled,
    /// Connect: the app was uninstalled
    Uninstalled,
    /// Connect: a webhook of the product
    Webhook,
}

impl RouteWord {
    /// The address of a Forge app's remote.
    pub(super) const fn of_forge(self) -> Option<Route> {
        match self {
            Self::Events => Some(Route::Events),
            Self::Lifecycle => Some(Route::Lifecycle),
            Self::PreUninstall => Some(Route::PreUninstall),
            Self::Heartbeat => Some(Route::Heartbeat),
            Self::Installed | Self::Enabled | Self::Disabled | Self::Uninstalled | Self::Webhook => None,
        }
    }

    /// The address of a Connect app.
    pub(super) const fn of_connect(self) -> Option<Lifecycle> {
        match self {
            Self::Installed => Some(Lifecycle::Installed),
            Self::Enabled => Some(Lifecycle::Enabled),
            Self::Disabled => Some(Lifecycle::Disabled),
            Self::Uninstalled => Some(Lifecycle::Uninstalled),
            Self::Webhook => Some(Lifecycle::Webhook),
            Self::Events | Self::Lifecycle | Self::PreUninstall | Self::Heartbeat => None,
        }
    }
}

impl SenderArgs {
    /// Each option that was given, and the kinds that it says something to.
    fn given(&self) -> Vec<(&'static str, &'static [SourceKind])> {
        const FORGE: &[SourceKind] = &[SourceKind::Forge];
        const APPS: &[SourceKind] = &[SourceKind::Forge, SourceKind::Connect];
        const GOOGLE: &[SourceKind] = &[SourceKind::GooglePubsub, SourceKind::GoogleEvents];
        const TOKENS: &[SourceKind] =
            &[SourceKind::Forge, SourceKind::Connect, SourceKind::GooglePubsub, SourceKind::GoogleEvents];
        let all = [
            ("--tenant-key", self.tenant_key.is_some(), FORGE),
            ("--route", self.route.is_some(), APPS),
            ("--installation", self.installation.is_some(), APPS),
            ("--token-id", self.token_id.is_some(), FORGE),
            ("--development-key", self.development_key.is_some(), TOKENS),
            ("--unwrapped", self.unwrapped, &[SourceKind::GooglePubsub]),
            ("--ce-type", self.ce_type.is_some(), GOOGLE),
            ("--ce-source", self.ce_source.is_some(), GOOGLE),
            ("--ce-subject", self.ce_subject.is_some(), GOOGLE),
        ];
        all.into_iter().filter(|(_, is_given, _)| *is_given).map(|(name, _, kinds)| (name, kinds)).collect()
    }

    /// True when nothing tells of another sender than Jira's webhooks and the forwarder, which take none of these.
    pub(super) fn is_empty(&self) -> bool {
        self.given().is_empty()
    }

    /// Refuses options that say nothing to this kind of sender: whoever gives them means another source.
    pub(super) fn refuse_foreign(&self, kind: SourceKind) -> Result<(), Stop> {
        let foreign: Vec<&str> =
            self.given().into_iter().filter(|(_, kinds)| !kinds.contains(&kind)).map(|(name, _)| name).collect();
        if foreign.is_empty() {
            return Ok(());
        }
        let message = format!("a source of kind {} knows no {}", kind.as_str(), foreign.join(", "));
        Err(Stop::new(Exit::Usage, message, "`sources show` tells a source's kind"))
    }
}

/// What is missing, as an error of use.
pub(super) fn needed(option: &str, why: &str) -> Stop {
    Stop::new(Exit::Usage, format!("{option} is needed: {why}"), "`milestone-gateway send --help` says what it takes")
}

/// Whether a secret or a key of one's own has to be fetched at all.
pub(super) const fn is_good(choice: &SignatureChoice) -> bool {
    matches!(choice, SignatureChoice::Good)
}
