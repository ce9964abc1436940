//! What the whole house does, seen from outside. Run it by `scripts/with-postgres cargo test --all-features`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod catalog;
mod harness;
mod intake;
mod kill;
mod main_path;
mod statements;
