//! Calls to other systems: one way to make a client, one bounded way to post, a guard for calls to the public internet, and
//! the published keys by which senders' signatures are checked.
//!
//! Promises: a client follows no redirect, uses no proxy from the environment, speaks TLS by rustls, and every wait and
//! every answer has a limit. An error names what was attempted and never carries a body. It decides nothing: which
//! address is called and what an answer means is the caller's business, except for keys, whose addresses are pinned here.

mod client;
mod error;
mod guard;
mod key_addresses;
mod key_document;
mod key_fetch;
mod key_sets;
mod post;

pub use client::{Timeouts, client};
pub use error::OutboundError;
pub use guard::{check_literal, guarded_client, is_public};
pub use key_addresses::KeyAddresses;
pub use key_sets::{KeyAnswer, KeySets};
pub use post::{ANSWER_BYTES_MAX, Answer, post};
