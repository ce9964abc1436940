//! The fences: of a person, of a tenant, and their mirror in the product database. Whoever writes about somebody asks them.

pub mod mirror;
pub mod person;
pub mod tenant;
