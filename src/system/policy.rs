//! The product's data map and policy: built in for Milestone, or from a folder of the operator's.

use std::{fs, path::Path};

use super::error::SystemError;
use crate::{
    datamap::{Compiled, Severity, SourceFile, compile_dataset, compile_policy, lint_against_catalog, policy::Policy},
    product,
};

/// A product: what its tables hold and what it promises.
pub struct Product {
    /// The data map with the lines it came from.
    pub compiled: Compiled,
    /// The policy.
    pub policy: Policy,
}

/// The three files of a product.
struct Files {
    dataset: (String, String),
    policy: (String, String),
    privacy_policy: (String, String),
}

/// The built-in Milestone product.
fn built_in_product() -> Result<Product, SystemError> {
    compile(&Files {
        dataset: named("policies/milestone/dataset.yaml", include_str!("../../policies/milestone/dataset.yaml")),
        policy: named("policies/milestone/policy.yaml", include_str!("../../policies/milestone/policy.yaml")),
        privacy_policy: named(
            "policies/milestone/privacy-policy.md",
            include_str!("../../policies/milestone/privacy-policy.md"),
        ),
    })
}

fn named(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// The product in a folder (`dataset.yaml`, `policy.yaml`, `privacy-policy.md`), or the built-in one.
pub fn read_product(folder: Option<&Path>) -> Result<Product, SystemError> {
    let Some(folder) = folder else { return built_in_product() };
    let read = |file: &str| {
        let path = folder.join(file);
        let text = fs::read_to_string(&path)
            .map_err(|error| SystemError::PolicyFile(format!("{} cannot be read: {}", path.display(), error.kind())))?;
        Ok::<_, SystemError>((path.display().to_string(), text))
    };
    compile(&Files {
        dataset: read("dataset.yaml")?,
        policy: read("policy.yaml")?,
        privacy_policy: read("privacy-policy.md")?,
    })
}

fn compile(files: &Files) -> Result<Product, SystemError> {
    let file = |(name, text): &'_ (String, String)| (name.clone(), text.clone());
    let ((dataset_name, dataset), (policy_name, policy_text), (text_name, text)) =
        (file(&files.dataset), file(&files.policy), file(&files.privacy_policy));
    let (compiled, mut findings) = compile_dataset(SourceFile { name: &dataset_name, text: &dataset }, false);
    let Some(compiled) = compiled else { return Err(SystemError::Policy(findings)) };
    let (policy, more) = compile_policy(
        SourceFile { name: &policy_name, text: &policy_text },
        SourceFile { name: &text_name, text: &text },
        &compiled.map,
    );
    findings.extend(more);
    let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    match policy {
        Some(policy) if !has_errors => Ok(Product { compiled, policy }),
        _ => Err(SystemError::Policy(findings)),
    }
}

/// Refuses a data map that is not true of the live product database.
pub(super) async fn refuse_drift(verifier: &crate::store::Pool, product: &Product) -> Result<(), SystemError> {
    let client = verifier.client().await?;
    let catalog = product::read_catalog(&client, &product.compiled.map.schema).await?;
    let findings = lint_against_catalog(&product.compiled, &catalog);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(SystemError::Policy(findings));
    }
    Ok(())
}
