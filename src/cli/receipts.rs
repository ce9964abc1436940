//! `receipts`: checking a signed proof, and the key that it is checked with.

use std::fs;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    context,
    exit::{Exit, Stop},
    input,
    options::GlobalOptions,
    output::Output,
    table::Columns,
};
use crate::proof::{self, ProofError, PublicKey};

const FIELDS: Columns<'static> = &[
    ("receipt", "jti"),
    ("request", "request"),
    ("tenant", "tenant"),
    ("about", "scope"),
    ("subject", "subject"),
    ("issued", "issued_at"),
    ("key destroyed", "key_destroyed_at"),
    ("unreadable in backups by", "physical_by"),
    ("plan", "plan_digest"),
];
const STEPS: Columns<'static> = &[("TABLE", "table"), ("DISPOSAL", "disposal"), ("ROWS", "rows")];
const WITHHELD: Columns<'static> = &[("TABLE", "table"), ("GROUND", "ground"), ("ROWS", "rows")];

/// What can be done with receipts.
#[derive(Debug, Subcommand)]
pub(super) enum ReceiptsCommand {
    /// Check a receipt's signature and show what it says; needs no database
    Verify(VerifyArgs),
    /// Print the public key that receipts are checked with, as a JWK
    PublicKey,
}

/// What to check, and with what.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The receipt; - reads standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// A JWK file with the public key; without one, the key of the key ring
    #[arg(long, value_name = "JWKFILE")]
    public_key: Option<std::path::PathBuf>,
}

/// Runs one of the commands.
pub(super) fn run(options: &GlobalOptions, command: &ReceiptsCommand, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        ReceiptsCommand::Verify(args) => verify(options, args, output),
        ReceiptsCommand::PublicKey => {
            let jwk: Value = serde_json::from_str(&context::receipt_key(options)?.to_jwk())?;
            output.json(&jwk)?;
            Ok(Exit::Done)
        }
    }
}

fn verify(options: &GlobalOptions, args: &VerifyArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let receipt = input::read_line(&args.file, "receipt")?;
    let key = match &args.public_key {
        Some(path) => {
            let jwk = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            PublicKey::from_jwk(&jwk).with_context(|| format!("{} is refused", path.display()))?
        }
        None => context::receipt_key(options)?,
    };
    let claims = proof::verify(receipt.trim(), &key).map_err(refused)?;
    let value = serde_json::to_value(&claims)?;
    if output.is_json() {
        output.json(&value)?;
        return Ok(Exit::Done);
    }
    output.line(&format!("The signature holds (key {}).", key.key_id()))?;
    output.line("")?;
    output.record(FIELDS, &value)?;
    let part = |name: &str| value[name].as_array().cloned().unwrap_or_default();
    output.section("Done", STEPS, &part("steps"))?;
    output.section("Lawfully kept", WITHHELD, &part("withheld"))?;
    Ok(Exit::Done)
}

fn refused(error: ProofError) -> anyhow::Error {
    let hint = match error {
        ProofError::OtherKey => "give --public-key the key that the receipt's header names (kid)",
        ProofError::NotAReceipt => "give the compact text that `requests show ID --receipt` prints, and nothing else",
        ProofError::UnknownClaims => "it may come from a newer version",
        ProofError::BadKey
        | ProofError::BadJwk
        | ProofError::NotClean
        | ProofError::Sign
        | ProofError::BadSignature
        | ProofError::NotAWord => "do not rely on it: it was changed, or signed by somebody else",
    };
    anyhow::Error::from(error).context(Stop::new(Exit::Failed, "the receipt does not hold", hint))
}
