//! What is agreed with Atlassian about our Forge app's remote.

use serde::{Deserialize, Serialize};

use super::{admit, interpret, is_heartbeat, system_token, unread};
use crate::{
    domain::{SourceKind, caller::ForgeCaller, key_set::KeyHost},
    signature::forge_fit::{ForgeEnvironment, ForgeExpectation},
    sources::{
        admission::NotAdmitted,
        contract::{
            Admission, Authentication, Brought, Caller, Contract, Described, Events, HeaderRead, Inbound, MIB, Polling,
            Received, Retries, Secret, SecretText, Tail, Tenancy, TokenScheme,
        },
        settings::{self, BadSettings, SettingOption, Settings, SourceSettings},
    },
};

/// The token by which our app may ask the installation's site, as headers are kept. Never logged.
const SYSTEM_TOKEN: &str = "x-forge-oauth-system";

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "a Forge app",
    word: "forge",
    about: "Our Forge app; takes --app-id and --environment",
    inbound: Some(Inbound {
        route: "forge",
        tails: &[
            Tail { word: "events", about: "Forge: product events" },
            Tail { word: "lifecycle", about: "Forge: the app was installed or upgraded" },
            Tail { word: "pre-uninstall", about: "Forge: an uninstallation has begun" },
            Tail { word: "heartbeat", about: "Forge: the hourly sign of life" },
        ],
        answers_handshake: false,
        headers: &[HeaderRead::Credential("authorization"), HeaderRead::Credential(SYSTEM_TOKEN)],
        // Atlassian: 5 MB for one invocation.
        body_bytes_max: 6 * MIB,
        accepted: 200,
        retries: Retries {
            after: |status| !matches!(status, 200..=299),
            sentence: "Forge would send it again, up to 4 times, 60 seconds apart",
        },
        described: Described {
            operation: "deliverForge",
            summary: "One call of our Forge app's remote: a product event, a lifecycle event, a sign of life.",
            headers: &[],
            media_types: &["application/json"],
        },
    }),
    authentication: Authentication::Token(TokenScheme::ForgeFit { expected }),
    scheme: "Forge invocation token: RS256, Atlassian's keys",
    secret: Secret::None,
    tenancy: Tenancy::OfDelivery,
    own_time: None,
    settings: &[
        SettingOption {
            field: "app_id",
            option: "app-id",
            value_name: "ARI",
            help: "The Forge app, as `ari:cloud:ecosystem::app/<uuid>`",
            words: &[],
        },
        SettingOption {
            field: "environment",
            option: "environment",
            value_name: "ENVIRONMENT",
            help: "The Forge app's environment",
            words: &[("production", "Tenants"), ("staging", "A rehearsal"), ("development", "A developer's own")],
        },
    ],
    read_settings: |stored| settings::read::<ForgeSettings>(stored).map(SourceSettings::from),
    admission: Admission::Events(Events {
        admit: |received| Ok(vec![admit(caller(received)?, received.tail, received.body)?]),
        unread: Some(|received| caller(received).ok().map(|caller| unread(caller, received.tail))),
        used_up: |received| caller(received).ok().map(|caller| caller.token.clone()),
        brought,
    }),
    interpret: |stored| interpret(stored.context, stored.body),
    polling: Polling::Installations,
};

/// Our Forge app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgeSettings {
    /// The app's ARI, `ari:cloud:ecosystem::app/<uuid>`: the only audience that is accepted.
    pub app_id: String,
    /// The only environment that is accepted.
    pub environment: ForgeEnvironment,
}

impl Settings for ForgeSettings {
    fn check(&self) -> Result<(), BadSettings> {
        settings::rule(is_app_id(&self.app_id), "app_id", "ari:cloud:ecosystem::app/<uuid>")
    }

    fn to_value(&self) -> serde_json::Value {
        settings::to_value(self)
    }
}

impl From<ForgeSettings> for SourceSettings {
    fn from(settings: ForgeSettings) -> Self {
        Self::new(SourceKind::Forge, settings)
    }
}

fn is_app_id(text: &str) -> bool {
    text.strip_prefix("ari:cloud:ecosystem::app/").is_some_and(|id| {
        id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() && !id.bytes().any(|byte| byte.is_ascii_uppercase())
    })
}

fn expected(settings: &SourceSettings) -> Option<ForgeExpectation> {
    let ForgeSettings { app_id, environment } = settings.get()?;
    // Every environment of an app runs in Atlassian's production cloud and is signed there.
    Some(ForgeExpectation { app_id: app_id.clone(), environment: *environment, key_host: KeyHost::ForgeProduction })
}

fn caller<'a>(received: &Received<'a>) -> Result<&'a ForgeCaller, NotAdmitted> {
    match received.caller {
        Caller::Forge(caller) => Ok(caller),
        Caller::Source | Caller::Connect(_) => Err(NotAdmitted::BodyDisagrees("caller")),
    }
}

/// A sign of life brings the token by which its site may be asked. Without it the installation lives all the same; its hours
/// are not compared this time.
fn brought<'a>(received: &Received<'a>) -> Result<Brought<'a>, NotAdmitted> {
    if !is_heartbeat(received.tail) {
        return Ok(Brought::Nothing);
    }
    let cloud_id = &caller(received)?.cloud_id;
    let token = received.headers.only(SYSTEM_TOKEN).and_then(system_token);
    Ok(token.map_or(Brought::Nothing, |token| Brought::SiteToken { cloud_id, token: SecretText(token) }))
}
