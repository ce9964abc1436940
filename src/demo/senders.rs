//! The demo as Atlassian's Forge and as the forwarder function: real HTTP, real tokens under the demo's own key.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::stage::{Msp, Stage};
use crate::{
    app::registry::{self, Registration},
    cli::send::{
        credential::Credential,
        forge::{Call, Route},
        forwarder,
    },
    domain::Actor,
    outbound::{self, Timeouts},
    signature::{SecretBytes, forge_fit::ForgeEnvironment},
    sources::{SourceSettings, firebase_function::contract::FirebaseSettings, forge::contract::ForgeSettings},
};

/// The demo's Forge app, as a bare id.
pub(super) const APP: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
/// The Firebase project that all portals share.
pub(super) const PROJECT: &str = "demo-milestone";
/// The app's source.
pub const FORGE_SOURCE: &str = "milestone-app";
const FIREBASE_SOURCE: &str = "milestone-portals";
const SECRET_BYTES: usize = 32;

/// Atlassian, as far as one Forge app sees it.
pub(super) struct Forge<'a> {
    stage: &'a Stage,
    client: reqwest::Client,
    settings: ForgeSettings,
    key: Credential,
}

impl<'a> Forge<'a> {
    /// Registers the app. `private_pem` is the key that the demo's gateway takes for Atlassian's.
    pub(super) async fn register(stage: &'a Stage, private_pem: &[u8]) -> anyhow::Result<Self> {
        let app_id = format!("ari:cloud:ecosystem::app/{APP}");
        let settings = ForgeSettings { app_id, environment: ForgeEnvironment::Production };
        let registration = Registration::of(FORGE_SOURCE, None, settings.clone().into());
        registry::register(&stage.gateway, &Actor::Demo, &registration).await?;
        let key = Credential::Key(Zeroizing::new(private_pem.to_vec()));
        Ok(Self { stage, client: outbound::client(Timeouts::default())?, settings, key })
    }

    /// One call of an MSP's installation. Fails unless it is accepted.
    pub(super) async fn call(&self, msp: &Msp, installation: &str, route: Route, body: &Value) -> anyhow::Result<()> {
        let body = body.to_string().into_bytes();
        let mut random = [0_u8; 16];
        self.stage.gateway.entropy().fill(&mut random);
        let call = Call { settings: &self.settings, cloud_id: msp.cloud_id, installation, route };
        let claims = call.claims(&body, &hex::encode(random), self.stage.gateway.now());
        let token = self.key.token("Bearer", &claims)?.context("a key signs")?;
        let headers = [("Content-Type", "application/json".to_owned()), ("Authorization", token)];
        let path = format!("webhooks/forge/{FORGE_SOURCE}/{}", route.path());
        post(&self.client, self.stage.address, &path, &headers, body).await
    }
}

/// The forwarder function of the one Firebase project.
pub(super) struct Forwarder<'a> {
    stage: &'a Stage,
    client: reqwest::Client,
    secret: Credential,
}

impl<'a> Forwarder<'a> {
    /// Registers the function, for no tenant in particular.
    pub(super) async fn register(stage: &'a Stage) -> anyhow::Result<Self> {
        let mut secret = vec![0_u8; SECRET_BYTES];
        stage.gateway.entropy().fill(&mut secret);
        let secret = SecretBytes::new(secret);
        let settings = SourceSettings::from(FirebaseSettings { project: PROJECT.to_owned() });
        let registration = Registration { secret: Some(&secret), ..Registration::of(FIREBASE_SOURCE, None, settings) };
        registry::register(&stage.gateway, &Actor::Demo, &registration).await?;
        Ok(Self { stage, client: outbound::client(Timeouts::default())?, secret: Credential::Secret(secret) })
    }

    /// Forwards an event. Fails unless it is accepted.
    pub(super) async fn forward(&self, identifier: &str, body: &Value) -> anyhow::Result<()> {
        let body = body.to_string().into_bytes();
        let headers = forwarder::headers(&self.secret, identifier, &body, self.stage.gateway.now())?;
        let path = format!("webhooks/firebase/{FIREBASE_SOURCE}");
        post(&self.client, self.stage.address, &path, &headers, body).await
    }
}

async fn post(
    client: &reqwest::Client,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> anyhow::Result<()> {
    let url = Url::parse(&format!("http://{address}/{path}"))?;
    let answer = outbound::post(client, url.as_str(), headers, body).await.context("the gateway did not answer")?;
    if answer.status == 200 { Ok(()) } else { bail!("{path} answered {} instead of 200", answer.status) }
}
