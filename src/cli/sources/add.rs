//! `sources add`: what each kind of sender has to be told apart by, as its contract says.

use std::collections::BTreeMap;

use clap::{
    Arg, ArgMatches, Args, Command, FromArgMatches,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use serde_json::{Map, Value};

use super::secret;
use crate::app::{
    Gateway,
    registry::{self, Registration},
    support::views::source_change::SourceAdded,
};
use crate::cli::{
    context::actor,
    exit::{Exit, Stop},
    output::Output,
    table::Columns,
};
use crate::domain::SourceKind;
use crate::sources::{SourceSettings, contract, contract::Tenancy, contracts, settings::SettingOption};

const ADDED: Columns<'static> =
    &[("source", "source_id"), ("tenant", "tenant_id"), ("path", "path"), ("secret", "secret")];

/// The words of `--kind`, each with what its contract says of it.
fn kinds() -> impl TypedValueParser<Value = SourceKind> {
    let words = contracts().map(|(_, contract)| PossibleValue::new(contract.word).help(contract.about));
    PossibleValuesParser::new(words).try_map(|word| {
        let known = contracts().find(|(_, contract)| contract.word == word);
        known.map(|(kind, _)| kind).ok_or("no sender has this word")
    })
}

/// A source to be registered.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// Its name, the last part of its address: lower-case letters, digits and hyphens
    name: String,
    /// The kind of sender
    #[arg(long, value_parser = kinds(), default_value = "jira-admin")]
    kind: SourceKind,
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
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    secret: secret::SecretArgs,
}

/// The options that become settings of single kinds, as their contracts name them. Several kinds may share one.
#[derive(Debug, Default)]
struct SettingArgs(BTreeMap<&'static str, String>);

/// Every option once.
fn options() -> Vec<&'static SettingOption> {
    let mut all: Vec<&'static SettingOption> = Vec::new();
    for option in contracts().flat_map(|(_, contract)| contract.settings) {
        if !all.contains(&option) {
            all.push(option);
        }
    }
    all
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for option in options() {
            if let Some(value) = matches.get_one::<String>(option.field) {
                self.0.insert(option.field, value.clone());
            }
        }
        Ok(())
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        options().into_iter().fold(command, |command, option| {
            let arg = Arg::new(option.field).long(option.option).value_name(option.value_name).help(option.help);
            command.arg(match option.words.first() {
                None => arg,
                Some((default, _)) => {
                    let words = option.words.iter().map(|(word, about)| PossibleValue::new(*word).help(*about));
                    arg.default_value(*default).value_parser(PossibleValuesParser::new(words))
                }
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Registers the source.
pub(super) async fn run(gateway: &Gateway, args: &AddArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let kind = args.kind;
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
    let (source_id, tenant_id) = registry::register(gateway, &actor(), &registration).await?;
    let path = contract(kind).inbound.as_ref().map(|inbound| inbound.path(&args.name));
    let shown = made.as_ref().and_then(|made| made.shown.as_deref());
    let value = SourceAdded { source_id, tenant_id, path, secret: shown };
    secret::print(ADDED, &value, made.as_ref(), output)?;
    Ok(Exit::Done)
}

/// The settings of the kind. Every option that it lacks is named at once.
fn settings(args: &AddArgs) -> anyhow::Result<SourceSettings> {
    let contract = contract(args.kind);
    let (mut missing, mut fields) = (Vec::new(), Map::new());
    if matches!(contract.tenancy, Tenancy::OfRegistration) && args.tenant_key.is_none() {
        missing.push("--tenant-key".to_owned());
    }
    for option in contract.settings {
        match args.settings.0.get(option.field) {
            Some(value) => drop(fields.insert(option.field.to_owned(), value.as_str().into())),
            None => missing.push(format!("--{}", option.option)),
        }
    }
    if !missing.is_empty() {
        let message = format!("a source of this kind needs {}", missing.join(", "));
        return Err(Stop::new(Exit::Usage, message, "`sources add --help` says what each is").into());
    }
    // What they hold is checked when the source is registered.
    Ok((contract.read_settings)(&Value::Object(fields))?)
}
