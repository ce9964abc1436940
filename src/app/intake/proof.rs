//! How each kind of sender proves who it is, and what is known once it has.
//!
//! A token is verified before a byte of the body is read; its key is asked for at the host that is pinned for the route. A
//! signature over the body is computed as the bytes arrive.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{
    app::{
        intake::{Intake, delivery::Delivery, emulator},
        registry::{LoadedSource, is_holder},
    },
    domain::{
        SourceKind,
        caller::{ConnectCaller, ForgeCaller, TokenUse},
        key_set::{KeyHost, KeyId, PublicKey},
    },
    outbound::KeyAnswer,
    signature::{
        CanonicalRequest, HubSignature, HubVerifier, Refusal, StandardSignature, StandardVerifier, UnverifiedToken,
        connect_jwt::{self, ConnectInstallExpectation, PendingInstall, PendingTenant},
        forge_fit::{self, ForgeExpectation},
        google_oidc::{self, GoogleExpectation, PendingGoogle},
        token,
    },
    sources::{
        SourceSettings, connect,
        settings::{ConnectSettings, ForgeSettings, GoogleSettings},
    },
};

/// `X-Hub-Signature`, as headers are kept.
const HUB_SIGNATURE: &str = "x-hub-signature";

/// `webhook-signature`, as headers are kept.
const STANDARD_SIGNATURE: &str = "webhook-signature";

/// How long a used Connect token is remembered, in hours: Atlassian makes them for minutes.
const CONNECT_TOKEN_HOURS: i64 = 24 * 7;

/// What the headers claim, well-formed and not believed.
pub(in crate::app) enum Claim {
    Hub(HubSignature),
    /// Read against the secrets only; nothing to choose by.
    Forwarder,
    /// A token, read again for the app that the source is.
    Forge,
    ConnectInstall(PendingInstall),
    ConnectTenant(PendingTenant),
    Google(PendingGoogle),
    /// No token, as an emulator sends; believed only under the development switch.
    Unsigned,
}

impl Claim {
    /// The installation whose secret the claim has to be checked with; empty for the source's own.
    pub(in crate::app) fn holder(&self) -> &str {
        match self {
            Self::ConnectTenant(pending) => pending.claimed_client_key(),
            Self::Hub(_)
            | Self::Forwarder
            | Self::Forge
            | Self::ConnectInstall(_)
            | Self::Google(_)
            | Self::Unsigned => "",
        }
    }
}

/// A proof under way.
pub(in crate::app) enum Proof {
    Hub { verifier: HubVerifier, signature: Vec<u8> },
    Forwarder(StandardVerifier),
    Forge(ForgeCaller),
    Connect(ConnectCaller),
    Google,
    Emulator,
}

/// Who has proven to be who.
pub(in crate::app) enum Proven {
    Hub,
    Forwarder,
    Forge(ForgeCaller),
    Connect(ConnectCaller),
    Google,
}

impl Proven {
    /// True when the delivery as it is is the event.
    pub(in crate::app) const fn is_whole(&self) -> bool {
        matches!(self, Self::Hub)
    }

    /// The token that is used up by this delivery. Connect's install tokens have no id and cover no body, so the whole token is
    /// its own: under one that somebody has seen, no other secret can be brought. Connect's other tokens are not used up: two
    /// calls of one second may truly have the same.
    pub(in crate::app) fn token(&self, now: Timestamp, delivery: &Delivery) -> Option<TokenUse> {
        match self {
            Self::Forge(caller) => Some(caller.token.clone()),
            Self::Connect(_) if connect::is_install(&delivery.tail) => {
                let signed = connect_jwt::signed_part(&delivery.headers, &delivery.query)?;
                let id = hex::encode(Sha256::digest(signed));
                Some(TokenUse { id, expires_at: now + SignedDuration::from_hours(CONNECT_TOKEN_HOURS) })
            }
            Self::Hub | Self::Forwarder | Self::Connect(_) | Self::Google => None,
        }
    }
}

/// Reads what the headers claim. A claim that is not even well-formed is refused whatever the source is.
pub(in crate::app) fn claim(gateway: &Intake, delivery: &Delivery) -> Result<Claim, Refusal> {
    let headers = &delivery.headers;
    match delivery.kind {
        SourceKind::JiraAdmin => HubSignature::from_headers(headers.all(HUB_SIGNATURE)).map(Claim::Hub),
        SourceKind::FirebaseFunction if headers.all(STANDARD_SIGNATURE).next().is_none() => {
            Err(Refusal::MissingSignature)
        }
        SourceKind::FirebaseFunction => Ok(Claim::Forwarder),
        SourceKind::Forge => UnverifiedToken::parse(token::authorization(headers, "Bearer")?).map(|_| Claim::Forge),
        SourceKind::Connect if connect::is_signed_by_atlassian(&delivery.tail) => {
            connect_jwt::begin_install(headers).map(Claim::ConnectInstall)
        }
        SourceKind::Connect => {
            let pending = connect_jwt::begin_tenant(headers, &delivery.query)?;
            // The caller chooses the name by which the secret is looked up.
            if is_holder(pending.claimed_client_key()) {
                Ok(Claim::ConnectTenant(pending))
            } else {
                Err(Refusal::MalformedClaims)
            }
        }
        SourceKind::GooglePubsub | SourceKind::GoogleEvents
            if gateway.trusts_emulators() && emulator::is_unsigned(headers) =>
        {
            Ok(Claim::Unsigned)
        }
        SourceKind::GooglePubsub | SourceKind::GoogleEvents => google_oidc::begin(headers).map(Claim::Google),
        SourceKind::AtlassianReport => Err(Refusal::UnknownSource),
    }
}

