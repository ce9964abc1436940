//! Whose source this is, and what proves it: from the gateway's database, from files, or from the command line alone.

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{
    SendArgs, body, connect,
    credential::{Credential, SignatureChoice},
    delivery, forge,
    google::Attributes,
    options::{is_good, needed},
    play::{Play, Sender},
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
    domain::{Entropy, SourceKind},
    signature::{SecretBytes, StandardSecret},
    sources::SourceSettings,
};

/// How a Standard Webhooks secret begins, which no secret of Jira's has to.
const STANDARD_SECRET_PREFIX: &[u8] = b"whsec_";

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
    if !secret.expose().starts_with(STANDARD_SECRET_PREFIX) {
        return Ok(Known { settings: SourceSettings::JiraAdmin, secret: Some(secret), now });
    }
    let secret = StandardSecret::parse(&String::from_utf8_lossy(secret.expose()))?;
    // Nothing of the settings is part of a delivery.
    let settings =
        SourceSettings::FirebaseFunction(crate::sources::settings::FirebaseSettings { project: String::new() });
    Ok(Known { settings, secret: Some(secret), now })
}

/// The source as it is registered. A name that nobody has is played as a Jira webhook when it is not to be believed anyway.
async fn look_up(gateway: &Gateway, args: &SendArgs) -> anyhow::Result<Known> {
    let now = gateway.now();
    let Some(row) = registry::list(gateway, Some(&args.source)).await?.into_iter().next() else {
        if is_good(&args.signature) {
            return Err(app::ground::error::Error::NotFound("source").into());
        }
        return Ok(Known { settings: SourceSettings::JiraAdmin, secret: None, now });
    };
    let settings = SourceSettings::parse(row.facts.kind, &row.facts.settings)?;
    let has_secret = matches!(row.facts.kind, SourceKind::JiraAdmin | SourceKind::FirebaseFunction);
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
    args.sender.refuse_foreign(kind)?;
    let body = if args.timestamp_now { body::with_present(kind, &payload, now)? } else { payload };
    let sender = sender(args, settings, &body)?;
    let credential = credential(args, &sender, secret, entropy)?;
    Ok(Play {
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

fn sender(args: &SendArgs, settings: SourceSettings, body: &[u8]) -> Result<Sender, Stop> {
    let given = &args.sender;
    Ok(match settings {
        SourceSettings::JiraAdmin => Sender::Jira,
        SourceSettings::FirebaseFunction(_) => Sender::Forwarder,
        SourceSettings::Forge(settings) => {
            let why = "an app's calls name the site that they come from";
            let cloud_id = given.tenant_key.clone().ok_or_else(|| needed("--tenant-key", why))?;
            let route = match given.route {
                None => forge::Route::Events,
                Some(word) => word.of_forge().ok_or_else(|| other_route("Forge"))?,
            };
            let installation = given.installation.clone().unwrap_or_else(|| forge::default_installation(&cloud_id));
            Sender::Forge { settings, cloud_id, installation, route, token_id: given.token_id.clone() }
        }
        SourceSettings::Connect(settings) => {
            let word =
                given.route.ok_or_else(|| needed("--route", "each call of a Connect app has its own address"))?;
            let route = word.of_connect().ok_or_else(|| other_route("Connect"))?;
            Sender::Connect { settings, route, client_key: connect::client_key(given.installation.as_deref(), body)? }
        }
        SourceSettings::GooglePubsub(settings) => {
            Sender::Pubsub { settings, is_unwrapped: given.unwrapped, attributes: Attributes::of(given) }
        }
        SourceSettings::GoogleEvents(settings) => {
            let attributes = Attributes::of(given);
            if let Some(attributes) = &attributes {
                attributes.require_source()?;
            }
            Sender::Events { settings, attributes }
        }
        SourceSettings::AtlassianReport => {
            let hint = "what it brings is learned by asking Atlassian";
            return Err(Stop::new(Exit::Refused, "nobody sends to a source of this kind", hint));
        }
    })
}

fn other_route(app: &str) -> Stop {
    Stop::new(
        Exit::Usage,
        format!("a {app} app has no such --route"),
        "`milestone-gateway send --help` says whose each is",
    )
}

fn credential(
    args: &SendArgs,
    sender: &Sender,
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
