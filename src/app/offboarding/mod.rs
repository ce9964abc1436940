//! The timeline of a person or tenant who leaves: access, the flag at day 30, and the erasure that follows.

pub mod confirm_uninstalled;
pub mod evidence;
pub mod revoke_access;
pub mod timeline;
