//! Their tables: everything that Milestone Gateway does in a product's own database.
//!
//! ```text
//!  scope::begin ──▶ ProductTx ──▶ access, tenant_access   revoke access, restore it, flag for deletion
//!  (tenant set)         │  ├───▶ fence     mirror, return, verdict under the advisory lock
//!                       │  ├───▶ worklog   hours, versioned, behind the fence
//!                       │  ├───▶ rectify   what a source says of an account, versioned, behind the fence
//!                       │  └───▶ step      a step of a plan: one bounded batch and its marker in one transaction, and the next
//!                       │          ├─▶ person_batch   the rows that a reach finds                      (execute)
//!                       │          └─▶ tenant_batch   every row of the tenant
//!                       └──────▶ verify    an independent reader, built from the live catalog          (verify)
//! ```
//!
//! Promises: tenant rows are touched only through `ProductTx`, which sets the tenant for one transaction; names in SQL are
//! those of the data map, the plan or the live catalog and are always quoted; values are always parameters; an error
//! carries SQLSTATE, constraint and table and never a value; every function may be repeated.
//!
//! It owns `milestone_gateway.{job_token,marker,fence,profile,leaving}` in each product database. It does not decide what is deleted (planning), when
//! (app) or how a digest is made (sealing), and it makes nothing atomic across two product databases.

mod access;
mod batch;
mod catalog;
mod disposal;
mod error;
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
mod person_batch;
mod predicate;
mod profile;
mod rectify;
mod scope;
mod statement;
mod step;
mod tenant_access;
mod tenant_batch;
mod verify;
mod walk;
mod worklog;
mod worklog_versions;

#[cfg(test)]
mod tests;

pub use access::{flag_for_deletion, restore_access, revoke_access};
pub use batch::{Selection, StepRun};
pub use catalog::read_catalog;
pub use error::ProductError;
pub use fence::{Digest, Expired, FenceRow, forget_expired_fences, mirror_fence, open_generation, set_fence_term};
#[cfg(feature = "demo")]
pub use fingerprints::{Fingerprints, changed_beyond_declared, fingerprints};
pub use identifiers::{IdentifierPosition, identifiers_page, known_among};
pub use issue_hours::settle_issue_hours;
pub use known::kinds_known;
pub use leaving::{begin_leaving, end_leaving, leaving_since};
pub use marker::markers;
pub use migrate::{Migrate, grant_product_schema, migrate};
pub use person::{PersonKey, collect_identifiers};
pub use rectify::{Rectification, Rectified, rectify};
#[cfg(feature = "demo")]
pub use scope::begin_read;
pub use scope::{TenantScope, begin};
pub use step::{Moment, run_batches};
pub use tenant_access::{flag_for_deletion_of_tenant, restore_access_of_tenant, revoke_access_of_tenant};
pub use verify::{RootRow, VerifyError, verify, verify_tenant};
pub use worklog::{WorklogWritten, write_worklog};
pub use worklog_versions::worklog_versions;
