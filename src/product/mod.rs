//! Their tables: everything that Milestone Gateway does in a product's own database.
//!
//! ```text
//!  scope::begin ──▶ ProductTx ──▶ access    access off, on, mark
//!  (tenant set)         │  ├───▶ fence     mirror, return, verdict under the advisory lock
//!                       │  ├───▶ worklog   hours, versioned, behind the fence
//!                       │  ├───▶ rectify   what a source says of an account, versioned, behind the fence
//!                       │  ├───▶ batch     one bounded disposal and its marker in one transaction   (execute)
//!                       │  ├───▶ everybody, everything   the same for a whole tenant
//!                       │  └───▶ preview   exact counts by the same predicate                       (preview)
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
mod identifiers;
mod issue_hours;
mod known;
mod leaving;
mod marker;
mod migrate;
mod person;
mod predicate;
mod preview;
mod profile;
mod rectify;
mod reference;
mod scope;
mod statement;
mod verify;
mod walk;
mod worklog;
mod worklog_versions;

#[cfg(test)]
mod tests;

pub use access::{AccessOff, access_off, access_on, mark};
pub use batch::{BATCH_ROWS_MAX, BATCHES_PER_STEP_MAX, Batch, BatchResult, run_batch};
pub use catalog::read_catalog;
pub use error::{DatabaseError, ProductError};
pub use everybody::{access_off_everybody, access_on_everybody, mark_everybody};
pub use everything::{Position, WholeBatch, WholeBatchResult, front, run_whole_batch};
pub use fence::{
    Digest, Expired, FenceRow, FenceVerdict, fence_verdict, forget_expired_fences, mirror_fence, open_generation,
    set_fence_term,
};
pub use identifiers::{IdentifierPage, IdentifierPosition, identifiers_page, known_among};
pub use issue_hours::settle_issue_hours;
pub use known::kinds_known;
pub use leaving::{begin_leaving, end_leaving, leaving_since};
pub use marker::{MarkerRow, forget_markers, markers};
pub use migrate::{Migrate, grant_product_schema, migrate};
pub use person::{PersonKey, collect_identifiers};
pub use preview::{StepCount, TableCount, preview, rows_about};
pub use rectify::{RECTIFY_BATCH_ROWS_MAX, Rectification, Rectified, rectify};
pub use reference::{
    Fingerprint, Fingerprints, ReferenceMember, ReferencePortalUser, changed_beyond_declared, fingerprints,
    reference_member, reference_member_may_sign_in, reference_people_with_access, reference_portal_user,
    reference_portal_user_may_sign_in, seed_reference_tenant,
};
pub use scope::{LOCK_TIMEOUT_MS, ProductTx, STATEMENT_TIMEOUT_MS, TenantScope, VERIFY_STATEMENT_TIMEOUT_MS, begin};
pub use verify::{RootRow, VerifyError, verify, verify_tenant};
pub use worklog::{UNKNOWN_ISSUE, WorklogWritten, write_worklog};
pub use worklog_versions::{WorklogVersion, worklog_versions};
