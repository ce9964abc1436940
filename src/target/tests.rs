//! The target room against a real PostgreSQL: `MILESTONE_TEST_PG` names one on which the tests may create databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod access;
mod batches;
mod catalogs;
mod fences;
mod harness;
mod owners;
mod sample;
mod verification;
mod worklogs;
