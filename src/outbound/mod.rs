//! Calls to other systems: one way to make a client, and one bounded way to post.
//!
//! Promises: a client follows no redirect, uses no proxy from the environment, speaks TLS by rustls, and every wait and
//! every answer has a limit. An error names what was attempted and never carries a body. It decides nothing: which
//! address is called and what an answer means is the caller's business.

mod client;
mod error;
mod post;

pub use client::{Timeouts, client};
pub use error::OutboundError;
pub use post::{ANSWER_BYTES_MAX, Answer, post};
