//! `sources`: systems that send. A secret comes from a file or is made here; it is never an argument.

use clap::Subcommand;

use self::find::find;
use super::{
    context::{actor, with_gateway},
    exit::{Exit, Stop},
    input,
    options::GlobalOptions,
    output::{Output, remark},
    selection::PageArgs,
    table::Columns,
};
use crate::app::{
    Gateway, registry,
    support::{
        cursor::List,
        pages,
        views::{
            PageView,
            source::SourceView,
            source_change::{InstallationBound, ProviderCredentialsSet, SourceEnabled, SourceRotated},
        },
    },
};

mod add;
mod find;
mod poll;
mod secret;
mod show;

const COLUMNS: Columns<'static> = &[
    ("SOURCE", "source_id"),
    ("NAME", "name"),
    ("KIND", "kind"),
    ("TENANT", "tenant_id"),
    ("LAST SEEN", "last_seen_at"),
    ("EXPECTED BY", "expected_by"),
    ("DISABLED", "is_disabled"),
];
const ROTATED: Columns<'static> =
    &[("source", "name"), ("previous secret valid until", "previous_valid_until"), ("secret", "secret")];
const ENABLED: Columns<'static> = &[("source", "name"), ("secret", "secret")];

/// What can be done with sources.
#[derive(Debug, Subcommand)]
pub(super) enum SourcesCommand {
    /// Register a source, and its tenant when that is new
    Add(add::AddArgs),
    /// List sources in order of their names
    List(PageArgs),
    /// Show a source: route, scheme, credentials by date, last seen, rejections by reason
    Show(NameArgs),
    /// Give a source a new secret; the one before stays valid for a day
    Rotate(RotateArgs),
    /// Take a source into use again that the erasure of its tenant has disabled, with a new secret
    Enable(RotateArgs),
    /// Give a source its provider credentials, by which its own system is called
    ///
    /// Of a Firebase project: a person's account is disabled when access is revoked and deleted by the erasure; the erasure of a
    /// whole tenant deletes those of all its people, except where another tenant knows the account too.
    ProviderCredentials(ProviderCredentialsArgs),
    /// Poll sources that do not send, now: closed accounts, lost worklogs, silent installations
    Poll(PollArgs),
    /// Assign an installation of a shared source to a tenant
    Bind(BindArgs),
    /// Show the latest refused calls, newest first, and which rule each failed
    Rejections(RejectionsArgs),
}

/// A source.
#[derive(Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The source's name
    name: String,
}

/// A source and its new secret.
#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    /// The source's name
    name: String,
    #[command(flatten)]
    secret: secret::SecretArgs,
}

/// A source and its provider credentials.
#[derive(Debug, clap::Args)]
pub(super) struct ProviderCredentialsArgs {
    /// The source's name
    name: String,
    /// Read the credentials from this file: a Google service account's key file, or Atlassian's OAuth credentials as JSON;
    /// - reads standard input
    #[arg(long, value_name = "FILE")]
    credentials_file: String,
}

/// A source, an installation and its tenant.
#[derive(Debug, clap::Args)]
pub(super) struct BindArgs {
    /// The source's name
    name: String,
    /// The installation as the source names it: for Connect the clientKey
    installation: String,
    /// The key that the product knows the tenant by
    #[arg(long, value_name = "CLOUDID")]
    tenant_key: String,
}

/// Whom to ask.
#[derive(Debug, clap::Args)]
pub(super) struct PollArgs {
    /// Only this source
    name: Option<String>,
}

/// Which rejections.
#[derive(Debug, clap::Args)]
pub(super) struct RejectionsArgs {
    /// Only those of this source
    name: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &SourcesCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    with_gateway(options, async |gateway| match command {
        SourcesCommand::Add(args) => add::run(gateway, args, output).await,
        SourcesCommand::List(page) => list(gateway, page, output).await,
        SourcesCommand::Show(args) => show::run(gateway, &args.name, output).await,
        SourcesCommand::Rotate(args) => rotate(gateway, args, output).await,
        SourcesCommand::Enable(args) => enable(gateway, args, output).await,
        SourcesCommand::ProviderCredentials(args) => provider_credentials(gateway, args, output).await,
        SourcesCommand::Poll(args) => poll::run(gateway, args.name.as_deref(), output).await,
        SourcesCommand::Bind(args) => bind(gateway, args, output).await,
        SourcesCommand::Rejections(args) => show::rejections(gateway, args.name.as_deref(), &args.page, output).await,
    })
    .await
}

async fn rotate(gateway: &Gateway, args: &RotateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let source = find(gateway, &args.name).await?;
    let Some(made) = args.secret.secret(source.facts.kind, gateway.entropy())? else {
        let hint = "give --secret-file FILE or --generate-secret";
        return Err(Stop::new(Exit::Usage, "a rotation needs a new secret", hint).into());
    };
    let previous_valid_until = registry::rotate(gateway, &actor(), &args.name, &made.secret).await?;
    let value = SourceRotated { name: &args.name, previous_valid_until, secret: made.shown.as_deref() };
    secret::print(ROTATED, &value, Some(&made), output)?;
    Ok(Exit::Done)
}

async fn enable(gateway: &Gateway, args: &RotateArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let source = find(gateway, &args.name).await?;
    let made = args.secret.secret(source.facts.kind, gateway.entropy())?;
    registry::enable(gateway, &actor(), &args.name, made.as_ref().map(|made| &made.secret)).await?;
    let shown = made.as_ref().and_then(|made| made.shown.as_deref());
    let value = SourceEnabled { name: &args.name, secret: shown };
    secret::print(ENABLED, &value, made.as_ref(), output)?;
    Ok(Exit::Done)
}

async fn provider_credentials(
    gateway: &Gateway,
    args: &ProviderCredentialsArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let credentials = input::read_credentials(&args.credentials_file)?;
    registry::set_provider_credentials(gateway, &actor(), &args.name, &credentials).await?;
    output.record(&[("source", "name")], &ProviderCredentialsSet { name: &args.name })?;
    remark("The credentials are sealed in the database; delete the file unless something else needs it.");
    Ok(Exit::Done)
}

async fn bind(gateway: &Gateway, args: &BindArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let tenant = registry::bind(gateway, &actor(), &args.name, &args.installation, &args.tenant_key).await?;
    let value = InstallationBound { name: &args.name, installation: &args.installation, tenant_id: tenant };
    output.record(&[("source", "name"), ("installation", "installation"), ("tenant", "tenant_id")], &value)?;
    Ok(Exit::Done)
}

async fn list(gateway: &Gateway, args: &PageArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let page = pages::sources(gateway, &args.of(List::Sources)?).await?;
    let page = PageView::of(&page, |source| SourceView::new(source, gateway.now()));
    output.page(COLUMNS, &page, "There is no source yet; `sources add` registers one.")?;
    Ok(Exit::Done)
}
