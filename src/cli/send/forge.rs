//! A call of a Forge app's remote, with its invocation token (Atlassian, "Forge remote essentials").

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    body::text_at,
    delivery::{HeaderList, derived_identifier, identifier},
    options::{SenderArgs, needed, other_route},
    player::{Attempt, Player, Sender, own, set_milliseconds, with_token},
};
use crate::{
    cli::exit::Stop,
    domain::SourceKind,
    sources::{
        SourceSettings,
        forge::{MODULE_HEARTBEAT, MODULE_LIFECYCLE, MODULE_PRE_UNINSTALL, contract::ForgeSettings},
    },
};

/// How the app's remote is called. Forge makes a new token for each attempt, and writes times as texts.
pub(super) static PLAYER: Player = Player {
    kind: SourceKind::Forge,
    options: &["--tenant-key", "--route", "--installation", "--token-id", "--development-key"],
    sender,
    set_time: |object, at| set_milliseconds(object, at, true),
    by_secret: None,
};

/// How long a token lives, in seconds, as Atlassian's own do.
const LIFETIME_SECONDS: i64 = 25;
const APP: &str = "ari:cloud:ecosystem::app/";

/// Which address of the remote is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Product events.
    Events,
    /// The app was installed or upgraded.
    Lifecycle,
    /// An uninstallation has begun.
    PreUninstall,
    /// The scheduled sign of life.
    Heartbeat,
}

impl Route {
    /// The last part of the path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Lifecycle => "lifecycle",
            Self::PreUninstall => "pre-uninstall",
            Self::Heartbeat => "heartbeat",
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        [Self::Events, Self::Lifecycle, Self::PreUninstall, Self::Heartbeat]
            .into_iter()
            .find(|route| route.path() == path)
    }

    const fn module(self) -> &'static str {
        match self {
            Self::Events => "gateway-events",
            Self::Lifecycle => MODULE_LIFECYCLE,
            Self::PreUninstall => MODULE_PRE_UNINSTALL,
            Self::Heartbeat => MODULE_HEARTBEAT,
        }
    }
}

/// Who calls, and where.
pub struct Call<'a> {
    /// The app.
    pub settings: &'a ForgeSettings,
    /// The site.
    pub cloud_id: &'a str,
    /// The installation on it, as a bare id.
    pub installation: &'a str,
    /// What is called.
    pub route: Route,
}

impl Call<'_> {
    /// The claims of a token for this call. Environment and version are those that the body speaks of, because a gateway
    /// compares them; where it says nothing they follow from the app.
    pub fn claims(&self, body: &[u8], token_id: &str, now: Timestamp) -> Value {
        let Self { settings, cloud_id, installation, route } = self;
        let app = settings.app_id.strip_prefix(APP).unwrap_or(&settings.app_id);
        let environment =
            text_at(body, "/environment/id").unwrap_or_else(|| derived_identifier("forge environment", app));
        let installation = format!("ari:cloud:ecosystem::installation/{installation}");
        let api = format!("https://api.atlassian.com/ex/jira/{cloud_id}");
        json!({
            "iss": "forge/invocation-token",
            "aud": settings.app_id,
            "iat": now.as_second(),
            "nbf": now.as_second(),
            "exp": now.as_second() + LIFETIME_SECONDS,
            "jti": token_id,
            "app": {
                "id": settings.app_id,
                "appVersion": text_at(body, "/app/version").unwrap_or_else(|| "1.0.0".to_owned()),
                "installationId": installation,
                "apiBaseUrl": api,
                "installation": {
                    "id": installation,
                    "contexts": [{"name": "jira", "apiBaseUrl": api, "cloudId": cloud_id}],
                },
                "environment": {
                    "type": settings.environment.as_str(),
                    "id": format!("ari:cloud:ecosystem::environment/{app}/{environment}"),
                },
                "module": {"type": "core:endpoint", "key": route.module()},
            },
        })
    }
}

struct Remote {
    settings: ForgeSettings,
    cloud_id: String,
    installation: String,
    route: Route,
    token_id: Option<String>,
}

fn sender(given: &SenderArgs, settings: &SourceSettings, _: &[u8]) -> Result<Box<dyn Sender>, Stop> {
    let settings = own::<ForgeSettings>(settings)?.clone();
    let why = "an app's calls name the site that they come from";
    let cloud_id = given.tenant_key.clone().ok_or_else(|| needed("--tenant-key", why))?;
    let route = match &given.route {
        None => Route::Events,
        Some(word) => Route::of_path(word).ok_or_else(|| other_route("Forge"))?,
    };
    let installation = given.installation.clone().unwrap_or_else(|| default_installation(&cloud_id));
    Ok(Box::new(Remote { settings, cloud_id, installation, route, token_id: given.token_id.clone() }))
}

impl Sender for Remote {
    fn signs_by_key(&self) -> bool {
        true
    }

    fn tail(&self) -> Option<&'static str> {
        Some(self.route.path())
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Self { settings, cloud_id, installation, route, token_id } = self;
        let call = Call { settings, cloud_id, installation, route: *route };
        let token_id = token_id.clone().unwrap_or_else(|| identifier(attempt.entropy));
        let token = attempt.credential.token("Bearer", &call.claims(attempt.body, &token_id, attempt.now))?;
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Ok((with_token(headers, token), attempt.body.to_vec()))
    }
}

/// The installation of a site, unless another one is named: the same site, the same installation.
fn default_installation(cloud_id: &str) -> String {
    derived_identifier("forge installation", cloud_id)
}
