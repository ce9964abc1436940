//! What only some senders are asked for.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser},
};

use super::credential::SignatureChoice;
use crate::{
    cli::exit::{Exit, Stop},
    domain::SourceKind,
    sources::contracts,
};

/// What only some senders are asked for.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of single senders")]
pub(super) struct SenderArgs {
    /// Forge: the site that calls, by its cloudId
    #[arg(long, value_name = "CLOUDID")]
    pub(super) tenant_key: Option<String>,
    /// Forge and Connect: which of the app's addresses is called; for Forge `events` unless given
    #[arg(long, value_parser = routes())]
    pub(super) route: Option<String>,
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

/// The words of `--route`: every address below an app's own, as the contracts name them.
fn routes() -> PossibleValuesParser {
    let tails = contracts().filter_map(|(_, contract)| contract.inbound.as_ref()).flat_map(|inbound| inbound.tails);
    PossibleValuesParser::new(tails.map(|tail| PossibleValue::new(tail.word).help(tail.about)))
}

impl SenderArgs {
    /// Each option that was given.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("--tenant-key", self.tenant_key.is_some()),
            ("--route", self.route.is_some()),
            ("--installation", self.installation.is_some()),
            ("--token-id", self.token_id.is_some()),
            ("--development-key", self.development_key.is_some()),
            ("--unwrapped", self.unwrapped),
            ("--ce-type", self.ce_type.is_some()),
            ("--ce-source", self.ce_source.is_some()),
            ("--ce-subject", self.ce_subject.is_some()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    /// True when nothing tells of another sender than Jira's webhooks and the forwarder, which take none of these.
    pub(super) fn is_empty(&self) -> bool {
        self.given().is_empty()
    }

    /// Refuses options that say nothing to this kind of sender, which knows those in `options`: whoever gives others means
    /// another source.
    pub(super) fn refuse_foreign(&self, kind: SourceKind, options: &[&str]) -> Result<(), Stop> {
        let foreign: Vec<&str> = self.given().into_iter().filter(|name| !options.contains(name)).collect();
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

/// A `--route` that this app does not have.
pub(super) fn other_route(app: &str) -> Stop {
    Stop::new(
        Exit::Usage,
        format!("a {app} app has no such --route"),
        "`milestone-gateway send --help` says whose each is",
    )
}

/// Whether a secret or a key of one's own has to be fetched at all.
pub(super) const fn is_good(choice: &SignatureChoice) -> bool {
    matches!(choice, SignatureChoice::Good)
}
