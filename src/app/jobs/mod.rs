//! Jobs: claimed, run, and what becomes of them.

pub mod run_job;
