//! What is agreed with Atlassian about our Connect app.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{admit, client_key, install_secret, interpret, is_install, is_signed_by_atlassian};
use crate::{
    domain::{
        Headers, SourceKind,
        caller::{ConnectCaller, TokenUse},
    },
    signature::connect_jwt::{self, ConnectInstallExpectation},
    sources::{
        admission::NotAdmitted,
        contract::{
            Admission, Authentication, BODY_BYTES_MAX, Brought, Caller, Contract, Described, Events, HeaderRead,
            Inbound, Polling, Received, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret, Tail, Tenancy, TokenScheme,
        },
        jira::contract::{IDENTIFIER, RETRIES},
        settings::{self, BadSettings, SettingOption, Settings, SourceSettings},
    },
};

/// How long a used token is remembered, in hours: Atlassian makes them for minutes.
const TOKEN_HOURS: i64 = 24 * 7;
const AUTHORIZATION: &str = "authorization";

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "a Connect app",
    word: "connect",
    about: "Our Connect app, while installations have not moved; takes --base-url",
    inbound: Some(Inbound {
        route: "connect",
        tails: &[
            Tail { word: "installed", about: "Connect: the app was installed, with its secret" },
            Tail { word: "enabled", about: "Connect: the app was enabled" },
            Tail { word: "disabled", about: "Connect: the app was disabled" },
            Tail { word: "uninstalled", about: "Connect: the app was uninstalled" },
            Tail { word: "webhook", about: "Connect: a webhook of the product" },
        ],
        answers_handshake: false,
        headers: &[HeaderRead::Credential(AUTHORIZATION), HeaderRead::Named(IDENTIFIER)],
        body_bytes_max: BODY_BYTES_MAX,
        accepted: 200,
        retries: RETRIES,
        described: Described {
            operation: "deliverConnect",
            summary: "One callback of a Connect installation that has not moved to Forge.",
            headers: &[],
            media_types: &["application/json"],
        },
    }),
    authentication: Authentication::Token(TokenScheme::ConnectJwt {
        expected,
        is_signed_by_key: is_signed_by_atlassian,
    }),
    scheme: "JWT: RS256 for installs, HS256 with qsh for the rest",
    secret: Secret::OfInstallations { bytes_min: SECRET_BYTES_MIN, bytes_max: SECRET_BYTES_MAX },
    tenancy: Tenancy::OfInstallation(client_key),
    own_time: None,
    settings: &[SettingOption {
        field: "base_url",
        option: "base-url",
        value_name: "URL",
        help: "The Connect descriptor's baseUrl",
        words: &[],
    }],
    read_settings: |stored| settings::read::<ConnectSettings>(stored).map(SourceSettings::from),
    admission: Admission::Events(Events {
        admit: |received| Ok(vec![admit(caller(received)?, received.tail, received.body, &with_token(received))?]),
        unread: None,
        used_up,
        brought,
    }),
    interpret: |stored| interpret(stored.context, stored.body, stored.site_host),
    polling: Polling::Never,
};

/// Our Connect app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectSettings {
    /// The descriptor's `baseUrl`: the only audience that is accepted for installs.
    pub base_url: String,
}

impl Settings for ConnectSettings {
    fn check(&self) -> Result<(), BadSettings> {
        let is_address = self.base_url.starts_with("https://") && settings::is_text(&self.base_url);
        settings::rule(is_address, "base_url", "the descriptor's baseUrl, beginning with https://")
    }

    fn to_value(&self) -> serde_json::Value {
        settings::to_value(self)
    }
}

impl From<ConnectSettings> for SourceSettings {
    fn from(settings: ConnectSettings) -> Self {
        Self::new(SourceKind::Connect, settings)
    }
}

fn expected(settings: &SourceSettings) -> Option<ConnectInstallExpectation> {
    let ConnectSettings { base_url } = settings.get()?;
    Some(ConnectInstallExpectation { base_url: base_url.clone() })
}

fn caller<'a>(received: &Received<'a>) -> Result<&'a ConnectCaller, NotAdmitted> {
    match received.caller {
        Caller::Connect(caller) => Ok(caller),
        Caller::Source | Caller::Forge(_) => Err(NotAdmitted::BodyDisagrees("caller")),
    }
}

/// The headers with the token's signed part alone in the place of the token: a repetition is told by what was signed, however
/// it is written.
fn with_token(received: &Received<'_>) -> Headers {
    let others = received.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
    let mut headers: Headers = others.collect();
    if let Some(signed) = connect_jwt::signed_part(received.headers, received.query) {
        headers.push(AUTHORIZATION, &signed);
    }
    headers
}

/// Install tokens have no id and cover no body, so the whole token is its own: under one that somebody has seen, no other
/// secret can be brought. Other tokens are not used up: two calls of one second may truly have the same.
fn used_up(received: &Received<'_>) -> Option<TokenUse> {
    if !is_install(received.tail) {
        return None;
    }
    let signed = connect_jwt::signed_part(received.headers, received.query)?;
    let id = hex::encode(Sha256::digest(signed));
    Some(TokenUse { id, expires_at: received.now + SignedDuration::from_hours(TOKEN_HOURS) })
}

/// The secret that an install brings; an install without one is refused, because its installation would be locked out.
fn brought<'a>(received: &Received<'a>) -> Result<Brought<'a>, NotAdmitted> {
    if !is_install(received.tail) {
        return Ok(Brought::Nothing);
    }
    let holder = &caller(received)?.client_key;
    let secret = install_secret(received.body).map_err(|_| NotAdmitted::BodyDisagrees("sharedSecret"))?;
    Ok(Brought::HolderSecret { holder, secret })
}
