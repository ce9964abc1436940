//! Calls to other systems: one way to make a client, one bounded way to call, a guard for calls to the public internet, the
//! published keys by which senders' signatures are checked, and a file for each system that is called.
//!
//! Promises: a client follows no redirect, uses no proxy from the environment, speaks TLS by rustls, and every wait and
//! every answer has a limit. An error names what was attempted and never carries a body. It decides nothing: which
//! address is called and what an answer means is the caller's business, except for keys, whose addresses are pinned here.

mod address;
pub mod atlassian_token;
mod authorization;
pub mod breaker;
mod call;
mod client;
mod error;
mod failure;
pub mod google_token;
mod guard;
pub mod identity_toolkit;
pub mod installation_probe;
pub mod jira_users;
pub mod jira_worklogs;
mod key_addresses;
mod key_document;
mod key_fetch;
mod key_sets;
pub mod pace;
mod post;
pub mod privacy_reporting;
#[cfg(test)]
mod tests;

pub use address::BaseAddress;
pub use authorization::Authorization;
pub use client::{Timeouts, client};
pub use error::OutboundError;
pub use failure::CallFailure;
pub use guard::guarded_client;
pub use key_addresses::KeyAddresses;
pub use key_sets::{KeyAnswer, KeySets};
pub use post::{Answer, post};
