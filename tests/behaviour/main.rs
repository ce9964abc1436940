//! What the whole house does, seen from outside. Run it by `scripts/with-postgres cargo test --all-features`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod architecture;
mod calling_back;
mod canary;
mod catalog;
mod cold_keys;
mod crash;
mod fan_out;
mod fence;
mod forged;
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
mod senders;
mod setbacks;
mod statements;
mod tenant;
mod tenant_purge;
mod tree;
mod twice;
mod twin;
mod unfinished;
mod verification;
mod watching;
mod working;
