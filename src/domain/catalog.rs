//! What a product database database really looks like: tables, columns, keys and foreign keys, as read from its own catalog.

use std::collections::BTreeMap;

/// One schema of a product database database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The schema's name.
    pub schema: String,
    /// Ordinary and partitioned tables by name. Views and the partitions themselves are not listed.
    pub tables: BTreeMap<String, Table>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Column names of the primary key, in key order; empty when there is none.
    pub primary_key: Vec<String>,
    /// Foreign keys that leave this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// True when row level security is enabled and forced for the owner.
    pub row_security_forced: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// PostgreSQL's own name of the type, from `format_type` (`uuid`, `text`, `timestamp with time zone`, `text[]`, …).
    pub data_type: String,
    /// False when the column carries NOT NULL.
    pub is_nullable: bool,
    /// True for a column whose value the database computes (GENERATED ALWAYS … STORED).
    pub is_generated: bool,
}

impl Column {
    /// True when the type can carry an identifier in words: text-like, JSON, or an array of those.
    pub fn holds_text(&self) -> bool {
        let base = self.data_type.trim_end_matches("[]");
        matches!(
            base,
            "text" | "json" | "jsonb" | "citext" | "name" | "xml" | "bpchar" | "hstore" | "tsvector" | "inet" | "cidr"
        ) || base.starts_with("character")
            || base.starts_with("bytea")
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The table referred to (same schema).
    pub references_table: String,
    /// The columns referred to, in the same order.
    pub references_columns: Vec<String>,
}
