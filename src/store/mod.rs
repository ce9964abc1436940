//! OUR tables: every SQL statement about the gateway's own schema, a file for each table family.
//!
//! Promises: storage is free functions; a function that touches a tenant's rows takes a [`TenantTx`], which exists only
//! inside a transaction whose tenant is set; errors are reduced to {sqlstate, constraint, table} here, because the rest of
//! a database error holds values. Does not: open transactions on its own, decide anything, or know a product database.

pub mod audit;
pub mod bootstrap;
pub mod deployment;
pub mod error;
pub mod event;
pub mod fence;
pub mod installation;
pub mod intake;
pub mod job;
pub mod keys;
pub mod offboarding;
pub mod plan;
pub mod poll;
pub mod provider_call;
pub mod receipt;
pub mod rejection;
pub mod reported_account;
pub mod request;
pub mod run;
pub mod source;
pub mod subject;
pub mod tenant;
pub mod tree;
mod tx;

pub use error::StoreError;
pub use tx::{Client, Pool, TenantTx};

/// Names the statements of a file and lists them, so that one test can prepare each against the migrated schema.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*
        /// Every statement of this file: name and text.
        #[cfg(feature = "testing")]
        pub(in crate::store) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}
use statements;

/// Every statement of this room: file, name and text.
#[cfg(feature = "testing")]
pub fn all_statements() -> Vec<(&'static str, &'static str, &'static str)> {
    [
        ("audit", audit::STATEMENTS),
        ("deployment", deployment::STATEMENTS),
        ("event", event::STATEMENTS),
        ("event/overview", event::overview::STATEMENTS),
        ("fence", fence::STATEMENTS),
        ("installation", installation::STATEMENTS),
        ("intake", intake::STATEMENTS),
        ("job", job::STATEMENTS),
        ("job/missing", job::missing::STATEMENTS),
        ("job/overview", job::overview::STATEMENTS),
        ("keys", keys::STATEMENTS),
        ("offboarding", offboarding::STATEMENTS),
        ("plan", plan::STATEMENTS),
        ("poll", poll::STATEMENTS),
        ("provider_call", provider_call::STATEMENTS),
        ("provider_call/reading", provider_call::reading::STATEMENTS),
        ("receipt", receipt::STATEMENTS),
        ("rejection", rejection::STATEMENTS),
        ("reported_account", reported_account::STATEMENTS),
        ("request", request::STATEMENTS),
        ("run", run::STATEMENTS),
        ("source", source::STATEMENTS),
        ("source/credential", source::credential::STATEMENTS),
        ("source/holder", source::holder::STATEMENTS),
        ("subject", subject::STATEMENTS),
        ("tenant", tenant::STATEMENTS),
        ("tree", tree::STATEMENTS),
    ]
    .into_iter()
    .flat_map(|(file, statements)| statements.iter().map(move |(name, sql)| (file, *name, *sql)))
    .collect()
}
