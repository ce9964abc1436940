//! `sources`: systems that send. A secret comes from a file or is made here; it is never an argument.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    ACTOR,
    arguments::GlobalOptions,
    exit::Exit,
    input,
    output::{Output, remark},
    table::Columns,
    with_gateway,
};
use crate::app::{
    Gateway,
    sources::{self, Registration},
};
use crate::domain::Entropy;
use crate::signature::SecretBytes;

/// How much chance a generated secret holds, in bytes; it is written in twice as many hexadecimal digits.
const GENERATED_SECRET_BYTES: usize = 32;

const COLUMNS: Columns<'static> = &[
    ("SOURCE", "source_id"),
    ("NAME", "name"),
    ("KIND", "kind"),
    ("TENANT", "tenant_id"),
    ("DISABLED", "is_disabled"),
];
const ADDED: Columns<'static> =
    &[("source", "source_id"), ("tenant", "tenant_id"), ("path", "path"), ("secret", "secret")];
const ROTATED: Columns<'static> =
    &[("source", "name"), ("previous secret valid until", "previous_valid_until"), ("secret", "secret")];

/// What can be done with sources.
#[derive(Debug, Subcommand)]
pub(super) enum SourcesCommand {
    /// Register a source, and its tenant when that is new
    Add(AddArgs),
    /// List every source
    List,
    /// Give a source a new secret; the one before stays valid for a day
    Rotate(RotateArgs),
}

/// A source to be registered.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Its name, the last part of its address: lower-case letters, digits and hyphens
    name: String,
    /// The key that the product knows the tenant by: for Jira the cloudId
    #[arg(long, value_name = "CLOUDID")]
    tenant_key: String,
    /// The site that its deliveries must speak of, for example acme.atlassian.net
    #[arg(long, value_name = "HOST")]
    site_host: Option<String>,
    /// Refuse deliveries whose own timestamp is further away than this
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..))]
    replay_window_seconds: Option<i32>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// A source and its new secret.
#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// The source's name
    name: String,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Where the secret comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SecretArgs {
    /// Read the secret from this file; - reads standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Make a secret and print it once
    #[arg(long)]
    generate_secret: bool,
}

impl SecretArgs {
    /// The secret, and its text when it was made here and must be shown.
    fn secret(&self, entropy: &dyn Entropy) -> anyhow::Result<(SecretBytes, Option<String>)> {
        if let Some(file) = &self.secret_file {
            return Ok((input::read_secret(file)?, None));
        }
        let mut bytes = zeroize::Zeroizing::new([0_u8; GENERATED_SECRET_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        let text = hex::encode(bytes.as_slice());
        Ok((SecretBytes::new(text.clone().into_bytes()), Some(text)))
    }
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &SourcesCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    with_gateway(options, async |gateway| match command {
        SourcesCommand::Add(args) => add(gateway, args, output).await,
        SourcesCommand::List => list(gateway, output).await,
        SourcesCommand::Rotate(args) => rotate(gateway, args, output).await,
    })
    .await
}

async fn add(gateway: &Gateway, args: &AddArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let (secret, shown) = args.secret.secret(gateway.entropy())?;
    let registration = Registration {
        name: &args.name,
        tenant_key: &args.tenant_key,
        site_host: args.site_host.as_deref(),
        replay_window_seconds: args.replay_window_seconds,
        secret: &secret,
    };
    let (source_id, tenant_id) = sources::register(gateway, ACTOR, &registration).await?;
    let path = format!("/webhooks/jira/{}", args.name);
    let value = json!({"source_id": source_id, "tenant_id": tenant_id, "path": path, "secret": shown});
    output.record(if shown.is_some() { ADDED } else { without_secret(ADDED) }, &value)?;
    remember(shown.as_deref());
    Ok(Exit::Done)
}

async fn rotate(gateway: &Gateway, args: &RotateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let (secret, shown) = args.secret.secret(gateway.entropy())?;
    let previous_valid_until = sources::rotate(gateway, ACTOR, &args.name, &secret).await?;
    let value = json!({"name": args.name, "previous_valid_until": previous_valid_until, "secret": shown});
    output.record(if shown.is_some() { ROTATED } else { without_secret(ROTATED) }, &value)?;
    remember(shown.as_deref());
    Ok(Exit::Done)
}

/// The fields without the last one, which is the secret.
fn without_secret(fields: Columns<'static>) -> Columns<'static> {
    fields.split_last().map_or(fields, |(_, rest)| rest)
}

fn remember(shown: Option<&str>) {
    if shown.is_some() {
        remark("The secret is shown this once; give it to the sender now.");
    }
}

async fn list(gateway: &Gateway, output: &mut Output) -> anyhow::Result<Exit> {
    let rows: Vec<Value> = sources::list(gateway)
        .await?
        .iter()
        .map(|source| {
            json!({
                "source_id": source.source_id,
                "name": source.name,
                "kind": source.kind,
                "tenant_id": source.tenant_id,
                "is_disabled": source.is_disabled,
            })
        })
        .collect();
    output.rows(COLUMNS, &rows, "There is no source yet; `sources add` registers one.")?;
    Ok(Exit::Done)
}
