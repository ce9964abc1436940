//! `send`: plays the sender. Makes a delivery as the source's own system would, posts it for real, shows request and answer.
//!
//! ```text
//!  SendArgs ─▶ prepare (whose source is this, what proves it) ─▶ players (which file plays it) ─▶ Play ─▶ Delivery ─▶ post, show
//! ```

use super::{
    context,
    exit::{Exit, Stop},
    input,
    options::GlobalOptions,
    output::Output,
};
use crate::outbound::{self, Answer, Timeouts};

mod args;
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
mod player;
mod players;
mod prepare;
mod show;

pub(super) use args::SendArgs;

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
