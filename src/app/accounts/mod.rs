//! Accounts that people have at identity providers: told of, disabled, deleted, by provider calls.
//!
//! | file | what it is for |
//! |---|---|
//! | `of_person` | the calls about the person of a request |
//! | `collect` | notes every account of a leaving tenant's people |
//! | `of_tenant` | the calls about all accounts that were noted, in rounds |
//! | `attempt`, `outcome` | what both have in common: recorded before and after, what became of it |
//! | `delete` | looks accounts up and deletes them, many in a call |
//! | `elsewhere` | whether another tenant knows an account too |
//! | `provider_credentials` | which source has credentials for a project, and the client made of them |
//! | `give_up` | ends calls that nobody can make any more |

pub mod attempt;
pub mod collect;
mod context;
pub mod delete;
pub mod elsewhere;
pub mod give_up;
pub mod of_person;
pub mod of_tenant;
pub mod outcome;
pub mod outgoing;
pub mod provider_credentials;

pub use context::Accounts;
