//! Settings: read once, refused whole, with every problem in one report.
//!
//! Order: default, then environment, then command line (the command line merges the two). Rooms receive values, not
//! [`Settings`]. Secrets come from the environment or a file and are never printed.

use std::{fmt, path::PathBuf, str::FromStr};

use secrecy::SecretString;

/// How connections to a PostgreSQL of yours are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseTls {
    /// Unix sockets and loopback: plain. Everywhere else: encrypted, certificate and host name verified. The default.
    VerifyOffLoopback,
    /// Encrypted, but nobody checks with whom. Has to be asked for in words.
    EncryptWithoutVerifying,
    /// Plain, wherever it goes. Has to be asked for in words.
    PlainEverywhere,
}

impl FromStr for DatabaseTls {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "verify" => Ok(Self::VerifyOffLoopback),
            "encrypt-without-verifying" => Ok(Self::EncryptWithoutVerifying),
            "plain-everywhere" => Ok(Self::PlainEverywhere),
            _ => Err("is one of verify, encrypt-without-verifying, plain-everywhere"),
        }
    }
}

/// Settings as they came in: text, or nothing.
#[derive(Default)]
pub struct Inputs {
    /// `--database-url`, `DATABASE_URL`.
    pub database_url: Option<String>,
    /// `--product-database-url`, `MILESTONE_PRODUCT_DATABASE_URL`.
    pub product_database_url: Option<String>,
    /// `--database-tls`, `MILESTONE_DATABASE_TLS`.
    pub database_tls: Option<String>,
    /// `--data-dir`, `MILESTONE_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// `--pg-bin`, `MILESTONE_PG_BIN`.
    pub pg_bin: Option<PathBuf>,
    /// `--keyring`, `MILESTONE_KEYRING_FILE`.
    pub keyring_file: Option<PathBuf>,
    /// `--policy-dir`, `MILESTONE_POLICY_DIR`.
    pub policy_dir: Option<PathBuf>,
    /// True for the superuser.
    pub is_root: bool,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

/// Where our tables are.
pub enum Database {
    /// A private PostgreSQL that the gateway starts itself.
    Embedded,
    /// A PostgreSQL of the operator's.
    External(SecretString),
}

/// The settings.
pub struct Settings {
    /// Where our tables are.
    pub database: Database,
    /// Where the product's tables are; the same database when absent.
    pub product_database: Option<SecretString>,
    /// How connections are protected.
    pub database_tls: DatabaseTls,
    /// Where the private PostgreSQL lives.
    pub data_dir: Option<PathBuf>,
    /// Where its programs are.
    pub pg_bin: Option<PathBuf>,
    /// The key ring. Never in the data directory: a copy of that must open nothing.
    pub keyring_file: PathBuf,
    /// Data map and policy; the built-in Milestone policy when absent.
    pub policy_dir: Option<PathBuf>,
}

/// Every problem at once.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// One sentence each, naming the setting.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the settings cannot be used: {}", self.problems.join("; "))
    }
}

impl std::error::Error for SettingsError {}

/// Reads the settings. Fails with every problem in one report.
pub fn read(inputs: Inputs) -> Result<Settings, SettingsError> {
    let mut problems = Vec::new();
    let tls = inputs
        .database_tls
        .as_deref()
        .map_or(Ok(DatabaseTls::VerifyOffLoopback), str::parse)
        .map_err(|why: &str| problems.push(format!("database-tls {why}")));
    for (name, url) in [("database-url", &inputs.database_url), ("product-database-url", &inputs.product_database_url)]
    {
        if url.as_ref().is_some_and(|url| url.parse::<UrlShape>().is_err()) {
            problems.push(format!("{name} begins with postgres:// or postgresql://, or is key=value pairs"));
        }
    }
    if inputs.database_url.is_none() && inputs.product_database_url.is_some() {
        problems.push("product-database-url needs a database-url: the private PostgreSQL keeps both".to_owned());
    }
    let keyring_file = default_keyring(&inputs)
        .ok_or("keyring must be named: there is neither HOME nor XDG_CONFIG_HOME to keep it in")
        .map_err(|why| problems.push(why.to_owned()));
    match (tls, keyring_file) {
        (Ok(database_tls), Ok(keyring_file)) if problems.is_empty() => Ok(Settings {
            database: inputs.database_url.map_or(Database::Embedded, |url| Database::External(url.into())),
            product_database: inputs.product_database_url.map(Into::into),
            database_tls,
            data_dir: inputs.data_dir,
            pg_bin: inputs.pg_bin,
            keyring_file,
            policy_dir: inputs.policy_dir,
        }),
        _ => Err(SettingsError { problems }),
    }
}

/// A connection string's outer form; the driver checks the rest.
struct UrlShape;

impl FromStr for UrlShape {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_url || text.contains('=') { Ok(Self) } else { Err(()) }
    }
}

fn default_keyring(inputs: &Inputs) -> Option<PathBuf> {
    if let Some(named) = &inputs.keyring_file {
        return Some(named.clone());
    }
    if inputs.is_root {
        return Some(PathBuf::from("/etc/milestone-gateway/keyring.json"));
    }
    let not_empty = |path: &PathBuf| !path.as_os_str().is_empty();
    let config = inputs
        .xdg_config_home
        .clone()
        .filter(not_empty)
        .or_else(|| inputs.home.clone().filter(not_empty).map(|home| home.join(".config")))?;
    Some(config.join("milestone-gateway/keyring.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Inputs {
        Inputs { home: Some("/home/operator".into()), ..Inputs::default() }
    }

    #[test]
    fn without_settings_everything_has_a_safe_default() {
        let settings = read(home()).expect("defaults");
        assert!(matches!(settings.database, Database::Embedded));
        assert_eq!(settings.database_tls, DatabaseTls::VerifyOffLoopback);
        assert_eq!(settings.keyring_file, PathBuf::from("/home/operator/.config/milestone-gateway/keyring.json"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let inputs =
            Inputs { database_tls: Some("maybe".into()), database_url: Some("what".into()), ..Inputs::default() };
        assert_eq!(read(inputs).err().map(|error| error.problems.len()), Some(3));
    }
}
