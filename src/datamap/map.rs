//! The compiled data map: what a linted dataset says, in the shape that planning and the product database need.

use std::collections::BTreeMap;

use crate::domain::{IdentityKind, SubjectKind, plan::Rewrite, profile::ProfileAttribute};

/// One dataset, compiled. Every name in it was checked by the lint, so look-ups by these names cannot fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataMap {
    /// The dataset's `fides_key`.
    pub dataset: String,
    /// The schema of the product database database.
    pub schema: String,
    /// How the product expects its tenant context.
    pub session: Session,
    /// The collection whose single row is the tenant, and its key column.
    pub tenant_root: TenantRoot,
    /// The column of every collection that holds the tenant's key.
    pub tenant_column: String,
    /// The kinds of people, and where their own row is.
    pub subjects: BTreeMap<SubjectKind, SubjectRoot>,
    /// Every collection by name.
    pub collections: BTreeMap<String, Collection>,
    /// Where hours go, for products that keep them.
    pub worklog_sink: Option<WorklogSink>,
}

/// How a session is told which tenant it works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    /// A setting holds the tenant's key, set for one transaction: `set_config(name, key, true)`.
    Setting {
        /// The setting's name, for example `milestone.tenant_id`.
        name: String,
    },
}

/// The row that proves that a reader sees the tenant at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRoot {
    /// The collection.
    pub collection: String,
    /// The column that holds the tenant's key.
    pub column: String,
}

/// A kind of person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRoot {
    /// The collection that holds the person's own row.
    pub collection: String,
    /// The columns of that collection that identify the person, by kind (`fides_meta.identity`).
    pub identities: BTreeMap<IdentityKind, String>,
    /// The identity that sources use and that the fence is keyed by; never e-mail.
    pub anchor: IdentityKind,
    /// A timestamp column that revokes access when it is set.
    pub restricted_column: String,
    /// A timestamp column that is set on day 30.
    pub flagged_column: String,
    /// Sessions: collections whose rows are deleted when access is revoked, and the column that refers to the person.
    pub sessions: Vec<SessionLink>,
    /// Copies of what the source of the account says of it, in the own row or bonded to it.
    pub profile: BTreeMap<ProfileAttribute, Vec<ProfileColumn>>,
}

/// A column that holds a copy of something that is said about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileColumn {
    /// The collection: the person's own, or one with a bond to it that rewrites the column too.
    pub collection: String,
    /// The column.
    pub column: String,
}

/// A collection of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLink {
    /// The collection.
    pub collection: String,
    /// Its column that refers to the person's own row.
    pub column: String,
}

/// A collection (table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Columns by name.
    pub fields: BTreeMap<String, Field>,
    /// Column names of the primary key.
    pub primary_key: Vec<String>,
    /// Whose rows these are.
    pub ownership: Vec<Ownership>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Fideslang data categories.
    pub data_categories: Vec<String>,
    /// The collection and column that this one refers to.
    pub references: Option<FieldReference>,
    /// What it becomes when its row stays and its person leaves.
    pub rewrite: Option<Rewrite>,
    /// True for text written by people, in which somebody else may be mentioned.
    pub is_free_text: bool,
}

/// A reference to a column of another collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldReference {
    /// The collection.
    pub collection: String,
    /// The column.
    pub column: String,
}

/// A bond between the rows of a collection and a person (or a parent row).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The column that names the person or the parent row; it carries a reference.
    pub by: String,
    /// What the bond means.
    pub role: Role,
    /// Further columns about the same person, rewritten together with `by` when the row stays.
    pub also_rewrites: Vec<String>,
}

/// What a bond means when the person goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The row is the person's own and goes with them (or with its owned parent row).
    Owned,
    /// The row goes with its last owner; the leaving owner's columns are rewritten before.
    CoOwned,
    /// The row stays; the person's columns are rewritten.
    Accessed,
}

/// Where hours go: column names of one collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorklogSink {
    /// The collection.
    pub collection: String,
    /// Text: the worklog's id, together with the tenant column the primary key.
    pub worklog_id: String,
    /// Text: the issue's id.
    pub issue_id: String,
    /// Text, nullable: the author's account id.
    pub author: String,
    /// bigint: seconds of work.
    pub seconds: String,
    /// date: the local day.
    pub work_day: String,
    /// timestamptz: the version.
    pub updated_at: String,
    /// timestamptz, nullable: set when the worklog is removed.
    pub removed_at: String,
    /// How an entry is linked to the product's own record of the issue, if it is known.
    pub link: Option<WorklogLink>,
}

/// The product's own record of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorklogLink {
    /// The sink's column that is filled.
    pub column: String,
    /// The collection that knows the issue.
    pub collection: String,
    /// Its column with the issue's id.
    pub issue_id: String,
    /// Its column whose value is copied.
    pub key: String,
}
