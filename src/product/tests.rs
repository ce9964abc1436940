//! The product database room against a real PostgreSQL: `MILESTONE_TEST_PG` names one on which the tests may create databases.

mod access;
mod batches;
mod catalogs;
mod counting;
mod fences;
mod harness;
mod identifiers;
mod owners;
mod sample;
mod steps;
mod tenant_batches;
mod verification;
mod worklogs;
