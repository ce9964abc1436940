//! Accounts that people have at identity providers: told of, disabled, deleted.

pub mod call;
pub mod collect;
mod context;
pub mod credentials;
pub mod delete;
pub mod elsewhere;
pub mod give_up;
pub mod of_person;
pub mod of_tenant;
pub mod outgoing;

pub use context::Accounts;
