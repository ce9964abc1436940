//! Where a source's secret comes from.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::{
    input,
    output::{Output, remark},
    table::Columns,
};
use crate::domain::{Entropy, SourceKind};
use crate::signature::{SecretBytes, StandardSecret};
use crate::sources::{
    contract,
    contract::{Secret, SecretForm},
};

/// How much randomness a generated secret holds, in bytes.
const GENERATED_SECRET_BYTES: usize = 32;

/// Where the secret comes from.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct SecretArgs {
    /// Read the secret from this file; - reads standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// Make a secret and print it once
    #[arg(long)]
    generate_secret: bool,
}

/// A secret, and its text when it was made here and must be shown.
pub(super) struct Made {
    pub(super) secret: SecretBytes,
    pub(super) shown: Option<String>,
}

impl SecretArgs {
    /// The secret, when one was asked for. It is written as the kind's contract says.
    pub(super) fn secret(&self, kind: SourceKind, entropy: &dyn Entropy) -> anyhow::Result<Option<Made>> {
        if let Some(file) = &self.secret_file {
            let read = input::read_secret(file)?;
            let secret = match form(kind) {
                SecretForm::StandardWebhooks => StandardSecret::parse(&String::from_utf8_lossy(read.expose()))?,
                SecretForm::Plain => read,
            };
            return Ok(Some(Made { secret, shown: None }));
        }
        if !self.generate_secret {
            return Ok(None);
        }
        let mut bytes = Zeroizing::new([0_u8; GENERATED_SECRET_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Ok(Some(match form(kind) {
            SecretForm::StandardWebhooks => {
                let shown = format!("whsec_{}", BASE64_STANDARD.encode(bytes.as_slice()));
                Made { secret: SecretBytes::new(bytes.to_vec()), shown: Some(shown) }
            }
            SecretForm::Plain => {
                let text = hex::encode(bytes.as_slice());
                Made { secret: SecretBytes::new(text.clone().into_bytes()), shown: Some(text) }
            }
        }))
    }
}

/// How a secret of this kind is written down. One that its contract does not know is refused when it is kept.
fn form(kind: SourceKind) -> SecretForm {
    match contract(kind).secret {
        Secret::Shared { form, .. } => form,
        Secret::OfInstallations { .. } | Secret::None => SecretForm::Plain,
    }
}

/// Prints what a command has made. The last of `fields` is the secret: it is there when it was made here, and then once.
pub(super) fn print(
    fields: Columns<'_>,
    value: &impl Serialize,
    made: Option<&Made>,
    output: &mut Output,
) -> anyhow::Result<()> {
    if made.is_some_and(|made| made.shown.is_some()) {
        output.record(fields, value)?;
        remark("The secret is shown this once; give it to the sender now.");
        return Ok(());
    }
    output.record(fields.split_last().map_or(fields, |(_, rest)| rest), value)
}
