//! How each scheme proves who a sender is, and what is known once it has. Which scheme it is, says the sender's contract.
//!
//! A token is verified before a byte of the body is read; its key is asked for at the host that is pinned for the route. A
//! signature over the body is computed as the bytes arrive.

use crate::{
    app::{
        intake::{Intake, delivery::Delivery, emulator},
        registry::{LoadedSource, is_holder},
    },
    domain::{
        caller::{ConnectCaller, ForgeCaller},
        key_set::{KeyHost, KeyId, PublicKey},
    },
    outbound::KeyAnswer,
    signature::{
        CanonicalRequest, HubSignature, HubVerifier, Rejection, StandardSignature, StandardVerifier, UnverifiedToken,
        connect_jwt::{self, ConnectInstallExpectation, PendingInstall, PendingTenant},
        forge_fit::{self, ForgeExpectation},
        google_oidc::{self, GoogleExpectation, PendingGoogle},
        token,
    },
    sources::{
        SourceSettings, contract,
        contract::{Authentication, BodySignature, Caller, TokenScheme},
    },
};

/// `X-Hub-Signature`, as headers are kept.
const HUB_SIGNATURE: &str = "x-hub-signature";

/// `webhook-signature`, as headers are kept.
const STANDARD_SIGNATURE: &str = "webhook-signature";

/// Whom a source's settings tell a scheme to expect.
type Expected<T> = fn(&SourceSettings) -> Option<T>;

/// What the headers claim, well-formed and not believed.
pub(in crate::app) enum Claim {
    Hub(HubSignature),
    /// Read against the secrets only; nothing to choose by.
    Standard,
    /// A token, read again for the app that the source is.
    Forge(Expected<ForgeExpectation>),
    ConnectInstall(PendingInstall, Expected<ConnectInstallExpectation>),
    ConnectTenant(PendingTenant),
    Google(PendingGoogle, Expected<GoogleExpectation>),
    /// No token, as an emulator sends; believed only under the development switch.
    Unsigned,
}

impl Claim {
    /// The installation whose secret the claim has to be checked with; empty for the source's own.
    pub(in crate::app) fn holder(&self) -> &str {
        match self {
            Self::ConnectTenant(pending) => pending.claimed_client_key(),
            Self::Hub(_)
            | Self::Standard
            | Self::Forge(_)
            | Self::ConnectInstall(..)
            | Self::Google(..)
            | Self::Unsigned => "",
        }
    }
}

/// A proof under way.
pub(in crate::app) enum Proof {
    Hub(HubVerifier),
    Standard(StandardVerifier),
    Forge(ForgeCaller),
    Connect(ConnectCaller),
    Google,
    Emulator,
}

/// Reads what the headers claim. A claim that is not even well-formed is refused whatever the source is.
pub(in crate::app) fn claim(gateway: &Intake, delivery: &Delivery) -> Result<Claim, Rejection> {
    let headers = &delivery.headers;
    match contract(delivery.kind).authentication {
        Authentication::Nothing => Err(Rejection::UnknownSource),
        Authentication::BodySignature(BodySignature::HubHmac) => {
            HubSignature::from_headers(headers.all(HUB_SIGNATURE)).map(Claim::Hub)
        }
        Authentication::BodySignature(BodySignature::StandardWebhooks) => {
            headers.all(STANDARD_SIGNATURE).next().map(|_| Claim::Standard).ok_or(Rejection::MissingSignature)
        }
        Authentication::Token(TokenScheme::ForgeFit { expected }) => {
            UnverifiedToken::parse(token::authorization(headers, "Bearer")?).map(|_| Claim::Forge(expected))
        }
        Authentication::Token(TokenScheme::ConnectJwt { expected, is_signed_by_key }) => {
            if is_signed_by_key(&delivery.tail) {
                return connect_jwt::begin_install(headers).map(|pending| Claim::ConnectInstall(pending, expected));
            }
            let pending = connect_jwt::begin_tenant(headers, &delivery.query)?;
            // The caller chooses the name by which the secret is looked up.
            if is_holder(pending.claimed_client_key()) {
                Ok(Claim::ConnectTenant(pending))
            } else {
                Err(Rejection::MalformedClaims)
            }
        }
        Authentication::Token(TokenScheme::GoogleOidc { .. })
            if gateway.trusts_emulators() && emulator::is_unsigned(headers) =>
        {
            Ok(Claim::Unsigned)
        }
        Authentication::Token(TokenScheme::GoogleOidc { expected }) => {
            google_oidc::begin(headers).map(|pending| Claim::Google(pending, expected))
        }
    }
}

