//! A call of a Forge app's remote, with its invocation token (Atlassian, "Forge remote essentials").

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{body::text_at, delivery::derived_identifier};
use crate::sources::{
    forge::{MODULE_HEARTBEAT, MODULE_LIFECYCLE, MODULE_PRE_UNINSTALL},
    settings::ForgeSettings,
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

/// The installation of a site, unless another one is named: the same site, the same installation.
pub(super) fn default_installation(cloud_id: &str) -> String {
    derived_identifier("forge installation", cloud_id)
}
