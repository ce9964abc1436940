//! The independent reader: after an erasure it searches the whole schema for the person's identifiers.
//!
//! ```text
//!  one snapshot, read only ─▶ the tenant's root row, exactly one? ─ no ─▶ Unreadable
//!                          ─▶ a table that row level security hides from this role? ─ yes ─▶ Unreadable
//!                          ─▶ live catalog ─▶ each table, each column that can hold text ─▶ left · held by another · mentioned
//! ```
//!
//! It connects as another role than the one that erased, knows no plan, and takes its tables and columns from the live
//! catalog, so that a table which the data map forgot is searched like every other. The data map only classifies what was
//! found. It reads tables of the map's schema: no views, no other schema, and not the gateway's own tables, which hold
//! digests only. It never searches for names: identifiers only, as whole tokens.

mod error;
mod excuse;
mod person;
mod sight;
mod tenant;
mod token;

pub use error::VerifyError;
pub use person::verify;
pub use tenant::{RootRow, verify_tenant};
