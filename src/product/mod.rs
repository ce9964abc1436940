//! Their tables: everything that Milestone Gateway does in a product's own database.
//!
//! ```text
//!  scope::begin ──▶ ProductTx ──▶ access    access off, on, mark
//!  (tenant set)         │  ├───▶ fence     mirror, return, verdict under the advisory lock
//!                       │  ├───▶ worklog   hours, versioned, behind the fence
//!                       │  ├───▶ rectify   what a source says of an account, versioned, behind the fence
//!                       │  ├───▶ batch     one bounded disposal and its marker in one transaction   (execute)
//!                       │  ├───▶ everybody, everything   the same for a whole tenant
//!                       │  └───▶ preview   exact counts by the same predicate, for tests
//!                       └──────▶ verify    an independent reader, built from the live catalog       (verify)
//! ```
//!
//! Promises: tenant rows are touched only through [`ProductTx`], which sets the tenant for one transaction; names in SQL are
//! those of the data map, the plan or the live catalog and are always quoted; values are always parameters; an error
//! carries SQLSTATE, constraint and table and never a value; every function may be repeated.
//!
//! It owns `milestone_gateway.{job_token,marker,fence,profile,leaving}` in each product database. It does not decide what is deleted (planning), when
//! (app) or how a digest is made (sealing), and it makes nothing atomic across two product databases.

mod access;
mod batch;
mod catalog;
mod error;
mod everybody;
mod everything;
mod fence;
#[cfg(feature = "demo")]
mod fingerprints;
mod identifiers;
mod issue_hours;
mod known;
mod leaving;
mod marker;
mod migrate;
mod person;
mod predicate;
#[cfg(test)]
mod preview;
mod profile;
mod rectify;
mod scope;
mod statement;
mod verify;
mod walk;
mod worklog;
mod worklog_versions;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub use access::AccessOff;
pub use access::{access_off, access_on, mark};
#[cfg(test)]
pub use batch::BatchResult;
pub use batch::{BATCHES_PER_STEP_MAX, Batch, run_batch};
pub use catalog::read_catalog;
pub use error::ProductError;
pub use everybody::{access_off_everybody, access_on_everybody, mark_everybody};
#[cfg(test)]
pub use everything::{Position, WholeBatchResult};
pub use everything::{WholeBatch, front, run_whole_batch};
pub use fence::{Digest, Expired, FenceRow, forget_expired_fences, mirror_fence, open_generation, set_fence_term};
#[cfg(test)]
pub use fence::{FenceVerdict, fence_verdict};
#[cfg(feature = "demo")]
pub use fingerprints::{Fingerprints, changed_beyond_declared, fingerprints};
pub use identifiers::{IdentifierPosition, identifiers_page, known_among};
pub use issue_hours::settle_issue_hours;
pub use known::kinds_known;
pub use leaving::{begin_leaving, end_leaving, leaving_since};
#[cfg(test)]
pub use marker::MarkerRow;
pub use marker::markers;
pub use migrate::{Migrate, grant_product_schema, migrate};
pub use person::{PersonKey, collect_identifiers};
#[cfg(test)]
pub use preview::{preview, rows_about};
pub use rectify::{Rectification, Rectified, rectify};
#[cfg(feature = "demo")]
pub use scope::begin_read;
pub use scope::{TenantScope, begin};
pub use verify::{RootRow, VerifyError, verify, verify_tenant};
pub use worklog::{WorklogWritten, write_worklog};
#[cfg(test)]
pub use worklog_versions::WorklogVersion;
pub use worklog_versions::worklog_versions;
