//! Calls to other systems: one way to make a client, one bounded way to post, and a guard for calls to the public internet.
//!
//! Promises: a client follows no redirect, uses no proxy from the environment, speaks TLS by rustls, and every wait and
//! every answer has a limit. An error names what was attempted and never carries a body. It decides nothing: which
//! address is called and what an answer means is the caller's business.

mod client;
mod error;
mod guard;
mod post;

pub use client::{Timeouts, client};
pub use error::OutboundError;
pub use guard::{check_literal, guarded_client, is_public};
pub use post::{ANSWER_BYTES_MAX, Answer, post};
