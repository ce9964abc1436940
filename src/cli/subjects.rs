//! `subjects find`: why was this user not deleted? The value typed is used for the look-up and printed nowhere.

use clap::{Args, Subcommand};

use super::{
    context::with_gateway, exit::Exit, input, options::GlobalOptions, output::Output, selection, table::Columns,
};
use crate::app::{
    Gateway,
    support::{find_subject, views::subject::SubjectView},
};
use crate::domain::{IdentityKind, Personal};

const COLUMNS: Columns<'static> =
    &[("TENANT", "tenant_id"), ("SUBJECT", "subject_id"), ("REQUEST", "request_id"), ("STANDING", "standing")];

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub(super) enum SubjectsCommand {
    /// Look a person up by an identity and say how they stand
    Find(FindArgs),
}

/// Whom to look up.
#[derive(Debug, Args)]
pub(super) struct FindArgs {
    /// The kind of identity: `atlassian_account_id`, `email` or `firebase_uid`
    #[arg(long, value_name = "KIND")]
    kind: IdentityKind,
    /// The identity; better - for standard input, because arguments stay in the shell's history
    #[arg(default_value = input::STANDARD_INPUT, hide_default_value = true)]
    value: String,
    /// In this tenant only: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Of a uid: the Firebase project, with its tenant after a slash; without it every registered project is tried
    #[arg(long, value_name = "PROJECT")]
    issuer: Option<String>,
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &SubjectsCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let SubjectsCommand::Find(args) = command;
    let value = if args.value == input::STANDARD_INPUT {
        input::read_line(input::STANDARD_INPUT, "identity")?
    } else {
        args.value.clone()
    };
    let value = Personal::new(value);
    with_gateway(options, async |gateway| find(gateway, args, &value, output).await).await
}

async fn find(
    gateway: &Gateway,
    args: &FindArgs,
    value: &Personal<String>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let tenant = selection::optional_tenant(gateway, args.tenant.as_deref()).await?;
    let found = find_subject::find(gateway, tenant, args.kind, args.issuer.as_deref(), value).await?;
    let rows: Vec<SubjectView> = found.iter().flat_map(SubjectView::all_of).collect();
    let nothing = "Not known: no event has named this person here, or everything about them was forgotten.";
    output.rows(COLUMNS, &rows, nothing)?;
    Ok(Exit::Done)
}
