//! `sources add`: what each kind of sender has to be told apart by.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::secret;
use crate::app::{
    Gateway,
    registry::{self, Registration},
};
use crate::cli::{
    context::ACTOR,
    exit::{Exit, Stop},
    output::Output,
    table::Columns,
};
use crate::domain::SourceKind;
use crate::signature::forge_fit::ForgeEnvironment;
use crate::sources::{
    SourceSettings,
    settings::{ConnectSettings, FirebaseSettings, ForgeSettings, GoogleSettings},
};

const ADDED: Columns<'static> =
    &[("source", "source_id"), ("tenant", "tenant_id"), ("path", "path"), ("secret", "secret")];

/// The kind of sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindWord {
    /// A webhook that a Jira administrator registers, with a secret
    JiraAdmin,
    /// Our Forge app; takes --app-id and --environment
    Forge,
    /// Our Connect app, while installations have not moved; takes --base-url
    Connect,
    /// Pub/Sub push; takes --audience, --email and --project
    GooglePubsub,
    /// `CloudEvents`, as Eventarc sends them; takes --audience, --email and --project
    GoogleEvents,
    /// Our forwarder function, with a Standard Webhooks secret; takes --project
    FirebaseFunction,
    /// What is learned by asking Atlassian; receives nothing
    AtlassianReport,
}

impl From<KindWord> for SourceKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::JiraAdmin => Self::JiraAdmin,
            KindWord::Forge => Self::Forge,
            KindWord::Connect => Self::Connect,
            KindWord::GooglePubsub => Self::GooglePubsub,
            KindWord::GoogleEvents => Self::GoogleEvents,
            KindWord::FirebaseFunction => Self::FirebaseFunction,
            KindWord::AtlassianReport => Self::AtlassianReport,
        }
    }
}

/// The environment of a Forge app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EnvironmentWord {
    /// Customers
    Production,
    /// A rehearsal
    Staging,
    /// A developer's own
    Development,
}

/// A source to be registered.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// Its name, the last part of its address: lower-case letters, digits and hyphens
    name: String,
    /// The kind of sender
    #[arg(long, value_enum, default_value_t = KindWord::JiraAdmin)]
    kind: KindWord,
    /// The key that the product knows the tenant by: for Jira the cloudId; leave it away for a source that tenants share
    #[arg(long, value_name = "CLOUDID")]
    tenant_key: Option<String>,
    /// The site that its deliveries must speak of, for example acme.atlassian.net
    #[arg(long, value_name = "HOST")]
    site_host: Option<String>,
    /// Refuse deliveries whose own timestamp is further away than this
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..))]
    replay_window_seconds: Option<i32>,
    /// How long it may be silent before `sources list` says that it is late
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(60..))]
    expected_every_seconds: Option<i32>,
    /// The Forge app, as `ari:cloud:ecosystem::app/<uuid>`
    #[arg(long, value_name = "ARI")]
    app_id: Option<String>,
    /// The Forge app's environment
    #[arg(long, value_enum, default_value_t = EnvironmentWord::Production)]
    environment: EnvironmentWord,
    /// The Connect descriptor's baseUrl
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The audience that is configured at Google
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// The service account that signs Google's tokens
    #[arg(long, value_name = "ACCOUNT")]
    email: Option<String>,
    /// The Firebase project that its events must speak of
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    secret: secret::SecretArgs,
}

/// Registers the source.
pub(super) async fn run(gateway: &Gateway, args: &AddArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let kind = SourceKind::from(args.kind);
    let settings = settings(args)?;
    let made = args.secret.secret(kind, gateway.entropy())?;
    let registration = Registration {
        name: &args.name,
        tenant_key: args.tenant_key.as_deref(),
        settings,
        site_host: args.site_host.as_deref(),
        replay_window_seconds: args.replay_window_seconds,
        expected_every_seconds: args.expected_every_seconds,
        secret: made.as_ref().map(|made| &made.secret),
    };
    let (source_id, tenant_id) = registry::register(gateway, ACTOR, &registration).await?;
    let path = kind.route().map(|route| format!("/webhooks/{route}/{}", args.name));
    let shown = made.as_ref().and_then(|made| made.shown.clone());
    let value = json!({"source_id": source_id, "tenant_id": tenant_id, "path": path, "secret": shown});
    output.record(if shown.is_some() { ADDED } else { secret::without(ADDED) }, &value)?;
    if let Some(made) = &made {
        secret::remember(made);
    }
    Ok(Exit::Done)
}

/// The settings of the kind. Every option that it lacks is named at once.
fn settings(args: &AddArgs) -> anyhow::Result<SourceSettings> {
    let mut missing = Vec::new();
    let mut needed = |option: &'static str, value: &Option<String>| {
        if value.is_none() {
            missing.push(option);
        }
        value.clone().unwrap_or_default()
    };
    let settings = match args.kind {
        KindWord::JiraAdmin => {
            needed("--tenant-key", &args.tenant_key);
            SourceSettings::JiraAdmin
        }
        KindWord::AtlassianReport => SourceSettings::AtlassianReport,
        KindWord::Forge => {
            let environment = match args.environment {
                EnvironmentWord::Production => ForgeEnvironment::Production,
                EnvironmentWord::Staging => ForgeEnvironment::Staging,
                EnvironmentWord::Development => ForgeEnvironment::Development,
            };
            SourceSettings::Forge(ForgeSettings { app_id: needed("--app-id", &args.app_id), environment })
        }
        KindWord::Connect => {
            SourceSettings::Connect(ConnectSettings { base_url: needed("--base-url", &args.base_url) })
        }
        KindWord::GooglePubsub | KindWord::GoogleEvents => {
            let google = GoogleSettings {
                audience: needed("--audience", &args.audience),
                email: needed("--email", &args.email),
                project: needed("--project", &args.project),
            };
            if args.kind == KindWord::GooglePubsub {
                SourceSettings::GooglePubsub(google)
            } else {
                SourceSettings::GoogleEvents(google)
            }
        }
        KindWord::FirebaseFunction => {
            SourceSettings::FirebaseFunction(FirebaseSettings { project: needed("--project", &args.project) })
        }
    };
    if !missing.is_empty() {
        let message = format!("a source of this kind needs {}", missing.join(", "));
        return Err(Stop::new(Exit::Usage, message, "`sources add --help` says what each is").into());
    }
    Ok(settings)
}
