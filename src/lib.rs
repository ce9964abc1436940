//! Milestone Gateway.
//!
//! The rooms are private to the crate, so that the compiler reports what nobody uses. From outside there is [`run`] for the
//! binary and, with the feature `testing`, the module `testing` for tests and benches.
mod app;
mod cli;
mod config;
mod database;
mod datamap;
#[cfg(feature = "demo")]
mod demo;
mod domain;
mod embedded;
mod http;
mod mapping;
mod outbound;
mod planning;
mod product;
mod proof;
mod sealing;
mod signature;
mod sources;
mod store;
mod system;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod worker;

pub use cli::run;