/// Checks what can be checked before the body is there. The claim was made under the contract of the source's own kind.
pub(in crate::app) async fn begin(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    claim: Result<Claim, Rejection>,
) -> Result<Proof, Rejection> {
    let now = gateway.now();
    match claim? {
        Claim::Hub(claimed) => HubVerifier::new(claimed, &source.secrets).map(Proof::Hub),
        Claim::Standard => StandardSignature::begin(&delivery.headers, &source.secrets, now).map(Proof::Standard),
        Claim::Forge(expected) => {
            let expected = expected(&source.settings).ok_or(Rejection::UnknownSource)?;
            let pending = forge_fit::begin(&delivery.headers, &expected)?;
            let key = key(gateway, pending.key_host(), pending.key_id()).await?;
            pending.finish(&key, &expected, now).map(Proof::Forge)
        }
        Claim::ConnectInstall(pending, expected) => {
            let expected = expected(&source.settings).ok_or(Rejection::UnknownSource)?;
            let key = key(gateway, KeyHost::ConnectInstall, pending.key_id()).await?;
            pending.finish(&key, &expected, &canonical(delivery), now).map(Proof::Connect)
        }
        Claim::ConnectTenant(pending) => {
            // An installation without a secret certainly never was: its install would have brought one.
            if source.secrets.is_empty() {
                return Err(Rejection::UnknownSource);
            }
            pending.finish(&source.secrets, &canonical(delivery), now).map(Proof::Connect)
        }
        Claim::Google(pending, expected) => {
            let expected = expected(&source.settings).ok_or(Rejection::UnknownSource)?;
            let key = key(gateway, KeyHost::Google, pending.key_id()).await?;
            pending.finish(&key, &expected, now).map(|()| Proof::Google)
        }
        // Only a gateway that trusts emulators makes such a claim.
        Claim::Unsigned => Ok(Proof::Emulator),
    }
}

/// True when the rejection of a token is final only by a reading of the source that began after the delivery had come: its
/// installation may have brought its first secret, or another one, a moment ago.
pub(in crate::app) fn may_have_another_secret_by_now(delivery: &Delivery, rejection: Rejection) -> bool {
    let is_signed_by_installation = match contract(delivery.kind).authentication {
        Authentication::Token(TokenScheme::ConnectJwt { is_signed_by_key, .. }) => !is_signed_by_key(&delivery.tail),
        Authentication::Token(TokenScheme::ForgeFit { .. } | TokenScheme::GoogleOidc { .. })
        | Authentication::BodySignature(BodySignature::HubHmac | BodySignature::StandardWebhooks)
        | Authentication::Nothing => false,
    };
    is_signed_by_installation && matches!(rejection, Rejection::Mismatch | Rejection::UnknownSource)
}

/// Checks a signature again, over the whole body and with secrets that were just read.
pub(in crate::app) fn again(
    gateway: &Intake,
    source: &LoadedSource,
    delivery: &Delivery,
    body: &[u8],
) -> Result<Caller, Rejection> {
    match claim(gateway, delivery)? {
        Claim::Hub(claimed) => {
            let mut verifier = HubVerifier::new(claimed, &source.secrets)?;
            verifier.update(body);
            verifier.finish().map(|_| Caller::Source)
        }
        Claim::Standard => {
            let mut verifier = StandardSignature::begin(&delivery.headers, &source.secrets, gateway.now())?;
            verifier.update(body);
            verifier.finish().map(|_| Caller::Source)
        }
        Claim::Forge(_) | Claim::ConnectInstall(..) | Claim::ConnectTenant(_) | Claim::Google(..) | Claim::Unsigned => {
            Err(Rejection::Mismatch)
        }
    }
}

impl Proof {
    /// Takes the next bytes of the body.
    pub(in crate::app) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hub(verifier) => verifier.update(bytes),
            Self::Standard(verifier) => verifier.update(bytes),
            Self::Forge(_) | Self::Connect(_) | Self::Google | Self::Emulator => {}
        }
    }

    /// Compares.
    pub(in crate::app) fn finish(self) -> Result<Caller, Rejection> {
        match self {
            Self::Hub(verifier) => verifier.finish().map(|_| Caller::Source),
            Self::Standard(verifier) => verifier.finish().map(|_| Caller::Source),
            Self::Forge(caller) => Ok(Caller::Forge(caller)),
            Self::Connect(caller) => Ok(Caller::Connect(caller)),
            Self::Google | Self::Emulator => Ok(Caller::Source),
        }
    }
}

/// A key of a pinned host. Not to have it is an inability of ours unless the host certainly does not publish it.
async fn key(gateway: &Intake, host: KeyHost, id: &KeyId) -> Result<std::sync::Arc<PublicKey>, Rejection> {
    match gateway.keys().key(host, id).await {
        KeyAnswer::Key(key) => Ok(key),
        KeyAnswer::Unknown => Err(Rejection::UnknownKey),
        KeyAnswer::Unavailable => Err(Rejection::KeyUnavailable),
    }
}

/// What the sender has hashed: the request below the app's base address.
fn canonical(delivery: &Delivery) -> CanonicalRequest {
    CanonicalRequest::new("POST", &format!("/{}", delivery.tail), &delivery.query)
}
