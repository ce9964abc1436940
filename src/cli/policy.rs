//! `policy lint`: every mistake of data maps and policies, with file and line. Needs no database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    exit::{Exit, Stop},
    options::GlobalOptions,
    output::Output,
};
use crate::datamap::{self, Finding, Severity, SourceFile};

const DATASET: &str = "dataset.yaml";
const POLICY: &str = "policy.yaml";
const PRIVACY_POLICY: &str = "privacy-policy.md";
/// Where products are looked for when no folder is named.
const USUAL_DIR: &str = "policies";
/// More products than this are taken for a wrong folder.
const PRODUCTS_MAX: usize = 1_000;

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check each product's dataset, policy and privacy policy; without --policy-dir those in ./policies
    Lint,
}

/// One product's three texts, with the names that findings show.
struct Product {
    dataset: (String, String),
    policy: (String, String),
    privacy_policy: (String, String),
}

/// Runs one of the commands.
pub(super) fn run(options: &GlobalOptions, command: &PolicyCommand, output: &mut Output) -> anyhow::Result<Exit> {
    let PolicyCommand::Lint = command;
    let products = products(options.policy_dir.as_deref())?;
    let findings: Vec<Finding> = products.iter().flat_map(lint).collect();
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if output.is_json() {
        let findings: Vec<Value> = findings.iter().map(row).collect();
        output
            .json(&json!({"products": products.len(), "errors": errors, "warnings": warnings, "findings": findings}))?;
    } else {
        for finding in &findings {
            output.line(&finding.to_string())?;
        }
        output.line(&format!("{} product(s): {errors} error(s), {warnings} warning(s)", products.len()))?;
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

fn row(finding: &Finding) -> Value {
    json!({
        "file": finding.file,
        "line": finding.line,
        "severity": finding.severity.as_str(),
        "path": finding.path,
        "message": finding.message,
    })
}

/// All findings of one product. A policy is read against the map, so a broken map is reported first and alone.
fn lint(product: &Product) -> Vec<Finding> {
    let (compiled, mut findings) = datamap::compile_dataset(source(&product.dataset), false);
    if let Some(compiled) = compiled {
        let (policy, privacy_policy) = (source(&product.policy), source(&product.privacy_policy));
        let (_, of_policy) = datamap::compile_policy(policy, privacy_policy, &compiled.map);
        findings.extend(of_policy);
    }
    findings
}

fn source((name, text): &(String, String)) -> SourceFile<'_> {
    SourceFile { name, text }
}

fn products(named: Option<&Path>) -> anyhow::Result<Vec<Product>> {
    match named {
        Some(dir) => products_in(dir),
        None if Path::new(USUAL_DIR).is_dir() => products_in(Path::new(USUAL_DIR)),
        None => Ok(vec![built_in()]),
    }
}

/// The product in a folder, or those in its folders.
fn products_in(dir: &Path) -> anyhow::Result<Vec<Product>> {
    if dir.join(DATASET).is_file() {
        return Ok(vec![read_product(dir)?]);
    }
    let hint = format!("a product is a folder with {DATASET}, {POLICY} and {PRIVACY_POLICY}");
    let entries = fs::read_dir(dir).map_err(|source| {
        let stop = Stop::new(Exit::NotFound, format!("the folder {} cannot be read", dir.display()), hint.clone());
        anyhow::Error::from(source).context(stop)
    })?;
    let mut dirs: Vec<PathBuf> =
        entries.take(PRODUCTS_MAX).map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, io::Error>>()?;
    dirs.retain(|path| path.is_dir());
    dirs.sort();
    if dirs.is_empty() {
        return Err(Stop::new(Exit::NotFound, format!("{} holds no product", dir.display()), hint).into());
    }
    dirs.iter().map(|dir| read_product(dir)).collect()
}

fn read_product(dir: &Path) -> anyhow::Result<Product> {
    let read = |name: &str| -> anyhow::Result<(String, String)> {
        let path = dir.join(name);
        let text = fs::read_to_string(&path).map_err(|source| {
            let hint =
                format!("a product is a folder with {DATASET}, {POLICY} and {PRIVACY_POLICY}, each of them UTF-8");
            let stop = Stop::new(Exit::Failed, format!("{} cannot be read", path.display()), hint);
            anyhow::Error::from(source).context(stop)
        })?;
        Ok((path.display().to_string(), text))
    };
    Ok(Product { dataset: read(DATASET)?, policy: read(POLICY)?, privacy_policy: read(PRIVACY_POLICY)? })
}

/// The product that is part of the program.
fn built_in() -> Product {
    let file = |name: &str, text: &str| (format!("built-in milestone/{name}"), text.to_owned());
    Product {
        dataset: file(DATASET, include_str!("../../policies/milestone/dataset.yaml")),
        policy: file(POLICY, include_str!("../../policies/milestone/policy.yaml")),
        privacy_policy: file(PRIVACY_POLICY, include_str!("../../policies/milestone/privacy-policy.md")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_product_has_no_findings() {
        assert_eq!(lint(&built_in()), []);
    }

    #[test]
    fn a_mistake_is_shown_with_its_file_and_line() {
        let mut product = built_in();
        product.policy.1 = product.policy.1.replacen("jira_subject:", "jira_subjekt:", 1);
        let findings = lint(&product);
        assert!(findings.iter().any(|found| found.severity == Severity::Error && found.line > 1), "{findings:?}");
        assert!(findings.iter().all(|found| found.file.ends_with(POLICY)), "{findings:?}");
    }
}
