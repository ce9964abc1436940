//! Milestone Gateway: when Atlassian or Firebase says that somebody is gone, it becomes true in Postgres, provably.
//!
//! Each folder or file below is a room. Which room may import which is a table in `docs/design.md` (section 4), held by
//! `tests/behaviour/architecture.rs`; no circle of files exists. What each room must never do is its invariant:
//!
//! | room | what it is for | architecture invariant |
//! |---|---|---|
//! | `domain` | the words as types | never does input or output, reads a clock or draws randomness; knows no other room |
//! | `datamap` | dataset and policy files: parsed, checked, compiled | never reads a file: it is given its text |
//! | `signature` | what senders sign, verified | never loads a key or follows an address from a token |
//! | `sealing` | key ring, seals, keyed digests | never stores a key |
//! | `proof` | audit chain and receipts | has no place for free text |
//! | `sources` | one contract for each sender | never keeps a name, an address or a comment |
//! | `mapping` | from all signals to what should be | never depends on the order of arrival |
//! | `planning` | from data map and catalog to an ordered plan | never knows a person |
//! | `config` | settings, read once, all problems at once | is never imported by a use case |
//! | `telemetry` | logs and metrics of our own targets | never lets another crate's line through |
//! | `database` | what both kinds of databases know of the driver | never holds a statement about a table |
//! | `store` | our tables, every statement about them | never meets `product` |
//! | `product` | the product's tables | never changes the product's schema |
//! | `outbound` | calls to other systems | never decides what an answer means |
//! | `embedded` | a private PostgreSQL | never listens on a network |
//! | `app` | use cases; owns transactions | never knows HTTP; only `erasure` reaches the verifier, only `intake` the committers |
//! | `http` | the edge | never sees SQL, a key or a policy |
//! | `worker` | claims, leases, lanes | never sees SQL |
//! | `system` | the composition root | is the only place that picks implementations |
//! | `cli` | commands | never decides what a use case should decide |
//! | `demo` | stories and sample data, with the feature `demo` | is imported by its command alone |
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