/// Checks what can be checked before the body is there.
pub(in crate::app) async fn begin(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    claim: Result<Claim, Refusal>,
) -> Result<Proof, Refusal> {
    let now = gateway.now();
    match (claim?, &source.settings) {
        (Claim::Hub(claimed), SourceSettings::JiraAdmin) => {
            let signature = delivery.headers.all(HUB_SIGNATURE).next().unwrap_or_default().to_vec();
            Ok(Proof::Hub { verifier: HubVerifier::new(claimed, &source.secrets)?, signature })
        }
        (Claim::Forwarder, SourceSettings::FirebaseFunction(_)) => {
            StandardSignature::begin(&delivery.headers, &source.secrets, now).map(Proof::Forwarder)
        }
        (Claim::Forge, SourceSettings::Forge(settings)) => {
            let expected = forge_expectation(settings);
            let pending = forge_fit::begin(&delivery.headers, &expected)?;
            let key = key(gateway, pending.key_host(), pending.key_id()).await?;
            pending.finish(&key, &expected, now).map(Proof::Forge)
        }
        (Claim::ConnectInstall(pending), SourceSettings::Connect(settings)) => {
            let key = key(gateway, KeyHost::ConnectInstall, pending.key_id()).await?;
            let expected = ConnectInstallExpectation { base_url: settings.base_url.clone() };
            pending.finish(&key, &expected, &canonical(delivery), now).map(Proof::Connect)
        }
        (Claim::ConnectTenant(pending), SourceSettings::Connect(ConnectSettings { .. })) => {
            // An installation without a secret certainly never was: its install would have brought one.
            if source.secrets.is_empty() {
                return Err(Refusal::UnknownSource);
            }
            pending.finish(&source.secrets, &canonical(delivery), now).map(Proof::Connect)
        }
        (Claim::Google(pending), SourceSettings::GooglePubsub(settings) | SourceSettings::GoogleEvents(settings)) => {
            let GoogleSettings { audience, email, .. } = settings;
            let key = key(gateway, KeyHost::Google, pending.key_id()).await?;
            let expected = GoogleExpectation { audience: audience.clone(), email: email.clone() };
            pending.finish(&key, &expected, now).map(|()| Proof::Google)
        }
        (Claim::Unsigned, SourceSettings::GooglePubsub(_) | SourceSettings::GoogleEvents(_)) => {
            // Only a gateway that trusts emulators makes such a claim.
            Ok(Proof::Emulator)
        }
        (_, _) => Err(Refusal::UnknownSource),
    }
}

/// True when the refusal of a token is final only by a reading of the source that began after the delivery had come: its
/// installation may have brought its first secret, or another one, a moment ago.
pub(in crate::app) fn may_have_another_secret_by_now(delivery: &Delivery, refusal: Refusal) -> bool {
    delivery.kind == SourceKind::Connect
        && !connect::is_signed_by_atlassian(&delivery.tail)
        && matches!(refusal, Refusal::Mismatch | Refusal::UnknownSource)
}

/// Checks a signature again, over the whole body and with secrets that were just read.
pub(in crate::app) fn again(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    body: &[u8],
) -> Result<Proven, Refusal> {
    match (claim(gateway, delivery)?, &source.settings) {
        (Claim::Hub(claimed), SourceSettings::JiraAdmin) => {
            let mut verifier = HubVerifier::new(claimed, &source.secrets)?;
            verifier.update(body);
            verifier.finish().map(|_| Proven::Hub)
        }
        (Claim::Forwarder, SourceSettings::FirebaseFunction(_)) => {
            let mut verifier = StandardSignature::begin(&delivery.headers, &source.secrets, gateway.now())?;
            verifier.update(body);
            verifier.finish().map(|_| Proven::Forwarder)
        }
        (_, _) => Err(Refusal::Mismatch),
    }
}

impl Proof {
    /// Takes the next bytes of the body.
    pub(in crate::app) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hub { verifier, .. } => verifier.update(bytes),
            Self::Forwarder(verifier) => verifier.update(bytes),
            Self::Forge(_) | Self::Connect(_) | Self::Google | Self::Emulator => {}
        }
    }

    /// Compares.
    pub(in crate::app) fn finish(self) -> Result<Proven, Refusal> {
        match self {
            Self::Hub { verifier, .. } => verifier.finish().map(|_| Proven::Hub),
            Self::Forwarder(verifier) => verifier.finish().map(|_| Proven::Forwarder),
            Self::Forge(caller) => Ok(Proven::Forge(caller)),
            Self::Connect(caller) => Ok(Proven::Connect(caller)),
            Self::Google | Self::Emulator => Ok(Proven::Google),
        }
    }
}

/// A key of a pinned host. Not to have it is an inability of ours unless the host certainly does not publish it.
async fn key(gateway: &Intake, host: KeyHost, id: &KeyId) -> Result<std::sync::Arc<PublicKey>, Refusal> {
    match gateway.keys().key(host, id).await {
        KeyAnswer::Key(key) => Ok(key),
        KeyAnswer::Unknown => Err(Refusal::UnknownKey),
        KeyAnswer::Unavailable => Err(Refusal::KeyUnavailable),
    }
}

fn forge_expectation(settings: &ForgeSettings) -> ForgeExpectation {
    let ForgeSettings { app_id, environment } = settings;
    // Every environment of an app runs in Atlassian's production cloud and is signed there.
    ForgeExpectation { app_id: app_id.clone(), environment: *environment, key_host: KeyHost::ForgeProduction }
}

/// What the sender has hashed: the request below the app's base address.
fn canonical(delivery: &Delivery) -> CanonicalRequest {
    CanonicalRequest::new("POST", &format!("/{}", delivery.tail), &delivery.query)
}
