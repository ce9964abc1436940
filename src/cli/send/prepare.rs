//! Whose source this is, and what proves it: from the gateway's database, from files, or from the command line alone.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    SendArgs, body,
    credential::{Credential, SignatureChoice},
    delivery,
    options::{is_good, needed},
    play::Play,
    player::Sender,
    players,
};
use crate::{
    app::{
        self, Gateway,
        registry::{self, signing_secret},
    },
    cli::{
        context::{self, with_gateway},
        development::key::{self, DevelopmentKey},
        exit::{Exit, Stop},
        input,
        options::GlobalOptions,
    },
    domain::Entropy,
    signature::SecretBytes,
    sources::{SourceSettings, contract, contract::Secret},
};

/// What is known of the source.
pub(super) struct Known {
    pub(super) settings: SourceSettings,
    /// The shared secret to sign well with, where the sender has one.
    pub(super) secret: Option<SecretBytes>,
    /// The gateway's present time.
    pub(super) now: Timestamp,
}

/// The sender, and how far the gateway's clock is ahead of this machine's.
pub(super) async fn prepare(
    options: &GlobalOptions,
    args: &SendArgs,
    payload: Vec<u8>,
) -> anyhow::Result<(Play, SignedDuration)> {
    let machine = context::machine();
    let began_at = machine.clock.now();
    let known = match &args.secret_file {
        Some(file) if args.sender.is_empty() => by_secret(input::read_secret(file)?, began_at)?,
        Some(_) | None => with_gateway(options, async |gateway| look_up(gateway, args).await).await?,
    };
    let ahead = known.now.duration_since(began_at);
    Ok((play(args, known, payload, machine.entropy.as_ref())?, ahead))
}

/// A secret alone says whose it is: the forwarder's is written in a form of its own.
fn by_secret(secret: SecretBytes, now: Timestamp) -> anyhow::Result<Known> {
    let by_secret = players::of_secret(secret.expose()).ok_or(app::Error::NotFound("source"))?;
    let (settings, secret) = (by_secret.known)(secret)?;
    Ok(Known { settings, secret: Some(secret), now })
}

/// The source as it is registered. A name that nobody has is played as a Jira webhook when it is not to be believed anyway.
async fn look_up(gateway: &Gateway, args: &SendArgs) -> anyhow::Result<Known> {
    let now = gateway.now();
    let Some(row) = registry::list(gateway, Some(&args.source)).await?.into_iter().next() else {
        if is_good(&args.signature) {
            return Err(app::ground::error::Error::NotFound("source").into());
        }
        return Ok(Known { settings: SourceSettings::parse(players::UNKNOWN.kind, &json!({}))?, secret: None, now });
    };
    let settings = SourceSettings::parse(row.facts.kind, &row.facts.settings)?;
    let has_secret = matches!(contract(row.facts.kind).secret, Secret::Shared { .. });
    let secret = match &args.secret_file {
        Some(file) => Some(input::read_secret(file)?),
        None if has_secret && is_good(&args.signature) => Some(signing_secret(gateway, &args.source).await?),
        None => None,
    };
    Ok(Known { settings, secret, now })
}

/// The sender with everything it needs, and the body as it will be sent.
pub(super) fn play(args: &SendArgs, known: Known, payload: Vec<u8>, entropy: &dyn Entropy) -> anyhow::Result<Play> {
    let Known { settings, secret, now } = known;
    let kind = settings.kind();
    let player = players::of(kind);
    args.sender.refuse_foreign(kind, player.map_or(&[], |player| player.options))?;
    let player = player.ok_or_else(|| {
        let hint = "what it brings is learned by asking Atlassian";
        Stop::new(Exit::Refused, "nobody sends to a source of this kind", hint)
    })?;
    let body = if args.timestamp_now { body::with_present(player, &payload, now)? } else { payload };
    let sender = (player.sender)(&args.sender, &settings, &body)?;
    let credential = credential(args, sender.as_ref(), secret, entropy)?;
    Ok(Play {
        kind,
        sender,
        source: args.source.clone(),
        gateway: args.url.clone(),
        credential,
        identifier: args.event_id.clone().unwrap_or_else(|| delivery::identifier(entropy)),
        is_identifier_given: args.event_id.is_some(),
        body,
        began_at: now,
    })
}

fn credential(
    args: &SendArgs,
    sender: &dyn Sender,
    secret: Option<SecretBytes>,
    entropy: &dyn Entropy,
) -> anyhow::Result<Credential> {
    Ok(match &args.signature {
        SignatureChoice::None => Credential::None,
        SignatureChoice::Header(header) => Credential::Text(header.clone()),
        SignatureChoice::Wrong if sender.signs_by_key() => Credential::wrong_key()?,
        SignatureChoice::Wrong => Credential::wrong_secret(entropy),
        SignatureChoice::Good if sender.signs_by_key() => Credential::Key(development_key(args)?),
        SignatureChoice::Good => Credential::Secret(
            secret.ok_or_else(|| needed("--secret-file", "the secret of the installation signs this call"))?,
        ),
    })
}

fn development_key(args: &SendArgs) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let file = match &args.sender.development_key {
        Some(file) => file.clone(),
        None => key::default_file()?,
    };
    Ok(DevelopmentKey::read(&file)?.into_private_pem())
}
