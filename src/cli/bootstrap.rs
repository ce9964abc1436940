//! `bootstrap`: key ring, roles, schemas and migrations on a PostgreSQL of yours, once.

use secrecy::SecretString;

use super::{
    context,
    exit::{Exit, Stop},
    options::GlobalOptions,
    output::Output,
};
use crate::system;

/// What `bootstrap` takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct BootstrapArgs {
    /// An administrator of that PostgreSQL: may create roles, and owns or may alter the product's schema. Taken from
    /// `DATABASE_URL` when it is not given
    #[arg(long, value_name = "URL", env = "MILESTONE_ADMIN_URL", hide_env_values = true)]
    pub(super) admin_url: Option<SecretString>,
    /// Mark an empty database demo; the mark cannot be set later
    #[arg(long)]
    pub(super) demo: bool,
}

/// Makes a PostgreSQL ready. Safe to repeat.
pub(super) async fn run(options: &GlobalOptions, args: &BootstrapArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let settings = context::settings(options)?;
    let admin = args.admin_url.clone().or_else(|| options.database_url.clone()).ok_or_else(|| {
        Stop::new(
            Exit::Refused,
            "the private PostgreSQL needs no bootstrap",
            "name your own PostgreSQL with --database-url, and its administrator with --admin-url",
        )
    })?;
    let product = system::read_product(settings.policy_dir.as_deref())?;
    let applied = system::bootstrap(&settings, &admin, &product.compiled.map.schema, args.demo).await?;
    let value = serde_json::json!({ "applied": applied, "keyring": settings.keyring_file.display().to_string() });
    output.record(&[("migrations applied", "applied"), ("key ring (keep a copy elsewhere)", "keyring")], &value)?;
    Ok(Exit::Done)
}
