//! Data maps and policies: what a vendor's tables hold about people, and what the vendor has promised, as data.
//!
//! ```text
//!  text ─▶ tree ─▶ walk ─▶ dataset + gateway_meta ─▶ lint (names, bonds, disposals) ─▶ Compiled { DataMap, lines }
//!                  walk ─▶ policy_file + promises  ─▶ lint (numbers, sentences)      ─▶ Policy
//!  Compiled + Catalog ─▶ drift ─▶ findings
//! ```
//!
//! Promises: no input or output; no panic on hostile text; every finding of a file in one report, with its line; a map or
//! policy is only handed out when nothing in its file is wrong.
//!
//! # What happens to a personal column
//!
//! A column is personal when one of its data categories is `user` or begins with `user.`. It must have exactly one
//! disposal, and this rule finds it:
//!
//! 1. A bond that names the column (`by` or `also_rewrites`) says whose it is: an `accessed` or `co_owned` bond rewrites it
//!    when that person goes, an `owned` bond deletes its row. No column may be named twice.
//! 2. Every other personal column is about the owner of its row and goes with the row: the person whose own row it is (a
//!    subject's root collection), or any of the `owned` bonds. Where several kinds may own a row (a session of a member or
//!    of a portal user), the column is about whichever of them the row names.
//! 3. A column declared `free_text` in a row that has no owner, or several co-owners, stays as long as the row does.
//! 4. A column declared `retained` stays for the reason given. This is refused beside any of the others.

mod compiled;
mod dataset;
mod drift;
mod finding;
mod gateway_meta;
mod lint;
mod lint_bonds;
mod lint_disposals;
mod lookup;
pub mod map;
pub mod policy;
mod policy_file;
mod promises;
mod taxonomy;
mod tree;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use compiled::Compiled;
pub use dataset::compile_dataset;
pub use drift::lint_against_catalog;
pub use finding::{Finding, Severity, SourceFile};
pub use policy_file::compile_policy;
