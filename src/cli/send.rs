//! `send`: plays the sender. Signs a payload as a source would, posts it for real, shows request and answer.

use std::{fmt, str::FromStr};

use clap::Args;

use super::{
    arguments::GlobalOptions,
    context,
    exit::{Exit, Stop},
    input,
    output::Output,
    with_gateway,
};
use crate::app::sources::signing_secret;
use crate::domain::{Clock, Entropy};
use crate::outbound::{self, Answer, Timeouts};
use crate::signature::{SecretBytes, hub_hmac};

mod delivery;
mod show;

use delivery::Delivery;

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
    /// How to sign: good, none, wrong (by a secret that nobody has), or a header to send as it is
    #[arg(long, value_name = "HOW", default_value = "good")]
    signature: SignatureChoice,
    /// Sign with the secret in this file instead of the source's own; then no database is needed
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Replace the body's `timestamp` by the gateway's present time before signing
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
}

/// How to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SignatureChoice {
    Good,
    None,
    Wrong,
    Header(String),
}

impl FromStr for SignatureChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "good" => Self::Good,
            "none" => Self::None,
            "wrong" => Self::Wrong,
            header => Self::Header(header.to_owned()),
        })
    }
}

impl fmt::Display for SignatureChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Good => "good",
            Self::None => "none",
            Self::Wrong => "wrong",
            Self::Header(header) => header,
        })
    }
}

/// Sends. Ends well when every answer is 2xx.
pub(super) async fn run(options: &GlobalOptions, args: &SendArgs, output: &mut Output) -> anyhow::Result<Exit> {
    if args.payload == input::STANDARD_INPUT && args.secret_file.as_deref() == Some(input::STANDARD_INPUT) {
        let hint = "give one of them a file";
        return Err(Stop::new(Exit::Usage, "payload and secret cannot both come from standard input", hint).into());
    }
    let payload = input::read(&args.payload, "payload")?;
    let delivery = prepare(options, args, payload).await?;
    let client = outbound::client(Timeouts::default())?;
    let mut answers: Vec<Answer> = Vec::new();
    if !output.is_json() && !args.quiet {
        show::request(&delivery, args.show_body, output)?;
    }
    for retry in 0..args.repeat {
        let headers = delivery.headers(retry);
        let answer = outbound::post(&client, delivery.url.as_str(), &headers, delivery.body.clone()).await?;
        if !output.is_json() {
            show::answer(&answer, args.quiet, output)?;
        }
        answers.push(answer);
    }
    if output.is_json() {
        show::document(&delivery, args.show_body, &answers, output)?;
    }
    let is_accepted = answers.iter().all(|answer| (200..300).contains(&answer.status));
    Ok(if is_accepted { Exit::Done } else { Exit::Failed })
}

/// Makes the delivery. Opens the gateway only for what it alone knows: a source's secret, or a demo database's time.
async fn prepare(options: &GlobalOptions, args: &SendArgs, payload: Vec<u8>) -> anyhow::Result<Delivery> {
    let needs_secret = args.signature == SignatureChoice::Good && args.secret_file.is_none();
    if needs_secret || (args.timestamp_now && args.secret_file.is_none()) {
        return with_gateway(options, async |gateway| {
            let secret = if needs_secret { Some(signing_secret(gateway, &args.source).await?) } else { None };
            build(args, payload, secret, gateway.clock(), gateway.entropy())
        })
        .await;
    }
    let secret = match (&args.signature, &args.secret_file) {
        (SignatureChoice::Good, Some(file)) => Some(input::read_secret(file)?),
        (SignatureChoice::Good | SignatureChoice::None | SignatureChoice::Wrong | SignatureChoice::Header(_), _) => {
            None
        }
    };
    let machine = context::machine();
    build(args, payload, secret, machine.clock.as_ref(), machine.entropy.as_ref())
}

fn build(
    args: &SendArgs,
    payload: Vec<u8>,
    secret: Option<SecretBytes>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<Delivery> {
    let body = if args.timestamp_now { delivery::with_timestamp(&payload, clock.now())? } else { payload };
    let signature = match &args.signature {
        SignatureChoice::None => None,
        SignatureChoice::Header(header) => Some(header.clone()),
        SignatureChoice::Wrong => Some(hub_hmac::sign(&SecretBytes::new(chance(entropy).to_vec()), &body)),
        SignatureChoice::Good => {
            let secret = secret.ok_or_else(|| anyhow::anyhow!("there is no secret to sign with"))?;
            Some(hub_hmac::sign(&secret, &body))
        }
    };
    let identifier = args.event_id.clone().unwrap_or_else(|| delivery::identifier(chance(entropy)));
    let url = delivery::address(&args.url, &args.source)?;
    Ok(Delivery { url, identifier, signature, body })
}

fn chance(entropy: &dyn Entropy) -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::Timestamp;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        args: SendArgs,
    }

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(1_790_200_000_123).expect("a time")
        }
    }

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn built(more: &[&str], secret: Option<&[u8]>) -> Delivery {
        let typed = ["send", "--source", "acme-jira", "--payload", "-"].iter().chain(more);
        let args = Typed::try_parse_from(typed).expect("arguments").args;
        let secret = secret.map(|bytes| SecretBytes::new(bytes.to_vec()));
        build(&args, br#"{"timestamp":1,"webhookEvent":"user_deleted"}"#.to_vec(), secret, &Fixed, &Fixed)
            .expect("a delivery")
    }

    #[test]
    fn a_good_signature_is_the_one_over_the_bytes_that_are_sent() {
        let delivery = built(&["--timestamp-now"], Some(b"0123456789abcdef"));
        assert_eq!(delivery.body, br#"{"timestamp":1790200000123,"webhookEvent":"user_deleted"}"#);
        let expected = hub_hmac::sign(&SecretBytes::new(b"0123456789abcdef".to_vec()), &delivery.body);
        assert_eq!(delivery.signature, Some(expected));
    }

    #[test]
    fn a_wrong_signature_is_well_formed_and_no_signature_is_no_header() {
        let wrong = built(&["--signature", "wrong"], None).signature.expect("a header");
        assert!(wrong.starts_with("sha256=") && wrong.len() == 71, "{wrong}");
        assert_eq!(built(&["--signature", "none"], None).signature, None);
        assert_eq!(built(&["--signature", "md5=1"], None).signature.as_deref(), Some("md5=1"));
    }

    #[test]
    fn a_delivery_carries_the_headers_of_atlassian_and_says_when_it_is_a_retry() {
        let delivery = built(&["--event-id", "evt-1"], Some(b"0123456789abcdef"));
        let names = |retry| delivery.headers(retry).iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(
            names(0),
            [
                "Content-Type",
                "User-Agent",
                "X-Atlassian-Webhook-Identifier",
                "X-Atlassian-Webhook-Flow",
                "X-Hub-Signature"
            ]
        );
        assert_eq!(names(2).last(), Some(&"X-Atlassian-Webhook-Retry"));
    }
}
