//! `bootstrap`: roles and schema in a database of one's own, made once by its administrator.

use clap::Args;
use secrecy::SecretString;

use super::{arguments::GlobalOptions, exit::Exit, output::Output};

/// Who may make roles.
#[derive(Debug, Args)]
pub(super) struct BootstrapArgs {
    /// The database, as a role that may create roles; used now and not kept
    #[arg(long, value_name = "URL", env = "MILESTONE_ADMIN_URL", hide_env_values = true)]
    pub(super) admin_url: SecretString,
}

/// Makes what is missing. Repeating is safe and renews the passwords.
#[expect(clippy::unused_async, reason = "wired in system: connecting waits")]
pub(super) async fn run(_options: &GlobalOptions, args: &BootstrapArgs, _output: &mut Output) -> anyhow::Result<Exit> {
    // wired in system
    let BootstrapArgs { admin_url } = args;
    anyhow::bail!("this build cannot bootstrap ({admin_url:?})")
}
