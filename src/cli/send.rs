//! `send`: plays the sender. Makes a delivery as the source's own system would, posts it for real, shows request and answer.
//!
//! ```text
//!  SendArgs ─▶ prepare (whose source is this, what proves it) ─▶ Play ─▶ one file for each sender ─▶ Delivery ─▶ post, show
//! ```

use clap::Args;

use super::{
    arguments::GlobalOptions,
    context,
    exit::{Exit, Stop},
    input,
    output::Output,
};
use crate::outbound::{self, Answer, Timeouts};

mod body;
mod connect;
pub mod credential;
mod delivery;
pub mod forge;
pub mod forwarder;
mod google;
mod jira;
mod options;
mod play;
mod prepare;
mod show;

use credential::SignatureChoice;
use options::SenderArgs;

/// The most deliveries of one call.
const REPEAT_MAX: u32 = 1_000;

/// What to send, and as whom.
#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The source to play: the last part of its address
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The body; - reads standard input
    #[arg(long, value_name = "FILE")]
    payload: String,
    /// The delivery's identifier, which makes a duplicate recognisable; random unless given
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// The gateway to send to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: url::Url,
    /// How to sign: good, none, wrong (by a secret or a key that nobody has), or a header to send as it is
    #[arg(long, value_name = "HOW", default_value = "good")]
    signature: SignatureChoice,
    /// Sign with the secret in this file instead of the source's own; for Jira and the forwarder no database is needed then
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Replace the body's own time by the gateway's present time before signing
    #[arg(long)]
    timestamp_now: bool,
    /// Send the same delivery this often, as a sender that retries does
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEAT_MAX)))]
    repeat: u32,
    /// Show the body too; it may hold personal data
    #[arg(long)]
    show_body: bool,
    /// Show the answer's status only
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    sender: SenderArgs,
}

/// Sends. Ends well when every answer is 2xx.
pub(super) async fn run(options: &GlobalOptions, args: &SendArgs, output: &mut Output) -> anyhow::Result<Exit> {
    if args.payload == input::STANDARD_INPUT && args.secret_file.as_deref() == Some(input::STANDARD_INPUT) {
        let hint = "give one of them a file";
        return Err(Stop::new(Exit::Usage, "payload and secret cannot both come from standard input", hint).into());
    }
    let payload = input::read(&args.payload, "payload")?;
    let (play, ahead) = prepare::prepare(options, args, payload).await?;
    let machine = context::machine();
    let deliver = |retry| play.delivery(retry, machine.clock.now() + ahead, machine.entropy.as_ref());
    let client = outbound::client(Timeouts::default())?;
    let first = deliver(0)?;
    let mut answers: Vec<Answer> = Vec::new();
    if !output.is_json() && !args.quiet {
        show::request(&first, args.show_body, output)?;
    }
    for retry in 0..args.repeat {
        let again;
        let delivery = if retry == 0 {
            &first
        } else {
            again = deliver(retry)?;
            &again
        };
        let answer = outbound::post(&client, delivery.url.as_str(), &delivery.headers, delivery.body.clone()).await?;
        if !output.is_json() {
            show::answer(play.kind(), &answer, args.quiet, output)?;
        }
        answers.push(answer);
    }
    if output.is_json() {
        show::document(play.kind(), &first, args.show_body, &answers, output)?;
    }
    let is_accepted = answers.iter().all(|answer| (200..300).contains(&answer.status));
    Ok(if is_accepted { Exit::Done } else { Exit::Failed })
}
