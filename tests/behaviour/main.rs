//! What the whole house does, seen from outside. Run it by `scripts/with-postgres cargo test --all-features`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod canary;
mod catalog;
mod crash;
mod fence;
mod harness;
mod hours;
mod intake;
mod kill;
mod main_path;
mod malformed;
mod offboarding;
mod peers;
mod reconciliation;
mod reporting;
mod retention;
mod rotation;
mod setbacks;
mod statements;
mod tenant;
mod tenant_purge;
mod twice;
mod twin;
mod unfinished;
mod verification;
mod watching;
mod working;
