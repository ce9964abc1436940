//! What can be typed after `send`.

use clap::Args;

use super::{credential::SignatureChoice, options::SenderArgs};

/// The most deliveries of one call.
const REPEAT_MAX: u32 = 1_000;

/// What to send, and as whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct SendArgs {
    /// The source to play: the last part of its address
    #[arg(long, value_name = "NAME")]
    pub(super) source: String,
    /// The body; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(super) payload: String,
    /// The delivery's identifier, which makes a duplicate recognisable; random unless given
    #[arg(long, value_name = "ID")]
    pub(super) event_id: Option<String>,
    /// The gateway to send to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: url::Url,
    /// How to sign: good, none, wrong (by a secret or a key that nobody has), or a header to send as it is
    #[arg(long, value_name = "HOW", default_value = "good")]
    pub(super) signature: SignatureChoice,
    /// Sign with the secret in this file instead of the source's own; for Jira and the forwarder no database is needed then
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<String>,
    /// Replace the body's own time by the gateway's present time before signing
    #[arg(long)]
    pub(super) timestamp_now: bool,
    /// Send the same delivery this often, as a sender that retries does
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEAT_MAX)))]
    pub(super) repeat: u32,
    /// Show the body too; it may hold personal data
    #[arg(long)]
    pub(super) show_body: bool,
    /// Show the answer's status only
    #[arg(short, long)]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) sender: SenderArgs,
}
